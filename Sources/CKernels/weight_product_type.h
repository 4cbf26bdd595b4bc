// The weight gradient of a convolution with few positions, where dot products over them would be short:
// the rows of the planes that its windows read are gathered into a matrix [positions, k], by which the
// packed cotangent is multiplied. Vectors then lie along k, as in the result.

// matrix[position][i] = planes[offsets[first + i] + position], in squares of a vector's length. Columns
// beyond k repeat the last one.
CK_INLINE void CK_F(gather_positions)(
    const int pieces, const ck_weight_product *p, const CK_SCALAR *planes, int64_t first,
    int64_t columns, CK_SCALAR *matrix) {
  for (int64_t i = 0; i < columns; i += CK_LANES) {
    int64_t offsets[CK_LANES];
    for (int c = 0; c < CK_LANES; c++)
      offsets[c] = p->offsets[first + i + c < p->k ? first + i + c : p->k - 1];
    for (int64_t image = 0; image < p->images; image++) {
      CK_SCALAR *rows = matrix + image * p->image_positions * columns + i;
      for (int64_t v = 0; v < p->positions.count; v++) {
        const CK_SCALAR *from = planes + image * p->image_stride + p->positions.bases[v];
        CK_VECTOR square[CK_LANES];
#pragma clang loop unroll(full)
        for (int c = 0; c < CK_LANES; c++)
          square[c] = CK_F(load_pieces)(pieces, from + offsets[c], p->positions.piece_step);
        CK_F(ck_transpose)(square);
        for (int32_t s = p->first_segments[v]; s < p->first_segments[v + 1]; s++) {
          const ck_segment *segment = &p->segments[s];
          for (int32_t lane = 0; lane < segment->count; lane++)
            CK_F(ck_store)(rows + (segment->result + lane) * columns, square[segment->lane + lane]);
        }
      }
    }
  }
}

static void CK_F(weight_product)(
    const ck_weight_product *p, char *const *buffers, int64_t task, char *scratch) {
  const int64_t group = task / p->tasks_per_group;
  const int64_t first = task % p->tasks_per_group * p->k_per_task;
  const int64_t width = p->k - first < p->k_per_task ? p->k - first : p->k_per_task;
  const int64_t columns = (width + CK_TILE_COLUMNS - 1) / CK_TILE_COLUMNS * CK_TILE_COLUMNS;
  const int64_t positions = p->images * p->image_positions;
  const int64_t panels = (p->channels + CK_PANEL - 1) / CK_PANEL;
  const CK_SCALAR *planes = (const CK_SCALAR *)buffers[p->planes] + group * p->group_stride;
  const CK_SCALAR *panel =
      (const CK_SCALAR *)buffers[p->panels] + group * panels * positions * CK_PANEL;
  CK_SCALAR *rows = (CK_SCALAR *)(scratch + p->program_scratch);
  CK_SCALAR *matrix = rows + CK_PANEL * columns;
  ck_epilogue_state state;
  if (p->epilogue) begin_epilogue(p->epilogue, &state);

  if (p->positions.pieces == 1)
    CK_F(gather_positions)(1, p, planes, first, columns, matrix);
  else if (p->positions.pieces == 2)
    CK_F(gather_positions)(2, p, planes, first, columns, matrix);
  else
    CK_F(gather_positions)(4, p, planes, first, columns, matrix);
  for (int64_t channel = 0; channel < p->channels; channel += CK_PANEL) {
    const int count = (int)(p->channels - channel < CK_PANEL ? p->channels - channel : CK_PANEL);
    const int64_t start = (group * p->channels + channel) * p->k + first;
    CK_SCALAR *result = p->epilogue ? NULL : (CK_SCALAR *)buffers[p->result] + start;
    const bool is_direct = result && columns == width;
    CK_SCALAR *target = is_direct ? result : rows;
    const int64_t target_step = is_direct ? p->k : columns;
    for (int64_t j = 0; j < columns; j += CK_TILE_COLUMNS)
      CK_F(tile)(
          count, positions, panel, matrix + j, columns, target + j, target_step, false);
    panel += positions * CK_PANEL;
    if (is_direct) continue;
    for (int r = 0; r < count; r++) {
      CK_SCALAR *row = rows + r * columns;
      if (p->epilogue)
        run_epilogue(
            p->epilogue, buffers, scratch, (char *)row, start + r * p->k, width, &state);
      else
        memcpy(result + r * p->k, row, (size_t)width * sizeof(CK_SCALAR));
    }
  }
  if (p->epilogue) end_epilogue(p->epilogue, buffers, task, &state);
}
