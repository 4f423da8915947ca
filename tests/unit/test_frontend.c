#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontend/model.h"
#include "ir/interpret.h"
#include "ir/text.h"
#include "ir/verify.h"

// ---- Building from text ----

typedef struct built {
    diag_sink d;
    source_unit *unit;
    model *m;
} built;

static void build_with(built *b, const char *text, const model_options *options) {
    diag_init(&b->d);
    b->m = NULL;
    rnnc_status status = source_parse(&b->d, "test.rnn", text, strlen(text), &b->unit);
    if (status == RNNC_OK) {
        status = model_build(&b->d, b->unit, options, &b->m);
    }
    if (status != RNNC_OK || graph_verify(b->m->graph, &b->d) != RNNC_OK) {
        strbuf message = {0};
        diag_render(&b->d, &message);
        fail_msg("%s\n%s", text, strbuf_text(&message));
    }
}

static void build(built *b, const char *text) {
    build_with(b, text, &(model_options){0});
}

static void release(built *b) {
    model_destroy(b->m);
    source_destroy(b->unit);
    diag_deinit(&b->d);
}

// ---- Running ----

enum { STEPS = 3, ROWS = 2, MOST = 400 };

typedef struct run {
    interpreter *in;
    built *b;
} run;

// Inputs, states and weights get values that depend on their place alone: -0.9 … 0.9, the same in every test.
static double value_at(int64_t i, int salt) {
    return sin((double)(i * 7 + salt * 13 + 1)) * 0.9;
}

static void fill_inputs(run *r) {
    const graph *g = r->b->m->graph;
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        const node *input = graph_node(g, n);
        if (input->op != OP_INPUT) {
            continue;
        }
        bool sequence = (input->type.axes & 2) != 0, tokens = input->type.elem == DT_I32;
        int64_t count = (int64_t)input->type.dim[0] * ROWS * (sequence ? STEPS : 1);
        double values[MOST];
        for (int64_t i = 0; i < count; i++) {
            values[i] = tokens ? (double)((i * 2 + 1) % 3) : value_at(i, (int)strlen(input->attr[0].text));
        }
        assert_true(interpreter_set_input(r->in, input->attr[0].text, values, count));
    }
    for (uint32_t v = 0; v < g->variables.count; v++) {
        int64_t count;
        double *values = interpreter_variable(r->in, g->variables.at[v].name, &count);
        for (int64_t i = 0; i < count; i++) {
            values[i] = value_at(i, (int)v + 3);
        }
    }
}

static void open_run(run *r, built *b) {
    r->b = b;
    assert_int_equal(interpreter_create(b->m->graph, INTERPRET_F64, &b->d, &r->in), RNNC_OK);
    interpreter_set_extent(r->in, AXIS_BATCH, ROWS);
    if (b->m->graph->axes.count > 1) {
        interpreter_set_extent(r->in, 1, STEPS);
    }
    fill_inputs(r);
}

static const double *output_of(run *r, const char *name) {
    int64_t count;
    return interpreter_value(r->in, graph_find_output(r->b->m->graph, name), &count);
}

static const double *weight_of(run *r, const char *name) {
    int64_t count;
    const double *w = interpreter_variable(r->in, name, &count);
    assert_non_null(w);
    return w;
}

static void assert_close(double found, double expected, const char *what) {
    if (!(fabs(found - expected) <= 1e-12 * (1 + fabs(expected)))) {
        fail_msg("%s: found %.17g, expected %.17g", what, found, expected);
    }
}

// ---- Functions of one number ----

static double f_relu(double x) {
    return x > 0 ? x : 0;
}
static double f_leaky(double x) {
    return x > 0 ? x : 0.01 * x;
}
static double f_leaky_2(double x) {
    return x > 0 ? x : 0.2 * x;
}
static double f_elu(double x) {
    return x > 0 ? x : expm1(x);
}
static double f_elu_2(double x) {
    return x > 0 ? x : 2 * expm1(x);
}
static double f_softplus(double x) {
    return log1p(exp(x));
}
static double f_softsign(double x) {
    return x / (1 + fabs(x));
}
static double f_hard(double x) {
    return fmin(fmax(0.2 * x + 0.5, 0), 1);
}
static double f_hard_2(double x) {
    return fmin(fmax(x + 0.25, 0), 1);
}
static double f_gelu(double x) {
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}
static double f_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double f_clamp(double x) {
    return fmin(fmax(x, -0.25), 0.5);
}
static double f_cube(double x) {
    return x * x * x;
}
static double f_root(double x) {
    return sqrt(fabs(x));
}
static double f_minus_square(double x) {
    return -(x * x);
}
static double f_power(double x) {
    return pow(fabs(x), 1.5);
}
static double f_between(double x) {
    return x > -0.5 && x <= 0.5;
}
static double f_outside(double x) {
    return x < -0.5 || !(x <= 0.5);
}
static double f_precedence(double x) {
    return 1 - x * 2 - 3 / (x + 4);
}
static double f_log(double x) {
    return log(x * x + 1);
}
static double f_identity(double x) {
    return x;
}
static double f_sum(double x) {
    return x + x + 1 + 2 * x;
}
static double f_fold(double x) {
    return x * (8 + 0.5 + sin(2) + 3.14159265358979323846);
}
static double f_xent(double x) {
    return log1p(exp(x)) - 0.25 * x;
}
static double f_abs_error(double x) {
    return fabs(x - 0.5);
}

typedef struct function_case {
    const char *text;
    double (*expected)(double);
} function_case;

static const function_case functions[] = {
    {"relu(x)", f_relu},
    {"leaky_relu(x)", f_leaky},
    {"leaky_relu(x, slope = 0.2)", f_leaky_2},
    {"elu(x)", f_elu},
    {"elu(x, 2)", f_elu_2},
    {"softplus(x)", f_softplus},
    {"softsign(x)", f_softsign},
    {"hard_sigmoid(x)", f_hard},
    {"hard_sigmoid(x, slope = 1, offset = 0.25)", f_hard_2},
    {"gelu(x)", f_gelu},
    {"sigmoid(x)", f_sigmoid},
    {"tanh(x)", tanh},
    {"exp(x)", exp},
    {"erf(x)", erf},
    {"abs(x)", fabs},
    {"log(x * x + 1)", f_log},
    {"clamp(x, -0.25, 0.5)", f_clamp},
    {"x ^ 3", f_cube},
    {"abs(x) ^ 0.5", f_root},
    {"sqrt(abs(x))", f_root},
    {"-x ^ 2", f_minus_square},
    {"abs(x) ^ 1.5", f_power},
    {"number(x > -0.5 and x <= 0.5)", f_between},
    {"select(x < -0.5 or not x <= 0.5, 1, 0)", f_outside},
    {"1 - x * 2 - 3 / (x + 4)", f_precedence},
    {"identity(x)", f_identity},
    {"dropout(0.5, x)", f_identity},
    {"sum(concat(x, x, 1, 2 * x))", f_sum},
    {"x * (2 ^ 3 + min(0.5, 1) + sin(max(1, 2)) + pi)", f_fold},
    {"sum(concat(x, 2 * x, 7)[0:1])", f_identity},
    {"concat(7, x, 2 * x)[1]", f_identity},
    {"select(size(concat(x, x)) == 2, x, 0)", f_identity},
    {"binary_cross_entropy(x, 0.25)", f_xent},
    {"absolute_error(x, 0.5)", f_abs_error},
};

static void check_function(const function_case *c, const char *real) {
    char text[512];
    snprintf(text, sizeof text, "model m() {\n float = %s\n input x: real[T]\n y = %s\n output y\n}\n", real,
             c->text);
    built b;
    build(&b, text);
    run r;
    open_run(&r, &b);
    double values[STEPS * ROWS] = {-3, -0.5, 0, 0.25, 0.5, 2.5};
    assert_true(interpreter_set_input(r.in, "x", values, STEPS * ROWS));
    assert_int_equal(interpreter_run(r.in, &b.d), RNNC_OK);
    const double *y = output_of(&r, "y");
    for (int i = 0; i < STEPS * ROWS; i++) {
        assert_close(y[i], c->expected(values[i]), c->text);
    }
    interpreter_destroy(r.in);
    release(&b);
}

static void test_functions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        check_function(&functions[i], "f64");
        check_function(&functions[i],
                       "f32"); // the interpreter computes both in f64 here: the graphs must agree
    }
}

// ---- Cells against plain loops ----

enum { N = 2, IN = 3 };

typedef struct gates {
    run *r;
    const char *place;
    const double *x, *h; // of one row
} gates;

// b + x W_x + v W_name of an equation.
static double pre(const gates *g, const char *equation, const char *second, const double *v, int j) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s.b", g->place, equation);
    double sum = weight_of(g->r, name)[j];
    snprintf(name, sizeof name, "%s.%s.x", g->place, equation);
    const double *w = weight_of(g->r, name);
    for (int k = 0; k < IN; k++) {
        sum += g->x[k] * w[k * N + j];
    }
    snprintf(name, sizeof name, "%s.%s.%s", g->place, equation, second);
    w = weight_of(g->r, name);
    for (int k = 0; k < N; k++) {
        sum += v[k] * w[k * N + j];
    }
    return sum;
}

// One step from (h, c), both replaced.
typedef void cell_step(const gates *g, double h[N], double c[N]);

static void step_rnn(const gates *g, double h[N], double c[N]) {
    (void)c;
    double old[N] = {h[0], h[1]};
    for (int j = 0; j < N; j++) {
        h[j] = tanh(pre(g, "h", "h", old, j));
    }
}

static void step_lstm(const gates *g, double h[N], double c[N]) {
    double old[N] = {h[0], h[1]};
    for (int j = 0; j < N; j++) {
        double i = f_sigmoid(pre(g, "i", "h", old, j)), f = f_sigmoid(pre(g, "f", "h", old, j) + 1);
        double m = tanh(pre(g, "g", "h", old, j)), o = f_sigmoid(pre(g, "o", "h", old, j));
        c[j] = f * c[j] + i * m;
        h[j] = o * tanh(c[j]);
    }
}

static double peephole(const gates *g, const char *name, int j) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", g->place, name);
    return weight_of(g->r, full)[j];
}

static void step_peephole(const gates *g, double h[N], double c[N]) {
    double old[N] = {h[0], h[1]};
    for (int j = 0; j < N; j++) {
        double i = f_sigmoid(pre(g, "i", "h", old, j) + peephole(g, "p_i", j) * c[j]);
        double f = f_sigmoid(pre(g, "f", "h", old, j) + peephole(g, "p_f", j) * c[j] + 1);
        c[j] = f * c[j] + i * tanh(pre(g, "g", "h", old, j));
        h[j] = f_sigmoid(pre(g, "o", "h", old, j) + peephole(g, "p_o", j) * c[j]) * tanh(c[j]);
    }
}

static void step_coupled(const gates *g, double h[N], double c[N]) {
    double old[N] = {h[0], h[1]};
    for (int j = 0; j < N; j++) {
        double f = f_sigmoid(pre(g, "f", "h", old, j) + 1);
        c[j] = f * c[j] + (1 - f) * tanh(pre(g, "g", "h", old, j));
        h[j] = f_sigmoid(pre(g, "o", "h", old, j)) * tanh(c[j]);
    }
}

static void gru_gates(const gates *g, const double old[N], double z[N], double reset[N]) {
    for (int j = 0; j < N; j++) {
        z[j] = f_sigmoid(pre(g, "z", "h", old, j));
        reset[j] = f_sigmoid(pre(g, "r", "h", old, j));
    }
}

static void mix(const double z[N], const double m[N], bool keeps, double h[N]) {
    for (int j = 0; j < N; j++) {
        h[j] = keeps ? z[j] * h[j] + (1 - z[j]) * m[j] : (1 - z[j]) * h[j] + z[j] * m[j];
    }
}

static void gru_before(const gates *g, double h[N], bool keeps) {
    double z[N], reset[N], m[N];
    gru_gates(g, h, z, reset);
    double rh[N] = {reset[0] * h[0], reset[1] * h[1]};
    for (int j = 0; j < N; j++) {
        m[j] = tanh(pre(g, "g", "in2", rh, j));
    }
    mix(z, m, keeps, h);
}

static void gru_after(const gates *g, double h[N], bool keeps) {
    double z[N], reset[N], m[N];
    const double none[N] = {0, 0};
    gru_gates(g, h, z, reset);
    char name[64];
    snprintf(name, sizeof name, "%s.g.b.1", g->place);
    for (int j = 0; j < N; j++) {
        double from_x = pre(g, "g", "h", none, j);
        double all = pre(g, "g", "h", h, j);
        m[j] = tanh(from_x + reset[j] * (all - from_x + weight_of(g->r, name)[j]));
    }
    mix(z, m, keeps, h);
}

static void step_gru_cho(const gates *g, double h[N], double c[N]) {
    (void)c;
    gru_before(g, h, true);
}
static void step_gru_chung(const gates *g, double h[N], double c[N]) {
    (void)c;
    gru_before(g, h, false);
}
static void step_gru_cho_after(const gates *g, double h[N], double c[N]) {
    (void)c;
    gru_after(g, h, true);
}
static void step_gru_chung_after(const gates *g, double h[N], double c[N]) {
    (void)c;
    gru_after(g, h, false);
}

typedef struct cell_case {
    const char *cell, *place;
    cell_step *step;
} cell_case;

static const cell_case cells[] = {
    {"rnn", "rnn.0", step_rnn},
    {"lstm", "lstm.0", step_lstm},
    {"lstm_peephole", "lstm_peephole.0", step_peephole},
    {"lstm_coupled", "lstm_coupled.0", step_coupled},
    {"gru_cho", "gru_cho.0", step_gru_cho},
    {"gru_chung", "gru_chung.0", step_gru_chung},
    {"gru_cho_after", "gru_cho_after.0", step_gru_cho_after},
    {"gru_chung_after", "gru_chung_after.0", step_gru_chung_after},
    {"gru(reset_after = false, update_keeps = true)", "gru.0", step_gru_cho},
    {"gru(reset_after = false, update_keeps = false)", "gru.0", step_gru_chung},
    {"gru(reset_after = true, update_keeps = true)", "gru.0", step_gru_cho_after},
    {"gru(reset_after = true, update_keeps = false)", "gru.0", step_gru_chung_after},
};

static void initial_state(const cell_case *c, const char *name, int row, double out[N]) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", c->place, name);
    for (int j = 0; j < N; j++) {
        out[j] = value_at(row * N + j, (int)strlen(full));
    }
}

// |lengths|: steps of each row; a row's outputs behind them are zero, its state stays.
static void check_row(run *r, const cell_case *c, int row, bool backward, int length) {
    double h[N], s[N];
    initial_state(c, "h", row, h);
    initial_state(c, "c", row, s);
    const double *y = output_of(r, "y");
    char name[64];
    snprintf(name, sizeof name, "%s.h", c->place);
    for (int i = 0; i < STEPS; i++) {
        int t = backward ? STEPS - 1 - i : i;
        double x[IN];
        for (int k = 0; k < IN; k++) {
            x[k] = value_at((t * ROWS + row) * IN + k, 1);
        }
        gates g = {r, c->place, x, h};
        if (t < length) {
            c->step(&g, h, s);
        }
        for (int j = 0; j < N; j++) {
            assert_close(y[(t * ROWS + row) * N + j], t < length ? h[j] : 0, c->cell);
        }
    }
    for (int j = 0; j < N; j++) {
        assert_close(output_of(r, name)[row * N + j], h[j], c->cell);
    }
}

static void check_cell(const cell_case *c, bool backward, bool lengths) {
    char text[512];
    snprintf(text, sizeof text,
             "model m(cell = %s) {\n float = f64\n input x: real(3)[T%s]\n output y = %s cell(2, x)\n}\n",
             c->cell, lengths ? " lengths" : "", backward ? "backward" : "");
    built b;
    build(&b, text);
    run r;
    open_run(&r, &b);
    const double given[ROWS] = {2, 0};
    if (lengths) {
        assert_true(interpreter_set_input(r.in, "T.lengths", given, ROWS));
    }
    assert_int_equal(interpreter_run(r.in, &b.d), RNNC_OK);
    for (int row = 0; row < ROWS; row++) {
        check_row(&r, c, row, backward, lengths ? (int)given[row] : STEPS);
    }
    interpreter_destroy(r.in);
    release(&b);
}

static void test_cells(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        for (int form = 0; form < 4; form++) {
            check_cell(&cells[i], form & 1, form & 2);
        }
    }
}

// ---- Two texts that mean the same ----

static void assert_same_outputs(const char *one, const char *two) {
    const char *texts[2] = {one, two};
    double values[2][MOST];
    int64_t count[2];
    for (int k = 0; k < 2; k++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "model m() {\n float = f64\n input x: real(3)[T], w: token(3)[T], u: real(3)\n %s\n output "
                 "y\n}\n",
                 texts[k]);
        built b;
        build(&b, text);
        run r;
        open_run(&r, &b);
        assert_int_equal(interpreter_run(r.in, &b.d), RNNC_OK);
        const double *y = interpreter_value(r.in, graph_find_output(b.m->graph, "y"), &count[k]);
        memcpy(values[k], y, (size_t)count[k] * sizeof *y);
        interpreter_destroy(r.in);
        release(&b);
    }
    assert_int_equal(count[0], count[1]);
    for (int64_t i = 0; i < count[0]; i++) {
        assert_close(values[0][i], values[1][i], one);
    }
}

static void test_equivalents(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"y = softmax(x)", "y = exp(x) / sum(exp(x))"},
        {"y = log_softmax(x)", "y = log(softmax(x))"},
        {"y = softmax[T](x)", "y = exp(x) / sum[T](exp(x))"},
        {"y = mean[T, batch](x)", "y = sum[T] sum[batch] x / (extent(T) * extent(batch))"},
        {"y = mean(x)", "y = (x[0] + x[1] + x[2]) / 3"},
        {"y = max(x)", "y = max(max(x[0], x[1]), x[2])"},
        {"y = min(x)", "y = -max(-x)"},
        {"y = max[T](x)", "y = -min[T](-x)"},
        {"y = dot(x, u)", "y = sum(x * u)"},
        {"y = cross_entropy(x, w)", "y = -log(pick(softmax(x), w))"},
        {"y = cross_entropy(x, one_hot(w))", "y = cross_entropy(x, w)"},
        {"y = squared_error(x, u)", "y = (x - u) ^ 2"},
        {"y = number(argmax(one_hot(w)) == w)", "y = 1 + 0 * x[0]"},
        {"y = last[T](x)", "y = sum[T](select(index(T) == 2, x, 0))"},
        {"y = first[T](x)", "y = sum[T](select(T < 1, x, 0))"},
        {"y = shift[T](shift[T](x, 1), -1)", "y = select(index(T) < 2, x, 0)"},
        {"y = shift[T](x, 2)", "y = select(index(T) > 1, first[T](x), 0)"},
        {"y = weighted_mean[T](x > 0, x)", "k = sum[T](number(x > 0))\n"
                                           " y = select(k > 0, sum[T](max(x, 0)) / max(k, 1), 0)"},
        {"y = log_sum_exp[T](x)", "y = log(sum[T](exp(x)))"},
        {"weight W[4, 3]\n y = matmul(W, x)", "weight W[4, 3]\n y = matmul(transpose(transpose(W)), x)"},
        {"share E = embedding(3, 3)\n y = matmul(E.table, E(w))",
         "share E = embedding(3, 3)\n y = matmul(transpose(transpose(E.table)), E(w))"},
        {"share L = rnn(3)\n y = L(x) + L(x)", "share L = rnn(3)\n y = 2 * L(x)"},
        {"h, end = rnn(3, x)\n y = end.h", "y = last[T](rnn(3, x))"},
        {"h, end = backward rnn(3, x)\n y = end.h", "y = first[T](backward rnn(3, x))"},
        {"h, end = rnn(3, x) from (h = u)\n y = h", "y = rnn(3, x) from (h = u)"},
        {"y = rnn(3, x) from (h = 0)", "y = rnn(3, x) from (h = u * 0)"},
        {"x2 = x\n repeat 3 { x2 = x2 * 2 }\n y = x2", "y = 8 * x"},
        {"x2 = x\n repeat 3 as k { x2 = x2 + k }\n y = x2", "y = x + 3"},
        {"if 1 < 2 { y = x } else { y = u }", "y = x"},
        {"if false { y = x } else if true { y = 2 * x } else { y = u }", "y = x + x"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_same_outputs(pairs[i][0], pairs[i][1]);
    }
}

// ---- Names and graphs ----

static void test_weight_names(void **state) {
    (void)state;
    built b;
    build(&b, "cell wrap(n, inner) {\n input x\n output linear(n, inner(n, x), x * 2) + linear(n, x, bias = "
              "false)\n}\n"
              "model m() {\n input x: real(3)[T]\n h = x\n"
              " repeat 2 { h = tanh(linear(3, lstm_coupled(3, h), h)) }\n"
              " share s = lstm_coupled(3)\n output y = wrap(3, inner = rnn(bias = false), s(s(h)))\n}\n");
    static const char *const expected[] = {
        "lstm_coupled.0.f.b",
        "lstm_coupled.0.f.x",
        "lstm_coupled.0.f.h",
        "lstm_coupled.1.o.h",
        "h.0.b",
        "h.0.in1",
        "h.0.h",
        "h.1.b",
        "h.1.in1",
        "h.1.h",
        "s.f.x",
        "s.g.h",
        "wrap.0.rnn.0.h.x",
        "wrap.0.rnn.0.h.h",
        "wrap.0.output.b",
        "wrap.0.output.in1",
        "wrap.0.output.in2",
        "wrap.0.output.x",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!graph_find_variable(b.m->graph, expected[i])) {
            fail_msg("no weight %s", expected[i]);
        }
    }
    assert_null(graph_find_variable(b.m->graph, "wrap.0.rnn.0.h.b"));
    static const char *const states[] = {"lstm_coupled.0.h", "lstm_coupled.1.c", "s.0.h", "s.1.c",
                                         "wrap.0.rnn.0.h"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        assert_int_not_equal(graph_find_output(b.m->graph, states[i]), NO_NODE);
    }
    release(&b);
}

static char *printed(const char *text) {
    built b;
    build(&b, text);
    strbuf out = {0};
    graph_print(b.m->graph, &out);
    release(&b);
    return out.text;
}

// A cell of one's own with the same equations is the standard cell.
static void test_own_lstm(void **state) {
    (void)state;
    static const char own[] = "cell lstm(n, forget_bias = 1) {\n input x\n state h[n], c[n]\n"
                              " i = sigmoid(linear(n, x, h))\n f = sigmoid(linear(n, x, h) + forget_bias)\n"
                              " g = tanh(linear(n, x, h))\n o = sigmoid(linear(n, x, h))\n"
                              " next c = f * c + i * g\n next h = o * tanh(next c)\n output next h\n}\n";
    static const char use[] = "model m() {\n input x: real(3)[T]\n output y = lstm(4, x)\n}\n";
    char text[1024];
    snprintf(text, sizeof text, "%s%s", own, use);
    char *standard = printed(use), *mine = printed(text);
    assert_string_equal(standard, mine);
    free(standard);
    free(mine);
}

// Values by name stand anywhere: what is given by place goes to the rest, parameters first.
static void test_values_by_name(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"lstm(4, 0, x)", "lstm(4, forget_bias = 0, x = x)"},
        {"lstm(4, 0, x)", "lstm(x = x, 4, 0)"},
        {"stack(4, 2, rnn, 1, x)", "stack(4, layers = 2, inner = rnn, x = x)"},
        {"two(4, x, z)", "two(4, b = z, x)"},
        {"two(4, 3, x, 1)", "two(4, a = x, 3, 1)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *texts[2];
        for (int k = 0; k < 2; k++) {
            char text[512];
            snprintf(text, sizeof text,
                     "cell two(n, k = 2) {\n input a, b\n output linear(n, a) * k + b\n}\n"
                     "model m() {\n input x: real(4)[T], z: real(4)[T]\n output y = %s\n}\n",
                     rows[i][k]);
            texts[k] = printed(text);
        }
        assert_string_equal(texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
    }
}

// ---- Losses in words ----

static void test_reduction_words(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"sum[T] mean[batch] cross_entropy(x, w)", "summed over T, averaged over the batch"},
        {"mean[T, batch] mean squared_error(x, 0)",
         "averaged over T and the batch, averaged over the columns"},
        {"mean[batch](sum[T](e))", "averaged over the batch, summed over T"},
        {"mean[T, batch] cross_entropy(x, w) + 0.1 * mean[T, batch] mean absolute_error(x, 0)",
         "cross_entropy: averaged over T and the batch; absolute_error: averaged over T and the batch, "
         "averaged over "
         "the columns"},
        {"mean[T, batch] mean(x * x)", "averaged over T and the batch, averaged over the columns"},
        {"mean[batch] last[T](e)", "averaged over the batch, at the last index of T"},
        {"sum[batch] first[T](sum absolute_error(x, 0))",
         "summed over the batch, at the first index of T, summed over the columns"},
        {"mean[T, batch] e[T: 2..]", "averaged over T and the batch, only [T: 2..]"},
        {"weighted_mean[T, batch](x[0] > 0, mean squared_error(x, 0)[1:3])",
         "averaged with weights over T and the batch, averaged over the columns, only [1:3]"},
        {"mean[T, batch](x[0] * e)", "averaged over T and the batch"},
        {"mean[T, batch] own(x, b = 0)", "averaged over T and the batch, summed over the columns"},
        {"mean[batch] twice(sum[T](e))", "averaged over the batch, summed over T"},
        {"sum[T, batch](twice(x)[0])", "summed over T and the batch"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "function own(a, b) {\n d = squared_error(a, b)\n output sum(d)\n}\n"
                 "function twice(z) { output 2 * z }\n"
                 "model m() {\n input x: real(3)[T]\n target w: token(3)[T]\n e = cross_entropy(x, w)\n loss "
                 "= %s\n}\n",
                 rows[i][0]);
        built b;
        build(&b, text);
        assert_string_equal(b.m->loss_text, rows[i][0]);
        assert_string_equal(b.m->loss_reduction, rows[i][1]);
        release(&b);
    }
}

// ---- Recipes ----

static const char recipes_text[] =
    "model first() { output y = 1 }\n"
    "model m(n = 4, keep = 0.5) {\n input x: real[T]\n target t: real[T]\n"
    " y = linear(1, dropout(keep, rnn(n, x)))\n loss = mean[T, batch] mean squared_error(y, t)\n}\n"
    "train base {\n batch 20  steps T = 7\n init uniform(-0.1, 0.1), *.b zero\n"
    " optimizer adam(rate = 0.01, beta1 = 0.8)  clip_norm 5\n"
    " schedule rate *= 0.5 each epoch after 4\n epochs 13\n set n = 5\n"
    " data {\n  x = series(2 * t + n in t, t = 0 to 1 by 0.1)\n  t = ahead(x, 2)\n  windows stride 3\n"
    "  validation last 2\n  keep best\n }\n}\n"
    "train more : base {\n set n = 6\n batch 30  carry state  optimizer sgd(rate = 1)\n init rnn.* "
    "orthogonal(2)\n"
    " schedule rate *= 0.9 each 100 steps after 50\n max_steps 99\n data { x = csv(\"k\", \"a\", \"b\") "
    "streams }\n}\n";

static void test_recipe(void **state) {
    (void)state;
    built b;
    build(&b, recipes_text);
    const recipe *r = b.m->recipe;
    assert_string_equal(r->name, "base");
    assert_int_equal(r->batch, 20);
    assert_int_equal(r->step_axis_count, 1);
    assert_int_equal(r->steps[0].extent, 7);
    assert_true(!r->carry_state && r->keep == KEEP_BEST_LOSS && r->optimizer == OPTIMIZER_ADAM);
    assert_true(r->rate == 0.01 && r->beta1 == 0.8 && r->beta2 == 0.999 && r->epsilon == 1e-8 &&
                r->clip_norm == 5);
    assert_int_equal(r->schedule.count, 1);
    assert_int_equal(r->schedule.at[0].after, 4);
    assert_int_equal(r->init.count, 2);
    assert_string_equal(r->init.at[1].pattern, "*.b");
    assert_int_equal(r->init.at[1].init.kind, INIT_CONSTANT);
    assert_int_equal(r->data.count, 2);
    assert_int_equal(r->data.at[0].value_count, 11);
    assert_close(r->data.at[0].values[10], 2 * 1.0 + 5, "series");
    assert_int_equal(r->data.at[1].by, 2);
    assert_int_equal(r->batching, BATCH_WINDOWS);
    assert_int_equal(r->stride, 3);
    assert_int_equal(graph_find_variable(b.m->graph, "rnn.0.h.h")->type.dim[0], 5);
    release(&b);
}

static void test_recipe_inherits(void **state) {
    (void)state;
    const model_setting settings[] = {
        {"n", "2 + 1"}, {"batch", "8"}, {"T", "9"}, {"rate", "0.5"}, {"float", "f64"}};
    built b;
    build_with(
        &b, recipes_text,
        &(model_options){.recipe = "more", .settings = settings, .setting_count = 5, .training = true});
    const recipe *r = b.m->recipe;
    assert_int_equal(r->batch, 8);
    assert_int_equal(r->steps[0].extent, 9);
    assert_true(r->optimizer == OPTIMIZER_SGD && r->rate == 0.5 && r->carry_state);
    assert_int_equal(r->schedule.count, 1);
    assert_int_equal(r->schedule.at[0].kind, SCHEDULE_DECAY);
    assert_int_equal(r->schedule.at[0].length, 100);
    assert_int_equal(r->init.count, 3);
    assert_int_equal(r->epochs, 13);
    assert_int_equal(r->max_steps, 99);
    assert_int_equal(r->data.at[0].kind, DATA_CSV);
    assert_int_equal(r->data.at[0].column_count, 2);
    assert_int_equal(r->batching, BATCH_STREAMS);
    assert_int_equal(b.m->graph->real, DT_F64);
    assert_int_equal(graph_find_variable(b.m->graph, "rnn.0.h.h")->type.dim[0], 3);
    bool drops = false;
    for (uint32_t n = 0; n < b.m->graph->nodes.count; n++) {
        drops = drops || graph_node(b.m->graph, n)->op == OP_RANDOM;
    }
    assert_true(drops);
    release(&b);
}

static void test_names_of_file(void **state) {
    (void)state;
    built b;
    build(&b, recipes_text);
    const char *const *names;
    assert_int_equal(source_model_names(b.unit, &names), 2);
    assert_string_equal(names[1], "m");
    assert_string_equal(b.m->graph->name, "m");
    assert_int_equal(source_recipe_names(b.unit, &names), 2);
    assert_string_equal(names[0], "base");
    release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),       cmocka_unit_test(test_cells),
        cmocka_unit_test(test_equivalents),     cmocka_unit_test(test_weight_names),
        cmocka_unit_test(test_own_lstm),        cmocka_unit_test(test_values_by_name),
        cmocka_unit_test(test_reduction_words), cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_recipe_inherits), cmocka_unit_test(test_names_of_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
