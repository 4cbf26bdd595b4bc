// The instructions that every processor of the architecture has.
#include "variant.h"
#define CK_VARIANT_NAME ck_variant_baseline
#if defined(__aarch64__)
#define CK_TILE_ROWS 3
#else
#define CK_TILE_ROWS 1
#endif
#include "variant_table.h"
