#include "ir/order.h"

#include <string.h>

#include "ir/components.h"

// An ordering that is no operand: |from| must be done before |to|, which changes what |from| reads.
typedef struct order_edge {
    node_id from, to;
} order_edge;

typedef struct order_work {
    const graph *g;
    arena *memory;
    diag_sink *d;
    uint32_t node_count;
    bool *needed;
    VEC(order_edge) extra;
    adjacency users; // for each node those that must come after it
    component_list parts;
    uint32_t *pending; // scratch by node
    node_id *heap;     // scratch: a binary heap, the smallest number first
    uint32_t heap_count;
} order_work;

// --- A heap of node numbers.

static void heap_push(order_work *w, node_id n) {
    uint32_t i = w->heap_count++;
    while (i > 0 && w->heap[(i - 1) / 2] > n) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = n;
}

static node_id heap_pop(order_work *w) {
    node_id smallest = w->heap[0], last = w->heap[--w->heap_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < w->heap_count && w->heap[child + 1] < w->heap[child]) {
            child++;
        }
        if (child >= w->heap_count || w->heap[child] >= last) {
            break;
        }
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return smallest;
}

// --- Errors.

static const char *name_of(order_work *w, node_id n) {
    const char *path = graph_origin(w->g, n)->path;
    return path && path[0] ? path : arena_printf(w->memory, "node %u", n);
}

static span place_of(const order_work *w, node_id n) {
    return graph_origin(w->g, n)->where;
}

static const char *axis_name(const order_work *w, int axis) {
    return w->g->axes.at[axis].name;
}

// --- What must be evaluated, and before what.

static rnnc_status mark_needed(order_work *w) {
    node_id *stack = w->heap;
    uint32_t depth = 0;
    for (uint32_t n = 0; n < w->node_count; n++) {
        w->needed[n] = op_has(graph_node(w->g, n)->op, EFFECT);
    }
    for (uint32_t i = 0; i < w->g->outputs.count; i++) {
        w->needed[w->g->outputs.at[i].node] = true;
    }
    for (uint32_t n = 0; n < w->node_count; n++) {
        if (w->needed[n]) {
            stack[depth++] = n;
        }
    }
    while (depth > 0) {
        node_id at = stack[--depth];
        const node *n = graph_node(w->g, at);
        for (uint32_t i = 0; i < n->operand_count; i++) {
            if (n->operands[i] == NO_NODE) {
                return diag_error(w->d, place_of(w, at), "%s: %s was never given its operand %u",
                                  name_of(w, at), op_get(n->op)->mnemonic, i);
            }
            if (!w->needed[n->operands[i]]) {
                w->needed[n->operands[i]] = true;
                stack[depth++] = n->operands[i];
            }
        }
    }
    return RNNC_OK;
}

// Counting sort of all edges by their first node.
static void build_adjacency(order_work *w) {
    uint32_t *begin = arena_new_array(w->memory, uint32_t, (size_t)w->node_count + 2);
    for (uint32_t at = 0; at < w->node_count; at++) {
        const node *n = graph_node(w->g, at);
        for (uint32_t i = 0; w->needed[at] && i < n->operand_count; i++) {
            begin[n->operands[i] + 2]++;
        }
    }
    for (uint32_t i = 0; i < w->extra.count; i++) {
        begin[w->extra.at[i].from + 2]++;
    }
    for (uint32_t n = 1; n < w->node_count + 2; n++) {
        begin[n] += begin[n - 1];
    }
    node_id *to = arena_new_array(w->memory, node_id, begin[w->node_count + 1]);
    for (uint32_t at = 0; at < w->node_count; at++) {
        const node *n = graph_node(w->g, at);
        for (uint32_t i = 0; w->needed[at] && i < n->operand_count; i++) {
            to[begin[n->operands[i] + 1]++] = at;
        }
    }
    for (uint32_t i = 0; i < w->extra.count; i++) {
        to[begin[w->extra.at[i].from + 1]++] = w->extra.at[i].to;
    }
    w->users = (adjacency){w->node_count, begin, to};
}

static void add_extra(order_work *w, node_id from, node_id to) {
    order_edge added = {from, to};
    vec_push(w->memory, w->extra, added);
}

// All that reads the variable of node |read|, directly or through views of it, comes before |effect|.
// |seen| is by node: the last effect that a node was put before.
static void put_readers_before(order_work *w, node_id read, node_id effect, node_id *seen, node_id *stack) {
    uint32_t depth = 0;
    stack[depth++] = read;
    seen[read] = effect;
    const node *changed = graph_node(w->g, effect);
    while (depth > 0) {
        node_id at = stack[--depth];
        add_extra(w, at, effect);
        if (at != read && !op_has(graph_node(w->g, at)->op, VIEW)) {
            continue;
        }
        for (uint32_t i = w->users.begin[at]; i < w->users.begin[at + 1]; i++) {
            node_id user = w->users.to[i];
            const node *u = graph_node(w->g, user);
            // Effects on the same variable are put one after the other by their numbers instead.
            bool same = op_has(u->op, EFFECT) && graph_variable_of(w->g, u->operands[0]) ==
                                                     graph_variable_of(w->g, changed->operands[0]);
            if (seen[user] != effect && user != effect && !same) {
                seen[user] = effect;
                stack[depth++] = user;
            }
        }
    }
}

static uint32_t variable_index(const order_work *w, node_id read) {
    return (uint32_t)(graph_variable_of(w->g, read) - w->g->variables.at);
}

// The first effect on each variable follows the readers, the others follow it in the order of their numbers.
static void order_effects(order_work *w) {
    uint32_t variables = w->g->variables.count;
    node_id *first = arena_new_array(w->memory, node_id, variables);
    node_id *last = arena_new_array(w->memory, node_id, variables);
    memset(first, 0xff, variables * sizeof *first);
    for (uint32_t at = 0; at < w->node_count; at++) {
        if (!op_has(graph_node(w->g, at)->op, EFFECT)) {
            continue;
        }
        uint32_t v = variable_index(w, graph_node(w->g, at)->operands[0]);
        if (first[v] == NO_NODE) {
            first[v] = at;
        } else {
            add_extra(w, last[v], at);
        }
        last[v] = at;
    }
    node_id *seen = arena_new_array(w->memory, node_id, w->node_count);
    node_id *stack = arena_new_array(w->memory, node_id, w->node_count);
    memset(seen, 0xff, w->node_count * sizeof *seen);
    for (uint32_t at = 0; at < w->node_count; at++) {
        if (w->needed[at] && graph_node(w->g, at)->op == OP_VARIABLE) {
            uint32_t v = variable_index(w, at);
            if (first[v] != NO_NODE) {
                put_readers_before(w, at, first[v], seen, stack);
            }
        }
    }
}

// --- The inside of a recurrence.

typedef struct member_list {
    uint32_t component;
    const node_id *at;
    uint32_t count;
} member_list;

static member_list members_of(const order_work *w, uint32_t component) {
    uint32_t begin = w->parts.begin[component];
    return (member_list){component, w->parts.members + begin, w->parts.begin[component + 1] - begin};
}

// Whether |n| is a delay that reads its own component one index away.
static bool is_inner_delay(const order_work *w, node_id n) {
    const node *at = graph_node(w->g, n);
    return op_has(at->op, DELAY) && w->parts.of[at->operands[0]] == w->parts.of[n];
}

static int delay_axis(const order_work *w, node_id n) {
    return (int)graph_node(w->g, n)->attr[0].i;
}

static bool is_recurrent(const order_work *w, member_list m) {
    if (m.count > 1) {
        return true;
    }
    for (uint32_t i = w->users.begin[m.at[0]]; i < w->users.begin[m.at[0] + 1]; i++) {
        if (w->users.to[i] == m.at[0]) {
            return true;
        }
    }
    return false;
}

// Whether the edge from |n| to |user| holds within one index of |axis| of component |component|.
static bool holds_within_step(const order_work *w, node_id n, node_id user, int axis) {
    if (w->parts.of[user] != w->parts.of[n]) {
        return false;
    }
    const node *u = graph_node(w->g, user);
    return !(op_has(u->op, DELAY) && u->operands[0] == n && delay_axis(w, user) == axis);
}

// Lists the members so that operands precede readers, small numbers first, reads across |axis| left aside.
// Returns how many could be listed: fewer than all if a cycle remains.
static uint32_t list_in_order(order_work *w, member_list m, int axis, node_id *out) {
    for (uint32_t i = 0; i < m.count; i++) {
        w->pending[m.at[i]] = 0;
    }
    for (uint32_t i = 0; i < m.count; i++) {
        for (uint32_t e = w->users.begin[m.at[i]]; e < w->users.begin[m.at[i] + 1]; e++) {
            w->pending[w->users.to[e]] += holds_within_step(w, m.at[i], w->users.to[e], axis);
        }
    }
    w->heap_count = 0;
    for (uint32_t i = 0; i < m.count; i++) {
        if (!w->pending[m.at[i]]) {
            heap_push(w, m.at[i]);
        }
    }
    uint32_t listed = 0;
    while (w->heap_count > 0) {
        node_id at = heap_pop(w);
        out[listed++] = at;
        for (uint32_t e = w->users.begin[at]; e < w->users.begin[at + 1]; e++) {
            node_id user = w->users.to[e];
            if (holds_within_step(w, at, user, axis) && --w->pending[user] == 0) {
                heap_push(w, user);
            }
        }
    }
    return listed;
}

static bool needs_whole_axis(const order_work *w, node_id n, int axis) {
    const node *at = graph_node(w->g, n);
    return !(at->type.axes & AXIS_BIT(axis)) || at->op == OP_SEGMENT;
}

// Why a component cannot be stepped through along an axis.
typedef enum obstacle { OBSTACLE_NONE, OBSTACLE_BOTH_WAYS, OBSTACLE_WHOLE_AXIS, OBSTACLE_CYCLE } obstacle;

static obstacle try_axis(order_work *w, member_list m, int axis, graph_step *step, node_id *out_where) {
    step->axis = axis;
    step->direction = 0;
    for (uint32_t i = 0; i < m.count; i++) {
        *out_where = m.at[i];
        if (needs_whole_axis(w, m.at[i], axis)) {
            return OBSTACLE_WHOLE_AXIS;
        }
        if (is_inner_delay(w, m.at[i]) && delay_axis(w, m.at[i]) == axis) {
            int way = graph_node(w->g, m.at[i])->op == OP_PREVIOUS ? 1 : -1;
            if (step->direction == -way) {
                return OBSTACLE_BOTH_WAYS;
            }
            step->direction = way;
        }
    }
    if (list_in_order(w, m, axis, step->nodes) < m.count) {
        return OBSTACLE_CYCLE;
    }
    return OBSTACLE_NONE;
}

static rnnc_status report_two_axes(order_work *w, member_list m, int first, int second) {
    for (uint32_t i = 0; i < m.count; i++) {
        if (is_inner_delay(w, m.at[i]) && delay_axis(w, m.at[i]) == second) {
            return diag_error(w->d, place_of(w, m.at[i]),
                              "%s: this recurrence runs along two axes at once, %s and %s",
                              name_of(w, m.at[i]), axis_name(w, first), axis_name(w, second));
        }
    }
    return RNNC_INTERNAL;
}

static rnnc_status report_no_delay(order_work *w, member_list m) {
    node_id at = m.at[0];
    if (op_has(graph_node(w->g, at)->op, EFFECT)) {
        return diag_error(w->d, place_of(w, at), "%s: this update and another read each other's old values",
                          name_of(w, at));
    }
    return diag_error(w->d, place_of(w, at),
                      "%s: this value depends on itself, with no earlier or later index in between",
                      name_of(w, at));
}

static rnnc_status report_obstacle(order_work *w, obstacle why, int axis, node_id at) {
    switch (why) {
    case OBSTACLE_BOTH_WAYS:
        return diag_error(w->d, place_of(w, at),
                          "%s: this recurrence reads both earlier and later indices of %s", name_of(w, at),
                          axis_name(w, axis));
    case OBSTACLE_WHOLE_AXIS:
        return diag_error(w->d, place_of(w, at),
                          "%s: each index of %s depends on this value, which needs all of %s", name_of(w, at),
                          axis_name(w, axis), axis_name(w, axis));
    default:
        return diag_error(w->d, place_of(w, at), "%s: this value depends on itself within one index of %s",
                          name_of(w, at), axis_name(w, axis));
    }
}

// Finds an axis along which the component can be stepped through. Delays along other axes inside it are then
// ordinary nodes, evaluated at all indices of theirs at once: location-based attention shifts along the
// attended sequence inside each step of the reading one.
static rnnc_status order_recurrence(order_work *w, member_list m, graph_step *step) {
    axis_set axes = 0;
    for (uint32_t i = 0; i < m.count; i++) {
        axes |= is_inner_delay(w, m.at[i]) ? AXIS_BIT(delay_axis(w, m.at[i])) : 0;
    }
    int tried[2] = {NO_AXIS, NO_AXIS};
    obstacle first_obstacle = OBSTACLE_NONE;
    node_id first_where = NO_NODE;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        if (!(axes & AXIS_BIT(axis))) {
            continue;
        }
        node_id where;
        obstacle found = try_axis(w, m, axis, step, &where);
        if (found == OBSTACLE_NONE) {
            return RNNC_OK;
        }
        if (tried[0] == NO_AXIS) {
            first_obstacle = found;
            first_where = where;
        }
        tried[tried[0] != NO_AXIS] = axis;
    }
    if (tried[0] == NO_AXIS) {
        return report_no_delay(w, m);
    }
    return tried[1] != NO_AXIS ? report_two_axes(w, m, tried[0], tried[1])
                               : report_obstacle(w, first_obstacle, tried[0], first_where);
}

// --- All components, in order.

static rnnc_status fill_step(order_work *w, uint32_t component, graph_step *step) {
    member_list m = members_of(w, component);
    *step = (graph_step){arena_new_array(w->memory, node_id, m.count), m.count, NO_AXIS, 0};
    if (is_recurrent(w, m)) {
        return order_recurrence(w, m, step);
    }
    step->nodes[0] = m.at[0];
    return RNNC_OK;
}

// Takes one from what the components that read |component| wait for, once per edge.
static void release_users(order_work *w, uint32_t component, uint32_t *waits) {
    member_list m = members_of(w, component);
    for (uint32_t i = 0; i < m.count; i++) {
        for (uint32_t e = w->users.begin[m.at[i]]; e < w->users.begin[m.at[i] + 1]; e++) {
            uint32_t to = w->parts.of[w->users.to[e]];
            if (to != component && --waits[to] == 0) {
                heap_push(w, w->parts.members[w->parts.begin[to]]);
            }
        }
    }
}

// The components so that each follows all it reads (Kahn 1962), of those that could be next the one with the
// smallest node. |sequence| receives them.
static void sequence_components(order_work *w, uint32_t *sequence) {
    uint32_t *waits = arena_new_array(w->memory, uint32_t, w->parts.count);
    for (uint32_t n = 0; n < w->node_count; n++) {
        for (uint32_t e = w->users.begin[n]; w->needed[n] && e < w->users.begin[n + 1]; e++) {
            uint32_t to = w->parts.of[w->users.to[e]];
            waits[to] += to != w->parts.of[n];
        }
    }
    w->heap_count = 0;
    for (uint32_t c = 0; c < w->parts.count; c++) {
        if (!waits[c]) {
            heap_push(w, w->parts.members[w->parts.begin[c]]);
        }
    }
    uint32_t count = 0;
    while (w->heap_count > 0) {
        sequence[count++] = w->parts.of[heap_pop(w)];
        release_users(w, sequence[count - 1], waits);
    }
}

static rnnc_status fill_order(order_work *w, graph_order *out) {
    uint32_t *sequence = arena_new_array(w->memory, uint32_t, w->parts.count);
    sequence_components(w, sequence);
    out->count = w->parts.count;
    out->steps = arena_new_array(w->memory, graph_step, w->parts.count);
    out->step_of = arena_new_array(w->memory, uint32_t, w->node_count);
    memset(out->step_of, 0xff, w->node_count * sizeof *out->step_of);
    rnnc_status worst = RNNC_OK;
    for (uint32_t s = 0; s < out->count; s++) {
        rnnc_status status = fill_step(w, sequence[s], &out->steps[s]);
        worst = worst == RNNC_OK ? status : worst;
        member_list m = members_of(w, sequence[s]);
        for (uint32_t i = 0; i < m.count; i++) {
            out->step_of[m.at[i]] = s;
        }
    }
    return worst;
}

rnnc_status graph_order_compute(const graph *g, arena *memory, diag_sink *d, graph_order *out_order) {
    order_work w = {.g = g, .memory = memory, .d = d, .node_count = g->nodes.count};
    w.needed = arena_new_array(memory, bool, w.node_count);
    w.heap = arena_new_array(memory, node_id, w.node_count);
    w.pending = arena_new_array(memory, uint32_t, w.node_count);
    TRY(mark_needed(&w));
    build_adjacency(&w);
    order_effects(&w);
    if (w.extra.count > 0) {
        build_adjacency(&w);
    }
    w.parts = components_find(&w.users, w.needed, memory);
    return fill_order(&w, out_order);
}
