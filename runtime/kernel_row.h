// The body of a kernel for one row: the instructions one by one, in double precision, each result rounded to
// the instruction's element type. Used by kernel_interpret.c alone.
#ifndef RNNC_RUNTIME_KERNEL_ROW_H
#define RNNC_RUNTIME_KERNEL_ROW_H

#include "passes/kernel.h"

typedef struct kernel_row {
    const kernel_desc *k;
    void *const *args;
    const int64_t *ints;
    int64_t index[KERNEL_MAX_DIMS];  // the row
    int32_t unit_columns;            // of the panels of a PRODUCT's packed B
    double value[KERNEL_MAX_INSTRS]; // ONE values of the row; FULL values of the column looked at last
} kernel_row;

// Element |i| of |data| as a double, and the other way: rounded; out of i32's range: the nearest end; NaN: 0.
double element_get(const void *data, dtype elem, int64_t i);
void element_set(void *data, dtype elem, int64_t i, double value);
double element_round(dtype elem, double value);

// Whether |value| takes the place of the largest so far: if it is greater, or the first NaN.
bool element_exceeds(double value, double most);

// The number of argument |arg|'s element |element| of the row, counted from the argument's first row.
int64_t row_element(const kernel_row *r, int arg, int64_t element);

// Computes the row's ONE values; stores nothing.
void row_compute_ones(kernel_row *r);
// Computes the FULL values of instructions 0 … |last| at column |c|; the ONE values must be there.
void row_compute_column(kernel_row *r, int64_t c, int last);
// Performs the FULL stores of column |c|, computed before, or the row's ONE stores.
void row_store_column(kernel_row *r, int64_t c);
void row_store_ones(kernel_row *r);

#endif
