#include "frontend/axis_order.h"

#include <string.h>

#include "ir/components.h"

// Which nodes read which, the other way round: components are the same in either direction.
static adjacency find_operands(const graph *g, arena *scratch) {
    uint32_t *begin = arena_new_array(scratch, uint32_t, (size_t)g->nodes.count + 1), count = 0;
    for (node_id n = 0; n < g->nodes.count; n++) {
        count += graph_node(g, n)->operand_count;
    }
    uint32_t *to = arena_new_array(scratch, uint32_t, count);
    count = 0;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        begin[n] = count;
        for (uint32_t i = 0; i < at->operand_count; i++) {
            if (at->operands[i] != NO_NODE) {
                to[count++] = at->operands[i];
            }
        }
    }
    begin[g->nodes.count] = count;
    return (adjacency){g->nodes.count, begin, to};
}

// By node, the axes of all that is stepped through together with it: a state may run along one axis alone, and what
// its next value is made of along more, as in attention to another sequence.
static axis_set *find_stepped(const graph *g, arena *scratch) {
    adjacency operands = find_operands(g, scratch);
    bool *all = arena_new_array(scratch, bool, g->nodes.count);
    memset(all, true, g->nodes.count * sizeof *all);
    component_list parts = components_find(&operands, all, scratch);
    axis_set *of_part = arena_new_array(scratch, axis_set, parts.count),
             *of_node = arena_new_array(scratch, axis_set, g->nodes.count);
    for (node_id n = 0; n < g->nodes.count; n++) {
        of_part[parts.of[n]] |= graph_node(g, n)->type.axes;
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        of_node[n] = of_part[parts.of[n]];
    }
    return of_node;
}

// What must lie inside of each axis: the other axes of the values that are stepped along it. Parts of an axis are
// numbered after it, and so count as lying inside.
static void find_inner(const graph *g, arena *scratch, axis_set out_inner[MAX_AXES]) {
    for (int axis = 0; axis < MAX_AXES; axis++) {
        out_inner[axis] = 0;
    }
    for (uint32_t axis = 0; axis < g->axes.count; axis++) {
        if (g->axes.at[axis].kind == AXIS_IS_PART) {
            out_inner[g->axes.at[axis].part.of] |= (axis_set)AXIS_BIT(axis);
        }
    }
    const axis_set *stepped = find_stepped(g, scratch);
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (op_has(at->op, DELAY)) {
            int axis = (int)at->attr[0].i;
            out_inner[axis] |= stepped[n] & (axis_set) ~(AXIS_BIT(AXIS_BATCH) | AXIS_BIT(axis));
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
static bool find_numbers(const graph *g, arena *scratch, int out_number[MAX_AXES]) {
    axis_set inner[MAX_AXES], left = (axis_set)((1u << g->axes.count) - 1) & (axis_set)~AXIS_BIT(AXIS_BATCH);
    bool moved = false;
    find_inner(g, scratch, inner);
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

void axis_order_choose(graph *g, recipe *r, arena *scratch) {
    int number[MAX_AXES];
    axis_info before[MAX_AXES];
    if (!find_numbers(g, scratch, number)) {
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
