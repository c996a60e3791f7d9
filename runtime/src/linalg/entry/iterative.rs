//! Eigenvalues, singular values and Schur forms. See Note: arguments of the parent module.

use super::super::matrix::{Matrix, Scratch, copy};
use super::super::number::{Complex, Scalar};
use super::super::{eigen, singular, symmetric};
use super::{Number, Routine, copied, mirror, piece, piece_mut, work};
use core::ffi::c_void;

pub struct Eigh {
    pub a: *const c_void,
    pub vectors: *mut c_void,
    pub values: *mut c_void,
    pub n: usize,
    pub is_lower: bool,
}

impl Routine for Eigh {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut memory = symmetric::Memory {
            q: scratch.matrix(n, n)?,
            taus: scratch.take(n.saturating_sub(1))?,
            subdiagonal: scratch.take(n)?,
            work: work::<T>(&mut scratch, n, n)?,
        };
        for index in 0..batch {
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

pub struct Svd {
    pub a: *const c_void,
    pub values: *mut c_void,
    /// u [m, u_cols] and vt [vt_rows, n].
    pub vectors: Option<(*mut c_void, *mut c_void)>,
    pub m: usize,
    pub n: usize,
    pub is_full: bool,
}

impl Routine for Svd {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
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
        for index in 0..batch {
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

pub struct Schur {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub vectors: Option<*mut c_void>,
    pub n: usize,
}

impl Routine for Schur {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut memory = eigen_memory::<T>(&mut scratch, n)?;
        let values = scratch.take(n)?;
        for index in 0..batch {
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

pub struct Eig {
    pub a: *const c_void,
    pub values: *mut c_void,
    pub left: Option<*mut c_void>,
    pub right: Option<*mut c_void>,
    pub n: usize,
}

impl Routine for Eig {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut a = scratch.matrix::<T>(n, n)?;
        let mut memory = eigen_memory::<T>(&mut scratch, n)?;
        for index in 0..batch {
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
