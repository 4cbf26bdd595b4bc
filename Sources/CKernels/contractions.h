// Contractions of both floating-point types.

#define CK_TYPE f32
#define CK_SCALAR float
#define CK_VECTOR ck_f32x16
#define CK_LANES 16
#include "microkernel_type.h"
#include "matmul_type.h"
#include "convolution_type.h"
#include "contraction_end.h"

#define CK_TYPE f64
#define CK_SCALAR double
#define CK_VECTOR ck_f64x8
#define CK_LANES 8
#include "microkernel_type.h"
#include "matmul_type.h"
#include "convolution_type.h"
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
CK_TYPED_TASK(matvec)
CK_TYPED_TASK(convolutions)
CK_TYPED_TASK(weight_gradient)
