// What only codegen/ must know of passes/tiling.c beyond kernel.h.
#ifndef RNNC_PASSES_TILING_H
#define RNNC_PASSES_TILING_H

#include "passes/kernel.h"

// Rows of a register tile over a panel of which |panel_columns| columns of each gate are in use.
int32_t product_tile_rows(target_shape shape, dtype elem, int32_t gates, int32_t panel_columns);
// Bytes of a PRODUCT's partial sums at the begin of its scratch: those of a row block, then those of one tile in one
// block of inner indices. Behind them is the packed block of B.
int64_t product_sums_bytes(const kernel_desc *k, product_tiling t);

#endif
