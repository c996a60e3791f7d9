//! Folds of folds, of views, and of repeated elements. Sums of floats come out rounded fewer times than before;
//! everything else is exact.

use super::Sweep;
use super::views::{in_other_shape, position, without_unit_axes};
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::elementwise::{Binary, BinaryKind};
use crate::ops::reduction::{Reduce, ReduceKind};
use crate::ops::shape::{BroadcastInDim, Reshape};
use crate::types::{DType, Literal};

fn reduce<'a>(op: &'a Op, operands: &[Atom]) -> Option<(&'a Reduce, Atom)> {
    match (op, operands) {
        (Op::Reduce(reduce), &[x]) => Some((reduce, x)),
        _ => None,
    }
}

/// A fold over axes of extent 1 is a reshape. A sum makes +0 of -0, so that a sum of floats is one only if no element
/// is -0, as in a sum of sums.
pub fn over_unit_axes(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Reduce { kind, axes }, x) = reduce(op, operands)?;
    let aval = cx.aval(x);
    let is_sum = *kind == ReduceKind::Sum && aval.dtype.is_inexact();
    if axes.iter().any(|&axis| aval.shape[axis] != 1) || is_sum && !is_sum_of(cx, x) {
        return None;
    }
    Some(cx.emit(Reshape { shape: aval.shape.without(axes) }, &[x]))
}

/// Is it a sum, perhaps under another shape? It starts from +0, and so is never -0.
fn is_sum_of(cx: &Sweep, x: Atom) -> bool {
    match cx.made_from(in_other_shape(cx, x)) {
        Some((Op::Reduce(Reduce { kind, axes }), _)) => *kind == ReduceKind::Sum && !axes.is_empty(),
        _ => false,
    }
}

/// `sum(sum(x)) == sum(x)` over the axes of both, with or without axes of extent 1 in between, if nobody else needs the
/// inner one.
pub fn of_folds(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Reduce { kind, axes }, x) = reduce(op, operands)?;
    let folded = in_other_shape(cx, x);
    let (Op::Reduce(inner), source) = cx.made_from(folded)? else { return None };
    if inner.kind != *kind || !cx.is_only_for(folded, x) {
        return None;
    }
    let positions = without_unit_axes(&cx.shape(folded), &cx.shape(x))?;
    let stays = (0..cx.shape(source).rank()).filter(|axis| !inner.axes.contains(axis));
    let outer = stays.zip(&positions).filter(|(_, position)| axes.contains(position)).map(|(axis, _)| axis);
    let mut all: Vec<usize> = inner.axes.iter().copied().chain(outer).collect();
    all.sort_unstable();
    let sum = cx.emit(Reduce { kind: *kind, axes: all }, &[source]);
    Some(cx.emit(Reshape { shape: cx.shape(x).without(axes) }, &[sum]))
}

/// Folds take their elements from before a reshape that inserts axes of extent 1, or from before a transpose, where
/// the axes that stay keep their order.
pub fn of_views(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Reduce { kind, axes }, x) = reduce(op, operands)?;
    let (view, source) = cx.made_from(x)?;
    let shape = cx.shape(x);
    let (inner, source): (Vec<usize>, Atom) = match view {
        Op::Reshape(_) | Op::ExpandDims(_) => {
            let positions = without_unit_axes(&cx.shape(source), &shape)?;
            let is_folded = |at: &usize| axes.contains(&positions[*at]);
            ((0..positions.len()).filter(is_folded).collect(), source)
        }
        Op::PermuteAxes(permute) => {
            let stays = (0..shape.rank()).filter(|axis| !axes.contains(axis));
            if !stays.map(|axis| permute.permutation[axis]).is_sorted() {
                return None;
            }
            (axes.iter().map(|&axis| permute.permutation[axis]).collect(), source)
        }
        _ => return None,
    };
    // What is left are axes of extent 1, which are another rule's.
    if inner.is_empty() {
        return None;
    }
    let folded = cx.emit(Reduce { kind: *kind, axes: inner }, &[source]);
    Some(cx.emit(Reshape { shape: shape.without(axes) }, &[folded]))
}

/// A fold of repeated elements is the fold of one of each: times their number, if it is a sum.
pub fn of_broadcasts(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Reduce { kind, axes }, x) = reduce(op, operands)?;
    let (Op::BroadcastInDim(BroadcastInDim { shape, dims }), source) = cx.made_from(x)? else { return None };
    let (shape, dims, operand) = (shape.clone(), dims.clone(), cx.aval(source));
    let own: Vec<usize> = (0..dims.len()).filter(|&axis| axes.contains(&dims[axis])).collect();
    let is_repeated = |axis: &&usize| match dims.iter().position(|dim| dim == *axis) {
        Some(at) => operand.shape[at] != shape[**axis],
        None => true,
    };
    let count: usize = axes.iter().filter(is_repeated).map(|&axis| shape[axis]).product();
    if count < 2 || shape.element_count() == 0 {
        return None;
    }
    let folded =
        if own.is_empty() { source } else { cx.emit(Reduce { kind: *kind, axes: own.clone() }, &[source]) };
    let folded = match kind {
        ReduceKind::Max | ReduceKind::Min | ReduceKind::And | ReduceKind::Or => folded,
        ReduceKind::Sum => times(cx, folded, count, operand.dtype)?,
        ReduceKind::Prod | ReduceKind::Xor => return None,
    };
    let stays: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(axis)).collect();
    let kept = (0..dims.len()).filter(|axis| !own.contains(axis));
    let dims = kept.map(|axis| position(&stays, dims[axis])).collect();
    Some(cx.emit(BroadcastInDim { shape: shape.without(axes), dims }, &[folded]))
}

/// The sum of `count` elements equal to `x`, which is never -0.
fn times(cx: &mut Sweep, x: Atom, count: usize, dtype: DType) -> Option<Atom> {
    let factor = Literal::from_i64(dtype, i64::try_from(count).ok()?);
    let is_float = dtype.is_float();
    if dtype.is_complex() || is_float && factor.value().float() != count as f64 {
        return None;
    }
    let mul = |cx: &mut Sweep| cx.emit(Binary(BinaryKind::Mul), &[x, factor.into()]);
    if !is_float || is_sum_of(cx, x) {
        return Some(mul(cx));
    }
    // Two operations are no better than one addition.
    (count > 2).then(|| {
        let product = mul(cx);
        cx.emit(Binary(BinaryKind::Add), &[product, Atom::constant(dtype, 0.0)])
    })
}
