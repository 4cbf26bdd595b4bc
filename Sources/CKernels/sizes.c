// Extents that the planner must know and the kernels decide.
#include "CKernels.h"

int64_t ck_vector_length(ck_type type) { return type == CK_F64 ? 8 : 16; }

int64_t ck_contraction_scratch(void) {
  // A left panel, its slack and a right block of matmul_type.h, in doubles.
  return (256 * CK_PANEL + 64 + 256 * 512) * (int64_t)sizeof(double);
}
