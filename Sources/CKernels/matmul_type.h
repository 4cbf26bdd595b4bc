// Matrix products, by packed panels that stay in the caches.

// panel[i][r] = matrix[r * row_stride + i * column_stride], zero beyond `rows`.
static void CK_F(pack_left)(
    CK_SCALAR *panel, const CK_SCALAR *matrix, int64_t row_stride, int64_t column_stride, int rows,
    int64_t k) {
  if (column_stride == 1) {
    CK_F(pack_left_rows)(panel, matrix, row_stride, rows, k);
    return;
  }
  for (int64_t i = 0; i < k; i++) {
    for (int r = 0; r < rows; r++)
      panel[i * CK_PANEL + r] = matrix[r * row_stride + i * column_stride];
    for (int r = rows; r < CK_PANEL; r++) panel[i * CK_PANEL + r] = 0;
  }
}

// result[i * CK_TILE_COLUMNS + c] = matrix[c * stride + i] for a vector of columns c.
static void CK_F(pack_right_columns)(
    CK_SCALAR *result, const CK_SCALAR *matrix, int64_t stride, int64_t k) {
  int64_t i = 0;
  for (; i + CK_LANES <= k; i += CK_LANES) {
    CK_VECTOR square[CK_LANES];
    for (int c = 0; c < CK_LANES; c++) square[c] = CK_F(ck_load)(matrix + c * stride + i);
    CK_F(ck_transpose)(square);
    for (int r = 0; r < CK_LANES; r++)
      CK_F(ck_store)(result + (i + r) * CK_TILE_COLUMNS, square[r]);
  }
  for (; i < k; i++)
    for (int c = 0; c < CK_LANES; c++) result[i * CK_TILE_COLUMNS + c] = matrix[c * stride + i];
}

// block[j / tile][i][j % tile] = matrix[i * row_stride + j * column_stride], zero beyond `columns`.
static void CK_F(pack_right)(
    CK_SCALAR *block, const CK_SCALAR *matrix, int64_t row_stride, int64_t column_stride, int64_t k,
    int64_t columns) {
  for (int64_t j = 0; j < columns; j += CK_TILE_COLUMNS, block += k * CK_TILE_COLUMNS) {
    int64_t width = columns - j < CK_TILE_COLUMNS ? columns - j : CK_TILE_COLUMNS;
    if (width < CK_TILE_COLUMNS) memset(block, 0, (size_t)(k * CK_TILE_COLUMNS) * sizeof(CK_SCALAR));
    const CK_SCALAR *source = matrix + j * column_stride;
    if (column_stride == 1) {
      for (int64_t i = 0; i < k; i++)
        memcpy(
            block + i * CK_TILE_COLUMNS, source + i * row_stride, (size_t)width * sizeof(CK_SCALAR));
      continue;
    }
    int64_t c = 0;
    for (; row_stride == 1 && c + CK_LANES <= width; c += CK_LANES)
      CK_F(pack_right_columns)(block + c, source + c * column_stride, column_stride, k);
    for (; c < width; c++)
      for (int64_t i = 0; i < k; i++)
        block[i * CK_TILE_COLUMNS + c] = source[i * row_stride + c * column_stride];
  }
}

// One task per block of k of a matrix.
static void CK_F(blocks)(
    const ck_blocks *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const int64_t tasks = ck_block_tasks(p->k);
  const int64_t batch = task / tasks, first = task % tasks * CK_BLOCK_K;
  const int64_t k = p->k - first < CK_BLOCK_K ? p->k - first : CK_BLOCK_K;
  const int64_t columns = (p->n + CK_TILE_COLUMNS - 1) / CK_TILE_COLUMNS * CK_TILE_COLUMNS;
  CK_F(pack_right)(
      (CK_SCALAR *)buffers[p->result] + batch * p->k * columns + first * columns,
      (const CK_SCALAR *)buffers[p->source] + batch * p->k * p->n + first * p->row_stride,
      p->row_stride, p->column_stride, k, p->n);
}

static void CK_F(matmul)(
    const ck_matmul *p, char *const *buffers, int64_t task, char *scratch) {
  const int64_t row_tasks = (p->m + p->rows_per_task - 1) / p->rows_per_task;
  const int64_t column_tasks = (p->n + p->columns_per_task - 1) / p->columns_per_task;
  const int64_t batch = task / (row_tasks * column_tasks);
  const int64_t first_row = task / column_tasks % row_tasks * p->rows_per_task;
  const int64_t first_column = task % column_tasks * p->columns_per_task;
  const int64_t rows = p->m - first_row < p->rows_per_task ? p->m - first_row : p->rows_per_task;
  const int64_t columns =
      p->n - first_column < p->columns_per_task ? p->n - first_column : p->columns_per_task;
  const int64_t left_panels = (p->m + CK_PANEL - 1) / CK_PANEL;
  const int64_t padded = (p->n + CK_TILE_COLUMNS - 1) / CK_TILE_COLUMNS * CK_TILE_COLUMNS;
  const CK_SCALAR *left = (const CK_SCALAR *)buffers[p->left]
      + (p->left_packed ? (batch * left_panels + first_row / CK_PANEL) * p->k * CK_PANEL
                        : batch * p->m * p->k + first_row * p->left_row);
  const CK_SCALAR *right = (const CK_SCALAR *)buffers[p->right]
      + (p->right_packed ? batch * p->k * padded
                         : batch * p->k * p->n + first_column * p->right_column);
  CK_SCALAR *result =
      (CK_SCALAR *)buffers[p->result] + (batch * p->m + first_row) * p->n + first_column;
  CK_SCALAR *panel = (CK_SCALAR *)scratch;
  CK_SCALAR *block = panel + CK_BLOCK_K * CK_PANEL;
  CK_SCALAR edge[CK_PANEL * CK_TILE_COLUMNS];

  if (!p->left_packed && !p->right_packed && p->left_column == 1 && p->right_row == 1 && rows <= CK_PANEL && p->k >= 4 * CK_LANES) {
    CK_F(few_rows)(p, left, rows, right, columns, result);
    return;
  }
  if (p->k == 0)
    for (int64_t i = 0; i < rows; i++)
      memset(result + i * p->n, 0, (size_t)columns * sizeof(CK_SCALAR));
  for (int64_t k0 = 0; k0 < p->k; k0 += CK_BLOCK_K) {
    const int64_t k = p->k - k0 < CK_BLOCK_K ? p->k - k0 : CK_BLOCK_K;
    for (int64_t j0 = 0; j0 < columns; j0 += CK_BLOCK_COLUMNS) {
      const int64_t n = columns - j0 < CK_BLOCK_COLUMNS ? columns - j0 : CK_BLOCK_COLUMNS;
      const CK_SCALAR *source = right + k0 * p->right_row + j0 * p->right_column;
      // Rows of the right operand are read in place when few rows of the left one would share the
      // packed copy; the ragged last columns are always packed.
      const int64_t in_place = !p->right_packed && p->right_column == 1 && rows <= 2 * CK_PANEL
          ? n / CK_TILE_COLUMNS * CK_TILE_COLUMNS : 0;
      const CK_SCALAR *packed = right + k0 * padded + (first_column + j0) * k;
      if (!p->right_packed) {
        packed = block;
        CK_F(pack_right)(
            block + in_place * k, source + in_place * p->right_column, p->right_row,
            p->right_column, k, n - in_place);
      }
      for (int64_t i = 0; i < rows; i += CK_PANEL) {
        const int count = (int)(rows - i < CK_PANEL ? rows - i : CK_PANEL);
        const CK_SCALAR *rows_of_left = left + i * p->k + k0 * CK_PANEL;
        if (!p->left_packed) {
          rows_of_left = panel;
          CK_F(pack_left)(
              panel, left + i * p->left_row + k0 * p->left_column, p->left_row, p->left_column,
              count, k);
        }
        for (int64_t j = 0; j < n; j += CK_TILE_COLUMNS) {
          const CK_SCALAR *b = j < in_place ? source + j : packed + j * k;
          const int64_t step = j < in_place ? p->right_row : CK_TILE_COLUMNS;
          CK_SCALAR *target = result + i * p->n + j0 + j;
          const int64_t width = n - j < CK_TILE_COLUMNS ? n - j : CK_TILE_COLUMNS;
          if (width == CK_TILE_COLUMNS) {
            CK_F(tile)(count, k, rows_of_left, b, step, target, p->n, k0 > 0);
            continue;
          }
          CK_F(tile)(count, k, rows_of_left, b, step, edge, CK_TILE_COLUMNS, false);
          for (int r = 0; r < count; r++)
            for (int64_t c = 0; c < width; c++)
              target[r * p->n + c] =
                  edge[r * CK_TILE_COLUMNS + c] + (k0 > 0 ? target[r * p->n + c] : 0);
        }
      }
    }
  }
}
