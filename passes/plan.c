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

// By how much an axis is longer than the whole axis; of a counted part, how long it is.
static int64_t length_of(const graph *g, int axis) {
    const axis_info *info = &g->axes.at[axis];
    return info->kind == AXIS_IS_PART ? info->part.to - info->part.from : 0;
}

// Moves |place| from the first index of |axis|, by which name it knows its slots, to behind the last one.
static void pass_to_end(const graph *g, int axis, value_place *place) {
    const axis_info *info = &g->axes.at[axis];
    if (axis != place->slot_axis && info->kind == AXIS_IS_PART && part_is_counted(info->part)) {
        place->shift += (int32_t)length_of(g, axis);
        return;
    }
    place->from_end = true;
    place->shift += (int32_t)(length_of(g, axis) - length_of(g, place->slot_axis));
}

// A view of a place: first, last, at or section along the axis of attribute 0.
static void move_along_axis(const graph *g, const node *view, value_place *place) {
    int axis = (int)view->attr[0].i;
    place->slot_axis = place->slot_axis == NO_AXIS ? axis : place->slot_axis;
    int64_t index = view->op == OP_SECTION ? view->attr[2].i
                    : view->op == OP_AT    ? view->attr[1].i
                    : view->op == OP_LAST  ? -1
                                           : 0;
    if (index < 0) {
        pass_to_end(g, axis, place);
    }
    place->shift += (int32_t)index;
    place->pinned = view->op != OP_SECTION;
    place->part = view->op == OP_SECTION ? (int)view->attr[1].i : 0;
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
    if (op_has(at->op, DELAY)) {
        place.slot_axis = (int)at->attr[0].i;
        place.shift += at->op == OP_PREVIOUS ? -1 : 1;
    } else if (at->op != OP_INSERT) {
        move_along_axis(g, at, &place);
    }
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

static void find_wholes(plan *p, const graph *g) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *whole = graph_node(g, n);
        bool joins = whole->op == OP_CONCAT || whole->op == OP_STACK;
        for (uint32_t i = 0; joins && i < whole->operand_count; i++) {
            p->whole_of[whole->operands[i]] = n;
        }
    }
}

plan *plan_create(graph *g, target_shape shape, const int64_t *maxima) {
    plan *p = arena_new(&g->memory, plan);
    uint32_t count = g->nodes.count;
    p->memory = &g->memory;
    p->shape = shape;
    for (uint32_t a = 0; a < g->axes.count; a++) {
        const axis_info *axis = &g->axes.at[a];
        p->maxima[a] = axis->kind == AXIS_IS_FIXED  ? axis->size
                       : axis->kind == AXIS_IS_PART ? part_extent(axis->part, p->maxima[axis->part.of])
                       : maxima[a] > 0              ? maxima[a]
                                                    : graph_least_extent(g, (int)a);
    }
    p->loop_of = arena_new_array(p->memory, uint32_t, count);
    p->group_of = arena_new_array(p->memory, uint32_t, count);
    p->block_of = arena_new_array(p->memory, uint32_t, count);
    p->whole_of = arena_new_array(p->memory, node_id, count);
    p->stored = arena_new_array(p->memory, bool, count);
    for (node_id n = 0; n < count; n++) {
        p->loop_of[n] = NO_LOOP;
        p->group_of[n] = NO_GROUP;
        p->whole_of[n] = NO_NODE;
    }
    plan_forget_blocks(p, count);
    find_wholes(p, g);
    return p;
}

void plan_forget_blocks(plan *p, uint32_t nodes) {
    p->blocks.count = 0;
    p->arena_bytes = p->live_bytes = 0;
    for (node_id n = 0; n < nodes; n++) {
        p->block_of[n] = UINT32_MAX;
        p->stored[n] = false;
    }
}

node_id plan_group_node(const plan *p, uint32_t x) {
    const plan_group *group = &p->groups.at[x];
    return group->boundary != NO_NODE ? group->boundary : group->nodes.at[0];
}
