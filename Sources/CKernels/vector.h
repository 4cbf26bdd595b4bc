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

#endif
