//! The validity gate: after it, no later stage panics on what the user wrote.

use super::{Atom, Body, Equation, Program, Var};
use crate::diag::{Diagnostic, Origin};
use crate::types::{Aval, MAX_ARRAY_BYTES};
use std::collections::HashSet;

/// Checks binding, arity and types of a program and its bodies; returns all errors.
pub fn verify(program: &Program) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    check(program, &mut HashSet::new(), &mut errors);
    errors
}

/// Checks that machines can address every array of a program and its bodies. Transformations multiply sizes, so each
/// result is checked before anything counts its bytes.
///
/// Errors: the first array that is too large, as unsupported.
pub fn check_sizes(program: &Program) -> Result<(), Diagnostic> {
    sizes(program, &mut HashSet::new())
}

fn sizes(program: &Program, seen: &mut HashSet<Body>) -> Result<(), Diagnostic> {
    let fits = |var: Var| match program.aval(var) {
        aval if aval.is_addressable() => Ok(()),
        aval => Err(too_large(aval)),
    };
    program.constvars.iter().chain(&program.inputs).try_for_each(|&var| fits(var))?;
    for eqn in &program.equations {
        let results = eqn.results.iter().try_for_each(|&var| fits(var));
        results.map_err(|error| error.with_origin(&eqn.origin))?;
        for body in eqn.op.bodies() {
            if seen.insert(body.clone()) {
                sizes(body, seen).map_err(|error| error.with_origin(&eqn.origin))?;
            }
        }
    }
    Ok(())
}

/// What [`check_sizes`] says of an array.
pub fn too_large(aval: &Aval) -> Diagnostic {
    let bits = MAX_ARRAY_BYTES.ilog2();
    Diagnostic::unsupported(format!(
        "the array {aval} has more than 2^{bits} bytes, which no machine can address"
    ))
}

/// Bodies used many times are checked once: `seen` holds those that have been.
fn check(program: &Program, seen: &mut HashSet<Body>, errors: &mut Vec<Diagnostic>) {
    let mut bound = vec![false; program.vars.len()];
    for &var in program.constvars.iter().chain(&program.inputs) {
        bind(var, &mut bound, &Origin::unknown(), errors);
    }
    for eqn in &program.equations {
        check_uses(&eqn.operands, &bound, &eqn.origin, errors);
        check_types(program, eqn, errors);
        eqn.results.iter().for_each(|&var| bind(var, &mut bound, &eqn.origin, errors));
        for body in eqn.op.bodies() {
            if seen.insert(body.clone()) {
                check(body, seen, errors);
            }
        }
    }
    check_uses(&program.outputs, &bound, &Origin::unknown(), errors);
}

fn bind(var: Var, bound: &mut [bool], origin: &Origin, errors: &mut Vec<Diagnostic>) {
    match bound.get_mut(var.0 as usize) {
        Some(seen) if !*seen => *seen = true,
        Some(_) => {
            errors.push(Diagnostic::bug(format!("variable {} is bound twice", var.0)).with_origin(origin))
        }
        None => errors.push(Diagnostic::bug(format!("variable {} has no type", var.0)).with_origin(origin)),
    }
}

fn check_uses(atoms: &[Atom], bound: &[bool], origin: &Origin, errors: &mut Vec<Diagnostic>) {
    for var in atoms.iter().filter_map(|atom| atom.var()) {
        if !bound.get(var.0 as usize).is_some_and(|&seen| seen) {
            errors.push(
                Diagnostic::bug(format!("variable {} is used before it is bound", var.0)).with_origin(origin),
            );
        }
    }
}

fn check_types(program: &Program, eqn: &Equation, errors: &mut Vec<Diagnostic>) {
    if eqn.operands.iter().filter_map(|atom| atom.var()).any(|var| var.0 as usize >= program.vars.len()) {
        return; // Reported as unbound.
    }
    let declared: Vec<Aval> = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
    let name = eqn.op.name();
    match eqn.op.infer(&program.atom_avals(&eqn.operands)) {
        Err(error) => errors.push(Diagnostic::error(format!("{name}: {error}")).with_origin(&eqn.origin)),
        Ok(inferred) if inferred.len() != declared.len() => {
            let message = format!("{name} has {} results, but {} are bound", inferred.len(), declared.len());
            errors.push(Diagnostic::error(message).with_origin(&eqn.origin));
        }
        Ok(inferred) => {
            for (found, expected) in
                declared.iter().zip(&inferred).filter(|(found, expected)| found != expected)
            {
                let message = format!("{name} makes {expected}, but the binder says {found}");
                errors.push(Diagnostic::error(message).with_origin(&eqn.origin));
            }
        }
    }
}
