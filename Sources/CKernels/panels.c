// Weights packed for the vector kernels.
#include "variant.h"

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
