//! Factorizations by reflections. See Note: arguments of the parent module.

use super::super::householder;
use super::super::matrix::{Matrix, Scratch, copy};
use super::{Number, Room, Routine, copied, dispatch, mirror, piece, piece_mut, work};
use core::ffi::c_void;

struct Qr {
    a: *const c_void,
    out: *mut c_void,
    taus: *mut c_void,
    /// Pivots in, pivots out.
    pivots: Option<(*const c_void, *mut c_void)>,
    batch: usize,
    m: usize,
    n: usize,
}

impl Routine for Qr {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let (m, n) = (self.m, self.n);
        let mut work = work::<T>(&mut scratch, m, n)?;
        let norms = scratch.take::<T::Real>(if self.pivots.is_some() { 2 * n } else { 0 })?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let (mut a, taus) = unsafe {
                (copied::<T>(self.out, self.a, index, (m, n)), piece_mut::<T>(self.taus, index, m.min(n)))
            };
            match self.pivots {
                None => householder::qr(&mut a, taus, &mut work),
                Some((before, after)) => {
                    // SAFETY: the caller's promise; pivots are i32.
                    let pivots = unsafe { piece_mut(after, index, n) };
                    // SAFETY: the same.
                    copy(pivots, unsafe { piece(before, index, n) });
                    householder::pivoted_qr(&mut a, pivots, taus, &mut work, norms);
                }
            }
        }
        Some(())
    }
}

/// QR of `a` [batch, m, n] in packed form, with taus [batch, min(m, n)].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_geqrf(
    a: *const c_void,
    out: *mut c_void,
    taus: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
) -> i32 {
    let routine = Qr { a, out, taus, pivots: None, batch: batch as usize, m: m as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// The same with column pivoting; pivots are i32 [batch, n], counted from 1.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_geqp3(
    a: *const c_void,
    pivots_before: *const c_void,
    out: *mut c_void,
    pivots_after: *mut c_void,
    taus: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
) -> i32 {
    let pivots = Some((pivots_before, pivots_after));
    let routine = Qr { a, out, taus, pivots, batch: batch as usize, m: m as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct HouseholderProduct {
    a: *const c_void,
    taus: *const c_void,
    out: *mut c_void,
    batch: usize,
    m: usize,
    n: usize,
    count: usize,
}

impl Routine for HouseholderProduct {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let mut work = work::<T>(&mut scratch, self.m, self.n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let (mut a, taus) = unsafe {
                (copied::<T>(self.out, self.a, index, (self.m, self.n)), piece(self.taus, index, self.count))
            };
            householder::product(&mut a, taus, &mut work);
        }
        Some(())
    }
}

/// The first n columns of the product of the reflections packed in `a` [batch, m, n], with taus [batch, count].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_householder_product(
    a: *const c_void,
    taus: *const c_void,
    out: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
    count: i64,
) -> i32 {
    let (batch, m, n, count) = (batch as usize, m as usize, n as usize, count as usize);
    let routine = HouseholderProduct { a, taus, out, batch, m, n, count };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct HouseholderMultiply {
    a: *const c_void,
    taus: *const c_void,
    c: *const c_void,
    out: *mut c_void,
    batch: usize,
    /// Of `a`.
    shape: (usize, usize),
    count: usize,
    /// Of `c`.
    rows: usize,
    cols: usize,
    is_left: bool,
    is_transposed: bool,
}

impl Routine for HouseholderMultiply {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let (m, n) = self.shape;
        let mut work = work::<T>(&mut scratch, m, self.cols)?;
        let copy_of_a = scratch.take::<T>(m * n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let (mut c, taus) = unsafe {
                (
                    copied::<T>(self.out, self.c, index, (self.rows, self.cols)),
                    piece(self.taus, index, self.count),
                )
            };
            // SAFETY: the caller's promise.
            copy(copy_of_a, unsafe { piece(self.a, index, m * n) });
            let a = Matrix::new(copy_of_a, m, n);
            householder::multiply(&a, taus, &mut c, self.is_left, self.is_transposed, &mut work);
        }
        Some(())
    }
}

/// The product of `c` [batch, rows, cols] and the matrix q of the reflections in `a` [batch, m, n], with taus
/// [batch, count]. Flags: 1 q stands to the left, 2 its conjugate transpose is meant.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_ormqr(
    a: *const c_void,
    taus: *const c_void,
    c: *const c_void,
    out: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
    count: i64,
    rows: i64,
    cols: i64,
    flags: i64,
) -> i32 {
    let routine = HouseholderMultiply {
        a,
        taus,
        c,
        out,
        batch: batch as usize,
        shape: (m as usize, n as usize),
        count: count as usize,
        rows: rows as usize,
        cols: cols as usize,
        is_left: flags & 1 != 0,
        is_transposed: flags & 2 != 0,
    };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct Hessenberg {
    a: *const c_void,
    out: *mut c_void,
    taus: *mut c_void,
    batch: usize,
    n: usize,
}

impl Routine for Hessenberg {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut work = work::<T>(&mut scratch, n, n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let (mut a, taus) = unsafe {
                (
                    copied::<T>(self.out, self.a, index, (n, n)),
                    piece_mut::<T>(self.taus, index, n.saturating_sub(1)),
                )
            };
            householder::hessenberg(&mut a, (0, n), taus, &mut work);
        }
        Some(())
    }
}

/// Hessenberg form of `a` [batch, n, n] in packed form, with taus [batch, n - 1].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_hessenberg(
    a: *const c_void,
    out: *mut c_void,
    taus: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let routine = Hessenberg { a, out, taus, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct Tridiagonalize {
    a: *const c_void,
    out: *mut c_void,
    diagonal: *mut c_void,
    subdiagonal: *mut c_void,
    taus: *mut c_void,
    batch: usize,
    n: usize,
    is_lower: bool,
}

impl Routine for Tridiagonalize {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut work = work::<T>(&mut scratch, n, n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise; the diagonals are of the real part.
            let (mut a, diagonal, subdiagonal) = unsafe {
                (
                    copied::<T>(self.out, self.a, index, (n, n)),
                    piece_mut::<T::Real>(self.diagonal, index, n),
                    piece_mut::<T::Real>(self.subdiagonal, index, n.saturating_sub(1)),
                )
            };
            // SAFETY: the caller's promise.
            let (taus, given) = unsafe {
                (piece_mut::<T>(self.taus, index, n.saturating_sub(1)), piece::<T>(self.a, index, n * n))
            };
            mirror(&mut a, self.is_lower);
            if !self.is_lower {
                // From the last row up: the lower triangle of the reversed matrix is the upper one.
                a.all_mut().reverse();
            }
            householder::tridiagonalize(&mut a, diagonal, subdiagonal, taus, &mut work);
            if !self.is_lower {
                a.all_mut().reverse();
                diagonal.reverse();
                subdiagonal.reverse();
                taus.reverse();
            }
            // The other half is left alone.
            for (position, &x) in given.iter().enumerate() {
                let (row, col) = (position / n.max(1), position % n.max(1));
                if row != col && (row < col) == self.is_lower {
                    a.set(row, col, x);
                }
            }
        }
        Some(())
    }
}

/// Tridiagonal form of Hermitian matrices [batch, n, n] of which the lower triangle (flag 1) or the upper one is read:
/// the packed reflections in that triangle, the diagonal, the subdiagonal and the taus [batch, n - 1].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_tridiagonal(
    a: *const c_void,
    out: *mut c_void,
    diagonal: *mut c_void,
    subdiagonal: *mut c_void,
    taus: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
    flags: i64,
) -> i32 {
    let (batch, n, is_lower) = (batch as usize, n as usize, flags & 1 != 0);
    let routine = Tridiagonalize { a, out, diagonal, subdiagonal, taus, batch, n, is_lower };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// Every function of this file and its address.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> [(&'static str, *const u8); 6] {
    [
        ("rjax_geqrf", rjax_geqrf as *const u8),
        ("rjax_geqp3", rjax_geqp3 as *const u8),
        ("rjax_householder_product", rjax_householder_product as *const u8),
        ("rjax_ormqr", rjax_ormqr as *const u8),
        ("rjax_hessenberg", rjax_hessenberg as *const u8),
        ("rjax_tridiagonal", rjax_tridiagonal as *const u8),
    ]
}
