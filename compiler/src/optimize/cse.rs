//! Merges equations with equal operations and operands.

use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Program};
use crate::ops::Op;
use std::collections::HashMap;

/// Keeps the first of equal equations; programs are pure, so any two are interchangeable.
pub fn run(mut program: Program) -> Result<Program, Diagnostic> {
    let mut known: HashMap<(Op, Vec<Atom>), Vec<Atom>> = HashMap::new();
    let mut scope = Scope::new(&program);
    for &input in &program.inputs {
        scope.bind(input, input.into());
    }
    for eqn in &mut program.equations {
        if let Some(nested) = eqn.op.nested() {
            eqn.op = nested.map_bodies(&mut |body| run(body.clone()))?;
        }
        eqn.operands = scope.atoms(&eqn.operands);
        let own: Vec<Atom> = eqn.results.iter().map(|&var| var.into()).collect();
        let first = known.entry((eqn.op.clone(), eqn.operands.clone())).or_insert(own);
        scope.bind_all(&eqn.results, first);
    }
    program.outputs = scope.atoms(&program.outputs);
    crate::ir::prune::run(&mut program);
    Ok(program)
}
