// Views of values in the form that kernels are planned for: `lower` brings it about, group_check_form checks it.
#ifndef RNNC_PASSES_VIEWS_H
#define RNNC_PASSES_VIEWS_H

#include "ir/graph.h"

// Whether |view| (of any graph), taken of |x| in |g|, moves along another axis than |x| does already. A place has one
// index that moves, so no view of the form does.
bool view_moves_twice(const graph *g, const node *view, node_id x);

// Whether the rows of |n| along |axes| can be counted through in memory: they are equally far apart, and in the order of
// the axes' numbers, the batch last. Those of what was taken along an axis between others are not, and those of a section
// with further axes may be in another order.
bool view_counts_rows(const graph *g, node_id n, axis_set axes);

#endif
