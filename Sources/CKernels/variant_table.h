// Included by each variant_*.c, once, after it has set its target: defines CK_VARIANT_NAME.

#include "vector.h"
#include "functions_f32.h"
#include "functions_f64.h"
#include "elementwise.h"
#include "fused.h"
#include "epilogue.h"
#include "transpose.h"
#include "contractions.h"

const ck_variant CK_VARIANT_NAME = {
    .unary = unary_functions,
    .binary = binary_functions,
    .compare = compare_functions,
    .select = select_functions,
    .convert = convert_functions,
    .fused = fused_task,
    .fused_finish = fused_finish,
    .matmul = matmul_task,
    .blocks = blocks_task,
    .matvec = matvec_task,
    .planes = planes_task,
    .panels = panels_task,
    .position_vectors = position_vectors_task,
    .convolution = convolutions_task,
    .weight_gradient = weight_gradient_task,
    .weight_product = weight_product_task,
    .weight_product_finish = weight_product_finish,
};
