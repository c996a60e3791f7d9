//! Constructors of common nests.
pub mod contract;
pub mod convolve;
pub mod cumulate;
pub mod window;
