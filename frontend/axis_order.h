// Which axis lies outside of which in memory.
#ifndef RNNC_FRONTEND_AXIS_ORDER_H
#define RNNC_FRONTEND_AXIS_ORDER_H

#include "frontend/model.h"

// Numbers the axes of a finished graph, and of the recipe (may be NULL) that goes with it, so that every recurrence
// runs along the outermost axis of its values: one step of it is then one block of memory, which is what can be
// compiled. Axes keep the order in which they were declared as far as that allows; where two recurrences want
// opposite orders, they all keep it. Arrays of the user are in the declared order in any case
// (axis_info.declared). O(nodes + operands), with work space from |scratch|.
void axis_order_choose(graph *g, recipe *r, arena *scratch);

#endif
