//! Loops in their plainest form: what never changes is no state, loops whose number of iterations can be read off are
//! scans, which have a reverse mode and need no condition, and what they read and write row by row are rows.

use crate::diag::{Diagnostic, Origin};
use crate::ir::{Atom, Body, Equation, Program};
use crate::ops::Op;
use crate::ops::control::{self, Closed};
use std::collections::HashSet;

/// Makes unchanged parts of the state constants, counted `while` loops `scan`s, and their indexed rows xs and ys, at any
/// depth.
pub fn run(mut program: Program) -> Result<Program, Diagnostic> {
    // What stands for a variable from now on.
    let mut instead: Vec<Option<Atom>> = vec![None; program.vars.len()];
    let replace = |atom: &mut Atom, instead: &[Option<Atom>]| {
        if let Some(other) = atom.var().and_then(|var| instead[var.0 as usize]) {
            *atom = other;
        }
    };
    for eqn in &mut program.equations {
        eqn.operands.iter_mut().for_each(|atom| replace(atom, &instead));
        if let Some(nested) = eqn.op.nested() {
            eqn.op = nested.map_bodies(&mut |body| run(body.clone()))?;
        }
        if let Some(closed) = control::closed_over(&eqn.op) {
            for &(result, operand) in &closed.unchanged {
                instead[eqn.results[result].0 as usize] = Some(eqn.operands[operand]);
            }
            close(eqn, closed);
        }
        if let Op::While(op) = &eqn.op
            && let Some(scan) = control::as_scan(op, &eqn.operands)
        {
            // The condition's constants have become the length.
            eqn.operands.drain(..op.condition_consts);
            eqn.op = scan.into();
        }
        if let Op::Scan(scan) = &eqn.op
            && let Some(rows) = control::by_rows(scan, &eqn.operands)
        {
            eqn.op = rows.op.into();
            eqn.operands = rows.operands.iter().map(|&at| eqn.operands[at]).collect();
            eqn.results = rows.results.iter().map(|&at| eqn.results[at]).collect();
        }
    }
    program.equations.retain(|eqn| !matches!(eqn.op, Op::Scan(_)) || !eqn.results.is_empty());
    program.outputs.iter_mut().for_each(|atom| replace(atom, &instead));
    Ok(program)
}

/// Where a program, its bodies included, repeats something for as long as a condition holds; each body counts once.
pub fn conditional_loops(program: &Program) -> Vec<Origin> {
    let mut found = Vec::new();
    collect_loops(program, &mut HashSet::new(), &mut found);
    found
}

/// `seen`: bodies that many equations share are walked through once.
fn collect_loops(program: &Program, seen: &mut HashSet<Body>, found: &mut Vec<Origin>) {
    for eqn in &program.equations {
        if let Op::While(_) = &eqn.op {
            found.push(eqn.origin.clone());
        }
        for body in eqn.op.bodies() {
            if seen.insert(body.clone()) {
                collect_loops(body, seen, found);
            }
        }
    }
}

fn close(eqn: &mut Equation, closed: Closed) {
    eqn.op = closed.op;
    eqn.operands = closed.operands.iter().map(|&at| eqn.operands[at]).collect();
    eqn.results = closed.results.iter().map(|&at| eqn.results[at]).collect();
}

#[cfg(test)]
mod tests;
