/* The runtime of rjaxc: what compiled code calls. Programs call it only through compiled functions; these
 * declarations, all that the archive exports for that purpose, are for those who replace a part of it. */
#ifndef RJAXC_RT_H
#define RJAXC_RT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by every runtime of ABI version 1. */
extern const uint32_t rjax_abi_1;

/* The exact remainder of x / y with the sign of x. */
double rjax_fmod_f64(double x, double y);
float rjax_fmod_f32(float x, float y);

/* Reorders positions along the last axis of a [rows, n] array, stably: keys[r][order[r][..]] ascends. previous[r] is a
 * permutation of 0..n. scratch has 16 * n bytes (u32) or 32 * n (u64), aligned to 8. Returns 0. */
int32_t rjax_order_u32(const uint32_t *keys, const int32_t *previous, int32_t *order, uint8_t *scratch, int64_t rows,
                       int64_t n);
int32_t rjax_order_u64(const uint64_t *keys, const int32_t *previous, int32_t *order, uint8_t *scratch, int64_t rows,
                       int64_t n);

/* The regularized incomplete gamma functions P(a, x) and Q(a, x). */
double rjax_igamma_f64(double a, double x);
float rjax_igamma_f32(float a, float x);
double rjax_igammac_f64(double a, double x);
float rjax_igammac_f32(float a, float x);

/* The derivatives by a of P(a, x), and of a sample x of the gamma distribution. */
double rjax_igamma_grad_a_f64(double a, double x);
float rjax_igamma_grad_a_f32(float a, float x);
double rjax_random_gamma_grad_f64(double a, double x);
float rjax_random_gamma_grad_f32(float a, float x);

/* The regularized incomplete beta function I_x(a, b). */
double rjax_betainc_f64(double a, double b, double x);
float rjax_betainc_f32(float a, float b, float x);

/* The Hurwitz zeta function, and the derivatives of digamma of order 1 and more. */
double rjax_zeta_f64(double x, double q);
float rjax_zeta_f32(float x, float q);
double rjax_polygamma_f64(double order, double x);
float rjax_polygamma_f32(float order, float x);

/* The Fourier transform of each row of length n; kind is 0 for the forward, 1 for the inverse transform, 2 and 3 for
   those of real rows. plan and table are constants that the compiler computes for n; the scratch memory is for
   `together` rows. Returns 0. */
int32_t rjax_fft_f32(const float *x, const uint32_t *plan, const float *table, float *y, float *scratch, int64_t kind,
                     int64_t rows, int64_t n, int64_t together);
int32_t rjax_fft_f64(const double *x, const uint32_t *plan, const double *table, double *y, double *scratch,
                     int64_t kind, int64_t rows, int64_t n, int64_t together);

/* Linear algebra. Pointers to the arrays that are read, then to those that are written, then to scratch memory of
 * scratch_bytes; then the dtype (0: f32, 1: f64, 2: complex of f32, 3: complex of f64), the number of matrices in the
 * batch, the extents, and flags. Arrays are row-major and do not overlap. The compiler decides how much scratch memory
 * a routine needs. Returns 0, or -7 if compiler and runtime disagree on a size. */

/* The lower Cholesky factor of a [batch, n, n] in the lower triangle of out; above it, out is a. */
int32_t rjax_cholesky(const void *a, void *out, int64_t dtype, int64_t batch, int64_t n);

/* Solves op(a) x = b (flag 1) or x op(a) = b, where b is [batch, rows, cols]. Flags: 2 a is lower triangular, 4
 * transposed, 8 conjugated, 16 with ones on the diagonal. */
int32_t rjax_triangular_solve(const void *a, const void *b, void *out, uint8_t *scratch, int64_t scratch_bytes,
                              int64_t dtype, int64_t batch, int64_t rows, int64_t cols, int64_t flags);

/* LU of a [batch, m, n] with the row exchanges [batch, min(m, n)] and the permutation [batch, m] they make. */
int32_t rjax_lu(const void *a, void *out, void *pivots, void *permutation, int64_t dtype, int64_t batch, int64_t m,
                int64_t n);

/* The permutations [batch, size] that exchanges [batch, count] make. Both arrays are i32. */
int32_t rjax_lu_permutation(const void *pivots, void *permutation, int64_t batch, int64_t count, int64_t size);

/* Solves tridiagonal systems of order n with the diagonals [batch, n] and right sides [batch, n, cols]. Flag 1: small
 * pivots are moved away from zero. */
int32_t rjax_tridiagonal_solve(const void *lower, const void *diagonal, const void *upper, const void *b, void *out,
                               uint8_t *scratch, int64_t scratch_bytes, int64_t dtype, int64_t batch, int64_t n,
                               int64_t cols, int64_t flags);

/* QR of a [batch, m, n] in packed form, with taus [batch, min(m, n)]. */
int32_t rjax_geqrf(const void *a, void *out, void *taus, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                   int64_t batch, int64_t m, int64_t n);

/* QR with column pivoting; pivots are i32 [batch, n], counted from 1. */
int32_t rjax_geqp3(const void *a, const void *pivots_before, void *out, void *pivots_after, void *taus,
                   uint8_t *scratch, int64_t scratch_bytes, int64_t dtype, int64_t batch, int64_t m, int64_t n);

/* The first n columns of the product of the reflections packed in a [batch, m, n], with taus [batch, count]. */
int32_t rjax_householder_product(const void *a, const void *taus, void *out, uint8_t *scratch, int64_t scratch_bytes,
                                 int64_t dtype, int64_t batch, int64_t m, int64_t n, int64_t count);

/* The product of c [batch, rows, cols] and the matrix q of the reflections in a [batch, m, n], with taus [batch,
 * count]. Flags: 1 q stands to the left, 2 its conjugate transpose is meant. */
int32_t rjax_ormqr(const void *a, const void *taus, const void *c, void *out, uint8_t *scratch, int64_t scratch_bytes,
                   int64_t dtype, int64_t batch, int64_t m, int64_t n, int64_t count, int64_t rows, int64_t cols,
                   int64_t flags);

/* Hessenberg form of a [batch, n, n] in packed form, with taus [batch, n - 1]. */
int32_t rjax_hessenberg(const void *a, void *out, void *taus, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                        int64_t batch, int64_t n);

/* Tridiagonal form of Hermitian matrices [batch, n, n] of which the lower triangle (flag 1) or the upper one is read:
 * the packed reflections in that triangle, the diagonal, the subdiagonal and the taus [batch, n - 1]. */
int32_t rjax_tridiagonal(const void *a, void *out, void *diagonal, void *subdiagonal, void *taus, uint8_t *scratch,
                         int64_t scratch_bytes, int64_t dtype, int64_t batch, int64_t n, int64_t flags);

/* Eigenvectors [batch, n, n] (columns) and ascending eigenvalues [batch, n] of Hermitian matrices of which the lower
 * triangle (flag 1) or the upper one is read. */
int32_t rjax_eigh(const void *a, void *vectors, void *values, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                  int64_t batch, int64_t n, int64_t flags);

/* Singular values [batch, min(m, n)] of a [batch, m, n]. */
int32_t rjax_singular_values(const void *a, void *values, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                             int64_t batch, int64_t m, int64_t n);

/* Singular values with vectors u [batch, m, k] and vt [batch, k, n], where k is min(m, n), or (flag 1) m for u and n
 * for vt. */
int32_t rjax_svd(const void *a, void *values, void *u, void *vt, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                 int64_t batch, int64_t m, int64_t n, int64_t flags);

/* The Schur form of a [batch, n, n]. */
int32_t rjax_schur_form(const void *a, void *out, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype, int64_t batch,
                        int64_t n);

/* The Schur form with the Schur vectors [batch, n, n]. */
int32_t rjax_schur(const void *a, void *out, void *vectors, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                   int64_t batch, int64_t n);

/* Complex eigenvalues [batch, n] of a [batch, n, n]. */
int32_t rjax_eigenvalues(const void *a, void *values, uint8_t *scratch, int64_t scratch_bytes, int64_t dtype,
                         int64_t batch, int64_t n);

/* Complex eigenvalues with the left (flag 1) or right eigenvectors [batch, n, n] as columns. */
int32_t rjax_eigenvectors(const void *a, void *values, void *vectors, uint8_t *scratch, int64_t scratch_bytes,
                          int64_t dtype, int64_t batch, int64_t n, int64_t flags);

/* Complex eigenvalues with both kinds of eigenvectors. */
int32_t rjax_all_eigenvectors(const void *a, void *values, void *left, void *right, uint8_t *scratch,
                              int64_t scratch_bytes, int64_t dtype, int64_t batch, int64_t n);

#ifdef __cplusplus
}
#endif

#endif /* RJAXC_RT_H */
