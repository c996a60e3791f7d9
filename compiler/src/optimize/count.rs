//! Loops whose number of iterations can be read off become scans, which have a reverse mode and need no condition.

use crate::diag::{Diagnostic, Origin};
use crate::ir::Program;
use crate::ops::Op;
use crate::ops::control;

/// Turns counted `while` loops into `scan`s, at any depth.
pub fn run(mut program: Program) -> Result<Program, Diagnostic> {
    for eqn in &mut program.equations {
        if let Some(nested) = eqn.op.nested() {
            eqn.op = nested.map_bodies(&mut |body| run(body.clone()))?;
        }
        let Op::While(op) = &eqn.op else { continue };
        if let Some(scan) = control::as_scan(op, &eqn.operands) {
            // The condition's constants have become the length.
            eqn.operands.drain(..op.condition_consts);
            eqn.op = scan.into();
        }
    }
    Ok(program)
}

/// Where a program, its bodies included, repeats something for as long as a condition holds.
pub fn conditional_loops(program: &Program) -> Vec<Origin> {
    let mut found = Vec::new();
    for eqn in &program.equations {
        if let Op::While(_) = &eqn.op {
            found.push(eqn.origin.clone());
        }
        found.extend(eqn.op.bodies().into_iter().flat_map(|body| conditional_loops(body)));
    }
    found
}
