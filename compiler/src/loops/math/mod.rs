//! Mathematical functions as sequences of the machine subset.
