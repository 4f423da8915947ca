// Rebuilding a graph node by node in the order of evaluation: the frame that most rewriting passes stand in.
// Nodes that nothing needs fall away, operands come to precede their readers again, origins are kept.
#ifndef RNNC_PASSES_REBUILD_H
#define RNNC_PASSES_REBUILD_H

#include "ir/build.h"
#include "ir/order.h"

typedef struct rebuild rebuild;

// Makes the new node for the old node |was|, whose operands are already |operands| of the new graph (NO_NODE: the
// operand 0 of a delay node whose value comes later). Returns rebuild_keep(…), or any node of the new graph
// with the same type. A delay node with a later operand must be kept, or handled by rebuild_delay_later.
typedef node_id rebuild_function(rebuild *r, const node *was, const node_id *operands);

typedef struct rebuild_later {
    node_id delay;      // a delay node of the new graph without its operand 0
    node_id old_source; // which is what this old node becomes
} rebuild_later;

struct rebuild {
    graph *g; // nodes are the new ones
    void *user;
    arena *scratch;
    rebuild_function *make;
    // Internal:
    node *old_nodes;
    node_id *map; // old to new
    VEC(rebuild_later) later;
};

// Adds the node as it was, with the new operands.
node_id rebuild_keep(rebuild *r, const node *was, const node_id *operands);
// If the delay node |n| of the new graph waits for its operand, makes |other| (a delay node) wait for the same.
// Returns false if |n| does not wait.
bool rebuild_wait_likewise(rebuild *r, node_id n, node_id other);

// |make| NULL: every node is kept.
rnnc_status graph_rebuild(graph *g, arena *scratch, diag_sink *d, rebuild_function *make, void *user);

#endif
