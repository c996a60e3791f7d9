//! Text in, program out: jaxpr text as JAX prints it, and the few lines that `.ir` files add to it.

pub mod jaxpr;

pub use jaxpr::{read, read_export, read_with_threefry};
