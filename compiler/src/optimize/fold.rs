//! Evaluates equations whose operands are all constant, forwards identities, and takes branches that are known.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Atom, Builder, Equation, Program};
use crate::ops::Op;
use crate::ops::control::Cond;
use crate::ops::elementwise::{Identity, IdentityKind};
use crate::ops::rules::{EvalCx, NoRule};
use crate::ops::shape::Constant;
use crate::types::Tensor;
use std::collections::HashMap;

// Results larger than this are left to run time: a constant costs its size in the object. Units: elements.
const MOST_ELEMENTS: usize = 64;

/// Folds small constants; identities (`copy`, `stop_gradient`) become their operands, and choices that are known their
/// branch.
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    let mut b = Builder::new();
    let mut scope = Scope::new(&program);
    let mut constants: HashMap<Atom, Tensor> = HashMap::new();
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        scope.bind(input, var.into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let operands = scope.atoms(&eqn.operands);
        let results = match (&eqn.op, evaluated(&program, eqn, &operands, &constants)) {
            (Op::Identity(Identity(kind)), _) if *kind != IdentityKind::OptimizationBarrier => operands,
            (_, Some(values)) => {
                values.into_iter().map(|value| constant(&mut b, value, &mut constants)).collect()
            }
            (Op::Cond(cond), None) if operands[0].literal().is_some() => {
                let branch = chosen(cond, operands[0]);
                inline(&mut b, &run(branch.clone())?, &operands[1..])
            }
            (op, None) => {
                let op = match op.nested() {
                    Some(nested) => &nested.map_bodies(&mut |body| run(body.clone()))?,
                    None => op,
                };
                let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
                let results = b.emit_typed(op.clone(), &operands, avals);
                if let Op::Constant(Constant { value }) = op {
                    constants.insert(results[0], Tensor::clone(value));
                }
                results
            }
        };
        scope.bind_all(&eqn.results, &results);
    }
    let mut folded = b.finish(scope.atoms(&program.outputs));
    crate::ir::prune::run(&mut folded);
    Ok(folded)
}

/// The branch that a known index names, which may be out of range.
fn chosen(cond: &Cond, index: Atom) -> &Program {
    let index = index.literal().map_or(0, |index| index.value().int());
    &cond.branches[index.clamp(0, cond.branches.len() as i128 - 1) as usize]
}

fn constant(b: &mut Builder, value: Tensor, constants: &mut HashMap<Atom, Tensor>) -> Atom {
    let atom = b.tensor(value.clone());
    if atom.var().is_some() {
        constants.insert(atom, value);
    }
    atom
}

fn evaluated(
    program: &Program,
    eqn: &Equation,
    operands: &[Atom],
    constants: &HashMap<Atom, Tensor>,
) -> Option<Vec<Tensor>> {
    let small = |var: &crate::ir::Var| program.aval(*var).shape.element_count() <= MOST_ELEMENTS;
    if matches!(eqn.op, Op::Constant(_) | Op::Identity(_))
        || !eqn.op.bodies().is_empty()
        || !eqn.results.iter().all(small)
    {
        return None;
    }
    let known = |atom: &Atom| match atom {
        Atom::Literal(literal) => Some(Tensor::from_literal(*literal)),
        Atom::Var(_) => {
            constants.get(atom).filter(|value| value.shape().element_count() <= MOST_ELEMENTS).cloned()
        }
    };
    let values = operands.iter().map(known).collect::<Option<Vec<Tensor>>>()?;
    value(&eqn.op, &values)
}

/// The results of an operation without bodies on constants; `None` if it has no evaluation.
pub(super) fn value(op: &Op, operands: &[Tensor]) -> Option<Vec<Tensor>> {
    let cx = EvalCx { eval_body: |_, _, _| Err(NoRule::ByDesign("bodies are not folded")) };
    op.eval(&cx, operands).ok()
}
