//! Rule families that do most of the work, by name: an operation says in a word which one it is.

use super::{BatchCx, BatchDim, Batched, Duals, JvpCx, Lowering, Operand, Rule, Tangent, TransposeCx};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, broadcast_shapes};
use crate::loops::{Access, Affine, BlockBuilder, BufferId, Dim, Index, Nest, RuntimeCall, Store, Val};
use crate::ops::Op;
use crate::types::{Aval, DType, Kind, Shape, Tensor};
use std::sync::Arc;

/// Errors: TypeError if the number of operands is not `count`.
pub fn expect_operands(operands: &[Aval], count: usize) -> Result<(), TypeError> {
    if operands.len() == count {
        return Ok(());
    }
    Err(TypeError(format!("expected {count} operands, found {}", operands.len())))
}

/// Errors: TypeError if the operands do not all have one dtype.
pub fn expect_same_dtype(operands: &[Aval]) -> Result<DType, TypeError> {
    let first = operands.first().ok_or_else(|| TypeError::new("expected operands, found none"))?;
    match operands.iter().find(|aval| aval.dtype != first.dtype) {
        Some(other) => Err(TypeError(format!("operand dtypes {} and {} differ", first.dtype, other.dtype))),
        None => Ok(first.dtype),
    }
}

/// Errors: TypeError if the dtype of the operand is of none of these kinds.
pub fn expect_kind(operand: &Aval, accepts: &[Kind]) -> Result<(), TypeError> {
    if accepts.contains(&operand.dtype.kind()) {
        return Ok(());
    }
    let kinds: Vec<String> = accepts.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
    Err(TypeError(format!("expected an operand of kind {}, found {}", kinds.join(" or "), operand.dtype)))
}

/// The result shape of an elementwise operation. Errors: TypeError if the shapes do not agree.
pub fn expect_broadcast(operands: &[Aval]) -> Result<Shape, TypeError> {
    broadcast_shapes(operands.iter().map(|aval| &aval.shape)).ok_or_else(|| {
        let shapes: Vec<String> = operands.iter().map(|aval| aval.shape.to_string()).collect();
        TypeError(format!("operand shapes {} differ", shapes.join(" and ")))
    })
}

/// Evaluates an elementwise operation one element at a time, with implicit broadcasting.
pub fn eval_elementwise(
    result: Aval,
    operands: &[Tensor],
    f: impl Fn(&[crate::types::Scalar]) -> crate::types::Scalar,
) -> Tensor {
    let element = |tensor: &Tensor, index: &[usize]| {
        let own: Vec<usize> =
            tensor.shape().extents().iter().zip(index).map(|(&e, &i)| i.min(e - 1)).collect();
        tensor.get(&own)
    };
    let dtype = result.dtype;
    Tensor::from_fn(result, |index| {
        let values: Vec<_> = operands.iter().map(|tensor| element(tensor, index)).collect();
        f(&values).rounded(dtype)
    })
}

/// A nest over the result's axes that loads every operand at its (implicitly broadcast) element and stores `f` of them.
pub fn elementwise_nest(
    operands: &[Aval],
    result: &Aval,
    f: impl FnOnce(&mut BlockBuilder, &[Val]) -> Val,
) -> Lowering {
    let mut nest = Nest::new(parallel_dims(&result.shape));
    let mut b = BlockBuilder::new();
    let values: Vec<Val> = operands
        .iter()
        .enumerate()
        .map(|(slot, aval)| {
            let indices = broadcast_indices(&aval.shape, &result.shape);
            b.load(Access::new(BufferId(slot as u32), indices), aval.dtype)
        })
        .collect();
    let value = f(&mut b, &values);
    nest.stores.push(identity_store(BufferId(operands.len() as u32), result.shape.rank(), value));
    nest.block = b.finish();
    Lowering::Nests(vec![nest])
}

/// The call `symbol(operands.., results.., scratch, integers..)`.
pub fn runtime_call(
    symbol: &'static str,
    operands: &[Aval],
    results: &[Aval],
    scratch_bytes: Option<usize>,
    integers: Vec<i64>,
) -> Lowering {
    let mut slots = (0..(operands.len() + results.len()) as u32).map(|slot| BufferId(slot).into());
    let reads = slots.by_ref().take(operands.len()).collect();
    let call = RuntimeCall { symbol, reads, writes: slots.collect(), scratch: None, integers };
    Lowering::Runtime { call, tables: Vec::new(), scratch_bytes }
}

/// The call of the runtime, if `lowering` is one, with constant arrays that it reads after the operands.
pub fn with_tables(lowering: Lowering, constants: Vec<Arc<Tensor>>) -> Lowering {
    match lowering {
        Lowering::Runtime { call, scratch_bytes, .. } => {
            Lowering::Runtime { call, tables: constants, scratch_bytes }
        }
        other => other,
    }
}

/// One parallel dim per axis.
pub fn parallel_dims(shape: &Shape) -> Vec<Dim> {
    shape.extents().iter().map(|&extent| Dim::parallel(extent)).collect()
}

/// `buffer[d0, d1, ..] = value`.
pub fn identity_store(buffer: BufferId, rank: usize, value: Val) -> Store {
    Store { buffer, indices: (0..rank).map(Index::dim).collect(), value, mask: None, combine: None }
}

fn broadcast_indices(operand: &Shape, result: &Shape) -> Vec<Index> {
    let axis_index = |axis: usize| {
        let stretched = operand[axis] == 1 && result[axis] != 1;
        if stretched { Index::affine(Affine::constant(0)) } else { Index::dim(axis) }
    };
    (0..operand.rank()).map(axis_index).collect()
}

/// The jvp of an operation whose derivative is zero wherever it exists.
pub fn locally_constant(cx: &mut JvpCx, op: impl Into<Op>, primals: &[Atom]) -> Rule<Duals> {
    let primals = cx.builder.emit(op, primals);
    let tangents =
        primals.iter().map(|&primal| Tangent::Zero(tangent_aval(&cx.builder.aval(primal)))).collect();
    Ok(Duals { primals, tangents })
}

/// The jvp of an operation that is linear in its one operand.
pub fn linear(cx: &mut JvpCx, op: impl Into<Op>, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
    let op = op.into();
    let results = cx.builder.emit(op.clone(), primals);
    let tangents = match &tangents[0] {
        Tangent::Value(tangent) => cx.builder.emit(op, &[*tangent]).into_iter().map(Tangent::Value).collect(),
        Tangent::Zero(_) => {
            results.iter().map(|&result| Tangent::Zero(tangent_aval(&cx.builder.aval(result)))).collect()
        }
    };
    Ok(Duals { primals: results, tangents })
}

/// The jvp of an operation that is linear in each of its two operands.
pub fn bilinear(cx: &mut JvpCx, op: impl Into<Op>, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
    let (op, x, y) = (op.into(), primals[0], primals[1]);
    let result = cx.builder.emit_one(op.clone(), primals);
    let aval = tangent_aval(&cx.builder.aval(result));
    if !aval.dtype.is_inexact() {
        return Ok(Duals::one(result, Tangent::Zero(aval)));
    }
    let from_x = tangents[0].value().map(|t| cx.builder.emit_one(op.clone(), &[t, y]));
    let from_y = tangents[1].value().map(|t| cx.builder.emit_one(op, &[x, t]));
    let tangent = match (from_x, from_y) {
        (Some(s), Some(t)) => Tangent::Value(cx.builder.add(s, t)),
        (Some(t), None) | (None, Some(t)) => Tangent::Value(t),
        (None, None) => Tangent::Zero(aval),
    };
    Ok(Duals::one(result, tangent))
}

/// Stretches an implicitly broadcast value to the full shape.
pub fn broadcast_to(builder: &mut Builder, x: Atom, shape: &Shape) -> Atom {
    let dims: Vec<usize> = (0..builder.aval(x).rank()).collect();
    builder.broadcast_in_dim(x, shape.clone(), &dims)
}

/// The transpose of implicit broadcasting: sums a cotangent over the axes along which the operand was stretched.
pub fn unbroadcast(cx: &mut TransposeCx, ct: Atom, operand: &Aval) -> Atom {
    let shape = cx.builder.aval(ct).shape;
    let stretched = |axis: &usize| operand.shape.is_scalar() || operand.shape[*axis] != shape[*axis];
    let axes: Vec<usize> = (0..shape.rank()).filter(stretched).collect();
    let sum = cx.builder.reduce_sum(ct, &axes);
    cx.builder.reshape(sum, operand.shape.clone())
}

/// The type of an operand under transposition.
pub fn operand_aval(cx: &TransposeCx, operand: &Operand) -> Aval {
    match operand {
        Operand::Known(atom) => cx.builder.aval(*atom),
        Operand::Linear(aval) => aval.clone(),
    }
}

/// Zero cotangents for every operand: of known ones, and of all where the result's cotangent is zero.
pub fn zero_cotangents(cx: &TransposeCx, operands: &[Operand]) -> Vec<Tangent> {
    operands.iter().map(|operand| Tangent::Zero(tangent_aval(&operand_aval(cx, operand)))).collect()
}

/// The lowering of an operation whose results are its operands: nothing at all.
pub fn identity_program(operands: &[Aval]) -> Lowering {
    let mut builder = Builder::new();
    let outputs = operands.iter().map(|aval| Atom::Var(builder.input(aval.clone()))).collect();
    Lowering::Expand(builder.finish(outputs))
}

/// The type of tangents of values of type `aval`: itself, or `float0` for what cannot be differentiated.
pub fn tangent_aval(aval: &Aval) -> Aval {
    if aval.dtype.is_inexact() { aval.clone() } else { aval.with_dtype(DType::Float0) }
}

/// Batches an elementwise operation with implicit broadcasting: the batch axis goes first on every operand, and
/// operands without one broadcast.
pub fn batch_elementwise(
    cx: &mut BatchCx,
    op: impl Into<Op>,
    operands: &[Atom],
    dims: &[BatchDim],
) -> Rule<Batched> {
    let logical_rank = |cx: &BatchCx, (atom, dim): (&Atom, &BatchDim)| {
        cx.builder.aval(*atom).rank() - usize::from(dim.axis().is_some())
    };
    let rank = operands.iter().zip(dims).map(|pair| logical_rank(cx, pair)).max().unwrap_or(0);
    let aligned: Vec<Atom> =
        operands.iter().zip(dims).map(|(&atom, &dim)| align(cx, atom, dim, rank)).collect();
    let values = cx.builder.emit(op, &aligned);
    let dims = vec![BatchDim::Axis(0); values.len()];
    Ok(Batched { values, dims })
}

/// Moves the batch axis first and inserts unit axes, so that the operand has rank `rank + 1` or 0.
fn align(cx: &mut BatchCx, atom: Atom, dim: BatchDim, rank: usize) -> Atom {
    match dim {
        BatchDim::NotMapped if cx.builder.aval(atom).shape.is_scalar() => atom,
        BatchDim::NotMapped => cx.builder.expand_dims(atom, &[0]),
        BatchDim::Axis(axis) => {
            let moved = cx.builder.move_axis(atom, axis, 0);
            let missing = rank + 1 - cx.builder.aval(moved).rank();
            let unit_axes: Vec<usize> = (1..=missing).collect();
            if missing == 0 { moved } else { cx.builder.expand_dims(moved, &unit_axes) }
        }
    }
}

/// Batches an operation with one operand by renumbering its axes: `remap(axis of the batch)` gives the op on the
/// batched operand and the batch axis of its results.
pub fn batch_one_operand(
    cx: &mut BatchCx,
    operands: &[Atom],
    dims: &[BatchDim],
    remap: impl FnOnce(usize) -> (Op, usize),
) -> Rule<Batched> {
    let axis = dims[0].axis().expect("at least one dim is mapped");
    let (op, result_axis) = remap(axis);
    let values = cx.builder.emit(op, operands);
    let dims = vec![BatchDim::Axis(result_axis); values.len()];
    Ok(Batched { values, dims })
}
