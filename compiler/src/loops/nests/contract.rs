//! Contraction: the nest behind matrix products of every layout.

use crate::loops::{
    Access, BinaryOp, BlockBuilder, BufferId, Combine, Dim, Index, Nest, Reduction, Store, Val,
};
use crate::types::{Aval, DType};

/// The axes that a contraction pairs up, lhs with rhs, in order. All other axes are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PairedAxes<'a> {
    pub lhs_contract: &'a [usize],
    pub rhs_contract: &'a [usize],
    pub lhs_batch: &'a [usize],
    pub rhs_batch: &'a [usize],
}

/// Sums products of elements, computed in `accumulator` and rounded to the result's type once; on Bool, whether any
/// pair is true. Operands are buffers 0 and 1, the result is buffer 2.
///
/// Shapes: lhs [b.., m.., k..] and rhs [b.., k.., n..] in any order of axes -> [b.., m.., n..].
pub fn contract(axes: PairedAxes, lhs: &Aval, rhs: &Aval, result: &Aval, accumulator: DType) -> Nest {
    let mut dims: Vec<Dim> = result.shape.extents().iter().map(|&extent| Dim::parallel(extent)).collect();
    dims.extend(axes.lhs_contract.iter().map(|&axis| Dim::reduce(lhs.shape[axis])));
    let lhs_free = free_axes(lhs.rank(), axes.lhs_contract, axes.lhs_batch);
    let first_rhs_free = axes.lhs_batch.len() + lhs_free.len();
    let rank = result.rank();
    let lhs_dims = dims_of(lhs.rank(), axes.lhs_contract, axes.lhs_batch, axes.lhs_batch.len(), rank);
    let rhs_dims = dims_of(rhs.rank(), axes.rhs_contract, axes.rhs_batch, first_rhs_free, rank);

    let mut nest = Nest::new(dims);
    let mut b = BlockBuilder::new();
    let x = load(&mut b, 0, lhs, lhs_dims, accumulator);
    let y = load(&mut b, 1, rhs, rhs_dims, accumulator);
    let product = if accumulator == DType::Bool { b.and(x, y) } else { b.mul(x, y) };
    let sum = if axes.lhs_contract.is_empty() { product } else { reduce(&mut nest, &mut b, product) };
    let value = b.convert(sum, result.dtype);
    let indices = (0..rank).map(Index::dim).collect();
    nest.stores.push(Store { buffer: BufferId(2), indices, value, mask: None, combine: None });
    nest.block = b.finish();
    nest
}

/// The axes that are neither contracted nor batched, in order.
pub fn free_axes(rank: usize, contract: &[usize], batch: &[usize]) -> Vec<usize> {
    (0..rank).filter(|axis| !contract.contains(axis) && !batch.contains(axis)).collect()
}

/// The dim of the nest that each axis of an operand runs along: batch dims come first, `first_free` is the dim of the
/// first free axis, and the reduce dims start at `first_reduce`.
fn dims_of(
    rank: usize,
    contract: &[usize],
    batch: &[usize],
    first_free: usize,
    first_reduce: usize,
) -> Vec<usize> {
    let mut dims = vec![0; rank];
    batch.iter().enumerate().for_each(|(dim, &axis)| dims[axis] = dim);
    contract.iter().enumerate().for_each(|(position, &axis)| dims[axis] = first_reduce + position);
    let free = free_axes(rank, contract, batch);
    free.iter().enumerate().for_each(|(position, &axis)| dims[axis] = first_free + position);
    dims
}

fn load(b: &mut BlockBuilder, slot: u32, operand: &Aval, dims: Vec<usize>, accumulator: DType) -> Val {
    let indices = dims.into_iter().map(Index::dim).collect();
    let element = b.load(Access::new(BufferId(slot), indices), operand.dtype);
    b.convert(element, accumulator)
}

fn reduce(nest: &mut Nest, b: &mut BlockBuilder, product: Val) -> Val {
    let accumulator = b.dtype(product);
    let (op, init) = match accumulator {
        DType::Bool => (BinaryOp::Or, b.bool(false)),
        _ => (BinaryOp::Add, b.int(accumulator, 0)),
    };
    nest.reductions.push(Reduction { combine: Combine::Op(op), inits: vec![init], values: vec![product] });
    b.reduced(0, 0, accumulator)
}
