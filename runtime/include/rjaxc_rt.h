/* The runtime of rjaxc: what compiled code calls. Programs call it only through compiled functions; these
 * declarations are for those who replace a part of it. */
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

#ifdef __cplusplus
}
#endif

#endif /* RJAXC_RT_H */
