// Every op of the table against a formula written out here, index by index, with nothing shared with the
// interpreter but the graph. An op without a case fails.
#include "ir/interpret.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"
#include "support/philox.h"
#include "tests/unit/pointwise_formulas.h"

enum { T = 3, S = 2, B = 4, U = 2, MAX_INPUTS = 4 };
enum { BATCH = AXIS_BATCH, AXIS_T = 1, AXIS_S = 2, AXIS_U = 3 }; // U: two of T
#define B_ AXIS_BIT(BATCH)
#define T_ AXIS_BIT(AXIS_T)
#define S_ AXIS_BIT(AXIS_S)
#define U_ AXIS_BIT(AXIS_U)

typedef struct fixture {
    op_id op; // of the case
    graph *g;
    diag_sink d;
    interpreter *in;
    value_type type[MAX_INPUTS];
    double *x[MAX_INPUTS]; // the elements of the inputs, in layout order
    int64_t count[MAX_INPUTS];
    int inputs;
    uint32_t noise;
    double (*scalar)(double a, double b, double c); // of element-wise cases
    int operands;
} fixture;

typedef struct place {
    int t, s, b, k, u;
} place;

static void begin(fixture *f) {
    f->g = graph_create("test", DT_F64);
    diag_init(&f->d);
    assert_int_equal(graph_add_axis(f->g, "T", AXIS_IS_SEQUENCE, 0), AXIS_T);
    assert_int_equal(graph_add_axis(f->g, "S", AXIS_IS_SEQUENCE, 0), AXIS_S);
    f->in = NULL;
    f->inputs = 0;
}

static void end(fixture *f) {
    interpreter_destroy(f->in);
    for (int i = 0; i < f->inputs; i++) {
        free(f->x[i]);
    }
    graph_destroy(f->g);
    diag_deinit(&f->d);
}

static int64_t elements(value_type t) {
    return (int64_t)(t.axes & T_ ? T : 1) * (t.axes & S_ ? S : 1) * (t.axes & U_ ? U : 1) *
           (t.axes & B_ ? B : 1) * t.dim[0] * t.dim[1];
}

// An input with random elements in [low, high); whole numbers if its type is i32.
static node_id input(fixture *f, value_type type, double low, double high) {
    int i = f->inputs++;
    f->type[i] = type;
    f->count[i] = elements(type);
    f->x[i] = calloc((size_t)f->count[i], sizeof(double));
    for (int64_t e = 0; e < f->count[i]; e++) {
        f->noise = f->noise * 1664525u + 1013904223u;
        double value = low + (high - low) * (f->noise >> 8) * 0x1p-24;
        f->x[i][e] = type.elem == DT_I32 ? floor(value) : type.elem == DT_F32 ? (float)value : value;
    }
    return build_input(f->g, (const char *[]){"x0", "x1", "x2", "x3"}[i], "input", type);
}

// Where element |p| of a value lies; indices of axes that it lacks do not count, a single column is for all k.
static int64_t index_of(value_type t, place p) {
    int64_t i = 0;
    i = t.axes & T_ ? i * T + p.t : i;
    i = t.axes & S_ ? i * S + p.s : i;
    i = t.axes & U_ ? i * U + p.u : i;
    i = t.axes & B_ ? i * B + p.b : i;
    int64_t columns = (int64_t)t.dim[0] * t.dim[1];
    return i * columns + (columns == 1 ? 0 : p.k);
}

static double x(const fixture *f, int i, place p) {
    return f->x[i][index_of(f->type[i], p)];
}

static void prepare(fixture *f, interpret_precision precision) {
    assert_int_equal(interpreter_create(f->g, precision, &f->d, &f->in), RNNC_OK);
    interpreter_set_extent(f->in, BATCH, B);
    interpreter_set_extent(f->in, AXIS_T, T);
    interpreter_set_extent(f->in, AXIS_S, S);
    for (int i = 0; i < f->inputs; i++) {
        assert_true(
            interpreter_set_input(f->in, (const char *[]){"x0", "x1", "x2", "x3"}[i], f->x[i], f->count[i]));
    }
}

static const double *run(fixture *f, node_id n, interpret_precision precision) {
    if (!op_has(graph_node(f->g, n)->op, EFFECT)) {
        graph_add_output(f->g, "y", n, OUTPUT_VALUE);
    }
    prepare(f, precision);
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OK);
    int64_t count = -1;
    const double *value = interpreter_value(f->in, n, &count);
    if (value) {
        assert_int_equal(count, elements(graph_type(f->g, n)));
    }
    return value;
}

static void assert_near(const fixture *f, double found, double expected) {
    bool same = found == expected || (isnan(found) && isnan(expected)) ||
                fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected));
    if (!same) {
        fail_msg("%s: found %.17g, expected %.17g", op_get(f->op)->mnemonic, found, expected);
    }
}

typedef double reference(const fixture *f, place p);

// Each element of |n| is what |expected| says.
static void check(fixture *f, node_id n, reference *expected) {
    const double *value = run(f, n, INTERPRET_F64);
    value_type t = graph_type(f->g, n);
    for (int64_t i = 0; i < elements(t); i++) {
        int64_t columns = (int64_t)t.dim[0] * t.dim[1], r = i / columns;
        place p = {.k = (int)(i % columns)};
        p.b = t.axes & B_ ? (int)(r % B) : 0;
        r = t.axes & B_ ? r / B : r;
        p.u = t.axes & U_ ? (int)(r % U) : 0;
        r = t.axes & U_ ? r / U : r;
        p.s = t.axes & S_ ? (int)(r % S) : 0;
        r = t.axes & S_ ? r / S : r;
        p.t = (int)r;
        assert_near(f, value[i], expected(f, p));
    }
    end(f);
}

static value_type vec(axis_set axes, int32_t n) {
    return type_vector(DT_F64, axes, n);
}

static value_type tokens(axis_set axes) {
    return type_vector(DT_I32, axes, 1);
}

// --- Leaves.

static double ref_input(const fixture *f, place p) {
    return x(f, 0, p);
}

static void case_input(fixture *f) {
    begin(f);
    check(f, input(f, vec(T_ | S_ | B_, 3), -1, 1), ref_input);
}

static void case_variable(fixture *f) {
    begin(f);
    graph_add_variable(f->g, "w", type_matrix(DT_F64, 2, 3), VARIABLE_WEIGHT, (initializer){0});
    node_id w = build_variable(f->g, "w");
    graph_add_output(f->g, "y", w, OUTPUT_VALUE);
    prepare(f, INTERPRET_F64);
    int64_t count;
    double *elements_of_w = interpreter_variable(f->in, "w", &count);
    assert_int_equal(count, 6);
    for (int i = 0; i < 6; i++) {
        assert_true(elements_of_w[i] == 0);
        elements_of_w[i] = 10 + i;
    }
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OK);
    for (int i = 0; i < 6; i++) {
        assert_true(interpreter_value(f->in, w, NULL)[i] == 10 + i);
    }
    assert_null(interpreter_variable(f->in, "v", &count));
    end(f);
}

static double ref_const(const fixture *f, place p) {
    return (void)f, (void)p, 2.5;
}

static void case_const(fixture *f) {
    begin(f);
    check(f, build_const(f->g, vec(T_ | B_, 3), 2.5), ref_const);
}

static double ref_index_t(const fixture *f, place p) {
    return (void)f, p.t;
}
static double ref_index_b(const fixture *f, place p) {
    return (void)f, p.b;
}

static void case_index(fixture *f) {
    begin(f);
    check(f, build_index(f->g, AXIS_T), ref_index_t);
    begin(f);
    check(f, build_index(f->g, BATCH), ref_index_b);
}

static double ref_column(const fixture *f, place p) {
    return (void)f, p.k;
}

static void case_column(fixture *f) {
    begin(f);
    check(f, build_column(f->g, 5), ref_column);
    begin(f);
    check(f, build_column(f->g, 1), ref_column);
}

static double ref_extent(const fixture *f, place p) {
    return (void)f, (void)p, S;
}

static void case_extent(fixture *f) {
    begin(f);
    check(f, build_extent(f->g, AXIS_S), ref_extent);
}

static double ref_random(const fixture *f, place p) {
    (void)f;
    uint32_t key[2] = {0x89abcdefu ^ philox_site("cell.mask"), 0x01234567u}, out[4];
    uint32_t counter[4] = {(uint32_t)p.k / 4, (uint32_t)p.b, (uint32_t)(p.t * S + p.s), 77};
    philox4x32(key, counter, out);
    return (out[p.k % 4] >> 8) / 16777216.0;
}

static void case_random(fixture *f) {
    axis_set axes[] = {T_ | S_ | B_, B_, 0};
    for (int i = 0; i < 3; i++) {
        begin(f);
        attr_value attrs[MAX_ATTRS] = {{.text = "cell.mask"}};
        node_id n = graph_add_node(f->g, &f->d, OP_RANDOM, vec(axes[i], 6), NULL, 0, attrs);
        graph_add_output(f->g, "y", n, OUTPUT_VALUE);
        prepare(f, INTERPRET_F64);
        interpreter_set_random(f->in, 0x0123456789abcdefu, 77);
        assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OK);
        const double *value = interpreter_value(f->in, n, NULL);
        int64_t e = 0;
        for (int r = 0; r < elements(vec(axes[i], 1)); r++) {
            for (int k = 0; k < 6; k++) {
                place p = {.b = r % B, .s = r / B % S, .t = r / B / S, .k = k};
                assert_near(f, value[e++], ref_random(f, p));
            }
        }
        end(f);
    }
}

// --- Element-wise ops.

static double ref_pointwise(const fixture *f, place p) {
    return f->scalar(x(f, 0, p), f->operands > 1 ? x(f, 1, p) : 0, f->operands > 2 ? x(f, 2, p) : 0);
}

// How the operands' axes and columns meet; dim[1] > 1 makes a matrix.
typedef struct meeting {
    struct {
        axis_set axes;
        int32_t dim[2];
    } operand[3];
} meeting;

static const meeting meetings[] = {
    {{{T_ | B_, {3, 1}}, {T_ | B_, {3, 1}}, {T_ | B_, {3, 1}}}},
    {{{T_ | B_, {3, 1}}, {B_, {1, 1}}, {T_, {3, 1}}}},
    {{{T_, {1, 1}}, {B_, {3, 1}}, {0, {1, 1}}}},
    {{{T_ | S_, {1, 1}}, {T_ | B_, {2, 1}}, {S_, {2, 1}}}},
    {{{0, {2, 3}}, {0, {1, 1}}, {0, {2, 3}}}},
    {{{0, {1, 1}}, {0, {2, 3}}, {0, {1, 1}}}},
};

static void check_meeting(fixture *f, const pointwise_case *c, const meeting *m) {
    begin(f);
    node_id operands[3];
    for (int i = 0; i < c->operands; i++) {
        int32_t rows = m->operand[i].dim[0], columns = m->operand[i].dim[1];
        bool mask = c->op == OP_SELECT && i == 0;
        dtype elem = mask ? DT_I32 : c->elem;
        value_type type =
            columns > 1 ? type_matrix(elem, rows, columns) : type_vector(elem, m->operand[i].axes, rows);
        operands[i] = input(f, type, mask ? 0 : c->low, mask ? 2 : c->high);
    }
    f->scalar = c->scalar;
    f->operands = c->operands;
    check(f, graph_add_node(f->g, &f->d, c->op, (value_type){0}, operands, (uint32_t)c->operands, NULL),
          ref_pointwise);
}

static void case_pointwise(fixture *f) {
    int found = 0;
    for (size_t i = 0; i < sizeof pointwise / sizeof pointwise[0]; i++) {
        for (size_t m = 0; pointwise[i].op == f->op && m < sizeof meetings / sizeof meetings[0]; m++) {
            check_meeting(f, &pointwise[i], &meetings[m]);
            found++;
        }
    }
    assert_true(found > 0);
}

static void case_convert(fixture *f) {
    f->operands = 1;
    begin(f);
    f->scalar = n_same;
    check(f, build_convert(f->g, input(f, type_vector(DT_I32, T_ | B_, 3), -9, 9), DT_F64), ref_pointwise);
    begin(f);
    f->scalar = n_cut;
    check(f, build_convert(f->g, input(f, vec(T_ | B_, 3), -9, 9), DT_I32), ref_pointwise);
}

static void case_broadcast(fixture *f) {
    f->operands = 1;
    f->scalar = n_same;
    begin(f);
    check(f, build_broadcast(f->g, input(f, vec(B_, 3), -1, 1), vec(T_ | S_ | B_, 3)), ref_pointwise);
    begin(f);
    check(f, build_broadcast(f->g, input(f, vec(S_, 1), -1, 1), vec(S_ | B_, 3)), ref_pointwise);
    begin(f);
    check(f, build_broadcast(f->g, input(f, vec(0, 1), -1, 1), type_matrix(DT_F64, 2, 3)), ref_pointwise);
}

// --- Products. The inner size goes over a block of the written rule, and the others over a tile.

static double ref_matmul(const fixture *f, place p) {
    double sum = 0;
    int inner = f->type[1].dim[0], columns = f->type[1].dim[1];
    for (int k = 0; k < inner; k++) {
        sum += x(f, 0, (place){p.t, p.s, p.b, k, 0}) * f->x[1][k * columns + p.k];
    }
    return sum;
}

static double ref_matmul_transposed(const fixture *f, place p) {
    double sum = 0;
    int inner = f->type[1].dim[1];
    for (int k = 0; k < inner; k++) {
        sum += x(f, 0, (place){p.t, p.s, p.b, k, 0}) * f->x[1][p.k * inner + k];
    }
    return sum;
}

static void case_matmul(fixture *f) {
    const struct {
        axis_set axes;
        int32_t inner, columns;
    } rows[] = {{T_ | B_, 5, 6}, {B_, 1030, 7}, {0, 9, 3}, {T_ | S_ | B_, 1, 1}, {T_, 512, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(f);
        node_id a = input(f, vec(rows[i].axes, rows[i].inner), -0.1, 0.1);
        node_id w = input(f, type_matrix(DT_F64, rows[i].inner, rows[i].columns), -0.1, 0.1);
        check(f, build_matmul(f->g, a, w, false), ref_matmul);
        begin(f);
        a = input(f, vec(rows[i].axes, rows[i].inner), -0.1, 0.1);
        w = input(f, type_matrix(DT_F64, rows[i].columns, rows[i].inner), -0.1, 0.1);
        check(f, build_matmul(f->g, a, w, true), ref_matmul_transposed);
    }
}

static double ref_outer(const fixture *f, place p) {
    double sum = 0;
    int m = f->type[0].dim[0], n = f->type[1].dim[0];
    for (int64_t r = 0; r < f->count[0] / m; r++) {
        sum += f->x[0][r * m + p.k / n] * f->x[1][r * n + p.k % n];
    }
    return sum;
}

static void case_outer(fixture *f) {
    axis_set axes[] = {T_ | S_ | B_, B_, 0};
    for (int i = 0; i < 3; i++) {
        begin(f);
        node_id a = input(f, vec(axes[i], 5), -1, 1);
        check(f, build_outer(f->g, a, input(f, vec(axes[i], 7), -1, 1)), ref_outer);
    }
}

// --- Rows by number.

static double ref_gather(const fixture *f, place p) {
    return f->x[0][(int)x(f, 1, p) * f->type[0].dim[1] + p.k];
}

static void case_gather(fixture *f) {
    begin(f);
    node_id table = input(f, type_matrix(DT_F64, 5, 3), -1, 1);
    check(f, build_gather(f->g, table, input(f, tokens(T_ | B_), 0, 5)), ref_gather);
    begin(f);
    table = input(f, type_matrix(DT_F64, 5, 1), -1, 1);
    check(f, build_gather(f->g, table, input(f, tokens(T_ | S_ | B_), 0, 5)), ref_gather);
}

static double ref_segment(const fixture *f, place p) {
    int64_t here = (int64_t)p.t * B + p.b, columns = f->type[1].dim[0];
    double sum = 0;
    for (int64_t r = T * B - 1; r >= 0; r--) {
        bool same = f->x[0][r] == f->x[0][here];
        if (same && r < here) {
            return 0;
        }
        sum += same ? f->x[1][r * columns + p.k] : 0;
    }
    return sum;
}

static void case_segment(fixture *f) {
    for (int columns = 1; columns <= 3; columns += 2) {
        begin(f);
        node_id at = input(f, tokens(T_ | B_), 0, 5);
        check(f, build_binary(f->g, OP_SEGMENT, at, input(f, vec(T_ | B_, columns), -1, 1)), ref_segment);
    }
}

static double ref_scatter(const fixture *f, place p) {
    int columns = f->type[1].dim[0];
    double sum = 0;
    for (int64_t r = 0; r < T * B; r++) {
        sum += f->x[0][r] == p.k / columns ? f->x[1][r * columns + p.k % columns] : 0;
    }
    return sum;
}

static void case_scatter(fixture *f) {
    begin(f);
    node_id at = input(f, tokens(T_ | B_), 0, 5), values = input(f, vec(T_ | B_, 3), -1, 1);
    attr_value attrs[MAX_ATTRS] = {{.i = 6}};
    check(f, graph_add_node(f->g, &f->d, OP_SCATTER, (value_type){0}, (node_id[]){at, values}, 2, attrs),
          ref_scatter);
}

static double ref_pick(const fixture *f, place p) {
    return x(f, 0, (place){p.t, p.s, p.b, (int)x(f, 1, p), 0});
}

static void case_pick(fixture *f) {
    axis_set axes[] = {T_ | B_, B_, 0};
    for (int i = 0; i < 3; i++) {
        begin(f);
        node_id values = input(f, vec(T_ | B_, 4), -1, 1);
        check(f, build_pick(f->g, values, input(f, tokens(axes[i]), 0, 4)), ref_pick);
    }
}

// --- Reductions: over T and the columns of <T,S,B>[3], over B alone, over the columns alone.

typedef double fold(double so_far, double element);

static double fold_add(double so_far, double element) {
    return so_far + element;
}
static double fold_max(double so_far, double element) {
    return element > so_far ? element : so_far;
}
static double fold_exp(double so_far, double element) {
    return so_far + exp(element);
}

static double fold_elements(const fixture *f, place p, axis_set over, bool columns, fold *add, double from) {
    for (int t = over & T_ ? 0 : p.t; t < (over & T_ ? T : p.t + 1); t++) {
        for (int b = over & B_ ? 0 : p.b; b < (over & B_ ? B : p.b + 1); b++) {
            for (int k = columns ? 0 : p.k; k < (columns ? f->type[0].dim[0] : p.k + 1); k++) {
                from = add(from, x(f, 0, (place){t, p.s, b, k, 0}));
            }
        }
    }
    return from;
}

static double ref_sum_t(const fixture *f, place p) {
    return fold_elements(f, p, T_, true, fold_add, 0);
}
static double ref_sum_b(const fixture *f, place p) {
    return fold_elements(f, p, B_, false, fold_add, 0);
}
static double ref_sum_k(const fixture *f, place p) {
    return fold_elements(f, p, 0, true, fold_add, 0);
}
static double ref_max_t(const fixture *f, place p) {
    return fold_elements(f, p, T_, true, fold_max, -1e9);
}
static double ref_max_b(const fixture *f, place p) {
    return fold_elements(f, p, B_, false, fold_max, -1e9);
}
static double ref_max_k(const fixture *f, place p) {
    return fold_elements(f, p, 0, true, fold_max, -1e9);
}
static double ref_lse_t(const fixture *f, place p) {
    return log(fold_elements(f, p, T_, true, fold_exp, 0));
}
static double ref_lse_b(const fixture *f, place p) {
    return log(fold_elements(f, p, B_, false, fold_exp, 0));
}
static double ref_lse_k(const fixture *f, place p) {
    return log(fold_elements(f, p, 0, true, fold_exp, 0));
}

static void check_reduce(fixture *f, axis_set over, bool columns, reference *expected) {
    begin(f);
    check(f, build_reduce(f->g, f->op, input(f, vec(T_ | S_ | B_, 3), -2, 2), over, columns), expected);
}

static double ref_sum_matrix(const fixture *f, place p) {
    double sum = 0;
    for (int i = 0; i < 6; i++) {
        sum += f->x[0][i];
    }
    return (void)p, sum;
}

static void case_sum(fixture *f) {
    check_reduce(f, T_, true, ref_sum_t);
    check_reduce(f, B_, false, ref_sum_b);
    check_reduce(f, 0, true, ref_sum_k);
    begin(f);
    check(f, build_reduce(f->g, OP_SUM, input(f, type_matrix(DT_F64, 2, 3), -1, 1), 0, true), ref_sum_matrix);
}

// Reduces the numbers |a|, |b|, |c| as columns of one vector.
static double reduce_three(fixture *f, double a, double b, double c) {
    begin(f);
    node_id v = input(f, vec(0, 3), 0, 1);
    f->x[0][0] = a;
    f->x[0][1] = b;
    f->x[0][2] = c;
    double result = run(f, build_reduce(f->g, f->op, v, 0, true), INTERPRET_F64)[0];
    end(f);
    return result;
}

static void case_maximum(fixture *f) {
    check_reduce(f, T_, true, ref_max_t);
    check_reduce(f, B_, false, ref_max_b);
    check_reduce(f, 0, true, ref_max_k);
    assert_true(isnan(reduce_three(f, NAN, 1, 2)));
    assert_true(isnan(reduce_three(f, 1, NAN, 2)));
    assert_true(isnan(reduce_three(f, 1, 2, NAN)));
    assert_near(f, reduce_three(f, -INFINITY, -INFINITY, -INFINITY), -INFINITY);
}

static void case_lse(fixture *f) {
    check_reduce(f, T_, true, ref_lse_t);
    check_reduce(f, B_, false, ref_lse_b);
    check_reduce(f, 0, true, ref_lse_k);
    assert_near(f, reduce_three(f, -INFINITY, -INFINITY, -INFINITY), -INFINITY);
    assert_near(f, reduce_three(f, -INFINITY, 1, 1), 1 + log(2));
    assert_near(f, reduce_three(f, 1000, 1000, 1000), 1000 + log(3));
    assert_near(f, reduce_three(f, 1, INFINITY, 2), INFINITY);
    assert_true(isnan(reduce_three(f, 1, NAN, 2)));
}

static double ref_argmax(const fixture *f, place p) {
    double best = fold_elements(f, p, 0, true, fold_max, -1e9);
    int k = 0;
    while (x(f, 0, (place){p.t, p.s, p.b, k, 0}) != best) {
        k++;
    }
    return k;
}

static void case_argmax(fixture *f) {
    for (int equal = 0; equal < 2; equal++) {
        begin(f);
        node_id v = input(f, vec(T_ | B_, 5), -1, 1);
        for (int64_t i = 0; equal && i < f->count[0]; i++) {
            f->x[0][i] = f->x[0][i] > 0;
        }
        check(f, build_unary(f->g, OP_ARGMAX, v), ref_argmax);
    }
    begin(f);
    node_id v = input(f, vec(0, 4), 0, 1);
    memcpy(f->x[0], (double[]){1, NAN, 5, NAN}, 4 * sizeof(double));
    assert_true(run(f, build_unary(f->g, OP_ARGMAX, v), INTERPRET_F64)[0] == 1);
    end(f);
}

// --- Columns.

static double ref_concat(const fixture *f, place p) {
    int part = p.k < 2 ? 0 : p.k < 3 ? 1 : 2;
    return x(f, part, (place){p.t, p.s, p.b, p.k - (part == 0 ? 0 : part == 1 ? 2 : 3), 0});
}

static void case_concat(fixture *f) {
    begin(f);
    node_id parts[3];
    for (int i = 0; i < 3; i++) {
        parts[i] = input(f, vec(T_ | B_, (const int32_t[]){2, 1, 4}[i]), -1, 1);
    }
    check(f, build_concat(f->g, parts, 3), ref_concat);
}

static double ref_slice(const fixture *f, place p) {
    return x(f, 0, (place){p.t, p.s, p.b, p.k + 2, 0});
}

static void case_slice(fixture *f) {
    for (int size = 1; size <= 3; size++) {
        begin(f);
        check(f, build_slice(f->g, input(f, vec(T_ | B_, 6), -1, 1), 2, size), ref_slice);
    }
}

static double ref_pad(const fixture *f, place p) {
    int k = p.k - 2;
    return k < 0 || k >= f->type[0].dim[0] ? 0 : x(f, 0, (place){p.t, p.s, p.b, k, 0});
}

static void case_pad(fixture *f) {
    for (int columns = 1; columns <= 4; columns++) {
        begin(f);
        check(f, build_pad(f->g, input(f, vec(T_ | B_, columns), -1, 1), 2, 6), ref_pad);
    }
}

// --- Time: along the outer, the inner and the batch axis.

static int *along(place *p, int axis) {
    return axis == AXIS_T ? &p->t : axis == AXIS_S ? &p->s : &p->b;
}

static int extent_of(int axis) {
    return axis == AXIS_T ? T : axis == AXIS_S ? S : B;
}

static double shifted(const fixture *f, place p, int axis, int by) {
    int *index = along(&p, axis);
    *index += by;
    return *index < 0 || *index >= extent_of(axis) ? x(f, 1, p) : x(f, 0, p);
}

static double ref_previous_t(const fixture *f, place p) {
    return shifted(f, p, AXIS_T, -1);
}
static double ref_previous_s(const fixture *f, place p) {
    return shifted(f, p, AXIS_S, -1);
}
static double ref_following_t(const fixture *f, place p) {
    return shifted(f, p, AXIS_T, 1);
}
static double ref_following_s(const fixture *f, place p) {
    return shifted(f, p, AXIS_S, 1);
}

static void check_delay(fixture *f, int axis, int32_t n, reference *expected) {
    begin(f);
    axis_set all = T_ | S_ | B_;
    node_id v = input(f, vec(all, n), -1, 1),
            boundary = input(f, vec(all & (axis_set)~AXIS_BIT(axis), n), 5, 6);
    check(f, build_delay(f->g, f->op, v, boundary, axis, vec(all, n)), expected);
}

static void case_previous(fixture *f) {
    check_delay(f, AXIS_T, 3, ref_previous_t);
    check_delay(f, AXIS_S, 1, ref_previous_s);
}

static void case_following(fixture *f) {
    check_delay(f, AXIS_T, 3, ref_following_t);
    check_delay(f, AXIS_S, 1, ref_following_s);
}

static double ref_first_s(const fixture *f, place p) {
    return x(f, 0, (place){p.t, 0, p.b, p.k, 0});
}
static double ref_last_s(const fixture *f, place p) {
    return x(f, 0, (place){p.t, S - 1, p.b, p.k, 0});
}
static double ref_last_t(const fixture *f, place p) {
    return x(f, 0, (place){T - 1, p.s, p.b, p.k, 0});
}
static double ref_at_t(const fixture *f, place p) {
    return x(f, 0, (place){1, p.s, p.b, p.k, 0});
}

static void case_first(fixture *f) {
    begin(f);
    check(f, build_end(f->g, OP_FIRST, input(f, vec(T_ | S_ | B_, 3), -1, 1), AXIS_S), ref_first_s);
}

static void case_last(fixture *f) {
    begin(f);
    check(f, build_end(f->g, OP_LAST, input(f, vec(T_ | S_ | B_, 3), -1, 1), AXIS_S), ref_last_s);
    begin(f);
    check(f, build_end(f->g, OP_LAST, input(f, vec(T_ | S_ | B_, 3), -1, 1), AXIS_T), ref_last_t);
}

static void case_at(fixture *f) {
    begin(f);
    node_id v = input(f, vec(T_ | S_ | B_, 3), -1, 1);
    attr_value attrs[MAX_ATTRS] = {{.i = AXIS_T}, {.i = 1}};
    check(f, graph_add_node(f->g, &f->d, OP_AT, (value_type){0}, &v, 1, attrs), ref_at_t);
}

static double ref_section(const fixture *f, place p) {
    return x(f, 0, (place){p.u + 1, p.s, p.b, p.k, 0});
}
static double ref_spread(const fixture *f, place p) {
    return p.t < 1 ? 0 : x(f, 0, (place){0, p.s, p.b, p.k, p.t - 1});
}
static double ref_insert(const fixture *f, place p) {
    return p.t > 1 ? x(f, 0, p) : x(f, 1, (place){0, p.s, p.b, p.k, p.t});
}

// The last two of three, counted from the beginning and from the end.
static void case_section(fixture *f) {
    for (int i = 0; i < 2; i++) {
        begin(f);
        graph_add_part(f->g, "U", i ? (axis_part){AXIS_T, -2, 0} : (axis_part){AXIS_T, 1, 0});
        check(f, build_section(f->g, input(f, vec(T_ | S_ | B_, 3), -1, 1), AXIS_T, AXIS_U, i ? -2 : 1),
              ref_section);
    }
}

static void case_spread(fixture *f) {
    for (int i = 0; i < 2; i++) {
        begin(f);
        graph_add_part(f->g, "U", i ? (axis_part){AXIS_T, 1, 3} : (axis_part){AXIS_T, 0, -1});
        check(f, build_spread(f->g, input(f, vec(U_ | S_ | B_, 3), -1, 1), AXIS_T, AXIS_U, 1), ref_spread);
    }
}

static void case_insert(fixture *f) {
    begin(f);
    graph_add_part(f->g, "U", (axis_part){AXIS_T, 0, 2});
    node_id v[2] = {input(f, vec(T_ | B_, 3), -1, 1), input(f, vec(U_ | B_, 3), -1, 1)};
    attr_value attrs[MAX_ATTRS] = {{.i = AXIS_T}, {.i = AXIS_U}, {.i = 0}};
    check(f, graph_add_node(f->g, &f->d, OP_INSERT, (value_type){0}, v, 2, attrs), ref_insert);
}

static double ref_stack(const fixture *f, place p) {
    return x(f, p.t, p);
}

static void case_stack(fixture *f) {
    begin(f);
    node_id parts[T];
    for (int i = 0; i < T; i++) {
        parts[i] = input(f, vec(S_ | B_, 3), -1, 1);
    }
    attr_value attrs[MAX_ATTRS] = {{.i = AXIS_T}};
    check(f, graph_add_node(f->g, &f->d, OP_STACK, (value_type){0}, parts, T, attrs), ref_stack);
}

// --- Effects.

static void case_assign(fixture *f) {
    begin(f);
    graph_add_variable(f->g, "w", vec(0, 3), VARIABLE_WEIGHT, (initializer){0});
    node_id w = build_variable(f->g, "w"), v = input(f, vec(0, 3), -1, 1);
    node_id change = build_assign(f->g, w, build_binary(f->g, OP_ADD, w, v));
    assert_null(run(f, change, INTERPRET_F64));
    assert_int_equal(interpreter_run(f->in, &f->d), RNNC_OK);
    for (int k = 0; k < 3; k++) {
        assert_near(f, interpreter_variable(f->in, "w", NULL)[k], 2 * f->x[0][k]);
        assert_near(f, interpreter_value(f->in, w, NULL)[k], f->x[0][k]);
    }
    end(f);
}

static void case_add_rows(fixture *f) {
    begin(f);
    graph_add_variable(f->g, "w", type_matrix(DT_F64, 5, 3), VARIABLE_WEIGHT, (initializer){0});
    node_id w = build_variable(f->g, "w"), at = input(f, tokens(T_ | B_), 0, 5);
    node_id values = input(f, vec(T_ | B_, 3), -1, 1);
    node_id n =
        graph_add_node(f->g, &f->d, OP_ADD_ROWS, (value_type){0}, (node_id[]){w, at, values}, 3, NULL);
    graph_add_output(f->g, "old", w, OUTPUT_VALUE);
    run(f, n, INTERPRET_F64);
    for (int k = 0; k < 15; k++) {
        double expected = 0;
        for (int r = 0; r < T * B; r++) {
            expected += f->x[0][r] == k / 3 ? f->x[1][r * 3 + k % 3] : 0;
        }
        assert_near(f, interpreter_variable(f->in, "w", NULL)[k], expected);
        assert_near(f, interpreter_value(f->in, w, NULL)[k], 0);
    }
    end(f);
}

static double ref_pack(const fixture *f, place p) {
    return f->x[0][p.k];
}

static void case_pack(fixture *f) {
    begin(f);
    node_id w = input(f, type_matrix(DT_F64, 2, 3), -1, 1);
    check(f, graph_add_node(f->g, &f->d, OP_PACK, (value_type){0}, &w, 1, NULL), ref_pack);
}

// --- The table of cases.

typedef void op_case(fixture *f);

static op_case *const cases[OP_COUNT] = {
    [OP_INPUT] = case_input,
    [OP_VARIABLE] = case_variable,
    [OP_CONST] = case_const,
    [OP_INDEX] = case_index,
    [OP_COLUMN] = case_column,
    [OP_EXTENT] = case_extent,
    [OP_RANDOM] = case_random,
    [OP_NEG] = case_pointwise,
    [OP_EXP] = case_pointwise,
    [OP_LOG] = case_pointwise,
    [OP_SQRT] = case_pointwise,
    [OP_ABS] = case_pointwise,
    [OP_TANH] = case_pointwise,
    [OP_SIGMOID] = case_pointwise,
    [OP_ERF] = case_pointwise,
    [OP_SOFTPLUS] = case_pointwise,
    [OP_CONVERT] = case_convert,
    [OP_BROADCAST] = case_broadcast,
    [OP_ADD] = case_pointwise,
    [OP_SUB] = case_pointwise,
    [OP_MUL] = case_pointwise,
    [OP_DIV] = case_pointwise,
    [OP_MIN] = case_pointwise,
    [OP_MAX] = case_pointwise,
    [OP_LESS] = case_pointwise,
    [OP_LESS_EQUAL] = case_pointwise,
    [OP_EQUAL] = case_pointwise,
    [OP_SELECT] = case_pointwise,
    [OP_MATMUL] = case_matmul,
    [OP_OUTER] = case_outer,
    [OP_GATHER] = case_gather,
    [OP_SEGMENT] = case_segment,
    [OP_SCATTER] = case_scatter,
    [OP_PICK] = case_pick,
    [OP_SUM] = case_sum,
    [OP_MAXIMUM] = case_maximum,
    [OP_LSE] = case_lse,
    [OP_ARGMAX] = case_argmax,
    [OP_CONCAT] = case_concat,
    [OP_SLICE] = case_slice,
    [OP_PAD] = case_pad,
    [OP_PREVIOUS] = case_previous,
    [OP_FOLLOWING] = case_following,
    [OP_FIRST] = case_first,
    [OP_LAST] = case_last,
    [OP_STACK] = case_stack,
    [OP_AT] = case_at,
    [OP_SECTION] = case_section,
    [OP_SPREAD] = case_spread,
    [OP_ASSIGN] = case_assign,
    [OP_ADD_ROWS] = case_add_rows,
    [OP_COPY] = case_pointwise,
    [OP_INSERT] = case_insert,
    [OP_PACK] = case_pack,
};

static void every_op(void **state) {
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        fixture f = {.op = (op_id)op, .noise = (uint32_t)op};
        if (!cases[op]) {
            fail_msg("op %s has no case in this test", op_get((op_id)op)->mnemonic);
        }
        cases[op](&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_op)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
