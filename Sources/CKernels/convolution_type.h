// Convolutions as matrix products whose right operand is never built: in the zero-padded planes of an
// image every kernel position is a shift of one grid of positions, so a row of "im2col" is the plane
// itself, read from an offset.

// Stores the kept lanes of one vector; `tile` holds it for each class, `class_step` apart.
CK_INLINE void CK_F(store_vector)(
    const ck_convolution *p, int64_t vector, const CK_SCALAR *tile, int64_t class_step,
    CK_SCALAR *result) {
  const int32_t last = p->first_segments[vector + 1];
  for (int32_t s = p->first_segments[vector]; s < last; s++) {
    const ck_segment *segment = &p->segments[s];
    const CK_SCALAR *from = tile + segment->lane;
    CK_SCALAR *to = result + segment->result;
    if (p->class_count == 1) {
      if (segment->count == CK_LANES)
        CK_F(ck_store)(to, CK_F(ck_load)(from));
      else
        CK_F(ck_store_part)(to, CK_F(ck_load)(from), segment->count);
    } else if (p->class_count == 2) {
      CK_VECTOR a = CK_F(ck_load)(tile), b = CK_F(ck_load)(tile + class_step);
      CK_SCALAR zipped[2 * CK_LANES];
      CK_F(ck_store)(zipped, CK_PASTE(CK_ZIP_LOW, CK_TYPE)(a, b));
      CK_F(ck_store)(zipped + CK_LANES, CK_PASTE(CK_ZIP_HIGH, CK_TYPE)(a, b));
      CK_F(copy_row)(to, zipped + 2 * segment->lane, 1, segment->width);
    } else {
      for (int64_t i = 0; i < segment->width; i++)
        to[i] = from[i % p->class_count * class_step + i / p->class_count];
    }
  }
}

// Rows of one panel at `count` vectors from `first` on, all classes and terms. Vectors are numbered
// through all images.
static void CK_F(convolution_tile)(
    const ck_convolution *p, char *const *buffers, int64_t group, int64_t panel, int64_t first,
    int count) {
  const int64_t left = p->rows - panel * CK_PANEL;
  const int rows = (int)(left < CK_PANEL ? left : CK_PANEL);
  const int64_t panels = (p->rows + CK_PANEL - 1) / CK_PANEL;
  CK_SCALAR tiles[(CK_MAXIMUM_CLASSES * CK_PANEL * 4 + 1) * CK_LANES] __attribute__((aligned(64)));
  const int64_t class_step = CK_PANEL * 4 * CK_LANES;

  // A vector that is kept whole and in one piece goes straight to the result.
  bool is_direct = p->class_count == 1;
  int64_t images[4], vectors[4];
  CK_SCALAR *results[4];
  for (int v = 0; v < count; v++) {
    images[v] = (first + v) / p->positions.count;
    vectors[v] = (first + v) % p->positions.count;
    results[v] = (CK_SCALAR *)buffers[p->result] + p->result_origin + images[v] * p->result_image
        + group * p->result_group + panel * CK_PANEL * p->result_channel;
    is_direct &= p->segments[p->first_segments[vectors[v]]].count == CK_LANES;
  }
  for (int64_t class = 0; class < p->class_count; class++) {
    CK_F(tile_target) target = {.row_step = is_direct ? p->result_channel : 4 * CK_LANES};
    for (int v = 0; v < count; v++)
      target.columns[v] = is_direct
          ? results[v] + p->segments[p->first_segments[vectors[v]]].result
          : tiles + class * class_step + v * CK_LANES;
    for (int64_t t = 0; t < p->term_count; t++) {
      const ck_term *term = &p->terms[class * p->term_count + t];
      const CK_SCALAR *planes =
          (const CK_SCALAR *)buffers[term->planes] + group * term->group_stride;
      const CK_SCALAR *weights = (const CK_SCALAR *)buffers[term->panels]
          + (group * panels + panel) * term->k * CK_PANEL;
      CK_F(tile_source) source = {
          .offsets = term->offsets, .piece_step = p->positions.piece_step};
      for (int v = 0; v < count; v++)
        source.columns[v] =
            planes + images[v] * term->image_stride + p->positions.bases[vectors[v]];
      CK_F(position_tile)(
          count, p->positions.pieces, rows, term->k, weights, &source, target, t > 0);
    }
  }
  if (is_direct) return;
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < count; v++)
      CK_F(store_vector)(
          p, vectors[v], tiles + (r * 4 + v) * CK_LANES, class_step,
          results[v] + r * p->result_channel);
}

static void CK_F(convolution)(const ck_convolution *p, char *const *buffers, int64_t task) {
  const int64_t panel_share = task % p->panel_tasks;
  const int64_t vector_share = task / p->panel_tasks % p->vector_tasks;
  const int64_t group = task / p->panel_tasks / p->vector_tasks;
  const int64_t panels = (p->rows + CK_PANEL - 1) / CK_PANEL;
  const int64_t first_panel = panel_share * p->panels_per_task;
  const int64_t last_panel = first_panel + p->panels_per_task < panels
      ? first_panel + p->panels_per_task : panels;
  const int64_t vectors = p->images * p->positions.count;
  const int64_t first = vector_share * p->vectors_per_task;
  const int64_t last =
      first + p->vectors_per_task < vectors ? first + p->vectors_per_task : vectors;
#if CK_ACCUMULATORS >= 24
  // Few rows leave registers for more vectors.
  const int most = p->rows <= 4 ? 4 : 2;
#else
  const int most = 1;
#endif
  // A panel stays in the cache while all vectors of the task meet it.
  for (int64_t panel = first_panel; panel < last_panel; panel++) {
    for (int64_t vector = first; vector < last;) {
      int count = most;
      while (count > last - vector) count /= 2;
      CK_F(convolution_tile)(p, buffers, group, panel, vector, count);
      vector += count;
    }
  }
}

static void CK_F(convolutions)(
    const ck_convolutions *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  int32_t part = 0;
  while (task >= p->first_task[part + 1]) part++;
  CK_F(convolution)(&p->parts[part], buffers, task - p->first_task[part]);
}
