// Strongly connected components of a directed graph of numbered nodes.
#ifndef RNNC_IR_COMPONENTS_H
#define RNNC_IR_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"

// For each node its successors: to[begin[n]] … to[begin[n + 1] - 1]. |begin| has count + 1 entries at least.
typedef struct adjacency {
    uint32_t count;
    uint32_t *begin;
    uint32_t *to;
} adjacency;

typedef struct component_list {
    uint32_t count;
    uint32_t *of;      // by node: its component; UINT32_MAX for nodes left out
    uint32_t *begin;   // by component: its first entry of |members|; count + 1 entries
    uint32_t *members; // nodes, ascending within a component
} component_list;

// The components of the nodes that |include| names; successors of these must be included too. Tarjan, "Depth-first
// search and linear graph algorithms", 1972, with a stack of its own, since chains may be very long. Each component
// has a smaller number than those that lead to it. O(nodes + edges); all memory is from |memory|.
component_list components_find(const adjacency *edges, const bool *include, arena *memory);

#endif
