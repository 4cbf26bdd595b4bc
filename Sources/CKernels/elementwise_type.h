// Elementwise operators of one element type: included once per type with
//   CK_TYPE      suffix of the vector functions: f32, f64, i32, i64
//   CK_SCALAR, CK_VECTOR, CK_FLAGS (a vector of as many bytes), CK_FLAGS_NAME, CK_LANES
//   CK_MASK      the vector type of comparisons
// and taken back at the end. An operand of `_vs` or `_sv` functions is one repeated element.

#define CK_PASTE2(a, b) a##_##b
#define CK_PASTE(a, b) CK_PASTE2(a, b)
#define CK_F(name) CK_PASTE(name, CK_TYPE)
#define CK_PASTE3(a, b, c) a##_##b##c
#define CK_JOIN(a, b, c) CK_PASTE3(a, b, c)
#define CK_LOOP(name, suffix) CK_JOIN(name, CK_TYPE, suffix)
#define CK_FLAG(name) CK_PASTE(name, CK_FLAGS_NAME)
#define CK_ARGUMENTS                                                                               \
  int64_t count, void *result, const void *first, const void *second, const void *third
#define CK_SPLAT(x) ((CK_VECTOR)(CK_SCALAR)(x))

#define CK_UNARY_LOOP(name)                                                                        \
  static void CK_LOOP(name, _loop)(CK_ARGUMENTS) {                                                    \
    (void)second, (void)third;                                                                     \
    const CK_SCALAR *x = first;                                                                    \
    CK_SCALAR *y = result;                                                                         \
    int64_t i = 0;                                                                                 \
    for (; i + CK_LANES <= count; i += CK_LANES)                                                   \
      CK_F(ck_store)(y + i, CK_F(name)(CK_F(ck_load)(x + i)));                                     \
    if (i < count) {                                                                               \
      CK_VECTOR part = CK_F(name)(CK_F(ck_load_part)(x + i, count - i));                           \
      CK_F(ck_store_part)(y + i, part, count - i);                                                 \
    }                                                                                              \
  }

// The body of a loop over two operands, given how each is read.
#define CK_BINARY_VARIANT(name, suffix, X, Y, XP, YP)                                              \
  static void CK_LOOP(name, suffix)(CK_ARGUMENTS) {                                                   \
    (void)third;                                                                                   \
    const CK_SCALAR *x = first, *y = second;                                                       \
    CK_SCALAR *z = result;                                                                         \
    CK_VECTOR xs = CK_SPLAT(*x), ys = CK_SPLAT(*y);                                                \
    (void)xs, (void)ys;                                                                            \
    int64_t i = 0;                                                                                 \
    for (; i + CK_LANES <= count; i += CK_LANES) CK_F(ck_store)(z + i, CK_F(name)(X, Y));          \
    if (i < count) CK_F(ck_store_part)(z + i, CK_F(name)(XP, YP), count - i);                      \
  }
#define CK_LOAD_X CK_F(ck_load)(x + i)
#define CK_LOAD_Y CK_F(ck_load)(y + i)
#define CK_PART_X CK_F(ck_load_part)(x + i, count - i)
#define CK_PART_Y CK_F(ck_load_part)(y + i, count - i)
#define CK_BINARY_LOOPS(name)                                                                      \
  CK_BINARY_VARIANT(name, _vv, CK_LOAD_X, CK_LOAD_Y, CK_PART_X, CK_PART_Y)                         \
  CK_BINARY_VARIANT(name, _sv, xs, CK_LOAD_Y, xs, CK_PART_Y)                                       \
  CK_BINARY_VARIANT(name, _vs, CK_LOAD_X, ys, CK_PART_X, ys)

// Comparisons write bytes.
#define CK_COMPARE_VARIANT(name, suffix, X, Y, XP, YP)                                             \
  static void CK_LOOP(name, suffix)(CK_ARGUMENTS) {                                                   \
    (void)third;                                                                                   \
    const CK_SCALAR *x = first, *y = second;                                                       \
    uint8_t *z = result;                                                                           \
    CK_VECTOR xs = CK_SPLAT(*x), ys = CK_SPLAT(*y);                                                \
    (void)xs, (void)ys;                                                                            \
    int64_t i = 0;                                                                                 \
    for (; i + CK_LANES <= count; i += CK_LANES)                                                   \
      CK_FLAG(ck_store)(z + i, CK_F(name)(X, Y));                                                  \
    if (i < count) CK_FLAG(ck_store_part)(z + i, CK_F(name)(XP, YP), count - i);                   \
  }
#define CK_COMPARE_LOOPS(name)                                                                     \
  CK_COMPARE_VARIANT(name, _vv, CK_LOAD_X, CK_LOAD_Y, CK_PART_X, CK_PART_Y)                        \
  CK_COMPARE_VARIANT(name, _sv, xs, CK_LOAD_Y, xs, CK_PART_Y)                                      \
  CK_COMPARE_VARIANT(name, _vs, CK_LOAD_X, ys, CK_PART_X, ys)

CK_INLINE CK_VECTOR CK_F(add)(CK_VECTOR x, CK_VECTOR y) { return x + y; }
CK_INLINE CK_VECTOR CK_F(subtract)(CK_VECTOR x, CK_VECTOR y) { return x - y; }
CK_INLINE CK_VECTOR CK_F(multiply)(CK_VECTOR x, CK_VECTOR y) { return x * y; }
#ifdef CK_IS_FLOAT
// NaN if either is.
CK_INLINE CK_VECTOR CK_F(maximum)(CK_VECTOR x, CK_VECTOR y) {
  CK_VECTOR larger = x < y ? y : x;
  return y != y ? y : larger;
}
CK_INLINE CK_VECTOR CK_F(minimum)(CK_VECTOR x, CK_VECTOR y) {
  CK_VECTOR smaller = y < x ? y : x;
  return y != y ? y : smaller;
}
#else
CK_INLINE CK_VECTOR CK_F(maximum)(CK_VECTOR x, CK_VECTOR y) { return x < y ? y : x; }
CK_INLINE CK_VECTOR CK_F(minimum)(CK_VECTOR x, CK_VECTOR y) { return y < x ? y : x; }
#endif
CK_INLINE CK_VECTOR CK_F(negate)(CK_VECTOR x) { return -x; }
CK_INLINE CK_VECTOR CK_F(sign)(CK_VECTOR x) {
  return x > (CK_SCALAR)0 ? CK_SPLAT(1) : (x < (CK_SCALAR)0 ? CK_SPLAT(-1) : x);
}
CK_INLINE CK_FLAGS CK_F(less)(CK_VECTOR x, CK_VECTOR y) {
  return __builtin_convertvector((x < y) & 1, CK_FLAGS);
}
CK_INLINE CK_FLAGS CK_F(less_or_equal)(CK_VECTOR x, CK_VECTOR y) {
  return __builtin_convertvector((x <= y) & 1, CK_FLAGS);
}
CK_INLINE CK_FLAGS CK_F(equal)(CK_VECTOR x, CK_VECTOR y) {
  return __builtin_convertvector((x == y) & 1, CK_FLAGS);
}
CK_INLINE CK_VECTOR CK_F(choose)(CK_FLAGS flags, CK_VECTOR x, CK_VECTOR y) {
  return __builtin_convertvector(flags, CK_MASK) != 0 ? x : y;
}

CK_BINARY_LOOPS(add)
CK_BINARY_LOOPS(subtract)
CK_BINARY_LOOPS(multiply)
CK_BINARY_LOOPS(maximum)
CK_BINARY_LOOPS(minimum)
CK_COMPARE_LOOPS(less)
CK_COMPARE_LOOPS(less_or_equal)
CK_COMPARE_LOOPS(equal)
CK_UNARY_LOOP(negate)
CK_UNARY_LOOP(sign)

#define CK_SELECT_VARIANT(suffix, X, Y, XP, YP)                                                    \
  static void CK_LOOP(select, suffix)(CK_ARGUMENTS) {                                                 \
    const uint8_t *flags = first;                                                                  \
    const CK_SCALAR *x = second, *y = third;                                                       \
    CK_SCALAR *z = result;                                                                         \
    CK_VECTOR xs = CK_SPLAT(*x), ys = CK_SPLAT(*y);                                                \
    (void)xs, (void)ys;                                                                            \
    int64_t i = 0;                                                                                 \
    for (; i + CK_LANES <= count; i += CK_LANES)                                                   \
      CK_F(ck_store)(z + i, CK_F(choose)(CK_FLAG(ck_load)(flags + i), X, Y));                      \
    if (i < count) {                                                                               \
      CK_FLAGS part = CK_FLAG(ck_load_part)(flags + i, count - i);                                 \
      CK_F(ck_store_part)(z + i, CK_F(choose)(part, XP, YP), count - i);                           \
    }                                                                                              \
  }
CK_SELECT_VARIANT(_vv, CK_LOAD_X, CK_LOAD_Y, CK_PART_X, CK_PART_Y)
CK_SELECT_VARIANT(_sv, xs, CK_LOAD_Y, xs, CK_PART_Y)
CK_SELECT_VARIANT(_vs, CK_LOAD_X, ys, CK_PART_X, ys)
CK_SELECT_VARIANT(_ss, xs, ys, xs, ys)

#ifdef CK_IS_FLOAT
#define CK_MATH(name) CK_PASTE(ck_##name, CK_TYPE)
CK_INLINE CK_VECTOR CK_F(divide)(CK_VECTOR x, CK_VECTOR y) { return x / y; }
CK_INLINE CK_VECTOR CK_F(absolute)(CK_VECTOR x) { return CK_MATH(absolute)(x); }
CK_INLINE CK_VECTOR CK_F(exp)(CK_VECTOR x) { return CK_MATH(exp)(x); }
CK_INLINE CK_VECTOR CK_F(log)(CK_VECTOR x) { return CK_MATH(log)(x); }
CK_INLINE CK_VECTOR CK_F(log1p)(CK_VECTOR x) { return CK_MATH(log1p)(x); }
CK_INLINE CK_VECTOR CK_F(tanh)(CK_VECTOR x) { return CK_MATH(tanh)(x); }
CK_INLINE CK_VECTOR CK_F(sigmoid)(CK_VECTOR x) { return CK_MATH(sigmoid)(x); }
CK_INLINE CK_VECTOR CK_F(erf)(CK_VECTOR x) { return CK_MATH(erf)(x); }
CK_INLINE CK_VECTOR CK_F(square_root)(CK_VECTOR x) { return __builtin_elementwise_sqrt(x); }
CK_INLINE CK_VECTOR CK_F(reciprocal_root)(CK_VECTOR x) {
  return (CK_SCALAR)1 / __builtin_elementwise_sqrt(x);
}
CK_INLINE CK_VECTOR CK_F(round_down)(CK_VECTOR x) { return __builtin_elementwise_floor(x); }
CK_BINARY_LOOPS(divide)
CK_UNARY_LOOP(absolute)
CK_UNARY_LOOP(exp)
CK_UNARY_LOOP(log)
CK_UNARY_LOOP(log1p)
CK_UNARY_LOOP(tanh)
CK_UNARY_LOOP(sigmoid)
CK_UNARY_LOOP(erf)
CK_UNARY_LOOP(square_root)
CK_UNARY_LOOP(reciprocal_root)
CK_UNARY_LOOP(round_down)
#undef CK_MATH
#else
CK_INLINE CK_VECTOR CK_F(absolute)(CK_VECTOR x) { return x < (CK_SCALAR)0 ? -x : x; }
CK_UNARY_LOOP(absolute)
#endif

#undef CK_PASTE2
#undef CK_PASTE
#undef CK_PASTE3
#undef CK_JOIN
#undef CK_LOOP
#undef CK_F
#undef CK_FLAG
#undef CK_ARGUMENTS
#undef CK_SPLAT
#undef CK_UNARY_LOOP
#undef CK_BINARY_VARIANT
#undef CK_LOAD_X
#undef CK_LOAD_Y
#undef CK_PART_X
#undef CK_PART_Y
#undef CK_BINARY_LOOPS
#undef CK_COMPARE_VARIANT
#undef CK_COMPARE_LOOPS
#undef CK_SELECT_VARIANT
#undef CK_TYPE
#undef CK_SCALAR
#undef CK_VECTOR
#undef CK_FLAGS
#undef CK_FLAGS_NAME
#undef CK_LANES
#undef CK_MASK
#undef CK_IS_FLOAT
