// Kernels of the CPU backend: elementwise programs, reductions, contractions, data movement, and the
// executor that runs a planned list of them on a few threads.
//
// Every kernel is a `ck_task`: a pure function of its parameters (fixed when the plan is made), the
// table of buffers, and the number of the task (a fixed share of the kernel's work). Tasks of one
// kernel may run at the same time; results never depend on how many threads there are.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Element types, in the order of TensorGraph's `DType`. A bool is one byte, 0 or 1.
typedef enum { CK_F32, CK_F64, CK_I32, CK_I64, CK_BOOL, CK_TYPE_COUNT } ck_type;

#define CK_MAXIMUM_RANK 12

// Kernels compiled for one set of vector instructions.
typedef struct ck_variant ck_variant;
typedef enum { CK_BASELINE, CK_AVX2, CK_AVX512 } ck_instruction_set;

// The variant for an instruction set; NULL when this processor lacks it.
const ck_variant *ck_find_variant(ck_instruction_set set);
// The fastest variant for this processor.
const ck_variant *ck_best_variant(void);

// MARK: Executor

typedef void (*ck_task)(
    const void *parameters, char *const *buffers, int64_t task, char *scratch);

// One kernel of a plan. `finish`, when there is one, runs after all tasks, on one thread.
typedef struct {
  ck_task task;
  ck_task finish;
  const void *parameters;
  int64_t task_count;
} ck_step;

typedef struct ck_executor ck_executor;

// An executor for `steps`, which must outlive it. Threads are started by the first run that can use
// them, wait a short while between runs by spinning, then sleep. `scratch` holds `thread_count` areas
// of `scratch_stride` bytes. NULL when memory is short.
ck_executor *ck_executor_create(
    const ck_step *steps, int64_t step_count, char *const *buffers, char *scratch,
    int64_t scratch_stride, int32_t thread_count);

// Runs steps first ..< last in order. When `seconds` is not NULL, lowers each step's entry to its time.
void ck_executor_run(ck_executor *executor, int64_t first, int64_t last, double *seconds);

// Processors that this process may run on.
int32_t ck_processor_count(void);

// Stops and joins the threads.
void ck_executor_destroy(ck_executor *executor);

// MARK: Elementwise programs

// Most elements a program processes at a time, so that its registers stay in the first-level cache.
#define CK_BLOCK 1024

typedef enum {
  CK_NEGATE, CK_ABSOLUTE, CK_SIGN, CK_FLOOR, CK_EXP, CK_LOG, CK_LOG1P, CK_SQRT, CK_RSQRT, CK_SIN,
  CK_COS, CK_TANH, CK_SIGMOID, CK_ERF, CK_NOT, CK_UNARY_COUNT
} ck_unary;

typedef enum {
  CK_ADD, CK_SUBTRACT, CK_MULTIPLY, CK_DIVIDE, CK_POWER, CK_BINARY_MAXIMUM, CK_BINARY_MINIMUM,
  CK_AND, CK_OR, CK_BINARY_COUNT
} ck_binary;

typedef enum { CK_LESS, CK_LESS_OR_EQUAL, CK_EQUAL, CK_COMPARISON_COUNT } ck_comparison;

// Applies one operator to `count` elements. Operands may be the result's memory exactly.
typedef void (*ck_function)(
    int64_t count, void *result, const void *first, const void *second, const void *third);

// The functions of one operator; NULL where the operator is not defined on the type. Of the two
// operands of `binary` and `compare`, and of the two values of `select`, one may be a single element
// that is repeated.
ck_function ck_unary_function(const ck_variant *variant, ck_unary op, ck_type type);
ck_function ck_binary_function(
    const ck_variant *variant, ck_binary op, ck_type type, bool first_repeats, bool second_repeats);
ck_function ck_compare_function(
    const ck_variant *variant, ck_comparison op, ck_type type, bool first_repeats,
    bool second_repeats);
ck_function ck_select_function(
    const ck_variant *variant, ck_type type, bool true_repeats, bool false_repeats);
ck_function ck_convert_function(const ck_variant *variant, ck_type from, ck_type to);

// Where an operand lives. In memory (`buffer` >= 0): at `buffer`, advancing `step` bytes per element.
// Otherwise a register at byte `offset` of the scratch area (CK_REGISTER), a repeated constant at byte
// `offset` of the program's constants (CK_CONSTANT), or where view number `offset` has the block's first
// element (CK_VIEW; blocks then never cross the view's last axis).
// CK_LOCAL: what the kernel that the program ends has just computed.
enum { CK_REGISTER = -1, CK_CONSTANT = -2, CK_VIEW = -3, CK_LOCAL = -4 };
typedef struct {
  int32_t buffer;
  int32_t step;
  int64_t offset;
} ck_operand;

// A strided view that is gathered into a register: a broadcast of the memory at `buffer`, or, when
// `buffer` is CK_CONSTANT, of the constant at byte `offset`, or, with `iota`, of 0, 1, 2, ...
typedef struct {
  int32_t buffer;
  int32_t rank;
  int64_t offset;
  ck_type type;
  bool iota;
  int64_t extents[CK_MAXIMUM_RANK];
  int64_t strides[CK_MAXIMUM_RANK];
} ck_view;

// `function` applied to operands, or, when it is NULL, view number `first` read into `result`.
typedef struct {
  ck_function function;
  int32_t result, first, second, third;
} ck_instruction;

typedef enum { CK_SUM, CK_MAXIMUM } ck_reduction;

// A reduction of an operand of the program (with `second` >= 0: of its product with that operand), seen
// as [outer, reduced, inner], to `buffer` [outer, inner]; `partials` is a buffer of [outer, chunks, inner] when the reduced axis is split.
typedef struct {
  ck_reduction reduction;
  ck_type type;
  int32_t operand, second;
  int32_t buffer;
  int32_t partials;
} ck_sink;

typedef struct {
  int64_t count;
  // Elements of a block, at most CK_BLOCK.
  int64_t block;
  // The shape all sinks see; count == outer * reduced * inner. Without sinks: outer = count, 1, 1.
  int64_t outer, reduced, inner;
  // Number of pieces the reduced axis is split into, and rows of each (the last may be shorter).
  int64_t chunks, chunk_rows;
  // Groups of the outer axis per task, when a group fits a block; elements per task without sinks.
  int64_t outer_per_task;
  int32_t operand_count, instruction_count, sink_count;
  const ck_operand *operands;
  const ck_instruction *instructions;
  const ck_view *views;
  const ck_sink *sinks;
  const char *constants;
} ck_fused;

// MARK: Contractions

// Rows of a packed panel: packed matrices are [ceil(rows / CK_PANEL)][k][CK_PANEL].
#define CK_PANEL 12

// Extents of the blocks of a right operand that products pack at a time.
#define CK_BLOCK_K 256
#define CK_BLOCK_COLUMNS 512

// [batch, m, k] x [batch, k, n] -> [batch, m, n]; element (i, j) of an operand is at
// i * row_stride + j * column_stride, and one of the two strides is 1. With `left_packed` the left
// operand is panels [batch] as ck_panels makes them, with `right_packed` the right one is blocks as
// ck_blocks makes them.
typedef struct {
  ck_type type;
  int32_t left, right, result;
  bool left_packed, right_packed;
  int64_t batch, m, n, k;
  int64_t left_row, left_column, right_row, right_column;
  int64_t rows_per_task, columns_per_task;
} ck_matmul;

// Packs the right operand of products into the blocks that the kernel would pack for itself.
typedef struct {
  ck_type type;
  int32_t source, result;
  int64_t batch, k, n, row_stride, column_stride;
} ck_blocks;

// Elements of one packed matrix [k, n], and the tasks that pack it.
int64_t ck_block_elements(ck_type type, int64_t k, int64_t n);
int64_t ck_block_tasks(int64_t k);

// Scratch bytes of any of the contractions.
int64_t ck_contraction_scratch(void);

// A matrix times a vector: result[i] = sum over j of matrix[i * stride + j] * vector[j], or, when
// `transposed`, result[j] = sum over i of matrix[i * stride + j] * vector[i].
typedef struct {
  ck_type type;
  bool transposed;
  int32_t matrix, vector, result;
  int64_t batch, rows, columns;
  int64_t results_per_task;
} ck_matvec;

// Images cut into zero-padded planes, one for each phase of a strided sampling: row r, column c of
// plane p is source row row_origins[p] + r * row_step, column column_origins[p] + c * column_step, or
// zero outside. In the result every position of a kernel window is then a fixed shift.
typedef struct {
  ck_type type;
  int32_t source, result;
  int64_t images, height, width;
  int64_t phases, row_step, column_step;
  const int64_t *row_origins, *column_origins;
  int64_t rows, columns, plane_stride;
  // Zeros after the last plane, for the vectors that reach beyond it.
  int64_t slack;
  int64_t images_per_task;
} ck_planes;

// Packs a weight: element (row, k) of group g is at g * group_stride + row * row_stride + offsets[k],
// where offsets ascend. A task is a share of k of one group.
typedef struct {
  ck_type type;
  int32_t source, result;
  int64_t groups, rows, k, group_stride, row_stride;
  const int64_t *offsets;
  int64_t k_per_task;
} ck_panels;

// Positions of a window over planes, as vectors: vector v has `pieces` (1, 2 or 4) equal parts, which
// start bases[v], bases[v] + piece_step, ... after the window's first position.
typedef struct {
  int64_t count;
  const int64_t *bases;
  int64_t pieces, piece_step;
} ck_positions;

// Lanes of a vector of positions that are kept: `count` from `lane` on become `width` elements from
// `result` on. (More than `count` when the columns of several classes interleave.)
typedef struct {
  int32_t lane, count;
  int64_t width, result;
} ck_segment;

// The sum over k of panels[k, row] * planes[offsets[k] + position].
typedef struct {
  int32_t planes, panels;
  int64_t k;
  const int64_t *offsets;
  int64_t image_stride, group_stride;
} ck_term;

// For each image and group: result rows, each the sum of `term_count` terms at every position. With
// `class_count` > 1, as many such sums interleave along the columns of the result.
typedef struct {
  int32_t result;
  int64_t images, groups, rows;
  int64_t class_count, term_count;
  const ck_term *terms;  // [class_count][term_count]
  ck_positions positions;
  const int32_t *first_segments;  // of each vector; one more at the end
  const ck_segment *segments;
  int64_t result_origin, result_image, result_group, result_channel;
  // A task is a share of the vectors of all images, and of the panels, of one group.
  int64_t vectors_per_task, vector_tasks, panels_per_task, panel_tasks;
} ck_convolution;

// Convolutions that run as one step: part i has the tasks first_task[i] ..< first_task[i + 1].
typedef struct {
  ck_type type;
  int32_t count;
  const ck_convolution *parts;
  const int64_t *first_task;
} ck_convolutions;

#define CK_MAXIMUM_CLASSES 8

// [matrices, positions] -> [matrices, vectors, lanes]: positions arranged as ck_positions has them,
// zeros in the lanes that no segment keeps.
typedef struct {
  ck_type type;
  int32_t source, result;
  int64_t matrices, positions, vectors;
  const int32_t *first_segments;
  const ck_segment *segments;
} ck_position_vectors;

// Lanes of a vector of positions.
int64_t ck_vector_length(ck_type type);

// result[channel, k] = sum over images and positions of planes[offsets[k] + position] *
// cotangent[channel, position], with the cotangent as position vectors.
typedef struct {
  ck_type type;
  int32_t planes, cotangent, result;
  int64_t images, groups, channels, k;
  const int64_t *offsets;
  int64_t image_stride, group_stride;
  ck_positions positions;
  int64_t k_per_task, tasks_per_group;
} ck_weight_gradient;

// The same for few positions, with the cotangent as panels of rows [channel] and k [image, position].
// `epilogue`, when not NULL, is a program that takes the result, which is then not stored; its sums are
// over all elements. Its own scratch memory has `program_scratch` bytes.
typedef struct {
  ck_type type;
  int32_t planes, panels, result;
  int64_t images, groups, channels, k, image_positions;
  const int64_t *offsets;
  int64_t image_stride, group_stride;
  ck_positions positions;
  const int32_t *first_segments;
  const ck_segment *segments;
  int64_t k_per_task, tasks_per_group;
  const ck_fused *epilogue;
  int64_t program_scratch;
} ck_weight_product;

// The three convolutions by plain loops: for attributes that would make the planes huge, and as the
// reference of the fast kernels. One task.
typedef enum { CK_FORWARD, CK_INPUT_GRADIENT, CK_WEIGHT_GRADIENT } ck_direction;
typedef struct {
  ck_type type;
  ck_direction direction;
  int32_t input, weight, output;
  int64_t images, groups, input_channels, output_channels;
  int64_t height, width, kernel_height, kernel_width, output_height, output_width;
  int64_t stride_height, stride_width, dilation_height, dilation_width, top, left;
} ck_plain_convolution;

// MARK: Data movement

// Copies a strided block of elements; offsets and strides in elements. `fills` zeroes the result
// first (one task then); otherwise tasks split the first axis.
typedef struct {
  int32_t source, result;
  int32_t element_size, rank;
  int64_t source_offset, result_offset;
  int64_t extents[CK_MAXIMUM_RANK];
  int64_t source_strides[CK_MAXIMUM_RANK];
  int64_t result_strides[CK_MAXIMUM_RANK];
  int64_t fill_bytes;
  int64_t rows_per_task;
} ck_copy;

// (operand [batch, size, depth], indices [batch, count]) -> [batch, count, depth], or its transpose.
typedef struct {
  ck_type type, index_type;
  int32_t operand, indices, result;
  int64_t batch, size, count, depth;
} ck_indexing;

// [outer, extent, inner] -> [outer, inner]: index (i32) of the first largest.
typedef struct {
  ck_type type;
  int32_t operand, result;
  int64_t outer, extent, inner;
} ck_argmax;

typedef struct {
  ck_type type;
  int32_t operand, result;
  int64_t images, height, width, output_height, output_width;
  int64_t window_height, window_width, stride_height, stride_width;
  int64_t dilation_height, dilation_width, top, left;
} ck_window_argmax;

// MARK: Kernels

typedef enum {
  CK_FUSED, CK_FUSED_FINISH, CK_MATMUL, CK_BLOCKS, CK_MATVEC, CK_PLANES, CK_PANELS, CK_CONVOLUTION,
  CK_POSITION_VECTORS, CK_WEIGHT_GRADIENT_KERNEL, CK_WEIGHT_PRODUCT,
  CK_WEIGHT_PRODUCT_FINISH, CK_PLAIN_CONVOLUTION, CK_COPY, CK_GATHER,
  CK_SCATTER_ADD, CK_ARGMAX, CK_WINDOW_ARGMAX
} ck_kernel;

// The task that takes the parameters of the same name.
ck_task ck_kernel_task(const ck_variant *variant, ck_kernel kernel);

#endif
