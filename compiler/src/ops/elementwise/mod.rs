//! Elementwise primitives: one result element from one element of each operand, with implicit broadcasting of rank-0
//! operands and unit axes.

mod binary;
mod compare;
mod convert;
mod power;
mod select;
mod unary;

pub use binary::{Binary, BinaryKind};
pub use compare::{Compare, CompareKind};
pub use convert::{Bitcast, Convert, Identity, IdentityKind, ReducePrecision};
pub use power::IntegerPow;
pub use select::{Clamp, Select};
pub use unary::{Unary, UnaryKind};
