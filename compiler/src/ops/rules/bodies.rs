//! What the rules of operations with bodies need from the drivers: each transformation, applied to a body.

use super::{BatchDim, Rule};
use crate::ir::{Atom, Builder, Program};

/// The drivers, as functions: rules recurse through these into bodies.
#[derive(Clone, Copy)]
pub struct Bodies {
    /// Forward mode with respect to the selected inputs. Outputs that `instantiate` marks get a tangent even if it is
    /// zero, provided that they are inexact.
    pub jvp: fn(body: &Program, selected: &[bool], instantiate: &[bool]) -> Rule<JvpProgram>,
    /// Parts what depends on unknown inputs from what does not. Outputs that `instantiate` marks count as unknown.
    pub split: fn(body: &Program, unknown: &[bool], instantiate: &[bool]) -> Rule<Split>,
    /// Appends the transpose of a program that is linear in its inputs after the `known` ones: from the cotangents of
    /// its outputs to those of its linear inputs; `None` is a zero.
    pub transpose: TransposeBody,
    /// The body over a batch: mapped inputs and outputs have their batch axis first. Outputs that `mapped` marks have
    /// one even if they do not depend on the batch.
    pub batch: fn(body: &Program, dims: &[BatchDim], extent: usize, mapped: &[bool]) -> Rule<BatchedProgram>,
}

/// See [`Bodies::transpose`].
pub type TransposeBody =
    fn(&mut Builder, &Program, known: &[Atom], cotangents: &[Option<Atom>]) -> Rule<Vec<Option<Atom>>>;

/// A program with tangents.
#[derive(Clone, PartialEq, Debug)]
pub struct JvpProgram {
    /// Inputs: those of the original, then the tangents of the selected ones. Outputs: those of the original, then
    /// the tangents that are not zero.
    pub program: Program,
    /// Which outputs have a tangent.
    pub nonzero: Vec<bool>,
}

/// A program or an equation in two parts: what can be known before the unknown inputs are, and the rest.
#[derive(Clone, PartialEq, Debug)]
pub struct Split {
    /// From the known inputs to the known outputs, then the residuals: what the other part needs to know.
    pub known: Program,
    /// From the residuals, then the unknown inputs, to the unknown outputs.
    pub unknown: Program,
    /// Which outputs are unknown.
    pub unknown_outputs: Vec<bool>,
    pub residuals: usize,
}

/// A program over a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchedProgram {
    pub program: Program,
    /// Which outputs have a batch axis, which is their first.
    pub mapped: Vec<bool>,
}
