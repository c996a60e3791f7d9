//! What the rules of operations with bodies need from the drivers: each transformation, applied to a body.

use super::{BatchDim, Rule};
use crate::ir::{Atom, Builder, Program, Var};

/// The drivers, as functions: rules recurse through these into bodies.
#[derive(Clone, Copy)]
pub struct Bodies {
    /// Forward mode with respect to the selected inputs.
    pub jvp: fn(body: &Program, selected: &[bool]) -> Rule<JvpProgram>,
    /// Parts what depends on unknown inputs from what does not.
    pub split: fn(body: &Program, unknown: &[bool]) -> Rule<Split>,
    /// Appends the transpose of a program that is linear in its inputs after the `known` ones: from the cotangents of
    /// its outputs to those of its linear inputs; `None` is a zero.
    pub transpose: TransposeBody,
    /// The body over a batch of this extent: mapped inputs and outputs have their batch axis first.
    pub batch: fn(body: &Program, dims: &[BatchDim], extent: usize) -> Rule<BatchedProgram>,
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
    /// The extent of that axis.
    pub extent: usize,
}

// Branches and turns of a loop must agree on what their outputs carry. What one of them lacks is added to its finished
// program: transforming it again would double the work at each level of nesting.

impl JvpProgram {
    /// The same program with a tangent also for those outputs that `wanted` marks, provided that they are inexact.
    pub fn with_tangents(self, wanted: &[bool]) -> JvpProgram {
        let mut outputs = self.program.outputs.clone();
        let mut tangents = outputs.split_off(self.nonzero.len()).into_iter();
        let mut b = Builder::from_program(self.program);
        let mut nonzero = self.nonzero;
        for (position, (nonzero, wanted)) in nonzero.iter_mut().zip(wanted).enumerate() {
            if *nonzero {
                outputs.push(tangents.next().expect("one tangent per output that has one"));
                continue;
            }
            let aval = b.aval(outputs[position]);
            if *wanted && aval.dtype.is_inexact() {
                outputs.push(b.zeros(&aval));
                *nonzero = true;
            }
        }
        JvpProgram { program: b.finish(outputs), nonzero }
    }
}

impl Split {
    /// The same parts, but outputs that `wanted` marks count as unknown: the known part hands them over as residuals.
    pub fn with_unknown(self, wanted: &[bool]) -> Split {
        let Split { mut known, mut unknown, mut unknown_outputs, residuals } = self;
        let mut handed_over = known.outputs.split_off(known.outputs.len() - residuals);
        let mut inputs: Vec<Var> = unknown.inputs.clone();
        let of_unknown = inputs.split_off(residuals);
        let (mut of_known, mut found) = (known.outputs.into_iter(), unknown.outputs.into_iter());
        (known.outputs, unknown.outputs) = (Vec::new(), Vec::new());
        for (is_unknown, wanted) in unknown_outputs.iter_mut().zip(wanted) {
            if *is_unknown {
                unknown.outputs.push(found.next().expect("one atom per unknown output"));
                continue;
            }
            let atom = of_known.next().expect("one atom per known output");
            if !*wanted {
                known.outputs.push(atom);
                continue;
            }
            *is_unknown = true;
            let output = match atom {
                Atom::Literal(_) => atom,
                Atom::Var(var) => {
                    let at = handed_over.iter().position(|&residual| residual == atom).unwrap_or_else(|| {
                        handed_over.push(atom);
                        inputs.push(unknown.new_var(known.aval(var).clone()));
                        inputs.len() - 1
                    });
                    inputs[at].into()
                }
            };
            unknown.outputs.push(output);
        }
        unknown.inputs = [inputs, of_unknown].concat();
        let residuals = handed_over.len();
        known.outputs.append(&mut handed_over);
        Split { known, unknown, unknown_outputs, residuals }
    }
}

impl BatchedProgram {
    /// The same program with a batch axis also for those outputs that `wanted` marks.
    pub fn with_axes(self, wanted: &[bool]) -> BatchedProgram {
        let BatchedProgram { program, mut mapped, extent } = self;
        let mut outputs = program.outputs.clone();
        let mut b = Builder::from_program(program);
        for ((output, mapped), wanted) in outputs.iter_mut().zip(&mut mapped).zip(wanted) {
            if *wanted && !*mapped {
                *output = b.repeated(*output, extent);
                *mapped = true;
            }
        }
        BatchedProgram { program: b.finish(outputs), mapped, extent }
    }
}
