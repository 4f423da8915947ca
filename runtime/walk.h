// Going through the rows of an array by strides, or of two arrays side by side, whose rows lie in different ways.
#ifndef RNNC_RUNTIME_WALK_H
#define RNNC_RUNTIME_WALK_H

#include "ir/type.h"

enum { WALK_MOST = MAX_AXES + 1 };

// Dimensions from the outermost on. |at| is where the row of now begins in either array, in elements; the first row is
// that of all zeros.
typedef struct walk_rows {
    int count;
    int64_t extent[WALK_MOST], index[WALK_MOST], stride[2][WALK_MOST], at[2];
} walk_rows;

// Strides are distances in elements.
void walk_add(walk_rows *w, int64_t extent, int64_t first_stride, int64_t second_stride);
// To the next row; false behind the last one, when all is as it was at the first.
bool walk_next(walk_rows *w);

// A walk through the rows of values over |axes|, in the order of memory (docs/ir.md); strides by axis.
walk_rows walk_value(axis_set axes, const int64_t *extents, const int64_t *first, const int64_t *second);
// The strides of a dense array of rows of |columns| elements, for the |axes| that it has; 0 for the others.
void walk_dense(axis_set axes, const int64_t *extents, int64_t columns, int64_t *out_strides);

#endif
