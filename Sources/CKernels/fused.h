// The evaluator of fused elementwise programs: block by block, all instructions on each block, so that
// intermediate values never leave the first-level cache; reductions of the values end the block.

typedef union {
  double real;
  int64_t integer;
} ck_accumulator;

// MARK: Views

#define CK_FILL_RUNS(name, type)                                                                   \
  static void name(                                                                                \
      type *result, const type *source, int64_t stride, int64_t count) {                           \
    if (stride == 1) {                                                                             \
      memcpy(result, source, (size_t)count * sizeof(type));                                        \
    } else if (stride == 0) {                                                                      \
      type value = *source;                                                                        \
      for (int64_t i = 0; i < count; i++) result[i] = value;                                       \
    } else {                                                                                       \
      for (int64_t i = 0; i < count; i++) result[i] = source[i * stride];                          \
    }                                                                                              \
  }
CK_FILL_RUNS(fill_run_1, uint8_t)
CK_FILL_RUNS(fill_run_4, uint32_t)
CK_FILL_RUNS(fill_run_8, uint64_t)

static void fill_iota(ck_type type, char *result, int64_t first, int64_t step, int64_t count) {
  for (int64_t i = 0; i < count; i++, first += step) {
    switch (type) {
      case CK_F32: ((float *)result)[i] = (float)first; break;
      case CK_F64: ((double *)result)[i] = (double)first; break;
      case CK_I32: ((int32_t *)result)[i] = (int32_t)first; break;
      case CK_I64: ((int64_t *)result)[i] = first; break;
      default: result[i] = first != 0;
    }
  }
}

static int64_t element_size(ck_type type) {
  return type == CK_BOOL ? 1 : type == CK_F32 || type == CK_I32 ? 4 : 8;
}

// The offset of element `start`, in row-major order, of a view, and its index.
CK_INLINE int64_t locate(const ck_view *view, int64_t start, int64_t *index) {
  int64_t offset = 0, rest = start;
  for (int axis = view->rank - 1; axis >= 0; axis--) {
    int64_t quotient = rest / view->extents[axis];
    index[axis] = rest - quotient * view->extents[axis];
    offset += index[axis] * view->strides[axis];
    rest = quotient;
  }
  return offset;
}

// Reads elements start ..< start + count, in row-major order, of a view.
static void read_view(
    const ck_fused *program, const ck_view *view, char *const *buffers, int64_t start,
    int64_t count, char *result) {
  int64_t index[CK_MAXIMUM_RANK];
  int64_t offset = locate(view, start, index);
  const int64_t size = element_size(view->type);
  const char *source = NULL;
  if (view->buffer == CK_CONSTANT)
    source = program->constants + view->offset;
  else if (!view->iota)
    source = buffers[view->buffer];
  const int last = view->rank - 1;
  while (count > 0) {
    int64_t run = view->extents[last] - index[last];
    if (run > count) run = count;
    int64_t stride = view->strides[last];
    if (view->iota) {
      fill_iota(view->type, result, offset, stride, run);
    } else if (size == 4) {
      fill_run_4((uint32_t *)result, (const uint32_t *)source + offset, stride, run);
    } else if (size == 8) {
      fill_run_8((uint64_t *)result, (const uint64_t *)source + offset, stride, run);
    } else {
      fill_run_1((uint8_t *)result, (const uint8_t *)source + offset, stride, run);
    }
    result += run * size;
    count -= run;
    offset += run * stride;
    index[last] += run;
    for (int axis = last; axis > 0 && index[axis] == view->extents[axis]; axis--) {
      offset += view->strides[axis - 1] - view->extents[axis] * view->strides[axis];
      index[axis] = 0;
      index[axis - 1]++;
    }
  }
}

// MARK: Reductions of a block

#define CK_REDUCE(name, suffix, type, vector, lanes, combine, combine_scalar, identity)            \
  static type name##_##suffix(const type *x, int64_t count) {                                      \
    vector a = (vector)(type)(identity), b = a, c = a, d = a;                                      \
    int64_t i = 0;                                                                                 \
    for (; i + 4 * lanes <= count; i += 4 * lanes) {                                               \
      a = combine(a, ck_load_##suffix(x + i));                                                     \
      b = combine(b, ck_load_##suffix(x + i + lanes));                                             \
      c = combine(c, ck_load_##suffix(x + i + 2 * lanes));                                         \
      d = combine(d, ck_load_##suffix(x + i + 3 * lanes));                                         \
    }                                                                                              \
    for (; i + lanes <= count; i += lanes) a = combine(a, ck_load_##suffix(x + i));                \
    a = combine(combine(a, b), combine(c, d));                                                     \
    type total = (identity);                                                                       \
    for (int lane = 0; lane < lanes; lane++) total = combine_scalar(total, a[lane]);               \
    for (; i < count; i++) total = combine_scalar(total, x[i]);                                    \
    return total;                                                                                  \
  }
#define CK_PLUS(x, y) ((x) + (y))
#define CK_LARGER(x, y) ((x) != (x) ? (x) : (y) != (y) ? (y) : (x) < (y) ? (y) : (x))
CK_REDUCE(sum, f32, float, ck_f32x16, 16, CK_PLUS, CK_PLUS, 0)
CK_REDUCE(sum, f64, double, ck_f64x8, 8, CK_PLUS, CK_PLUS, 0)
CK_REDUCE(sum, i32, int32_t, ck_i32x16, 16, CK_PLUS, CK_PLUS, 0)
CK_REDUCE(sum, i64, int64_t, ck_i64x8, 8, CK_PLUS, CK_PLUS, 0)
CK_REDUCE(largest, f32, float, ck_f32x16, 16, maximum_f32, CK_LARGER, -INFINITY)
CK_REDUCE(largest, f64, double, ck_f64x8, 8, maximum_f64, CK_LARGER, -INFINITY)
CK_REDUCE(largest, i32, int32_t, ck_i32x16, 16, maximum_i32, CK_LARGER, INT32_MIN)
CK_REDUCE(largest, i64, int64_t, ck_i64x8, 8, maximum_i64, CK_LARGER, INT64_MIN)

#define CK_DOT(suffix, type, vector, lanes)                                                        \
  static type dot_##suffix(const type *x, const type *y, int64_t count) {                          \
    vector a = (vector)(type)0, b = a, c = a, d = a;                                               \
    int64_t i = 0;                                                                                 \
    for (; i + 4 * lanes <= count; i += 4 * lanes) {                                               \
      a += ck_load_##suffix(x + i) * ck_load_##suffix(y + i);                                      \
      b += ck_load_##suffix(x + i + lanes) * ck_load_##suffix(y + i + lanes);                      \
      c += ck_load_##suffix(x + i + 2 * lanes) * ck_load_##suffix(y + i + 2 * lanes);              \
      d += ck_load_##suffix(x + i + 3 * lanes) * ck_load_##suffix(y + i + 3 * lanes);              \
    }                                                                                              \
    for (; i + lanes <= count; i += lanes)                                                         \
      a += ck_load_##suffix(x + i) * ck_load_##suffix(y + i);                                      \
    a = (a + b) + (c + d);                                                                         \
    type total = 0;                                                                                \
    for (int lane = 0; lane < lanes; lane++) total += a[lane];                                     \
    for (; i < count; i++) total += x[i] * y[i];                                                   \
    return total;                                                                                  \
  }
CK_DOT(f32, float, ck_f32x16, 16)
CK_DOT(f64, double, ck_f64x8, 8)

static ck_accumulator identity(const ck_sink *sink) {
  bool is_real = sink->type == CK_F32 || sink->type == CK_F64;
  if (sink->reduction == CK_SUM)
    return is_real ? (ck_accumulator){.real = 0} : (ck_accumulator){.integer = 0};
  if (is_real) return (ck_accumulator){.real = -INFINITY};
  return (ck_accumulator){.integer = sink->type == CK_I32 ? INT32_MIN : INT64_MIN};
}

static ck_accumulator combine(const ck_sink *sink, ck_accumulator x, ck_accumulator y) {
  if (sink->type == CK_F32 || sink->type == CK_F64) {
    double real = sink->reduction == CK_SUM ? x.real + y.real : CK_LARGER(x.real, y.real);
    return (ck_accumulator){.real = real};
  }
  int64_t integer =
      sink->reduction == CK_SUM ? x.integer + y.integer : CK_LARGER(x.integer, y.integer);
  return (ck_accumulator){.integer = integer};
}

// Reduces `count` elements from byte `offset` of the sink's operand on.
static ck_accumulator reduce_run(
    const ck_sink *sink, char *const *addresses, int64_t offset, int64_t count) {
  bool sums = sink->reduction == CK_SUM;
  const void *x = addresses[sink->operand] + offset;
  if (sink->second >= 0) {
    const void *y = addresses[sink->second] + offset;
    return (ck_accumulator){
        .real = sink->type == CK_F32 ? dot_f32(x, y, count) : dot_f64(x, y, count)};
  }
  switch (sink->type) {
    case CK_F32: return (ck_accumulator){.real = (sums ? sum_f32 : largest_f32)(x, count)};
    case CK_F64: return (ck_accumulator){.real = (sums ? sum_f64 : largest_f64)(x, count)};
    case CK_I32: return (ck_accumulator){.integer = (sums ? sum_i32 : largest_i32)(x, count)};
    default: return (ck_accumulator){.integer = (sums ? sum_i64 : largest_i64)(x, count)};
  }
}

static void store_accumulator(const ck_sink *sink, char *result, int64_t at, ck_accumulator value) {
  switch (sink->type) {
    case CK_F32: ((float *)result)[at] = (float)value.real; break;
    case CK_F64: ((double *)result)[at] = value.real; break;
    case CK_I32: ((int32_t *)result)[at] = (int32_t)value.integer; break;
    default: ((int64_t *)result)[at] = value.integer;
  }
}

static void fill_identity(const ck_sink *sink, char *result, int64_t count) {
  ck_accumulator value = identity(sink);
  for (int64_t i = 0; i < count; i++) store_accumulator(sink, result, i, value);
}

// Combines `rows` rows of `width` elements, one after the other, into one row.
static void reduce_rows(
    const ck_sink *sink, char *result, const char *values, int64_t rows, int64_t width) {
  ck_function function =
      binary_functions[sink->reduction == CK_SUM ? CK_ADD : CK_BINARY_MAXIMUM][sink->type][0];
  int64_t row_bytes = width * element_size(sink->type);
  for (int64_t row = 0; row < rows; row++)
    function(width, result, result, values + row * row_bytes, NULL);
}

// MARK: Program

// Runs the program on elements start ..< start + count, at most a block. `local` has the elements that
// another kernel computed.
CK_INLINE void run_block(
    const ck_fused *program, char *const *buffers, char **addresses, char *scratch, char *local,
    int64_t start, int64_t count) {
  for (int32_t i = 0; i < program->operand_count; i++) {
    const ck_operand *operand = &program->operands[i];
    if (operand->buffer >= 0)
      addresses[i] = buffers[operand->buffer] + start * operand->step;
    else if (operand->buffer == CK_REGISTER)
      addresses[i] = scratch + operand->offset;
    else if (operand->buffer == CK_CONSTANT)
      addresses[i] = (char *)program->constants + operand->offset;
    else if (operand->buffer == CK_LOCAL)
      addresses[i] = local;
    else {
      const ck_view *view = &program->views[operand->offset];
      int64_t index[CK_MAXIMUM_RANK];
      addresses[i] =
          buffers[view->buffer] + locate(view, start, index) * element_size(view->type);
    }
  }
  for (int32_t i = 0; i < program->instruction_count; i++) {
    const ck_instruction *instruction = &program->instructions[i];
    if (instruction->function)
      instruction->function(
          count, addresses[instruction->result], addresses[instruction->first],
          addresses[instruction->second], addresses[instruction->third]);
    else
      read_view(
          program, &program->views[instruction->first], buffers, start, count,
          addresses[instruction->result]);
  }
}

// Reduced groups that fit a block, several to a block; or no reduction at all.
static void run_small_groups(
    const ck_fused *program, char *const *buffers, int64_t task, char *scratch) {
  char **addresses = (char **)scratch;
  const int64_t group = program->reduced * program->inner;
  const int64_t groups_per_block = program->block / group;
  int64_t first = task * program->outer_per_task;
  int64_t last = first + program->outer_per_task;
  if (last > program->outer) last = program->outer;
  for (; first < last; first += groups_per_block) {
    int64_t groups = last - first < groups_per_block ? last - first : groups_per_block;
    run_block(program, buffers, addresses, scratch, NULL, first * group, groups * group);
    for (int32_t s = 0; s < program->sink_count; s++) {
      const ck_sink *sink = &program->sinks[s];
      const int64_t size = element_size(sink->type);
      const char *values = addresses[sink->operand];
      char *result = buffers[sink->buffer];
      for (int64_t g = 0; g < groups; g++) {
        if (program->inner == 1) {
          store_accumulator(
              sink, result, first + g, reduce_run(sink, addresses, g * group * size, group));
        } else {
          char *row = result + (first + g) * program->inner * size;
          fill_identity(sink, row, program->inner);
          reduce_rows(sink, row, values + g * group * size, program->reduced, program->inner);
        }
      }
    }
  }
}

#define CK_MAXIMUM_SINKS 8

// One piece of one large group: rows of a chunk, columns of a segment of at most a block.
static void run_chunk(const ck_fused *program, char *const *buffers, int64_t task, char *scratch) {
  char **addresses = (char **)scratch;
  const int64_t inner = program->inner;
  const int64_t block = program->block;
  const int64_t segments = (inner + block - 1) / block;
  const int64_t segment = task % segments;
  const int64_t piece = task / segments;  // outer * chunks + chunk
  const int64_t chunk = piece % program->chunks, outer = piece / program->chunks;
  const int64_t column = segment * block;
  const int64_t width = inner - column < block ? inner - column : block;
  const int64_t rows_per_block = width == inner ? block / inner : 1;
  int64_t row = chunk * program->chunk_rows;
  int64_t last = row + program->chunk_rows;
  if (last > program->reduced) last = program->reduced;

  ck_accumulator accumulators[CK_MAXIMUM_SINKS];
  char *results[CK_MAXIMUM_SINKS];
  for (int32_t s = 0; s < program->sink_count; s++) {
    const ck_sink *sink = &program->sinks[s];
    const int64_t size = inner == 1 && program->chunks > 1 ? 8 : element_size(sink->type);
    results[s] = buffers[program->chunks > 1 ? sink->partials : sink->buffer]
        + (piece * inner + column) * size;
    accumulators[s] = identity(sink);
    if (inner > 1) fill_identity(sink, results[s], width);
  }
  for (; row < last; row += rows_per_block) {
    int64_t rows = last - row < rows_per_block ? last - row : rows_per_block;
    int64_t start = (outer * program->reduced + row) * inner + column;
    run_block(program, buffers, addresses, scratch, NULL, start, rows * width);
    for (int32_t s = 0; s < program->sink_count; s++) {
      const ck_sink *sink = &program->sinks[s];
      const char *values = addresses[sink->operand];
      if (inner == 1)
        accumulators[s] =
            combine(sink, accumulators[s], reduce_run(sink, addresses, 0, rows));
      else
        reduce_rows(sink, results[s], values, rows, width);
    }
  }
  if (inner > 1) return;
  for (int32_t s = 0; s < program->sink_count; s++) {
    if (program->chunks > 1)
      *(ck_accumulator *)results[s] = accumulators[s];
    else
      store_accumulator(&program->sinks[s], results[s], 0, accumulators[s]);
  }
}

static void fused_task(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  const ck_fused *program = parameters;
  if (program->reduced * program->inner <= program->block)
    run_small_groups(program, buffers, task, scratch);
  else
    run_chunk(program, buffers, task, scratch);
}

// Adds up the partial results of the chunks, in order.
static void fused_finish(
    const void *parameters, char *const *buffers, int64_t task, char *scratch) {
  (void)task, (void)scratch;
  const ck_fused *program = parameters;
  const int64_t inner = program->inner, chunks = program->chunks;
  for (int32_t s = 0; s < program->sink_count; s++) {
    const ck_sink *sink = &program->sinks[s];
    const int64_t size = element_size(sink->type);
    const char *partials = buffers[sink->partials];
    for (int64_t outer = 0; outer < program->outer; outer++) {
      if (inner == 1) {
        const ck_accumulator *values = (const ck_accumulator *)partials + outer * chunks;
        ck_accumulator total = values[0];
        for (int64_t c = 1; c < chunks; c++) total = combine(sink, total, values[c]);
        store_accumulator(sink, buffers[sink->buffer], outer, total);
      } else {
        char *row = buffers[sink->buffer] + outer * inner * size;
        memcpy(row, partials + outer * chunks * inner * size, (size_t)(inner * size));
        reduce_rows(
            sink, row, partials + (outer * chunks + 1) * inner * size, chunks - 1, inner);
      }
    }
  }
}
