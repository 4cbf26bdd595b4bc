// Elementwise programs at the end of a contraction: they read its result while it is in the cache, and
// it need not be stored at all. Sums over all elements are left as one partial result per task.

typedef struct {
  ck_accumulator sums[CK_MAXIMUM_SINKS];
} ck_epilogue_state;

CK_INLINE void begin_epilogue(const ck_fused *program, ck_epilogue_state *state) {
  for (int32_t s = 0; s < program->sink_count; s++) state->sums[s] = identity(&program->sinks[s]);
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
