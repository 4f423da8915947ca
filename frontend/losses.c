// Losses. Each gives one number, or one for each column, at every index of its axes; how it is reduced is
// written in the model.
#include "frontend/builtin.h"

// log(sum(exp(x))) - x[target]
static meaning class_cross_entropy(const builtin_call *c, node_id logits) {
    elaborator *el = c->el;
    meaning target = c->slots[1];
    if (columns_of(el, logits) != target.classes) {
        return elaborate_error(el, c->where, "'cross_entropy' has %d logits for a target that is %s",
                               columns_of(el, logits), meaning_text(el, target));
    }
    logits = spread_axes(el, logits, axes_of(el, target.node));
    node_id sum = build_reduce(el->g, OP_LSE, logits, 0, true);
    node_id loss = build_binary(el->g, OP_SUB, sum, build_pick(el->g, logits, target.node));
    class_loss note = {logits, target.node, loss, NO_NODE};
    vec_push(el->memory, el->class_losses, note);
    return meaning_real(loss);
}

// log(sum(exp(x))) sum(p) - sum(p x)
static meaning distribution_cross_entropy(const builtin_call *c, node_id logits) {
    elaborator *el = c->el;
    node_id p = call_real(c, 1);
    if (p == NO_NODE) {
        return meaning_poison();
    }
    if (columns_of(el, p) != columns_of(el, logits)) {
        return elaborate_error(el, c->where, "'cross_entropy' has %d logits for a target that is %s",
                               columns_of(el, logits), meaning_text(el, meaning_real(p)));
    }
    graph *g = el->g;
    node_id sum = build_reduce(g, OP_LSE, logits, 0, true);
    node_id total = build_binary(g, OP_MUL, sum, build_reduce(g, OP_SUM, p, 0, true));
    node_id matched = build_reduce(g, OP_SUM, build_binary(g, OP_MUL, p, logits), 0, true);
    return meaning_real(build_binary(g, OP_SUB, total, matched));
}

meaning builtin_cross_entropy(const builtin_call *c) {
    node_id logits = call_real(c, 0);
    if (logits == NO_NODE) {
        return meaning_poison();
    }
    if (columns_of(c->el, logits) == 1) {
        return elaborate_error(c->el, c->where,
                               "'cross_entropy' of a single logit is always 0; "
                               "binary_cross_entropy takes one logit");
    }
    bool classes = is_node(c->slots[1]) && c->slots[1].domain == DOMAIN_TOKEN;
    return classes ? class_cross_entropy(c, logits) : distribution_cross_entropy(c, logits);
}

// The target of a yes-or-no question may be a mask or a token of two classes.
static node_id binary_target(const builtin_call *c) {
    meaning t = c->slots[1];
    bool class_of_two = is_node(t) && t.domain == DOMAIN_TOKEN && t.classes == 2;
    if (class_of_two || (is_node(t) && t.domain == DOMAIN_MASK)) {
        return build_convert(c->el->g, t.node, c->el->g->real);
    }
    return call_real(c, 1);
}

static bool check_same_columns(const builtin_call *c, node_id a, node_id b) {
    if (columns_of(c->el, a) == columns_of(c->el, b) || c->slots[1].kind == MEANING_NUMBER) {
        return true;
    }
    elaborate_error(c->el, c->where, "'%s' needs values of equal size, found %s and %s", c->b->name,
                    meaning_text(c->el, meaning_real(a)), meaning_text(c->el, meaning_real(b)));
    return false;
}

// softplus(x) - x t: -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) without overflow.
meaning builtin_binary_entropy(const builtin_call *c) {
    node_id x = call_real(c, 0);
    node_id t = x == NO_NODE ? NO_NODE : binary_target(c);
    if (t == NO_NODE || !check_same_columns(c, x, t)) {
        return meaning_poison();
    }
    graph *g = c->el->g;
    node_id positive = build_unary(g, OP_SOFTPLUS, x);
    return meaning_real(build_binary(g, OP_SUB, positive, build_binary(g, OP_MUL, x, t)));
}

static node_id difference(const builtin_call *c) {
    node_id a = call_real(c, 0), b = call_real(c, 1);
    if (a == NO_NODE || b == NO_NODE || !check_same_columns(c, a, b)) {
        return NO_NODE;
    }
    return build_binary(c->el->g, OP_SUB, a, b);
}

meaning builtin_squared_error(const builtin_call *c) {
    node_id d = difference(c);
    return d == NO_NODE ? meaning_poison() : meaning_real(build_binary(c->el->g, OP_MUL, d, d));
}

meaning builtin_absolute_error(const builtin_call *c) {
    node_id d = difference(c);
    return d == NO_NODE ? meaning_poison() : meaning_real(build_unary(c->el->g, OP_ABS, d));
}
