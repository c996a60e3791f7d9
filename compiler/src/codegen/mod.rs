//! Loop nests to machine code. Each backend reads [`crate::loops`] and nothing above it.

pub mod cpu;
pub mod target;

pub use target::Target;
