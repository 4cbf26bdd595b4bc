// Matrix products, by packed panels that stay in the caches, and matrix-vector products.

// Extents of the blocks that are packed at a time.
#ifndef CK_BLOCK_K
#define CK_BLOCK_K 256
#define CK_BLOCK_COLUMNS 512
#endif

// panel[i][r] = matrix[(first + r) * row_stride + i * column_stride], zero beyond `rows`.
static void CK_F(pack_left)(
    CK_SCALAR *panel, const CK_SCALAR *matrix, int64_t row_stride, int64_t column_stride, int rows,
    int64_t k) {
  if (rows < CK_PANEL) memset(panel, 0, (size_t)(k * CK_PANEL) * sizeof(CK_SCALAR));
  if (row_stride == 1) {
    for (int64_t i = 0; i < k; i++)
      for (int r = 0; r < rows; r++) panel[i * CK_PANEL + r] = matrix[i * column_stride + r];
  } else {
    for (int r = 0; r < rows; r++)
      for (int64_t i = 0; i < k; i++)
        panel[i * CK_PANEL + r] = matrix[r * row_stride + i * column_stride];
  }
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
    } else {
      // Sixteen rows at a time, so that the lines written to stay in the cache.
      for (int64_t i0 = 0; i0 < k; i0 += 16) {
        int64_t i1 = i0 + 16 < k ? i0 + 16 : k;
        for (int64_t c = 0; c < width; c++)
          for (int64_t i = i0; i < i1; i++)
            block[i * CK_TILE_COLUMNS + c] = source[i * row_stride + c * column_stride];
      }
    }
  }
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
  const CK_SCALAR *left =
      (const CK_SCALAR *)buffers[p->left] + batch * p->m * p->k + first_row * p->left_row;
  const CK_SCALAR *right =
      (const CK_SCALAR *)buffers[p->right] + batch * p->k * p->n + first_column * p->right_column;
  CK_SCALAR *result =
      (CK_SCALAR *)buffers[p->result] + (batch * p->m + first_row) * p->n + first_column;
  CK_SCALAR *panel = (CK_SCALAR *)scratch;
  CK_SCALAR *block = panel + CK_BLOCK_K * CK_PANEL;
  CK_SCALAR edge[CK_PANEL * CK_TILE_COLUMNS];

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
      const int64_t in_place =
          p->right_column == 1 && rows <= 2 * CK_PANEL ? n / CK_TILE_COLUMNS * CK_TILE_COLUMNS : 0;
      CK_F(pack_right)(
          block + in_place * k, source + in_place * p->right_column, p->right_row, p->right_column,
          k, n - in_place);
      for (int64_t i = 0; i < rows; i += CK_PANEL) {
        const int count = (int)(rows - i < CK_PANEL ? rows - i : CK_PANEL);
        CK_F(pack_left)(
            panel, left + i * p->left_row + k0 * p->left_column, p->left_row, p->left_column, count,
            k);
        for (int64_t j = 0; j < n; j += CK_TILE_COLUMNS) {
          const CK_SCALAR *b = j < in_place ? source + j : block + j * k;
          const int64_t step = j < in_place ? p->right_row : CK_TILE_COLUMNS;
          CK_SCALAR *target = result + i * p->n + j0 + j;
          const int64_t width = n - j < CK_TILE_COLUMNS ? n - j : CK_TILE_COLUMNS;
          if (width == CK_TILE_COLUMNS) {
            CK_F(tile)(count, k, panel, b, NULL, step, target, p->n, k0 > 0);
            continue;
          }
          CK_F(tile)(count, k, panel, b, NULL, step, edge, CK_TILE_COLUMNS, false);
          for (int r = 0; r < count; r++)
            for (int64_t c = 0; c < width; c++)
              target[r * p->n + c] =
                  edge[r * CK_TILE_COLUMNS + c] + (k0 > 0 ? target[r * p->n + c] : 0);
        }
      }
    }
  }
}

// MARK: Matrix times vector

CK_INLINE CK_SCALAR CK_F(lane_sum)(CK_VECTOR v) {
  CK_SCALAR total = 0;
  for (int lane = 0; lane < CK_LANES; lane++) total += v[lane];
  return total;
}

CK_INLINE void CK_F(dot_rows)(
    const int rows, const CK_SCALAR *matrix, int64_t stride, const CK_SCALAR *vector, int64_t count,
    CK_SCALAR *result) {
  CK_VECTOR sums[4][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = (CK_VECTOR)0;
  int64_t j = 0;
  for (; j + 2 * CK_LANES <= count; j += 2 * CK_LANES) {
    CK_VECTOR x0 = CK_F(ck_load)(vector + j), x1 = CK_F(ck_load)(vector + j + CK_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[r][0] += CK_F(ck_load)(matrix + r * stride + j) * x0;
      sums[r][1] += CK_F(ck_load)(matrix + r * stride + j + CK_LANES) * x1;
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    CK_SCALAR total = CK_F(lane_sum)(sums[r][0] + sums[r][1]);
    for (int64_t c = j; c < count; c++) total += matrix[r * stride + c] * vector[c];
    result[r] = total;
  }
}

// Columns first ..< first + vectors of the transposed product.
CK_INLINE void CK_F(sum_columns)(
    const int vectors, const CK_SCALAR *matrix, int64_t stride, const CK_SCALAR *vector,
    int64_t rows, CK_SCALAR *result) {
  CK_VECTOR sums[8];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) sums[v] = (CK_VECTOR)0;
  for (int64_t i = 0; i < rows; i++) {
    CK_VECTOR x = (CK_VECTOR)vector[i];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sums[v] += x * CK_F(ck_load)(matrix + i * stride + v * CK_LANES);
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) CK_F(ck_store)(result + v * CK_LANES, sums[v]);
}

static void CK_F(matvec)(
    const ck_matvec *p, char *const *buffers, int64_t task, char *scratch) {
  (void)scratch;
  const int64_t results = p->transposed ? p->columns : p->rows;
  const int64_t tasks = (results + p->results_per_task - 1) / p->results_per_task;
  const int64_t batch = task / tasks;
  const CK_SCALAR *matrix = (const CK_SCALAR *)buffers[p->matrix] + batch * p->rows * p->columns;
  const CK_SCALAR *vector =
      (const CK_SCALAR *)buffers[p->vector] + batch * (p->transposed ? p->rows : p->columns);
  CK_SCALAR *result = (CK_SCALAR *)buffers[p->result] + batch * results;
  int64_t i = task % tasks * p->results_per_task;
  int64_t last = i + p->results_per_task < results ? i + p->results_per_task : results;
  if (!p->transposed) {
    const int64_t n = p->columns;
    for (; i + 4 <= last; i += 4) CK_F(dot_rows)(4, matrix + i * n, n, vector, n, result + i);
    for (; i < last; i++) CK_F(dot_rows)(1, matrix + i * n, n, vector, n, result + i);
    return;
  }
  const int64_t n = p->columns, rows = p->rows;
  for (; i + 8 * CK_LANES <= last; i += 8 * CK_LANES)
    CK_F(sum_columns)(8, matrix + i, n, vector, rows, result + i);
  for (; i + CK_LANES <= last; i += CK_LANES)
    CK_F(sum_columns)(1, matrix + i, n, vector, rows, result + i);
  for (; i < last; i++) {
    CK_SCALAR total = 0;
    for (int64_t r = 0; r < rows; r++) total += matrix[r * n + i] * vector[r];
    result[i] = total;
  }
}
