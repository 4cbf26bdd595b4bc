// Products of few rows with a transposed matrix, [m, k] x [n, k] -> [m, n]: dot products of rows as they
// lie in memory, since packing would cost more than the products do.

// Products of up to four rows of each operand; a row that is missing repeats the last one.
static void CK_F(row_products)(
    const ck_matmul *p, const CK_SCALAR *left, int64_t rows, const CK_SCALAR *right,
    int64_t columns, CK_SCALAR *result) {
  enum { n = CK_DOT_ROWS };
  const CK_SCALAR *x[n], *y[n];
  CK_VECTOR products[n][n];
#pragma clang loop unroll(full)
  for (int r = 0; r < n; r++) {
    x[r] = left + (r < rows ? r : rows - 1) * p->left_row;
    y[r] = right + (r < columns ? r : columns - 1) * p->right_column;
#pragma clang loop unroll(full)
    for (int c = 0; c < n; c++) products[r][c] = (CK_VECTOR)0;
  }
  int64_t i = 0;
  for (; i + CK_LANES <= p->k; i += CK_LANES) {
    CK_VECTOR b[n];
#pragma clang loop unroll(full)
    for (int c = 0; c < n; c++) b[c] = CK_F(ck_load)(y[c] + i);
#pragma clang loop unroll(full)
    for (int r = 0; r < n; r++) {
      CK_VECTOR a = CK_F(ck_load)(x[r] + i);
#pragma clang loop unroll(full)
      for (int c = 0; c < n; c++) products[r][c] += a * b[c];
    }
  }
  for (int64_t r = 0; r < rows && r < n; r++)
    for (int64_t c = 0; c < columns && c < n; c++) {
      CK_SCALAR total = CK_F(lane_sum)(products[r][c]);
      for (int64_t rest = i; rest < p->k; rest++) total += x[r][rest] * y[c][rest];
      result[r * p->n + c] = total;
    }
}

static void CK_F(few_rows)(
    const ck_matmul *p, const CK_SCALAR *left, int64_t rows, const CK_SCALAR *right,
    int64_t columns, CK_SCALAR *result) {
  for (int64_t j = 0; j < columns; j += CK_DOT_ROWS)
    for (int64_t i = 0; i < rows; i += CK_DOT_ROWS)
      CK_F(row_products)(
          p, left + i * p->left_row, rows - i, right + j * p->right_column, columns - j,
          result + i * p->n + j);
}
