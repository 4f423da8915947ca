// unroll: a node per step instead of one node for all of them.
//
// For an axis whose extent is known to be T (pass_context.unroll), every node that runs along it becomes T nodes
// that do not, and the axis becomes a fixed one:
//
//     %2 = previous %3, %1 {axis = T}            %2 = at %0 {axis = T, index = 0}
//     %3 = add %0, %2 : f32<T>[2]          ->    %3 = add %2, %1 : f32[2]
//     output value "y" %3                        %4 = at %0 {axis = T, index = 1}
//                                                %5 = add %4, %3 : f32[2]
//                                                %6 = stack %3, %5 {axis = T} : f32<T>[2]
//                                                output value "y" %6
//
// Inputs and random numbers stay whole and are read by `at`. Delays and ends of the axis are other nodes' members and
// vanish. What folds the axis, or mixes its steps, reads a stack of the members, in the order in which it read the
// steps before: every sum has the same terms in the same order, so that results are equal bit for bit. That is what
// the pass is for: the oracle of the rolled form.
#include "passes/pass.h"
#include "passes/rebuild.h"

enum { MOST_STEPS = 1 << 16 };

// A delay along another axis that waits for its operand 0.
typedef struct late_operand {
    node_id delay;
    node_id source; // old
    int64_t step;
} late_operand;

typedef struct unroller {
    graph *g; // its nodes are the new ones
    arena *scratch;
    diag_sink *d;
    int axis;
    int64_t steps;
    const int64_t *extents; // by axis, of those that are unrolled
    const node *old;
    node_id
        *whole; // by old node: the value at all steps, or of a node without the axis; NO_NODE: not made yet
    node_id **members; // by old node with the axis: the value at each step, each NO_NODE until made
    VEC(late_operand) late;
} unroller;

static bool runs_along(const unroller *u, node_id old) {
    return (u->old[old].type.axes & AXIS_BIT(u->axis)) != 0;
}

static value_type one_step(const unroller *u, value_type type) {
    type.axes &= (axis_set)~AXIS_BIT(u->axis);
    return type;
}

// The op reads its operands at one index of the axis, or gives them back at one.
static bool steps_along(const unroller *u, const node *n) {
    bool moves =
        op_has(n->op, DELAY) || n->op == OP_FIRST || n->op == OP_LAST || n->op == OP_STACK || n->op == OP_AT;
    return moves && n->attr[0].i == u->axis;
}

static node_id add(unroller *u, const node *like, value_type type, const node_id *operands) {
    u->g->current_origin = like->origin;
    return graph_add_node(u->g, NULL, like->op, type, operands, like->operand_count, like->attr);
}

static node_id whole_leaf(unroller *u, const node *leaf) {
    u->g->current_origin = leaf->origin;
    bool extent = leaf->op == OP_EXTENT && leaf->attr[0].i == u->axis;
    return extent ? build_const(u->g, leaf->type, (double)u->steps) : add(u, leaf, leaf->type, NULL);
}

// The value of an old node at all steps.
static node_id whole_of(unroller *u, node_id old) {
    const node *was = &u->old[old];
    if (u->whole[old] != NO_NODE) {
        return u->whole[old];
    }
    if (op_has(was->op, LEAF)) {
        u->whole[old] = whole_leaf(u, was);
    } else if (u->members[old]) {
        attr_value attrs[MAX_ATTRS] = {{.i = u->axis}};
        u->g->current_origin = was->origin;
        u->whole[old] =
            graph_add_node(u->g, NULL, OP_STACK, (value_type){0}, u->members[old], (uint32_t)u->steps, attrs);
    }
    return u->whole[old];
}

static node_id taken_at(unroller *u, node_id old, int64_t step) {
    const node *was = &u->old[old];
    if (was->op == OP_CONST || was->op == OP_INDEX) {
        u->g->current_origin = was->origin;
        return build_const(u->g, one_step(u, was->type), was->op == OP_CONST ? was->attr[0].f : (double)step);
    }
    node_id whole = whole_of(u, old);
    attr_value attrs[MAX_ATTRS] = {{.i = u->axis}, {.i = step}};
    u->g->current_origin = was->origin;
    return graph_add_node(u->g, NULL, OP_AT, (value_type){0}, &whole, 1, attrs);
}

static void set_member(unroller *u, node_id old, int64_t step, node_id value) {
    if (!u->members[old]) {
        u->members[old] = arena_new_array(u->scratch, node_id, u->steps);
        for (int64_t t = 0; t < u->steps; t++) {
            u->members[old][t] = NO_NODE;
        }
    }
    u->members[old][step] = value;
}

static bool stays_whole(op_id op) {
    return op_has(op, LEAF) || op == OP_SEGMENT;
}

// The value of an old node at one step; NO_NODE if it is not made yet.
static node_id member_of(unroller *u, node_id old, int64_t step) {
    if (!runs_along(u, old)) {
        return whole_of(u, old);
    }
    if (stays_whole(u->old[old].op) && (!u->members[old] || u->members[old][step] == NO_NODE)) {
        set_member(u, old, step, taken_at(u, old, step));
    }
    return u->members[old] ? u->members[old][step] : NO_NODE;
}

// A member of a member is found through memory of its own: a place has one index that is picked.
static node_id settled_member_of(unroller *u, node_id old, int64_t step) {
    node_id member = member_of(u, old, step);
    if (runs_along(u, old) && graph_node(u->g, member)->op == OP_AT) {
        member = build_unary(u->g, OP_COPY, member);
        set_member(u, old, step, member);
    }
    return member;
}

static void wait_for(unroller *u, node_id delay, node_id source, int64_t step) {
    late_operand late = {delay, source, step};
    vec_push(u->scratch, u->late, late);
}

// A delay, an end, a member or a stack along the axis is another node's member.
static node_id alias_of(unroller *u, const node *was, int64_t step) {
    switch (was->op) {
    case OP_PREVIOUS: return step ? member_of(u, was->operands[0], step - 1) : whole_of(u, was->operands[1]);
    case OP_FOLLOWING:
        return step + 1 < u->steps ? member_of(u, was->operands[0], step + 1) : whole_of(u, was->operands[1]);
    case OP_FIRST: return member_of(u, was->operands[0], 0);
    case OP_LAST: return member_of(u, was->operands[0], u->steps - 1);
    case OP_AT: return member_of(u, was->operands[0], was->attr[1].i);
    default: return whole_of(u, was->operands[step]);
    }
}

// A section or spread whose result runs along the axis.
static bool moves_onto(const unroller *u, const node *n) {
    return (n->op == OP_SECTION && n->attr[1].i == u->axis) ||
           (n->op == OP_SPREAD && n->attr[0].i == u->axis);
}

// One index of what is moved onto the axis: of the operand, or zero where a spread has nothing.
static node_id moved_member(unroller *u, const node *was, int64_t step) {
    bool spreads = was->op == OP_SPREAD;
    int axis = (int)was->attr[0].i, part = (int)was->attr[1].i;
    int64_t begin = was->attr[2].i < 0 ? u->extents[axis] + was->attr[2].i : was->attr[2].i;
    int64_t index = spreads ? step - begin : step + begin;
    if (spreads && (index < 0 || index >= u->extents[part])) {
        u->g->current_origin = was->origin;
        return build_const(u->g, one_step(u, was->type), 0);
    }
    node_id whole = whole_of(u, was->operands[0]);
    attr_value attrs[MAX_ATTRS] = {{.i = spreads ? part : axis}, {.i = index}};
    u->g->current_origin = was->origin;
    return graph_add_node(u->g, NULL, OP_AT, (value_type){0}, &whole, 1, attrs);
}

static void make_member(unroller *u, node_id old, int64_t step) {
    const node *was = &u->old[old];
    if (moves_onto(u, was)) {
        set_member(u, old, step, moved_member(u, was, step));
        return;
    }
    if (steps_along(u, was)) {
        set_member(u, old, step, alias_of(u, was, step));
        return;
    }
    node_id *operands = arena_new_array(u->scratch, node_id, was->operand_count + 1);
    for (uint32_t i = 0; i < was->operand_count; i++) {
        operands[i] = (was->op == OP_AT ? settled_member_of : member_of)(u, was->operands[i], step);
    }
    node_id member = add(u, was, one_step(u, was->type), operands);
    if (op_has(was->op, DELAY) && operands[0] == NO_NODE) {
        wait_for(u, member, was->operands[0], step);
    }
    set_member(u, old, step, member);
}

// A node that does not run along the axis, or mixes its steps.
static void make_whole(unroller *u, node_id old) {
    const node *was = &u->old[old];
    if (steps_along(u, was)) {
        u->whole[old] = alias_of(u, was, 0);
        return;
    }
    node_id *operands = arena_new_array(u->scratch, node_id, was->operand_count + 1);
    for (uint32_t i = 0; i < was->operand_count; i++) {
        operands[i] = whole_of(u, was->operands[i]);
    }
    u->whole[old] = add(u, was, was->type, operands);
    if (op_has(was->op, DELAY) && operands[0] == NO_NODE) {
        wait_for(u, u->whole[old], was->operands[0], 0);
    }
}

static void make_node(unroller *u, node_id old) {
    op_id op = u->old[old].op;
    if (op_has(op, LEAF)) {
        return; // made where it is read
    }
    if (!runs_along(u, old) || stays_whole(op)) {
        make_whole(u, old);
        return;
    }
    for (int64_t t = 0; t < u->steps; t++) {
        make_member(u, old, t);
    }
}

// The nodes of a recurrence along the axis, step after step.
static rnnc_status make_recurrence(unroller *u, const graph_step *step) {
    for (uint32_t k = 0; k < step->count; k++) {
        if (!runs_along(u, step->nodes[k]) || stays_whole(u->old[step->nodes[k]].op)) {
            return diag_fail(u->d, RNNC_UNSUPPORTED, NO_SPAN, "unroll: %s within a recurrence",
                             op_get(u->old[step->nodes[k]].op)->mnemonic);
        }
    }
    for (int64_t i = 0; i < u->steps; i++) {
        for (uint32_t k = 0; k < step->count; k++) {
            make_member(u, step->nodes[k], step->direction > 0 ? i : u->steps - 1 - i);
        }
    }
    return RNNC_OK;
}

// What is joined or picked along the axis must agree with its extent.
static rnnc_status check_members(const unroller *u, uint32_t count) {
    for (node_id n = 0; n < count; n++) {
        const node *at = &u->old[n];
        bool longer = at->op == OP_AT && steps_along(u, at) && at->attr[1].i >= u->steps;
        bool other = at->op == OP_STACK && steps_along(u, at) && at->operand_count != u->steps;
        if (longer || other) {
            return diag_fail(u->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "unroll: %s does not fit the %lld steps of axis %s", op_get(at->op)->mnemonic,
                             (long long)u->steps, u->g->axes.at[u->axis].name);
        }
    }
    return RNNC_OK;
}

static void start(unroller *u, uint32_t count) {
    u->whole = arena_new_array(u->scratch, node_id, count);
    u->members = arena_new_array(u->scratch, node_id *, count);
    for (node_id n = 0; n < count; n++) {
        u->whole[n] = NO_NODE;
    }
    u->g->nodes.at = NULL;
    u->g->nodes.count = u->g->nodes.capacity = 0;
}

static void finish(unroller *u) {
    graph *g = u->g;
    for (uint32_t i = 0; i < u->late.count; i++) {
        late_operand late = u->late.at[i];
        graph_set_operand(g, late.delay, 0, member_of(u, late.source, late.step));
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        g->outputs.at[i].node = whole_of(u, g->outputs.at[i].node);
    }
    if (g->axes.at[u->axis].kind == AXIS_IS_SEQUENCE) {
        g->axes.at[u->axis].kind = AXIS_IS_FIXED; // a part follows
        g->axes.at[u->axis].size = u->steps;
    }
    g->current_origin = 0;
}

static rnnc_status make_step(unroller *u, const graph_step *step) {
    if (step->axis == u->axis) {
        return make_recurrence(u, step);
    }
    for (uint32_t k = 0; k < step->count; k++) {
        make_node(u, step->nodes[k]);
    }
    return RNNC_OK;
}

static rnnc_status unroll_axis(graph *g, pass_context *cx, int axis, const int64_t *extents) {
    graph_order order;
    TRY(graph_order_compute(g, cx->scratch, cx->d, &order));
    unroller u = {.g = g,
                  .scratch = cx->scratch,
                  .d = cx->d,
                  .axis = axis,
                  .steps = extents[axis],
                  .extents = extents,
                  .old = g->nodes.at};
    uint32_t count = g->nodes.count;
    TRY(check_members(&u, count));
    start(&u, count);
    for (uint32_t i = 0; i < order.count; i++) {
        TRY(make_step(&u, &order.steps[i]));
    }
    finish(&u);
    return RNNC_OK;
}

// Writes to how many steps each axis is unrolled, 0 for those that stay; an axis and its parts go together.
static rnnc_status choose_steps(const graph *g, pass_context *cx, int64_t *out_steps) {
    for (uint32_t a = 0; a < g->axes.count; a++) {
        const axis_info *info = &g->axes.at[a];
        bool unrolls = cx->unroll[a] > 0 && info->kind == AXIS_IS_SEQUENCE && pass_may_rewrite(cx);
        out_steps[a] = unrolls ? cx->unroll[a] : 0;
        if (unrolls && cx->unroll[a] > MOST_STEPS) {
            return diag_fail(cx->d, RNNC_UNSUPPORTED, NO_SPAN,
                             "axis %s: at most %d steps can be unrolled, not %lld", info->name, MOST_STEPS,
                             (long long)cx->unroll[a]);
        }
        bool part = info->kind == AXIS_IS_PART && out_steps[info->part.of] > 0;
        TRY(part ? part_bind(info->part, (int)a, g->axes.at[info->part.of].name, out_steps, cx->d) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status pass_unroll(graph *g, pass_context *cx) {
    int64_t steps[MAX_AXES] = {0};
    TRY(choose_steps(g, cx, steps));
    // The outermost axis last: what is stacked along it then lies in the order of memory.
    for (int axis = (int)g->axes.count - 1; axis > AXIS_BATCH; axis--) {
        TRY(steps[axis] > 0 ? unroll_axis(g, cx, axis, steps) : RNNC_OK);
    }
    return RNNC_OK;
}
