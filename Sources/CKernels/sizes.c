// Extents that the planner must know and the kernels decide.
#include "CKernels.h"

static int64_t vector_length(ck_type type) { return type == CK_F64 ? 8 : 16; }

int64_t ck_padded_channels(int64_t channels, ck_type type) {
  int64_t unit = vector_length(type);
  if (channels > unit) unit *= 2;
  return (channels + unit - 1) / unit * unit;
}

int64_t ck_planes_slack(ck_type type) { return 4 * vector_length(type); }

int64_t ck_weight_gradient_tile(int64_t padded_channels, ck_type type) {
  return padded_channels > vector_length(type) ? CK_PANEL : 2 * CK_PANEL;
}

int64_t ck_contraction_scratch(void) {
  // A left panel and a right block of matmul_type.h, in doubles.
  return (256 * CK_PANEL + 256 * 512) * (int64_t)sizeof(double);
}
