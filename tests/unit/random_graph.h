// Random graphs, a function of a seed, and how to make one that breaks a property smaller.
#ifndef RNNC_TESTS_UNIT_RANDOM_GRAPH_H
#define RNNC_TESTS_UNIT_RANDOM_GRAPH_H

#include <stdio.h>

#include "ir/order.h"
#include "passes/rebuild.h"
#include "tests/unit/graph_runs.h"

enum { RANDOM_DELAYS = 4, RANDOM_WEIGHTS = 6 };

typedef struct random_graph {
    graph *g;
    uint64_t state;
    axis_set axes;                 // that values may have
    int names;                     // given to inputs and weights so far
    node_id delays[RANDOM_DELAYS]; // that read an input of theirs, until the end
    int delay_count;
    node_id weights[RANDOM_WEIGHTS]; // matrices that may be read again
    int weight_count;
} random_graph;

// A number in [0, below): xorshift64* (Vigna 2016).
static inline uint32_t random_below(random_graph *r, uint32_t below) {
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * 0x2545F4914F6CDD1Du) >> 33) % below;
}

static inline const char *random_name(random_graph *r, const char *kind) {
    return arena_printf(&r->g->memory, "%s%d", kind, r->names++);
}

static inline value_type random_type(random_graph *r) {
    axis_set axes = (axis_set)(random_below(r, 256) & r->axes);
    axes |= random_below(r, 3) ? AXIS_BIT(AXIS_BATCH) | AXIS_BIT(1) : 0;
    return type_vector(DT_F64, axes, (int32_t)random_below(r, 4) + 1);
}

static inline node_id random_input(random_graph *r, value_type type) {
    return build_input(r->g, random_name(r, "x"), "data", type);
}

static inline bool is_real_vector(value_type t) {
    return t.elem == DT_F64 && t.rank == 1;
}

// Any real value that is there.
static inline node_id random_value(random_graph *r) {
    for (;;) {
        node_id n = (node_id)random_below(r, r->g->nodes.count);
        if (is_real_vector(graph_type(r->g, n))) {
            return n;
        }
    }
}

// One of the type; a new input if none was met.
static inline node_id random_of_type(random_graph *r, value_type type) {
    for (int i = 0; i < 30; i++) {
        node_id n = random_value(r);
        if (type_equal(graph_type(r->g, n), type)) {
            return n;
        }
    }
    return random_input(r, type);
}

static inline node_id random_partner(random_graph *r, node_id x) {
    for (int i = 0; i < 20; i++) {
        node_id pair[] = {x, random_value(r)};
        value_type type;
        if (op_infer(r->g, NULL, OP_ADD, pair, 2, &(attr_value){0}, (value_type){0}, &type) == RNNC_OK) {
            return pair[1];
        }
    }
    return x;
}

static inline node_id random_bounded(random_graph *r, node_id x) {
    return random_below(r, 3) ? build_unary(r->g, OP_TANH, x) : x;
}

static inline node_id random_weight(random_graph *r, value_type type) {
    const char *name = random_name(r, "w");
    variable_role role = random_below(r, 8) ? VARIABLE_WEIGHT : VARIABLE_FROZEN;
    graph_add_variable(r->g, name, type, role, (initializer){INIT_UNIFORM, -1, r->names});
    return build_variable(r->g, name);
}

static inline node_id random_tokens(random_graph *r, axis_set axes) {
    return build_input(r->g, random_name(r, "tokens"), "data", type_vector(DT_I32, axes, 1));
}

// ---- Steps: each adds a few nodes ----

static inline void random_unary(random_graph *r) {
    static const op_id ops[] = {OP_NEG, OP_TANH, OP_SIGMOID, OP_ABS, OP_SOFTPLUS, OP_ERF, OP_NEG};
    node_id x = random_value(r);
    switch (random_below(r, 10)) {
    case 0: build_unary(r->g, OP_EXP, build_unary(r->g, OP_TANH, x)); break;
    case 1: build_unary(r->g, OP_LOG, build_unary(r->g, OP_SOFTPLUS, build_unary(r->g, OP_TANH, x))); break;
    case 2: build_unary(r->g, OP_SQRT, build_unary(r->g, OP_SIGMOID, build_unary(r->g, OP_TANH, x))); break;
    default: build_unary(r->g, ops[random_below(r, 7)], x);
    }
}

static inline void random_binary(random_graph *r) {
    static const op_id ops[] = {OP_ADD, OP_ADD, OP_SUB, OP_MUL, OP_MIN, OP_MAX};
    node_id x = random_value(r), y = random_partner(r, x);
    if (random_below(r, 6) == 0) {
        node_id bottom = build_unary(r->g, OP_SIGMOID, build_unary(r->g, OP_TANH, y));
        random_bounded(r, build_binary(r->g, OP_DIV, x, bottom));
        return;
    }
    random_bounded(r, build_binary(r->g, ops[random_below(r, 6)], x, y));
}

// What simplify looks for.
static inline void random_identity(random_graph *r) {
    static const struct {
        op_id op;
        double constant;
    } identities[] = {{OP_ADD, 0}, {OP_SUB, 0}, {OP_MUL, 1}, {OP_DIV, 1}, {OP_MUL, 0.5}, {OP_ADD, -1}};
    node_id x = random_value(r);
    value_type type = graph_type(r->g, x);
    type.axes |= random_below(r, 4) ? 0 : AXIS_BIT(AXIS_BATCH);
    uint32_t kind = random_below(r, 6);
    bool one = random_below(r, 2);
    node_id constant = build_const(r->g, one ? type_vector(DT_F64, 0, 1) : type, identities[kind].constant);
    bool first = identities[kind].op != OP_SUB && identities[kind].op != OP_DIV && random_below(r, 2);
    build_binary(r->g, identities[kind].op, first ? constant : x, first ? x : constant);
}

static inline void random_select(random_graph *r) {
    node_id x = random_value(r), y = random_partner(r, x);
    node_id sum = build_binary(r->g, OP_ADD, x, y);
    node_id mask = build_binary(r->g, random_below(r, 2) ? OP_LESS : OP_LESS_EQUAL, x, y);
    build_select(r->g, mask, random_below(r, 2) ? sum : x, random_below(r, 4) ? y : sum);
}

static inline void random_matmul(random_graph *r) {
    node_id x = random_value(r);
    int32_t inner = graph_type(r->g, x).dim[0], columns = (int32_t)random_below(r, 4) + 1;
    for (int i = 0; i < r->weight_count && random_below(r, 2); i++) {
        value_type w = graph_type(r->g, r->weights[i]);
        bool transposed = w.dim[1] == inner && random_below(r, 2);
        if (transposed || w.dim[0] == inner) {
            random_bounded(r, build_matmul(r->g, x, r->weights[i], transposed));
            return;
        }
    }
    node_id w = random_weight(r, type_matrix(DT_F64, inner, columns));
    if (r->weight_count < RANDOM_WEIGHTS) {
        r->weights[r->weight_count++] = w;
    }
    random_bounded(r, build_matmul(r->g, x, w, false));
}

// Several products of one value, with or without biases: what fuse-gates looks for.
static inline void random_gates(random_graph *r) {
    node_id x = random_value(r), sum = NO_NODE;
    int32_t inner = graph_type(r->g, x).dim[0], columns = (int32_t)random_below(r, 3) + 1;
    uint32_t count = random_below(r, 3) + 2, biased = random_below(r, 4);
    for (uint32_t i = 0; i < count; i++) {
        node_id gate = build_matmul(r->g, x, random_weight(r, type_matrix(DT_F64, inner, columns)), false);
        if (biased > 0) {
            node_id bias = random_weight(r, type_vector(DT_F64, 0, columns));
            gate = random_below(r, 2) ? build_binary(r->g, OP_ADD, bias, gate)
                                      : build_binary(r->g, OP_ADD, gate, bias);
        }
        gate = build_unary(r->g, i % 2 ? OP_TANH : OP_SIGMOID, gate);
        sum = sum == NO_NODE ? gate : build_binary(r->g, i % 2 ? OP_MUL : OP_ADD, sum, gate);
    }
}

static inline void random_columns(random_graph *r) {
    node_id x = random_value(r);
    value_type type = graph_type(r->g, x);
    int32_t n = type.dim[0], from = (int32_t)random_below(r, (uint32_t)n);
    int32_t size = (int32_t)random_below(r, (uint32_t)(n - from)) + 1;
    type.dim[0] = (int32_t)random_below(r, 3) + 1;
    node_id other = random_of_type(r, type);
    switch (random_below(r, 5)) {
    case 0: build_slice(r->g, x, from, size); break;
    case 1: build_pad(r->g, x, from, n + from + (int32_t)random_below(r, 3)); break;
    case 2: build_concat(r->g, (node_id[]){x, other, x}, random_below(r, 2) + 2); break;
    case 3: // a sum of pieces
        build_binary(r->g, OP_ADD, build_pad(r->g, x, 0, n + type.dim[0]),
                     build_pad(r->g, other, n, n + type.dim[0]));
        break;
    default: // taken apart and joined again
        if (n > 1) {
            node_id head = build_slice(r->g, x, 0, 1), rest = build_slice(r->g, x, 1, n - 1);
            build_concat(r->g, random_below(r, 2) ? (node_id[]){head, rest} : (node_id[]){rest, head}, 2);
        }
    }
}

static inline void random_reduce(random_graph *r) {
    static const op_id ops[] = {OP_SUM, OP_MAXIMUM, OP_LSE};
    node_id x = random_value(r);
    axis_set over = (axis_set)(random_below(r, 256) & graph_type(r->g, x).axes);
    random_bounded(r, build_reduce(r->g, ops[random_below(r, 3)], x, over, random_below(r, 2)));
}

static inline void random_spread(random_graph *r) {
    node_id x = random_value(r);
    value_type type = graph_type(r->g, x);
    type.axes |= (axis_set)(random_below(r, 256) & r->axes);
    type.dim[0] = type.dim[0] == 1 ? (int32_t)random_below(r, 4) + 1 : type.dim[0];
    node_id wide = build_broadcast(r->g, x, type);
    build_binary(r->g, OP_ADD, wide, random_partner(r, wide));
}

static inline void random_rows(random_graph *r) {
    axis_set axes = random_type(r).axes;
    if (random_below(r, 2)) {
        node_id table = random_weight(r, type_matrix(DT_F64, TOKENS + 1, (int32_t)random_below(r, 3) + 1));
        build_gather(r->g, table, random_tokens(r, axes));
        return;
    }
    node_id x = random_of_type(r, type_vector(DT_F64, axes, TOKENS));
    build_pick(r->g, x, random_tokens(r, random_below(r, 2) ? axes : axes & AXIS_BIT(AXIS_BATCH)));
}

static inline void random_leaf(random_graph *r) {
    int axis = random_below(r, 2) ? 1 : AXIS_BATCH;
    switch (random_below(r, 5)) {
    case 0: build_convert(r->g, build_index(r->g, axis), DT_F64); break;
    case 1: build_convert(r->g, build_column(r->g, (int32_t)random_below(r, 4) + 1), DT_F64); break;
    case 2: build_unary(r->g, OP_LOG, build_extent(r->g, axis)); break;
    case 3: random_weight(r, type_vector(DT_F64, 0, (int32_t)random_below(r, 4) + 1)); break;
    default: random_input(r, random_type(r));
    }
}

// The same node again: a common subexpression.
static inline void random_repeat(random_graph *r) {
    node n = *graph_node(r->g, (node_id)random_below(r, r->g->nodes.count));
    if (!op_has(n.op, DELAY)) {
        graph_add_node(r->g, NULL, n.op, n.type, n.operands, n.operand_count, n.attr);
    }
}

static inline int random_axis_of(random_graph *r, axis_set axes) {
    int axis;
    do {
        axis = (int)random_below(r, MAX_AXES);
    } while (!(axes & AXIS_BIT(axis)));
    return axis;
}

static inline void random_time(random_graph *r) {
    value_type type = random_type(r);
    type.axes |= AXIS_BIT(1);
    int axis = random_axis_of(r, (axis_set)(type.axes & ~AXIS_BIT(AXIS_BATCH)));
    node_id x = random_of_type(r, type);
    if (random_below(r, 3) == 0) {
        build_end(r->g, random_below(r, 2) ? OP_FIRST : OP_LAST, x, axis);
        return;
    }
    value_type row = type;
    row.axes &= (axis_set)~AXIS_BIT(axis);
    node_id start = random_below(r, 2) ? build_const(r->g, row, 0) : random_of_type(r, row);
    op_id op = random_below(r, 2) ? OP_PREVIOUS : OP_FOLLOWING;
    if (random_below(r, 2) && r->delay_count < RANDOM_DELAYS) {
        x = random_input(r, type);
        r->delays[r->delay_count++] = r->g->nodes.count;
    }
    build_delay(r->g, op, x, start, axis, type);
}

typedef void random_step(random_graph *r);

static inline void random_grow(random_graph *r, int steps) {
    static random_step *const kinds[] = {
        random_unary,    random_unary,   random_binary, random_binary, random_binary,
        random_identity, random_select,  random_matmul, random_matmul, random_gates,
        random_columns,  random_columns, random_reduce, random_spread, random_rows,
        random_leaf,     random_repeat,  random_time,   random_time,   random_time,
    };
    for (int i = 0; i < steps; i++) {
        char path[32];
        snprintf(path, sizeof path, "step.%d", i);
        r->g->current_origin = graph_add_origin(r->g, NO_SPAN, path);
        kinds[random_below(r, sizeof kinds / sizeof *kinds)](r);
    }
}

static inline bool is_sound(const graph *g) {
    diag_sink d;
    diag_init(&d);
    bool sound = graph_verify(g, &d) == RNNC_OK;
    diag_deinit(&d);
    return sound;
}

// Some delays come to read what depends on them.
static inline void random_close(random_graph *r) {
    for (int i = 0; i < r->delay_count; i++) {
        node_id delay = r->delays[i], was = graph_node(r->g, delay)->operands[0];
        value_type type = graph_type(r->g, delay);
        for (int attempt = 0; attempt < 8; attempt++) {
            node_id x = random_of_type(r, type);
            graph_set_operand(r->g, delay, 0, x > delay ? build_unary(r->g, OP_TANH, x) : x);
            if (is_sound(r->g)) {
                break;
            }
            graph_set_operand(r->g, delay, 0, was);
        }
    }
}

// The loss: all outputs, weighted and summed.
static inline void random_outputs(random_graph *r, uint32_t count) {
    node_id loss = NO_NODE;
    for (uint32_t i = 0; i < count; i++) {
        node_id n = i == 0 ? r->g->nodes.count - 1 : random_value(r);
        n = is_real_vector(graph_type(r->g, n)) ? n : random_value(r);
        graph_add_output(r->g, arena_printf(&r->g->memory, "y%u", i), n, OUTPUT_VALUE);
        node_id bounded = build_unary(r->g, OP_TANH, n);
        node_id sum = build_reduce(r->g, OP_SUM, bounded, graph_type(r->g, n).axes, true);
        sum = build_binary(r->g, OP_MUL, sum, build_real(r->g, 0.3 + i));
        loss = loss == NO_NODE ? sum : build_binary(r->g, OP_ADD, loss, sum);
    }
    graph_add_output(r->g, "loss", loss, OUTPUT_LOSS);
}

static inline graph *random_graph_create(uint64_t seed) {
    random_graph r = {.g = graph_create("random", DT_F64), .state = (seed + 1) * 0x9E3779B97F4A7C15u};
    graph_add_axis(r.g, "T", AXIS_IS_SEQUENCE, 0);
    graph_add_axis(r.g, "S", AXIS_IS_SEQUENCE, 0);
    graph_add_axis(r.g, "K", AXIS_IS_FIXED, 2);
    r.axes = random_below(&r, 3) ? 3 : 15;
    r.g->current_origin = graph_add_origin(r.g, NO_SPAN, "leaves");
    for (int i = 0; i < 3; i++) {
        random_input(&r, random_type(&r));
    }
    random_grow(&r, 8 + (int)random_below(&r, 25));
    random_outputs(&r, 2 + random_below(&r, 3));
    random_close(&r);
    return r.g;
}

// ---- Making it smaller ----

// Whether the graph of |text| has the property that is looked at.
typedef bool graph_property(void *user, const char *text);

static inline void drop_output(graph *g, uint32_t i) {
    memmove(&g->outputs.at[i], &g->outputs.at[i + 1], (g->outputs.count - i - 1) * sizeof *g->outputs.at);
    g->outputs.count--;
}

// Replaces node |n| by its operand number |i| or, if |i| is that of no operand of its type, by zeros.
static inline bool drop_node(graph *g, node_id n, uint32_t i) {
    node *at = graph_node(g, n);
    if (i < at->operand_count && type_equal(graph_type(g, at->operands[i]), at->type)) {
        graph_replace_uses(g, n, at->operands[i]);
        return true;
    }
    if (i < at->operand_count || op_has(at->op, LEAF)) {
        return false;
    }
    at->op = OP_CONST;
    at->operand_count = 0;
    at->attr[0].f = 0;
    return true;
}

// Attempt number |number| at something smaller than |text|; NULL if it came to nothing. Frees nothing of |text|.
static inline char *smaller_text(const char *text, uint32_t number, bool *out_last) {
    graph *g = parse_graph(text);
    uint32_t outputs = g->outputs.count;
    bool changed = false;
    *out_last = false;
    if (number < outputs) {
        changed = outputs > 1 && g->outputs.at[number].role != OUTPUT_LOSS;
        if (changed) {
            drop_output(g, number);
        }
    } else {
        uint32_t n = (number - outputs) / 4;
        *out_last = n >= g->nodes.count;
        changed = !*out_last && drop_node(g, g->nodes.count - 1 - n, (number - outputs) % 4);
    }
    strbuf out = {0};
    arena scratch;
    arena_init(&scratch);
    diag_sink d;
    diag_init(&d);
    if (changed && is_sound(g) && graph_rebuild(g, &scratch, &d, NULL, NULL) == RNNC_OK) {
        graph_print(g, &out);
    }
    diag_deinit(&d);
    arena_deinit(&scratch);
    graph_destroy(g);
    return out.text;
}

// The smallest graph found that still lacks the property that |text| lacks. Takes |text| and gives a text to free.
static inline char *shrink_graph(char *text, graph_property *property, void *user) {
    bool last = false;
    for (uint32_t number = 0; !last; number++) {
        char *smaller = smaller_text(text, number, &last);
        if (smaller && strlen(smaller) < strlen(text) && !property(user, smaller)) {
            free(text);
            text = smaller;
            number = UINT32_MAX; // from the start
        } else {
            free(smaller);
        }
    }
    return text;
}

#endif
