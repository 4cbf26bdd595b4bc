// The innermost tile of every matrix product: up to CK_PANEL rows times two vectors of columns, kept in
// registers over the whole of k.

#define CK_PASTE2(a, b) a##_##b
#define CK_PASTE(a, b) CK_PASTE2(a, b)
#define CK_F(name) CK_PASTE(name, CK_TYPE)
#define CK_TILE_COLUMNS (2 * CK_LANES)

// tile[r][j] (+)= sum over i of panel[i * CK_PANEL + r] * b(i)[j], where row i of b starts at
// `offsets[i]`, or at i * step when `offsets` is NULL. `rows` is known when this is compiled.
CK_INLINE void CK_F(tile_rows)(
    const int rows, int64_t k, const CK_SCALAR *panel, const CK_SCALAR *b, const int64_t *offsets,
    int64_t step, CK_SCALAR *tile, int64_t tile_stride, bool accumulates) {
  CK_VECTOR sums[CK_TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    sums[r][0] = accumulates ? CK_F(ck_load)(tile + r * tile_stride) : (CK_VECTOR)0;
    sums[r][1] = accumulates ? CK_F(ck_load)(tile + r * tile_stride + CK_LANES) : (CK_VECTOR)0;
  }
  for (int64_t i = 0; i < k; i++) {
    const CK_SCALAR *row = offsets ? b + offsets[i] : b + i * step;
    CK_VECTOR b0 = CK_F(ck_load)(row), b1 = CK_F(ck_load)(row + CK_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      CK_VECTOR a = (CK_VECTOR)panel[r];
      sums[r][0] += a * b0;
      sums[r][1] += a * b1;
    }
    panel += CK_PANEL;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    CK_F(ck_store)(tile + r * tile_stride, sums[r][0]);
    CK_F(ck_store)(tile + r * tile_stride + CK_LANES, sums[r][1]);
  }
}

// The same for any number of rows up to CK_PANEL, as few at a time as the registers hold.
static void CK_F(tile)(
    int rows, int64_t k, const CK_SCALAR *panel, const CK_SCALAR *b, const int64_t *offsets,
    int64_t step, CK_SCALAR *result, int64_t result_stride, bool accumulates) {
#define CK_TILE_CASE(n)                                                                            \
  case n:                                                                                          \
    if (offsets)                                                                                   \
      CK_F(tile_rows)(n, k, panel, b, offsets, 0, result, result_stride, accumulates);             \
    else                                                                                           \
      CK_F(tile_rows)(n, k, panel, b, NULL, step, result, result_stride, accumulates);             \
    break;
  while (rows > 0) {
    int now = rows < CK_TILE_ROWS ? rows : CK_TILE_ROWS;
    switch (now) {
      CK_TILE_CASE(1)
#if CK_TILE_ROWS >= 3
      CK_TILE_CASE(2)
      CK_TILE_CASE(3)
#endif
#if CK_TILE_ROWS >= 12
      CK_TILE_CASE(4)
      CK_TILE_CASE(5)
      CK_TILE_CASE(6)
      CK_TILE_CASE(7)
      CK_TILE_CASE(8)
      CK_TILE_CASE(9)
      CK_TILE_CASE(10)
      CK_TILE_CASE(11)
      CK_TILE_CASE(12)
#endif
    }
    rows -= now;
    panel += now;
    result += now * result_stride;
  }
#undef CK_TILE_CASE
}
