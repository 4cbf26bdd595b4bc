// Rearrangements that make the operands of convolutions contiguous for the vector kernels.

// First and last + 1 of the indices i < count with 0 <= origin + i * step < extent.
#ifndef CK_VALID_RANGE
#define CK_VALID_RANGE
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
#endif

// result[i] = source[i * step]; reads nothing beyond the last element.
CK_INLINE void CK_F(copy_row)(
    CK_SCALAR *result, const CK_SCALAR *source, int64_t step, int64_t count) {
  int64_t i = 0;
  if (step == 1) {
    for (; i + CK_LANES <= count; i += CK_LANES)
      CK_F(ck_store)(result + i, CK_F(ck_load)(source + i));
    if (i < count)
      CK_F(ck_store_part)(result + i, CK_F(ck_load_part)(source + i, count - i), count - i);
    return;
  }
#ifdef CK_HAS_MASKS
  if (step == 2) {
    for (; i < count; i += CK_LANES) {
      int64_t left = count - i < CK_LANES ? count - i : CK_LANES;
      int64_t span = 2 * left - 1;
      CK_VECTOR a = span >= CK_LANES ? CK_F(ck_load)(source + 2 * i)
                                     : CK_F(ck_load_part)(source + 2 * i, span);
      CK_VECTOR b = span > CK_LANES
          ? CK_F(ck_load_part)(source + 2 * i + CK_LANES, span - CK_LANES) : (CK_VECTOR)0;
      CK_VECTOR even = CK_PASTE(CK_EVEN_LANES, CK_TYPE)(a, b);
      if (left == CK_LANES)
        CK_F(ck_store)(result + i, even);
      else
        CK_F(ck_store_part)(result + i, even, left);
    }
    return;
  }
#endif
  for (; i < count; i++) result[i] = source[i * step];
}

static void CK_F(planes)(
    const ck_planes *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  int64_t image = task * p->images_per_task;
  int64_t last = image + p->images_per_task < p->images ? image + p->images_per_task : p->images;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result];
  if (last == p->images)
    memset(
        result + p->images * p->phases * p->plane_stride, 0,
        (size_t)p->slack * sizeof(CK_SCALAR));
  for (; image < last; image++) {
    const CK_SCALAR *source = (const CK_SCALAR *)buffers[p->source] + image * p->height * p->width;
    for (int64_t phase = 0; phase < p->phases; phase++) {
      CK_SCALAR *plane = result + (image * p->phases + phase) * p->plane_stride;
      int64_t row0, row1, column0, column1;
      const int64_t row_origin = p->row_origins[phase], column_origin = p->column_origins[phase];
      valid_range(row_origin, p->row_step, p->height, p->rows, &row0, &row1);
      valid_range(column_origin, p->column_step, p->width, p->columns, &column0, &column1);
      memset(plane, 0, (size_t)p->plane_stride * sizeof(CK_SCALAR));
      if (column0 == column1) continue;
      const CK_SCALAR *from = source + (row_origin + row0 * p->row_step) * p->width + column_origin
          + column0 * p->column_step;
      CK_SCALAR *to = plane + row0 * p->columns + column0;
      for (int64_t row = row0; row < row1; row++) {
        CK_F(copy_row)(to, from, p->column_step, column1 - column0);
        from += p->row_step * p->width;
        to += p->columns;
      }
    }
  }
}

// One task per matrix.
static void CK_F(position_vectors)(
    const ck_position_vectors *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const CK_SCALAR *source = (const CK_SCALAR *)buffers[p->source] + task * p->positions;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + task * p->vectors * CK_LANES;
  for (int64_t v = 0; v < p->vectors; v++, result += CK_LANES) {
    CK_F(ck_store)(result, (CK_VECTOR)0);
    for (int32_t s = p->first_segments[v]; s < p->first_segments[v + 1]; s++) {
      const ck_segment *segment = &p->segments[s];
      CK_F(copy_row)(result + segment->lane, source + segment->result, 1, segment->count);
    }
  }
}
