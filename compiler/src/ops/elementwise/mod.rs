//! Elementwise primitives: one result element from one element of each operand, with implicit broadcasting of rank-0
//! operands and unit axes.

mod binary;
mod compare;
mod complex;
mod convert;
mod identity;
mod power;
mod precision;
mod select;
#[cfg(test)]
mod tests;
mod unary;
mod wide;

pub(in crate::ops) use binary::maximum;
pub use binary::{Binary, BinaryKind};
pub use compare::{Compare, CompareKind};
pub use complex::{ComplexPart, Conj, MakeComplex, PartKind};
pub use convert::{Bitcast, Convert};
pub use identity::{Identity, IdentityKind};
pub use power::IntegerPow;
pub use precision::ReducePrecision;
pub use select::{Clamp, Select};
pub use unary::{Unary, UnaryKind};
pub use wide::WideMul;
