//! Operations with bodies, and what those answer that transformations and passes enter.

use super::{Bodies, Primitive, Rule, Split};
use crate::diag::Diagnostic;
use crate::ir::{Body, Program};
use crate::ops::Op;
use crate::types::Aval;

/// The programs among the parameters of a primitive.
#[derive(Clone, Copy)]
pub enum Nesting<'p> {
    /// There are none.
    Flat,
    /// Scalar functions: of reductions, scatters, windows. They are part of the operation; nobody enters them.
    Scalar(&'p [Body]),
    /// Programs that transformations and passes enter.
    Nested(&'p dyn Nested),
}

/// What operations with bodies answer besides [`Primitive`].
pub trait Nested: Primitive {
    /// In the order of the text.
    fn bodies(&self) -> &[Body];
    /// The same operation with every body replaced. Errors: those of `map`.
    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic>;
    /// The operation in two parts, some operands being unknown; see [`Split`]. Called with at least one of each.
    fn split(&self, cx: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split>;
    /// The operation without the results that nobody uses, if something can be saved.
    fn without_results(&self, live: &[bool]) -> Option<Trimmed>;
}

/// Replaces one body.
pub type BodyMap<'f> = dyn FnMut(&Program) -> Result<Program, Diagnostic> + 'f;

/// An operation that computes less.
pub struct Trimmed {
    pub op: Op,
    /// The positions of the operands that are left.
    pub operands: Vec<usize>,
    /// The positions of the results that are left.
    pub results: Vec<usize>,
}

impl dyn Primitive {
    /// All bodies, whoever enters them; empty for most.
    pub fn bodies(&self) -> &[Body] {
        match self.nesting() {
            Nesting::Flat => &[],
            Nesting::Scalar(bodies) => bodies,
            Nesting::Nested(nested) => nested.bodies(),
        }
    }

    /// The operation as one with bodies that transformations and passes enter.
    pub fn nested(&self) -> Option<&dyn Nested> {
        match self.nesting() {
            Nesting::Nested(nested) => Some(nested),
            Nesting::Flat | Nesting::Scalar(_) => None,
        }
    }
}
