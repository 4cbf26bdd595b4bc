// Rearrangements that make the operands of convolutions contiguous for the vector kernels.
#include <string.h>

#include "variant.h"

#define CK_COPY_ROW(name, type)                                                                    \
  static void name(type *result, const type *source, int64_t step, int64_t count) {                \
    if (step == 1) {                                                                               \
      for (int64_t i = 0; i < count; i++) result[i] = source[i];                                   \
    } else if (step == 2) {                                                                        \
      for (int64_t i = 0; i < count; i++) result[i] = source[2 * i];                               \
    } else {                                                                                       \
      for (int64_t i = 0; i < count; i++) result[i] = source[step * i];                            \
    }                                                                                              \
  }
CK_COPY_ROW(copy_row_4, uint32_t)
CK_COPY_ROW(copy_row_8, uint64_t)

// First and last + 1 of the indices i < count with 0 <= origin + i * step < extent.
static void valid_range(
    int64_t origin, int64_t step, int64_t extent, int64_t count, int64_t *first, int64_t *last) {
  int64_t low = origin >= 0 ? 0 : (-origin + step - 1) / step;
  int64_t high = extent > origin ? (extent - origin + step - 1) / step : 0;
  if (low > count) low = count;
  if (high > count) high = count;
  if (high < low) high = low;
  *first = low;
  *last = high;
}

void ck_planes_task(const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_planes *p = parameters;
  const int64_t size = p->element_size;
  int64_t image = task * p->images_per_task;
  int64_t last = image + p->images_per_task < p->images ? image + p->images_per_task : p->images;
  for (; image < last; image++) {
    const char *source = buffers[p->source] + image * p->height * p->width * size;
    for (int64_t phase = 0; phase < p->phases; phase++) {
      char *plane = buffers[p->result] + (image * p->phases + phase) * p->plane_stride * size;
      int64_t row0, row1, column0, column1;
      const int64_t row_origin = p->row_origins[phase], column_origin = p->column_origins[phase];
      valid_range(row_origin, p->row_step, p->height, p->rows, &row0, &row1);
      valid_range(column_origin, p->column_step, p->width, p->columns, &column0, &column1);
      memset(plane, 0, (size_t)(p->plane_stride * size));
      for (int64_t row = row0; row < row1; row++) {
        const char *from = source
            + ((row_origin + row * p->row_step) * p->width + column_origin
               + column0 * p->column_step) * size;
        char *to = plane + (row * p->columns + column0) * size;
        if (size == 4)
          copy_row_4((uint32_t *)to, (const uint32_t *)from, p->column_step, column1 - column0);
        else
          copy_row_8((uint64_t *)to, (const uint64_t *)from, p->column_step, column1 - column0);
      }
    }
  }
}

#define CK_PACK_PANELS(name, type)                                                                 \
  static void name(const ck_panels *p, const type *source, type *result, int64_t task) {           \
    const int64_t panels = (p->rows + CK_PANEL - 1) / CK_PANEL;                                    \
    const int64_t group = task / panels, first = task % panels * CK_PANEL;                         \
    const int64_t rows = p->rows - first < CK_PANEL ? p->rows - first : CK_PANEL;                  \
    result += task * p->k * CK_PANEL;                                                              \
    source += group * p->group_stride + first * p->row_stride;                                     \
    for (int64_t k = 0; k < p->k; k++, result += CK_PANEL) {                                       \
      const type *from = source + p->offsets[k];                                                   \
      for (int64_t r = 0; r < rows; r++) result[r] = from[r * p->row_stride];                      \
      for (int64_t r = rows; r < CK_PANEL; r++) result[r] = 0;                                     \
    }                                                                                              \
  }
CK_PACK_PANELS(pack_panels_4, uint32_t)
CK_PACK_PANELS(pack_panels_8, uint64_t)

// One task per panel.
void ck_panels_task(const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_panels *p = parameters;
  if (p->element_size == 4)
    pack_panels_4(
        p, (const uint32_t *)buffers[p->source], (uint32_t *)buffers[p->result], task);
  else
    pack_panels_8(
        p, (const uint64_t *)buffers[p->source], (uint64_t *)buffers[p->result], task);
}

#define CK_CHANNELS_TO_LAST(name, type)                                                            \
  static void name(const ck_channels_last *p, const type *source, type *result, int64_t task) {    \
    source += task * p->channels * p->positions;                                                   \
    result += task * p->positions * p->padded_channels;                                            \
    for (int64_t i = 0; i < p->positions; i++, result += p->padded_channels) {                     \
      for (int64_t c = 0; c < p->channels; c++) result[c] = source[c * p->positions + i];          \
      for (int64_t c = p->channels; c < p->padded_channels; c++) result[c] = 0;                    \
    }                                                                                              \
  }
CK_CHANNELS_TO_LAST(channels_to_last_4, uint32_t)
CK_CHANNELS_TO_LAST(channels_to_last_8, uint64_t)

// One task per matrix.
void ck_channels_last_task(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_channels_last *p = parameters;
  if (p->element_size == 4)
    channels_to_last_4(
        p, (const uint32_t *)buffers[p->source], (uint32_t *)buffers[p->result], task);
  else
    channels_to_last_8(
        p, (const uint64_t *)buffers[p->source], (uint64_t *)buffers[p->result], task);
}
