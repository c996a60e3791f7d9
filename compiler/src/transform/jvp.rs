//! Forward mode: a program that also computes how its outputs change with its inputs.

use super::{BODIES, finished, ill_typed, refused};
use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Builder, Equation, Program, prune};
use crate::ops::rules::{JvpCx, JvpProgram, Tangent, tangent_aval};

/// Differentiates with respect to the selected inputs; the tangents of all others are zero.
///
/// Invariant: the selected inputs are inexact.
/// Errors: an operation has no forward derivative.
pub fn jvp(program: &Program, selected: &[bool]) -> Result<JvpProgram, Diagnostic> {
    let mut program = program.clone();
    prune::run(&mut program);
    let mut b = Builder::new();
    let mut values = Duals::new(&program);
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        values.primals.bind(input, var.into());
    }
    for (&input, _) in program.inputs.iter().zip(selected).filter(|(_, selected)| **selected) {
        let tangent = b.input(program.aval(input).clone());
        values.tangents[input.0 as usize] = Some(tangent.into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.via("jvp"));
        values.equation(&mut b, &program, eqn)?;
    }
    let tangents: Vec<Option<Atom>> = program.outputs.iter().map(|&atom| values.tangent(atom)).collect();
    let nonzero = tangents.iter().map(Option::is_some).collect();
    let outputs = values.primals.atoms(&program.outputs).into_iter().chain(tangents.into_iter().flatten());
    let outputs = outputs.collect();
    Ok(JvpProgram { program: finished(b, outputs), nonzero })
}

/// What the variables of a program are in the new one; no tangent means zero.
struct Duals {
    primals: Scope,
    tangents: Vec<Option<Atom>>,
}

impl Duals {
    fn new(program: &Program) -> Self {
        Duals { primals: Scope::new(program), tangents: vec![None; program.vars.len()] }
    }

    fn tangent(&self, atom: Atom) -> Option<Atom> {
        atom.var().and_then(|var| self.tangents[var.0 as usize])
    }

    fn equation(&mut self, b: &mut Builder, program: &Program, eqn: &Equation) -> Result<(), Diagnostic> {
        let primals = self.primals.atoms(&eqn.operands);
        if eqn.operands.iter().all(|&atom| self.tangent(atom).is_none()) {
            let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
            let results = b.emit_typed(eqn.op.clone(), &primals, avals);
            self.primals.bind_all(&eqn.results, &results);
            return Ok(());
        }
        let tangent = |&atom: &Atom| match self.tangent(atom) {
            Some(tangent) => Tangent::Value(tangent),
            None => Tangent::Zero(tangent_aval(&program.atom_aval(atom))),
        };
        let tangents: Vec<Tangent> = eqn.operands.iter().map(tangent).collect();
        let duals = eqn.op.jvp(&mut JvpCx { builder: b, bodies: BODIES }, &primals, &tangents);
        let duals = duals.map_err(|why| refused(why, "forward derivative", eqn))?;
        self.primals.bind_all(&eqn.results, &duals.primals);
        for (position, &result) in eqn.results.iter().enumerate() {
            let (expected, primal) = (program.aval(result), b.aval(duals.primals[position]));
            if primal != *expected {
                return Err(ill_typed(eqn, "result", expected, &primal));
            }
            let Some(tangent) = duals.tangents[position].value() else { continue };
            if b.aval(tangent) != *expected {
                return Err(ill_typed(eqn, "tangent", expected, &b.aval(tangent)));
            }
            self.tangents[result.0 as usize] = Some(tangent);
        }
        Ok(())
    }
}
