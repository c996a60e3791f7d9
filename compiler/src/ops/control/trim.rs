//! Removes what operations with bodies compute for nobody.

use super::Trimmed;
use crate::ir::{Atom, Equation, Program, Var, prune};

/// Drops dead equations, dead results of equations with bodies, and what their bodies compute for them; at any depth.
pub fn trim(program: &mut Program) {
    let mut live = vec![false; program.vars.len()];
    let mark = |live: &mut Vec<bool>, atoms: &[Atom]| {
        atoms.iter().filter_map(|atom| atom.var()).for_each(|var| live[var.0 as usize] = true);
    };
    mark(&mut live, &program.outputs);
    for eqn in program.equations.iter_mut().rev() {
        let wanted: Vec<bool> = eqn.results.iter().map(|var| live[var.0 as usize]).collect();
        if !wanted.contains(&true) {
            continue;
        }
        trim_equation(eqn, &wanted);
        mark(&mut live, &eqn.operands);
    }
    prune::run(program);
}

fn trim_equation(eqn: &mut Equation, wanted: &[bool]) {
    let trimmed = match eqn.op.nested() {
        Some(nested) => nested.without_results(wanted),
        None => return,
    };
    if let Some(Trimmed { op, operands, results }) = trimmed {
        eqn.op = op;
        eqn.operands = operands.iter().map(|&at| eqn.operands[at]).collect();
        eqn.results = results.iter().map(|&at| eqn.results[at]).collect();
    }
    let inner = eqn.op.nested().and_then(|nested| {
        nested
            .map_bodies(&mut |body| {
                let mut body = body.clone();
                trim(&mut body);
                Ok(body)
            })
            .ok()
    });
    if let Some(inner) = inner {
        eqn.op = inner;
    }
}

/// Which inputs the equations or the outputs of a program use.
pub(super) fn used_inputs(program: &Program) -> Vec<bool> {
    let mut used = vec![false; program.vars.len()];
    let atoms = program.equations.iter().flat_map(|eqn| &eqn.operands).chain(&program.outputs);
    atoms.filter_map(|atom| atom.var()).for_each(|var| used[var.0 as usize] = true);
    program.inputs.iter().map(|input: &Var| used[input.0 as usize]).collect()
}
