//! Factorizations by Householder reflections, in the packed forms and with the signs of LAPACK.
//!
//! # Note: packed reflections
//! Reflection `H = 1 - tau v v^H` has a `v` that starts with 1 where the reduced column has its last kept element; the
//! rest of `v` stands below that element.

use super::matrix::{Matrix, add_scaled, add_scaled_conj, dot, inner, norm};
use super::number::{Real, Scalar, hypot};

/// Makes a reflection whose conjugate transpose maps `(alpha, tail)` to `(beta, 0)` with a real `beta`. Replaces
/// `alpha` by `beta` and `tail` by the rest of `v`; returns `tau`, which is 0 if nothing is to be done.
pub fn reflection<T: Scalar>(alpha: &mut T, tail: &mut [T]) -> T {
    let size = norm(tail);
    if size == T::Real::ZERO && alpha.im() == T::Real::ZERO {
        return T::ZERO;
    }
    let beta = -hypot(hypot(alpha.re(), alpha.im()), size).with_sign(alpha.re());
    let tau = T::new((beta - alpha.re()) / beta, -(alpha.im() / beta));
    let divisor = *alpha - T::real(beta);
    tail.iter_mut().for_each(|x| *x = *x / divisor);
    *alpha = T::real(beta);
    tau
}

/// A block of a matrix: rows and columns from, to.
#[derive(Clone, Copy)]
pub struct Block {
    pub rows: (usize, usize),
    pub cols: (usize, usize),
}

/// `a = (1 - tau v v^H) a` on a block; `v` has an element per row, `work` one per column.
pub fn reflect_rows<T: Scalar>(a: &mut Matrix<T>, v: &[T], tau: T, block: Block, work: &mut [T]) {
    let (from, to) = block.cols;
    let Some(work) = work.get_mut(..to.saturating_sub(from)) else { return };
    if tau == T::ZERO {
        return;
    }
    work.fill(T::ZERO);
    for (row, &x) in (block.rows.0..block.rows.1).zip(v) {
        add_scaled(work, x.conj(), a.row(row, from, to));
    }
    for (row, &x) in (block.rows.0..block.rows.1).zip(v) {
        add_scaled(a.row_mut(row, from, to), -(tau * x), work);
    }
}

/// `a = a (1 - tau v v^H)` on a block; `v` has an element per column.
pub fn reflect_cols<T: Scalar>(a: &mut Matrix<T>, v: &[T], tau: T, block: Block) {
    if tau == T::ZERO {
        return;
    }
    for row in block.rows.0..block.rows.1 {
        let x = a.row_mut(row, block.cols.0, block.cols.1);
        let factor = -(tau * dot(x, v));
        add_scaled_conj(x, factor, v);
    }
}

/// Reads `v` of the reflection packed in a column: 1, then the elements below `row` up to `end`.
pub fn unpack<'v, T: Scalar>(a: &Matrix<T>, row: usize, end: usize, col: usize, v: &'v mut [T]) -> &'v [T] {
    let Some(v) = v.get_mut(..end.saturating_sub(row)) else { return &[] };
    for (offset, x) in v.iter_mut().enumerate() {
        *x = if offset == 0 { T::ONE } else { a.at(row + offset, col) };
    }
    v
}

/// Replaces a column from `row` to `end` by its reflection; leaves `v` in the vector and returns `tau`.
pub fn reduce_column<T: Scalar>(a: &mut Matrix<T>, row: usize, end: usize, col: usize, v: &mut [T]) -> T {
    let Some(v) = v.get_mut(..end.saturating_sub(row)) else { return T::ZERO };
    v.iter_mut().enumerate().for_each(|(offset, x)| *x = a.at(row + offset, col));
    let Some((alpha, tail)) = v.split_first_mut() else { return T::ZERO };
    let tau = reflection(alpha, tail);
    for (offset, &x) in v.iter().enumerate() {
        a.set(row + offset, col, x);
    }
    if let Some(first) = v.first_mut() {
        *first = T::ONE;
    }
    tau
}

/// Vectors that the routines of this file work in, of as many elements as the matrix has rows and columns.
pub struct Work<'a, T> {
    pub rows: &'a mut [T],
    pub cols: &'a mut [T],
}

/// QR: `r` on and above the diagonal, reflections below it. `taus` has an element per reflection.
pub fn qr<T: Scalar>(a: &mut Matrix<T>, taus: &mut [T], work: &mut Work<T>) {
    for (k, tau) in taus.iter_mut().enumerate() {
        *tau = qr_step(a, k, work);
    }
}

fn qr_step<T: Scalar>(a: &mut Matrix<T>, k: usize, work: &mut Work<T>) -> T {
    let (m, n) = (a.rows, a.cols);
    let tau = reduce_column(a, k, m, k, work.rows);
    let block = Block { rows: (k, m), cols: (k + 1, n) };
    reflect_rows(a, work.rows, tau.conj(), block, work.cols);
    tau
}

/// QR with column pivoting. On entry, columns with a nonzero `pivots` are moved to the front; on exit, column `k` of
/// the factored matrix is column `pivots[k]`, counted from 1. `norms` has two elements per column.
pub fn pivoted_qr<T: Scalar>(
    a: &mut Matrix<T>,
    pivots: &mut [i32],
    taus: &mut [T],
    work: &mut Work<T>,
    norms: &mut [T::Real],
) {
    let (m, n) = (a.rows, a.cols);
    let fixed = move_fixed_to_front(a, pivots);
    let Some((partial, exact)) = norms.split_at_mut_checked(n) else { return };
    let column_norm = |a: &Matrix<T>, from: usize, col: usize, v: &mut [T]| {
        let Some(v) = v.get_mut(..m.saturating_sub(from)) else { return T::Real::ZERO };
        v.iter_mut().enumerate().for_each(|(offset, x)| *x = a.at(from + offset, col));
        norm(v)
    };
    for (k, tau) in taus.iter_mut().enumerate() {
        if k < fixed {
            *tau = qr_step(a, k, work);
            continue;
        }
        if k == fixed {
            for (col, (partial, exact)) in partial.iter_mut().zip(exact.iter_mut()).enumerate().skip(k) {
                *partial = column_norm(a, k, col, work.rows);
                *exact = *partial;
            }
        }
        let mut chosen = (k, partial.get(k).copied().unwrap_or(T::Real::ZERO));
        for (col, &size) in partial.iter().enumerate().skip(k + 1) {
            if size > chosen.1 {
                chosen = (col, size);
            }
        }
        let pivot = chosen.0;
        if pivot != k {
            a.swap_cols(pivot, k);
            swap(pivots, pivot, k);
            // What column k had is what its new place needs; column k itself is done.
            move_to(partial, k, pivot);
            move_to(exact, k, pivot);
        }
        *tau = qr_step(a, k, work);
        let tolerance = T::Real::EPSILON.sqrt();
        for (col, (partial, exact)) in partial.iter_mut().zip(exact.iter_mut()).enumerate().skip(k + 1) {
            if *partial == T::Real::ZERO {
                continue;
            }
            let ratio = a.at(k, col).abs() / *partial;
            let left = (T::Real::ONE - ratio * ratio).larger(T::Real::ZERO);
            let relative = *partial / *exact;
            if left * relative * relative <= tolerance {
                // Too much has been subtracted for the difference to be accurate.
                *partial = if k + 1 < m { column_norm(a, k + 1, col, work.rows) } else { T::Real::ZERO };
                *exact = *partial;
            } else {
                *partial = *partial * left.sqrt();
            }
        }
    }
}

fn swap<E: Copy>(items: &mut [E], first: usize, second: usize) {
    if first < items.len() && second < items.len() {
        items.swap(first, second);
    }
}

fn move_to<E: Copy>(items: &mut [E], from: usize, to: usize) {
    if let Some(&item) = items.get(from) {
        items.get_mut(to).into_iter().for_each(|place| *place = item);
    }
}

/// Moves the columns with a nonzero entry to the front and numbers all columns; returns how many are in front.
fn move_fixed_to_front<T: Scalar>(a: &mut Matrix<T>, pivots: &mut [i32]) -> usize {
    let mut fixed = 0;
    for col in 0..pivots.len() {
        let is_fixed = pivots.get(col).is_some_and(|&pivot| pivot != 0);
        pivots.get_mut(col).into_iter().for_each(|pivot| *pivot = col as i32 + 1);
        if is_fixed {
            if col != fixed {
                a.swap_cols(col, fixed);
                swap(pivots, col, fixed);
            }
            fixed += 1;
        }
    }
    fixed
}

/// The first columns of the product of the packed reflections of `a`, in its place.
pub fn product<T: Scalar>(a: &mut Matrix<T>, taus: &[T], work: &mut Work<T>) {
    let (m, n) = (a.rows, a.cols);
    for col in taus.len()..n {
        (0..m).for_each(|row| a.set(row, col, if row == col { T::ONE } else { T::ZERO }));
    }
    for (k, &tau) in taus.iter().enumerate().rev() {
        let v = unpack(a, k, m, k, work.rows);
        reflect_rows(a, v, tau, Block { rows: (k, m), cols: (k + 1, n) }, work.cols);
        for row in 0..m {
            let value = if row < k {
                T::ZERO
            } else if row == k {
                T::ONE - tau
            } else {
                -(tau * a.at(row, k))
            };
            a.set(row, k, value);
        }
    }
}

/// `c = q c` or `c q`, with `q` or its conjugate transpose, where `q` is the product of the packed reflections of `a`.
pub fn multiply<T: Scalar>(
    a: &Matrix<T>,
    taus: &[T],
    c: &mut Matrix<T>,
    is_left: bool,
    is_transposed: bool,
    work: &mut Work<T>,
) {
    let count = taus.len();
    for step in 0..count {
        let k = if is_left != is_transposed { count - 1 - step } else { step };
        let tau = taus.get(k).copied().unwrap_or(T::ZERO);
        let tau = if is_transposed { tau.conj() } else { tau };
        let v = unpack(a, k, a.rows, k, work.rows);
        if is_left {
            let block = Block { rows: (k, a.rows), cols: (0, c.cols) };
            reflect_rows(c, v, tau, block, work.cols);
        } else {
            let block = Block { rows: (0, c.rows), cols: (k, a.rows) };
            reflect_cols(c, v, tau, block);
        }
    }
}

/// Upper Hessenberg form of rows and columns `low..high` by reflections packed below the subdiagonal; outside, the
/// matrix is upper triangular.
pub fn hessenberg<T: Scalar>(
    a: &mut Matrix<T>,
    (low, high): (usize, usize),
    taus: &mut [T],
    work: &mut Work<T>,
) {
    let n = a.rows;
    taus.fill(T::ZERO);
    for k in low..high.saturating_sub(1) {
        let tau = reduce_column(a, k + 1, high, k, work.rows);
        let Some(v) = work.rows.get(..high - k - 1) else { return };
        reflect_cols(a, v, tau, Block { rows: (0, high), cols: (k + 1, high) });
        reflect_rows(a, v, tau.conj(), Block { rows: (k + 1, high), cols: (k + 1, n) }, work.cols);
        taus.get_mut(k).into_iter().for_each(|place| *place = tau);
    }
}

/// The unitary matrix of [`hessenberg`].
pub fn hessenberg_product<T: Scalar>(
    a: &Matrix<T>,
    (low, high): (usize, usize),
    taus: &[T],
    q: &mut Matrix<T>,
    work: &mut Work<T>,
) {
    q.set_identity();
    for k in (low..high.saturating_sub(1)).rev() {
        let tau = taus.get(k).copied().unwrap_or(T::ZERO);
        let v = unpack(a, k + 1, high, k, work.rows);
        reflect_rows(q, v, tau, Block { rows: (k + 1, high), cols: (k + 1, high) }, work.cols);
    }
}

/// Tridiagonal form of a Hermitian matrix of which both triangles are given: reflections packed below the subdiagonal
/// (the part above the diagonal is spoilt), the diagonal and the subdiagonal, which is real.
pub fn tridiagonalize<T: Scalar>(
    a: &mut Matrix<T>,
    diagonal: &mut [T::Real],
    subdiagonal: &mut [T::Real],
    taus: &mut [T],
    work: &mut Work<T>,
) {
    let n = a.rows;
    for (k, (tau, below)) in taus.iter_mut().zip(subdiagonal).enumerate().take(n.saturating_sub(1)) {
        *tau = reduce_column(a, k + 1, n, k, work.rows);
        *below = a.at(k + 1, k).re();
        let (Some(v), Some(w)) = (work.rows.get(..n - k - 1), work.cols.get_mut(..n - k - 1)) else { return };
        if *tau == T::ZERO {
            continue;
        }
        for (offset, w) in w.iter_mut().enumerate() {
            *w = *tau * dot(a.row(k + 1 + offset, k + 1, n), v);
        }
        let factor = -(*tau * inner(w, v)).scale(T::Real::HALF);
        add_scaled(w, factor, v);
        for (offset, (&vi, &wi)) in v.iter().zip(w.iter()).enumerate() {
            let row = a.row_mut(k + 1 + offset, k + 1, n);
            add_scaled_conj(row, -vi, w);
            add_scaled_conj(row, -wi, v);
        }
    }
    for (k, value) in diagonal.iter_mut().enumerate().take(n) {
        *value = a.at(k, k).re();
    }
}
