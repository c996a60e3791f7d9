//! Elementwise primitives: one result element from one element of each operand, with implicit broadcasting of rank-0
//! operands and unit axes.

mod binary;
mod compare;
mod convert;
mod identity;
mod power;
mod select;
#[cfg(test)]
mod tests;
mod unary;
mod wide;

pub use binary::{Binary, BinaryKind};
pub(in crate::ops) use binary::maximum;
pub use compare::{Compare, CompareKind};
pub use convert::{Bitcast, Convert, ReducePrecision};
pub use identity::{Identity, IdentityKind};
pub use power::IntegerPow;
pub use select::{Clamp, Select};
pub use unary::{Unary, UnaryKind};
pub use wide::WideMul;
