// All elementwise operators of all types, and the tables that find them.

#define CK_TYPE f32
#define CK_SCALAR float
#define CK_VECTOR ck_f32x16
#define CK_FLAGS ck_u8x16
#define CK_FLAGS_NAME u8x16
#define CK_LANES 16
#define CK_MASK ck_i32x16
#define CK_IS_FLOAT
#include "elementwise_type.h"

#define CK_TYPE f64
#define CK_SCALAR double
#define CK_VECTOR ck_f64x8
#define CK_FLAGS ck_u8x8
#define CK_FLAGS_NAME u8x8
#define CK_LANES 8
#define CK_MASK ck_i64x8
#define CK_IS_FLOAT
#include "elementwise_type.h"

#define CK_TYPE i32
#define CK_SCALAR int32_t
#define CK_VECTOR ck_i32x16
#define CK_FLAGS ck_u8x16
#define CK_FLAGS_NAME u8x16
#define CK_LANES 16
#define CK_MASK ck_i32x16
#include "elementwise_type.h"

#define CK_TYPE i64
#define CK_SCALAR int64_t
#define CK_VECTOR ck_i64x8
#define CK_FLAGS ck_u8x8
#define CK_FLAGS_NAME u8x8
#define CK_LANES 8
#define CK_MASK ck_i64x8
#include "elementwise_type.h"

#define CK_ARGUMENTS                                                                               \
  int64_t count, void *result, const void *first, const void *second, const void *third

// Element by element, for what has no vector form: `expression` of x and y, each possibly repeated.
#define CK_SCALAR_BINARY(name, suffix, type, x_step, y_step, expression)                           \
  static void name##suffix(CK_ARGUMENTS) {                                                         \
    (void)third;                                                                                   \
    const type *xs = first, *ys = second;                                                          \
    type *zs = result;                                                                             \
    for (int64_t i = 0; i < count; i++) {                                                          \
      type x = xs[i * x_step], y = ys[i * y_step];                                                 \
      zs[i] = (type)(expression);                                                                  \
    }                                                                                              \
  }
#define CK_SCALAR_BINARY_LOOPS(name, type, expression)                                             \
  CK_SCALAR_BINARY(name, _vv, type, 1, 1, expression)                                              \
  CK_SCALAR_BINARY(name, _sv, type, 0, 1, expression)                                              \
  CK_SCALAR_BINARY(name, _vs, type, 1, 0, expression)
#define CK_SCALAR_UNARY(name, type, expression)                                                    \
  static void name(CK_ARGUMENTS) {                                                                 \
    (void)second, (void)third;                                                                     \
    const type *xs = first;                                                                        \
    type *zs = result;                                                                             \
    for (int64_t i = 0; i < count; i++) {                                                          \
      type x = xs[i];                                                                              \
      zs[i] = (type)(expression);                                                                  \
    }                                                                                              \
  }

CK_SCALAR_UNARY(sine_f32, float, sinf(x))
CK_SCALAR_UNARY(sine_f64, double, sin(x))
CK_SCALAR_UNARY(cosine_f32, float, cosf(x))
CK_SCALAR_UNARY(cosine_f64, double, cos(x))
CK_SCALAR_BINARY_LOOPS(power_f32, float, powf(x, y))
CK_SCALAR_BINARY_LOOPS(power_f64, double, pow(x, y))
// Integer quotients: 0 for a divisor of 0, and the largest number for the one that overflows.
CK_SCALAR_BINARY_LOOPS(divide_i32, int32_t,
    y == 0 ? 0 : y == -1 ? (x == INT32_MIN ? INT32_MAX : -x) : x / y)
CK_SCALAR_BINARY_LOOPS(divide_i64, int64_t,
    y == 0 ? 0 : y == -1 ? (x == INT64_MIN ? INT64_MAX : -x) : x / y)
CK_SCALAR_UNARY(not_flag, uint8_t, x == 0)
CK_SCALAR_BINARY_LOOPS(and_flag, uint8_t, (x != 0) & (y != 0))
CK_SCALAR_BINARY_LOOPS(or_flag, uint8_t, (x != 0) | (y != 0))
CK_SCALAR_BINARY_LOOPS(less_flag, uint8_t, x < y)
CK_SCALAR_BINARY_LOOPS(less_or_equal_flag, uint8_t, x <= y)
CK_SCALAR_BINARY_LOOPS(equal_flag, uint8_t, x == y)

#define CK_SELECT_BOOL(suffix, x_step, y_step)                                                     \
  static void select_flag##suffix(CK_ARGUMENTS) {                                                  \
    const uint8_t *flags = first, *x = second, *y = third;                                         \
    uint8_t *z = result;                                                                           \
    for (int64_t i = 0; i < count; i++) z[i] = flags[i] ? x[i * x_step] : y[i * y_step];           \
  }
CK_SELECT_BOOL(_vv, 1, 1)
CK_SELECT_BOOL(_sv, 0, 1)
CK_SELECT_BOOL(_vs, 1, 0)
CK_SELECT_BOOL(_ss, 0, 0)

// MARK: Conversions

// Truncates towards zero, clamps to the range, and takes NaN to 0.
CK_INLINE int32_t ck_i32_from_double(double x) {
  return x != x ? 0 : x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : (int32_t)x;
}
CK_INLINE int64_t ck_i64_from_double(double x) {
  // 2^63 - 1024 is the largest double below the range's end.
  return x != x                       ? 0
         : x >= 9223372036854774784.0 ? 9223372036854774784
         : x <= -9223372036854775808.0 ? INT64_MIN
                                       : (int64_t)x;
}
#define CK_CONVERT(from, from_type, to, to_type, expression)                                       \
  static void convert_##from##_##to(CK_ARGUMENTS) {                                                \
    (void)second, (void)third;                                                                     \
    const from_type *xs = first;                                                                   \
    to_type *zs = result;                                                                          \
    for (int64_t i = 0; i < count; i++) {                                                          \
      from_type x = xs[i];                                                                         \
      zs[i] = (to_type)(expression);                                                               \
    }                                                                                              \
  }
#define CK_CONVERT_FROM(from, type)                                                                \
  CK_CONVERT(from, type, f32, float, x)                                                            \
  CK_CONVERT(from, type, f64, double, x)                                                           \
  CK_CONVERT(from, type, i32, int32_t, ck_i32_from_double((double)x))                              \
  CK_CONVERT(from, type, flag, uint8_t, x != 0)
CK_CONVERT_FROM(f32, float)
CK_CONVERT_FROM(f64, double)
CK_CONVERT_FROM(i32, int32_t)
CK_CONVERT_FROM(i64, int64_t)
CK_CONVERT_FROM(flag, uint8_t)
CK_CONVERT(f32, float, i64, int64_t, ck_i64_from_double((double)x))
CK_CONVERT(f64, double, i64, int64_t, ck_i64_from_double(x))
CK_CONVERT(i32, int32_t, i64, int64_t, x)
CK_CONVERT(i64, int64_t, i64, int64_t, x)
CK_CONVERT(flag, uint8_t, i64, int64_t, x)

// MARK: Tables

#define CK_ARITHMETIC(name) {name##_f32_loop, name##_f64_loop, name##_i32_loop, name##_i64_loop, NULL}
#define CK_FLOATING(name) {name##_f32_loop, name##_f64_loop, NULL, NULL, NULL}

static const ck_function unary_functions[CK_UNARY_COUNT][CK_TYPE_COUNT] = {
    [CK_NEGATE] = CK_ARITHMETIC(negate),
    [CK_ABSOLUTE] = CK_ARITHMETIC(absolute),
    [CK_SIGN] = CK_ARITHMETIC(sign),
    [CK_FLOOR] = CK_FLOATING(round_down),
    [CK_EXP] = CK_FLOATING(exp),
    [CK_LOG] = CK_FLOATING(log),
    [CK_LOG1P] = CK_FLOATING(log1p),
    [CK_SQRT] = CK_FLOATING(square_root),
    [CK_RSQRT] = CK_FLOATING(reciprocal_root),
    [CK_SIN] = {sine_f32, sine_f64, NULL, NULL, NULL},
    [CK_COS] = {cosine_f32, cosine_f64, NULL, NULL, NULL},
    [CK_TANH] = CK_FLOATING(tanh),
    [CK_SIGMOID] = CK_FLOATING(sigmoid),
    [CK_ERF] = CK_FLOATING(erf),
    [CK_NOT] = {NULL, NULL, NULL, NULL, not_flag},
};

// By which operand repeats: neither, the first, the second.
#define CK_VARIANTS(name) {name##_vv, name##_sv, name##_vs}
#define CK_NONE {NULL, NULL, NULL}
#define CK_ALL_BINARY(name)                                                                        \
  {CK_VARIANTS(name##_f32), CK_VARIANTS(name##_f64), CK_VARIANTS(name##_i32),                      \
   CK_VARIANTS(name##_i64), CK_NONE}

static const ck_function binary_functions[CK_BINARY_COUNT][CK_TYPE_COUNT][3] = {
    [CK_ADD] = CK_ALL_BINARY(add),
    [CK_SUBTRACT] = CK_ALL_BINARY(subtract),
    [CK_MULTIPLY] = CK_ALL_BINARY(multiply),
    [CK_DIVIDE] = CK_ALL_BINARY(divide),
    [CK_POWER] = {CK_VARIANTS(power_f32), CK_VARIANTS(power_f64), CK_NONE, CK_NONE, CK_NONE},
    [CK_BINARY_MAXIMUM] = CK_ALL_BINARY(maximum),
    [CK_BINARY_MINIMUM] = CK_ALL_BINARY(minimum),
    [CK_AND] = {CK_NONE, CK_NONE, CK_NONE, CK_NONE, CK_VARIANTS(and_flag)},
    [CK_OR] = {CK_NONE, CK_NONE, CK_NONE, CK_NONE, CK_VARIANTS(or_flag)},
};

#define CK_ALL_COMPARE(name)                                                                       \
  {CK_VARIANTS(name##_f32), CK_VARIANTS(name##_f64), CK_VARIANTS(name##_i32),                      \
   CK_VARIANTS(name##_i64), CK_VARIANTS(name##_flag)}
static const ck_function compare_functions[CK_COMPARISON_COUNT][CK_TYPE_COUNT][3] = {
    [CK_LESS] = CK_ALL_COMPARE(less),
    [CK_LESS_OR_EQUAL] = CK_ALL_COMPARE(less_or_equal),
    [CK_EQUAL] = CK_ALL_COMPARE(equal),
};

#define CK_SELECTS(type) {select_##type##_vv, select_##type##_sv, select_##type##_vs, select_##type##_ss}
static const ck_function select_functions[CK_TYPE_COUNT][4] = {
    CK_SELECTS(f32), CK_SELECTS(f64), CK_SELECTS(i32), CK_SELECTS(i64), CK_SELECTS(flag),
};

#define CK_CONVERTS(from)                                                                          \
  {convert_##from##_f32, convert_##from##_f64, convert_##from##_i32, convert_##from##_i64,         \
   convert_##from##_flag}
static const ck_function convert_functions[CK_TYPE_COUNT][CK_TYPE_COUNT] = {
    CK_CONVERTS(f32), CK_CONVERTS(f64), CK_CONVERTS(i32), CK_CONVERTS(i64), CK_CONVERTS(flag),
};
