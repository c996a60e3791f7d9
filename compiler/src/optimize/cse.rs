//! Merges equations with equal operations and operands.

use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Equation, Program, Var};
use rustc_hash::{FxBuildHasher, FxHasher};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// Keeps the first of equal equations; programs are pure, so any two are interchangeable.
pub fn run(mut program: Program) -> Result<Program, Diagnostic> {
    // The positions of first equations, by the hash of what they compute.
    let mut known: HashMap<u64, SmallVec<[usize; 1]>, FxBuildHasher> = HashMap::default();
    let mut scope = Scope::new(&program);
    for &input in &program.inputs {
        scope.bind(input, input.into());
    }
    for at in 0..program.equations.len() {
        let (before, rest) = program.equations.split_at_mut(at);
        let eqn = &mut rest[0];
        if let Some(nested) = eqn.op.nested() {
            eqn.op = nested.map_bodies(&mut |body| run(body.clone()))?;
        }
        eqn.operands.iter_mut().for_each(|operand| *operand = scope.atom(*operand));
        let alike = known.entry(hash_of(eqn)).or_default();
        let is_same = |&&first: &&usize| before[first].operands == eqn.operands && before[first].op == eqn.op;
        let results: &[Var] = match alike.iter().find(is_same) {
            Some(&first) => &before[first].results,
            None => {
                alike.push(at);
                &eqn.results
            }
        };
        eqn.results.iter().zip(results).for_each(|(&var, &first)| scope.bind(var, first.into()));
    }
    program.outputs.iter_mut().for_each(|output: &mut Atom| *output = scope.atom(*output));
    crate::ir::prune::run(&mut program);
    Ok(program)
}

fn hash_of(eqn: &Equation) -> u64 {
    let mut hasher = FxHasher::default();
    (&eqn.op, &eqn.operands).hash(&mut hasher);
    hasher.finish()
}
