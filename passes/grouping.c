#include "passes/grouping.h"
#include "passes/views.h"

static const kernel_kind own_kernel[OP_COUNT] = {
    [OP_MATMUL] = KERNEL_PRODUCT,  [OP_OUTER] = KERNEL_PRODUCT,   [OP_PACK] = KERNEL_PACK,
    [OP_SEGMENT] = KERNEL_SEGMENT, [OP_SCATTER] = KERNEL_SCATTER, [OP_ADD_ROWS] = KERNEL_ADD_ROWS,
    [OP_RANDOM] = KERNEL_RANDOM,
};

static bool folds_rows(const node *n) {
    return op_has(n->op, REDUCE) && !n->attr[1].i;
}

bool group_folds_columns(const node *n) {
    return (op_has(n->op, REDUCE) && n->attr[1].i) || n->op == OP_ARGMAX;
}

group_role group_role_of(const graph *g, node_id n) {
    const node *at = graph_node(g, n);
    if (op_has(at->op, DELAY) || at->op == OP_INSERT) {
        return GROUP_ROLE_BOUNDARY;
    }
    if (own_kernel[at->op] != KERNEL_MAP || folds_rows(at)) {
        return GROUP_ROLE_ALONE;
    }
    return op_has(at->op, LEAF | VIEW) ? GROUP_ROLE_NONE : GROUP_ROLE_MAPPED;
}

axis_set group_row_axes(const graph *g, const plan *p, node_id n) {
    uint32_t loop = p->loop_of[n];
    axis_set axes = graph_type(g, n).axes;
    return loop == NO_LOOP ? axes : (axis_set)(axes & ~AXIS_BIT(p->loops.at[loop].axis));
}

// The type whose columns a node runs over: its own, or of a reduction or a pick, its operand's. A matrix that is folded
// is one row.
static value_type span_of(const graph *g, node_id n) {
    const node *at = graph_node(g, n);
    return group_folds_columns(at) || at->op == OP_PICK ? graph_type(g, at->operands[0]) : at->type;
}

static bool same_shape(const plan_group *group, value_type t) {
    return group->rank == t.rank && group->dim[0] == t.dim[0] && group->dim[1] == t.dim[1];
}

static bool is_number(value_type t) {
    return t.rank == 1 && t.dim[0] == 1;
}

// A kernel of its own.
static void make_alone(const graph *g, node_id n, plan_group *group) {
    const node *at = graph_node(g, n);
    group->kind = folds_rows(at) ? KERNEL_FOLD : own_kernel[at->op];
    group->root = n;
    if (at->op == OP_MATMUL) {
        group->gates = (int32_t)graph_node(g, at->operands[1])->attr[1].i;
        group->dim[0] /= group->gates;
    }
    group->prepare = group->kind == KERNEL_PACK && graph_node(g, at->operands[0])->op == OP_VARIABLE;
}

plan_group group_of_node(const graph *g, const plan *p, node_id n) {
    value_type type = span_of(g, n);
    plan_group group = {.kind = KERNEL_MAP,
                        .loop = p->loop_of[n],
                        .axes = group_row_axes(g, p, n),
                        .rank = type.rank,
                        .dim = {type.dim[0], type.dim[1]},
                        .root = NO_NODE,
                        .gates = 1,
                        .boundary = NO_NODE};
    if (group_role_of(g, n) == GROUP_ROLE_ALONE) {
        make_alone(g, n, &group);
    }
    return group;
}

plan_group group_of_boundary(const graph *g, const plan *p, node_id n) {
    const node *at = graph_node(g, n);
    value_type type = graph_type(g, at->operands[1]);
    uint32_t loop = at->op == OP_INSERT ? p->loop_of[n] : NO_LOOP;
    axis_set stepped = loop == NO_LOOP ? 0 : AXIS_BIT(p->loops.at[loop].axis);
    return (plan_group){.kind = KERNEL_MAP,
                        .loop = loop,
                        .axes = (axis_set)(type.axes & ~stepped),
                        .rank = type.rank,
                        .dim = {type.dim[0], type.dim[1]},
                        .root = NO_NODE,
                        .gates = 1,
                        .boundary = n};
}

void group_widen(const graph *g, plan_group *into, node_id n) {
    value_type reach = span_of(g, n);
    if (into->kind == KERNEL_MAP && !is_number(reach)) {
        into->rank = reach.rank;
        into->dim[0] = reach.dim[0];
        into->dim[1] = reach.dim[1];
    }
}

node_id group_register(const graph *g, const plan *p, uint32_t group, node_id x) {
    const node *at = graph_node(g, x);
    if (p->group_of[x] == group && !op_has(at->op, DELAY)) {
        return x;
    }
    const plan_group *into = &p->groups.at[group];
    bool gate = at->op == OP_SLICE && at->operands[0] == into->root && into->kind == KERNEL_PRODUCT &&
                into->gates > 1;
    return gate ? x : NO_NODE;
}

bool group_reads_memory(const node *n, uint32_t i) {
    return op_has(n->op, PRODUCT) || (i == 0 && (n->op == OP_PICK || n->op == OP_GATHER));
}

bool group_reads_rows_plainly(const graph *g, const plan *p, const plan_group *group, node_id x) {
    axis_set axes = graph_type(g, x).axes;
    if (group->loop != NO_LOOP) {
        axes &= (axis_set)~AXIS_BIT(p->loops.at[group->loop].axis);
    }
    return axes == 0 || (axes == group->axes && view_counts_rows(g, x, axes));
}

bool group_columns_fit(const graph *g, const plan_group *into, node_id n) {
    const node *at = graph_node(g, n);
    value_type reach = span_of(g, n);
    if (into->kind == KERNEL_PRODUCT) {
        return !group_folds_columns(at) && at->op != OP_PICK && at->op != OP_GATHER &&
               same_shape(into, reach);
    }
    bool only_numbers = into->rank == 1 && into->dim[0] == 1;
    return same_shape(into, reach) || (is_number(reach) && into->rank == 1) ||
           (only_numbers && reach.rank == 1);
}
