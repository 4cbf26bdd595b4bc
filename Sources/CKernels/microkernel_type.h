// The innermost tile of every matrix product: rows times vectors of columns, kept in registers over
// the whole of k.

#define CK_PASTE2(a, b) a##_##b
#define CK_PASTE(a, b) CK_PASTE2(a, b)
#define CK_F(name) CK_PASTE(name, CK_TYPE)
#define CK_TILE_COLUMNS (2 * CK_LANES)
#define CK_FETCH_AHEAD (64 * CK_PANEL)
#define CK_SUMMANDS 128

// A vector of `pieces` equal parts, `step` elements apart.
CK_INLINE CK_VECTOR CK_F(load_pieces)(const int pieces, const CK_SCALAR *p, int64_t step) {
  typedef CK_HALF half __attribute__((aligned(1), may_alias));
  typedef CK_QUARTER quarter __attribute__((aligned(1), may_alias));
  if (pieces == 1) return CK_F(ck_load)(p);
  if (pieces == 2) {
    CK_HALF low = *(const half *)p, high = *(const half *)(p + step);
    return CK_PASTE(CK_JOIN_HALVES, CK_TYPE)(low, high);
  }
  CK_QUARTER a = *(const quarter *)p, b = *(const quarter *)(p + step);
  CK_QUARTER c = *(const quarter *)(p + 2 * step), d = *(const quarter *)(p + 3 * step);
  CK_HALF low = CK_PASTE(CK_JOIN_QUARTERS, CK_TYPE)(a, b);
  CK_HALF high = CK_PASTE(CK_JOIN_QUARTERS, CK_TYPE)(c, d);
  return CK_PASTE(CK_JOIN_HALVES, CK_TYPE)(low, high);
}

// What the columns of a tile are multiplied from: row i of vector v starts at
// columns[v] + offsets[i], or, when `offsets` is NULL, + i * row_step.
typedef struct {
  const CK_SCALAR *columns[4];
  const int64_t *offsets;
  int64_t row_step, piece_step;
} CK_F(tile_source);

// Where the vectors of a tile go: row r of vector v to columns[v] + r * row_step.
typedef struct {
  CK_SCALAR *columns[4];
  int64_t row_step;
} CK_F(tile_target);

// target (+)= sum over i of panel[i * CK_PANEL + r] * source(i). The first three parameters are known
// when this is compiled.
//
// A long sum is taken in parts of CK_SUMMANDS, which keep their own rounding: in f32 that of one sum of
// thousands would move many more ReLU units of a deep network across their kinks.
CK_INLINE void CK_F(fixed_tile)(
    const int rows, const int vectors, const int pieces, int64_t k, const CK_SCALAR *panel,
    const CK_F(tile_source) *source, const CK_F(tile_target) *target, bool accumulates) {
  const int64_t *offsets = source->offsets;
  const int64_t row_step = source->row_step, piece_step = source->piece_step;
  const CK_SCALAR *columns[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) columns[v] = source->columns[v];
  int64_t i = 0;
  do {
    const int64_t end = k - i < CK_SUMMANDS ? k : i + CK_SUMMANDS;
    CK_VECTOR sums[12][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = (CK_VECTOR)0;
    for (; i < end; i++) {
      const int64_t offset = offsets ? offsets[i] : i * row_step;
      CK_VECTOR b[4];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++)
        b[v] = CK_F(load_pieces)(pieces, columns[v] + offset, piece_step);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        CK_VECTOR a = (CK_VECTOR)panel[r];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sums[r][v] += a * b[v];
      }
      // With few vectors a panel is read about as fast as memory gives it.
      if (vectors <= 2) __builtin_prefetch(panel + CK_FETCH_AHEAD);
      panel += CK_PANEL;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        CK_SCALAR *to = target->columns[v] + r * target->row_step;
        CK_F(ck_store)(to, accumulates ? CK_F(ck_load)(to) + sums[r][v] : sums[r][v]);
      }
    accumulates = true;
  } while (i < k);
}

// Any number of rows, as many at a time as the registers hold. `vectors` and `pieces` are known when
// this is compiled; rows * vectors is at most CK_ACCUMULATORS in every pass.
CK_INLINE void CK_F(tile_passes)(
    const int vectors, const int pieces, int rows, int64_t k, const CK_SCALAR *panel,
    const CK_F(tile_source) *source, CK_F(tile_target) target, bool accumulates) {
#define CK_TILE_PASS(n)                                                                            \
  if (n * vectors <= CK_ACCUMULATORS) {                                                            \
    while (rows >= n) {                                                                            \
      CK_F(fixed_tile)(n, vectors, pieces, k, panel, source, &target, accumulates);                \
      rows -= n;                                                                                   \
      panel += n;                                                                                  \
      for (int v = 0; v < vectors; v++) target.columns[v] += n * target.row_step;                  \
    }                                                                                              \
  }
  CK_TILE_PASS(12)
  CK_TILE_PASS(8)
  CK_TILE_PASS(6)
  CK_TILE_PASS(4)
  CK_TILE_PASS(3)
  CK_TILE_PASS(2)
  CK_TILE_PASS(1)
#undef CK_TILE_PASS
}

// A tile of two vectors that lie side by side, its rows `row_step` apart.
static void CK_F(tile)(
    int rows, int64_t k, const CK_SCALAR *panel, const CK_SCALAR *b, int64_t row_step,
    CK_SCALAR *result, int64_t result_step, bool accumulates) {
  CK_F(tile_source) source = {.columns = {b, b + CK_LANES}, .row_step = row_step};
  CK_F(tile_target) target = {{result, result + CK_LANES}, result_step};
  CK_F(tile_passes)(2, 1, rows, k, panel, &source, target, accumulates);
}

// A tile of vectors of positions over planes.
static void CK_F(position_tile)(
    int vectors, int64_t pieces, int rows, int64_t k, const CK_SCALAR *panel,
    const CK_F(tile_source) *source, CK_F(tile_target) target, bool accumulates) {
#define CK_POSITION_CASE(v, p)                                                                     \
  case 8 * v + p:                                                                                  \
    CK_F(tile_passes)(v, p, rows, k, panel, source, target, accumulates);                          \
    break;
#define CK_POSITION_CASES(v)                                                                       \
  CK_POSITION_CASE(v, 1)                                                                           \
  CK_POSITION_CASE(v, 2)                                                                           \
  CK_POSITION_CASE(v, 4)
  switch (8 * vectors + pieces) {
    CK_POSITION_CASES(1)
#if CK_ACCUMULATORS >= 24
    CK_POSITION_CASES(2)
    CK_POSITION_CASES(4)
#endif
  }
#undef CK_POSITION_CASE
#undef CK_POSITION_CASES
}
