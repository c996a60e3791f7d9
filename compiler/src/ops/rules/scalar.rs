//! Bodies on scalars as straight-line code: what a scatter, a reduction or a sort does by a function of the user.

use super::{Lowering, NoRule, Rule};
use crate::ir::{Atom, Program, Var};
use crate::loops::{BlockBuilder, Inst, Nest, Val, copy};
use std::collections::HashMap;

const NOT_SCALAR: NoRule = NoRule::NotYet("a function on scalars with more than arithmetic in it");

/// Appends to `b` what `body` computes from `args`; returns its outputs. All its variables have rank 0.
///
/// Errors: an equation without lowering, or one that is not scalar arithmetic.
pub fn scalar_results(b: &mut BlockBuilder, body: &Program, args: &[Val]) -> Rule<Vec<Val>> {
    let mut known: HashMap<Var, Val> = body.inputs.iter().copied().zip(args.iter().copied()).collect();
    for eqn in &body.equations {
        let operands: Vec<Val> = eqn.operands.iter().map(|&atom| value(b, &known, atom)).collect();
        let results: Vec<_> = eqn.results.iter().map(|&var| body.aval(var).clone()).collect();
        let values = match eqn.op.lower(&body.atom_avals(&eqn.operands), &results)? {
            Lowering::Nests(nests) => match nests.as_slice() {
                [nest] => vec![element(b, nest, &operands)?],
                _ => return Err(NOT_SCALAR),
            },
            Lowering::Reinterpret(Some(nest)) => vec![element(b, &nest, &operands)?],
            Lowering::Expand(program) => scalar_results(b, &program, &operands)?,
            Lowering::Constant(tensor) => vec![b.literal(tensor.to_literal().ok_or(NOT_SCALAR)?)],
            Lowering::Reinterpret(None) | Lowering::Runtime { .. } | Lowering::Control(_) => {
                return Err(NOT_SCALAR);
            }
        };
        known.extend(eqn.results.iter().copied().zip(values));
    }
    Ok(body.outputs.iter().map(|&atom| value(b, &known, atom)).collect())
}

fn value(b: &mut BlockBuilder, known: &HashMap<Var, Val>, atom: Atom) -> Val {
    match atom {
        Atom::Var(var) => known[&var],
        Atom::Literal(literal) => b.literal(literal),
    }
}

/// What a nest over no dims stores, the operands taking the place of its loads.
fn element(b: &mut BlockBuilder, nest: &Nest, operands: &[Val]) -> Rule<Val> {
    let [store] = nest.stores.as_slice() else { return Err(NOT_SCALAR) };
    if !nest.dims.is_empty() || !nest.reductions.is_empty() {
        return Err(NOT_SCALAR);
    }
    let operand =
        |_: &mut BlockBuilder, inst: &Inst| inst.as_load().map(|access| operands[access.buffer.0 as usize]);
    Ok(copy(b, &nest.block, &[], &[store.value], operand)[0])
}
