// The parts of KERNEL_PRODUCT: product.c has the kernel, product_drive.c the loops over blocks and tiles,
// product_micro.c the register tiles, product_pack.c the copying of plain rows of A and B, product_runs.c that of
// rows at several distances, product_epilogue.c the body over a tile's sums.
//
// Each part is a function of its own in the module. All but the body are named after everything they depend
// on and written once in a module, however many products it holds: register tiles take most of the time of
// compiling.
#ifndef RNNC_CODEGEN_PRODUCT_H
#define RNNC_CODEGEN_PRODUCT_H

#include "codegen/frame.h"

// A panel as helpers see it. The last one of a product may use fewer columns than the others, and so fewer
// vectors.
typedef struct product_panel {
    frame *f;
    product_tiling tiling;
    LLVMTypeRef element;
    int gates;
    int columns; // of each gate in use
    bool any; // for all panels: the columns in use, at most |columns|, follow from the panel's first column
    unsigned lanes;   // of its vectors
    unsigned vectors; // of each gate in use
    int max_rows;     // of a register tile
} product_panel;

// Elements from one inner index to the next in a panel, and from one row of partial sums to the next.
static inline int64_t product_width(const product_panel *p) {
    return (int64_t)p->gates * p->tiling.unit_columns;
}

// A panel of the kernel |f->k| with |columns| columns of each gate in use.
product_panel product_describe(frame *f, int columns);

// The function (args, ints, scratch, rows, inner, columns, whole, last, begin, end) that does the units
// [begin, end) of a product with |rows| rows: |inner|: rows of a packed panel; |columns|: of a gate of B;
// |last| and |whole|: what product_epilogue made for the last panel and for the others.
enum { PRODUCT_DRIVE_ARGS = 10 };
LLVMValueRef product_drive(frame *f);

// A function (a, a_stride, b, length, sums): for |rows| rows of A and the panel's columns, chains of
// multiply-adds over |length| > 0 inner indices. |a_stride|: elements from row to row, or, if A is
// transposed, from inner index to inner index; along the other way it is 1.
LLVMValueRef product_micro(const product_panel *p, int rows);
// Functions (sums, parts, rows) and (sums, rows), rows > 0: adds a tile's parts to its sums; sets sums to 0.
LLVMValueRef product_add(const product_panel *p);
LLVMValueRef product_zero(const product_panel *p);

// A function (b, b_stride, length, panel, column, columns): copies |length| > 0 rows of B's columns of the
// panel, which are at |b| and of which |column| is the first, padded with zeros. |columns|: of a gate of B.
LLVMValueRef product_pack(const product_panel *p);

// A function (a, a_stride, length, block, rows): copies |length| > 0 rows of |rows| > 0 elements of a
// transposed A to |block|, where they are tiling.row_block elements apart.
LLVMValueRef product_gather(const product_panel *p);

// A function (array, ints, from, length, block, …): calls product_pack or product_gather, with what they have behind the
// block, for the inner indices [from, from + length), wherever their rows lie. |array|: where those of index 0 do.
LLVMValueRef product_copy_b(const product_panel *p);
LLVMValueRef product_copy_a(const product_panel *p);

// A function (args, ints, row, rows, column, sums): the body for |rows| > 0 rows from |row| on and the
// panel's columns from |column| on.
LLVMValueRef product_epilogue(const product_panel *p);

#endif
