//! Splits forward mode into what needs no tangents and what is linear in them.

use super::{JvpProgram, Marks, finished, jvp};
use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Builder, Equation, Program, Var};

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
    let (inputs, tangents) = joint.inputs.split_at(program.inputs.len());
    let (outputs, output_tangents) = joint.outputs.split_at(program.outputs.len());
    let mut linear = Marks::new(&joint);
    tangents.iter().for_each(|&tangent| linear.set(tangent));
    for eqn in &joint.equations {
        if linear.any(&eqn.operands) {
            eqn.results.iter().for_each(|&result| linear.set(result));
        }
    }
    let residuals = residuals_of(&joint, &linear, output_tangents);
    let known_outputs: Vec<Atom> =
        outputs.iter().copied().chain(residuals.iter().map(|&v| v.into())).collect();
    let known = part(&joint, inputs, &known_outputs, |eqn| !linear.any(&eqn.operands));
    let linear_inputs: Vec<Var> = residuals.iter().chain(tangents).copied().collect();
    let linear = part(&joint, &linear_inputs, output_tangents, |eqn| linear.any(&eqn.operands));
    Ok(Linearized { known, linear, nonzero, residuals: residuals.len() })
}

/// The known variables that the linear half uses, in order of first use.
fn residuals_of(joint: &Program, linear: &Marks, output_tangents: &[Atom]) -> Vec<Var> {
    let mut seen = Marks::new(joint);
    let mut residuals = Vec::new();
    let used = joint.equations.iter().filter(|eqn| linear.any(&eqn.operands)).flat_map(|eqn| &eqn.operands);
    for atom in used.chain(output_tangents).filter(|&&atom| !linear.has(atom)) {
        if let (Some(var), false) = (atom.var(), seen.has(*atom)) {
            seen.set(var);
            residuals.push(var);
        }
    }
    residuals
}

/// The equations that `belongs` says, as a program of its own.
fn part(joint: &Program, inputs: &[Var], outputs: &[Atom], belongs: impl Fn(&Equation) -> bool) -> Program {
    let mut b = Builder::new();
    let mut scope = Scope::new(joint);
    for &input in inputs {
        let var = b.input(joint.aval(input).clone());
        scope.bind(input, var.into());
    }
    for eqn in joint.equations.iter().filter(|eqn| belongs(eqn)) {
        b.set_origin(eqn.origin.clone());
        let avals = eqn.results.iter().map(|&var| joint.aval(var).clone()).collect();
        let results = b.emit_typed(eqn.op.clone(), &scope.atoms(&eqn.operands), avals);
        scope.bind_all(&eqn.results, &results);
    }
    finished(b, scope.atoms(outputs))
}
