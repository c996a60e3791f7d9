//! Operations that move elements: chains of them become one, and those that move nothing become none. All exact.

use super::Sweep;
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::elementwise::{Identity, IdentityKind};
use crate::ops::shape::{BroadcastInDim, Concatenate, PermuteAxes, Reshape, Slice};
use crate::types::{Aval, Shape};

/// What returns its first operand, or its only operand that has elements: `x[0:n] == x`, `pad(x, 0) == x`,
/// `concatenate(x) == x`, `stop_gradient(x) == x`, `rev(x) == x` along axes of extent 1, a window of full size.
pub fn unchanged(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let &x = operands.first()?;
    let is_unchanged = match op {
        Op::Slice(slice) => {
            let shape = cx.shape(x);
            let is_dense = slice.strides.iter().all(|&stride| stride == 1);
            is_dense && slice.starts.iter().all(|&start| start == 0) && *shape.extents() == *slice.limits
        }
        Op::Pad(pad) => pad.config.iter().all(|&amounts| amounts == (0, 0, 0)),
        Op::Rev(rev) => {
            let shape = cx.shape(x);
            rev.axes.iter().all(|&axis| shape[axis] == 1)
        }
        // What these mean to transformations, they have meant.
        Op::Identity(Identity(kind)) => {
            use IdentityKind::*;
            match kind {
                Copy | CopyP | StopGradient | DevicePut | ShardingConstraint | RandomClone => true,
                Name | Nontraceable | NondifferentiableBackward => true,
                OptimizationBarrier => false,
            }
        }
        Op::DynamicSlice(slice) => *cx.shape(x).extents() == *slice.sizes,
        Op::DynamicUpdateSlice(_) if cx.shape(x) == cx.shape(operands[1]) => return Some(operands[1]),
        Op::Concatenate(Concatenate { axis }) => return joined(cx, *axis, operands),
        _ => false,
    };
    is_unchanged.then_some(x)
}

/// A concatenation without the operands that have no elements.
fn joined(cx: &mut Sweep, axis: usize, operands: &[Atom]) -> Option<Atom> {
    let filled: Vec<Atom> = operands.iter().copied().filter(|&operand| cx.shape(operand)[axis] > 0).collect();
    match *filled {
        [] => operands.first().copied(),
        [x] => Some(x),
        _ if filled.len() == operands.len() => None,
        _ => Some(cx.emit(Concatenate { axis }, &filled)),
    }
}

/// `reshape(reshape(x)) == reshape(x)`, and `reshape(x) == x` to the same shape, for whatever keeps the elements in
/// order: `squeeze`, `expand_dims`, transposes that move and broadcasts that insert axes of extent 1.
pub fn in_order(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let &[x] = operands else { return None };
    x.var()?;
    let operand = cx.aval(x);
    if !keeps_order(op, &operand.shape) {
        return None;
    }
    let shape = shape_of(op, &operand)?;
    let source = in_other_shape(cx, x);
    if cx.shape(source) == shape {
        return Some(source);
    }
    let is_reshape = matches!(op, Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_));
    (source != x || !is_reshape).then(|| cx.emit(Reshape { shape }, &[source]))
}

/// The array whose elements, in the same order, `x` has under another shape; `x` itself if it is nothing of the kind.
pub fn in_other_shape(cx: &Sweep, x: Atom) -> Atom {
    match cx.made_from(x) {
        Some((Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_), source)) if source.var().is_some() => {
            source
        }
        _ => x,
    }
}

fn keeps_order(op: &Op, operand: &Shape) -> bool {
    let keeps = |axes: &[usize]| {
        let long = axes.iter().enumerate().filter(|(_, axis)| operand[**axis] != 1);
        long.map(|(_, &axis)| axis).is_sorted()
    };
    match op {
        Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => true,
        Op::PermuteAxes(PermuteAxes { permutation }) => keeps(permutation),
        Op::PermutedReshape(reshape) => keeps(&reshape.permutation),
        Op::BroadcastInDim(BroadcastInDim { shape, dims }) => {
            let long = (0..dims.len()).filter(|&axis| operand[axis] != 1).map(|axis| dims[axis]);
            shape.element_count() == operand.element_count() && long.is_sorted()
        }
        _ => false,
    }
}

/// The shape of the one result.
fn shape_of(op: &Op, operand: &Aval) -> Option<Shape> {
    Some(op.infer(std::slice::from_ref(operand)).ok()?.first()?.shape.clone())
}

/// `transpose(transpose(x)) == transpose(x)`, `transpose(broadcast(x)) == broadcast(x)`.
pub fn permuted(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let &[x] = operands else { return None };
    let permutation = match op {
        Op::PermuteAxes(PermuteAxes { permutation }) => permutation,
        Op::PermutedReshape(reshape) => {
            let permuted = cx.emit(PermuteAxes { permutation: reshape.permutation.clone() }, &[x]);
            return Some(cx.emit(Reshape { shape: reshape.shape.clone() }, &[permuted]));
        }
        _ => return None,
    };
    match cx.made_from(x)? {
        (Op::PermuteAxes(inner), source) => {
            let permutation = permutation.iter().map(|&axis| inner.permutation[axis]).collect();
            Some(cx.emit(PermuteAxes { permutation }, &[source]))
        }
        (Op::BroadcastInDim(BroadcastInDim { shape, dims }), source) => {
            let shape = permutation.iter().map(|&axis| shape[axis]).collect();
            let dims = dims.iter().map(|&dim| position(permutation, dim)).collect();
            Some(cx.emit(BroadcastInDim { shape, dims }, &[source]))
        }
        _ => None,
    }
}

/// Where a permutation puts an axis.
pub fn position(permutation: &[usize], axis: usize) -> usize {
    permutation.iter().position(|&from| from == axis).expect("a permutation has every axis")
}

/// `broadcast(broadcast(x)) == broadcast(x)`, and the same for a reshape that only inserts axes of extent 1.
pub fn broadcast(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::BroadcastInDim(BroadcastInDim { shape, dims }), &[x]) = (op, operands) else { return None };
    let (inner, source) = match cx.made_from(x)? {
        (Op::BroadcastInDim(inner), source) => (inner.dims.clone(), source),
        (Op::Reshape(_) | Op::ExpandDims(_), source) => {
            (without_unit_axes(&cx.shape(source), &cx.shape(x))?, source)
        }
        _ => return None,
    };
    let dims = inner.into_iter().map(|axis| dims[axis]).collect();
    Some(cx.emit(BroadcastInDim { shape: shape.clone(), dims }, &[source]))
}

/// Where the axes of `shape` are in `longer`, which has more axes, all of extent 1; `None` if it is not so.
pub fn without_unit_axes(shape: &Shape, longer: &Shape) -> Option<Vec<usize>> {
    let mut rest = 0..longer.rank();
    let positions: Vec<usize> = shape
        .extents()
        .iter()
        .map(|&extent| rest.find(|&axis| longer[axis] == extent || longer[axis] != 1))
        .collect::<Option<_>>()?;
    let is_same = shape.extents().iter().zip(&positions).all(|(&extent, &axis)| longer[axis] == extent);
    (is_same && rest.all(|axis| longer[axis] == 1)).then_some(positions)
}

/// Slices of slices, of one operand of a concatenation, and of repeated elements.
pub fn sliced(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::Slice(slice), &[x]) = (op, operands) else { return None };
    let maker = cx.maker(x)?;
    match &maker.op {
        Op::Slice(inner) => {
            let (slice, source) = (slice_of_slice(slice, inner), maker.operands[0]);
            Some(cx.emit(slice, &[source]))
        }
        Op::Concatenate(Concatenate { axis }) => {
            let (axis, pieces) = (*axis, maker.operands.clone());
            slice_of_piece(cx, slice, axis, &pieces)
        }
        Op::BroadcastInDim(BroadcastInDim { shape, dims }) => {
            let is_whole = |axis: &usize| {
                let bounds = (slice.starts[*axis], slice.limits[*axis], slice.strides[*axis]);
                bounds == (0, shape[*axis], 1)
            };
            let (source, dims) = (maker.operands[0], dims.clone());
            let is_repeated = |axis: &usize| match dims.iter().position(|dim| dim == axis) {
                Some(at) => cx.shape(source)[at] == 1,
                None => true,
            };
            if !(0..shape.rank()).all(|axis| is_whole(&axis) || is_repeated(&axis)) {
                return None;
            }
            let shape = shape_of(op, &cx.aval(x))?;
            Some(cx.emit(BroadcastInDim { shape, dims }, &[source]))
        }
        _ => None,
    }
}

fn slice_of_slice(slice: &Slice, inner: &Slice) -> Slice {
    let at = |axis: usize, position: usize| inner.starts[axis] + position * inner.strides[axis];
    let bounds = |axis: usize| match (slice.starts[axis], slice.limits[axis]) {
        (start, limit) if start == limit => (inner.starts[axis], inner.starts[axis]),
        (start, limit) => (at(axis, start), at(axis, limit - 1) + 1),
    };
    let axes = 0..slice.starts.len();
    let (starts, limits) = axes.clone().map(bounds).unzip();
    Slice { starts, limits, strides: axes.map(|axis| slice.strides[axis] * inner.strides[axis]).collect() }
}

/// A slice whose elements all come from one operand of a concatenation.
fn slice_of_piece(cx: &mut Sweep, slice: &Slice, axis: usize, pieces: &[Atom]) -> Option<Atom> {
    let mut offset = 0;
    for &piece in pieces {
        let end = offset + cx.shape(piece)[axis];
        if slice.starts[axis] >= offset && slice.limits[axis] <= end {
            let mut of_piece = slice.clone();
            of_piece.starts[axis] -= offset;
            of_piece.limits[axis] -= offset;
            return Some(cx.emit(of_piece, &[piece]));
        }
        offset = end;
    }
    None
}
