// Copies between strided layouts, and copies by index.
#include <string.h>

#include "variant.h"

#define CK_COPY_RUN(name, type)                                                                    \
  static void name(                                                                                \
      type *result, int64_t result_stride, const type *source, int64_t source_stride,              \
      int64_t count) {                                                                             \
    if (result_stride == 1 && source_stride == 1) {                                                \
      memcpy(result, source, (size_t)count * sizeof(type));                                        \
    } else if (result_stride == 1) {                                                               \
      for (int64_t i = 0; i < count; i++) result[i] = source[i * source_stride];                   \
    } else {                                                                                       \
      for (int64_t i = 0; i < count; i++) result[i * result_stride] = source[i * source_stride];   \
    }                                                                                              \
  }
CK_COPY_RUN(copy_run_1, uint8_t)
CK_COPY_RUN(copy_run_4, uint32_t)
CK_COPY_RUN(copy_run_8, uint64_t)

// The axes below `axis`, which all have a positive extent.
static void copy_axes(const ck_copy *p, int axis, const char *source, char *result) {
  const int64_t size = p->element_size, extent = p->extents[axis];
  const int64_t from = p->source_strides[axis], to = p->result_strides[axis];
  if (axis == p->rank - 1) {
    if (size == 4)
      copy_run_4((uint32_t *)result, to, (const uint32_t *)source, from, extent);
    else if (size == 8)
      copy_run_8((uint64_t *)result, to, (const uint64_t *)source, from, extent);
    else
      copy_run_1((uint8_t *)result, to, (const uint8_t *)source, from, extent);
    return;
  }
  if (axis == p->rank - 2 && p->result_strides[axis + 1] == 1 && from == 1 && size == 4
      && p->extents[axis + 1] >= 16) {
    // A matrix transposition: in squares whose lines stay in the cache.
    const int64_t columns = p->extents[axis + 1], step = p->source_strides[axis + 1];
    for (int64_t r0 = 0; r0 < extent; r0 += 16) {
      const int64_t r1 = r0 + 16 < extent ? r0 + 16 : extent;
      for (int64_t c0 = 0; c0 < columns; c0 += 16) {
        const int64_t c1 = c0 + 16 < columns ? c0 + 16 : columns;
        for (int64_t r = r0; r < r1; r++)
          for (int64_t c = c0; c < c1; c++)
            ((uint32_t *)result)[r * to + c] = ((const uint32_t *)source)[r + c * step];
      }
    }
    return;
  }
  for (int64_t i = 0; i < extent; i++)
    copy_axes(p, axis + 1, source + i * from * size, result + i * to * size);
}

void ck_copy_task(const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  ck_copy part = *(const ck_copy *)parameters;
  const int64_t size = part.element_size;
  if (part.fill_bytes > 0) memset(buffers[part.result], 0, (size_t)part.fill_bytes);
  const int64_t first = task * part.rows_per_task;
  if (part.extents[0] - first < part.rows_per_task)
    part.extents[0] = part.extents[0] - first;
  else
    part.extents[0] = part.rows_per_task;
  for (int axis = 0; axis < part.rank; axis++)
    if (part.extents[axis] <= 0) return;
  copy_axes(
      &part, 0,
      buffers[part.source] + (part.source_offset + first * part.source_strides[0]) * size,
      buffers[part.result] + (part.result_offset + first * part.result_strides[0]) * size);
}

// MARK: Indexing

static int64_t index_at(const ck_indexing *p, const char *indices, int64_t at) {
  return p->index_type == CK_I32 ? ((const int32_t *)indices)[at] : ((const int64_t *)indices)[at];
}

static int64_t byte_count(ck_type type) {
  return type == CK_BOOL ? 1 : type == CK_F32 || type == CK_I32 ? 4 : 8;
}

// One task per batch.
void ck_gather_task(const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_indexing *p = parameters;
  const int64_t row_bytes = p->depth * byte_count(p->type);
  const char *table = buffers[p->operand] + task * p->size * row_bytes;
  char *result = buffers[p->result] + task * p->count * row_bytes;
  for (int64_t i = 0; i < p->count; i++, result += row_bytes) {
    int64_t index = index_at(p, buffers[p->indices], task * p->count + i);
    if (index >= 0 && index < p->size)
      memcpy(result, table + index * row_bytes, (size_t)row_bytes);
    else
      memset(result, 0, (size_t)row_bytes);
  }
}

#define CK_ADD_ROW(type)                                                                           \
  for (int64_t d = 0; d < p->depth; d++) ((type *)row)[d] += ((const type *)update)[d]

// One task per batch.
void ck_scatter_add_task(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const ck_indexing *p = parameters;
  const int64_t row_bytes = p->depth * byte_count(p->type);
  const char *update = buffers[p->operand] + task * p->count * row_bytes;
  char *table = buffers[p->result] + task * p->size * row_bytes;
  memset(table, 0, (size_t)(p->size * row_bytes));
  for (int64_t i = 0; i < p->count; i++, update += row_bytes) {
    int64_t index = index_at(p, buffers[p->indices], task * p->count + i);
    if (index < 0 || index >= p->size) continue;
    char *row = table + index * row_bytes;
    switch (p->type) {
      case CK_F32: CK_ADD_ROW(float); break;
      case CK_F64: CK_ADD_ROW(double); break;
      case CK_I32: CK_ADD_ROW(int32_t); break;
      default: CK_ADD_ROW(int64_t);
    }
  }
}
