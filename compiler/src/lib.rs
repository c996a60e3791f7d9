//! rjaxc: text of a functional array program in, object bytes out.
pub mod diag;
pub mod link;
pub mod loops;
pub mod types;
