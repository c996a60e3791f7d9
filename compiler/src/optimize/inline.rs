//! Replaces calls by the equations of their bodies.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Body, Builder, Program};
use crate::ops::Op;

// Nested calls deeper than this are a runaway expansion, not a program.
const MOST_DEPTH: usize = 512;

/// Inlines `jit`, `closed_call`, `remat` and custom-rule calls, at any depth.
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    flatten(program, 0)
}

fn flatten(program: Program, depth: usize) -> Result<Program, Diagnostic> {
    if !program.equations.iter().any(|eqn| called_body(&eqn.op).is_some()) {
        return Ok(program);
    }
    if depth > MOST_DEPTH {
        return Err(Diagnostic::error(format!("calls are nested deeper than {MOST_DEPTH}")));
    }
    let mut b = Builder::new();
    let mut scope = Scope::new(&program);
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        scope.bind(input, var.into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let operands = scope.atoms(&eqn.operands);
        let results = match called_body(&eqn.op) {
            Some(body) => inline(&mut b, &flatten(body.program().clone(), depth + 1)?, &operands),
            None => {
                let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
                b.emit_typed(eqn.op.clone(), &operands, avals)
            }
        };
        scope.bind_all(&eqn.results, &results);
    }
    Ok(b.finish(scope.atoms(&program.outputs)))
}

fn called_body(op: &Op) -> Option<&Body> {
    match op {
        Op::Call(_) | Op::CustomCall(_) => op.bodies().first(),
        _ => None,
    }
}
