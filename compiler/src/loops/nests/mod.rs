//! Constructors of common nests.
pub mod contract;
