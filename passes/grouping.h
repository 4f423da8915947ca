// What may stand in a group: the rules by which fuse-pointwise forms groups and the plan's verifier checks them.
#ifndef RNNC_PASSES_GROUPING_H
#define RNNC_PASSES_GROUPING_H

#include "passes/plan.h"
#include "support/diag.h"

enum { GROUP_MAX_NODES = 160 };

typedef enum group_role {
    GROUP_ROLE_NONE,     // leaves and views: no kernel computes them
    GROUP_ROLE_BOUNDARY, // delays and inserts: a group of its own copies operand 1
    GROUP_ROLE_ALONE,    // has a kernel of its own; a product may take an epilogue in
    GROUP_ROLE_MAPPED,   // joins others
} group_role;

group_role group_role_of(const graph *g, node_id n);
// The group of node |n| alone (ALONE or MAPPED), in n's loop; its list of nodes is empty.
plan_group group_of_node(const graph *g, const plan *p, node_id n);
// The group that writes into the block of another value: delay |n|'s boundary beside it, what |n| inserts over it.
plan_group group_of_boundary(const graph *g, const plan *p, node_id n);
// Gives a MAP of numbers the columns of |n|, which joins it.
void group_widen(const graph *g, plan_group *into, node_id n);

// A reduction over the columns, with the result in each row.
bool group_folds_columns(const node *n);
// Axes of |n|'s rows within its loop.
axis_set group_row_axes(const graph *g, const plan *p, node_id n);
// The node whose register |x| reads if it is computed in |group|; a slice of a product is one of its gates. NO_NODE:
// it reads memory.
node_id group_register(const graph *g, const plan *p, uint32_t group, node_id x);
// A product's operands, the row that a pick chooses from, and a gather's table are read through memory.
bool group_reads_memory(const node *n, uint32_t i);
// Whether |group| reads its own rows of |x|, or one and the same for all.
bool group_reads_rows_plainly(const graph *g, const plan *p, const plan_group *group, node_id x);
// Whether the columns of |n| suit the group: all of its columns, or one number a row.
bool group_columns_fit(const graph *g, const plan_group *into, node_id n);
// Whether |x| and all that the groups of a plan need of a graph is as `lower` and `pack-weights` leave it. Reports the
// first node that is not.
rnnc_status group_check_form(const graph *g, target_shape shape, arena *scratch, diag_sink *d);

#endif
