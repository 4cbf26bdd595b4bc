// Elementwise programs at the end of a contraction: they read its result while it is in the cache, and
// it need not be stored at all. Sums over all elements are left as one partial result per task.

#define CK_MAXIMUM_FETCHES 4

typedef struct {
  ck_accumulator sums[CK_MAXIMUM_SINKS];
  // What the program reads and writes element by element, and the bytes of an element.
  const char *fetched[CK_MAXIMUM_FETCHES];
  int64_t sizes[CK_MAXIMUM_FETCHES];
  int fetch_count;
} ck_epilogue_state;

static void begin_epilogue(
    const ck_fused *program, char *const *buffers, ck_epilogue_state *state) {
  for (int32_t s = 0; s < program->sink_count; s++) state->sums[s] = identity(&program->sinks[s]);
  state->fetch_count = 0;
  for (int32_t i = 0; i < program->operand_count; i++) {
    const ck_operand *operand = &program->operands[i];
    if (operand->buffer < 0 || operand->step == 0 || state->fetch_count == CK_MAXIMUM_FETCHES)
      continue;
    state->fetched[state->fetch_count] = buffers[operand->buffer];
    state->sizes[state->fetch_count++] = operand->step;
  }
}

// Asks for what the program will read and write for elements start ..< start + count, so that it
// arrives from memory while the product is computed. (Asking beyond the end of a buffer is harmless.)
CK_INLINE void fetch_for_epilogue(const ck_epilogue_state *state, int64_t start, int64_t count) {
  for (int i = 0; i < state->fetch_count; i++) {
    const char *first = state->fetched[i] + start * state->sizes[i];
    for (int64_t byte = 0; byte < count * state->sizes[i]; byte += 64)
      __builtin_prefetch(first + byte);
  }
}

// Runs the program on elements start ..< start + count, at most a block, which are at `local`.
static void run_epilogue(
    const ck_fused *program, char *const *buffers, char *scratch, char *local, int64_t start,
    int64_t count, ck_epilogue_state *state) {
  char **addresses = (char **)scratch;
  run_block(program, buffers, addresses, scratch, local, start, count);
  for (int32_t s = 0; s < program->sink_count; s++) {
    const ck_sink *sink = &program->sinks[s];
    state->sums[s] = combine(sink, state->sums[s], reduce_run(sink, addresses, 0, count));
  }
}

CK_INLINE void end_epilogue(
    const ck_fused *program, char *const *buffers, int64_t task, const ck_epilogue_state *state) {
  for (int32_t s = 0; s < program->sink_count; s++)
    ((ck_accumulator *)buffers[program->sinks[s].partials])[task] = state->sums[s];
}
