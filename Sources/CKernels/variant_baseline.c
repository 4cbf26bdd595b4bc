// The instructions that every processor of the architecture has.
#include "variant.h"
#define CK_VARIANT_NAME ck_variant_baseline
#if defined(__aarch64__)
#define CK_ACCUMULATORS 6
#define CK_DOT_ROWS 2
#else
#define CK_ACCUMULATORS 3
#define CK_DOT_ROWS 1
#endif
#include "variant_table.h"
