//! Passes that keep a program's meaning. The list, with names and order, is in [`crate::pipeline`].

pub mod count;
pub mod cse;
pub mod fold;
pub mod inline;
pub mod simplify;
pub mod trim;
