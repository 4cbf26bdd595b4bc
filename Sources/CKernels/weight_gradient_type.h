// The weight gradient of a convolution: dot products over all positions of all images, between the
// shifted planes and the cotangent, a square of them at a time in registers.

// CK_DOT_ROWS^2 dot products; sums[c][r] is of channel c and of row r of the planes.
CK_INLINE void CK_F(dot_square)(
    const int pieces, const ck_weight_gradient *p, const CK_SCALAR *const *rows,
    const CK_SCALAR *const *channels, CK_SCALAR sums[CK_DOT_ROWS][CK_DOT_ROWS]) {
  enum { n = CK_DOT_ROWS };
  CK_VECTOR products[n][n];
#pragma clang loop unroll(full)
  for (int c = 0; c < n; c++)
#pragma clang loop unroll(full)
    for (int r = 0; r < n; r++) products[c][r] = (CK_VECTOR)0;
  const int64_t channel_image = p->groups * p->channels * p->positions.count * CK_LANES;
  for (int64_t image = 0; image < p->images; image++) {
    const int64_t row_image = image * p->image_stride;
    for (int64_t v = 0; v < p->positions.count; v++) {
      const int64_t at = row_image + p->positions.bases[v];
      CK_VECTOR x[n];
#pragma clang loop unroll(full)
      for (int r = 0; r < n; r++)
        x[r] = CK_F(load_pieces)(pieces, rows[r] + at, p->positions.piece_step);
#pragma clang loop unroll(full)
      for (int c = 0; c < n; c++) {
        CK_VECTOR y = CK_F(ck_load)(channels[c] + image * channel_image + v * CK_LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < n; r++) products[c][r] += x[r] * y;
      }
    }
  }
#if CK_DOT_ROWS == 4
  for (int i = 0; i < n * n; i += CK_LANES)
    CK_F(ck_store)(&sums[0][0] + i, CK_F(ck_lane_sums)(&products[0][0] + i));
#else
  for (int c = 0; c < n; c++)
    for (int r = 0; r < n; r++) sums[c][r] = CK_F(lane_sum)(products[c][r]);
#endif
}

static void CK_F(weight_gradient)(
    const ck_weight_gradient *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  enum { n = CK_DOT_ROWS };
  const int64_t group = task / p->tasks_per_group;
  const CK_SCALAR *planes = (const CK_SCALAR *)buffers[p->planes] + group * p->group_stride;
  const int64_t channel_step = p->positions.count * CK_LANES;
  const CK_SCALAR *cotangent =
      (const CK_SCALAR *)buffers[p->cotangent] + group * p->channels * channel_step;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + group * p->channels * p->k;
  int64_t first = task % p->tasks_per_group * p->k_per_task;
  const int64_t last = first + p->k_per_task < p->k ? first + p->k_per_task : p->k;
  for (; first < last; first += n) {
    // At the edges the last row and channel are computed again, and dropped.
    const CK_SCALAR *rows[n];
    for (int r = 0; r < n; r++)
      rows[r] = planes + p->offsets[first + r < p->k ? first + r : p->k - 1];
    const int64_t width = last - first < n ? last - first : n;
    for (int64_t channel = 0; channel < p->channels; channel += n) {
      const CK_SCALAR *channels[n];
      for (int c = 0; c < n; c++)
        channels[c] = cotangent
            + (channel + c < p->channels ? channel + c : p->channels - 1) * channel_step;
      CK_SCALAR sums[n][n] __attribute__((aligned(64)));
      if (p->positions.pieces == 1)
        CK_F(dot_square)(1, p, rows, channels, sums);
      else if (p->positions.pieces == 2)
        CK_F(dot_square)(2, p, rows, channels, sums);
      else
        CK_F(dot_square)(4, p, rows, channels, sums);
      const int64_t height = p->channels - channel < n ? p->channels - channel : n;
      for (int64_t c = 0; c < height; c++) {
        CK_SCALAR *to = result + (channel + c) * p->k + first;
        if (width == n)
          memcpy(to, sums[c], sizeof(sums[c]));
        else
          for (int64_t r = 0; r < width; r++) to[r] = sums[c][r];
      }
    }
  }
}
