#include "passes/plan.h"

static int32_t column_in(const graph *g, node_id whole, node_id part) {
    const node *at = graph_node(g, whole);
    int32_t column = 0;
    for (uint32_t i = 0; at->operands[i] != part; i++) {
        column += graph_type(g, at->operands[i]).dim[0];
    }
    return column;
}

static int32_t index_in(const graph *g, node_id whole, node_id part) {
    int32_t i = 0;
    while (graph_node(g, whole)->operands[i] != part) {
        i++;
    }
    return i;
}

static value_place locate_in_whole(const graph *g, const plan *p, node_id n) {
    node_id whole = p->whole_of[n];
    value_place place = plan_locate(g, p, whole);
    const node *at = graph_node(g, whole);
    if (at->op == OP_CONCAT) {
        place.column += column_in(g, whole, n);
        return place;
    }
    place.slot_axis = (int)at->attr[0].i;
    place.shift = index_in(g, whole, n);
    place.pinned = true;
    return place;
}

value_place plan_locate(const graph *g, const plan *p, node_id n) {
    const node *at = graph_node(g, n);
    if (p->whole_of[n] != NO_NODE) {
        return locate_in_whole(g, p, n);
    }
    if (!op_has(at->op, VIEW) || at->op == OP_CONCAT || at->op == OP_STACK) {
        return (value_place){.owner = n, .slot_axis = NO_AXIS};
    }
    value_place place = plan_locate(g, p, at->operands[0]);
    if (at->op == OP_SLICE) {
        place.column += (int32_t)at->attr[0].i;
        return place;
    }
    place.slot_axis = (int)at->attr[0].i;
    if (op_has(at->op, DELAY)) {
        place.shift += at->op == OP_PREVIOUS ? -1 : 1;
        return place;
    }
    place.from_end = at->op == OP_LAST;
    place.pinned = at->op != OP_LAST;
    place.shift += at->op == OP_LAST ? -1 : at->op == OP_AT ? (int32_t)at->attr[1].i : 0;
    return place;
}

void plan_visit_sources(const graph *g, const plan *p, node_id n, uint32_t loop, plan_visitor *visit,
                        void *user) {
    const node *at = graph_node(g, n);
    if (p->group_of[n] != NO_GROUP) {
        visit(user, p->group_of[n]);
    }
    if (op_has(at->op, DELAY)) {
        // Within its own loop a delay reads the step before, which is no reason to wait.
        bool carried = loop != NO_LOOP && p->loop_of[n] == loop && p->loop_of[at->operands[0]] == loop;
        if (!carried) {
            plan_visit_sources(g, p, at->operands[0], loop, visit, user);
        }
        return;
    }
    for (uint32_t i = 0; op_has(at->op, VIEW) && i < at->operand_count; i++) {
        plan_visit_sources(g, p, at->operands[i], loop, visit, user);
    }
}
