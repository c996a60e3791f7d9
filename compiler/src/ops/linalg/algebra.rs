//! What the derivatives are made of: products, transposes and triangles of batches of matrices.

use crate::ir::{Atom, Builder};
use crate::ops::contraction::DotGeneral;
use crate::ops::elementwise::{CompareKind, ComplexPart, Conj, MakeComplex, PartKind};
use crate::ops::indexing::{DimensionNumbers, Gather, Mode};
use crate::ops::linalg::{Lu, TriangularSolve};
use crate::ops::shape::{Concatenate, Iota, Pad, Slice};
use crate::types::{DType, Literal, Shape};

/// The extents of the matrices.
pub fn matrix_extents(b: &Builder, x: Atom) -> (usize, usize) {
    let extents = b.aval(x).shape.extents().to_vec();
    (extents[extents.len() - 2], extents[extents.len() - 1])
}

pub fn transposed(b: &mut Builder, x: Atom) -> Atom {
    let rank = b.aval(x).rank();
    b.move_axis(x, rank - 2, rank - 1)
}

/// The conjugate transpose.
pub fn dagger(b: &mut Builder, x: Atom) -> Atom {
    let x = transposed(b, x);
    conj(b, x)
}

pub fn conj(b: &mut Builder, x: Atom) -> Atom {
    if b.dtype(x).is_complex() { b.emit_one(Conj, &[x]) } else { x }
}

/// The real part, as a float.
pub fn real(b: &mut Builder, x: Atom) -> Atom {
    if b.dtype(x).is_complex() { b.emit_one(ComplexPart(PartKind::Real), &[x]) } else { x }
}

/// The imaginary part of a complex number.
pub fn imag(b: &mut Builder, x: Atom) -> Atom {
    b.emit_one(ComplexPart(PartKind::Imag), &[x])
}

pub fn complex(b: &mut Builder, re: Atom, im: Atom) -> Atom {
    b.emit_one(MakeComplex, &[re, im])
}

/// The real part, in the dtype of the number.
pub fn real_in_place(b: &mut Builder, x: Atom) -> Atom {
    let dtype = b.dtype(x);
    let re = real(b, x);
    b.convert(re, dtype)
}

/// The product of two batches of matrices.
pub fn matmul(b: &mut Builder, x: Atom, y: Atom) -> Atom {
    let rank = b.aval(x).rank();
    let batch: Vec<usize> = (0..rank - 2).collect();
    b.emit_one(DotGeneral::contracting(&[rank - 1], &[rank - 2]).batched(&batch, &batch), &[x, y])
}

/// A mask of the elements whose row plus `offset` compares like this to their column.
fn mask(b: &mut Builder, shape: &Shape, offset: i64, kind: CompareKind) -> Atom {
    let own: Shape = shape.extents()[shape.rank() - 2..].iter().copied().collect();
    let mut positions = |axis| b.emit_one(Iota { dtype: DType::I32, shape: own.clone(), axis }, &[]);
    let (rows, cols) = (positions(0), positions(1));
    let rows = b.add(rows, Atom::Literal(Literal::from_i64(DType::I32, offset)));
    let mask = b.compare(kind, rows, cols);
    b.broadcast_in_dim(mask, shape.clone(), &[shape.rank() - 2, shape.rank() - 1])
}

fn masked(b: &mut Builder, x: Atom, offset: i64, kind: CompareKind) -> Atom {
    let aval = b.aval(x);
    let mask = mask(b, &aval.shape, offset, kind);
    let zero = b.full(aval.dtype, &aval.shape, 0.0);
    b.select(mask, x, zero)
}

/// The elements on and below diagonal `offset` (1: the one above the main one).
pub fn lower_triangle(b: &mut Builder, x: Atom, offset: i64) -> Atom {
    masked(b, x, offset, CompareKind::Ge)
}

/// The elements on and above diagonal `offset`.
pub fn upper_triangle(b: &mut Builder, x: Atom, offset: i64) -> Atom {
    masked(b, x, offset, CompareKind::Le)
}

/// The elements of the main diagonal, the others being zero.
pub fn diagonal_part(b: &mut Builder, x: Atom) -> Atom {
    masked(b, x, 0, CompareKind::Eq)
}

/// A matrix with the elements of a vector [n] in rows `max(0, -offset)..` of diagonal `offset`, the others being zero.
///
/// Shapes: [n] -> [n + |offset|, n + |offset|].
pub fn on_diagonal(b: &mut Builder, x: Atom, offset: i64) -> Atom {
    let size = b.aval(x).shape[0] + offset.unsigned_abs() as usize;
    let zero = b.constant_like(x, 0.0);
    // Element i of the padded vector is that of row i.
    let config = vec![((-offset).max(0), offset.max(0), 0)];
    let by_row = b.emit_one(Pad { config }, &[x, zero]);
    let all = b.broadcast_in_dim(by_row, [size, size], &[0]);
    masked(b, all, offset, CompareKind::Eq)
}

/// The main diagonals of square matrices, as vectors.
pub fn diagonal(b: &mut Builder, x: Atom) -> Atom {
    let part = diagonal_part(b, x);
    let last = b.aval(x).rank() - 1;
    b.reduce_sum(part, &[last])
}

/// Ones on the diagonals of a batch of matrices of this shape.
pub fn identity(b: &mut Builder, dtype: DType, shape: &Shape) -> Atom {
    let ones = b.full(dtype, shape, 1.0);
    diagonal_part(b, ones)
}

/// Vectors as rows of matrices of one row.
pub fn as_row(b: &mut Builder, x: Atom) -> Atom {
    let rank = b.aval(x).rank();
    b.expand_dims(x, &[rank - 1])
}

/// Vectors as columns.
pub fn as_column(b: &mut Builder, x: Atom) -> Atom {
    let rank = b.aval(x).rank();
    b.expand_dims(x, &[rank])
}

/// `1 / x`, and 0 where `x` is 0 at a position of the mask that `at` marks with ones.
pub fn reciprocal_without(b: &mut Builder, x: Atom, at: Atom) -> Atom {
    let one = b.constant_like(x, 1.0);
    let shifted = b.add(x, at);
    let reciprocal = b.div(one, shifted);
    b.sub(reciprocal, at)
}

/// Rows or columns `start..start + extent` of the matrices; `axis` counts from the end: 2 rows, 1 columns.
pub fn part(b: &mut Builder, x: Atom, axis: usize, start: usize, extent: usize) -> Atom {
    let shape = b.aval(x).shape;
    let axis = shape.rank() - axis;
    if start == 0 && extent == shape[axis] {
        return x;
    }
    b.emit_one(Slice::along(&shape, axis, start, extent), &[x])
}

/// Matrices beside each other (`axis` 1) or above each other (`axis` 2).
pub fn joined(b: &mut Builder, parts: &[Atom], axis: usize) -> Atom {
    let axis = b.aval(parts[0]).rank() - axis;
    b.emit_one(Concatenate { axis }, parts)
}

/// The rows (`axis` 0) or columns (1) of matrices in the order of permutations [.., n].
pub fn reordered(b: &mut Builder, x: Atom, axis: usize, order: Atom) -> Atom {
    let (shape, batch_rank) = (b.aval(x).shape, b.aval(order).rank() - 1);
    let moved = batch_rank + axis;
    let index = b.expand_dims(order, &[batch_rank + 1]);
    let batch: Vec<usize> = (0..batch_rank).collect();
    let numbers = DimensionNumbers {
        window_axes: vec![2 * batch_rank + 1 - moved],
        collapsed: vec![moved],
        index_map: vec![moved],
        operand_batch: batch.clone(),
        indices_batch: batch,
    };
    let mut window = vec![1; batch_rank + 2];
    let whole = 2 * batch_rank + 1 - moved;
    window[whole] = shape[whole];
    b.emit_one(Gather::linear(numbers, window, Mode::PromiseInBounds), &[x, index])
}

/// `x` with `a x = rhs`.
pub fn solve(b: &mut Builder, a: Atom, rhs: Atom) -> Atom {
    let factors = b.emit(Lu, &[a]);
    let (packed, order) = (factors[0], factors[2]);
    let rhs = reordered(b, rhs, 0, order);
    let y = b.emit_one(
        TriangularSolve { is_lower: true, is_unit: true, ..TriangularSolve::left() },
        &[packed, rhs],
    );
    b.emit_one(TriangularSolve::left(), &[packed, y])
}
