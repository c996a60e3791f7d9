//! The C functions, one row each: the arrays they read and write, their scratch memory if any, the extents, and the
//! routine that these make. See Note: arguments of the parent module; every row starts with the dtype and the batch.

use super::direct::{self, Cholesky, Lu, TriangularSolve, TridiagonalSolve};
use super::householder::{Hessenberg, HouseholderMultiply, HouseholderProduct, Qr, Tridiagonalize};
use super::iterative::{Eig, Eigh, Schur, Svd};
use super::{Room, dispatch};
use core::ffi::c_void;

/// Generates the functions and the list of their addresses.
macro_rules! routines {
    ($(
        $(#[$doc:meta])*
        $name:ident($($read:ident),* -> $($write:ident),*; $($start:ident, $bytes:ident)?; $($extent:ident),*)
            => $routine:expr;
    )*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// See Note: arguments.
            // SAFETY: the prefix `rjax_` is this project's.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(
                $($read: *const c_void,)*
                $($write: *mut c_void,)*
                $($start: *mut u8, $bytes: i64,)?
                dtype: i64,
                batch: i64,
                $($extent: i64),*
            ) -> i32 {
                let room = None$(.or(Some(Room { start: $start, bytes: $bytes as usize })))?;
                $(let $extent = $extent as usize;)*
                // SAFETY: the caller's promise.
                unsafe { dispatch(dtype, batch as usize, room, &$routine) }
            }
        )*

        /// Every function and its address.
        #[cfg(not(rjaxc_archive))]
        pub fn symbols() -> impl Iterator<Item = (&'static str, *const u8)> {
            let of_exchanges = ("rjax_lu_permutation", direct::rjax_lu_permutation as *const u8);
            [$((stringify!($name), $name as *const u8),)* of_exchanges].into_iter()
        }
    };
}

routines! {
    /// The lower Cholesky factor of `a` [batch, n, n] in the lower triangle of `out`; above it, `out` is `a`.
    rjax_cholesky(a -> out; ; n) => Cholesky { a, out, n };

    /// Solves `op(a) x = b` (flag 1) or `x op(a) = b`, where `b` is [batch, rows, cols]. Flags: 2 `a` is lower
    /// triangular, 4 transposed, 8 conjugated, 16 with ones on the diagonal.
    rjax_triangular_solve(a, b -> out; scratch, scratch_bytes; rows, cols, flags)
        => TriangularSolve { a, b, out, rows, cols, is_left: flags & 1 != 0, triangle: direct::triangle(flags) };

    /// LU of `a` [batch, m, n] with the row exchanges [batch, min(m, n)] and the permutation [batch, m] they make.
    rjax_lu(a -> out, pivots, permutation; ; m, n) => Lu { a, out, pivots, permutation, m, n };

    /// Solves tridiagonal systems of order n with the diagonals [batch, n] and right sides [batch, n, cols]. Flag 1:
    /// small pivots are moved away from zero.
    rjax_tridiagonal_solve(lower, diagonal, upper, b -> out; scratch, scratch_bytes; n, cols, flags)
        => TridiagonalSolve { lower, diagonal, upper, b, out, n, cols, perturb: flags & 1 != 0 };

    /// QR of `a` [batch, m, n] in packed form, with taus [batch, min(m, n)].
    rjax_geqrf(a -> out, taus; scratch, scratch_bytes; m, n) => Qr { a, out, taus, pivots: None, m, n };

    /// The same with column pivoting; pivots are i32 [batch, n], counted from 1.
    rjax_geqp3(a, pivots_before -> out, pivots_after, taus; scratch, scratch_bytes; m, n)
        => Qr { a, out, taus, pivots: Some((pivots_before, pivots_after)), m, n };

    /// The first n columns of the product of the reflections packed in `a` [batch, m, n], with taus [batch, count].
    rjax_householder_product(a, taus -> out; scratch, scratch_bytes; m, n, count)
        => HouseholderProduct { a, taus, out, m, n, count };

    /// The product of `c` [batch, rows, cols] and the matrix q of the reflections in `a` [batch, m, n], with taus
    /// [batch, count]. Flags: 1 q stands to the left, 2 its conjugate transpose is meant.
    rjax_ormqr(a, taus, c -> out; scratch, scratch_bytes; m, n, count, rows, cols, flags)
        => HouseholderMultiply {
            a, taus, c, out, shape: (m, n), count, rows, cols,
            is_left: flags & 1 != 0, is_transposed: flags & 2 != 0,
        };

    /// Hessenberg form of `a` [batch, n, n] in packed form, with taus [batch, n - 1].
    rjax_hessenberg(a -> out, taus; scratch, scratch_bytes; n) => Hessenberg { a, out, taus, n };

    /// Tridiagonal form of Hermitian matrices [batch, n, n] of which the lower triangle (flag 1) or the upper one is
    /// read: the packed reflections in that triangle, the diagonal, the subdiagonal and the taus [batch, n - 1].
    rjax_tridiagonal(a -> out, diagonal, subdiagonal, taus; scratch, scratch_bytes; n, flags)
        => Tridiagonalize { a, out, diagonal, subdiagonal, taus, n, is_lower: flags & 1 != 0 };

    /// Eigenvectors [batch, n, n] (columns) and ascending eigenvalues [batch, n] of Hermitian matrices of which the
    /// lower triangle (flag 1) or the upper one is read.
    rjax_eigh(a -> vectors, values; scratch, scratch_bytes; n, flags)
        => Eigh { a, vectors, values, n, is_lower: flags & 1 != 0 };

    /// Singular values [batch, min(m, n)] of `a` [batch, m, n].
    rjax_singular_values(a -> values; scratch, scratch_bytes; m, n)
        => Svd { a, values, vectors: None, m, n, is_full: false };

    /// The same with vectors `u` [batch, m, k] and `vt` [batch, k, n], where k is min(m, n), or (flag 1) m for `u` and
    /// n for `vt`.
    rjax_svd(a -> values, u, vt; scratch, scratch_bytes; m, n, flags)
        => Svd { a, values, vectors: Some((u, vt)), m, n, is_full: flags & 1 != 0 };

    /// The Schur form of `a` [batch, n, n].
    rjax_schur_form(a -> out; scratch, scratch_bytes; n) => Schur { a, out, vectors: None, n };

    /// The same with the Schur vectors [batch, n, n].
    rjax_schur(a -> out, vectors; scratch, scratch_bytes; n) => Schur { a, out, vectors: Some(vectors), n };

    /// Complex eigenvalues [batch, n] of `a` [batch, n, n].
    rjax_eigenvalues(a -> values; scratch, scratch_bytes; n) => Eig { a, values, left: None, right: None, n };

    /// The same with the left (flag 1) or right eigenvectors [batch, n, n] as columns.
    rjax_eigenvectors(a -> values, vectors; scratch, scratch_bytes; n, flags)
        => Eig {
            a, values, left: (flags & 1 != 0).then_some(vectors), right: (flags & 1 == 0).then_some(vectors), n,
        };

    /// The same with both kinds of eigenvectors.
    rjax_all_eigenvectors(a -> values, left, right; scratch, scratch_bytes; n)
        => Eig { a, values, left: Some(left), right: Some(right), n };
}
