// What only codegen/ must know of passes/tiling.c beyond kernel.h.
#ifndef RNNC_PASSES_TILING_H
#define RNNC_PASSES_TILING_H

#include "passes/kernel.h"

// Elements of the vectors that hold |unit_columns| columns without a rest: the widest that do. Fewer than a
// register has where there are few columns, or where the panels are laid out for narrower registers.
int32_t product_lanes(target_shape shape, dtype elem, int32_t unit_columns);
// Rows of a register tile that is |vectors| vectors of all gates wide.
int32_t product_tile_rows(target_shape shape, int32_t vectors);
// Panels that are done side by side, block of inner indices by block, when there are several blocks.
enum { PRODUCT_PANEL_GROUP = 4 };

// Bytes of a PRODUCT's partial sums at the begin of its scratch: those of a row block and each panel of a
// group, then those of one tile in one block of inner indices. Behind them are, where B is not packed, a
// block of it in a panel, and where A is transposed, a block of it.
int64_t product_sums_bytes(const kernel_desc *k, product_tiling t);
int64_t product_panel_bytes(const kernel_desc *k, product_tiling t);

#endif
