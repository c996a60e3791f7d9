//! Splits forward mode into what needs no tangents and what is linear in them.

use super::{jvp, split};
use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::ops::rules::{JvpProgram, Split};

/// A program at a point, and its derivative there.
#[derive(Clone, PartialEq, Debug)]
pub struct Linearized {
    /// From the inputs to the outputs, then the residuals: what the derivative needs to know.
    pub known: Program,
    /// From the residuals, then the tangents of the selected inputs, to the tangents of the outputs that have one.
    pub linear: Program,
    /// Which outputs have a tangent.
    pub nonzero: Vec<bool>,
    pub residuals: usize,
}

/// Linearizes with respect to the selected inputs.
///
/// Errors: as [`jvp()`].
pub fn linearize(program: &Program, selected: &[bool]) -> Result<Linearized, Diagnostic> {
    let JvpProgram { program: joint, nonzero } = jvp(program, selected)?;
    let primals = program.inputs.len();
    let is_tangent: Vec<bool> = (0..joint.inputs.len()).map(|input| input >= primals).collect();
    // Every tangent counts as unknown, even one that turned out to be a constant.
    let outputs = program.outputs.len();
    let instantiate: Vec<bool> = (0..joint.outputs.len()).map(|output| output >= outputs).collect();
    let parts = split(&joint, &is_tangent)?.with_unknown(&instantiate);
    let Split { known, unknown, unknown_outputs, residuals } = parts;
    if unknown_outputs[..outputs].contains(&true) {
        return Err(Diagnostic::bug("a result of the linearized program depends on its tangents"));
    }
    Ok(Linearized { known, linear: unknown, nonzero, residuals })
}
