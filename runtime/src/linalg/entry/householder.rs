//! Factorizations by reflections. See Note: arguments of the parent module.

use super::super::householder;
use super::super::matrix::{Matrix, Scratch, copy};
use super::{Number, Routine, copied, mirror, piece, piece_mut, work};
use core::ffi::c_void;

pub struct Qr {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub taus: *mut c_void,
    /// Pivots in, pivots out.
    pub pivots: Option<(*const c_void, *mut c_void)>,
    pub m: usize,
    pub n: usize,
}

impl Routine for Qr {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let (m, n) = (self.m, self.n);
        let mut work = work::<T>(&mut scratch, m, n)?;
        let norms = scratch.take::<T::Real>(if self.pivots.is_some() { 2 * n } else { 0 })?;
        for index in 0..batch {
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

pub struct HouseholderProduct {
    pub a: *const c_void,
    pub taus: *const c_void,
    pub out: *mut c_void,
    pub m: usize,
    pub n: usize,
    pub count: usize,
}

impl Routine for HouseholderProduct {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let mut work = work::<T>(&mut scratch, self.m, self.n)?;
        for index in 0..batch {
            // SAFETY: the caller's promise.
            let (mut a, taus) = unsafe {
                (copied::<T>(self.out, self.a, index, (self.m, self.n)), piece(self.taus, index, self.count))
            };
            householder::product(&mut a, taus, &mut work);
        }
        Some(())
    }
}

pub struct HouseholderMultiply {
    pub a: *const c_void,
    pub taus: *const c_void,
    pub c: *const c_void,
    pub out: *mut c_void,
    /// Of `a`.
    pub shape: (usize, usize),
    pub count: usize,
    /// Of `c`.
    pub rows: usize,
    pub cols: usize,
    pub is_left: bool,
    pub is_transposed: bool,
}

impl Routine for HouseholderMultiply {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let (m, n) = self.shape;
        let mut work = work::<T>(&mut scratch, m, self.cols)?;
        let copy_of_a = scratch.take::<T>(m * n)?;
        for index in 0..batch {
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

pub struct Hessenberg {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub taus: *mut c_void,
    pub n: usize,
}

impl Routine for Hessenberg {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut work = work::<T>(&mut scratch, n, n)?;
        for index in 0..batch {
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

pub struct Tridiagonalize {
    pub a: *const c_void,
    pub out: *mut c_void,
    pub diagonal: *mut c_void,
    pub subdiagonal: *mut c_void,
    pub taus: *mut c_void,
    pub n: usize,
    pub is_lower: bool,
}

impl Routine for Tridiagonalize {
    unsafe fn run<T: Number>(&self, batch: usize, mut scratch: Scratch) -> Option<()> {
        let n = self.n;
        let mut work = work::<T>(&mut scratch, n, n)?;
        for index in 0..batch {
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
