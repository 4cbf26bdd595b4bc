// Finds the functions for the processor at hand.
#include "variant.h"

const ck_variant *ck_find_variant(ck_instruction_set set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (set) {
    case CK_BASELINE:
      return &ck_variant_baseline;
    case CK_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
              && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
          ? &ck_variant_avx2 : NULL;
    case CK_AVX512:
      return ck_find_variant(CK_AVX2) && __builtin_cpu_supports("avx512f")
              && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
              && __builtin_cpu_supports("avx512vl")
          ? &ck_variant_avx512 : NULL;
  }
  return NULL;
#else
  return set == CK_BASELINE ? &ck_variant_baseline : NULL;
#endif
}

const ck_variant *ck_best_variant(void) {
  const ck_variant *variant = ck_find_variant(CK_AVX512);
  if (!variant) variant = ck_find_variant(CK_AVX2);
  return variant ? variant : &ck_variant_baseline;
}

static int repeating(bool first, bool second) { return first ? (second ? 3 : 1) : second ? 2 : 0; }

ck_function ck_unary_function(const ck_variant *variant, ck_unary op, ck_type type) {
  return variant->unary[op][type];
}

ck_function ck_binary_function(const ck_variant *variant, ck_binary op, ck_type type, bool first, bool second) {
  int which = repeating(first, second);
  return which == 3 ? NULL : variant->binary[op][type][which];
}

ck_function ck_compare_function(const ck_variant *variant, ck_comparison op, ck_type type, bool first, bool second) {
  int which = repeating(first, second);
  return which == 3 ? NULL : variant->compare[op][type][which];
}

ck_function ck_select_function(const ck_variant *variant, ck_type type, bool when_true, bool when_false) {
  return variant->select[type][repeating(when_true, when_false)];
}

ck_function ck_convert_function(const ck_variant *variant, ck_type from, ck_type to) {
  return variant->convert[from][to];
}

ck_task ck_kernel_task(const ck_variant *variant, ck_kernel kernel) {
  switch (kernel) {
    case CK_FUSED: return variant->fused;
    case CK_FUSED_FINISH: return variant->fused_finish;
    case CK_MATMUL: return variant->matmul;
    case CK_BLOCKS: return variant->blocks;
    case CK_MATVEC: return variant->matvec;
    case CK_PLANES: return variant->planes;
    case CK_PANELS: return variant->panels;
    case CK_CONVOLUTION: return variant->convolution;
    case CK_POSITION_VECTORS: return variant->position_vectors;
    case CK_WEIGHT_GRADIENT_KERNEL: return variant->weight_gradient;
    case CK_WEIGHT_PRODUCT: return variant->weight_product;
    case CK_WEIGHT_PRODUCT_FINISH: return variant->weight_product_finish;
    case CK_PLAIN_CONVOLUTION: return ck_plain_convolution_task;
    case CK_COPY: return ck_copy_task;
    case CK_GATHER: return ck_gather_task;
    case CK_SCATTER_ADD: return ck_scatter_add_task;
    case CK_ARGMAX: return ck_argmax_task;
    case CK_WINDOW_ARGMAX: return ck_window_argmax_task;
  }
  return NULL;
}
