//! Matrices over borrowed memory, the loops over their rows, and scratch memory.
//!
//! Reading outside of a matrix gives zero and writing there does nothing: a panic would need machinery that users'
//! programs lack, and an unchecked access would be undefined. The routines stay inside; their tests run with debug
//! assertions that say so.

use super::number::{Real, Scalar};
use core::mem::size_of;

/// A row-major matrix.
pub struct Matrix<'a, T> {
    data: &'a mut [T],
    pub rows: usize,
    pub cols: usize,
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// `data` has `rows * cols` elements.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        debug_assert_eq!(data.len(), rows * cols);
        Matrix { data, rows, cols }
    }

    pub fn at(&self, row: usize, col: usize) -> T {
        debug_assert!(row < self.rows && col < self.cols);
        self.data.get(row * self.cols + col).copied().unwrap_or(T::ZERO)
    }

    pub fn set(&mut self, row: usize, col: usize, value: T) {
        debug_assert!(row < self.rows && col < self.cols);
        if let Some(element) = self.data.get_mut(row * self.cols + col) {
            *element = value;
        }
    }

    /// `element = f(element)`.
    pub fn update(&mut self, row: usize, col: usize, f: impl FnOnce(T) -> T) {
        self.set(row, col, f(self.at(row, col)));
    }

    /// Columns `from..to` of a row.
    pub fn row(&self, row: usize, from: usize, to: usize) -> &[T] {
        debug_assert!(row < self.rows && from <= to && to <= self.cols);
        self.data.get(row * self.cols + from..row * self.cols + to).unwrap_or(&[])
    }

    pub fn row_mut(&mut self, row: usize, from: usize, to: usize) -> &mut [T] {
        debug_assert!(row < self.rows && from <= to && to <= self.cols);
        self.data.get_mut(row * self.cols + from..row * self.cols + to).unwrap_or(&mut [])
    }

    /// Two different rows, the first one above the second.
    pub fn two_rows(&mut self, first: usize, second: usize) -> (&mut [T], &mut [T]) {
        debug_assert!(first < second && second < self.rows);
        let (above, below) = self.data.split_at_mut_checked(second * self.cols).unwrap_or((&mut [], &mut []));
        let start = first * self.cols;
        (
            above.get_mut(start..start + self.cols).unwrap_or(&mut []),
            below.get_mut(..self.cols).unwrap_or(&mut []),
        )
    }

    pub fn swap_rows(&mut self, first: usize, second: usize) {
        if first != second {
            let (a, b) = self.two_rows(first.min(second), first.max(second));
            a.iter_mut().zip(b).for_each(|(x, y)| core::mem::swap(x, y));
        }
    }

    pub fn swap_cols(&mut self, first: usize, second: usize) {
        for row in 0..self.rows {
            let kept = self.at(row, first);
            self.set(row, first, self.at(row, second));
            self.set(row, second, kept);
        }
    }

    /// All elements, row by row.
    pub fn all(&self) -> &[T] {
        self.data
    }

    pub fn all_mut(&mut self) -> &mut [T] {
        self.data
    }

    pub fn conjugate_if(&mut self, condition: bool) {
        if condition && T::IS_COMPLEX {
            self.data.iter_mut().for_each(|x| *x = x.conj());
        }
    }

    pub fn fill(&mut self, value: T) {
        self.data.fill(value);
    }

    /// Ones on the diagonal, zeros beside it.
    pub fn set_identity(&mut self) {
        self.fill(T::ZERO);
        for position in 0..self.rows.min(self.cols) {
            self.set(position, position, T::ONE);
        }
    }

    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| x.is_finite())
    }

    /// The largest of the absolute values of all real and imaginary parts.
    pub fn largest(&self) -> T::Real {
        let part = |x: &T| x.re().magnitude().larger(x.im().magnitude());
        self.data.iter().map(part).fold(T::Real::ZERO, T::Real::larger)
    }

    pub fn scale(&mut self, factor: T::Real) {
        self.data.iter_mut().for_each(|x| *x = x.scale(factor));
    }
}

/// The factor that brings a matrix of very large or very small elements to moderate size,
/// where squares neither overflow nor underflow; 1 for others.
pub fn moderating<R: Real>(largest: R) -> R {
    let small = (R::TINY / R::EPSILON).sqrt();
    let is_moderate = largest == R::ZERO || largest >= small && largest * small <= R::ONE;
    if is_moderate { R::ONE } else { R::ONE / largest.larger(R::TINY) }
}

/// `sum of x * y`, in eight partial sums.
pub fn dot<T: Scalar>(x: &[T], y: &[T]) -> T {
    let mut sums = [T::ZERO; 8];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    for (x, y) in x.iter().zip(y) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = *sum + x * y;
        }
    }
    let rest = x_rest.iter().zip(y_rest).fold(T::ZERO, |sum, (&x, &y)| sum + x * y);
    sums.iter().fold(rest, |total, &sum| total + sum)
}

/// `sum of conj(x) * y`.
pub fn inner<T: Scalar>(x: &[T], y: &[T]) -> T {
    if !T::IS_COMPLEX {
        return dot(x, y);
    }
    let mut sums = [T::ZERO; 4];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<4>(), y.as_chunks::<4>());
    for (x, y) in x.iter().zip(y) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = *sum + x.conj() * y;
        }
    }
    let rest = x_rest.iter().zip(y_rest).fold(T::ZERO, |sum, (&x, &y)| sum + x.conj() * y);
    sums.iter().fold(rest, |total, &sum| total + sum)
}

/// `y += factor * x`.
pub fn add_scaled<T: Scalar>(y: &mut [T], factor: T, x: &[T]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = *y + factor * x);
}

/// `y += factor * conj(x)`.
pub fn add_scaled_conj<T: Scalar>(y: &mut [T], factor: T, x: &[T]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = *y + factor * x.conj());
}

/// The Euclidean norm, without overflow or underflow on the way.
pub fn norm<T: Scalar>(x: &[T]) -> T::Real {
    let part = |x: &T| x.re().magnitude().larger(x.im().magnitude());
    let largest = x.iter().map(part).fold(T::Real::ZERO, T::Real::larger);
    let factor = moderating(largest);
    if factor == T::Real::ONE {
        return x.iter().fold(T::Real::ZERO, |sum, &x| sum + x.abs_squared()).sqrt();
    }
    // The numbers are divided, not multiplied by the reciprocal, which could overflow.
    let sum = x
        .iter()
        .fold(T::Real::ZERO, |sum, &x| sum + T::new(x.re() / largest, x.im() / largest).abs_squared());
    largest * sum.sqrt()
}

/// Copies up to the shorter length.
pub fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
}

/// Scratch memory that is handed out piece by piece.
pub struct Scratch<'a> {
    rest: &'a mut [u8],
}

impl<'a> Scratch<'a> {
    /// `bytes` start at a multiple of 64.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Scratch { rest: bytes }
    }

    /// `count` zeros, and the memory after them rounded up to 16 bytes; `None` if there is not enough left.
    pub fn take<T: Plain>(&mut self, count: usize) -> Option<&'a mut [T]> {
        let bytes = count.checked_mul(size_of::<T>())?.checked_next_multiple_of(16)?;
        if bytes == 0 {
            return Some(&mut []);
        }
        let (piece, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes)?;
        self.rest = rest;
        piece.fill(0);
        let start = piece.as_mut_ptr().cast::<T>();
        debug_assert!(start.is_aligned());
        // SAFETY: the piece has room for `count` elements, belongs to the caller alone for 'a, is aligned to 16 bytes
        // (all pieces are multiples of 16 bytes from a start at a multiple of 64), and zero bytes are a value of any
        // plain type.
        Some(unsafe { core::slice::from_raw_parts_mut(start, count) })
    }

    pub fn matrix<T: Scalar + Plain>(&mut self, rows: usize, cols: usize) -> Option<Matrix<'a, T>> {
        Some(Matrix::new(self.take(rows.checked_mul(cols)?)?, rows, cols))
    }
}

/// # Safety
/// Zero bytes are a value of the type, which is aligned to at most 16 bytes and needs no drop.
pub unsafe trait Plain: Copy + 'static {}

// SAFETY: numbers.
unsafe impl Plain for f32 {}
// SAFETY: numbers.
unsafe impl Plain for f64 {}
// SAFETY: numbers.
unsafe impl Plain for i32 {}
// SAFETY: two numbers.
unsafe impl<R: Plain> Plain for super::number::Complex<R> {}
