//! Replaces calls by the equations of their bodies.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Body, Builder, Equation, Program};
use crate::ops::Op;
use crate::ops::control::CallKind;
use crate::ops::elementwise::{Identity, IdentityKind};
use std::collections::HashMap;

// Nested calls deeper than this are a runaway expansion, not a program.
const MOST_DEPTH: usize = 512;
// Programs beyond this size take minutes and gigabytes to compile; real ones have thousands of equations.
const MOST_EQUATIONS: usize = 2_000_000;

/// Inlines every call: `jit`, `closed_call`, `remat` and custom-rule calls, at any depth.
///
/// Errors: calls that expand to more equations than fit in memory (each function calling the next one twice).
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    check_size(&program)?;
    flatten(program, any_call, 0)
}

/// Inlines the calls that mean nothing to transformations; `remat` and custom-rule calls stay.
///
/// Errors: as [`run`].
pub fn plain_calls(program: Program) -> Result<Program, Diagnostic> {
    check_size(&program)?;
    flatten(program, plain_call, 0)
}

fn check_size(program: &Program) -> Result<(), Diagnostic> {
    let expanded = expanded_size(program, &mut HashMap::new());
    if expanded <= MOST_EQUATIONS {
        return Ok(());
    }
    let message = format!("the calls expand to {expanded} equations; at most {MOST_EQUATIONS} are supported");
    Err(Diagnostic::unsupported(message))
}

/// How many equations the program has with all calls inlined.
fn expanded_size(program: &Program, known: &mut HashMap<Body, usize>) -> usize {
    let mut size: usize = 0;
    for eqn in &program.equations {
        let bodies = eqn.op.nested().map_or(&[][..], |nested| nested.bodies());
        let of_equation =
            bodies.iter().fold(1, |size: usize, body| size.saturating_add(size_of_body(body, known)));
        size = size.saturating_add(of_equation);
    }
    size
}

fn size_of_body(body: &Body, known: &mut HashMap<Body, usize>) -> usize {
    if let Some(&size) = known.get(body) {
        return size;
    }
    let size = expanded_size(body, known);
    known.insert(body.clone(), size);
    size
}

/// What an equation stands for, if it is a call to be inlined.
type Called = fn(&Equation) -> Option<&Body>;

fn flatten(program: Program, called: Called, depth: usize) -> Result<Program, Diagnostic> {
    if !program.equations.iter().any(|eqn| eqn.op.nested().is_some()) {
        return Ok(program);
    }
    if depth > MOST_DEPTH {
        return Err(Diagnostic::error(format!("calls are nested deeper than {MOST_DEPTH}")));
    }
    let mut b = Builder::new();
    let mut scope = Scope::new(&program);
    for &constvar in &program.constvars {
        let var = b.constvar(program.aval(constvar).clone());
        scope.bind(constvar, var.into());
    }
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        scope.bind(input, var.into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let mut operands = scope.atoms(&eqn.operands);
        let results = match called(eqn) {
            Some(body) => {
                if is_recomputation(&eqn.op) {
                    operands = b.emit(Identity(IdentityKind::OptimizationBarrier), &operands);
                }
                inline(&mut b, &flatten(body.program().clone(), called, depth + 1)?, &operands)
            }
            None => {
                let op = match eqn.op.nested() {
                    Some(nested) => {
                        nested.map_bodies(&mut |body| flatten(body.clone(), called, depth + 1))?
                    }
                    None => eqn.op.clone(),
                };
                let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
                b.emit_typed(op, &operands, avals)
            }
        };
        scope.bind_all(&eqn.results, &results);
    }
    Ok(b.finish(scope.atoms(&program.outputs)))
}

/// Is it a body that must be computed again, although the forward pass has computed the same? The barrier keeps the
/// two from being merged.
fn is_recomputation(op: &Op) -> bool {
    matches!(op, Op::Call(call) if call.recomputes())
}

fn any_call(eqn: &Equation) -> Option<&Body> {
    match &eqn.op {
        Op::Call(_) | Op::CustomCall(_) => eqn.op.bodies().first(),
        _ => None,
    }
}

fn plain_call(eqn: &Equation) -> Option<&Body> {
    match &eqn.op {
        Op::Call(call) if call.kind != CallKind::Remat => Some(&call.body),
        _ => None,
    }
}
