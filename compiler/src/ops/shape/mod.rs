//! Operations that move elements without computing on them: every element type passes through.
//!
//! Each file is one pair of inverse views: what one does, the transpose of the other undoes.

mod broadcast;
mod concatenate;
mod constant;
mod empty;
mod iota;
mod pad;
mod permute;
mod reshape;
mod slice;
mod split;
mod stack;
mod tile;
mod unit_axes;

pub use broadcast::BroadcastInDim;
pub use concatenate::Concatenate;
pub use constant::Constant;
pub use empty::Empty;
pub use iota::Iota;
pub use pad::Pad;
pub use permute::{PermuteAxes, Rev};
pub use reshape::{PermutedReshape, Reshape};
pub use slice::Slice;
pub use split::Split;
pub use stack::{Stack, Unstack};
pub use tile::Tile;
pub use unit_axes::{ExpandDims, Squeeze};

use pad::dilated;
use permute::inverse;
use reshape::same_bytes;

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Value};
use crate::loops::{Access, BlockBuilder, BufferId, Dim, Index, Nest, Store};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Tensor};

/// Errors: TypeError unless the axes are distinct and below `rank`.
pub(in crate::ops) fn expect_axes(what: &str, axes: &[usize], rank: usize) -> Result<(), TypeError> {
    if let Some(axis) = axes.iter().find(|&&axis| axis >= rank) {
        return Err(TypeError(format!("{what}: expected axes below {rank}, found {axis}")));
    }
    let repeated = |position: &usize| axes[..*position].contains(&axes[*position]);
    match (0..axes.len()).find(repeated) {
        Some(position) => {
            Err(TypeError(format!("{what}: expected distinct axes, found {} twice", axes[position])))
        }
        None => Ok(()),
    }
}

/// Errors: TypeError if a parameter does not have one entry per axis.
fn expect_per_axis(what: &str, count: usize, operand: &Aval) -> Result<(), TypeError> {
    if count == operand.rank() {
        return Ok(());
    }
    Err(TypeError(format!("{what}: expected one entry per axis of {operand}, found {count}")))
}

/// Errors: TypeError if the operands differ in dtype or in an extent other than that of `free_axis`.
fn expect_alike(operands: &[Aval], free_axis: Option<usize>) -> Result<(), TypeError> {
    expect_same_dtype(operands)?;
    let first = &operands[0];
    let fixed = |aval: &Aval| aval.shape.without(free_axis.as_slice());
    match operands.iter().find(|aval| aval.rank() != first.rank() || fixed(aval) != fixed(first)) {
        None => Ok(()),
        Some(other) => {
            let except = free_axis.map_or(String::new(), |axis| format!(" outside of axis {axis}"));
            Err(TypeError(format!("operand shapes {} and {} differ{except}", first.shape, other.shape)))
        }
    }
}

/// The operand element that each result element is: `source` maps result index to operand index.
fn eval_view(result: &Aval, operand: &Tensor, source: impl Fn(&[usize]) -> Vec<usize>) -> Tensor {
    Tensor::from_fn(result.clone(), |index| operand.get(&source(index)))
}

/// `result[d..] = operand[indices]`, over one dim per result axis.
fn view_nest(operand: &Aval, result: &Aval, indices: Vec<Index>) -> Nest {
    let store = (0..result.rank()).map(Index::dim).collect();
    copy_nest(operand, BufferId(0), parallel_dims(&result.shape), indices, BufferId(1), store)
}

/// `target[store] = source[load]` over `dims`.
fn copy_nest(
    operand: &Aval,
    source: BufferId,
    dims: Vec<Dim>,
    load: Vec<Index>,
    target: BufferId,
    store: Vec<Index>,
) -> Nest {
    let mut nest = Nest::new(dims);
    let mut b = BlockBuilder::new();
    let value = b.load(Access::new(source, load), operand.dtype);
    nest.stores.push(Store { buffer: target, indices: store, value, mask: None, combine: None });
    nest.block = b.finish();
    nest
}

/// The jvp of an operation that is linear in all its operands together.
fn linear_in_all(cx: &mut JvpCx, op: impl Into<Op>, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
    let op = op.into();
    if tangents.iter().all(Tangent::is_zero) {
        return locally_constant(cx, op, primals);
    }
    let results = cx.builder.emit(op.clone(), primals);
    let tangents: Vec<Atom> = tangents.iter().map(|tangent| instantiate(cx.builder, tangent)).collect();
    let tangents = cx.builder.emit(op, &tangents).into_iter().map(Tangent::Value).collect();
    Ok(Duals { primals: results, tangents })
}

/// The transpose of a linear operation with one operand: `transposed` makes the operand's cotangent.
fn transpose_one(
    cx: &mut TransposeCx,
    cotangents: &[Tangent],
    operands: &[Operand],
    transposed: impl FnOnce(&mut Builder, Atom, &Aval) -> Atom,
) -> Rule<Vec<Tangent>> {
    let aval = operand_aval(cx, &operands[0]);
    Ok(vec![match &cotangents[0] {
        Tangent::Value(ct) if operands[0].is_linear() => Tangent::Value(transposed(cx.builder, *ct, &aval)),
        Tangent::Value(_) | Tangent::Zero(_) => Tangent::Zero(tangent_aval(&aval)),
    }])
}

/// The transpose of a linear operation with many operands: `transposed` makes the cotangent of one of them.
fn transpose_each(
    cx: &mut TransposeCx,
    cotangent: &Tangent,
    operands: &[Operand],
    transposed: impl Fn(&mut Builder, Atom, usize, &Aval) -> Atom,
) -> Rule<Vec<Tangent>> {
    let cotangents = operands.iter().enumerate().map(|(position, operand)| {
        let aval = operand_aval(cx, operand);
        match cotangent {
            Tangent::Value(ct) if operand.is_linear() => {
                Tangent::Value(transposed(cx.builder, *ct, position, &aval))
            }
            Tangent::Value(_) | Tangent::Zero(_) => Tangent::Zero(tangent_aval(&aval)),
        }
    });
    Ok(cotangents.collect())
}

/// The transpose of a linear operation with one operand and many results: `transposed` makes the operand's cotangent
/// from those of all results.
fn transpose_many_results(
    cx: &mut TransposeCx,
    cotangents: &[Tangent],
    operands: &[Operand],
    transposed: impl FnOnce(&mut Builder, &[Atom]) -> Atom,
) -> Rule<Vec<Tangent>> {
    let aval = operand_aval(cx, &operands[0]);
    if cotangents.iter().all(Tangent::is_zero) || !operands[0].is_linear() {
        return Ok(vec![Tangent::Zero(tangent_aval(&aval))]);
    }
    let cotangents: Vec<Atom> = cotangents.iter().map(|ct| instantiate(cx.builder, ct)).collect();
    Ok(vec![Tangent::Value(transposed(cx.builder, &cotangents))])
}

/// An array for a tangent that may be a symbolic zero.
pub(in crate::ops) fn instantiate(builder: &mut Builder, tangent: &Tangent) -> Atom {
    match tangent {
        Tangent::Value(atom) => *atom,
        Tangent::Zero(aval) => builder.full(aval.dtype, &aval.shape, 0.0),
    }
}

/// All operands with the batch axis first; those without one are broadcast.
pub(in crate::ops) fn batch_axes_first(cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Vec<Atom> {
    let lead = |(&atom, dim): (&Atom, &BatchDim)| match dim {
        BatchDim::Axis(axis) => cx.builder.move_axis(atom, *axis, 0),
        BatchDim::NotMapped => {
            let shape = cx.builder.aval(atom).shape;
            let axes: Vec<usize> = (1..=shape.rank()).collect();
            cx.builder.broadcast_in_dim(atom, shape.inserted(0, cx.extent), &axes)
        }
    };
    operands.iter().zip(dims).map(lead).collect()
}

/// Where `axis` is once a batch axis is inserted at `batch_axis`.
fn bump(axis: usize, batch_axis: usize) -> usize {
    axis + usize::from(axis >= batch_axis)
}

fn bump_all(axes: &[usize], batch_axis: usize) -> Vec<usize> {
    axes.iter().map(|&axis| bump(axis, batch_axis)).collect()
}

/// A list with an entry for the batch axis.
pub(in crate::ops) fn inserted<T: Clone>(list: &[T], at: usize, entry: T) -> Vec<T> {
    let mut list = list.to_vec();
    list.insert(at, entry);
    list
}

/// Element types for samples: a word of every size, and one of two words.
const SAMPLE_DTYPES: [DType; 8] =
    [DType::F32, DType::F64, DType::BF16, DType::I32, DType::U8, DType::Bool, DType::C64, DType::KeyFry];

/// An array of small whole numbers that differ from their neighbours.
pub(in crate::ops) fn sample_tensor(dtype: DType, shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values: Vec<f64> =
        (0..count).map(|i| if dtype == DType::Bool { (i * i % 3) as f64 } else { i as f64 }).collect();
    Tensor::from_f64s(dtype, shape, &values)
}

/// One sample per element type, on an operand of each shape.
fn samples_over(op: impl Into<Op> + Clone, shapes: &[&[usize]]) -> Vec<Sample> {
    let sample = |dtype: DType| {
        Sample::new(op.clone(), shapes.iter().map(|shape| sample_tensor(dtype, shape)).collect())
    };
    SAMPLE_DTYPES.into_iter().map(sample).collect()
}

#[cfg(test)]
pub(super) mod tests;
