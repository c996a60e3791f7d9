//! Reductions: many elements to one, along axes.

mod arg_reduce;
mod cumulative;
mod fold;
mod reduce;
#[cfg(test)]
mod tests;

pub use arg_reduce::ArgReduce;
pub use cumulative::{Cumulative, CumulativeKind};
pub use fold::Fold;
pub use reduce::{Reduce, ReduceKind};

use crate::diag::TypeError;
use crate::loops::{Access, BlockBuilder, BufferId, Dim, Index, Val};
use crate::types::{Aval, DType};

/// Errors: TypeError if an axis is listed twice or does not exist.
fn expect_axes(operand: &Aval, axes: &[usize]) -> Result<(), TypeError> {
    for (position, axis) in axes.iter().enumerate() {
        if *axis >= operand.rank() {
            let rank = operand.rank();
            return Err(TypeError(format!("expected axes below the operand's rank {rank}, found {axis}")));
        }
        if axes[..position].contains(axis) {
            return Err(TypeError(format!("expected distinct axes, found {axis} twice")));
        }
    }
    Ok(())
}

/// The same axes once a batch axis is at `batch`, and where it is in the result.
fn batched_axes(axes: &[usize], batch: usize) -> (Vec<usize>, usize) {
    let shifted: Vec<usize> = axes.iter().map(|&axis| axis + usize::from(axis >= batch)).collect();
    let removed = shifted.iter().filter(|&&axis| axis < batch).count();
    (shifted, batch - removed)
}

/// The kept axes as parallel dims, then the reduced ones as reduce dims, in the operand's order.
fn reduction_dims(operand: &Aval, axes: &[usize]) -> Vec<Dim> {
    let all = || operand.shape.extents().iter().enumerate();
    let kept = all().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &extent)| Dim::parallel(extent));
    let reduced = all().filter(|(axis, _)| axes.contains(axis)).map(|(_, &extent)| Dim::reduce(extent));
    kept.chain(reduced).collect()
}

/// The dim of [`reduction_dims`] that runs along each axis.
fn dim_of_axis(rank: usize, axes: &[usize]) -> Vec<usize> {
    let (reduced, mut order): (Vec<usize>, Vec<usize>) = (0..rank).partition(|axis| axes.contains(axis));
    order.extend(reduced);
    let mut dims = vec![0; rank];
    order.into_iter().enumerate().for_each(|(dim, axis)| dims[axis] = dim);
    dims
}

/// Loads the operand's element at a point of [`reduction_dims`], in the type that is folded.
fn load_element(b: &mut BlockBuilder, operand: &Aval, axes: &[usize]) -> Val {
    let indices = dim_of_axis(operand.rank(), axes).into_iter().map(Index::dim).collect();
    let value = b.load(Access::new(BufferId(0), indices), operand.dtype);
    b.convert(value, folded_dtype(operand.dtype))
}

/// Narrow floats are folded as f32, as XLA does.
pub(in crate::ops) fn folded_dtype(dtype: DType) -> DType {
    if dtype.is_float() && dtype.bits() < 32 { DType::F32 } else { dtype }
}
