// The learning rate as a node: the recipe's rate times a factor for each rule of its schedule, all in f64.
// Epochs and steps are inputs; as f64 they are exact up to 2^53.
#include <math.h>

#include "passes/update_internal.h"

#define HALF_PI 1.57079632679489661923

static node_id setting(updater *u, const char *name) {
    return build_input(u->g, name, "setting", type_vector(DT_F64, 0, 1));
}

static node_id binary(updater *u, op_id op, node_id a, double b) {
    return build_binary(u->g, op, a, update_exact(u, b));
}

// The epoch or step that is being done, from 1.
static node_id now(updater *u, const rate_rule *rule) {
    return rule->steps ? binary(u, OP_ADD, setting(u, UPDATE_STEP), 1) : setting(u, UPDATE_EPOCH);
}

static node_id power(updater *u, double base, node_id exponent) {
    return build_unary(u->g, OP_EXP, binary(u, OP_MUL, exponent, log(base)));
}

// Epochs beyond |after| count when they begin, steps when they are over.
static node_id beyond(updater *u, const rate_rule *rule) {
    node_id count = binary(u, OP_SUB, now(u, rule), (double)rule->after + (rule->steps ? 1 : 0));
    return build_binary(u->g, OP_MAX, count, update_exact(u, 0));
}

static node_id decay(updater *u, const rate_rule *rule) {
    node_id count = beyond(u, rule);
    if (!rule->steps) {
        return power(u, rule->factor, count);
    }
    count = binary(u, OP_DIV, count, (double)rule->length);
    if (rule->kind == RATE_DECAY) {
        count = build_convert(u->g, build_convert(u->g, count, DT_I32), DT_F64);
    }
    return power(u, rule->factor, count);
}

static node_id once(updater *u, const rate_rule *rule) {
    node_id over = update_exact(u, (double)rule->after), reduced = update_exact(u, rule->factor);
    over = build_binary(u->g, OP_LESS, over, now(u, rule));
    return build_select(u->g, over, reduced, update_exact(u, 1));
}

// sin y for 0 <= y <= pi / 2 by its Taylor series up to y^21 / 21!: what is left out is below 2^-60.
static node_id sine(updater *u, node_id y) {
    graph *g = u->g;
    node_id square = build_binary(g, OP_MUL, y, y), sum = update_exact(u, 1);
    for (int k = 20; k > 0; k -= 2) {
        node_id term = build_binary(g, OP_MUL, square, binary(u, OP_DIV, sum, (double)k * (k + 1)));
        sum = build_binary(g, OP_SUB, update_exact(u, 1), term);
    }
    return build_binary(g, OP_MUL, y, sum);
}

// (1 + cos(pi x)) / 2 = cos^2(pi x / 2) = sin^2(pi (1 - x) / 2): the graph has no cosine of its own.
static node_id cosine(updater *u, const rate_rule *rule) {
    graph *g = u->g;
    node_id over = binary(u, OP_SUB, now(u, rule), 1);
    node_id done = binary(u, OP_MIN, binary(u, OP_DIV, over, (double)rule->length), 1);
    node_id left = build_binary(g, OP_SUB, update_exact(u, 1), done);
    node_id root = sine(u, binary(u, OP_MUL, left, HALF_PI));
    node_id share = binary(u, OP_MUL, build_binary(g, OP_MUL, root, root), 1 - rule->factor);
    return binary(u, OP_ADD, share, rule->factor);
}

static node_id inverse_root(updater *u, const rate_rule *rule) {
    node_id count = binary(u, OP_MAX, now(u, rule), (double)rule->after);
    return build_unary(u->g, OP_SQRT,
                       build_binary(u->g, OP_DIV, update_exact(u, (double)rule->after), count));
}

static node_id factor(updater *u, const rate_rule *rule) {
    switch (rule->kind) {
    case RATE_DECAY:
    case RATE_DECAY_SMOOTH: return decay(u, rule);
    case RATE_ONCE: return once(u, rule);
    case RATE_PLATEAU: return power(u, rule->factor, setting(u, UPDATE_PLATEAUS));
    case RATE_WARM_UP: return binary(u, OP_MIN, binary(u, OP_DIV, now(u, rule), (double)rule->length), 1);
    case RATE_COSINE: return cosine(u, rule);
    case RATE_INVERSE_ROOT: return inverse_root(u, rule);
    }
    return update_exact(u, 1);
}

node_id update_rate(updater *u) {
    bool given = u->options->rate_is_input;
    node_id rate = given ? setting(u, UPDATE_BASE_RATE) : update_exact(u, u->options->rate);
    for (uint32_t i = 0; i < u->options->schedule_count; i++) {
        rate = build_binary(u->g, OP_MUL, rate, factor(u, &u->options->schedule[i]));
    }
    return rate;
}
