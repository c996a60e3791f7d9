//! Factorizations and solutions in a fixed number of steps: Cholesky, LU, triangular and tridiagonal systems.

use super::matrix::{Matrix, add_scaled, dot, inner};
use super::number::{Real, Scalar};

/// The lower Cholesky factor in the lower triangle, from the lower triangle of a Hermitian matrix, row by row. The part
/// above the diagonal is neither read nor written. Returns whether the matrix is positive definite.
pub fn cholesky<T: Scalar>(a: &mut Matrix<T>) -> bool {
    for row in 0..a.rows {
        for col in 0..row {
            let (above, current) = a.two_rows(col, row);
            let (Some(&diagonal), Some(solved)) = (above.get(col), above.get(..col)) else { return false };
            let Some((known, rest)) = current.split_at_mut_checked(col) else { return false };
            if let Some(element) = rest.first_mut() {
                let value = *element - inner(solved, known);
                *element = T::new(value.re() / diagonal.re(), value.im() / diagonal.re());
            }
        }
        let known = a.row(row, 0, row);
        let square = a.at(row, row).re() - inner(known, known).re();
        if square <= T::Real::ZERO || square.is_nan() {
            return false;
        }
        a.set(row, row, T::real(square.sqrt()));
    }
    true
}

/// Which triangle of a matrix is the system, and how it is meant.
#[derive(Clone, Copy)]
pub struct Triangle {
    pub is_lower: bool,
    pub is_transposed: bool,
    pub is_conjugated: bool,
    /// Is the diagonal taken as ones?
    pub is_unit: bool,
}

/// Solves `op(a) x = b` in place of `b`.
pub fn solve_triangular_left<T: Scalar>(a: &Matrix<T>, b: &mut Matrix<T>, triangle: Triangle) {
    if b.cols == 1 {
        // A column is a row of the transposed system.
        let (count, flipped) = (b.rows, Triangle { is_transposed: !triangle.is_transposed, ..triangle });
        let mut row = Matrix::new(b.all_mut(), 1, count);
        return solve_triangular_right(a, &mut row, flipped);
    }
    b.conjugate_if(triangle.is_conjugated);
    let n = a.rows;
    let forward = triangle.is_lower != triangle.is_transposed;
    for step in 0..n {
        let k = if forward { step } else { n - 1 - step };
        if !triangle.is_unit {
            let diagonal = a.at(k, k);
            b.row_mut(k, 0, b.cols).iter_mut().for_each(|x| *x = *x / diagonal);
        }
        for i in if forward { k + 1..n } else { 0..k } {
            let factor = -if triangle.is_transposed { a.at(k, i) } else { a.at(i, k) };
            let (first, second) = b.two_rows(k.min(i), k.max(i));
            if forward { add_scaled(second, factor, first) } else { add_scaled(first, factor, second) }
        }
    }
    b.conjugate_if(triangle.is_conjugated);
}

/// Solves `x op(a) = b` in place of `b`.
pub fn solve_triangular_right<T: Scalar>(a: &Matrix<T>, b: &mut Matrix<T>, triangle: Triangle) {
    b.conjugate_if(triangle.is_conjugated);
    let n = a.rows;
    let forward = triangle.is_lower == triangle.is_transposed;
    for row in 0..b.rows {
        for step in 0..n {
            let k = if forward { step } else { n - 1 - step };
            let diagonal = if triangle.is_unit { T::ONE } else { a.at(k, k) };
            let x = b.row_mut(row, 0, n);
            let Some((before, rest)) = x.split_at_mut_checked(k) else { return };
            let Some((element, after)) = rest.split_first_mut() else { return };
            let (left, right) = (a.row(k, 0, k), a.row(k, k + 1, n));
            if triangle.is_transposed {
                let known = if forward { dot(before, left) } else { dot(after, right) };
                *element = (*element - known) / diagonal;
            } else {
                *element = *element / diagonal;
                if forward {
                    add_scaled(after, -*element, right)
                } else {
                    add_scaled(before, -*element, left)
                }
            }
        }
    }
    b.conjugate_if(triangle.is_conjugated);
}

/// LU with partial pivoting, in place. `pivots[k]` is the row that row `k` was exchanged with.
pub fn lu<T: Scalar>(a: &mut Matrix<T>, pivots: &mut [i32]) {
    let (m, n) = (a.rows, a.cols);
    for (k, chosen) in pivots.iter_mut().enumerate() {
        let mut pivot = k;
        for row in k + 1..m {
            if a.at(row, k).abs1() > a.at(pivot, k).abs1() {
                pivot = row;
            }
        }
        *chosen = pivot as i32;
        if a.at(pivot, k) == T::ZERO {
            continue;
        }
        a.swap_rows(k, pivot);
        let diagonal = a.at(k, k);
        for row in k + 1..m {
            let factor = a.at(row, k) / diagonal;
            a.set(row, k, factor);
            let (above, current) = a.two_rows(k, row);
            let (above, current) = (above.get(k + 1..n), current.get_mut(k + 1..n));
            add_scaled(current.unwrap_or(&mut []), -factor, above.unwrap_or(&[]));
        }
    }
}

/// The permutation that a sequence of exchanges makes of `0..permutation.len()`. Exchanges with rows that do not exist
/// are left out.
pub fn permutation(pivots: &[i32], permutation: &mut [i32]) {
    permutation.iter_mut().zip(0..).for_each(|(entry, position)| *entry = position);
    for (position, &pivot) in pivots.iter().enumerate() {
        let pivot = pivot as usize;
        if position < permutation.len() && pivot < permutation.len() {
            permutation.swap(position, pivot);
        }
    }
}

/// A tridiagonal matrix while it is factored. Each slice has one element per row.
pub struct Tridiagonal<'a, T> {
    pub lower: &'a mut [T],
    pub diagonal: &'a mut [T],
    pub upper: &'a mut [T],
    /// The second diagonal above, which row exchanges fill. Zeros at first.
    pub fill: &'a mut [T],
}

/// Solves a tridiagonal system in place of `b` by elimination with exchanges of neighbouring rows. `lower[i]` is
/// element `(i, i - 1)`, `upper[i]` is `(i, i + 1)`. Pivots that would make the solution overflow are moved away from
/// zero if `perturb`. Returns whether the matrix is regular.
pub fn solve_tridiagonal<T: Scalar>(a: &mut Tridiagonal<T>, b: &mut Matrix<T>, perturb: bool) -> bool {
    let n = b.rows;
    let at = |x: &[T], i: usize| x.get(i).copied().unwrap_or(T::ZERO);
    let put = |x: &mut [T], i: usize, value: T| x.get_mut(i).into_iter().for_each(|x| *x = value);
    for k in 0..n.saturating_sub(1) {
        let (below, diagonal) = (at(a.lower, k + 1), at(a.diagonal, k));
        let next_upper = if k + 2 < n { at(a.upper, k + 1) } else { T::ZERO };
        let mut eliminate = below;
        let mut next = (at(a.diagonal, k + 1), next_upper);
        if below.abs1() > diagonal.abs1() {
            let upper = at(a.upper, k);
            put(a.diagonal, k, below);
            put(a.upper, k, next.0);
            put(a.fill, k, next.1);
            (eliminate, next) = (diagonal, (upper, T::ZERO));
            b.swap_rows(k, k + 1);
        }
        if at(a.diagonal, k) == T::ZERO {
            // The column is zero below as well: there is nothing to eliminate.
            if !perturb {
                return false;
            }
            eliminate = T::ZERO;
        }
        let factor = if eliminate == T::ZERO { T::ZERO } else { eliminate / at(a.diagonal, k) };
        put(a.diagonal, k + 1, next.0 - factor * at(a.upper, k));
        if k + 2 < n {
            put(a.upper, k + 1, next.1 - factor * at(a.fill, k));
        }
        let (first, second) = b.two_rows(k, k + 1);
        add_scaled(second, -factor, first);
    }
    if !perturb && n > 0 && at(a.diagonal, n - 1) == T::ZERO {
        return false;
    }
    let rows =
        (0..n).map(|k| at(a.diagonal, k).abs().larger(at(a.upper, k).abs()).larger(at(a.fill, k).abs()));
    let largest = rows.fold(T::Real::ZERO, T::Real::larger);
    let shift = if largest == T::Real::ZERO { T::Real::EPSILON } else { largest * T::Real::EPSILON };
    for k in (0..n).rev() {
        for col in 0..b.cols {
            let mut value = b.at(k, col);
            if k + 1 < n {
                value = value - at(a.upper, k) * b.at(k + 1, col);
            }
            if k + 2 < n {
                value = value - at(a.fill, k) * b.at(k + 2, col);
            }
            let pivot = at(a.diagonal, k);
            b.set(k, col, if perturb { divide_perturbed(value, pivot, shift) } else { value / pivot });
        }
    }
    true
}

/// `value / pivot`; a pivot so small that the quotient overflows is moved away from zero by `shift`, doubled until it
/// does not.
fn divide_perturbed<T: Scalar>(value: T, mut pivot: T, mut shift: T::Real) -> T {
    // Doubling passes from the smallest to the largest number in fewer steps.
    for _ in 0..2200 {
        let size = pivot.abs();
        if size > T::Real::ZERO && size >= T::Real::ONE.smaller(value.abs() * T::Real::TINY) {
            break;
        }
        pivot = pivot + T::real(shift.with_sign(pivot.re()));
        shift = shift + shift;
    }
    value / pivot
}
