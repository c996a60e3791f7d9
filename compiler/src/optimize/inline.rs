//! Replaces calls by the equations of their bodies.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Body, Builder, Program};
use crate::ops::Op;
use std::collections::HashMap;

// Nested calls deeper than this are a runaway expansion, not a program.
const MOST_DEPTH: usize = 512;
// Programs beyond this size take minutes and gigabytes to compile; real ones have thousands of equations.
const MOST_EQUATIONS: usize = 2_000_000;

/// Inlines `jit`, `closed_call`, `remat` and custom-rule calls, at any depth.
///
/// Errors: calls that expand to more equations than fit in memory (each function calling the next one twice).
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    let expanded = expanded_size(&program, &mut HashMap::new());
    if expanded > MOST_EQUATIONS {
        let message =
            format!("the calls expand to {expanded} equations; at most {MOST_EQUATIONS} are supported");
        return Err(Diagnostic::unsupported(message));
    }
    flatten(program, 0)
}

/// How many equations the program has with all calls inlined.
fn expanded_size(program: &Program, known: &mut HashMap<Body, usize>) -> usize {
    let mut size: usize = 0;
    for eqn in &program.equations {
        let of_equation = match called_body(&eqn.op) {
            None => 1,
            Some(body) => match known.get(body) {
                Some(&size) => size,
                None => {
                    let size = expanded_size(body, known);
                    known.insert(body.clone(), size);
                    size
                }
            },
        };
        size = size.saturating_add(of_equation);
    }
    size
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
