// Gradients of element-wise ops. Where a function has a kink, the convention is stated at its rule.
#include "passes/vjp.h"

static node_id times(const vjp_site *s, node_id a, node_id b) {
    return build_binary(s->g, OP_MUL, a, b);
}

static node_id number(const vjp_site *s, double value) {
    return build_const(s->g, type_vector(graph_type(s->g, s->n).elem, 0, 1), value);
}

void vjp_none(const vjp_site *s) {
    (void)s;
}

void vjp_neg(const vjp_site *s) {
    vjp_add(s, 0, build_unary(s->g, OP_NEG, s->dy));
}

void vjp_exp(const vjp_site *s) {
    vjp_add(s, 0, times(s, s->dy, s->n));
}

void vjp_log(const vjp_site *s) {
    vjp_add(s, 0, build_binary(s->g, OP_DIV, s->dy, vjp_operand(s, 0)));
}

void vjp_sqrt(const vjp_site *s) {
    vjp_add(s, 0, build_binary(s->g, OP_DIV, times(s, s->dy, number(s, 0.5)), s->n));
}

// 0 at 0.
void vjp_abs(const vjp_site *s) {
    node_id x = vjp_operand(s, 0), zero = number(s, 0);
    node_id below = build_binary(s->g, OP_LESS, x, zero);
    node_id negative = build_select(s->g, below, build_unary(s->g, OP_NEG, s->dy), zero);
    vjp_add(s, 0, build_select(s->g, build_binary(s->g, OP_LESS, zero, x), s->dy, negative));
}

void vjp_tanh(const vjp_site *s) {
    node_id square = times(s, s->n, s->n);
    node_id slope = build_binary(s->g, OP_SUB, number(s, 1), square);
    vjp_add(s, 0, times(s, s->dy, slope));
}

void vjp_sigmoid(const vjp_site *s) {
    node_id rest = build_binary(s->g, OP_SUB, number(s, 1), s->n);
    vjp_add(s, 0, times(s, s->dy, times(s, s->n, rest)));
}

// d erf(x) = 2/sqrt(pi) e^(-x^2) dx
void vjp_erf(const vjp_site *s) {
    node_id x = vjp_operand(s, 0);
    node_id bell = build_unary(s->g, OP_EXP, build_unary(s->g, OP_NEG, times(s, x, x)));
    vjp_add(s, 0, times(s, s->dy, times(s, number(s, 1.1283791670955126), bell)));
}

void vjp_softplus(const vjp_site *s) {
    vjp_add(s, 0, times(s, s->dy, build_unary(s->g, OP_SIGMOID, vjp_operand(s, 0))));
}

// Between the real types; whole numbers have no gradient.
void vjp_convert(const vjp_site *s) {
    vjp_add(s, 0, build_convert(s->g, s->dy, graph_type(s->g, vjp_operand(s, 0)).elem));
}

void vjp_broadcast(const vjp_site *s) {
    vjp_add(s, 0, s->dy);
}

void vjp_plus(const vjp_site *s) {
    vjp_add(s, 0, s->dy);
    vjp_add(s, 1, s->dy);
}

void vjp_sub(const vjp_site *s) {
    vjp_add(s, 0, s->dy);
    if (vjp_wanted(s, 1)) {
        vjp_add(s, 1, build_unary(s->g, OP_NEG, s->dy));
    }
}

void vjp_mul(const vjp_site *s) {
    for (uint32_t i = 0; i < 2; i++) {
        if (vjp_wanted(s, i)) {
            vjp_add(s, i, times(s, s->dy, vjp_operand(s, 1 - i)));
        }
    }
}

void vjp_div(const vjp_site *s) {
    node_id b = vjp_operand(s, 1);
    node_id scaled = build_binary(s->g, OP_DIV, s->dy, b);
    vjp_add(s, 0, scaled);
    if (vjp_wanted(s, 1)) {
        vjp_add(s, 1, build_unary(s->g, OP_NEG, times(s, scaled, s->n)));
    }
}

// The operand that was taken gets everything; at a tie that is operand 1, as in the op's formula.
static void split(const vjp_site *s, node_id takes_first) {
    node_id zero = number(s, 0);
    for (uint32_t i = 0; i < 2; i++) {
        if (vjp_wanted(s, i)) {
            vjp_add(s, i, build_select(s->g, takes_first, i == 0 ? s->dy : zero, i == 0 ? zero : s->dy));
        }
    }
}

void vjp_min(const vjp_site *s) {
    split(s, build_binary(s->g, OP_LESS, vjp_operand(s, 0), vjp_operand(s, 1)));
}

void vjp_max(const vjp_site *s) {
    split(s, build_binary(s->g, OP_LESS, vjp_operand(s, 1), vjp_operand(s, 0)));
}

void vjp_select(const vjp_site *s) {
    node_id mask = vjp_operand(s, 0), zero = number(s, 0);
    for (uint32_t i = 1; i < 3; i++) {
        if (vjp_wanted(s, i)) {
            vjp_add(s, i, build_select(s->g, mask, i == 1 ? s->dy : zero, i == 1 ? zero : s->dy));
        }
    }
}
