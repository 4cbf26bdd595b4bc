// Packing of matrices into panels.

// panel[i][r] = matrix[r * stride + i], zero beyond `rows`: transposed in squares. Vectors are longer
// than what is left of a row; each is stored before the next one, which overwrites its surplus.
static void CK_F(pack_left_rows)(
    CK_SCALAR *panel, const CK_SCALAR *matrix, int64_t stride, int rows, int64_t k) {
  enum { parts = (CK_PANEL + CK_LANES - 1) / CK_LANES };
  int64_t i = 0;
  for (; i + CK_LANES <= k; i += CK_LANES) {
    CK_VECTOR square[parts][CK_LANES];
    for (int part = 0; part < parts; part++) {
      for (int r = 0; r < CK_LANES; r++) {
        int row = part * CK_LANES + r;
        square[part][r] = row < rows ? CK_F(ck_load)(matrix + row * stride + i) : (CK_VECTOR)0;
      }
      CK_F(ck_transpose)(square[part]);
    }
    for (int c = 0; c < CK_LANES; c++)
      for (int part = 0; part < parts; part++) {
        CK_SCALAR *to = panel + (i + c) * CK_PANEL + part * CK_LANES;
        const int left = CK_PANEL - part * CK_LANES;
        // What follows the last row may be another task's.
        if (c == CK_LANES - 1 && left < CK_LANES)
          CK_F(ck_store_part)(to, square[part][c], left);
        else
          CK_F(ck_store)(to, square[part][c]);
      }
  }
  for (; i < k; i++)
    for (int r = 0; r < CK_PANEL; r++)
      panel[i * CK_PANEL + r] = r < rows ? matrix[r * stride + i] : 0;
}

// to[i][r] = from[r * row_stride + offsets[i]] for `rows` rows, zero beyond them. Called with a constant
// number of rows where that is the whole panel, so that the loop over them is unrolled.
CK_INLINE void CK_F(pack_columns)(
    const int rows, CK_SCALAR *to, const CK_SCALAR *from, int64_t row_stride,
    const int64_t *offsets, int64_t count) {
  for (int64_t i = 0; i < count; i++, to += CK_PANEL) {
    const CK_SCALAR *column = from + offsets[i];
    for (int r = 0; r < rows; r++) to[r] = column[r * row_stride];
    for (int r = rows; r < CK_PANEL; r++) to[r] = 0;
  }
}

// One task per share of k of a group. Rows of consecutive elements are read along, a panel of rows at a
// time; else all panels are made a few k at a time. Either way every line of the source is read once.
static void CK_F(panels)(
    const ck_panels *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const int64_t tasks = (p->k + p->k_per_task - 1) / p->k_per_task;
  const int64_t group = task / tasks;
  const int64_t panels = (p->rows + CK_PANEL - 1) / CK_PANEL;
  const CK_SCALAR *source = (const CK_SCALAR *)buffers[p->source] + group * p->group_stride;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + group * panels * p->k * CK_PANEL;
  int64_t k = task % tasks * p->k_per_task;
  const int64_t last = k + p->k_per_task < p->k ? k + p->k_per_task : p->k;
  const bool is_run = p->offsets[last - 1] - p->offsets[k] == last - 1 - k;
  while (k < last) {
    const int64_t count = is_run || last - k < 16 ? last - k : 16;
    const int64_t *offsets = p->offsets + k;
    for (int64_t panel = 0; panel < panels; panel++) {
      const int64_t first = panel * CK_PANEL;
      const int rows = (int)(p->rows - first < CK_PANEL ? p->rows - first : CK_PANEL);
      const CK_SCALAR *from = source + first * p->row_stride;
      CK_SCALAR *to = result + (panel * p->k + k) * CK_PANEL;
      if (is_run)
        CK_F(pack_left_rows)(to, from + offsets[0], p->row_stride, rows, count);
      else if (rows == CK_PANEL)
        CK_F(pack_columns)(CK_PANEL, to, from, p->row_stride, offsets, count);
      else
        CK_F(pack_columns)(rows, to, from, p->row_stride, offsets, count);
    }
    k += count;
  }
}
