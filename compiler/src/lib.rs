//! rjaxc: text of a functional array program in, object bytes out.
pub mod diag;
pub mod eval;
pub mod ir;
pub mod loops;
pub mod ops;
pub mod types;
