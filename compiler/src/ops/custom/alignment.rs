//! Along which axes of a result the operands of elementwise functions lie.
//!
//! Operands broadcast: a row, a column, an array of fewer axes than the result. What a body computes of them says where
//! their axes are.

use super::super::Op;
use super::super::control::is_elementwise;
use super::super::shape::{BroadcastInDim, PermuteAxes};
use crate::ir::{Atom, Builder, Equation, Program, Var};
use crate::types::Shape;
use std::collections::HashMap;

/// Per axis of an array, the axis of the result that it lies along; none for axes of extent 1.
pub(super) type Axes = Vec<Option<usize>>;

/// Those of the result itself.
pub(super) fn of_result(shape: &Shape) -> Axes {
    (0..shape.rank()).map(|axis| (shape[axis] != 1).then_some(axis)).collect()
}

/// The axes of an operand of an elementwise operation whose result has these.
pub(super) fn of_operand(operand: &Shape, result: &[Option<usize>]) -> Option<Axes> {
    if operand.is_scalar() {
        return Some(Vec::new());
    }
    let axes = result.iter().enumerate();
    (operand.rank() == result.len())
        .then(|| axes.map(|(axis, along)| along.filter(|_| operand[axis] != 1)).collect())
}

/// The axes of the operand of a view: of what repeats or moves axes, or adds and removes those of extent 1. `None` for
/// any other operation.
pub(super) fn of_viewed(op: &Op, operand: &Shape, result: (&Shape, &[Option<usize>])) -> Option<Axes> {
    let (shape, axes) = result;
    match op {
        Op::BroadcastInDim(BroadcastInDim { dims, .. }) => {
            let along = |(axis, &dim): (usize, &usize)| axes[dim].filter(|_| operand[axis] != 1);
            Some(dims.iter().enumerate().map(along).collect())
        }
        Op::PermuteAxes(PermuteAxes { permutation }) => {
            let mut of_operand = vec![None; axes.len()];
            permutation.iter().zip(axes).for_each(|(&axis, &along)| of_operand[axis] = along);
            Some(of_operand)
        }
        Op::Reshape(_) | Op::ExpandDims(_) | Op::Squeeze(_) => {
            let long = |shape: &Shape| -> Vec<usize> {
                (0..shape.rank()).filter(|&axis| shape[axis] != 1).collect()
            };
            let (from, to) = (long(operand), long(shape));
            let extents = |shape: &Shape, axes: &[usize]| axes.iter().map(|&axis| shape[axis]).collect();
            let (before, after): (Vec<usize>, Vec<usize>) = (extents(operand, &from), extents(shape, &to));
            if before != after {
                return None;
            }
            let mut of_operand = vec![None; operand.rank()];
            from.iter().zip(&to).for_each(|(&axis, &along)| of_operand[axis] = axes[along]);
            Some(of_operand)
        }
        _ => None,
    }
}

/// The axes of all inputs of an elementwise function of floats, along those of its first output. `None` if an element of
/// an output depends on other elements than those at its own place, or if that does not show.
pub(super) fn of_inputs(body: &Program) -> Option<Vec<Axes>> {
    let outputs = body.output_avals();
    let start = of_result(&outputs.first()?.shape);
    let outputs: Vec<Option<Axes>> =
        outputs.iter().map(|aval| of_operand(&aval.shape, &start).map(Some)).collect::<Option<_>>()?;
    let inputs = body.inputs.iter().zip(through(body, &outputs)?);
    // What nobody uses may lie anywhere.
    let unused = |var| vec![None; body.aval(var).shape.rank()];
    Some(inputs.map(|(&var, axes)| axes.unwrap_or_else(|| unused(var))).collect())
}

/// The axes of the inputs of a program, from those of its outputs; none for what is not used.
fn through(body: &Program, outputs: &[Option<Axes>]) -> Option<Vec<Option<Axes>>> {
    let mut known: HashMap<Var, Axes> = HashMap::new();
    for (output, axes) in body.outputs.iter().zip(outputs) {
        meet(&mut known, output, axes)?;
    }
    for eqn in body.equations.iter().rev() {
        let of_results: Vec<Option<Axes>> = eqn.results.iter().map(|var| known.get(var).cloned()).collect();
        if of_results.iter().all(Option::is_none) {
            continue;
        }
        let of_operands = through_equation(body, eqn, &of_results)?;
        for (operand, axes) in eqn.operands.iter().zip(&of_operands) {
            meet(&mut known, operand, axes)?;
        }
    }
    Some(body.inputs.iter().map(|input| known.get(input).cloned()).collect())
}

fn through_equation(
    body: &Program,
    eqn: &Equation,
    of_results: &[Option<Axes>],
) -> Option<Vec<Option<Axes>>> {
    let shape = |atom: &Atom| body.atom_aval(*atom).shape;
    match (&eqn.op, of_results) {
        (Op::Call(call), _) => through(&call.body, of_results),
        (Op::CustomCall(call), _) => through(call.body(), of_results),
        (Op::Identity(_), _) => Some(of_results.to_vec()),
        (op, [Some(axes)]) if is_elementwise(op) => {
            let operands = eqn.operands.iter();
            operands.map(|operand| of_operand(&shape(operand), axes).map(Some)).collect()
        }
        (op, [Some(axes)]) => match &*eqn.operands {
            [] => Some(Vec::new()),
            [operand] => {
                let result = (&body.aval(eqn.results[0]).shape, axes.as_slice());
                Some(vec![Some(of_viewed(op, &shape(operand), result)?)])
            }
            _ => None,
        },
        _ => None,
    }
}

/// Notes the axes of a value; `None` if it has others.
fn meet(known: &mut HashMap<Var, Axes>, atom: &Atom, axes: &Option<Axes>) -> Option<()> {
    let (Atom::Var(var), Some(axes)) = (atom, axes) else { return Some(()) };
    let found = known.entry(*var).or_insert_with(|| axes.clone());
    (found == axes).then_some(())
}

/// The array with as many axes as the result, each where it belongs, so that it broadcasts implicitly; scalars stay.
pub(super) fn aligned(b: &mut Builder, x: Atom, axes: &[Option<usize>], rank: usize) -> Atom {
    let is_in_place = axes.iter().enumerate().all(|(axis, along)| along.is_none_or(|along| along == axis));
    if axes.is_empty() || axes.len() == rank && is_in_place {
        return x;
    }
    let aval = b.aval(x);
    let mut permutation: Vec<usize> = (0..axes.len()).collect();
    permutation.sort_by_key(|&axis| axes[axis]);
    let mut extents = vec![1; rank];
    for (axis, along) in axes.iter().enumerate() {
        if let Some(along) = along {
            extents[*along] = aval.shape[axis];
        }
    }
    let x = b.permute_axes(x, &permutation);
    b.reshape(x, extents)
}
