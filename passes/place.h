// Where a program's arguments lie in a run of given extents: pure functions of a place, or a call, and the extents.
//
// The layout of an array, outermost first: the sequence and fixed axes by number, the batch, the columns.
#ifndef RNNC_PASSES_PLACE_H
#define RNNC_PASSES_PLACE_H

#include "passes/program.h"

// The product of the extents of |axes|; 1 for none. |extents|: one per axis of the program.
int64_t axes_extent(axis_set axes, const int64_t *extents);

// A number of a run that is known but for the extents: |factor| times those of |axes|. So one formula serves those who
// have extents and those who write code for any.
typedef struct extent_term {
    axis_set axes;
    int64_t factor;
} extent_term;

extent_term place_slot_term(const program_place *p);                      // bytes
int64_t place_slot_bytes(const program_place *p, const int64_t *extents); // 0 without a slot axis

// Whether |over| can be walked with one distance from index to index: the array has none of these axes or all, side by side,
// and its slot axis is not among them.
bool place_walks(const program_place *p, axis_set over, const int64_t *extents);

// The axis of the array that a call's rows go along when they run over |axis|; NO_AXIS: they stay where they are.
int place_axis(const program_place *p, int axis);
// Elements from index to index of |axis| of the array, if it lies as the comment above says.
int64_t place_axis_stride(const program_place *p, int axis, const int64_t *extents);

// Bytes behind the array's base (offset included) that no access of iterations 0 … |iterations| - 1 passes.
// Writes the first byte, which is negative if a slot before the array is read.
int64_t place_reach(const program_place *p, const int64_t *extents, int64_t iterations, int64_t *out_first);

// Bytes of the panels that a call of |k|, a KERNEL_PACK, writes: more than its place says.
int64_t kernel_panel_bytes(const kernel_desc *k, target_shape shape);

// Row dimensions that a call of |k| runs over: a flat kernel's elements are counted like the rows of one.
int kernel_row_dimensions(const kernel_desc *k);
// The numbers that a kernel_function is given: extents, inner length and strides (KERNEL_STRIDES + 4 * arg_count).
void call_int_terms(const kernel_desc *k, const program_call *call, extent_term *out_ints);
void call_find_ints(const kernel_desc *k, const program_call *call, const int64_t *extents, int64_t *ints);

#endif
