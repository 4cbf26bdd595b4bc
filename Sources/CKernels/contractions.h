// Contractions of both floating-point types. A variant says how many vectors of sums its registers hold
// (CK_ACCUMULATORS), and the extent of a square of dot products that fits them (CK_DOT_ROWS).

#define CK_TYPE f32
#define CK_SCALAR float
#define CK_VECTOR ck_f32x16
#define CK_HALF ck_f32x8
#define CK_QUARTER ck_f32x4
#define CK_LANES 16
#include "microkernel_type.h"
#include "panels_type.h"
#include "matvec_type.h"
#include "few_rows_type.h"
#include "matmul_type.h"
#include "planes_type.h"
#include "convolution_type.h"
#include "weight_gradient_type.h"
#include "weight_product_type.h"
#include "contraction_end.h"

#define CK_TYPE f64
#define CK_SCALAR double
#define CK_VECTOR ck_f64x8
#define CK_HALF ck_f64x4
#define CK_QUARTER ck_f64x2
#define CK_LANES 8
#include "microkernel_type.h"
#include "panels_type.h"
#include "matvec_type.h"
#include "few_rows_type.h"
#include "matmul_type.h"
#include "planes_type.h"
#include "convolution_type.h"
#include "weight_gradient_type.h"
#include "weight_product_type.h"
#include "contraction_end.h"

// The task for the parameters' type.
#define CK_TYPED_TASK(name)                                                                        \
  static void name##_task(                                                                         \
      const void *parameters, char *const *buffers, int64_t task, char *scratch) {                 \
    if (((const ck_##name *)parameters)->type == CK_F32)                                           \
      name##_f32(parameters, buffers, task, scratch);                                              \
    else                                                                                           \
      name##_f64(parameters, buffers, task, scratch);                                              \
  }
CK_TYPED_TASK(matmul)
CK_TYPED_TASK(blocks)
CK_TYPED_TASK(matvec)
CK_TYPED_TASK(planes)
CK_TYPED_TASK(panels)
CK_TYPED_TASK(position_vectors)
CK_TYPED_TASK(convolutions)
CK_TYPED_TASK(weight_gradient)
CK_TYPED_TASK(weight_product)

static void weight_product_finish(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  fused_finish(((const ck_weight_product *)parameters)->epilogue, buffers, task, scratch);
}
