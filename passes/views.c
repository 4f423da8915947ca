#include "passes/views.h"

enum { PICKED = -2 };

// The axis by which |n| can move within the place that it is read from; NO_AXIS if it is not moved yet.
static int moving_axis(const graph *g, node_id n) {
    const node *at = graph_node(g, n);
    if (at->op == OP_SLICE || at->op == OP_INSERT) {
        return moving_axis(g, at->operands[0]);
    }
    if (at->op == OP_FIRST || at->op == OP_LAST || at->op == OP_AT) {
        return PICKED;
    }
    bool moves = op_has(at->op, DELAY) || at->op == OP_SECTION;
    return moves ? (int)at->attr[at->op == OP_SECTION ? 1 : 0].i : NO_AXIS;
}

bool view_moves_twice(const graph *g, const node *view, node_id x) {
    int moving = moving_axis(g, x);
    return view->op != OP_SLICE && moving != NO_AXIS && moving != (int)view->attr[0].i;
}

bool view_counts_rows(const graph *g, node_id n, axis_set axes) {
    const node *at = graph_node(g, n);
    if (at->op == OP_SLICE) {
        return view_counts_rows(g, at->operands[0], axes);
    }
    axis_set sequences = axes & (axis_set)~AXIS_BIT(AXIS_BATCH);
    if (at->op == OP_SECTION) {
        return axis_count(sequences) <= 1;
    }
    if (at->op != OP_FIRST && at->op != OP_LAST && at->op != OP_AT) {
        return true;
    }
    axis_set outside = sequences & (axis_set)(AXIS_BIT(at->attr[0].i) - 1);
    return !outside || outside == axes;
}
