//! Products: in the order that is wanted, of operands as they are stored, and with ones. Sums keep their order, and with
//! ones may be regrouped.

use super::Sweep;
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::contraction::DotGeneral;
use crate::ops::reduction::{Reduce, ReduceKind};
use crate::ops::shape::{BroadcastInDim, PermuteAxes};
use crate::types::Kind;

/// `transpose(x y) == y x`, exchanging the free axes of the two sides and reordering batch axes, if nobody else needs
/// the product as it was.
pub fn transposed(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::PermuteAxes(PermuteAxes { permutation }), &[product]) = (op, operands) else { return None };
    let maker = cx.maker(product)?;
    let (Op::DotGeneral(dot), &[lhs, rhs]) = (&maker.op, &*maker.operands) else { return None };
    let (lhs_aval, rhs_aval) = (cx.aval(lhs), cx.aval(rhs));
    if !cx.is_only_for(product, product) || lhs_aval.dtype != rhs_aval.dtype {
        return None;
    }
    let (batch_count, lhs_count) = (dot.lhs_batch.len(), dot.lhs_free(lhs_aval.rank()).len());
    let (batch, free) = permutation.split_at(batch_count);
    if batch.iter().any(|&axis| axis >= batch_count) {
        return None;
    }
    let mut dot = dot.clone();
    dot.lhs_batch = batch.iter().map(|&axis| dot.lhs_batch[axis]).collect();
    dot.rhs_batch = batch.iter().map(|&axis| dot.rhs_batch[axis]).collect();
    let middle = batch_count + lhs_count;
    if free.is_sorted() {
        Some(cx.emit(dot, &[lhs, rhs]))
    } else if free.iter().copied().eq((middle..permutation.len()).chain(batch_count..middle)) {
        Some(cx.emit(dot.swapped(), &[rhs, lhs]))
    } else {
        None
    }
}

/// A product takes its operands from before a transpose that leaves the order of their free axes alone.
pub fn of_transposed(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::DotGeneral(dot), &[lhs, rhs]) = (op, operands) else { return None };
    if let Some((dot, lhs)) = lhs_of_transposed(cx, dot, lhs) {
        return Some(cx.emit(dot, &[lhs, rhs]));
    }
    let (swapped, rhs) = lhs_of_transposed(cx, &dot.swapped(), rhs)?;
    Some(cx.emit(swapped.swapped(), &[lhs, rhs]))
}

fn lhs_of_transposed(cx: &Sweep, dot: &DotGeneral, lhs: Atom) -> Option<(DotGeneral, Atom)> {
    let (Op::PermuteAxes(PermuteAxes { permutation }), source) = cx.made_from(lhs)? else { return None };
    if !dot.lhs_free(permutation.len()).into_iter().map(|axis| permutation[axis]).is_sorted() {
        return None;
    }
    let of_source = |axes: &[usize]| axes.iter().map(|&axis| permutation[axis]).collect();
    let (lhs_contract, lhs_batch) = (of_source(&dot.lhs_contract), of_source(&dot.lhs_batch));
    Some((DotGeneral { lhs_contract, lhs_batch, ..dot.clone() }, source))
}

/// A batch of products with one matrix is one product with it: of `dot_general`, a batch axis along which an operand
/// only repeats becomes a free axis of the other operand.
pub fn of_repeated(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::DotGeneral(dot), &[lhs, rhs]) = (op, operands) else { return None };
    let batch_count = dot.lhs_batch.len();
    let (lhs_count, rhs_count) =
        (dot.lhs_free(cx.shape(lhs).rank()).len(), dot.swapped().lhs_free(cx.shape(rhs).rank()).len());
    // The operand that keeps the batch comes first, so that the batch is among the first free axes.
    let (kept, kept_count, dot, repeated, is_swapped) = match without_repeated(cx, &dot.swapped(), rhs) {
        Some(found) => (lhs, lhs_count, dot.clone(), found, false),
        None => (rhs, rhs_count, dot.swapped(), without_repeated(cx, dot, lhs)?, true),
    };
    let Repeated { position, axis, source } = repeated;
    let mut product = dot.clone();
    let kept_axis = product.lhs_batch.remove(position);
    product.rhs_batch.remove(position);
    for axes in [&mut product.rhs_batch, &mut product.rhs_contract] {
        axes.iter_mut().for_each(|other| *other -= usize::from(*other > axis));
    }
    let free = product.lhs_free(cx.shape(kept).rank());
    let batch_at = batch_count - 1 + free.iter().position(|&axis| axis == kept_axis)?;
    let result = cx.emit(product, &[kept, source]);
    let rank = cx.shape(result).rank();
    let mut rest = (0..rank).filter(|&axis| axis != batch_at);
    let mut batch: Vec<usize> = rest.by_ref().take(batch_count - 1).collect();
    batch.insert(position, batch_at);
    let of_kept: Vec<usize> = rest.by_ref().take(kept_count).collect();
    let of_source: Vec<usize> = rest.collect();
    let free = if is_swapped { [of_source, of_kept] } else { [of_kept, of_source] };
    Some(cx.emit(PermuteAxes { permutation: [batch, free.concat()].concat() }, &[result]))
}

/// An operand without a batch axis along which it repeats.
struct Repeated {
    /// Which of the batch axes that is, and where it was in the operand.
    position: usize,
    axis: usize,
    source: Atom,
}

/// Of the left operand.
fn without_repeated(cx: &mut Sweep, dot: &DotGeneral, lhs: Atom) -> Option<Repeated> {
    let (Op::BroadcastInDim(BroadcastInDim { shape, dims }), source) = cx.made_from(lhs)? else {
        return None;
    };
    let position = dot.lhs_batch.iter().position(|axis| !dims.contains(axis))?;
    let axis = dot.lhs_batch[position];
    let extents = shape.extents().iter().enumerate().filter(|&(other, _)| other != axis);
    let shape = extents.map(|(_, &extent)| extent).collect();
    let dims = dims.iter().map(|&dim| dim - usize::from(dim > axis)).collect();
    let source = cx.emit(BroadcastInDim { shape, dims }, &[source]);
    Some(Repeated { position, axis, source })
}

/// A contraction with ones is a sum, repeated along the free axes of the ones.
pub fn with_ones(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::DotGeneral(dot), &[lhs, rhs]) = (op, operands) else { return None };
    let is_ones = |cx: &Sweep, atom: Atom| cx.constant(atom).is_some_and(|value| value.is_one());
    let lhs_count = dot.lhs_free(cx.shape(lhs).rank()).len();
    let first_lhs = dot.lhs_batch.len();
    let (x, dot_of_x, first_free) = match (is_ones(cx, lhs), is_ones(cx, rhs)) {
        (true, _) => (rhs, dot.swapped(), first_lhs + lhs_count),
        (false, true) => (lhs, dot.clone(), first_lhs),
        (false, false) => return None,
    };
    let (aval, result) = (cx.aval(x), op.infer(&cx.avals(operands)).ok()?.remove(0));
    let is_number = matches!(aval.dtype.kind(), Kind::Float | Kind::Signed | Kind::Unsigned);
    let is_uniform = operands.iter().all(|&operand| cx.aval(operand).dtype == result.dtype);
    if !is_number || !is_uniform || dot.lhs_contract.is_empty() {
        return None;
    }
    let DotGeneral { lhs_contract: axes, lhs_batch: batch, .. } = &dot_of_x;
    let free = dot_of_x.lhs_free(aval.rank());
    let stays = (0..aval.rank()).filter(|axis| !axes.contains(axis));
    let place = |axis: usize| match batch.iter().position(|&other| other == axis) {
        Some(position) => position,
        None => first_free + free.iter().filter(|&&other| other < axis).count(),
    };
    let dims = stays.map(place).collect();
    let sum = cx.emit(Reduce { kind: ReduceKind::Sum, axes: axes.clone() }, &[x]);
    Some(cx.emit(BroadcastInDim { shape: result.shape, dims }, &[sum]))
}
