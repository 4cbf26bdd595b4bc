// x86 with AVX2 and fused multiply-add.
#if defined(__x86_64__)
#include "variant.h"
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#define CK_VARIANT_NAME ck_variant_avx2
#define CK_ACCUMULATORS 6
#define CK_DOT_ROWS 2
#include "variant_table.h"
#pragma clang attribute pop
#endif
