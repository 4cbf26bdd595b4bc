// The convolutions by their definition.
#include <string.h>

#include "variant.h"

// Visits every product of the sum that defines all three convolutions.
#define CK_PLAIN(type)                                                                             \
  {                                                                                                \
    type *input = (type *)buffers[p->input], *weight = (type *)buffers[p->weight];                 \
    type *output = (type *)buffers[p->output];                                                     \
    for (int64_t n = 0; n < p->images; n++)                                                        \
      for (int64_t o = 0; o < p->output_channels; o++)                                             \
        for (int64_t c = 0; c < channels; c++)                                                     \
          for (int64_t kr = 0; kr < p->kernel_height; kr++)                                        \
            for (int64_t kc = 0; kc < p->kernel_width; kc++) {                                     \
              type *w = weight                                                                     \
                  + ((o * channels + c) * p->kernel_height + kr) * p->kernel_width + kc;           \
              for (int64_t i = 0; i < p->output_height; i++) {                                     \
                int64_t row = i * p->stride_height + kr * p->dilation_height - p->top;             \
                if (row < 0 || row >= p->height) continue;                                         \
                for (int64_t j = 0; j < p->output_width; j++) {                                    \
                  int64_t column = j * p->stride_width + kc * p->dilation_width - p->left;         \
                  if (column < 0 || column >= p->width) continue;                                  \
                  int64_t channel = o / outputs * channels + c;                                    \
                  type *x = input                                                                  \
                      + ((n * p->input_channels + channel) * p->height + row) * p->width + column; \
                  type *y = output                                                                 \
                      + ((n * p->output_channels + o) * p->output_height + i) * p->output_width    \
                      + j;                                                                         \
                  if (p->direction == CK_FORWARD)                                                  \
                    *y += *x * *w;                                                                 \
                  else if (p->direction == CK_INPUT_GRADIENT)                                      \
                    *x += *y * *w;                                                                 \
                  else                                                                             \
                    *w += *x * *y;                                                                 \
                }                                                                                  \
              }                                                                                    \
            }                                                                                      \
  }

void ck_plain_convolution_task(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)task, (void)scratch;
  const ck_plain_convolution *p = parameters;
  const int64_t size = p->type == CK_F32 ? 4 : 8;
  const int64_t channels = p->input_channels / p->groups;
  const int64_t outputs = p->output_channels / p->groups;
  const int64_t counts[] = {
      p->images * p->output_channels * p->output_height * p->output_width,
      p->images * p->input_channels * p->height * p->width,
      p->output_channels * channels * p->kernel_height * p->kernel_width,
  };
  const int32_t results[] = {p->output, p->input, p->weight};
  memset(buffers[results[p->direction]], 0, (size_t)(counts[p->direction] * size));
  if (p->type == CK_F32) CK_PLAIN(float) else CK_PLAIN(double)
}
