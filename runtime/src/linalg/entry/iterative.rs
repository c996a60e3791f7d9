//! Eigenvalues, singular values and Schur forms. See Note: arguments of the parent module.

use super::super::matrix::{Matrix, Scratch, copy};
use super::super::number::{Complex, Scalar};
use super::super::{eigen, singular, symmetric};
use super::{Number, Room, Routine, copied, dispatch, mirror, piece, piece_mut, work};
use core::ffi::c_void;

struct Eigh {
    a: *const c_void,
    vectors: *mut c_void,
    values: *mut c_void,
    batch: usize,
    n: usize,
    is_lower: bool,
}

impl Routine for Eigh {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut memory = symmetric::Memory {
            q: scratch.matrix(n, n)?,
            taus: scratch.take(n.saturating_sub(1))?,
            subdiagonal: scratch.take(n)?,
            work: work::<T>(&mut scratch, n, n)?,
        };
        for index in 0..self.batch {
            // SAFETY: the caller's promise; values are of the real part.
            let (mut a, values) = unsafe {
                (
                    copied::<T>(self.vectors, self.a, index, (n, n)),
                    piece_mut::<T::Real>(self.values, index, n),
                )
            };
            mirror(&mut a, self.is_lower);
            if !symmetric::eigh(&mut a, values, !self.is_lower, &mut memory) {
                a.fill(T::NAN);
                values.fill(T::Real::NAN);
            }
        }
        Some(())
    }
}

/// Eigenvectors [batch, n, n] (columns) and ascending eigenvalues [batch, n] of Hermitian matrices of which the lower
/// triangle (flag 1) or the upper one is read.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_eigh(
    a: *const c_void,
    vectors: *mut c_void,
    values: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
    flags: i64,
) -> i32 {
    let routine = Eigh { a, vectors, values, batch: batch as usize, n: n as usize, is_lower: flags & 1 != 0 };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct Svd {
    a: *const c_void,
    values: *mut c_void,
    /// u [m, u_cols] and vt [vt_rows, n].
    vectors: Option<(*mut c_void, *mut c_void)>,
    batch: usize,
    m: usize,
    n: usize,
    is_full: bool,
}

impl Routine for Svd {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let (m, n) = (self.m, self.n);
        let (short, long) = (m.min(n), m.max(n));
        let (u_cols, vt_rows) = if self.is_full { (m, n) } else { (short, short) };
        let count = if self.is_full { long } else { short };
        let mut memory = singular::Memory { columns: scratch.matrix::<T>(short, long)?, vectors: None };
        if self.vectors.is_some() {
            memory.vectors = Some(singular::VectorMemory {
                right: scratch.matrix(short, short)?,
                completed: scratch.matrix(long, count)?,
                taus: scratch.take(short)?,
                work: work(&mut scratch, long, count)?,
            });
        }
        for index in 0..self.batch {
            // SAFETY: the caller's promise; values are of the real part.
            let (a, values) = unsafe {
                (piece::<T>(self.a, index, m * n), piece_mut::<T::Real>(self.values, index, short))
            };
            let vectors = || {
                self.vectors.map(|(u, vt)| {
                    // SAFETY: the caller's promise; the views of one call are gone before those of the next.
                    let (u, vt) =
                        unsafe { (piece_mut(u, index, m * u_cols), piece_mut(vt, index, vt_rows * n)) };
                    singular::Vectors { u: Matrix::new(u, m, u_cols), vt: Matrix::new(vt, vt_rows, n) }
                })
            };
            if !singular::svd((m, n), a, values, &mut memory, vectors()) {
                values.fill(T::Real::NAN);
                if let Some(mut vectors) = vectors() {
                    vectors.u.fill(T::NAN);
                    vectors.vt.fill(T::NAN);
                }
            }
        }
        Some(())
    }
}

/// Singular values [batch, min(m, n)] of `a` [batch, m, n].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_singular_values(
    a: *const c_void,
    values: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
) -> i32 {
    let (batch, m, n) = (batch as usize, m as usize, n as usize);
    let routine = Svd { a, values, vectors: None, batch, m, n, is_full: false };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// The same with vectors `u` [batch, m, k] and `vt` [batch, k, n], where k is min(m, n), or (flag 1) m for `u` and n
/// for `vt`.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_svd(
    a: *const c_void,
    values: *mut c_void,
    u: *mut c_void,
    vt: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    m: i64,
    n: i64,
    flags: i64,
) -> i32 {
    let (batch, m, n) = (batch as usize, m as usize, n as usize);
    let routine = Svd { a, values, vectors: Some((u, vt)), batch, m, n, is_full: flags & 1 != 0 };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

fn eigen_memory<'a, T: Number>(scratch: &mut Scratch<'a>, n: usize) -> Option<eigen::Memory<'a, T>> {
    Some(eigen::Memory {
        q: scratch.matrix(n, n)?,
        taus: scratch.take(n)?,
        work: work(scratch, n, n)?,
        factors: scratch.take(n)?,
        exchanges: scratch.take(n)?,
        x: scratch.take(n)?,
    })
}

struct Schur {
    a: *const c_void,
    out: *mut c_void,
    vectors: Option<*mut c_void>,
    batch: usize,
    n: usize,
}

impl Routine for Schur {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut memory = eigen_memory::<T>(&mut scratch, n)?;
        let values = scratch.take(n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise.
            let mut a = unsafe { copied::<T>(self.out, self.a, index, (n, n)) };
            if !eigen::schur(&mut a, values, &mut memory) {
                a.fill(T::NAN);
                memory.q.fill(T::NAN);
            }
            if let Some(vectors) = self.vectors {
                // SAFETY: the caller's promise.
                copy(unsafe { piece_mut(vectors, index, n * n) }, memory.q.all());
            }
        }
        Some(())
    }
}

/// The Schur form of `a` [batch, n, n].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_schur_form(
    a: *const c_void,
    out: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let routine = Schur { a, out, vectors: None, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// The same with the Schur vectors [batch, n, n].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_schur(
    a: *const c_void,
    out: *mut c_void,
    vectors: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let routine = Schur { a, out, vectors: Some(vectors), batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

struct Eig {
    a: *const c_void,
    values: *mut c_void,
    left: Option<*mut c_void>,
    right: Option<*mut c_void>,
    batch: usize,
    n: usize,
}

impl Routine for Eig {
    unsafe fn run<T: Number>(&self, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut a = scratch.matrix::<T>(n, n)?;
        let mut memory = eigen_memory::<T>(&mut scratch, n)?;
        for index in 0..self.batch {
            // SAFETY: the caller's promise; values and vectors are complex.
            let values = unsafe { piece_mut::<Complex<T::Real>>(self.values, index, n) };
            // SAFETY: the caller's promise.
            copy(a.all_mut(), unsafe { piece(self.a, index, n * n) });
            let matrix = |start: *mut c_void| {
                // SAFETY: the caller's promise.
                Matrix::new(unsafe { piece_mut::<Complex<T::Real>>(start, index, n * n) }, n, n)
            };
            let (mut left, mut right) = (self.left.map(matrix), self.right.map(matrix));
            if !eigen::eig(&mut a, values, left.as_mut(), right.as_mut(), &mut memory) {
                values.fill(Complex::NAN);
                left.iter_mut().chain(&mut right).for_each(|vectors| vectors.fill(Complex::NAN));
            }
        }
        Some(())
    }
}

/// Complex eigenvalues [batch, n] of `a` [batch, n, n].
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_eigenvalues(
    a: *const c_void,
    values: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let routine = Eig { a, values, left: None, right: None, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// The same with the left (flag 1) or right eigenvectors [batch, n, n] as columns.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_eigenvectors(
    a: *const c_void,
    values: *mut c_void,
    vectors: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
    flags: i64,
) -> i32 {
    let (left, right) = if flags & 1 != 0 { (Some(vectors), None) } else { (None, Some(vectors)) };
    let routine = Eig { a, values, left, right, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// The same with both kinds of eigenvectors.
///
/// # Safety
/// See Note: arguments.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_all_eigenvectors(
    a: *const c_void,
    values: *mut c_void,
    left: *mut c_void,
    right: *mut c_void,
    scratch: *mut u8,
    scratch_bytes: i64,
    dtype: i64,
    batch: i64,
    n: i64,
) -> i32 {
    let (left, right) = (Some(left), Some(right));
    let routine = Eig { a, values, left, right, batch: batch as usize, n: n as usize };
    // SAFETY: the caller's promise.
    unsafe { dispatch(dtype, Room { start: scratch, bytes: scratch_bytes as usize }, &routine) }
}

/// Every function of this file and its address.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> [(&'static str, *const u8); 8] {
    [
        ("rjax_eigh", rjax_eigh as *const u8),
        ("rjax_singular_values", rjax_singular_values as *const u8),
        ("rjax_svd", rjax_svd as *const u8),
        ("rjax_schur_form", rjax_schur_form as *const u8),
        ("rjax_schur", rjax_schur as *const u8),
        ("rjax_eigenvalues", rjax_eigenvalues as *const u8),
        ("rjax_eigenvectors", rjax_eigenvectors as *const u8),
        ("rjax_all_eigenvectors", rjax_all_eigenvectors as *const u8),
    ]
}
