//! Removes equations whose results nobody uses.

use super::{Atom, Program, Var};
use std::collections::HashSet;

/// The program without dead equations, renumbered; `None` if what is left uses variables that are bound nowhere.
pub fn closed(mut program: Program) -> Option<Program> {
    run(&mut program);
    let bound = program.inputs.iter().chain(program.equations.iter().flat_map(|eqn| &eqn.results));
    let bound: HashSet<Var> = bound.copied().collect();
    let mut used = program.equations.iter().flat_map(|eqn| &eqn.operands).chain(&program.outputs);
    let is_closed = used.all(|atom| atom.var().is_none_or(|var| bound.contains(&var)));
    is_closed.then(|| program.renumbered())
}

/// Drops dead equations; inputs stay, used or not.
pub fn run(program: &mut Program) {
    let mut live = vec![false; program.vars.len()];
    let mark = |live: &mut Vec<bool>, atoms: &[Atom]| {
        atoms.iter().filter_map(|atom| atom.var()).for_each(|var| live[var.0 as usize] = true);
    };
    mark(&mut live, &program.outputs);
    let mut keep = vec![false; program.equations.len()];
    for (position, eqn) in program.equations.iter().enumerate().rev() {
        keep[position] = eqn.results.iter().any(|var| live[var.0 as usize]);
        if keep[position] {
            mark(&mut live, &eqn.operands);
        }
    }
    let mut keep = keep.into_iter();
    program.equations.retain(|_| keep.next().expect("one flag per equation"));
}
