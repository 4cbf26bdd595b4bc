// Vectors of one cache line, whatever the processor: the compiler splits them to its own width.
// Every variant of the kernels includes this under its own target attributes.
#ifndef CK_VECTOR_H
#define CK_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

// All functions that pass vectors are inlined, so that their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_INLINE static inline __attribute__((always_inline))

typedef float ck_f32x16 __attribute__((ext_vector_type(16)));
typedef double ck_f64x8 __attribute__((ext_vector_type(8)));
typedef float ck_f32x8 __attribute__((ext_vector_type(8)));
typedef float ck_f32x4 __attribute__((ext_vector_type(4)));
typedef double ck_f64x4 __attribute__((ext_vector_type(4)));
typedef double ck_f64x2 __attribute__((ext_vector_type(2)));
typedef int32_t ck_i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t ck_u32x16 __attribute__((ext_vector_type(16)));
typedef int64_t ck_i64x8 __attribute__((ext_vector_type(8)));
typedef uint64_t ck_u64x8 __attribute__((ext_vector_type(8)));
typedef uint8_t ck_u8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t ck_u8x8 __attribute__((ext_vector_type(8)));

// Defines load and store of whole vectors, of their first elements, and of one repeated element.
#define CK_DEFINE_MEMORY(type, scalar, vector, lanes)                                              \
  typedef vector ck_unaligned_##type __attribute__((aligned(1), may_alias));                      \
  CK_INLINE vector ck_load_##type(const scalar *p) { return *(const ck_unaligned_##type *)p; }    \
  CK_INLINE void ck_store_##type(scalar *p, vector v) { *(ck_unaligned_##type *)p = v; }          \
  CK_INLINE vector ck_load_part_##type(const scalar *p, int64_t count) {                          \
    scalar buffer[lanes] = {0};                                                                    \
    _Pragma("clang loop vectorize(disable) unroll(disable)")                                       \
    for (int64_t i = 0; i < count; i++) buffer[i] = p[i];                                          \
    return ck_load_##type(buffer);                                                                 \
  }                                                                                                \
  CK_INLINE void ck_store_part_##type(scalar *p, vector v, int64_t count) {                       \
    scalar buffer[lanes];                                                                          \
    ck_store_##type(buffer, v);                                                                    \
    _Pragma("clang loop vectorize(disable) unroll(disable)")                                       \
    for (int64_t i = 0; i < count; i++) p[i] = buffer[i];                                          \
  }

CK_DEFINE_MEMORY(i32, int32_t, ck_i32x16, 16)
CK_DEFINE_MEMORY(i64, int64_t, ck_i64x8, 8)
CK_DEFINE_MEMORY(u8x16, uint8_t, ck_u8x16, 16)
CK_DEFINE_MEMORY(u8x8, uint8_t, ck_u8x8, 8)

#ifdef CK_HAS_MASKS
#include <immintrin.h>
CK_DEFINE_MEMORY(f32_plain, float, ck_f32x16, 16)
CK_DEFINE_MEMORY(f64_plain, double, ck_f64x8, 8)
CK_INLINE ck_f32x16 ck_load_f32(const float *p) { return ck_load_f32_plain(p); }
CK_INLINE void ck_store_f32(float *p, ck_f32x16 v) { ck_store_f32_plain(p, v); }
CK_INLINE ck_f64x8 ck_load_f64(const double *p) { return ck_load_f64_plain(p); }
CK_INLINE void ck_store_f64(double *p, ck_f64x8 v) { ck_store_f64_plain(p, v); }
CK_INLINE ck_f32x16 ck_load_part_f32(const float *p, int64_t count) {
  return (ck_f32x16)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
CK_INLINE void ck_store_part_f32(float *p, ck_f32x16 v, int64_t count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
}
CK_INLINE ck_f64x8 ck_load_part_f64(const double *p, int64_t count) {
  return (ck_f64x8)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
}
CK_INLINE void ck_store_part_f64(double *p, ck_f64x8 v, int64_t count) {
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)v);
}
#else
CK_DEFINE_MEMORY(f32, float, ck_f32x16, 16)
CK_DEFINE_MEMORY(f64, double, ck_f64x8, 8)
#endif

// MARK: Rearrangement of lanes

// Two halves, or four quarters, one after the other.
#define CK_JOIN_HALVES_f32(a, b)                                                                   \
  __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define CK_JOIN_HALVES_f64(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define CK_JOIN_QUARTERS_f32(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define CK_JOIN_QUARTERS_f64(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3)
// Every second lane of two vectors.
#define CK_EVEN_LANES_f32(a, b)                                                                    \
  __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define CK_EVEN_LANES_f64(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
// The lanes of two vectors in turn: of their first halves, of their second halves.
#define CK_ZIP_LOW_f32(a, b)                                                                       \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define CK_ZIP_LOW_f64(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define CK_ZIP_HIGH_f32(a, b)                                                                      \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define CK_ZIP_HIGH_f64(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

// Lane i of the result is the sum of the lanes of v[i]: halves of vectors are added while two vectors
// are packed into one, then quarters, and so on.
CK_INLINE ck_f32x16 ck_lane_sums_f32(const ck_f32x16 *v) {
  ck_f32x16 w[8], x[4], y[2];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++)
    w[i] = __builtin_shufflevector(
               v[i], v[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
        + __builtin_shufflevector(
               v[i], v[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++)
    x[i] = __builtin_shufflevector(
               w[i], w[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
        + __builtin_shufflevector(
               w[i], w[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++)
    y[i] = __builtin_shufflevector(
               x[i], x[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
        + __builtin_shufflevector(
               x[i], x[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(
             y[0], y[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
      + __builtin_shufflevector(
             y[0], y[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}

CK_INLINE ck_f64x8 ck_lane_sums_f64(const ck_f64x8 *v) {
  ck_f64x8 w[4], x[2];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++)
    w[i] = __builtin_shufflevector(v[i], v[i + 4], 0, 1, 2, 3, 8, 9, 10, 11)
        + __builtin_shufflevector(v[i], v[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++)
    x[i] = __builtin_shufflevector(w[i], w[i + 2], 0, 1, 8, 9, 4, 5, 12, 13)
        + __builtin_shufflevector(w[i], w[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  return __builtin_shufflevector(x[0], x[1], 0, 8, 2, 10, 4, 12, 6, 14)
      + __builtin_shufflevector(x[0], x[1], 1, 9, 3, 11, 5, 13, 7, 15);
}

#endif
