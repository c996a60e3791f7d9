//! rjaxc: text of a functional array program in, object bytes out.
pub mod diag;
pub mod loops;
pub mod schedule;
pub mod types;
