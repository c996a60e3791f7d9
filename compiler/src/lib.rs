//! rjaxc: text of a functional array program in, object bytes out.
pub mod diag;
pub mod front;
pub mod loops;
pub mod types;
