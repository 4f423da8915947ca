// update: what is done with the gradients, as nodes like any others.
//
// Takes every output "gradient.NAME" and replaces them by assignments. The learning rate is a node of the inputs
// "epoch" (1, 2, …) and "step" (0, 1, …), both of role "setting", by the recipe's schedule. With a norm to clip
// to, all gradients are scaled by min(1, limit / norm), norm being the root of the sum of squares of all of them
// (Pascanu et al. 2013); the norm is an output, "gradient_norm".
//
//   SGD   W <- W - rate g
//   Adam  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;                       (Kingma and Ba 2015)
//         W <- W - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
//
// The powers of b1 and b2 are variables of one number, multiplied at each step. The gradient of a table that is
// only gathered from is a `scatter` of touched rows: SGD adds to those rows and nothing of the table's size is
// made; Adam's moments decay in every row, so there the scatter is what is meant.
#include <math.h>
#include <string.h>

#include "passes/pass.h"
#include "passes/rebuild.h"

typedef struct trained {
    const char *variable;
    node_id gradient;
} trained;

typedef struct updater {
    graph *g;
    pass_context *cx;
    const update_options *options;
    VEC(trained) trained;
    node_id rate;
    node_id first_power, second_power; // Adam: b1^t, b2^t after this step
} updater;

static const char gradient_prefix[] = "gradient.";

static void take_gradients(updater *u) {
    graph *g = u->g;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        graph_output output = g->outputs.at[i];
        bool gradient = strncmp(output.name, gradient_prefix, strlen(gradient_prefix)) == 0;
        if (!gradient || !graph_find_variable(g, output.name + strlen(gradient_prefix))) {
            g->outputs.at[kept++] = output;
            continue;
        }
        trained t = {output.name + strlen(gradient_prefix), output.node};
        vec_push(u->cx->scratch, u->trained, t);
    }
    g->outputs.count = kept;
}

static node_id setting(updater *u, const char *name) {
    return build_input(u->g, name, "setting", type_vector(u->g->real, 0, 1));
}

static node_id mul(updater *u, node_id a, node_id b) {
    return build_binary(u->g, OP_MUL, a, b);
}

static node_id whole_number(updater *u, node_id x) {
    return build_convert(u->g, build_convert(u->g, x, DT_I32), u->g->real);
}

// rate * factor^n, n counting the epochs or periods beyond |after|, never below 0.
static node_id scheduled_rate(updater *u) {
    graph *g = u->g;
    node_id rate = build_real(g, u->options->rate);
    for (uint32_t i = 0; i < u->options->schedule_count; i++) {
        const rate_rule *rule = &u->options->schedule[i];
        node_id now = setting(u, rule->every ? "step" : "epoch");
        node_id beyond = build_binary(g, OP_SUB, now, build_real(g, (double)rule->after));
        if (rule->every) {
            beyond = build_binary(g, OP_DIV, beyond, build_real(g, (double)rule->every));
        }
        node_id count = whole_number(u, build_binary(g, OP_MAX, beyond, build_real(g, 0)));
        node_id power = build_unary(g, OP_EXP, mul(u, count, build_real(g, log(rule->factor))));
        rate = mul(u, rate, power);
    }
    return rate;
}

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

static void clip_norm(updater *u) {
    graph *g = u->g;
    node_id squares = NO_NODE;
    for (uint32_t i = 0; i < u->trained.count; i++) {
        node_id part = dense_part(u, u->trained.at[i].gradient);
        node_id sum = build_reduce(g, OP_SUM, mul(u, part, part), 0, true);
        sum = build_reduce(g, OP_SUM, sum, graph_type(g, sum).axes, false);
        squares = squares == NO_NODE ? sum : build_binary(g, OP_ADD, squares, sum);
    }
    node_id norm = build_unary(g, OP_SQRT, squares), limit = build_real(g, u->options->clip_norm);
    node_id scale = build_binary(g, OP_DIV, limit, build_binary(g, OP_MAX, norm, limit));
    graph_add_output(g, "gradient_norm", norm, OUTPUT_VALUE);
    for (uint32_t i = 0; i < u->trained.count; i++) {
        node_id part = mul(u, dense_part(u, u->trained.at[i].gradient), scale);
        u->trained.at[i].gradient = with_dense_part(u, u->trained.at[i].gradient, part);
    }
}

static void update_sgd(updater *u, const trained *t) {
    graph *g = u->g;
    node_id weight = build_variable(g, t->variable);
    const node *gradient = graph_node(g, t->gradient);
    if (gradient->op == OP_SCATTER) {
        node_id tokens = gradient->operands[0];
        node_id change = build_unary(g, OP_NEG, mul(u, u->rate, gradient->operands[1]));
        graph_add_node(g, NULL, OP_ADD_ROWS, (value_type){0}, (node_id[]){weight, tokens, change}, 3, NULL);
        return;
    }
    build_assign(g, weight, build_binary(g, OP_SUB, weight, mul(u, u->rate, t->gradient)));
}

static const char *slot(updater *u, const char *kind, const char *of, value_type type, double start) {
    const char *name = arena_printf(u->cx->scratch, "%s.%s", kind, of);
    graph_add_variable(u->g, name, type, VARIABLE_SLOT, (initializer){INIT_CONSTANT, start, 0});
    return name;
}

// slot <- keep * slot + (1 - keep) * value; gives the new value.
static node_id moving_average(updater *u, const char *name, double keep, node_id value) {
    graph *g = u->g;
    node_id old = build_variable(g, name);
    node_id kept = mul(u, build_real(g, keep), old);
    node_id average = build_binary(g, OP_ADD, kept, mul(u, build_real(g, 1 - keep), value));
    build_assign(g, old, average);
    return average;
}

static node_id next_power(updater *u, const char *of, double base) {
    const char *name = slot(u, "adam.power", of, type_vector(u->g->real, 0, 1), 1);
    node_id old = build_variable(u->g, name);
    node_id power = mul(u, old, build_real(u->g, base));
    build_assign(u->g, old, power);
    return power;
}

static node_id unbiased(updater *u, node_id moment, node_id power) {
    return build_binary(u->g, OP_DIV, moment, build_binary(u->g, OP_SUB, build_real(u->g, 1), power));
}

static void update_adam(updater *u, const trained *t) {
    graph *g = u->g;
    if (u->first_power == NO_NODE) {
        u->first_power = next_power(u, "beta1", u->options->beta1);
        u->second_power = next_power(u, "beta2", u->options->beta2);
    }
    node_id weight = build_variable(g, t->variable);
    value_type type = graph_type(g, weight);
    const char *m_name = slot(u, "adam.m", t->variable, type, 0),
               *v_name = slot(u, "adam.v", t->variable, type, 0);
    node_id m = moving_average(u, m_name, u->options->beta1, t->gradient);
    node_id v = moving_average(u, v_name, u->options->beta2, mul(u, t->gradient, t->gradient));
    node_id deviation = build_unary(g, OP_SQRT, unbiased(u, v, u->second_power));
    node_id bottom = build_binary(g, OP_ADD, deviation, build_real(g, u->options->epsilon));
    node_id change = build_binary(g, OP_DIV, mul(u, u->rate, unbiased(u, m, u->first_power)), bottom);
    build_assign(g, weight, build_binary(g, OP_SUB, weight, change));
}

rnnc_status pass_update(graph *g, pass_context *cx) {
    if (!cx->update || cx->update->rule == UPDATE_NONE) {
        return RNNC_OK;
    }
    updater u = {.g = g, .cx = cx, .options = cx->update, .first_power = NO_NODE};
    take_gradients(&u);
    if (!u.trained.count) {
        return diag_error(cx->d, NO_SPAN, "model \"%s\" has no weights that the loss depends on", g->name);
    }
    g->current_origin = graph_add_origin(g, NO_SPAN, "update");
    u.rate = scheduled_rate(&u);
    if (u.options->clip_value > 0) {
        clip_values(&u);
    }
    if (u.options->clip_norm > 0) {
        clip_norm(&u);
    }
    for (uint32_t i = 0; i < u.trained.count; i++) {
        if (u.options->rule == UPDATE_SGD) {
            update_sgd(&u, &u.trained.at[i]);
        } else {
            update_adam(&u, &u.trained.at[i]);
        }
    }
    return graph_rebuild(g, cx->scratch, cx->d, NULL, NULL);
}
