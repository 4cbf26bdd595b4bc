// Matrix-vector products.

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
