//! Cholesky, LU, triangular and tridiagonal systems. See Note: arguments of the parent module.

use super::super::direct::{self, Triangle, Tridiagonal};
use super::super::matrix::{Matrix, Scratch, copy};
use super::{NO_ROOM, Number, Room, Routine, copied, dispatch, piece, piece_mut};
use core::ffi::c_void;

struct Cholesky {
    a: *const c_void,
    out: *mut c_void,
    batch: usize,
    n: usize,
}

impl Routine for Cholesky {
    unsafe fn run<T: Number>(&self, _: Scratch) -> Option<()> {
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let mut a = unsafe { copied::<T>(self.out, self.a, index, (self.n, self.n)) };
            if !direct::cholesky(&mut a) {
                a.fill(T::NAN);
            }
        }
        Some(())
    }
}

/// The lower Cholesky factor of `a` [batch, n, n] in the lower triangle of `out`; above it, `out` is `a`.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_cholesky(
    a: *const c_void,
    out: *mut c_void,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let routine = Cholesky { a, out, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, NO_ROOM, &routine) }
}

struct TriangularSolve {
    a: *const c_void,
    b: *const c_void,
    out: *mut c_void,
    batch: usize,
    rows: usize,
    cols: usize,
    is_left: bool,
    triangle: Triangle,
}

impl Routine for TriangularSolve {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = if self.is_left { self.rows } else { self.cols };
        // Never written to: a matrix is a mutable view, so that the operand needs a copy.
        let copy_of_a = scratch.take::<T>(n * n)?;
        for index in 0..self.batch {
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

/// Solves `op(a) x = b` (flag 1) or `x op(a) = b`, where `b` is [batch, rows, cols]. Flags: 2 `a` is lower triangular,
/// 4 transposed, 8 conjugated, 16 with ones on the diagonal.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_triangular_solve(
    a: *const c_void,
    b: *const c_void,
    out: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    rows: i64,
    cols: i64,
    flags: i64,
) -> i32 {
    let triangle = Triangle {
        is_lower: flags & 2 != 0,
        is_transposed: flags & 4 != 0,
        is_conjugated: flags & 8 != 0,
        is_unit: flags & 16 != 0,
    };
    let (batch, rows, cols) = (batch as usize, rows as usize, cols as usize);
    let routine = TriangularSolve { a, b, out, batch, rows, cols, is_left: flags & 1 != 0, triangle };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct Lu {
    a: *const c_void,
    out: *mut c_void,
    pivots: *mut c_void,
    permutation: *mut c_void,
    batch: usize,
    m: usize,
    n: usize,
}

impl Routine for Lu {
    unsafe fn run<T: Number>(&self, _: Scratch) -> Option<()> {
        let (m, n) = (self.m, self.n);
        for index in 0..self.batch {
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

/// LU of `a` [batch, m, n] with the row exchanges [batch, min(m, n)] and the permutation [batch, m] they make.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_lu(
    a: *const c_void,
    out: *mut c_void,
    pivots: *mut c_void,
    permutation: *mut c_void,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
) -> i32 {
    let routine = Lu { a, out, pivots, permutation, batch: batch as usize, m: m as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, NO_ROOM, &routine) }
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

struct TridiagonalSolve {
    lower: *const c_void,
    diagonal: *const c_void,
    upper: *const c_void,
    b: *const c_void,
    out: *mut c_void,
    batch: usize,
    n: usize,
    cols: usize,
    perturb: bool,
}

impl Routine for TridiagonalSolve {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let (lower, diagonal) = (scratch.take::<T>(n)?, scratch.take::<T>(n)?);
        let (upper, fill) = (scratch.take::<T>(n)?, scratch.take::<T>(n)?);
        for index in 0..self.batch {
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

/// Solves tridiagonal systems of order n with the diagonals [batch, n] and right sides [batch, n, cols]. Flag 1: small
/// pivots are moved away from zero.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_tridiagonal_solve(
    lower: *const c_void,
    diagonal: *const c_void,
    upper: *const c_void,
    b: *const c_void,
    out: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
    cols: i64,
    flags: i64,
) -> i32 {
    let (batch, n, cols, perturb) = (batch as usize, n as usize, cols as usize, flags & 1 != 0);
    let routine = TridiagonalSolve { lower, diagonal, upper, b, out, batch, n, cols, perturb };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// Every function of this file and its address.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> [(&'static str, *const u8); 5] {
    [
        ("rjax_cholesky", rjax_cholesky as *const u8),
        ("rjax_triangular_solve", rjax_triangular_solve as *const u8),
        ("rjax_lu", rjax_lu as *const u8),
        ("rjax_lu_permutation", rjax_lu_permutation as *const u8),
        ("rjax_tridiagonal_solve", rjax_tridiagonal_solve as *const u8),
    ]
}
