/* What the functions of this file share: no libm, no memory but what callers pass. */
#ifndef RJAX_PRELUDE
#define RJAX_PRELUDE
#include <float.h>
#if defined(__FAST_MATH__)
#error "this code means what IEEE 754 says; compile it without -ffast-math"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != -1
#error "this code needs floats that are computed as floats (gcc: -fexcess-precision=fast, on x86 -msse2 -mfpmath=sse)"
#endif
/* Sums and products round once each. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
#if defined(__GNUC__)
#define RJAX_ANY __attribute__((__may_alias__))
#define RJAX_USED __attribute__((__unused__))
#else
#define RJAX_ANY
#define RJAX_USED
#endif
#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define RJAX_SQRT_FLOAT(x) _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)))
#define RJAX_SQRT_DOUBLE(x) _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(x), _mm_set_sd(x)))
#endif

/* Elements in memory, which one array after the other may use under its own type. */
typedef uint8_t RJAX_ANY rjax_uint8_t;
typedef uint16_t RJAX_ANY rjax_uint16_t;
typedef uint32_t RJAX_ANY rjax_uint32_t;
typedef uint64_t RJAX_ANY rjax_uint64_t;
typedef int8_t RJAX_ANY rjax_int8_t;
typedef int16_t RJAX_ANY rjax_int16_t;
typedef int32_t RJAX_ANY rjax_int32_t;
typedef int64_t RJAX_ANY rjax_int64_t;
typedef float RJAX_ANY rjax_float;
typedef double RJAX_ANY rjax_double;

RJAX_USED static inline uint32_t rjax_bits_of_float(float x) {
  union { float value; uint32_t bits; } both;
  both.value = x;
  return both.bits;
}
RJAX_USED static inline float rjax_float_of_bits(uint32_t x) {
  union { float value; uint32_t bits; } both;
  both.bits = x;
  return both.value;
}
RJAX_USED static inline uint64_t rjax_bits_of_double(double x) {
  union { double value; uint64_t bits; } both;
  both.value = x;
  return both.bits;
}
RJAX_USED static inline double rjax_double_of_bits(uint64_t x) {
  union { double value; uint64_t bits; } both;
  both.bits = x;
  return both.value;
}

/* Elements in memory that is less aligned than they are: least byte first. */
RJAX_USED static inline uint64_t rjax_get_bytes(const unsigned char *at, int bytes) {
  uint64_t bits = 0;
  for (int i = bytes; i-- > 0;) { bits = bits << 8 | at[i]; }
  return bits;
}
RJAX_USED static inline void rjax_put_bytes(unsigned char *at, int bytes, uint64_t bits) {
  for (int i = 0; i < bytes; ++i) { at[i] = (unsigned char)(bits >> 8 * i); }
}
#define RJAX_BYTEWISE(type, bytes) \
  RJAX_USED static inline type rjax_get_##type(const unsigned char *at) { return (type)rjax_get_bytes(at, bytes); } \
  RJAX_USED static inline void rjax_put_##type(unsigned char *at, type x) { rjax_put_bytes(at, bytes, (uint64_t)x); }
RJAX_BYTEWISE(uint16_t, 2)
RJAX_BYTEWISE(uint32_t, 4)
RJAX_BYTEWISE(uint64_t, 8)
RJAX_BYTEWISE(int16_t, 2)
RJAX_BYTEWISE(int32_t, 4)
RJAX_BYTEWISE(int64_t, 8)
RJAX_USED static inline float rjax_get_float(const unsigned char *at) {
  return rjax_float_of_bits((uint32_t)rjax_get_bytes(at, 4));
}
RJAX_USED static inline void rjax_put_float(unsigned char *at, float x) {
  rjax_put_bytes(at, 4, rjax_bits_of_float(x));
}
RJAX_USED static inline double rjax_get_double(const unsigned char *at) {
  return rjax_double_of_bits(rjax_get_bytes(at, 8));
}
RJAX_USED static inline void rjax_put_double(unsigned char *at, double x) {
  rjax_put_bytes(at, 8, rjax_bits_of_double(x));
}

/* A random key is two words in memory, and a number whose low half is the first of them. */
RJAX_USED static inline uint64_t rjax_get_key(const unsigned char *at) {
  return *(const rjax_uint32_t *)at | (uint64_t)*(const rjax_uint32_t *)(at + 4) << 32;
}
RJAX_USED static inline void rjax_put_key(unsigned char *at, uint64_t x) {
  *(rjax_uint32_t *)at = (uint32_t)x;
  *(rjax_uint32_t *)(at + 4) = (uint32_t)(x >> 32);
}

/* To the nearest integer towards zero that the type has; NaN gives 0. */
#define RJAX_TO_INT(type, from, low, high, least, greatest) \
  RJAX_USED static inline type rjax_##type##_of_##from(from x) { \
    return x != x ? 0 : x <= (low) ? (least) : x >= (high) ? (greatest) : (type)x; \
  }
#define RJAX_TO_INTS(from) \
  RJAX_TO_INT(int8_t, from, -128, 128, INT8_MIN, INT8_MAX) \
  RJAX_TO_INT(int16_t, from, -32768, 32768, INT16_MIN, INT16_MAX) \
  RJAX_TO_INT(int32_t, from, (from)-2147483648.0, (from)2147483648.0, INT32_MIN, INT32_MAX) \
  RJAX_TO_INT(int64_t, from, (from)-9223372036854775808.0, (from)9223372036854775808.0, INT64_MIN, INT64_MAX) \
  RJAX_TO_INT(uint8_t, from, 0, 256, 0, UINT8_MAX) \
  RJAX_TO_INT(uint16_t, from, 0, 65536, 0, UINT16_MAX) \
  RJAX_TO_INT(uint32_t, from, 0, (from)4294967296.0, 0, UINT32_MAX) \
  RJAX_TO_INT(uint64_t, from, 0, (from)18446744073709551616.0, 0, UINT64_MAX)
RJAX_TO_INTS(float)
RJAX_TO_INTS(double)

RJAX_USED static inline int rjax_popcount(uint64_t x) {
  int count = 0;
  for (; x != 0; x &= x - 1) { ++count; }
  return count;
}
RJAX_USED static inline int rjax_clz(uint64_t x) {
  int count = 64;
  for (; x != 0; x >>= 1) { --count; }
  return count;
}

/* `whole`: from here on, floats have no fractions. */
#define RJAX_FLOATS(from, word, integer, whole, sign) \
  RJAX_USED static inline from rjax_abs_##from(from x) { \
    return rjax_##from##_of_bits(rjax_bits_of_##from(x) & ~(sign)); \
  } \
  RJAX_USED static inline from rjax_signed_##from(from x, from like) { \
    return rjax_##from##_of_bits((rjax_bits_of_##from(x) & ~(sign)) | (rjax_bits_of_##from(like) & (sign))); \
  } \
  RJAX_USED static inline from rjax_trunc_##from(from x) { \
    return rjax_abs_##from(x) < (whole) ? rjax_signed_##from((from)(integer)x, x) : x; \
  } \
  RJAX_USED static inline from rjax_floor_##from(from x) { \
    from y = rjax_trunc_##from(x); \
    return y > x ? y - 1 : y; \
  } \
  RJAX_USED static inline from rjax_ceil_##from(from x) { \
    from y = rjax_trunc_##from(x); \
    return y < x ? rjax_signed_##from(y + 1, x) : y; \
  } \
  RJAX_USED static inline from rjax_even_##from(from x) { \
    from y = rjax_trunc_##from(x), rest = rjax_abs_##from(x - y); \
    integer odd = rjax_abs_##from(x) < (whole) ? (integer)y & 1 : 0; \
    return rest > (from)0.5 || (rest == (from)0.5 && odd) ? rjax_signed_##from(rjax_abs_##from(y) + 1, x) : y; \
  } \
  /* NaN if either is. */ \
  RJAX_USED static inline from rjax_max_##from(from x, from y) { return x != x ? x : y < x ? x : y; } \
  RJAX_USED static inline from rjax_min_##from(from x, from y) { return x != x ? x : x < y ? x : y; }
RJAX_FLOATS(float, uint32_t, int32_t, 8388608.0f, 0x80000000u)
RJAX_FLOATS(double, uint64_t, int64_t, 4503599627370496.0, 0x8000000000000000ull)

/* Square roots, rounded to nearest: digit by digit where the processor has none. */
RJAX_USED static inline float rjax_sqrt_float(float x) {
#if defined(RJAX_SQRT_FLOAT)
  return RJAX_SQRT_FLOAT(x);
#else
  if (!(x > 0)) { return x == 0 ? x : rjax_float_of_bits(0x7fc00000u); }
  if (x - x != 0) { return x; }
  int exponent = 0;
  while (x < 1) { x *= 4; --exponent; }
  while (x >= 4) { x /= 4; ++exponent; }
  uint64_t rest = (uint64_t)(x * 8388608.0f) << 25, root = 0;
  for (uint64_t bit = (uint64_t)1 << 48; bit != 0; bit >>= 2) {
    if (rest >= root + bit) { rest -= root + bit; root = (root >> 1) + bit; } else { root >>= 1; }
  }
  root = (root >> 1) + (root & 1 && (rest != 0 || root & 2));
  float y = (float)root / 8388608.0f;
  for (; exponent > 0; --exponent) { y *= 2; }
  for (; exponent < 0; ++exponent) { y /= 2; }
  return y;
#endif
}
RJAX_USED static inline double rjax_sqrt_double(double x) {
#if defined(RJAX_SQRT_DOUBLE)
  return RJAX_SQRT_DOUBLE(x);
#else
  if (!(x > 0)) { return x == 0 ? x : rjax_double_of_bits(0x7ff8000000000000ull); }
  if (x - x != 0) { return x; }
  int exponent = 0;
  while (x < 1) { x *= 4; --exponent; }
  while (x >= 4) { x /= 4; ++exponent; }
  /* x is m * 2^-52; 54 binary digits of its root, two bits of m 2^54 at a time. */
  uint64_t m = (uint64_t)(x * 4503599627370496.0), rest = 0, root = 0;
  for (int digit = 0; digit < 54; ++digit) {
    int shift = 52 - 2 * digit;
    rest = rest << 2 | (shift >= 0 ? m >> shift & 3 : 0);
    uint64_t trial = root << 2 | 1;
    root <<= 1;
    if (rest >= trial) { rest -= trial; root |= 1; }
  }
  root = (root >> 1) + (root & 1 && (rest != 0 || root & 2));
  double y = (double)root / 4503599627370496.0;
  for (; exponent > 0; --exponent) { y *= 2; }
  for (; exponent < 0; ++exponent) { y /= 2; }
  return y;
#endif
}
#endif /* RJAX_PRELUDE */
