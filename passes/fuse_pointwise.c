// fuse-pointwise: convex clusters of nodes become one kernel each.
//
// Element-wise nodes over the same rows and columns join the group of an operand; where that operand is a
// product, they become the product's epilogue and never touch memory in between:
//
//     %p = matmul %h, %w ; %i = sigmoid (slice %p 0) ; … ; %c2 = add … ; %h2 = mul …     -> one PRODUCT group
//     %l = log_sum_exp %x ; %n = sub %l, (pick %x, %t)                                    -> one MAP group
//
// A group is convex: nothing outside of it stands between two of its nodes. Element-wise work outside of a
// recurrence that only the steps of one recurrence read is sunk into them. Groups inside a recurrence belong to its loop.
// Without --passes=fuse-pointwise's merging (rewrites exhausted) every node is a kernel of its own.
#include "ir/order.h"
#include "passes/dependence.h"
#include "passes/grouping.h"
#include "passes/pass.h"

typedef struct fusion {
    graph *g;
    pass_context *cx;
    plan *p;
    uint32_t *position; // by node, in the order of evaluation
    node_id *sequence;  // by position
    uint32_t length;
    bool *after_reduction;           // by node: in its group, it follows a reduction over columns
    bool *only_folded;               // by node: see find_only_folded
    uint32_t *uses;                  // by node: how often operands and outputs name it
    uint32_t *met, *uses_met, round; // see argument_count
    const bool *first;               // by node: see gradients_first_half
} fusion;

// ---- Loops, and what is sunk into them ----

static void assign_loops(fusion *f, const graph_order *order) {
    for (uint32_t i = 0; i < order->count; i++) {
        const graph_step *step = &order->steps[i];
        uint32_t loop = NO_LOOP;
        if (step->axis != NO_AXIS) {
            plan_loop added = {step->axis, step->direction};
            vec_push(f->p->memory, f->p->loops, added);
            loop = f->p->loops.count - 1;
        }
        for (uint32_t k = 0; k < step->count; k++) {
            f->p->loop_of[step->nodes[k]] = loop;
            f->position[step->nodes[k]] = f->length;
            f->sequence[f->length++] = step->nodes[k];
        }
    }
}

// The loop that all readers of a value are in, NO_LOOP if there is none, as first found in |*loop|.
static bool readers_in_one_loop(const fusion *f, node_id n, uint32_t *loop) {
    for (uint32_t at = f->position[n] + 1; at < f->length; at++) {
        const node *user = graph_node(f->g, f->sequence[at]);
        for (uint32_t i = 0; i < user->operand_count; i++) {
            if (user->operands[i] != n) {
                continue;
            }
            uint32_t in = f->p->loop_of[f->sequence[at]];
            if (in == NO_LOOP || op_has(user->op, DELAY | EFFECT) || user->op == OP_CONCAT ||
                user->op == OP_STACK || user->op == OP_INSERT || (*loop != NO_LOOP && *loop != in)) {
                return false;
            }
            *loop = in;
        }
    }
    return true;
}

static bool is_output(const graph *g, node_id n) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].node == n) {
            return true;
        }
    }
    return false;
}

static bool reads_outer_product(const fusion *f, const node *n) {
    for (uint32_t i = 0; i < n->operand_count; i++) {
        node_id x = n->operands[i];
        if (op_has(graph_node(f->g, x)->op, PRODUCT | REDUCE) && f->p->loop_of[x] == NO_LOOP) {
            return true;
        }
    }
    return false;
}

static void sink_into_loops(fusion *f) {
    for (uint32_t at = f->length; at-- > 0;) {
        node_id n = f->sequence[at];
        const node *x = graph_node(f->g, n);
        bool movable = (op_has(x->op, POINTWISE) && x->op != OP_COPY) || x->op == OP_SLICE;
        uint32_t loop = NO_LOOP;
        if (f->p->loop_of[n] != NO_LOOP || !movable || is_output(f->g, n) ||
            !readers_in_one_loop(f, n, &loop) || loop == NO_LOOP || reads_outer_product(f, x)) {
            continue;
        }
        if ((x->type.axes & AXIS_BIT(f->p->loops.at[loop].axis)) && pass_may_rewrite(f->cx)) {
            f->p->loop_of[n] = loop;
        }
    }
}

// Marks what all readers fold over the columns, at once or after more element-wise work: squares of a norm.
// As the epilogue of a product it would be stored for a fold that cannot follow there; beside the fold it is
// a register.
static void find_only_folded(fusion *f) {
    uint32_t *folded_uses = arena_new_array(f->cx->scratch, uint32_t, f->g->nodes.count);
    for (uint32_t at = f->length; at-- > 0;) {
        node_id n = f->sequence[at];
        const node *x = graph_node(f->g, n);
        bool outside = f->p->loop_of[n] == NO_LOOP, folds = group_folds_columns(x);
        f->only_folded[n] = outside && op_has(x->op, POINTWISE) && f->uses[n] && folded_uses[n] == f->uses[n];
        for (uint32_t i = 0; (folds || f->only_folded[n]) && i < x->operand_count; i++) {
            folded_uses[x->operands[i]]++;
        }
    }
}

// ---- Making groups ----

static uint32_t add_group(fusion *f, plan_group group) {
    vec_push(f->p->memory, f->p->groups, group);
    return f->p->groups.count - 1;
}

static void put(fusion *f, uint32_t group, node_id n) {
    vec_push(f->p->memory, f->p->groups.at[group].nodes, n);
    f->p->group_of[n] = group;
}

typedef struct path_check {
    fusion *f;
    uint32_t group;
    uint32_t own; // whose operands are looked at: |group| itself, or the other group of a merger
    bool found;   // a path from |group| through another group
    bool memory;  // |group| itself is read through memory
} path_check;

static void check_source(void *user, uint32_t source) {
    path_check *c = user;
    if (source == c->group) {
        c->memory = true;
    } else if (!c->found) {
        c->found = dependence_reaches(c->f->g, c->f->p, source, c->group, c->f->cx->scratch);
    }
}

static void check_readers(fusion *f, node_id effect, path_check *check) {
    node_id variable = graph_node(f->g, effect)->operands[0];
    for (node_id n = 0; n < f->g->nodes.count; n++) {
        const node *reader = graph_node(f->g, n);
        for (uint32_t i = 0; i < reader->operand_count; i++) {
            uint32_t in = f->p->group_of[n];
            bool elsewhere = in != NO_GROUP && in != check->group && in != check->own;
            if (reader->operands[i] == variable && n != effect && elsewhere) {
                check_source(check, in);
            }
            // Readers that are not in a group yet come later in the order, and must not: they have no place here.
        }
    }
}

static bool operands_fit(fusion *f, uint32_t group, node_id n) {
    const node *at = graph_node(f->g, n);
    path_check check = {f, group, group, false, false};
    const plan_group *into = &f->p->groups.at[group];
    for (uint32_t i = 0; i < at->operand_count; i++) {
        node_id x = at->operands[i];
        if ((group_register(f->g, f->p, group, x) != NO_NODE && !group_reads_memory(at, i)) ||
            (i == 0 && op_has(at->op, EFFECT))) {
            continue;
        }
        if (into->kind == KERNEL_PRODUCT && !group_reads_rows_plainly(f->g, f->p, into, x)) {
            return false;
        }
        plan_visit_sources(f->g, f->p, x, into->loop, check_source, &check);
    }
    if (op_has(at->op, EFFECT)) {
        check_readers(f, n, &check);
    }
    return !check.found && !check.memory;
}

static bool follows_reduction(const fusion *f, uint32_t group, const node *n) {
    for (uint32_t i = 0; i < n->operand_count; i++) {
        node_id x = group_register(f->g, f->p, group, n->operands[i]);
        if (x != NO_NODE && f->after_reduction[x]) {
            return true;
        }
    }
    return false;
}

static bool columns_fit(const fusion *f, const plan_group *into, node_id n) {
    return group_columns_fit(f->g, into, n) && !(into->kind == KERNEL_PRODUCT && f->only_folded[n]);
}

// The arguments of a kernel for the groups |a| and |b| (or NO_GROUP) and the node |n| (or NO_NODE): what is read from
// elsewhere, and what is or may be read from elsewhere, since not all of its readers are here yet.
typedef struct argument_count {
    fusion *f;
    uint32_t a, b;
    node_id joining;
    uint32_t round; // stamps what was met in this count
    uint32_t total;
} argument_count;

static bool is_counted_in(const argument_count *c, node_id n) {
    return n == c->joining || group_register(c->f->g, c->f->p, c->a, n) != NO_NODE ||
           (c->b != NO_GROUP && group_register(c->f->g, c->f->p, c->b, n) != NO_NODE);
}

static void count_operands(argument_count *c, node_id n) {
    fusion *f = c->f;
    const node *at = graph_node(f->g, n);
    for (uint32_t i = 0; i < at->operand_count; i++) {
        node_id x = at->operands[i];
        bool met = f->met[x] == c->round;
        f->uses_met[x] = met ? f->uses_met[x] + 1 : 1;
        f->met[x] = c->round;
        c->total += !met && !is_counted_in(c, x) && graph_node(f->g, x)->op != OP_CONST;
    }
}

// A variable that is read and assigned may be two arguments: read as one row, written as any.
static void count_result(argument_count *c, node_id n) {
    c->total += op_has(graph_node(c->f->g, n)->op, EFFECT);
    uint32_t here = c->f->met[n] == c->round ? c->f->uses_met[n] : 0;
    c->total += c->f->uses[n] > here;
}

static void count_group(argument_count *c, uint32_t group, void (*count)(argument_count *, node_id)) {
    for (uint32_t i = 0; group != NO_GROUP && i < c->f->p->groups.at[group].nodes.count; i++) {
        count(c, c->f->p->groups.at[group].nodes.at[i]);
    }
}

static bool arguments_fit(fusion *f, uint32_t a, uint32_t b, node_id n) {
    argument_count c = {f, a, b, n, ++f->round, n != NO_NODE};
    count_group(&c, a, count_operands);
    count_group(&c, b, count_operands);
    if (n != NO_NODE) {
        count_operands(&c, n);
    }
    count_group(&c, a, count_result);
    count_group(&c, b, count_result);
    return c.total <= KERNEL_MAX_ARGS;
}

// A kernel runs in one half of the program.
static bool same_half(const fusion *f, const plan_group *into, node_id n) {
    return !f->first || !into->nodes.count || f->first[into->nodes.at[0]] == f->first[n];
}

static bool can_join(fusion *f, uint32_t group, node_id n) {
    const plan_group *into = &f->p->groups.at[group];
    const node *at = graph_node(f->g, n);
    bool plain = (into->kind == KERNEL_MAP || into->kind == KERNEL_PRODUCT) && into->boundary == NO_NODE &&
                 !into->merged;
    if (!plain || into->loop != f->p->loop_of[n] || into->axes != group_row_axes(f->g, f->p, n) ||
        !columns_fit(f, into, n) || into->nodes.count >= GROUP_MAX_NODES || !same_half(f, into, n)) {
        return false;
    }
    bool spans_columns = group_folds_columns(at) || type_columns(at->type) > 1;
    return !(spans_columns && follows_reduction(f, group, at)) && arguments_fit(f, group, NO_GROUP, n) &&
           operands_fit(f, group, n);
}

static void join(fusion *f, uint32_t group, node_id n) {
    const node *at = graph_node(f->g, n);
    group_widen(f->g, &f->p->groups.at[group], n);
    f->after_reduction[n] = group_folds_columns(at) || follows_reduction(f, group, at);
    put(f, group, n);
}

// ---- Merging a whole group into another ----

// Whether group |a| reads group |b| in registers only, or not at all: through no memory and no third group.
static bool reads_only_in_register(fusion *f, uint32_t a, uint32_t b) {
    const plan_group *group = &f->p->groups.at[a];
    path_check check = {f, b, a, false, false};
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        const node *n = graph_node(f->g, group->nodes.at[i]);
        for (uint32_t k = 0; k < n->operand_count; k++) {
            bool internal =
                group_register(f->g, f->p, a, n->operands[k]) != NO_NODE ||
                (group_register(f->g, f->p, b, n->operands[k]) != NO_NODE && !group_reads_memory(n, k));
            if (!internal && !(k == 0 && op_has(n->op, EFFECT))) {
                plan_visit_sources(f->g, f->p, n->operands[k], group->loop, check_source, &check);
            }
        }
        if (op_has(n->op, EFFECT)) {
            check_readers(f, group->nodes.at[i], &check);
        }
    }
    return !check.found && !check.memory;
}

// |from| may move into |into| if all its nodes could have joined it and no path leaves the two and comes back.
static bool can_merge(fusion *f, uint32_t into, uint32_t from) {
    const plan_group *a = &f->p->groups.at[into], *b = &f->p->groups.at[from];
    if (b->kind != KERNEL_MAP || b->boundary != NO_NODE || b->merged || a->merged || a->boundary != NO_NODE ||
        (a->kind != KERNEL_MAP && a->kind != KERNEL_PRODUCT) || a->loop != b->loop || a->axes != b->axes ||
        a->nodes.count + b->nodes.count > GROUP_MAX_NODES || !arguments_fit(f, into, from, NO_NODE) ||
        (b->nodes.count && !same_half(f, a, b->nodes.at[0]))) {
        return false;
    }
    for (uint32_t i = 0; i < b->nodes.count; i++) {
        node_id n = b->nodes.at[i];
        if (!columns_fit(f, a, n) || (f->after_reduction[n] && a->kind == KERNEL_PRODUCT)) {
            return false;
        }
        const node *at = graph_node(f->g, n);
        for (uint32_t k = 0; a->kind == KERNEL_PRODUCT && k < at->operand_count; k++) {
            if (f->p->group_of[at->operands[k]] != from &&
                !group_reads_rows_plainly(f->g, f->p, a, at->operands[k])) {
                return false;
            }
        }
    }
    return reads_only_in_register(f, from, into) && reads_only_in_register(f, into, from);
}

// In one pass over the columns, nothing that spans columns may follow a reduction. Recomputes what follows one.
static bool keeps_phases(fusion *f, uint32_t x) {
    const plan_group *group = &f->p->groups.at[x];
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        const node *n = graph_node(f->g, group->nodes.at[i]);
        bool follows = follows_reduction(f, x, n);
        if (follows && (group_folds_columns(n) || type_columns(n->type) > 1)) {
            return false;
        }
        f->after_reduction[group->nodes.at[i]] = follows || group_folds_columns(n);
    }
    return true;
}

// Moves |from|'s nodes into |into|; undone, with false, if that would need a second pass over the columns.
static bool merge(fusion *f, uint32_t into, uint32_t from) {
    plan_group *a = &f->p->groups.at[into], *b = &f->p->groups.at[from];
    plan_group a_before = *a;
    node_id *nodes = arena_new_array(f->p->memory, node_id, a->nodes.count + b->nodes.count);
    uint32_t i = 0, k = 0, count = 0;
    while (i < a->nodes.count || k < b->nodes.count) {
        bool take_a = k == b->nodes.count ||
                      (i < a->nodes.count && f->position[a->nodes.at[i]] < f->position[b->nodes.at[k]]);
        nodes[count++] = take_a ? a->nodes.at[i++] : b->nodes.at[k++];
    }
    for (uint32_t m = 0; m < b->nodes.count; m++) {
        f->p->group_of[b->nodes.at[m]] = into;
    }
    if (a->kind == KERNEL_MAP && a->rank == 1 && a->dim[0] == 1) {
        a->rank = b->rank;
        a->dim[0] = b->dim[0];
        a->dim[1] = b->dim[1];
    }
    a->nodes.at = nodes;
    a->nodes.count = a->nodes.capacity = count;
    b->merged = keeps_phases(f, into);
    if (!b->merged) {
        *a = a_before;
        for (uint32_t m = 0; m < b->nodes.count; m++) {
            f->p->group_of[b->nodes.at[m]] = from;
        }
        keeps_phases(f, into);
        keeps_phases(f, from);
        return false;
    }
    b->nodes.count = 0;
    return true;
}

// The groups of |n|'s operands, also through a gate's slice; latest first. Returns their number.
static uint32_t operand_groups(const fusion *f, node_id n, uint32_t out[8]) {
    const node *at = graph_node(f->g, n);
    uint32_t count = 0;
    for (uint32_t i = 0; i < at->operand_count && count < 8; i++) {
        node_id x = at->operands[i];
        const node *operand = graph_node(f->g, x);
        node_id source = operand->op == OP_SLICE ? operand->operands[0] : x;
        if (op_has(operand->op, DELAY) || f->p->group_of[source] == NO_GROUP) {
            continue;
        }
        uint32_t group = f->p->group_of[source], k = 0;
        while (k < count && out[k] != group) {
            k++;
        }
        if (k == count) {
            out[count++] = group;
        }
    }
    return count;
}

// Products first: an epilogue saves a pass over memory.
static void place_mappable(fusion *f, node_id n) {
    uint32_t candidates[8], count = operand_groups(f, n, candidates), home = NO_GROUP;
    for (int round = 0; round < 2 && home == NO_GROUP; round++) {
        for (uint32_t i = count; i-- > 0 && home == NO_GROUP;) {
            bool product = f->p->groups.at[candidates[i]].kind == KERNEL_PRODUCT;
            if (product == (round == 0) && can_join(f, candidates[i], n) && pass_may_rewrite(f->cx)) {
                home = candidates[i];
            }
        }
    }
    if (home == NO_GROUP) {
        home = add_group(f, group_of_node(f->g, f->p, n));
    }
    join(f, home, n);
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i] != home && f->cx->rewrites_left != 0 && can_merge(f, home, candidates[i]) &&
            merge(f, home, candidates[i])) {
            pass_may_rewrite(f->cx);
        }
    }
}

// ---- One node at a time ----

static void place(fusion *f, node_id n) {
    switch (group_role_of(f->g, n)) {
    case GROUP_ROLE_NONE: break;
    case GROUP_ROLE_BOUNDARY: f->p->group_of[n] = add_group(f, group_of_boundary(f->g, f->p, n)); break;
    case GROUP_ROLE_ALONE: put(f, add_group(f, group_of_node(f->g, f->p, n)), n); break;
    case GROUP_ROLE_MAPPED: place_mappable(f, n); break;
    }
}

// Numbers the groups that are left anew, in their order.
static void drop_merged(fusion *f) {
    plan *p = f->p;
    uint32_t *number = arena_new_array(f->cx->scratch, uint32_t, p->groups.count);
    uint32_t kept = 0;
    for (uint32_t x = 0; x < p->groups.count; x++) {
        number[x] = kept;
        if (!p->groups.at[x].merged) {
            p->groups.at[kept++] = p->groups.at[x];
        }
    }
    p->groups.count = kept;
    for (node_id n = 0; n < f->g->nodes.count; n++) {
        p->group_of[n] = p->group_of[n] == NO_GROUP ? NO_GROUP : number[p->group_of[n]];
    }
}

static void count_uses(fusion *f) {
    f->uses = arena_new_array(f->cx->scratch, uint32_t, f->g->nodes.count);
    f->met = arena_new_array(f->cx->scratch, uint32_t, f->g->nodes.count);
    f->uses_met = arena_new_array(f->cx->scratch, uint32_t, f->g->nodes.count);
    for (node_id n = 0; n < f->g->nodes.count; n++) {
        const node *at = graph_node(f->g, n);
        for (uint32_t i = 0; i < at->operand_count; i++) {
            f->uses[at->operands[i]]++;
        }
    }
    for (uint32_t i = 0; i < f->g->outputs.count; i++) {
        f->uses[f->g->outputs.at[i].node]++;
    }
}

rnnc_status pass_fuse_pointwise(graph *g, pass_context *cx) {
    fusion f = {.g = g, .cx = cx};
    graph_order order;
    TRY(group_check_form(g, cx->shape, cx->scratch, cx->d));
    TRY(graph_order_compute(g, cx->scratch, cx->d, &order));
    f.p = cx->plan = plan_create(g, cx->shape, cx->maxima);
    f.position = arena_new_array(cx->scratch, uint32_t, g->nodes.count);
    f.sequence = arena_new_array(cx->scratch, node_id, g->nodes.count);
    f.after_reduction = arena_new_array(cx->scratch, bool, g->nodes.count);
    f.only_folded = arena_new_array(cx->scratch, bool, g->nodes.count);
    f.first = gradients_first_half(g, cx->scratch);
    count_uses(&f);
    assign_loops(&f, &order);
    sink_into_loops(&f);
    find_only_folded(&f);
    for (uint32_t i = 0; i < f.length; i++) {
        place(&f, f.sequence[i]);
    }
    drop_merged(&f);
    return RNNC_OK;
}
