//! Cholesky, LU, triangular and tridiagonal systems. See Note: arguments of the parent module.

use super::super::direct::{self, Triangle, Tridiagonal};
use super::super::matrix::{Matrix, Scratch, copy};
use super::{Number, Routine, copied, piece, piece_mut};
use core::ffi::c_void;

pub struct Cholesky {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub n: usize,
}

impl Routine for Cholesky {
    unsafe fn run<T: Number>(&self, batch: usize, _: Scratch) -> Option<()> {
        for index in 0..batch {
            // SAFETY: the caller's promise.
            let mut a = unsafe { copied::<T>(self.out, self.a, index, (self.n, self.n)) };
            if !direct::cholesky(&mut a) {
                a.fill(T::NAN);
            }
        }
        Some(())
    }
}

pub struct TriangularSolve {
    pub a: *const c_void,
    pub b: *const c_void,
    pub out: *mut c_void,
    pub rows: usize,
    pub cols: usize,
    pub is_left: bool,
    pub triangle: Triangle,
}

/// The triangle that the flags of a solve name.
pub fn triangle(flags: usize) -> Triangle {
    Triangle {
        is_lower: flags & 2 != 0,
        is_transposed: flags & 4 != 0,
        is_conjugated: flags & 8 != 0,
        is_unit: flags & 16 != 0,
    }
}

impl Routine for TriangularSolve {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = if self.is_left { self.rows } else { self.cols };
        // Never written to: a matrix is a mutable view, so that the operand needs a copy.
        let copy_of_a = scratch.take::<T>(n * n)?;
        for index in 0..batch {
            // SAFETY: the caller's promise.
            let mut b = unsafe { copied::<T>(self.out, self.b, index, (self.rows, self.cols)) };
            // SAFETY: the caller's promise.
            copy(copy_of_a, unsafe { piece(self.a, index, n * n) });
            let a = Matrix::new(copy_of_a, n, n);
            if self.is_left {
                direct::solve_triangular_left(&a, &mut b, self.triangle);
            } else {
                direct::solve_triangular_right(&a, &mut b, self.triangle);
            }
        }
        Some(())
    }
}

pub struct Lu {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub pivots: *mut c_void,
    pub permutation: *mut c_void,
    pub m: usize,
    pub n: usize,
}

impl Routine for Lu {
    unsafe fn run<T: Number>(&self, batch: usize, _: Scratch) -> Option<()> {
        let (m, n) = (self.m, self.n);
        for index in 0..batch {
            // SAFETY: the caller's promise.
            let mut a = unsafe { copied::<T>(self.out, self.a, index, (m, n)) };
            // SAFETY: the caller's promise; pivots and permutation are i32.
            let (pivots, permutation) =
                unsafe { (piece_mut(self.pivots, index, m.min(n)), piece_mut(self.permutation, index, m)) };
            direct::lu(&mut a, pivots);
            direct::permutation(pivots, permutation);
        }
        Some(())
    }
}

/// The permutations [batch, size] that exchanges [batch, count] make.
///
/// # Safety
/// See Note: arguments; both arrays are i32.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_lu_permutation(
    pivots: *const c_void,
    permutation: *mut c_void,
    batch: i64,
    count: i64,
    size: i64,
) -> i32 {
    for index in 0..batch as usize {
        // SAFETY: the caller's promise.
        let (pivots, permutation) =
            unsafe { (piece(pivots, index, count as usize), piece_mut(permutation, index, size as usize)) };
        direct::permutation(pivots, permutation);
    }
    0
}

pub struct TridiagonalSolve {
    pub lower: *const c_void,
    pub diagonal: *const c_void,
    pub upper: *const c_void,
    pub b: *const c_void,
    pub out: *mut c_void,
    pub n: usize,
    pub cols: usize,
    pub perturb: bool,
}

impl Routine for TridiagonalSolve {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let (lower, diagonal) = (scratch.take::<T>(n)?, scratch.take::<T>(n)?);
        let (upper, fill) = (scratch.take::<T>(n)?, scratch.take::<T>(n)?);
        for index in 0..batch {
            // SAFETY: the caller's promise.
            let mut b = unsafe { copied::<T>(self.out, self.b, index, (n, self.cols)) };
            // SAFETY: the caller's promise.
            unsafe {
                copy(lower, piece(self.lower, index, n));
                copy(diagonal, piece(self.diagonal, index, n));
                copy(upper, piece(self.upper, index, n));
            }
            fill.fill(T::ZERO);
            // Outside of the matrix, whatever the caller put there.
            upper.last_mut().into_iter().for_each(|x| *x = T::ZERO);
            let mut system = Tridiagonal {
                lower: &mut *lower,
                diagonal: &mut *diagonal,
                upper: &mut *upper,
                fill: &mut *fill,
            };
            if !direct::solve_tridiagonal(&mut system, &mut b, self.perturb) {
                b.fill(T::NAN);
            }
        }
        Some(())
    }
}
