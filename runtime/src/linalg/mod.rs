//! Dense linear algebra: the routines that compiled programs call for decompositions and solutions.
//!
//! Every routine is generic over f32, f64 and their complex numbers, works in scratch memory of its caller, takes a
//! bounded number of steps, and answers a numerical failure (a matrix that is not positive definite, an iteration that
//! does not converge, an input with NaN) with NaN results, as JAX does. Where a decomposition is unique only up to
//! signs or order, the routines follow LAPACK's conventions.
//!
//! No existing library fits: LAPACK and faer allocate, panic, and keep state in globals.
//!
//! * [`number`]: real and complex numbers; [`matrix`]: matrices, loops over rows, scratch memory.
//! * [`direct`]: Cholesky, LU, triangular and tridiagonal systems.
//! * [`householder`]: QR, Hessenberg and tridiagonal forms.
//! * [`symmetric`], [`schur`], [`eigen`], [`singular`]: the iterative decompositions.
//! * [`entry`]: the C functions.

pub(crate) mod entry;

mod direct;
mod eigen;
mod householder;
mod matrix;
mod number;
mod schur;
mod singular;
mod symmetric;
#[cfg(test)]
mod tests;
