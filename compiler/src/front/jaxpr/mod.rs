//! The reader of `.ir` files: jaxpr text of JAX, with `const`, `export` and top-level `let` lines.
//!
//! [`lexer`] makes tokens and pairs brackets, [`parse`] makes the tree of [`syntax`].
//! Names keep their text and place; `resolve` looks them up and checks types, `source` does what stands around
//! the functions.

mod equation;
mod evidence;
mod file;
pub mod lexer;
mod literal;
mod parse;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod source;
mod suggest;
pub mod syntax;
#[cfg(test)]
mod tests;
mod untyped;
mod value;

pub use file::{parse, parse_export};
pub use source::{read, read_export, read_with_threefry};
