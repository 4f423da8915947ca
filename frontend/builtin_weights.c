// Builtins that make or use weights: linear, embedding, products with matrices.
#include "frontend/builtin.h"

node_id call_weight(const builtin_call *c, const char *local, value_type type, initializer init,
                    bool frozen) {
    const frame *f = c->el->frame;
    const char *equation = place_equation(c->el);
    const char *name =
        c->shared ? place_join(c->el, c->shared->place, local)
                  : place_join(c->el, f->weight_place,
                               place_unique(c->el, arena_printf(c->el->memory, "%s.%s", equation, local)));
    weight_request request = {.name = name,
                              .type = type,
                              .init = init,
                              .shared = c->shared,
                              .frozen = frozen || f->frozen || (c->shared && c->shared->frozen),
                              .in_shared_frame = f->shared,
                              .where = c->where,
                              .what = c->b->name};
    return place_weight(c->el, &request);
}

static node_id request_weight(const builtin_call *c, const char *local, value_type type) {
    return call_weight(c, local, type, (initializer){.kind = INIT_DEFAULT}, false);
}

// ---- linear ----

enum { LINEAR_N, LINEAR_BIAS, LINEAR_FIRST };

// Of a shared linear, operands are named by place: its uses may call them differently.
static const char *operand_name(const builtin_call *c, uint32_t slot) {
    if (c->labels[slot] && !c->shared) {
        return c->labels[slot];
    }
    return arena_printf(c->el->memory, "in%u", slot - LINEAR_FIRST + 1);
}

static node_id linear_term(const builtin_call *c, uint32_t slot, int32_t n) {
    node_id x = call_real(c, slot);
    if (x == NO_NODE) {
        return NO_NODE;
    }
    node_id w =
        request_weight(c, operand_name(c, slot), type_matrix(c->el->g->real, columns_of(c->el, x), n));
    if (w == NO_NODE) {
        return NO_NODE;
    }
    if (c->shared && c->shared->matrix == NO_NODE) {
        c->shared->matrix = w;
    }
    return build_matmul(c->el->g, x, w, false);
}

static bool wants_bias(const builtin_call *c, bool *out_bias) {
    *out_bias = true;
    if (!c->bound[LINEAR_BIAS]) {
        return true;
    }
    meaning bias = c->slots[LINEAR_BIAS];
    if (bias.kind != MEANING_TRUTH) {
        elaborate_error(c->el, c->places[LINEAR_BIAS], "'bias' must be true or false, found %s",
                        meaning_text(c->el, bias));
        return false;
    }
    *out_bias = bias.truth;
    return true;
}

// ((b + x W_x) + h W_h) + …: bias first, then the operands in order; this order is part of the result's bits.
meaning builtin_linear(const builtin_call *c) {
    bool bias;
    int32_t n = size_of_meaning(c->el, c->slots[LINEAR_N], c->places[LINEAR_N], "the size of 'linear'");
    if (!n || !wants_bias(c, &bias)) {
        return meaning_poison();
    }
    node_id sum = bias ? request_weight(c, "b", type_vector(c->el->g->real, 0, n)) : NO_NODE;
    if (bias && sum == NO_NODE) {
        return meaning_poison();
    }
    if (c->shared && bias) {
        c->shared->bias = sum;
    }
    for (uint32_t slot = LINEAR_FIRST; slot < c->count; slot++) {
        node_id term = linear_term(c, slot, n);
        if (term == NO_NODE) {
            return meaning_poison();
        }
        sum = sum == NO_NODE ? term : build_binary(c->el->g, OP_ADD, sum, term);
    }
    return meaning_real(sum);
}

// ---- embedding ----

static node_id embedding_table(const builtin_call *c, int32_t *out_classes) {
    int32_t classes =
        size_of_meaning(c->el, c->slots[0], c->places[0], "the number of classes of 'embedding'");
    int32_t n = size_of_meaning(c->el, c->slots[1], c->places[1], "the size of 'embedding'");
    if (!classes || !n) {
        return NO_NODE;
    }
    node_id table = request_weight(c, "table", type_matrix(c->el->g->real, classes, n));
    if (c->shared) {
        c->shared->matrix = table;
    }
    *out_classes = classes;
    return table;
}

meaning builtin_embedding(const builtin_call *c) {
    node_id tokens = token_operand(c->el, c->slots[2], c->places[2], "'embedding'");
    int32_t classes;
    node_id table = tokens == NO_NODE ? NO_NODE : embedding_table(c, &classes);
    if (table == NO_NODE) {
        return meaning_poison();
    }
    if (c->slots[2].classes != classes) {
        return elaborate_error(c->el, c->places[2], "'embedding' has %d classes, found %s", classes,
                               meaning_text(c->el, c->slots[2]));
    }
    return meaning_real(build_gather(c->el->g, table, tokens));
}

node_id builtin_shared_table(elaborator *el, const callable *c, span where) {
    const span places[] = {where, where, where};
    const char *const labels[] = {NULL, NULL, NULL};
    bool sized = c->builtin->handle == builtin_embedding && c->bound[0] && c->bound[1];
    builtin_call call = {.el = el,
                         .b = c->builtin,
                         .where = where,
                         .slots = c->slots,
                         .bound = c->bound,
                         .places = places,
                         .labels = labels,
                         .count = 2,
                         .shared = c->shared};
    int32_t classes;
    return sized ? embedding_table(&call, &classes) : NO_NODE;
}

// ---- Products with weights that are named ----

static const char *declared_text(const builtin_call *c, node_id matrix) {
    for (uint32_t i = 0; i < c->el->weights.count; i++) {
        const weight_entry *w = &c->el->weights.at[i];
        if (w->node == matrix) {
            return arena_printf(c->el->memory, " (declared at %s)", place_text(c->el, w->where, c->where));
        }
    }
    return "";
}

meaning builtin_matmul(const builtin_call *c) {
    meaning w = c->slots[0];
    if (!is_node(w) || w.domain != DOMAIN_MATRIX) {
        return elaborate_error(c->el, c->places[0], "'matmul' needs a matrix first, found %s",
                               meaning_text(c->el, w));
    }
    node_id x = call_real(c, 1);
    if (x == NO_NODE) {
        return meaning_poison();
    }
    value_type type = graph_type(c->el->g, w.node);
    int32_t inner = type.dim[w.transposed ? 0 : 1];
    if (columns_of(c->el, x) != inner) {
        return elaborate_error(
            c->el, c->places[1], "'matmul' expects %d columns, found %s; the first operand is %s%s", inner,
            meaning_text(c->el, meaning_real(x)), meaning_text(c->el, w), declared_text(c, w.node));
    }
    return meaning_real(build_matmul(c->el->g, x, w.node, !w.transposed));
}

meaning builtin_transpose(const builtin_call *c) {
    meaning w = c->slots[0];
    if (!is_node(w) || w.domain != DOMAIN_MATRIX) {
        return elaborate_error(c->el, c->places[0], "'transpose' needs a matrix, found %s",
                               meaning_text(c->el, w));
    }
    w.transposed = !w.transposed;
    return w;
}
