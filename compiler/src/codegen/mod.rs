//! Loop nests to machine code. Each backend reads [`crate::loops`] and nothing above it.

pub mod c;
pub mod cpu;
pub mod target;
pub mod tree;

pub use target::Target;
