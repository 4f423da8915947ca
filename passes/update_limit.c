// Norms of gradients, clipping by value and by the norm of all, and the guard.
//
// Squares are added up in f64, in f32 models too, by the same tree as every sum (docs/numerics.md). The norm
// that is an output and that the guard looks at is of the gradients as they came; the one that is clipped to,
// of what clipping by value has left of them.
#include <float.h>

#include "passes/update_internal.h"

// The touched rows of a scatter, or the gradient itself: what norms and clipping look at.
static node_id dense_part(const updater *u, node_id gradient) {
    const node *n = graph_node(u->g, gradient);
    return n->op == OP_SCATTER ? n->operands[1] : gradient;
}

static node_id with_dense_part(updater *u, node_id gradient, node_id part) {
    const node *n = graph_node(u->g, gradient);
    if (n->op != OP_SCATTER) {
        return part;
    }
    return graph_add_node(u->g, NULL, OP_SCATTER, n->type, (node_id[]){n->operands[0], part}, 2, n->attr);
}

static node_id sum_of_squares(updater *u, node_id gradient) {
    graph *g = u->g;
    node_id part = build_convert(g, dense_part(u, gradient), DT_F64);
    node_id sum = build_reduce(g, OP_SUM, build_binary(g, OP_MUL, part, part), 0, true);
    return build_reduce(g, OP_SUM, sum, graph_type(g, sum).axes, false);
}

static node_id global_norm(updater *u, bool as_outputs) {
    graph *g = u->g;
    node_id squares = NO_NODE;
    for (uint32_t i = 0; i < u->trained.count; i++) {
        node_id sum = sum_of_squares(u, u->trained.at[i].gradient);
        if (as_outputs) {
            const char *name = arena_printf(u->cx->scratch, UPDATE_SQUARES "%s", u->trained.at[i].variable);
            graph_add_output(g, name, sum, OUTPUT_VALUE);
        }
        squares = squares == NO_NODE ? sum : build_binary(g, OP_ADD, squares, sum);
    }
    node_id norm = build_unary(g, OP_SQRT, squares);
    if (as_outputs) {
        graph_add_output(g, UPDATE_NORM, norm, OUTPUT_VALUE);
    }
    return norm;
}

// ---- Clipping ----

static void clip_values(updater *u) {
    node_id limit = build_real(u->g, u->options->clip_value);
    node_id negative = build_real(u->g, -u->options->clip_value);
    for (uint32_t i = 0; i < u->trained.count; i++) {
        node_id part = dense_part(u, u->trained.at[i].gradient);
        // In this order of operands what is not a number stays so.
        part = build_binary(u->g, OP_MAX, negative, build_binary(u->g, OP_MIN, limit, part));
        u->trained.at[i].gradient = with_dense_part(u, u->trained.at[i].gradient, part);
    }
}

// All gradients times limit / max(norm, limit)                                         (Pascanu et al. 2013)
static void clip_norm(updater *u, node_id norm) {
    graph *g = u->g;
    node_id limit = update_exact(u, u->options->clip_norm);
    node_id scale = build_binary(g, OP_DIV, limit, build_binary(g, OP_MAX, norm, limit));
    scale = update_real(u, scale);
    for (uint32_t i = 0; i < u->trained.count; i++) {
        node_id part = build_binary(g, OP_MUL, dense_part(u, u->trained.at[i].gradient), scale);
        u->trained.at[i].gradient = with_dense_part(u, u->trained.at[i].gradient, part);
    }
}

// ---- The guard ----

// What is not a number is not below anything, and infinity is above the largest number.
static node_id is_finite(updater *u, node_id exact) {
    node_id size = build_unary(u->g, OP_ABS, exact);
    return build_binary(u->g, OP_LESS_EQUAL, size, update_exact(u, DBL_MAX));
}

static node_id find_loss(const graph *g) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].role == OUTPUT_LOSS) {
            return g->outputs.at[i].node;
        }
    }
    return NO_NODE;
}

// slot <- |made| in an update that is made, else slot + 1; the new value is an output.
static void count_skipped(updater *u, const char *name, bool from_last) {
    graph *g = u->g;
    node_id old = build_variable(g, update_slot(u, name, type_vector(DT_F64, 0, 1), 0));
    node_id more = build_binary(g, OP_ADD, old, update_exact(u, 1));
    node_id count = build_select(g, u->sound, from_last ? update_exact(u, 0) : old, more);
    build_assign(g, old, count);
    graph_add_output(g, name, count, OUTPUT_VALUE);
}

static void guard(updater *u, node_id norm) {
    graph *g = u->g;
    node_id loss = find_loss(g);
    u->sound = is_finite(u, norm);
    if (loss != NO_NODE) {
        u->sound = build_binary(g, OP_MIN, u->sound, is_finite(u, build_convert(g, loss, DT_F64)));
    }
    count_skipped(u, UPDATE_SKIPPED, false);
    count_skipped(u, UPDATE_SKIPPED_LAST, true);
}

void update_limit(updater *u) {
    const update_options *o = u->options;
    node_id norm = o->clip_norm > 0 || o->guarded ? global_norm(u, true) : NO_NODE;
    if (o->guarded) {
        guard(u, norm);
    }
    if (o->clip_value > 0) {
        clip_values(u);
        norm = o->clip_norm > 0 ? global_norm(u, false) : norm;
    }
    if (o->clip_norm > 0) {
        clip_norm(u, norm);
    }
}
