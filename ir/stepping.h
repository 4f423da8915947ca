// Why a graph cannot be computed one step after the other, for people.
#ifndef RNNC_IR_STEPPING_H
#define RNNC_IR_STEPPING_H

#include "ir/graph.h"

// Why |g|, as the frontend made it for use, cannot be run step by step, with the place in |sources| where there is one;
// NULL if it can. Texts are in |memory|.
const char *graph_step_obstacle(const graph *g, const diag_sink *sources, arena *memory);

#endif
