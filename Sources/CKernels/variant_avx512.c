// x86 with AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include "variant.h"
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl"),                 \
                   min_vector_width(512))),                                                        \
    apply_to = function)
#define CK_VARIANT_NAME ck_variant_avx512
#define CK_HAS_MASKS
#define CK_ACCUMULATORS 24
#define CK_DOT_ROWS 4
#include "variant_table.h"
#pragma clang attribute pop
#endif
