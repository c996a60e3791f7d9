//! The singular value decomposition by one-sided Jacobi rotations: the columns of the matrix are made orthogonal, their
//! norms are the singular values. Small singular values come out with small relative errors.

use super::householder::{Work, product, qr};
use super::matrix::{Matrix, copy, inner, moderating, norm};
use super::number::{Real, Scalar, hypot};

// Sweeps over all pairs; ten are rare.
const MOST_SWEEPS: usize = 60;

/// What the decomposition of an m x n matrix works in, with `short = min(m, n)` and `long = max(m, n)`.
pub struct Memory<'a, T: Scalar> {
    /// The columns of the matrix (of its conjugate transpose if it is wide) as rows: short x long.
    pub columns: Matrix<'a, T>,
    pub vectors: Option<VectorMemory<'a, T>>,
}

pub struct VectorMemory<'a, T: Scalar> {
    /// short x short.
    pub right: Matrix<'a, T>,
    /// long x (long if all vectors are asked for, short otherwise).
    pub completed: Matrix<'a, T>,
    /// One element per column.
    pub taus: &'a mut [T],
    pub work: Work<'a, T>,
}

/// Where the vectors go.
pub struct Vectors<'a, T> {
    pub u: Matrix<'a, T>,
    pub vt: Matrix<'a, T>,
}

/// Writes the singular values in descending order, and vectors if asked for. Returns whether the iteration converged.
pub fn svd<T: Scalar>(
    (m, n): (usize, usize),
    a: &[T],
    values: &mut [T::Real],
    memory: &mut Memory<T>,
    vectors: Option<Vectors<T>>,
) -> bool {
    let Memory { columns, vectors: vector_memory } = memory;
    let is_wide = m < n;
    for (row, elements) in a.chunks_exact(n.max(1)).enumerate() {
        if is_wide {
            copy(columns.row_mut(row, 0, n), elements);
        } else {
            elements.iter().enumerate().for_each(|(col, &x)| columns.set(col, row, x));
        }
    }
    columns.conjugate_if(is_wide);
    if !columns.is_finite() {
        return false;
    }
    let factor = moderating(columns.largest());
    columns.scale(factor);
    let mut right = vector_memory.as_mut().map(|memory| &mut memory.right);
    right.iter_mut().for_each(|right| right.set_identity());
    let converged = orthogonalize(columns, right.as_deref_mut());
    sort(values, columns, right);
    if let (Some(memory), Some(vectors)) = (vector_memory, vectors) {
        write_vectors(columns, values, memory, vectors, is_wide);
    }
    values.iter_mut().for_each(|value| *value = *value / factor);
    converged
}

/// Rotates pairs of rows until all are orthogonal, and the rows of `right` with them.
fn orthogonalize<T: Scalar>(columns: &mut Matrix<T>, mut right: Option<&mut Matrix<T>>) -> bool {
    let tolerance = T::Real::EPSILON * T::Real::from_usize(columns.cols.max(1)).sqrt();
    for _ in 0..MOST_SWEEPS {
        let mut is_done = true;
        for first in 0..columns.rows {
            for second in first + 1..columns.rows {
                let (x, y) = columns.two_rows(first, second);
                let (xx, yy, xy) = (inner(x, x).re(), inner(y, y).re(), inner(x, y));
                let coupling = xy.abs();
                if coupling <= tolerance * (xx.sqrt() * yy.sqrt()) {
                    continue;
                }
                is_done = false;
                let (one, phase) = (T::Real::ONE, xy.conj().scale(T::Real::ONE / coupling));
                let zeta = (yy - xx) / (coupling + coupling);
                let root = hypot(one, zeta);
                let tangent = (one / (zeta.magnitude() + root)).with_sign(zeta);
                let c = one / hypot(one, tangent);
                let s = c * tangent;
                let turn = Turn { s, ratio: s / (one + c), phase };
                turn.apply(x, y);
                if let Some(right) = right.as_deref_mut() {
                    let (x, y) = right.two_rows(first, second);
                    turn.apply(x, y);
                }
            }
        }
        if is_done {
            return true;
        }
    }
    false
}

/// A plane rotation after a change of phase of the second vector. In the form `x - s (y + r x)` with
/// `r = s / (1 + c)`, the rounding of `c` does not change norms step by step.
struct Turn<T: Scalar> {
    s: T::Real,
    ratio: T::Real,
    phase: T,
}

impl<T: Scalar> Turn<T> {
    fn apply(&self, x: &mut [T], y: &mut [T]) {
        for (x, y) in x.iter_mut().zip(y) {
            let turned = *y * self.phase;
            *y = turned + (*x - turned.scale(self.ratio)).scale(self.s);
            *x = *x - (turned + x.scale(self.ratio)).scale(self.s);
        }
    }
}

/// Descending norms, with the rows in the same order.
fn sort<T: Scalar>(values: &mut [T::Real], columns: &mut Matrix<T>, mut right: Option<&mut Matrix<T>>) {
    for (row, value) in values.iter_mut().enumerate() {
        *value = norm(columns.row(row, 0, columns.cols));
    }
    for place in 0..values.len() {
        let mut largest = (place, T::Real::ZERO);
        for (position, &value) in values.iter().enumerate().skip(place) {
            if position == place || value > largest.1 {
                largest = (position, value);
            }
        }
        if largest.0 < values.len() {
            values.swap(place, largest.0);
            columns.swap_rows(place, largest.0);
            right.iter_mut().for_each(|right| right.swap_rows(place, largest.0));
        }
    }
}

fn write_vectors<T: Scalar>(
    columns: &mut Matrix<T>,
    values: &[T::Real],
    memory: &mut VectorMemory<T>,
    vectors: Vectors<T>,
    is_wide: bool,
) {
    let Vectors { mut u, mut vt } = vectors;
    complete(columns, values, memory);
    let (left, right) = (&memory.completed, &memory.right);
    // Of a wide matrix, the conjugate transpose has been decomposed: the sides change places.
    for row in 0..u.rows {
        for col in 0..u.cols {
            u.set(row, col, if is_wide { right.at(col, row) } else { left.at(row, col) });
        }
    }
    for row in 0..vt.rows {
        for col in 0..vt.cols {
            let value = if is_wide { left.at(col, row) } else { right.at(row, col) };
            vt.set(row, col, value.conj());
        }
    }
}

/// The left vectors as columns of `memory.completed`: the rows of `columns` divided by their norms, then whatever makes
/// an orthonormal basis. Vectors of singular values that are nothing but rounding belong to the second kind.
fn complete<T: Scalar>(columns: &Matrix<T>, values: &[T::Real], memory: &mut VectorMemory<T>) {
    let VectorMemory { completed, taus, work, .. } = memory;
    let long = columns.cols;
    let largest = values.first().copied().unwrap_or(T::Real::ZERO);
    let cutoff = largest * T::Real::EPSILON * T::Real::from_usize(long);
    let rank = values.iter().take_while(|&&value| value > cutoff).count();
    let write = |completed: &mut Matrix<T>| {
        for (col, &value) in values.iter().enumerate().take(rank) {
            for (row, &x) in columns.row(col, 0, long).iter().enumerate() {
                completed.set(row, col, T::new(x.re() / value, x.im() / value));
            }
        }
    };
    completed.fill(T::ZERO);
    write(completed);
    if rank < completed.cols {
        let Some(taus) = taus.get_mut(..rank) else { return };
        qr(completed, taus, work);
        product(completed, taus, work);
        write(completed);
    }
}
