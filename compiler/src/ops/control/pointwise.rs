//! Reverse mode of loops whose number of iterations is not known, where every element has a loop of its own.
//!
//! Series and continued fractions that stop when they have converged are such loops. The derivative of an element of
//! the result depends on the same element of each part of the first state alone, so the forward derivative along one
//! direction per part, all of them in one loop, is the whole derivative, and nothing of an iteration must be kept.

use super::*;
use crate::ir::Var;
use crate::ops::shape::Slice;
use crate::types::{DType, Kind, Scalar, Shape, Tensor};
use std::collections::HashSet;

/// Cotangents of the linear operands of a loop; `None` if its elements are not independent of each other.
pub(super) fn transposed(
    op: &While,
    cx: &mut TransposeCx,
    cotangents: &[Tangent],
    operands: &[Operand],
) -> Rule<Option<Vec<Tangent>>> {
    let linear: Vec<bool> = operands.iter().map(Operand::is_linear).collect();
    let avals: Vec<Aval> = operands.iter().map(|operand| operand_aval(cx, operand)).collect();
    let is_real = pick(&avals, &linear, true).iter().all(|aval| aval.dtype.kind() == Kind::Float);
    if !is_real || loop_results(op, &linear).is_none() {
        return Ok(None);
    }
    let count = positions(&linear, true).len();
    // The last lane has no direction: what known operands add to the results is not a derivative.
    let lanes = count + 1;
    let mut directions = (0..count).map(|at| direction(at, lanes));
    let mut arguments = Vec::new();
    let mut dims = Vec::new();
    for (operand, aval) in operands.iter().zip(&avals) {
        let (argument, dim) = match operand {
            Operand::Known(atom) => (*atom, BatchDim::NotMapped),
            Operand::Linear(_) => {
                let unit = cx.builder.tensor(directions.next().expect("one per linear operand"));
                let unit = cx.builder.convert(unit, aval.dtype);
                let extents: Vec<usize> = [&[lanes], aval.shape.extents()].concat();
                (cx.builder.broadcast_in_dim(unit, extents, &[0]), BatchDim::Axis(0))
            }
        };
        arguments.push(argument);
        dims.push(dim);
    }
    let mut batch = BatchCx { builder: cx.builder, extent: lanes, bodies: cx.bodies };
    let found = op.batch(&mut batch, &arguments, &dims)?;
    let mut all = zero_cotangents(cx, operands);
    let terms: Vec<(Atom, Atom)> = cotangents
        .iter()
        .zip(found.values.iter().zip(&found.dims))
        .filter(|(_, (_, dim))| dim.axis().is_some())
        .filter_map(|(ct, (&columns, _))| Some((ct.value()?, columns)))
        .collect();
    for (at, operand) in positions(&linear, true).into_iter().enumerate() {
        let aval = &avals[operand];
        let mut sum = None;
        for &(ct, columns) in &terms {
            // What the operand cannot be stretched to does not depend on it.
            if !stretches_to(&aval.shape, &cx.builder.aval(ct).shape) {
                continue;
            }
            let [with, without] = [at, count].map(|at| row(cx.builder, columns, at));
            let column = cx.builder.sub(with, without);
            let part = cx.builder.mul(ct, column);
            let part = unbroadcast(cx, part, aval);
            let part = cx.builder.convert(part, aval.dtype);
            sum = Some(sum.map_or(part, |sum| cx.builder.add(sum, part)));
        }
        if let Some(sum) = sum {
            all[operand] = Tangent::Value(sum);
        }
    }
    Ok(Some(all))
}

/// Is a shape of rank 0, or the same but for extents of 1?
fn stretches_to(from: &Shape, to: &Shape) -> bool {
    let mut extents = from.extents().iter().zip(to.extents());
    from.is_scalar() || from.rank() == to.rank() && extents.all(|(from, to)| from == to || *from == 1)
}

/// The parts of a loop's state that depend on the operands given; `None` if an element of them may depend on other
/// elements than its own, or if the condition depends on any.
fn loop_results(op: &While, dependent: &[bool]) -> Option<Vec<bool>> {
    let (of_condition, rest) = dependent.split_at(op.condition_consts);
    let (of_body, first) = rest.split_at(op.body_consts);
    let mut state = first.to_vec();
    loop {
        let next = either(&results(op.body(), &[of_body, &state].concat())?, &state);
        if next == state {
            break;
        }
        state = next;
    }
    let stops = results(op.condition(), &[of_condition, &state].concat())?;
    (!stops.contains(&true)).then_some(state)
}

/// The same of a loop within another, in one step, so that the work does not grow with every level: all floats of its
/// state count as dependent.
fn inner_loop_results(op: &While, dependent: &[bool]) -> Option<Vec<bool>> {
    let (of_condition, rest) = dependent.split_at(op.condition_consts);
    let (of_body, first) = rest.split_at(op.body_consts);
    let state: Vec<bool> = op.body().output_avals().iter().map(|aval| aval.dtype.is_inexact()).collect();
    let next = either(&results(op.body(), &[of_body, &state].concat())?, first);
    let stops = results(op.condition(), &[of_condition, &state].concat())?;
    (either(&next, &state) == state && !stops.contains(&true)).then_some(state)
}

/// The outputs of a program that depend on the inputs given; `None` if not element by element.
fn results(program: &Program, dependent: &[bool]) -> Option<Vec<bool>> {
    let inputs = program.inputs.iter().zip(dependent).filter(|(_, dependent)| **dependent);
    let mut vars: HashSet<Var> = inputs.map(|(&var, _)| var).collect();
    let is_dependent = |vars: &HashSet<Var>, atom: &Atom| match atom {
        Atom::Var(var) => vars.contains(var),
        Atom::Literal(_) => false,
    };
    for eqn in &program.equations {
        let of_operands: Vec<bool> = eqn.operands.iter().map(|atom| is_dependent(&vars, atom)).collect();
        if !of_operands.contains(&true) {
            continue;
        }
        let of_results = match &eqn.op {
            Op::Call(call) => results(&call.body, &of_operands)?,
            Op::CustomCall(call) => results(call.body(), &of_operands)?,
            Op::While(inner) => inner_loop_results(inner, &of_operands)?,
            Op::BroadcastInDim(_) => {
                let aval = |atom: &Atom| program.atom_avals(std::slice::from_ref(atom)).remove(0);
                let (from, to) = (aval(&eqn.operands[0]).shape, &program.aval(eqn.results[0]).shape);
                // Between equal ranks, axes keep their places.
                vec![stretches_to(&from, to).then_some(true)?]
            }
            op if is_elementwise(op) => vec![true; eqn.results.len()],
            _ => return None,
        };
        let of_results = eqn.results.iter().zip(&of_results).filter(|(_, dependent)| **dependent);
        vars.extend(of_results.map(|(&var, _)| var));
    }
    Some(program.outputs.iter().map(|atom| is_dependent(&vars, atom)).collect())
}

/// Does each element of the result depend on the elements of the operands at its own place, with implicit broadcasting?
pub(in crate::ops) fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select(_)
            | Op::Clamp(_)
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::IntegerPow(_)
            | Op::ReducePrecision(_)
            | Op::Identity(_)
            | Op::WideMul(_)
            | Op::Special(_)
    )
}

/// One at this position, of so many.
fn direction(at: usize, count: usize) -> Tensor {
    let one = |index: &[usize]| Scalar::Float(f64::from(u8::from(index[0] == at)));
    Tensor::from_fn(Aval::new(DType::F32, [count]), one)
}

/// The row at a position of the first axis.
fn row(b: &mut Builder, x: Atom, at: usize) -> Atom {
    let shape = b.aval(x).shape;
    let row = b.emit_one(Slice::along(&shape, 0, at, 1), &[x]);
    b.reshape(row, shape.extents()[1..].to_vec())
}
