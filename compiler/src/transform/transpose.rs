//! Runs a linear program backwards.

use super::{BODIES, Marks, ill_typed, refused};
use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Builder, Equation, Program};
use crate::ops::elementwise::BinaryKind;
use crate::ops::rules::{Operand, Tangent, TransposeCx, tangent_aval};

/// Appends the transpose of a linear program: from the cotangents of its outputs to those of its linear inputs.
///
/// The first inputs of `program` are `known`, the others are linear; `None` is a zero.
/// Errors: an operation has no transpose.
pub fn transpose(
    b: &mut Builder,
    program: &Program,
    known: &[Atom],
    cotangents: &[Option<Atom>],
) -> Result<Vec<Option<Atom>>, Diagnostic> {
    let outer = b.origin().clone();
    let mut scope = Scope::new(program);
    let mut linear = Marks::new(program);
    let (known_inputs, linear_inputs) = program.inputs.split_at(known.len());
    scope.bind_all(known_inputs, known);
    linear_inputs.iter().for_each(|&input| linear.set(input));
    for eqn in &program.equations {
        if linear.any(&eqn.operands) {
            eqn.results.iter().for_each(|&result| linear.set(result));
            continue;
        }
        b.set_origin(eqn.origin.clone());
        let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        let results = b.emit_typed(eqn.op.clone(), &scope.atoms(&eqn.operands), avals);
        scope.bind_all(&eqn.results, &results);
    }
    let mut pass = Backward { program, scope, linear, cotangents: vec![None; program.vars.len()] };
    for (&output, &cotangent) in program.outputs.iter().zip(cotangents) {
        pass.add(b, output, cotangent);
    }
    for eqn in program.equations.iter().rev() {
        b.set_origin(eqn.origin.via("transpose"));
        pass.equation(b, eqn)?;
    }
    b.set_origin(outer);
    Ok(linear_inputs.iter().map(|input| pass.cotangents[input.0 as usize]).collect())
}

struct Backward<'p> {
    program: &'p Program,
    // Of the known variables.
    scope: Scope,
    linear: Marks,
    // Of the linear variables, as far as the pass has come.
    cotangents: Vec<Option<Atom>>,
}

impl Backward<'_> {
    fn equation(&mut self, b: &mut Builder, eqn: &Equation) -> Result<(), Diagnostic> {
        let cotangents: Vec<Option<Atom>> =
            eqn.results.iter().map(|result| self.cotangents[result.0 as usize]).collect();
        if !self.linear.any(&eqn.operands) || cotangents.iter().all(Option::is_none) {
            return Ok(());
        }
        let cotangent = |(ct, result): (Option<Atom>, _)| match ct {
            Some(atom) => Tangent::Value(atom),
            None => Tangent::Zero(tangent_aval(self.program.aval(result))),
        };
        let cotangents: Vec<Tangent> =
            cotangents.into_iter().zip(eqn.results.iter().copied()).map(cotangent).collect();
        let operand = |&atom: &Atom| match self.linear.has(atom) {
            true => Operand::Linear(self.program.atom_aval(atom)),
            false => Operand::Known(self.scope.atom(atom)),
        };
        let operands: Vec<Operand> = eqn.operands.iter().map(operand).collect();
        let transposed =
            eqn.op.transpose(&mut TransposeCx { builder: b, bodies: BODIES }, &cotangents, &operands);
        let transposed = transposed.map_err(|why| refused(why, "transpose", eqn))?;
        for (&atom, cotangent) in eqn.operands.iter().zip(&transposed) {
            let (Some(cotangent), true) = (cotangent.value(), self.linear.has(atom)) else { continue };
            let (expected, found) = (self.program.atom_aval(atom), b.aval(cotangent));
            if found != expected {
                return Err(ill_typed(eqn, "cotangent", &expected, &found));
            }
            self.add(b, atom, Some(cotangent));
        }
        Ok(())
    }

    /// Adds to the cotangent of a variable; what is known has none.
    fn add(&mut self, b: &mut Builder, atom: Atom, cotangent: Option<Atom>) {
        let (Some(var), Some(cotangent), true) = (atom.var(), cotangent, self.linear.has(atom)) else {
            return;
        };
        let sum = &mut self.cotangents[var.0 as usize];
        *sum = Some(match *sum {
            Some(so_far) => b.binary(BinaryKind::AddAny, so_far, cotangent),
            None => cotangent,
        });
    }
}
