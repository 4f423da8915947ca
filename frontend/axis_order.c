#include "frontend/axis_order.h"

// What must lie inside of each axis: the other axes of the values that are stepped along it. Parts of an axis are
// numbered after it, and so count as lying inside.
static void find_inner(const graph *g, axis_set out_inner[MAX_AXES]) {
    for (int axis = 0; axis < MAX_AXES; axis++) {
        out_inner[axis] = 0;
    }
    for (uint32_t axis = 0; axis < g->axes.count; axis++) {
        if (g->axes.at[axis].kind == AXIS_IS_PART) {
            out_inner[g->axes.at[axis].part.of] |= (axis_set)AXIS_BIT(axis);
        }
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (op_has(at->op, DELAY)) {
            axis_set others = at->type.axes & (axis_set) ~(AXIS_BIT(AXIS_BATCH) | AXIS_BIT(at->attr[0].i));
            out_inner[at->attr[0].i] |= others;
        }
    }
}

// The axis that comes next: the first declared one of |left| that need not lie inside of another one of them.
static int next_axis(axis_set left, const axis_set inner[MAX_AXES]) {
    axis_set inside = 0;
    for (int axis = 1; axis < MAX_AXES; axis++) {
        inside |= left & AXIS_BIT(axis) ? inner[axis] : 0;
    }
    axis_set free = left & (axis_set)~inside;
    return free ? __builtin_ctz(free) : NO_AXIS;
}

// The new number of each axis; false if there is no order, or none that differs.
static bool find_numbers(const graph *g, int out_number[MAX_AXES]) {
    axis_set inner[MAX_AXES], left = (axis_set)((1u << g->axes.count) - 1) & (axis_set)~AXIS_BIT(AXIS_BATCH);
    bool moved = false;
    find_inner(g, inner);
    out_number[AXIS_BATCH] = AXIS_BATCH;
    for (int number = 1; left; number++) {
        int axis = next_axis(left, inner);
        if (axis == NO_AXIS) {
            return false;
        }
        out_number[axis] = number;
        moved = moved || axis != number;
        left &= (axis_set)~AXIS_BIT(axis);
    }
    return moved;
}

static axis_set renumbered(axis_set axes, const int number[MAX_AXES]) {
    axis_set out = 0;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        out |= axes & AXIS_BIT(axis) ? (axis_set)AXIS_BIT(number[axis]) : 0;
    }
    return out;
}

static void renumber_node(node *n, const int number[MAX_AXES]) {
    n->type.axes = renumbered(n->type.axes, number);
    const op_info *info = op_get(n->op);
    for (int i = 0; i < op_attr_count(n->op); i++) {
        attr_value *a = &n->attr[i];
        if (info->attr[i].kind == ATTR_AXIS && a->i != NO_AXIS) {
            a->i = number[a->i];
        } else if (info->attr[i].kind == ATTR_AXES) {
            a->i = renumbered((axis_set)a->i, number);
        }
    }
}

void axis_order_choose(graph *g, recipe *r) {
    int number[MAX_AXES];
    axis_info before[MAX_AXES];
    if (!find_numbers(g, number)) {
        return;
    }
    for (uint32_t axis = 0; axis < g->axes.count; axis++) {
        before[axis] = g->axes.at[axis];
    }
    for (uint32_t axis = 0; axis < g->axes.count; axis++) {
        g->axes.at[number[axis]] = before[axis];
        if (before[axis].kind == AXIS_IS_PART) {
            g->axes.at[number[axis]].part.of = number[before[axis].part.of];
        }
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        renumber_node(&g->nodes.at[n], number);
    }
    for (uint32_t i = 0; r && i < r->step_axis_count; i++) {
        r->steps[i].axis = number[r->steps[i].axis];
    }
}
