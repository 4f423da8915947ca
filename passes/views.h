// Views of values in the form that kernels are planned for: `lower` brings it about, group_check_form checks it.
#ifndef RNNC_PASSES_VIEWS_H
#define RNNC_PASSES_VIEWS_H

#include "ir/graph.h"

// Whether |view| (of any graph), taken of |x| in |g|, moves along another axis than |x| does already. A place has one
// index that moves, so no view of the form does.
bool view_moves_twice(const graph *g, const node *view, node_id x);

#endif
