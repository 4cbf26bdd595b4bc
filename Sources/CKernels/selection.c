// Positions of largest elements. NaN counts as larger than any number; the first of equals wins.
#include "variant.h"

#define CK_IS_LARGER(x, best) ((x) != (x) ? (best) == (best) : (x) > (best))

#define CK_ARGMAX_OF(type)                                                                         \
  {                                                                                                \
    const type *x = (const type *)buffers[p->operand] + task * p->extent * p->inner;               \
    for (int64_t i = 0; i < p->inner; i++) {                                                       \
      type best = x[i];                                                                            \
      int32_t position = 0;                                                                        \
      for (int64_t e = 1; e < p->extent; e++) {                                                    \
        type value = x[e * p->inner + i];                                                          \
        if (CK_IS_LARGER(value, best)) best = value, position = (int32_t)e;                        \
      }                                                                                            \
      result[i] = position;                                                                        \
    }                                                                                              \
  }

// One task per outer index.
void ck_argmax_task(const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_argmax *p = parameters;
  int32_t *result = (int32_t *)buffers[p->result] + task * p->inner;
  switch (p->type) {
    case CK_F32: CK_ARGMAX_OF(float) break;
    case CK_F64: CK_ARGMAX_OF(double) break;
    case CK_I32: CK_ARGMAX_OF(int32_t) break;
    default: CK_ARGMAX_OF(int64_t)
  }
}

#define CK_WINDOW_ARGMAX_OF(type)                                                                  \
  {                                                                                                \
    const type *x = (const type *)buffers[p->operand] + task * p->height * p->width;               \
    type best = 0;                                                                                 \
    for (int64_t r = 0; r < p->window_height; r++) {                                               \
      int64_t row = top + r * p->dilation_height;                                                  \
      if (row < 0 || row >= p->height) continue;                                                   \
      for (int64_t c = 0; c < p->window_width; c++) {                                              \
        int64_t column = left + c * p->dilation_width;                                             \
        if (column < 0 || column >= p->width) continue;                                            \
        type value = x[row * p->width + column];                                                   \
        if (position < 0 || CK_IS_LARGER(value, best))                                             \
          best = value, position = (int32_t)(row * p->width + column);                             \
      }                                                                                            \
    }                                                                                              \
  }

// One task per image and channel.
void ck_window_argmax_task(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_window_argmax *p = parameters;
  int32_t *result =
      (int32_t *)buffers[p->result] + task * p->output_height * p->output_width;
  for (int64_t i = 0; i < p->output_height; i++) {
    for (int64_t j = 0; j < p->output_width; j++) {
      const int64_t top = i * p->stride_height - p->top, left = j * p->stride_width - p->left;
      int32_t position = -1;
      if (p->type == CK_F32)
        CK_WINDOW_ARGMAX_OF(float)
      else
        CK_WINDOW_ARGMAX_OF(double)
      *result++ = position;
    }
  }
}
