//! Replaces calls by the equations of their bodies.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Body, Builder, Equation, Program};
use crate::ops::rules::NoRule;
use crate::ops::{Op, custom};
use std::collections::HashMap;

// Nested calls deeper than this are a runaway expansion, not a program.
const MOST_DEPTH: usize = 512;
// Programs beyond this size take minutes and gigabytes to compile; real ones have thousands of equations.
const MOST_EQUATIONS: usize = 2_000_000;

/// Inlines `jit`, `closed_call`, `remat` and custom-rule calls, at any depth.
///
/// Errors: calls that expand to more equations than fit in memory (each function calling the next one twice).
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    check_size(&program)?;
    flatten(program, body_of_call, 0)
}

/// [`run`], for programs to be differentiated: functions with custom derivatives become programs that have them.
///
/// Errors: as [`run`], or a custom rule that is not known.
pub fn differentiable(program: Program) -> Result<Program, Diagnostic> {
    check_size(&program)?;
    flatten(program, differentiable_body, 0)
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
        let of_equation = match &eqn.op {
            Op::Call(_) | Op::CustomCall(_) => {
                eqn.op.bodies().first().map_or(1, |body| size_of_body(body, known))
            }
            _ => 1,
        };
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

/// What an equation stands for, if it is a call.
type Called = fn(&Equation) -> Result<Option<Program>, Diagnostic>;

fn flatten(program: Program, called: Called, depth: usize) -> Result<Program, Diagnostic> {
    if !program.equations.iter().any(|eqn| matches!(eqn.op, Op::Call(_) | Op::CustomCall(_))) {
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
        let results = match called(eqn)? {
            Some(body) => inline(&mut b, &flatten(body, called, depth + 1)?, &operands),
            None => {
                let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
                b.emit_typed(eqn.op.clone(), &operands, avals)
            }
        };
        scope.bind_all(&eqn.results, &results);
    }
    Ok(b.finish(scope.atoms(&program.outputs)))
}

fn body_of_call(eqn: &Equation) -> Result<Option<Program>, Diagnostic> {
    Ok(match &eqn.op {
        Op::Call(_) | Op::CustomCall(_) => eqn.op.bodies().first().map(|body| body.program().clone()),
        _ => None,
    })
}

fn differentiable_body(eqn: &Equation) -> Result<Option<Program>, Diagnostic> {
    let Op::CustomCall(call) = &eqn.op else { return body_of_call(eqn) };
    let program = custom::differentiable(call).map_err(|why| {
        let (NoRule::ByDesign(why) | NoRule::NotYet(why)) = why;
        let name = call.name.as_deref().unwrap_or("a function");
        Diagnostic::unsupported(format!("{name} has a custom derivative: {why}")).with_origin(&eqn.origin)
    })?;
    Ok(Some(program))
}
