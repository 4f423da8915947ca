// The interpreter on whole graphs: recurrences, updates of variables, rounding, what is left out, and errors.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"
#include "ir/interpret.h"

typedef struct fixture {
    graph *g;
    diag_sink d;
    interpreter *in;
    int t, s;
    uint32_t noise;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    f->g = graph_create("test", DT_F32);
    diag_init(&f->d);
    f->t = graph_add_axis(f->g, "T", AXIS_IS_SEQUENCE, 0);
    f->s = graph_add_axis(f->g, "S", AXIS_IS_SEQUENCE, 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    interpreter_destroy(f->in);
    graph_destroy(f->g);
    diag_deinit(&f->d);
    free(f);
    return 0;
}

static value_type over(const fixture *f, bool t, bool s, bool b, int32_t n) {
    axis_set axes =
        (axis_set)((t ? AXIS_BIT(f->t) : 0) | (s ? AXIS_BIT(f->s) : 0) | (b ? AXIS_BIT(AXIS_BATCH) : 0));
    return type_vector(DT_F32, axes, n);
}

static void create(fixture *f, interpret_precision precision, int64_t t, int64_t s, int64_t b) {
    interpreter_destroy(f->in);
    assert_int_equal(interpreter_create(f->g, precision, &f->d, &f->in), RNNC_OK);
    interpreter_set_extent(f->in, f->t, t);
    interpreter_set_extent(f->in, f->s, s);
    interpreter_set_extent(f->in, AXIS_BATCH, b);
}

static double draw(fixture *f) {
    f->noise = f->noise * 1664525u + 1013904223u;
    return (double)(f->noise >> 8) * 0x1p-23 - 1;
}

static void fill(fixture *f, double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        values[i] = draw(f);
    }
}

static void give(fixture *f, const char *name, double *values, int64_t count) {
    fill(f, values, count);
    assert_true(interpreter_set_input(f->in, name, values, count));
}

static void run(fixture *f) {
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OK);
}

static void assert_near(double found, double expected) {
    if (!(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)))) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

// h = x + delay(h) / 2, the boundary an input; returns h.
static node_id add_recurrence(fixture *f, op_id delay, int axis, value_type type) {
    value_type start = type;
    start.axes &= (axis_set)~AXIS_BIT(axis);
    node_id x = build_input(f->g, "x", "input", type), h0 = build_input(f->g, "h0", "state", start);
    node_id before = build_delay(f->g, delay, NO_NODE, h0, axis, type);
    node_id h = build_binary(f->g, OP_ADD, x, build_binary(f->g, OP_MUL, before, build_real(f->g, 0.5)));
    graph_set_operand(f->g, before, 0, h);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    return h;
}

enum { MANY = 200 };

static void check_along_t(fixture *f, node_id h, int extent, bool forwards) {
    enum { B = 3, N = 2 };
    double x[MANY], h0[B * N];
    create(f, INTERPRET_F64, extent, 1, B);
    give(f, "x", x, extent * B * N);
    give(f, "h0", h0, B * N);
    run(f);
    const double *found = interpreter_value(f->in, h, NULL);
    for (int i = 0; i < B * N; i++) {
        double at = h0[i];
        for (int step = 0; step < extent; step++) {
            int t = forwards ? step : extent - 1 - step;
            at = x[t * B * N + i] + at / 2;
            assert_near(found[t * B * N + i], at);
        }
    }
}

static void recurrence_along_the_outer_axis(void **state) {
    fixture *f = *state;
    node_id h = add_recurrence(f, OP_PREVIOUS, f->t, over(f, true, false, true, 2));
    check_along_t(f, h, 1, true);
    check_along_t(f, h, 2, true);
    check_along_t(f, h, 5, true);
}

static void recurrence_backwards(void **state) {
    fixture *f = *state;
    node_id h = add_recurrence(f, OP_FOLLOWING, f->t, over(f, true, false, true, 2));
    check_along_t(f, h, 1, false);
    check_along_t(f, h, 2, false);
    check_along_t(f, h, 5, false);
}

// Along S, which runs faster than T in memory: each slab is in pieces.
static void recurrence_along_an_inner_axis(void **state) {
    fixture *f = *state;
    enum { T = 3, S = 4, B = 2, N = 2 };
    node_id h = add_recurrence(f, OP_PREVIOUS, f->s, over(f, true, true, true, N));
    create(f, INTERPRET_F64, T, S, B);
    double x[T * S * B * N], h0[T * B * N];
    give(f, "x", x, T * S * B * N);
    give(f, "h0", h0, T * B * N);
    run(f);
    const double *found = interpreter_value(f->in, h, NULL);
    for (int i = 0; i < T * B * N; i++) {
        double at = h0[i];
        for (int s = 0; s < S; s++) {
            int place = (i / (B * N) * S + s) * B * N + i % (B * N);
            at = x[place] + at / 2;
            assert_near(found[place], at);
        }
    }
}

// w[t, s] = w[t - 1, s - 1] + x[t, s]: a shift along S inside each step of T.
static void shift_inside_a_step(void **state) {
    fixture *f = *state;
    enum { T = 3, S = 4 };
    value_type grid = over(f, true, true, false, 1);
    node_id x = build_input(f->g, "x", "input", grid);
    node_id before = build_delay(f->g, OP_PREVIOUS, NO_NODE,
                                 build_const(f->g, over(f, false, true, false, 1), 3), f->t, grid);
    node_id shifted = build_delay(f->g, OP_PREVIOUS, before,
                                  build_const(f->g, over(f, true, false, false, 1), 7), f->s, grid);
    node_id w = build_binary(f->g, OP_ADD, shifted, x);
    graph_set_operand(f->g, before, 0, w);
    graph_add_output(f->g, "w", w, OUTPUT_VALUE);
    create(f, INTERPRET_F64, T, S, 1);
    double values[T * S];
    give(f, "x", values, T * S);
    run(f);
    const double *found = interpreter_value(f->in, w, NULL);
    for (int t = 0; t < T; t++) {
        for (int s = 0; s < S; s++) {
            double from = s == 0 ? 7 : t == 0 ? 3 : found[(t - 1) * S + s - 1];
            assert_near(found[t * S + s], from + values[t * S + s]);
        }
    }
}

// --- An LSTM against its loop (Gers et al. 2000), gates i, f, g, o as columns of one product.

enum { LT = 4, LB = 3, LX = 5, LN = 6, LG = 4 * LN };

typedef struct lstm_data {
    double x[LT * LB * LX], w[LX * LG], u[LN * LG], b[LG], h0[LB * LN], c0[LB * LN];
    double h[LT * LB * LN], c[LB * LN]; // of the loop
} lstm_data;

static double sigmoid(double a) {
    return 1 / (1 + exp(-a));
}

static void lstm_row_step(lstm_data *m, int t, int row, const double *before, double *c) {
    double gate[LG];
    for (int j = 0; j < LG; j++) {
        gate[j] = m->b[j];
        for (int k = 0; k < LX; k++) {
            gate[j] += m->x[(t * LB + row) * LX + k] * m->w[k * LG + j];
        }
        for (int k = 0; k < LN; k++) {
            gate[j] += before[k] * m->u[k * LG + j];
        }
    }
    for (int k = 0; k < LN; k++) {
        c[k] = sigmoid(gate[LN + k]) * c[k] + sigmoid(gate[k]) * tanh(gate[2 * LN + k]);
        m->h[(t * LB + row) * LN + k] = sigmoid(gate[3 * LN + k]) * tanh(c[k]);
    }
}

static void lstm_loop(lstm_data *m) {
    memcpy(m->c, m->c0, sizeof m->c);
    for (int t = 0; t < LT; t++) {
        for (int row = 0; row < LB; row++) {
            const double *before = t == 0 ? &m->h0[row * LN] : &m->h[((t - 1) * LB + row) * LN];
            lstm_row_step(m, t, row, before, &m->c[row * LN]);
        }
    }
}

static node_id gate(fixture *f, op_id op, node_id gates, int number) {
    return build_unary(f->g, op, build_slice(f->g, gates, number * LN, LN));
}

static node_id add_weight(fixture *f, const char *name, value_type type) {
    graph_add_variable(f->g, name, type, VARIABLE_WEIGHT, (initializer){0});
    return build_variable(f->g, name);
}

static void add_lstm(fixture *f, node_id *out_h, node_id *out_c) {
    value_type hidden = over(f, true, false, true, LN), start = over(f, false, false, true, LN);
    node_id x = build_input(f->g, "x", "input", over(f, true, false, true, LX));
    node_id w = add_weight(f, "w", type_matrix(DT_F32, LX, LG)),
            u = add_weight(f, "u", type_matrix(DT_F32, LN, LG));
    node_id b = add_weight(f, "b", type_vector(DT_F32, 0, LG));
    node_id h_before =
        build_delay(f->g, OP_PREVIOUS, NO_NODE, build_input(f->g, "h0", "state", start), f->t, hidden);
    node_id c_before =
        build_delay(f->g, OP_PREVIOUS, NO_NODE, build_input(f->g, "c0", "state", start), f->t, hidden);
    node_id from_x = build_binary(f->g, OP_ADD, build_matmul(f->g, x, w, false), b);
    node_id gates = build_binary(f->g, OP_ADD, from_x, build_matmul(f->g, h_before, u, false));
    node_id kept = build_binary(f->g, OP_MUL, gate(f, OP_SIGMOID, gates, 1), c_before);
    node_id taken = build_binary(f->g, OP_MUL, gate(f, OP_SIGMOID, gates, 0), gate(f, OP_TANH, gates, 2));
    node_id c = build_binary(f->g, OP_ADD, kept, taken);
    node_id h = build_binary(f->g, OP_MUL, gate(f, OP_SIGMOID, gates, 3), build_unary(f->g, OP_TANH, c));
    graph_set_operand(f->g, h_before, 0, h);
    graph_set_operand(f->g, c_before, 0, c);
    *out_h = h;
    *out_c = build_end(f->g, OP_LAST, c, f->t);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    graph_add_output(f->g, "c0", *out_c, OUTPUT_STATE);
}

static void lstm(void **state) {
    fixture *f = *state;
    lstm_data *m = calloc(1, sizeof *m);
    node_id h, c;
    add_lstm(f, &h, &c);
    create(f, INTERPRET_F64, LT, 1, LB);
    give(f, "x", m->x, LT * LB * LX);
    give(f, "h0", m->h0, LB * LN);
    give(f, "c0", m->c0, LB * LN);
    fill(f, m->w, LX * LG);
    fill(f, m->u, LN * LG);
    fill(f, m->b, LG);
    memcpy(interpreter_variable(f->in, "w", NULL), m->w, sizeof m->w);
    memcpy(interpreter_variable(f->in, "u", NULL), m->u, sizeof m->u);
    memcpy(interpreter_variable(f->in, "b", NULL), m->b, sizeof m->b);
    run(f);
    lstm_loop(m);
    for (int i = 0; i < LT * LB * LN; i++) {
        assert_near(interpreter_value(f->in, h, NULL)[i], m->h[i]);
    }
    for (int i = 0; i < LB * LN; i++) {
        assert_near(interpreter_value(f->in, c, NULL)[i], m->c[i]);
    }
    free(m);
}

// --- Updates.

// w becomes w + 1 while y reads the old w, although the update was added first.
static void effects_come_last(void **state) {
    fixture *f = *state;
    value_type one = type_vector(DT_F32, 0, 1);
    graph_add_variable(f->g, "w", one, VARIABLE_WEIGHT, (initializer){0});
    node_id w = build_variable(f->g, "w");
    build_assign(f->g, w, build_binary(f->g, OP_ADD, w, build_real(f->g, 1)));
    node_id y = build_binary(f->g, OP_MUL, build_variable(f->g, "w"), build_real(f->g, 10));
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    create(f, INTERPRET_AS_TYPED, 1, 1, 1);
    for (int i = 0; i < 4; i++) {
        run(f);
        assert_true(interpreter_value(f->in, y, NULL)[0] == 10 * i);
        assert_true(interpreter_variable(f->in, "w", NULL)[0] == i + 1);
    }
}

// If one of several updates has a token out of range, none is done.
static void failed_effects_change_nothing(void **state) {
    fixture *f = *state;
    graph_add_variable(f->g, "v", type_vector(DT_F32, 0, 1), VARIABLE_WEIGHT, (initializer){0});
    build_assign(f->g, build_variable(f->g, "v"), build_real(f->g, 1));
    graph_add_variable(f->g, "table", type_matrix(DT_F32, 3, 1), VARIABLE_WEIGHT, (initializer){0});
    value_type tokens = type_vector(DT_I32, 0, 1);
    node_id operands[3] = {build_variable(f->g, "table"), build_input(f->g, "n", "input", tokens),
                           build_real(f->g, 1)};
    assert_int_not_equal(graph_add_node(f->g, &f->d, OP_ADD_ROWS, (value_type){0}, operands, 3, NULL),
                         NO_NODE);
    create(f, INTERPRET_F64, 1, 1, 1);
    assert_true(interpreter_set_input(f->in, "n", (double[]){3}, 1));
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_INVALID_ARGUMENT);
    assert_non_null(strstr(f->d.entries.at[0].message, "token 3 is not in 0 to 2"));
    assert_true(interpreter_variable(f->in, "v", NULL)[0] == 0);
    assert_true(interpreter_set_input(f->in, "n", (double[]){2}, 1));
    run(f);
    assert_true(interpreter_variable(f->in, "v", NULL)[0] == 1);
    assert_true(interpreter_variable(f->in, "table", NULL)[2] == 1);
}

// --- What is left out, rounding, extents.

static void unneeded_nodes_are_left_out(void **state) {
    fixture *f = *state;
    node_id missing = build_input(f->g, "missing", "input", over(f, true, false, true, 3));
    node_id unused = build_unary(f->g, OP_EXP, missing);
    node_id y = build_real(f->g, 2);
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    create(f, INTERPRET_F64, 0, 0, 0);
    assert_null(interpreter_value(f->in, y, NULL));
    run(f);
    assert_null(interpreter_value(f->in, unused, NULL));
    assert_null(interpreter_value(f->in, missing, NULL));
    assert_true(interpreter_value(f->in, y, NULL)[0] == 2);
}

static void results_are_rounded_to_their_types(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", type_vector(DT_F32, 0, 3));
    node_id y = build_unary(f->g, OP_EXP, x), z = build_binary(f->g, OP_MUL, y, y);
    node_id wide = build_unary(f->g, OP_EXP, build_convert(f->g, y, DT_F64));
    graph_add_output(f->g, "z", z, OUTPUT_VALUE);
    graph_add_output(f->g, "wide", wide, OUTPUT_VALUE);
    create(f, INTERPRET_AS_TYPED, 1, 1, 1);
    double values[3];
    give(f, "x", values, 3);
    values[0] = 0.1;
    assert_true(interpreter_set_input(f->in, "x", values, 3));
    run(f);
    for (int i = 0; i < 3; i++) {
        float e = (float)exp((float)values[i]);
        assert_true(interpreter_value(f->in, z, NULL)[i] == (double)(float)((double)e * e));
        assert_true(interpreter_value(f->in, wide, NULL)[i] == exp(e));
    }
    create(f, INTERPRET_F64, 1, 1, 1);
    assert_true(interpreter_set_input(f->in, "x", values, 3));
    run(f);
    assert_true(interpreter_value(f->in, z, NULL)[0] == exp(0.1) * exp(0.1));
}

static void conversion_to_whole_numbers(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", type_vector(DT_F32, 0, 5));
    node_id n = build_convert(f->g, x, DT_I32);
    graph_add_output(f->g, "n", n, OUTPUT_VALUE);
    create(f, INTERPRET_F64, 1, 1, 1);
    assert_true(interpreter_set_input(f->in, "x", (double[]){-1.9, 1.9, NAN, 1e10, -INFINITY}, 5));
    run(f);
    const double *found = interpreter_value(f->in, n, NULL);
    assert_true(found[0] == -1 && found[1] == 1 && found[2] == 0);
    assert_true(found[3] == INT32_MAX && found[4] == INT32_MIN);
}

static void extents_may_change_between_runs(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", over(f, true, false, true, 1));
    node_id sum = build_reduce(f->g, OP_SUM, x, graph_type(f->g, x).axes, false);
    graph_add_output(f->g, "sum", sum, OUTPUT_VALUE);
    create(f, INTERPRET_F64, 1, 1, 1);
    double ones[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const int64_t extents[][2] = {{1, 1}, {3, 4}, {2, 1}, {4, 3}};
    for (size_t i = 0; i < sizeof extents / sizeof extents[0]; i++) {
        int64_t count = extents[i][0] * extents[i][1], found;
        interpreter_set_extent(f->in, f->t, extents[i][0]);
        interpreter_set_extent(f->in, AXIS_BATCH, extents[i][1]);
        assert_true(interpreter_set_input(f->in, "x", ones, count));
        assert_false(interpreter_set_input(f->in, "x", ones, count + 1));
        run(f);
        assert_true(interpreter_value(f->in, sum, NULL)[0] == (double)count);
        assert_non_null(interpreter_value(f->in, x, &found));
        assert_int_equal(found, count);
    }
    assert_false(interpreter_set_input(f->in, "y", ones, 1));
}

// A row of a batch does not depend on the rows beside it.
static void rows_are_independent(void **state) {
    fixture *f = *state;
    enum { K = 600, N = 5, B = 6 };
    node_id w = add_weight(f, "w", type_matrix(DT_F32, K, N));
    node_id x = build_input(f->g, "x", "input", over(f, false, false, true, K)),
            y = build_matmul(f->g, x, w, false);
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    create(f, INTERPRET_AS_TYPED, 1, 1, B);
    double *values = calloc(B * K, sizeof *values), together[B * N];
    fill(f, interpreter_variable(f->in, "w", NULL), K * N);
    give(f, "x", values, B * K);
    run(f);
    memcpy(together, interpreter_value(f->in, y, NULL), sizeof together);
    interpreter_set_extent(f->in, AXIS_BATCH, 1);
    for (int b = 0; b < B; b++) {
        assert_true(interpreter_set_input(f->in, "x", values + b * K, K));
        run(f);
        assert_memory_equal(interpreter_value(f->in, y, NULL), together + b * N, N * sizeof(double));
    }
    free(values);
}

// --- Errors.

static void assert_failure(fixture *f, const char *part) {
    uint32_t before = f->d.entries.count;
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_INVALID_ARGUMENT);
    assert_int_equal(f->d.entries.count, before + 1);
    if (!strstr(f->d.entries.at[before].message, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, f->d.entries.at[before].message);
    }
}

static void missing_inputs_and_extents(void **state) {
    fixture *f = *state;
    node_id h = add_recurrence(f, OP_PREVIOUS, f->t, over(f, true, false, true, 1));
    create(f, INTERPRET_F64, 2, 1, 1);
    assert_failure(f, "input \"x\" was not given");
    assert_true(interpreter_set_input(f->in, "x", (double[]){4, 6}, 2));
    run(f); // The state was not given either, and is zero.
    assert_true(interpreter_value(f->in, h, NULL)[1] == 8);
    interpreter_set_extent(f->in, f->t, 3);
    assert_failure(f, "input \"x\" has 3 elements in this run, 2 were given");
    interpreter_set_extent(f->in, f->t, 0);
    assert_failure(f, "axis T has extent 0");
}

static void tokens_out_of_range(void **state) {
    fixture *f = *state;
    f->g->current_origin = graph_add_origin(f->g, NO_SPAN, "embedding");
    node_id tokens = build_input(f->g, "n", "input", type_vector(DT_I32, AXIS_BIT(f->t), 1));
    node_id table = build_const(f->g, type_matrix(DT_F32, 4, 2), 1);
    graph_add_output(f->g, "y", build_gather(f->g, table, tokens), OUTPUT_VALUE);
    create(f, INTERPRET_F64, 3, 1, 1);
    assert_true(interpreter_set_input(f->in, "n", (double[]){0, 4, -1}, 3));
    assert_failure(f, "embedding: gather: token 4 is not in 0 to 3");
    assert_true(interpreter_set_input(f->in, "n", (double[]){0, -1, 4}, 3));
    assert_failure(f, "embedding: gather: token -1 is not in 0 to 3");
    assert_true(interpreter_set_input(f->in, "n", (double[]){0, 3, 1}, 3));
    run(f);
}

static void picks_and_rows_out_of_range(void **state) {
    fixture *f = *state;
    node_id token = build_input(f->g, "n", "input", type_vector(DT_I32, 0, 1));
    node_id x = build_const(f->g, type_vector(DT_F32, 0, 4), 1);
    graph_add_output(f->g, "y", build_pick(f->g, x, token), OUTPUT_VALUE);
    create(f, INTERPRET_F64, 1, 1, 1);
    assert_true(interpreter_set_input(f->in, "n", (double[]){4}, 1));
    assert_failure(f, "pick: token 4 is not in 0 to 3");
    attr_value attrs[MAX_ATTRS] = {{.i = 3}};
    f->g->outputs.count = 0;
    graph_add_output(
        f->g, "z", graph_add_node(f->g, &f->d, OP_SCATTER, (value_type){0}, (node_id[]){token, x}, 2, attrs),
        OUTPUT_VALUE);
    create(f, INTERPRET_F64, 1, 1, 1);
    assert_true(interpreter_set_input(f->in, "n", (double[]){3}, 1));
    assert_failure(f, "scatter: token 3 is not in 0 to 2");
}

static void indices_out_of_range(void **state) {
    fixture *f = *state;
    node_id x = build_const(f->g, over(f, true, false, false, 1), 1), part = build_real(f->g, 1);
    attr_value attrs[MAX_ATTRS] = {{.i = f->t}, {.i = 2}};
    node_id at = graph_add_node(f->g, &f->d, OP_AT, (value_type){0}, &x, 1, attrs);
    graph_add_output(f->g, "at", at, OUTPUT_VALUE);
    create(f, INTERPRET_F64, 2, 1, 1);
    assert_failure(f, "index 2 of axis T, which has 2");
    f->g->outputs.count = 0;
    node_id stack = graph_add_node(f->g, &f->d, OP_STACK, (value_type){0}, (node_id[]){part, part}, 2, attrs);
    graph_add_output(f->g, "stack", stack, OUTPUT_VALUE);
    create(f, INTERPRET_F64, 3, 1, 1);
    assert_failure(f, "2 values along axis T, which has 3");
}

static void impossible_graphs_have_no_interpreter(void **state) {
    fixture *f = *state;
    node_id a = build_unary(f->g, OP_TANH, build_real(f->g, 1));
    graph_set_operand(f->g, a, 0, a);
    graph_add_output(f->g, "a", a, OUTPUT_VALUE);
    assert_int_equal(interpreter_create(f->g, INTERPRET_F64, &f->d, &f->in), RNNC_TYPE);
    assert_null(f->in);
    assert_int_equal(f->d.error_count, 1);
}

// More memory than there is: an error, not a crash.
static void too_large_values(void **state) {
    fixture *f = *state;
    graph_add_output(f->g, "y", build_const(f->g, over(f, true, true, true, 1), 1), OUTPUT_VALUE);
    create(f, INTERPRET_F64, INT64_C(1) << 30, INT64_C(1) << 30, INT64_C(1) << 30);
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OUT_OF_MEMORY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(recurrence_along_the_outer_axis),
        CASE(recurrence_backwards),
        CASE(recurrence_along_an_inner_axis),
        CASE(shift_inside_a_step),
        CASE(lstm),
        CASE(effects_come_last),
        CASE(failed_effects_change_nothing),
        CASE(unneeded_nodes_are_left_out),
        CASE(results_are_rounded_to_their_types),
        CASE(conversion_to_whole_numbers),
        CASE(extents_may_change_between_runs),
        CASE(rows_are_independent),
        CASE(missing_inputs_and_extents),
        CASE(tokens_out_of_range),
        CASE(picks_and_rows_out_of_range),
        CASE(indices_out_of_range),
        CASE(impossible_graphs_have_no_interpreter),
        CASE(too_large_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
