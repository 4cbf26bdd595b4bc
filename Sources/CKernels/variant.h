// What differs between processors: one table of functions for each set of vector instructions.
// The files variant_*.c fill it from the same sources under their own target attributes.
#ifndef CK_VARIANT_H
#define CK_VARIANT_H

#include "CKernels.h"

struct ck_variant {
  const ck_function (*unary)[CK_TYPE_COUNT];
  const ck_function (*binary)[CK_TYPE_COUNT][3];
  const ck_function (*compare)[CK_TYPE_COUNT][3];
  const ck_function (*select)[4];
  const ck_function (*convert)[CK_TYPE_COUNT];
  ck_task fused;
  ck_task fused_finish;
  ck_task matmul;
  ck_task blocks;
  ck_task matvec;
  ck_task planes;
  ck_task panels;
  ck_task position_vectors;
  ck_task convolution;
  ck_task weight_gradient;
  ck_task weight_product;
  ck_task weight_product_finish;
};

extern const ck_variant ck_variant_baseline;
#if defined(__x86_64__)
extern const ck_variant ck_variant_avx2;
extern const ck_variant ck_variant_avx512;
#endif

// Kernels that only move data, the same for all processors.
#define CK_DECLARE_TASK(name)                                                                      \
  void name(const void *parameters, char *const *buffers, int64_t task, char *scratch)
CK_DECLARE_TASK(ck_plain_convolution_task);
CK_DECLARE_TASK(ck_copy_task);
CK_DECLARE_TASK(ck_gather_task);
CK_DECLARE_TASK(ck_scatter_add_task);
CK_DECLARE_TASK(ck_argmax_task);
CK_DECLARE_TASK(ck_window_argmax_task);

#endif
