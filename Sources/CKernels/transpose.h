// Transpositions of square blocks in registers: blocks off the diagonal are swapped, halves of the
// square first, single elements last.

// For every two rows a block apart: which lanes of both make the first and the second one.
#define CK_SWAP_BLOCKS(count, block, first_lanes, second_lanes)                                    \
  _Pragma("clang loop unroll(full)")                                                               \
  for (int i = 0; i < count; i++) {                                                                \
    if (i & block) continue;                                                                       \
    __typeof__(v[0]) a = v[i], b = v[i + block];                                                   \
    v[i] = __builtin_shufflevector(a, b, CK_LIST first_lanes);                                     \
    v[i + block] = __builtin_shufflevector(a, b, CK_LIST second_lanes);                            \
  }
#define CK_LIST(...) __VA_ARGS__

CK_INLINE void ck_transpose_f32(ck_f32x16 *v) {
  CK_SWAP_BLOCKS(16, 8, (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                 (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
  CK_SWAP_BLOCKS(16, 4, (0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                 (4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  CK_SWAP_BLOCKS(16, 2, (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                 (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  CK_SWAP_BLOCKS(16, 1, (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                 (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
}

CK_INLINE void ck_transpose_f64(ck_f64x8 *v) {
  CK_SWAP_BLOCKS(8, 4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
  CK_SWAP_BLOCKS(8, 2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
  CK_SWAP_BLOCKS(8, 1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
}

#undef CK_SWAP_BLOCKS
#undef CK_LIST
