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

#ifdef __cplusplus
}
#endif

#endif /* RJAXC_RT_H */
