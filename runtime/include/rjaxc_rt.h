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

#ifdef __cplusplus
}
#endif

#endif /* RJAXC_RT_H */
