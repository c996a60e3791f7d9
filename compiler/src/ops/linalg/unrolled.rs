//! Factorizations and solutions of matrices up to 4 by 4, written out as arithmetic on arrays of their elements.
//!
//! What a routine of the runtime does to one small matrix costs less than calling it, and arithmetic on a whole batch
//! runs in vectors. The steps are those of the runtime's routines, with the same pivots and signs; `eval` knows
//! nothing of them.

use super::*;
use crate::ops::elementwise::{BinaryKind, CompareKind, UnaryKind};
use crate::ops::shape::{Concatenate, Slice};

/// Matrices with an extent beyond this are left to the runtime.
const LARGEST: usize = 4;

/// Are all operands batches of small matrices of real numbers?
pub fn is_small(operands: &[Aval]) -> bool {
    let is_one = |aval: &Aval| {
        let own = &aval.shape.extents()[aval.rank() - 2..];
        matches!(aval.dtype, DType::F32 | DType::F64) && own.iter().all(|n| (1..=LARGEST).contains(n))
    };
    operands.iter().all(is_one)
}

/// The elements of matrices in row-major order, each an array over the batch.
#[derive(Clone)]
struct Elements {
    cols: usize,
    items: Vec<Atom>,
}

impl Elements {
    fn of(b: &mut Builder, x: Atom) -> Elements {
        let aval = b.aval(x);
        let (batch, own) = aval.shape.extents().split_at(aval.rank() - 2);
        let (rows, cols) = (own[0], own[1]);
        let mut items = Vec::new();
        for place in 0..rows * cols {
            let mut slice = Slice::along(&aval.shape, batch.len(), place / cols, 1);
            slice.starts[batch.len() + 1] = place % cols;
            slice.limits[batch.len() + 1] = place % cols + 1;
            let element = b.emit_one(slice, &[x]);
            items.push(b.reshape(element, batch));
        }
        Elements { cols, items }
    }

    fn at(&self, row: usize, col: usize) -> Atom {
        self.items[row * self.cols + col]
    }

    fn set(&mut self, row: usize, col: usize, value: Atom) {
        self.items[row * self.cols + col] = value;
    }

    fn joined(&self, b: &mut Builder, shape: &Shape) -> Atom {
        joined(b, &self.items, shape)
    }
}

/// Arrays over the batch, side by side in the axes of `shape` behind the batch.
fn joined(b: &mut Builder, items: &[Atom], shape: &Shape) -> Atom {
    let batch = b.aval(items[0]).shape;
    let mut long = batch.extents().to_vec();
    long.push(1);
    let parts: Vec<Atom> = items.iter().map(|&item| b.reshape(item, long.as_slice())).collect();
    let flat = b.emit_one(Concatenate { axis: batch.rank() }, &parts);
    b.reshape(flat, shape.clone())
}

/// `x - factor * y`
fn less(b: &mut Builder, x: Atom, factor: Atom, y: Atom) -> Atom {
    let product = b.mul(factor, y);
    b.sub(x, product)
}

/// `mask ? (y, x) : (x, y)`
fn exchanged(b: &mut Builder, mask: Atom, x: Atom, y: Atom) -> (Atom, Atom) {
    (b.select(mask, y, x), b.select(mask, x, y))
}

/// The lowering of [`Cholesky`].
pub fn cholesky(a: &Aval) -> Lowering {
    let mut b = Builder::new();
    let x = b.input(a.clone()).into();
    let mut l = Elements::of(&mut b, x);
    let element = b.aval(l.items[0]);
    let zero = b.zeros(&element);
    let mut is_definite = b.compare(CompareKind::Eq, zero, zero);
    for row in 0..l.cols {
        for col in 0..=row {
            let mut value = l.at(row, col);
            for k in 0..col {
                value = less(&mut b, value, l.at(col, k), l.at(row, k));
            }
            if col < row {
                value = b.div(value, l.at(col, col));
            } else {
                // False for NaN.
                let is_positive = b.compare(CompareKind::Gt, value, zero);
                is_definite = b.binary(BinaryKind::And, is_definite, is_positive);
                value = b.unary(UnaryKind::Sqrt, value);
            }
            l.set(row, col, value);
        }
    }
    let nan = b.full(element.dtype, &element.shape, f64::NAN);
    let items = l.items.iter().map(|&item| b.select(is_definite, item, nan)).collect();
    let output = Elements { items, ..l }.joined(&mut b, &a.shape);
    Lowering::Expand(b.finish(vec![output]))
}

/// The lowering of [`TriangularSolve`].
pub fn triangular_solve(op: &TriangularSolve, a: &Aval, rhs: &Aval) -> Lowering {
    let mut b = Builder::new();
    let inputs = [b.input(a.clone()), b.input(rhs.clone())];
    let (a, mut x) = (Elements::of(&mut b, inputs[0].into()), Elements::of(&mut b, inputs[1].into()));
    let n = a.cols;
    // `x op(a) = b` is `op(a)^T x^T = b^T`.
    let is_transposed = op.is_transposed == op.is_left;
    let place = |i: usize, other: usize| if op.is_left { (i, other) } else { (other, i) };
    let others = x.items.len() / n;
    let forward = op.is_lower != is_transposed;
    let order: Vec<usize> = if forward { (0..n).collect() } else { (0..n).rev().collect() };
    for other in 0..others {
        for (step, &i) in order.iter().enumerate() {
            let (row, col) = place(i, other);
            let mut value = x.at(row, col);
            for &k in &order[..step] {
                let factor = if is_transposed { a.at(k, i) } else { a.at(i, k) };
                let (row, col) = place(k, other);
                value = less(&mut b, value, factor, x.at(row, col));
            }
            if !op.is_unit {
                value = b.div(value, a.at(i, i));
            }
            x.set(row, col, value);
        }
    }
    let output = x.joined(&mut b, &rhs.shape);
    Lowering::Expand(b.finish(vec![output]))
}

/// The lowering of [`Lu`]: packed factors, pivots and permutation.
pub fn lu(a: &Aval, results: &[Aval]) -> Lowering {
    let mut b = Builder::new();
    let x = b.input(a.clone()).into();
    let mut lu = Elements::of(&mut b, x);
    let n = lu.cols;
    let m = lu.items.len() / n;
    let batch = b.aval(lu.items[0]).shape;
    let position = |b: &mut Builder, row: usize| b.full(DType::I32, &batch, row as f64);
    let mut order: Vec<Atom> = (0..m).map(|row| position(&mut b, row)).collect();
    let rows = order.clone();
    let mut pivots = Vec::new();
    for k in 0..m.min(n) {
        let pivot = largest_below(&mut b, &lu, &rows, k);
        pivots.push(pivot);
        for row in k + 1..m {
            let is_pivot = b.compare(CompareKind::Eq, pivot, rows[row]);
            (order[k], order[row]) = exchanged(&mut b, is_pivot, order[k], order[row]);
            for col in 0..n {
                let (upper, lower) = exchanged(&mut b, is_pivot, lu.at(k, col), lu.at(row, col));
                lu.set(k, col, upper);
                lu.set(row, col, lower);
            }
        }
        eliminate(&mut b, &mut lu, k);
    }
    let outputs = vec![
        lu.joined(&mut b, &results[0].shape),
        joined(&mut b, &pivots, &results[1].shape),
        joined(&mut b, &order, &results[2].shape),
    ];
    Lowering::Expand(b.finish(outputs))
}

/// The row, from `k` on, with the first of the largest elements of column `k`.
fn largest_below(b: &mut Builder, lu: &Elements, rows: &[Atom], k: usize) -> Atom {
    let (mut pivot, mut largest) = (rows[k], b.unary(UnaryKind::Abs, lu.at(k, k)));
    for (row, &number) in rows.iter().enumerate().skip(k + 1) {
        let size = b.unary(UnaryKind::Abs, lu.at(row, k));
        let is_larger = b.compare(CompareKind::Gt, size, largest);
        pivot = b.select(is_larger, number, pivot);
        largest = b.select(is_larger, size, largest);
    }
    pivot
}

/// Subtracts multiples of row `k` from those below. Where the pivot is zero, so is the column: nothing happens.
fn eliminate(b: &mut Builder, lu: &mut Elements, k: usize) {
    let element = b.aval(lu.at(k, k));
    let zero = b.zeros(&element);
    let vanishes = b.compare(CompareKind::Eq, lu.at(k, k), zero);
    for row in k + 1..lu.items.len() / lu.cols {
        let quotient = b.div(lu.at(row, k), lu.at(k, k));
        let factor = b.select(vanishes, lu.at(row, k), quotient);
        lu.set(row, k, factor);
        for col in k + 1..lu.cols {
            let reduced = less(b, lu.at(row, col), factor, lu.at(k, col));
            let kept = b.select(vanishes, lu.at(row, col), reduced);
            lu.set(row, col, kept);
        }
    }
}
