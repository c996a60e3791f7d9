//! The reader of `.ir` files: jaxpr text of JAX, with `const`, `export` and top-level `let` lines.
//!
//! [`lexer`] makes tokens and pairs brackets, [`parse`] makes the tree of [`syntax`].
//! Names keep their text and place; what they mean is decided when the tree is resolved.

mod equation;
mod file;
pub mod lexer;
mod literal;
mod parse;
pub mod syntax;
#[cfg(test)]
mod tests;
mod value;

pub use file::{parse, parse_export};
