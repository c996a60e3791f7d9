//! Constructors of common nests.
