// The verifier of plans. What can be worked out from the graph is worked out again and compared.
#include "ir/order.h"
#include "passes/buffers.h"
#include "passes/dependence.h"
#include "passes/grouping.h"
#include "passes/plan_text.h"

typedef struct plan_check {
    const graph *g;
    const plan *p;
    const plan_lines *lines;
    arena *scratch;
    diag_sink *d;
    graph_order order;
    bool *after_reduction; // by node: in its group, it follows a reduction over columns
    uint32_t *position;    // by group: in the order of calls
    uint32_t placed;
    uint32_t *member; // by group: the first place of the set's member that it is in; UINT32_MAX: in no set
    uint32_t *set;    // by group: the first place of the set; UINT32_MAX: none
    uint32_t group;   // being looked at
    bool found;       // see check_source
} plan_check;

static span line_of_loop(const plan_check *c, uint32_t loop) {
    return c->lines && loop < c->lines->loops.count ? c->lines->loops.at[loop] : NO_SPAN;
}

static span line_of_group(const plan_check *c, uint32_t group) {
    return c->lines && group < c->lines->groups.count ? c->lines->groups.at[group] : NO_SPAN;
}

static rnnc_status fail_loop(const plan_check *c, uint32_t loop, node_id n, const char *what) {
    return diag_error(c->d, line_of_loop(c, loop), "loop %u: %%%u %s %s", loop, n,
                      op_get(graph_node(c->g, n)->op)->mnemonic, what);
}

static rnnc_status fail_group(const plan_check *c, uint32_t group, node_id n, const char *what) {
    return diag_error(c->d, line_of_group(c, group), "group %u: %%%u %s %s", group, n,
                      op_get(graph_node(c->g, n)->op)->mnemonic, what);
}

// ---- Loops ----

static rnnc_status check_recurrence(const plan_check *c, const graph_step *step, bool *stepped) {
    uint32_t loop = c->p->loop_of[step->nodes[0]];
    if (loop == NO_LOOP) {
        return diag_error(c->d, graph_origin(c->g, step->nodes[0])->where,
                          "%%%u is part of a recurrence and in no loop of the plan", step->nodes[0]);
    }
    const plan_loop *at = &c->p->loops.at[loop];
    for (uint32_t i = 0; i < step->count; i++) {
        if (c->p->loop_of[step->nodes[i]] != loop) {
            return fail_loop(c, loop, step->nodes[i], "is part of its recurrence and not in the loop");
        }
    }
    if (at->axis != step->axis || at->direction != step->direction || stepped[loop]) {
        return fail_loop(c, loop, step->nodes[0],
                         stepped[loop]
                             ? "is part of a second recurrence"
                             : "is part of a recurrence along another axis or in another direction");
    }
    stepped[loop] = true;
    return RNNC_OK;
}

static bool has_recurrence(const plan_check *c, node_id n) {
    uint32_t step = c->order.step_of[n];
    return step != UINT32_MAX && c->order.steps[step].axis != NO_AXIS;
}

// Beside its recurrence, a loop computes what only its steps read.
static rnnc_status check_sunk(const plan_check *c, node_id n) {
    uint32_t loop = c->p->loop_of[n];
    if (loop == NO_LOOP || has_recurrence(c, n)) {
        return RNNC_OK;
    }
    const node *at = graph_node(c->g, n);
    bool movable = (op_has(at->op, POINTWISE) && at->op != OP_COPY) || at->op == OP_SLICE;
    if (!movable || !(at->type.axes & AXIS_BIT(c->p->loops.at[loop].axis)) ||
        c->order.step_of[n] == UINT32_MAX) {
        return fail_loop(c, loop, n, "cannot be computed step by step");
    }
    return RNNC_OK;
}

static rnnc_status check_readers(const plan_check *c, node_id user) {
    const node *at = graph_node(c->g, user);
    for (uint32_t i = 0; i < at->operand_count && c->order.step_of[user] != UINT32_MAX; i++) {
        node_id n = at->operands[i];
        uint32_t loop = c->p->loop_of[n];
        bool joins = op_has(at->op, DELAY | EFFECT) || at->op == OP_CONCAT || at->op == OP_STACK ||
                     at->op == OP_INSERT;
        if (loop != NO_LOOP && !has_recurrence(c, n) && (joins || c->p->loop_of[user] != loop)) {
            return fail_loop(c, loop, n, "is read from outside of its steps");
        }
    }
    return RNNC_OK;
}

static rnnc_status check_recurrences(const plan_check *c) {
    bool *stepped = arena_new_array(c->scratch, bool, c->p->loops.count + 1);
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < c->order.count && status == RNNC_OK; i++) {
        const graph_step *step = &c->order.steps[i];
        status = step->axis == NO_AXIS ? RNNC_OK : check_recurrence(c, step, stepped);
    }
    TRY(status);
    for (uint32_t i = 0; i < c->p->loops.count; i++) {
        if (!stepped[i]) {
            return diag_error(c->d, line_of_loop(c, i), "loop %u has no recurrence", i);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_loops(const plan_check *c) {
    TRY(check_recurrences(c));
    for (node_id n = 0; n < c->g->nodes.count; n++) {
        TRY(check_sunk(c, n));
        TRY(check_readers(c, n));
    }
    for (uint32_t i = 0; i < c->g->outputs.count; i++) {
        node_id n = c->g->outputs.at[i].node;
        if (c->p->loop_of[n] != NO_LOOP && !has_recurrence(c, n)) {
            return fail_loop(c, c->p->loop_of[n], n, "is an output and read from outside of its steps");
        }
    }
    return RNNC_OK;
}

// ---- Groups ----

static bool same_group(const plan_group *a, const plan_group *b) {
    return a->kind == b->kind && a->loop == b->loop && a->axes == b->axes && a->rank == b->rank &&
           a->dim[0] == b->dim[0] && a->dim[1] == b->dim[1] && a->root == b->root && a->gates == b->gates &&
           a->boundary == b->boundary && a->prepare == b->prepare;
}

// What the group's nodes make of it.
static plan_group derive_group(const plan_check *c, const plan_group *at) {
    if (at->boundary != NO_NODE) {
        return group_of_boundary(c->g, c->p, at->boundary);
    }
    node_id first = at->nodes.at[0];
    for (uint32_t i = 0; i < at->nodes.count; i++) {
        first = group_role_of(c->g, at->nodes.at[i]) == GROUP_ROLE_ALONE ? at->nodes.at[i] : first;
    }
    plan_group derived = group_of_node(c->g, c->p, first);
    for (uint32_t i = 0; i < at->nodes.count; i++) {
        group_widen(c->g, &derived, at->nodes.at[i]);
    }
    return derived;
}

static rnnc_status check_form_of_group(const plan_check *c, uint32_t x) {
    const plan_group *at = &c->p->groups.at[x];
    plan_group derived = derive_group(c, at);
    if (same_group(at, &derived)) {
        return RNNC_OK;
    }
    derived.nodes.at = at->nodes.at;
    derived.nodes.count = at->nodes.count;
    plan shown = {.groups = {.at = &derived, .count = 1}};
    strbuf text = {0};
    plan_print_group(c->g, &shown, 0, &text);
    const char *fields = strchr(strbuf_text(&text) + strlen("group "), ' ');
    rnnc_status status = diag_error(c->d, line_of_group(c, x), "the nodes of this group make it group %u%s",
                                    x, fields ? fields : "");
    strbuf_deinit(&text);
    return status;
}

static void check_source(void *user, uint32_t source) {
    plan_check *c = user;
    c->found |= source == c->group;
}

// Whether operand |i| of |n| is found in a register; then it was computed before.
static rnnc_status check_operand(plan_check *c, node_id n, uint32_t i) {
    const plan_group *into = &c->p->groups.at[c->group];
    const node *at = graph_node(c->g, n);
    node_id x = at->operands[i];
    bool in_register = group_register(c->g, c->p, c->group, x) != NO_NODE;
    if (i == 0 && op_has(at->op, EFFECT)) {
        return RNNC_OK;
    }
    if (in_register && !group_reads_memory(at, i)) {
        bool known = c->position[x] < c->position[n] || graph_node(c->g, x)->op == OP_SLICE;
        return known ? RNNC_OK : fail_group(c, c->group, n, "stands before what it is computed from");
    }
    if (into->kind == KERNEL_PRODUCT && n != into->root && !group_reads_rows_plainly(c->g, c->p, into, x)) {
        return fail_group(c, c->group, n, "reads other rows than those of the product");
    }
    c->found = false;
    plan_visit_sources(c->g, c->p, x, into->loop, check_source, c);
    return c->found ? fail_group(c, c->group, n, "reads a result of its own group through memory") : RNNC_OK;
}

static bool follows_reduction(const plan_check *c, const node *n) {
    bool follows = false;
    for (uint32_t i = 0; i < n->operand_count; i++) {
        node_id x = group_register(c->g, c->p, c->group, n->operands[i]);
        follows |= x != NO_NODE && c->after_reduction[x];
    }
    return follows;
}

static rnnc_status check_member(plan_check *c, node_id n) {
    const plan_group *into = &c->p->groups.at[c->group];
    const node *at = graph_node(c->g, n);
    bool mapped = group_role_of(c->g, n) == GROUP_ROLE_MAPPED;
    if (n != into->root && (!mapped || (into->kind != KERNEL_MAP && into->kind != KERNEL_PRODUCT))) {
        return fail_group(c, c->group, n, "cannot be part of a group of this kind");
    }
    if (n != into->root && (c->p->loop_of[n] != into->loop || group_row_axes(c->g, c->p, n) != into->axes ||
                            !group_columns_fit(c->g, into, n))) {
        return fail_group(c, c->group, n, "has other rows or columns than the group");
    }
    for (uint32_t i = 0; i < at->operand_count; i++) {
        TRY(check_operand(c, n, i));
    }
    bool follows = follows_reduction(c, at);
    c->after_reduction[n] = follows || group_folds_columns(at);
    bool spans = group_folds_columns(at) || type_columns(at->type) > 1;
    return n != into->root && follows && spans
               ? fail_group(c, c->group, n, "needs a second pass over the columns")
               : RNNC_OK;
}

static rnnc_status check_group(plan_check *c, uint32_t x) {
    const plan_group *at = &c->p->groups.at[x];
    c->group = x;
    if ((at->boundary == NO_NODE) == (at->nodes.count == 0) || at->nodes.count > GROUP_MAX_NODES) {
        return diag_error(c->d, line_of_group(c, x),
                          "group %u starts a delay or has 1 to %d nodes, and not both", x, GROUP_MAX_NODES);
    }
    TRY(check_form_of_group(c, x));
    // Numbers of nodes serve as places in the group: what it reads from itself must stand before.
    for (uint32_t i = 0; i < at->nodes.count; i++) {
        c->position[at->nodes.at[i]] = i;
    }
    for (uint32_t i = 0; i < at->nodes.count; i++) {
        TRY(check_member(c, at->nodes.at[i]));
    }
    return RNNC_OK;
}

// Every node that needs a group stands in exactly one, the one that the plan's table names.
static rnnc_status check_partition(const plan_check *c) {
    const plan *p = c->p;
    uint32_t *seen = arena_new_array(c->scratch, uint32_t, c->g->nodes.count);
    for (uint32_t x = 0; x < p->groups.count; x++) {
        const plan_group *at = &p->groups.at[x];
        bool starts = at->boundary != NO_NODE;
        for (uint32_t i = 0; i < (starts ? 1 : at->nodes.count); i++) {
            node_id n = starts ? at->boundary : at->nodes.at[i];
            group_role role = group_role_of(c->g, n);
            if (role == GROUP_ROLE_NONE || starts != (role == GROUP_ROLE_BOUNDARY) ||
                c->order.step_of[n] == UINT32_MAX) {
                return fail_group(c, x, n, "is not what a group of this kind computes");
            }
            if (seen[n]++ || p->group_of[n] != x) {
                return fail_group(c, x, n, "is in another group too");
            }
        }
    }
    for (node_id n = 0; n < c->g->nodes.count; n++) {
        bool needed = c->order.step_of[n] != UINT32_MAX && group_role_of(c->g, n) != GROUP_ROLE_NONE;
        if (needed != (seen[n] == 1)) {
            return diag_error(c->d, graph_origin(c->g, n)->where, "%%%u %s is in no group of the plan", n,
                              op_get(graph_node(c->g, n)->op)->mnemonic);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_groups(plan_check *c) {
    c->after_reduction = arena_new_array(c->scratch, bool, c->g->nodes.count);
    c->position = arena_new_array(c->scratch, uint32_t, c->g->nodes.count);
    TRY(check_partition(c));
    for (uint32_t x = 0; x < c->p->groups.count; x++) {
        TRY(check_group(c, x));
    }
    return RNNC_OK;
}

// ---- Order ----

static rnnc_status place_group(plan_check *c, uint32_t x, uint32_t loop) {
    if (c->p->groups.at[x].loop != loop) {
        return diag_error(c->d, line_of_group(c, x), "group %u is run outside of its loop, or in another", x);
    }
    if (c->position[x] != UINT32_MAX) {
        return diag_error(c->d, line_of_group(c, x), "group %u is run twice", x);
    }
    c->position[x] = c->placed++;
    return RNNC_OK;
}

static rnnc_status place_items(plan_check *c, const plan_item *items, uint32_t count) {
    uint32_t loop_end = 0, set_end = 0, set = 0, loop = NO_LOOP, member = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (plan_is_set(&items[i])) {
            set_end = i + 1 + items[i].length;
            set = c->placed;
            continue;
        }
        member = i >= loop_end ? c->placed : member;
        if (items[i].loop != NO_LOOP) {
            loop = items[i].loop;
            loop_end = i + 1 + items[i].length;
            continue;
        }
        TRY(place_group(c, items[i].group, i < loop_end ? loop : NO_LOOP));
        c->set[items[i].group] = i < set_end ? set : UINT32_MAX;
        c->member[items[i].group] = i < set_end ? member : UINT32_MAX;
    }
    return RNNC_OK;
}

// Members of a set run side by side: none waits for another.
static void check_waited_for(void *user, uint32_t source) {
    plan_check *c = user;
    bool beside = c->set[source] == c->set[c->group] && c->member[source] != c->member[c->group];
    c->found |= source != c->group && (beside || c->position[source] > c->position[c->group]);
}

static rnnc_status check_prepared(const plan_check *c) {
    bool changes = false;
    for (node_id n = 0; n < c->g->nodes.count; n++) {
        changes |= op_has(graph_node(c->g, n)->op, EFFECT);
    }
    for (uint32_t i = 0; i < c->p->prepare.count; i++) {
        uint32_t x = c->p->prepare.at[i].group;
        if (c->p->prepare.at[i].loop != NO_LOOP || !c->p->groups.at[x].prepare || changes) {
            return diag_error(c->d, line_of_group(c, x),
                              "group %u cannot be prepared once for many runs: it depends on a run", x);
        }
    }
    return RNNC_OK;
}

// A loop's groups follow each other, so that whatever runs before one of them and is not in the loop runs before all.
static rnnc_status check_order(plan_check *c) {
    c->position = arena_new_array(c->scratch, uint32_t, c->p->groups.count);
    c->member = arena_new_array(c->scratch, uint32_t, c->p->groups.count);
    c->set = arena_new_array(c->scratch, uint32_t, c->p->groups.count);
    for (uint32_t x = 0; x < c->p->groups.count; x++) {
        c->position[x] = c->member[x] = c->set[x] = UINT32_MAX;
    }
    TRY(check_prepared(c));
    TRY(place_items(c, c->p->prepare.at, c->p->prepare.count));
    TRY(place_items(c, c->p->items.at, c->p->items.count));
    for (uint32_t x = 0; x < c->p->groups.count; x++) {
        c->group = x;
        c->found = false;
        dependence_visit(c->g, c->p, x, check_waited_for, c);
        if (c->position[x] == UINT32_MAX || c->found) {
            return diag_error(c->d, line_of_group(c, x), "group %u %s", x,
                              c->found ? "is run before or beside what it waits for" : "is not run");
        }
    }
    return RNNC_OK;
}

static rnnc_status check_loop_items(const plan_check *c) {
    bool *run = arena_new_array(c->scratch, bool, c->p->loops.count + 1);
    for (uint32_t i = 0; i < c->p->items.count; i++) {
        uint32_t loop = c->p->items.at[i].loop;
        if (loop != NO_LOOP && run[loop]) {
            return diag_error(c->d, line_of_loop(c, loop), "loop %u is run twice", loop);
        }
        if (loop != NO_LOOP) {
            run[loop] = true;
        }
    }
    return RNNC_OK;
}

rnnc_status plan_verify(const graph *g, const plan *p, const plan_lines *lines, arena *scratch,
                        diag_sink *d) {
    plan_check c = {.g = g, .p = p, .lines = lines, .scratch = scratch, .d = d};
    TRY(group_check_form(g, p->shape, scratch, d));
    TRY(graph_order_compute(g, scratch, d, &c.order));
    TRY(check_loops(&c));
    TRY(check_groups(&c));
    if (p->stage < PLAN_ORDERED) {
        return RNNC_OK;
    }
    TRY(check_loop_items(&c));
    return check_order(&c);
}

// ---- Blocks ----

static rnnc_status check_apart(const plan *p, const plan_moment *moments, uint32_t i, span where,
                               diag_sink *d) {
    const plan_block *a = &p->blocks.at[i];
    int64_t end = a->offset + plan_rounded(a->bytes);
    for (uint32_t k = 0; k < i; k++) {
        const plan_block *b = &p->blocks.at[k];
        bool apart = end <= b->offset || b->offset + plan_rounded(b->bytes) <= a->offset;
        if (!apart && plan_live_together(moments, a, b)) {
            return diag_error(d, where, "the blocks of %%%u and %%%u share memory while both are live",
                              b->owner, a->owner);
        }
    }
    return RNNC_OK;
}

rnnc_status plan_verify_blocks(const graph *g, plan *p, const plan_lines *lines, arena *scratch,
                               diag_sink *d) {
    buffering b;
    buffers_count_ticks(g, p, scratch, &b);
    int64_t end = 0;
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        const plan_block *at = &p->blocks.at[i];
        span where = lines && lines->blocks ? lines->blocks[i] : NO_SPAN;
        if (at->offset < 0 || at->offset % PLAN_ALIGNMENT || at->bytes <= 0 || at->bytes > p->arena_bytes ||
            at->offset > p->arena_bytes - plan_rounded(at->bytes)) {
            return diag_error(d, where,
                              "the block of %%%u at %lld leaves the arena of %lld bytes, or is not "
                              "at a multiple of %d",
                              at->owner, (long long)at->offset, (long long)p->arena_bytes, PLAN_ALIGNMENT);
        }
        int64_t last = at->offset + plan_rounded(at->bytes);
        end = last > end ? last : end;
        TRY(check_apart(p, b.moments, i, where, d));
    }
    return end == p->arena_bytes ? RNNC_OK
                                 : diag_error(d, NO_SPAN, "the arena has %lld bytes, its blocks %lld",
                                              (long long)p->arena_bytes, (long long)end);
}
