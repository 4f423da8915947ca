// What calls of kernels take, roughly: to tell those that are worth sharing out among threads from others.
#ifndef RNNC_PASSES_COST_H
#define RNNC_PASSES_COST_H

#include "passes/kernel.h"

// Nanoseconds of one core for a call over |rows| rows, all row dimensions multiplied, with |inner| indices of the sum in
// a product: fixed + rows * per_row + inner * (per_inner + rows * per_inner_row).
typedef struct kernel_cost {
    double fixed, per_row, per_inner, per_inner_row;
} kernel_cost;

kernel_cost kernel_estimate_cost(const kernel_desc *k);

#endif
