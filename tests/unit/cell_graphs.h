// Recurrent models as graphs, for tests: embedded tokens, two layers of cells in either direction whose initial states
// are weights, and a loss over all steps and one over the last, with cross-entropy and softmax.
#ifndef RNNC_TESTS_UNIT_CELL_GRAPHS_H
#define RNNC_TESTS_UNIT_CELL_GRAPHS_H

#include <stdio.h>

#include "tests/unit/graph_runs.h"

typedef struct cell_graph {
    graph *g;
    int t;
    op_id delay;       // OP_PREVIOUS or OP_FOLLOWING
    const char *layer; // before the names of the weights
    int32_t hidden;
} cell_graph;

// The weight "layer.name", declared at its first use.
static inline node_id cell_weight(cell_graph *c, const char *name, int32_t rows, int32_t columns) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", c->layer, name);
    if (!graph_find_variable(c->g, full)) {
        value_type type = rows ? type_matrix(DT_F64, rows, columns) : type_vector(DT_F64, 0, columns);
        graph_add_variable(c->g, full, type, VARIABLE_WEIGHT, (initializer){0});
    }
    return build_variable(c->g, full);
}

static inline node_id cell_product(cell_graph *c, const char *gate, const char *kind, node_id x,
                                   int32_t columns) {
    char name[32];
    snprintf(name, sizeof name, "%s.%s", gate, kind);
    return build_matmul(c->g, x, cell_weight(c, name, graph_type(c->g, x).dim[0], columns), false);
}

static inline node_id cell_add(cell_graph *c, node_id a, node_id b) {
    return build_binary(c->g, OP_ADD, a, b);
}

static inline node_id cell_mul(cell_graph *c, node_id a, node_id b) {
    return build_binary(c->g, OP_MUL, a, b);
}

// b + x W + h U
static inline node_id cell_linear(cell_graph *c, const char *gate, node_id x, node_id h) {
    char name[32];
    snprintf(name, sizeof name, "%s.b", gate);
    node_id sum = cell_add(c, cell_weight(c, name, 0, c->hidden), cell_product(c, gate, "W", x, c->hidden));
    return h == NO_NODE ? sum : cell_add(c, sum, cell_product(c, gate, "U", h, c->hidden));
}

static inline node_id cell_sigmoid(cell_graph *c, node_id x) {
    return build_unary(c->g, OP_SIGMOID, x);
}

static inline node_id cell_tanh(cell_graph *c, node_id x) {
    return build_unary(c->g, OP_TANH, x);
}

// The state one step away, still without its source; at the boundary a weight.
static inline node_id cell_state(cell_graph *c, const char *name) {
    value_type row = type_vector(DT_F64, AXIS_BIT(AXIS_BATCH), c->hidden), type = row;
    type.axes |= AXIS_BIT(c->t);
    node_id start = build_broadcast(c->g, cell_weight(c, name, 0, c->hidden), row);
    return build_delay(c->g, c->delay, NO_NODE, start, c->t, type);
}

typedef node_id cell_maker(cell_graph *c, node_id x);

static inline node_id cell_rnn(cell_graph *c, node_id x) {
    node_id before = cell_state(c, "h0"), h = cell_tanh(c, cell_linear(c, "h", x, before));
    graph_set_operand(c->g, before, 0, h);
    return h;
}

static inline node_id cell_lstm_with(cell_graph *c, node_id x, bool peepholes) {
    node_id h = cell_state(c, "h0"), old = cell_state(c, "c0");
    node_id i = cell_linear(c, "i", x, h), f = cell_linear(c, "f", x, h), o = cell_linear(c, "o", x, h);
    if (peepholes) {
        i = cell_add(c, i, cell_mul(c, cell_weight(c, "pi", 0, c->hidden), old));
        f = cell_add(c, f, cell_mul(c, cell_weight(c, "pf", 0, c->hidden), old));
    }
    f = cell_sigmoid(c, cell_add(c, f, build_real(c->g, 1)));
    node_id written = cell_mul(c, cell_sigmoid(c, i), cell_tanh(c, cell_linear(c, "g", x, h)));
    node_id cell = cell_add(c, cell_mul(c, f, old), written);
    o = peepholes ? cell_add(c, o, cell_mul(c, cell_weight(c, "po", 0, c->hidden), cell)) : o;
    node_id now = cell_mul(c, cell_sigmoid(c, o), cell_tanh(c, cell));
    graph_set_operand(c->g, h, 0, now);
    graph_set_operand(c->g, old, 0, cell);
    return now;
}

static inline node_id cell_lstm(cell_graph *c, node_id x) {
    return cell_lstm_with(c, x, false);
}

static inline node_id cell_peephole(cell_graph *c, node_id x) {
    return cell_lstm_with(c, x, true);
}

static inline node_id cell_gru_with(cell_graph *c, node_id x, bool reset_after) {
    node_id h = cell_state(c, "h0");
    node_id z = cell_sigmoid(c, cell_linear(c, "z", x, h)), r = cell_sigmoid(c, cell_linear(c, "r", x, h));
    node_id sum = reset_after ? cell_add(c, cell_linear(c, "g", x, NO_NODE),
                                         cell_mul(c, r, cell_product(c, "g", "U", h, c->hidden)))
                              : cell_linear(c, "g", x, cell_mul(c, r, h));
    node_id kept = cell_mul(c, z, h), rest = build_binary(c->g, OP_SUB, build_real(c->g, 1), z);
    node_id now = cell_add(c, kept, cell_mul(c, rest, cell_tanh(c, sum)));
    graph_set_operand(c->g, h, 0, now);
    return now;
}

static inline node_id cell_gru_before(cell_graph *c, node_id x) {
    return cell_gru_with(c, x, false);
}

static inline node_id cell_gru_after(cell_graph *c, node_id x) {
    return cell_gru_with(c, x, true);
}

typedef struct cell_model {
    const char *name;
    cell_maker *make;
    op_id delay;
    bool shared; // both layers have the same weights
} cell_model;

enum { CELL_HIDDEN = 2, CELL_VOCABULARY = TOKENS + 1 };

static inline node_id cell_log_sum_exp(cell_graph *c, node_id x) {
    return build_reduce(c->g, OP_LSE, x, 0, true);
}

// The cross-entropy of each step against a token, and of the state at the end of the recurrence the squared
// difference of its softmax and a target.
static inline void cell_losses(cell_graph *c, node_id h) {
    axis_set both = AXIS_BIT(c->t) | AXIS_BIT(AXIS_BATCH);
    node_id logits = cell_linear(c, "out", h, NO_NODE);
    node_id target = build_input(c->g, "targets", "data", type_vector(DT_I32, both, 1));
    node_id each = build_binary(c->g, OP_SUB, cell_log_sum_exp(c, logits), build_pick(c->g, logits, target));
    node_id scale = build_binary(c->g, OP_MUL, build_extent(c->g, c->t), build_extent(c->g, AXIS_BATCH));
    node_id mean = build_binary(c->g, OP_DIV, build_reduce(c->g, OP_SUM, each, both, true), scale);
    node_id end = build_end(c->g, c->delay == OP_PREVIOUS ? OP_LAST : OP_FIRST, h, c->t);
    node_id p = build_unary(c->g, OP_EXP, build_binary(c->g, OP_SUB, end, cell_log_sum_exp(c, end)));
    node_id wanted = build_input(c->g, "wanted", "data", graph_type(c->g, p));
    node_id error = build_binary(c->g, OP_SUB, p, wanted);
    node_id square = build_reduce(c->g, OP_SUM, cell_mul(c, error, error), AXIS_BIT(AXIS_BATCH), true);
    graph_add_output(c->g, "loss", cell_add(c, mean, square), OUTPUT_LOSS);
    graph_add_output(c->g, "logits", logits, OUTPUT_VALUE);
    graph_add_output(c->g, "end", end, OUTPUT_VALUE);
}

static inline graph *cell_model_create(const cell_model *m) {
    cell_graph c = {.g = graph_create(m->name, DT_F64), .delay = m->delay, .hidden = CELL_HIDDEN};
    c.t = graph_add_axis(c.g, "T", AXIS_IS_SEQUENCE, 0);
    c.g->current_origin = graph_add_origin(c.g, NO_SPAN, m->name);
    c.layer = "embedding";
    value_type token = type_vector(DT_I32, AXIS_BIT(c.t) | AXIS_BIT(AXIS_BATCH), 1);
    node_id table = cell_weight(&c, "E", CELL_VOCABULARY, CELL_HIDDEN);
    node_id x = build_gather(c.g, table, build_input(c.g, "tokens", "data", token));
    c.layer = "a";
    x = m->make(&c, x);
    c.layer = m->shared ? "a" : "b";
    x = m->make(&c, x);
    c.layer = "head";
    c.hidden = CELL_VOCABULARY;
    cell_losses(&c, x);
    return c.g;
}

#endif
