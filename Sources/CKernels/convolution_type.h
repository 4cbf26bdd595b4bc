// Convolutions as matrix products whose right operand is never built: in the zero-padded planes of an
// image every kernel position is a shift of one position grid, so row k of "im2col" is the plane
// itself, read from an offset. The grid is as wide as the plane; its surplus columns are computed and
// dropped.

// The part of a tile that lies in one row of the position grid and is kept.
typedef struct {
  int32_t tile_column, count;
  int64_t result;
} CK_F(segment);

static int CK_F(find_segments)(
    const ck_convolution *p, int64_t position, CK_F(segment) *segments) {
  int count = 0;
  int64_t row = position / p->pitch, column = position % p->pitch;
  int64_t tile_column = 0;
  while (tile_column < CK_TILE_COLUMNS && row < p->position_rows) {
    int64_t length = p->position_columns - column;
    if (length > CK_TILE_COLUMNS - tile_column) length = CK_TILE_COLUMNS - tile_column;
    if (length > 0) {
      segments[count].tile_column = (int32_t)tile_column;
      segments[count].count = (int32_t)length;
      segments[count].result = row * p->result_row + column * p->result_column;
      count++;
    }
    tile_column += p->pitch - column;
    column = 0;
    row++;
  }
  return count;
}

CK_INLINE void CK_F(store_segment)(
    const ck_convolution *p, const CK_SCALAR *tile, CK_SCALAR *result, int64_t count) {
  if (p->result_column == 1) {
    for (; count >= CK_LANES; count -= CK_LANES, tile += CK_LANES, result += CK_LANES) {
      CK_VECTOR v = CK_F(ck_load)(tile);
      CK_F(ck_store)(result, p->accumulates ? v + CK_F(ck_load)(result) : v);
    }
    if (count > 0) {
      CK_VECTOR v = CK_F(ck_load_part)(tile, count);
      if (p->accumulates) v += CK_F(ck_load_part)(result, count);
      CK_F(ck_store_part)(result, v, count);
    }
  } else {
    for (int64_t c = 0; c < count; c++, result += p->result_column)
      *result = p->accumulates ? *result + tile[c] : tile[c];
  }
}

static void CK_F(convolution)(const ck_convolution *p, char *const *buffers, int64_t task) {
  const int64_t panel_share = task % p->panel_tasks;
  const int64_t tile_share = task / p->panel_tasks % p->tile_tasks;
  const int64_t matrix = task / p->panel_tasks / p->tile_tasks;
  const int64_t group = matrix % p->groups, image = matrix / p->groups;
  const int64_t panels = (p->rows + CK_PANEL - 1) / CK_PANEL;
  const CK_SCALAR *planes = (const CK_SCALAR *)buffers[p->planes] + image * p->image_stride
      + group * p->group_stride;
  const CK_SCALAR *weights =
      (const CK_SCALAR *)buffers[p->panels] + group * panels * p->k * CK_PANEL;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + p->result_origin
      + image * p->result_image + group * p->result_group;
  const int64_t positions = (p->position_rows - 1) * p->pitch + p->position_columns;
  const int64_t tiles = (positions + CK_TILE_COLUMNS - 1) / CK_TILE_COLUMNS;
  const int64_t first_panel = panel_share * p->panels_per_task;
  const int64_t last_panel = first_panel + p->panels_per_task < panels
      ? first_panel + p->panels_per_task : panels;
  int64_t tile_index = tile_share * p->tiles_per_task;
  int64_t last = tile_index + p->tiles_per_task < tiles ? tile_index + p->tiles_per_task : tiles;
  CK_SCALAR tile[CK_PANEL * CK_TILE_COLUMNS] __attribute__((aligned(64)));
  CK_F(segment) segments[CK_TILE_COLUMNS];
  for (; tile_index < last; tile_index++) {
    const int64_t position = tile_index * CK_TILE_COLUMNS;
    const int count = CK_F(find_segments)(p, position, segments);
    for (int64_t panel = first_panel; panel < last_panel; panel++) {
      const int64_t first_row = panel * CK_PANEL;
      const int rows = (int)(p->rows - first_row < CK_PANEL ? p->rows - first_row : CK_PANEL);
      CK_F(tile)(
          rows, p->k, weights + panel * p->k * CK_PANEL, planes + position, p->offsets, 0, tile,
          CK_TILE_COLUMNS, false);
      for (int r = 0; r < rows; r++)
        for (int s = 0; s < count; s++)
          CK_F(store_segment)(
              p, tile + r * CK_TILE_COLUMNS + segments[s].tile_column,
              result + (first_row + r) * p->result_channel + segments[s].result, segments[s].count);
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

// MARK: Weight gradient

// Sums rows x vectors of the transposed weight gradient in registers, over all images and positions.
CK_INLINE void CK_F(gradient_tile)(
    const int rows, const int vectors, const ck_weight_gradient *p, const CK_SCALAR *planes,
    const int64_t *offsets, const CK_SCALAR *cotangent, CK_SCALAR *tile) {
  CK_VECTOR sums[24][2];
  const CK_SCALAR *row[24];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    sums[r][0] = sums[r][1] = (CK_VECTOR)0;
    row[r] = planes + offsets[r];
  }
  const int64_t positions = p->position_rows * p->position_columns;
  for (int64_t image = 0; image < p->images; image++) {
    const CK_SCALAR *g = cotangent + image * p->groups * positions * p->padded_channels;
    for (int64_t i = 0; i < p->position_rows; i++) {
      const int64_t shift = image * p->image_stride + i * p->pitch;
      for (int64_t j = 0; j < p->position_columns; j++, g += p->padded_channels) {
        CK_VECTOR g0 = CK_F(ck_load)(g);
        CK_VECTOR g1 = vectors > 1 ? CK_F(ck_load)(g + CK_LANES) : g0;
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
          CK_VECTOR x = (CK_VECTOR)row[r][shift + j];
          sums[r][0] += x * g0;
          if (vectors > 1) sums[r][1] += x * g1;
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    CK_F(ck_store)(tile + r * vectors * CK_LANES, sums[r][0]);
    if (vectors > 1) CK_F(ck_store)(tile + (r * vectors + 1) * CK_LANES, sums[r][1]);
  }
}

// Rows: 24, 12, 6, 3 or 1, no more than the registers hold.
static void CK_F(some_rows)(
    int rows, bool is_wide, const ck_weight_gradient *p, const CK_SCALAR *planes,
    const int64_t *offsets, const CK_SCALAR *cotangent, CK_SCALAR *tile) {
#define CK_GRADIENT_CASE(n)                                                                        \
  case n:                                                                                          \
    if (is_wide)                                                                                   \
      CK_F(gradient_tile)(n, 2, p, planes, offsets, cotangent, tile);                              \
    else                                                                                           \
      CK_F(gradient_tile)(n, 1, p, planes, offsets, cotangent, tile);                              \
    break;
  switch (rows) {
    case 24: CK_F(gradient_tile)(24, 1, p, planes, offsets, cotangent, tile); break;
    CK_GRADIENT_CASE(12)
    CK_GRADIENT_CASE(6)
    CK_GRADIENT_CASE(3)
    CK_GRADIENT_CASE(1)
  }
#undef CK_GRADIENT_CASE
}

static void CK_F(weight_gradient)(
    const ck_weight_gradient *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const int64_t group = task / p->tasks_per_group;
  const CK_SCALAR *planes = (const CK_SCALAR *)buffers[p->planes] + group * p->group_stride;
  const CK_SCALAR *cotangent = (const CK_SCALAR *)buffers[p->cotangent]
      + group * p->position_rows * p->position_columns * p->padded_channels;
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + group * p->channels * p->k;
  const bool is_wide = p->padded_channels > CK_LANES;
  const int64_t tile_rows = is_wide ? CK_PANEL : 2 * CK_PANEL;
  const int64_t width = is_wide ? 2 * CK_LANES : CK_LANES;
  CK_SCALAR tile[2 * CK_PANEL * CK_LANES] __attribute__((aligned(64)));

  int64_t first = task % p->tasks_per_group * p->tiles_per_task * tile_rows;
  int64_t last = first + p->tiles_per_task * tile_rows < p->k
      ? first + p->tiles_per_task * tile_rows : p->k;
  while (first < last) {
    const int64_t left = last - first;
    const int64_t limit = is_wide ? CK_TILE_ROWS : 2 * CK_TILE_ROWS;
    int rows = 24;
    while (rows > left || rows > limit) rows = rows == 3 ? 1 : rows / 2;
    for (int64_t channel = 0; channel < p->padded_channels; channel += width) {
      CK_F(some_rows)(rows, is_wide, p, planes, p->offsets + first, cotangent + channel, tile);
      const int64_t channels =
          p->channels - channel < width ? p->channels - channel : width;
      for (int64_t c = 0; c < channels; c++)
        for (int r = 0; r < rows; r++)
          result[(channel + c) * p->k + first + r] = tile[r * width + c];
    }
    first += rows;
  }
}
