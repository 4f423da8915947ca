// The parts of KERNEL_PRODUCT: product.c has the loops over blocks and tiles, product_micro.c the register tiles,
// product_pack.c the copying of plain rows of B into a panel, product_epilogue.c the body over a tile's sums.
#ifndef RNNC_CODEGEN_PRODUCT_H
#define RNNC_CODEGEN_PRODUCT_H

#include "codegen/frame.h"

// A panel as it is computed. The last one of a product may use fewer columns, and then fewer vectors.
typedef struct product_panel {
    frame *f;
    product_tiling tiling;
    LLVMTypeRef element;
    int gates;
    int columns;      // of each gate in use
    unsigned lanes;   // of its vectors
    unsigned vectors; // of each gate in use
    int max_rows;     // of a register tile
} product_panel;

// Elements from one inner index to the next in a panel, and from one row of partial sums to the next.
static inline int64_t product_width(const product_panel *p) { return (int64_t)p->gates * p->tiling.unit_columns; }

// A helper (a, a_stride, b, length, sums, add): for |rows| rows of A and the panel's columns, chains of multiply-adds
// over |length| inner indices, stored in |sums| or, if |add| is not 0, added to what is there. |a_stride|: elements
// from row to row, or, if A is transposed, from inner index to inner index; along the other way it is 1.
LLVMValueRef product_micro(product_panel *p, int rows);

// A helper (b, b_stride, length, panel): copies |length| rows of B's columns of the panel, padded with zeros.
LLVMValueRef product_pack(product_panel *p);

// A helper (args, ints, row, rows, column, sums): the body for |rows| rows from |row| on and the panel's columns from
// |column| on.
LLVMValueRef product_epilogue(product_panel *p);

#endif
