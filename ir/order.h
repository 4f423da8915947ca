// The order of evaluation: which nodes form recurrences, along which axis and which way.
#ifndef RNNC_IR_ORDER_H
#define RNNC_IR_ORDER_H

#include "ir/graph.h"

// A maximal set of nodes that must be stepped through together (a strongly connected component), or a single
// node that need not. Nodes of a step are listed so that within one index every operand precedes its reader.
typedef struct graph_step {
    node_id *nodes;
    uint32_t count;
    int axis;      // the axis of the recurrence; NO_AXIS: a single node, evaluated at all indices at once
    int direction; // +1: index 0 first (previous), -1: the last index first (following), 0 without an axis
} graph_step;

typedef struct graph_order {
    graph_step *steps;
    uint32_t count;
    uint32_t *step_of; // by node: its step's index; UINT32_MAX for nodes that no output or effect needs
} graph_order;

// Orders all nodes that outputs and effects need (Tarjan 1972). Effects come after every reader of the old
// value of the variable they change. Fails (reported to |d|) where a recurrence reads both ways, runs along
// two axes at once, or has no delay in it. Memory: |memory|. O(nodes + operands).
rnnc_status graph_order_compute(const graph *g, arena *memory, diag_sink *d, graph_order *out_order);

#endif
