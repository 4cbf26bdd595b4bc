// Extents that the planner must know and the kernels decide.
#include "CKernels.h"

int64_t ck_vector_length(ck_type type) { return type == CK_F64 ? 8 : 16; }

int64_t ck_block_elements(ck_type type, int64_t k, int64_t n) {
  const int64_t tile = 2 * ck_vector_length(type);
  return k * ((n + tile - 1) / tile * tile);
}

int64_t ck_block_tasks(int64_t k) { return (k + CK_BLOCK_K - 1) / CK_BLOCK_K; }

int64_t ck_contraction_scratch(void) {
  // A left panel and a right block of matmul_type.h, in doubles.
  return (CK_BLOCK_K * CK_PANEL + CK_BLOCK_K * CK_BLOCK_COLUMNS) * (int64_t)sizeof(double);
}
