// fuse-gates: products that share an operand become one product over joined weights.
//
//     %i = matmul %h, $i ; %f = matmul %h, $f        ->   %p = matmul %h, $i|f
//                                                         %i = slice %p {from = 0} ; %f = slice %p {from = |i|}
//     add $bi, (slice %p, i) ; add $bf, (slice %p, f) ->   slice (add $bi|bf, %p), i ; slice (add $bi|bf, %p), f
//
// Four small products become one large one, forward and, since this runs before `differentiate`, backward too;
// the gradient of the joined weights arrives as one block. The joined variable keeps the parts' names and
// initialisers, so files and users never see it. Weights are joined only if everything they do is to be
// multiplied with the same operands, in the same recurrences (a product outside of one is better left there);
// biases only if all columns of the product get one. Precondition: a variable that several nodes read is left
// alone, so `simplify` comes first.
#include <stdlib.h>
#include <string.h>

#include "passes/pass.h"
#include "passes/rebuild.h"

enum { TOO_MANY_READERS = 8, MOST_MEMBERS = 64 };
#define NO_RECURRENCE UINT32_MAX

// What is known of one variable node of the graph.
typedef struct candidate {
    node_id node;
    bool usable;                            // only read, and only as the matrix of plain products
    node_id readers[TOO_MANY_READERS];      // the vectors it is multiplied with, in order of the products
    uint32_t recurrences[TOO_MANY_READERS]; // of the products: their step in the order; NO_RECURRENCE: none
    uint32_t reader_count;
    uint32_t group;
    int32_t from; // first column in the group's variable
} candidate;

typedef struct group {
    const char *variable; // the joined one
    int32_t columns;
} group;

typedef struct fuser {
    pass_context *cx;
    candidate *of; // by old node
    VEC(group) groups;
    VEC(const char *) joined; // variables that are parts of others now
    graph_order order;
} fuser;

static uint32_t recurrence_of(const fuser *f, node_id n) {
    uint32_t step = f->order.step_of[n];
    return step != UINT32_MAX && f->order.steps[step].axis != NO_AXIS ? step : NO_RECURRENCE;
}

static void note_reader(const fuser *f, candidate *c, const graph *g, node_id user, uint32_t operand_index) {
    const node *n = graph_node(g, user);
    bool plain_product = n->op == OP_MATMUL && operand_index == 1 && n->attr[0].i == 0;
    if (!plain_product || c->reader_count == TOO_MANY_READERS) {
        c->usable = false;
        return;
    }
    c->readers[c->reader_count] = n->operands[0];
    c->recurrences[c->reader_count++] = recurrence_of(f, user);
}

// Whether |n| is the only node that reads its variable.
static bool is_only_read(const graph *g, node_id n) {
    for (node_id m = 0; m < g->nodes.count; m++) {
        if (m != n && graph_node(g, m)->op == OP_VARIABLE &&
            strcmp(graph_node(g, m)->attr[0].text, graph_node(g, n)->attr[0].text) == 0) {
            return false;
        }
    }
    return true;
}

static void collect_candidates(const graph *g, fuser *f, arena *scratch) {
    f->of = arena_new_array(scratch, candidate, g->nodes.count);
    for (node_id n = 0; n < g->nodes.count; n++) {
        f->of[n] = (candidate){.node = n, .group = NO_GROUP};
        f->of[n].usable =
            graph_node(g, n)->op == OP_VARIABLE && graph_node(g, n)->type.rank == 2 && is_only_read(g, n);
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *user = graph_node(g, n);
        for (uint32_t i = 0; i < user->operand_count; i++) {
            if (graph_node(g, user->operands[i])->op == OP_VARIABLE) {
                note_reader(f, &f->of[user->operands[i]], g, n, i);
            }
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        f->of[g->outputs.at[i].node].usable = false;
    }
}

// Weights of one role and one decay.
static bool are_alike(const fuser *f, const graph *g, const candidate *a, const candidate *b) {
    const graph_variable *x = graph_variable_of(g, a->node), *y = graph_variable_of(g, b->node);
    const update_options *update = f->cx->update;
    bool decay = !update ||
                 update_weight_decay(update, &x->parts.at[0]) == update_weight_decay(update, &y->parts.at[0]);
    return x->role == y->role && x->type.elem == y->type.elem && decay;
}

static bool can_join(const fuser *f, const graph *g, const candidate *a, const candidate *b) {
    return a->usable && b->usable && a->reader_count && a->reader_count == b->reader_count &&
           memcmp(a->readers, b->readers, a->reader_count * sizeof a->readers[0]) == 0 &&
           memcmp(a->recurrences, b->recurrences, a->reader_count * sizeof a->recurrences[0]) == 0 &&
           are_alike(f, g, a, b);
}

// "lstm.i.W+3": the first of four. Nothing else is named so but by chance.
static const char *name_joined(const graph *g, const char *first, uint32_t count, arena *scratch) {
    const char *name = arena_printf(scratch, "%s+%u", first, count - 1);
    while (graph_find_variable(g, name)) {
        name = arena_printf(scratch, "%s+", name);
    }
    return name;
}

static void take_parts(graph *g, graph_variable *joined, const graph_variable *member, int32_t from) {
    for (uint32_t i = 0; i < member->parts.count; i++) {
        variable_part part = member->parts.at[i];
        part.from += from;
        vec_push(&g->memory, joined->parts, part);
    }
}

// Adds a variable that holds |members|' columns side by side, and sets their places in it.
static void join_variables(graph *g, fuser *f, arena *scratch, candidate **members, uint32_t count) {
    value_type type = graph_type(g, members[0]->node);
    int last = type.rank - 1;
    type.dim[last] = 0;
    for (uint32_t i = 0; i < count; i++) {
        members[i]->from = type.dim[last];
        members[i]->group = f->groups.count;
        type.dim[last] += graph_type(g, members[i]->node).dim[last];
    }
    const graph_variable *first = graph_variable_of(g, members[0]->node);
    const char *name = name_joined(g, first->name, count, scratch);
    uint32_t index = graph_add_variable(g, name, type, first->role, (initializer){0});
    graph_variable *joined = &g->variables.at[index];
    joined->parts.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const graph_variable *member = graph_variable_of(g, members[i]->node);
        vec_push(scratch, f->joined, member->name);
        take_parts(g, joined, member, members[i]->from);
    }
    group added = {joined->name, type.dim[last]};
    vec_push(scratch, f->groups, added);
}

// Candidates in node order; each group is formed at its first member.
static void form_groups(graph *g, fuser *f, pass_context *cx) {
    uint32_t node_count = g->nodes.count;
    for (node_id n = 0; n < node_count; n++) {
        if (!f->of[n].usable || f->of[n].group != NO_GROUP) {
            continue;
        }
        candidate *members[MOST_MEMBERS];
        uint32_t count = 0;
        for (node_id m = n; m < node_count && count < MOST_MEMBERS; m++) {
            if (f->of[m].group == NO_GROUP && can_join(f, g, &f->of[n], &f->of[m])) {
                members[count++] = &f->of[m];
            }
        }
        if (count > 1 && pass_may_rewrite(cx)) {
            join_variables(g, f, cx->scratch, members, count);
        }
    }
}

// ---- Rewriting the products ----

// The node |op| of |x| and the joined variable, its operand number |at|, if another gate has made it.
static node_id find_joined(const graph *g, op_id op, node_id x, uint32_t at, const char *variable) {
    for (node_id n = x + 1; n < g->nodes.count; n++) {
        const node *made = graph_node(g, n);
        if (made->op != op || made->operands[1 - at] != x || made->attr[0].i != 0) {
            continue;
        }
        const node *weight = graph_node(g, made->operands[at]);
        if (weight->op == OP_VARIABLE && strcmp(weight->attr[0].text, variable) == 0) {
            return n;
        }
    }
    return NO_NODE;
}

static node_id split_product(rebuild *r, const node *was, const node_id *operands) {
    fuser *f = r->user;
    const candidate *c = was->op == OP_MATMUL ? &f->of[was->operands[1]] : NULL;
    if (!c || c->group == NO_GROUP) {
        return rebuild_keep(r, was, operands);
    }
    r->g->current_origin = was->origin;
    const char *variable = f->groups.at[c->group].variable;
    node_id whole = find_joined(r->g, OP_MATMUL, operands[0], 1, variable);
    if (whole == NO_NODE) {
        whole = build_matmul(r->g, operands[0], build_variable(r->g, variable), false);
    }
    return build_slice(r->g, whole, c->from, graph_type(r->g, operands[1]).dim[1]);
}

// ---- Biases ----

// A sum of a bias that does nothing else and a slice that does nothing else.
typedef struct bias_sum {
    node_id bias;
    const node *slice;
} bias_sum;

static bool match_bias(const graph *g, const uint32_t *uses, node_id n, bias_sum *out) {
    const node *at = graph_node(g, n);
    for (uint32_t i = 0; at->op == OP_ADD && i < 2; i++) {
        const node *bias = graph_node(g, at->operands[i]), *slice = graph_node(g, at->operands[1 - i]);
        *out = (bias_sum){at->operands[i], slice};
        if (bias->op == OP_VARIABLE && bias->type.rank == 1 && slice->op == OP_SLICE &&
            bias->type.dim[0] == slice->type.dim[0] && uses[at->operands[0]] == 1 &&
            uses[at->operands[1]] == 1 && is_only_read(g, at->operands[i])) {
            return true;
        }
    }
    return false;
}

static uint32_t *count_uses(const graph *g, arena *scratch) {
    uint32_t *uses = arena_new_array(scratch, uint32_t, g->nodes.count);
    for (node_id n = 0; n < g->nodes.count; n++) {
        for (uint32_t i = 0; i < graph_node(g, n)->operand_count; i++) {
            uses[graph_node(g, n)->operands[i]]++;
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        uses[g->outputs.at[i].node]++;
    }
    return uses;
}

// For a product |whole|: the biases of its slices in order of columns; their number, or 0 if a column has none.
static uint32_t match_biases(const graph *g, const uint32_t *uses, node_id whole, fuser *f,
                             candidate **members) {
    int32_t column = 0;
    uint32_t count = 0;
    bool found = true;
    while (found && column < graph_type(g, whole).dim[0] && count < MOST_MEMBERS) {
        found = false;
        for (node_id n = whole + 1; n < g->nodes.count && !found; n++) {
            bias_sum sum;
            found = match_bias(g, uses, n, &sum) && sum.slice->operands[0] == whole &&
                    sum.slice->attr[0].i == column &&
                    (count == 0 || are_alike(f, g, members[0], &f->of[sum.bias]));
            if (found) {
                members[count++] = &f->of[sum.bias];
                column += sum.slice->type.dim[0];
            }
        }
    }
    return column == graph_type(g, whole).dim[0] ? count : 0;
}

static void form_bias_groups(graph *g, fuser *f, pass_context *cx) {
    uint32_t *uses = count_uses(g, cx->scratch);
    uint32_t node_count = g->nodes.count;
    f->groups.count = 0;
    f->of = arena_new_array(cx->scratch, candidate, node_count);
    for (node_id n = 0; n < node_count; n++) {
        f->of[n] = (candidate){.node = n, .group = NO_GROUP};
    }
    for (node_id n = 0; n < node_count; n++) {
        candidate *members[MOST_MEMBERS];
        uint32_t count = graph_node(g, n)->op == OP_MATMUL ? match_biases(g, uses, n, f, members) : 0;
        if (count > 1 && pass_may_rewrite(cx)) {
            join_variables(g, f, cx->scratch, members, count);
        }
    }
}

static node_id add_joined_bias(rebuild *r, const node *was, const node_id *operands) {
    fuser *f = r->user;
    uint32_t at = was->op == OP_ADD && f->of[was->operands[1]].group != NO_GROUP;
    const candidate *c = was->op == OP_ADD ? &f->of[was->operands[at]] : NULL;
    if (!c || c->group == NO_GROUP) {
        return rebuild_keep(r, was, operands);
    }
    r->g->current_origin = was->origin;
    const node *slice = graph_node(r->g, operands[1 - at]);
    node_id whole = slice->operands[0];
    int32_t from = (int32_t)slice->attr[0].i, size = (int32_t)slice->attr[1].i;
    const char *variable = f->groups.at[c->group].variable;
    node_id sum = find_joined(r->g, OP_ADD, whole, 0, variable);
    if (sum == NO_NODE) {
        sum = build_binary(r->g, OP_ADD, build_variable(r->g, variable), whole);
    }
    return build_slice(r->g, sum, from, size);
}

static bool is_joined(const fuser *f, const char *name) {
    for (uint32_t i = 0; i < f->joined.count; i++) {
        if (strcmp(f->joined.at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// The variables that were joined into others go, with the nodes that read them.
static rnnc_status drop_joined_variables(graph *g, fuser *f) {
    TRY(graph_rebuild(g, f->cx->scratch, f->cx->d, NULL, NULL));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->variables.count; i++) {
        if (!is_joined(f, g->variables.at[i].name)) {
            g->variables.at[kept++] = g->variables.at[i];
        }
    }
    g->variables.count = kept;
    return RNNC_OK;
}

rnnc_status pass_fuse_gates(graph *g, pass_context *cx) {
    fuser f = {.cx = cx};
    TRY(graph_order_compute(g, cx->scratch, cx->d, &f.order));
    collect_candidates(g, &f, cx->scratch);
    form_groups(g, &f, cx);
    if (f.groups.count) {
        TRY(graph_rebuild(g, cx->scratch, cx->d, split_product, &f));
        TRY(drop_joined_variables(g, &f));
    }
    form_bias_groups(g, &f, cx);
    if (f.groups.count) {
        TRY(graph_rebuild(g, cx->scratch, cx->d, add_joined_bias, &f));
        TRY(drop_joined_variables(g, &f));
    }
    return RNNC_OK;
}
