// Compiled kernels of all kinds but products (test_product.c) against plain loops in double precision, on all
// targets this machine can run; and what the backend's door promises.
#include "tests/unit/kernel_fixture.h"

#include <elf.h>
#include <math.h>

#include "runtime/kernel_interpret.h"
#include "support/philox.h"

// ---- Every element-wise op ----

static double formula(int op, double a, double b, double c) {
    switch (op) {
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, formula) \
    case OP_##id: return (formula);
#include "ir/ops.def"
#undef OP
    default: return 0;
    }
}

// How the operands of a test of all ops are read.
typedef enum pointwise_form { FLAT, ROWS, WITH_ONE, FORMS } pointwise_form;

enum { MOST_OPS = 28 };

typedef struct pointwise_kernel {
    hand_kernel h;
    int ops[MOST_OPS]; // in order of their outputs
    int16_t outs[MOST_OPS];
    int count;
} pointwise_kernel;

static bool takes_numbers_above_zero(int op) {
    return op == OP_LOG || op == OP_SQRT;
}

static bool applies(int op, dtype elem) {
    bool real_only = op == OP_EXP || op == OP_LOG || op == OP_SQRT || op == OP_TANH || op == OP_SIGMOID ||
                     op == OP_ERF || op == OP_SOFTPLUS;
    return op_has((op_id)op, POINTWISE) && !(real_only && elem == DT_I32);
}

static bool compares(int op) {
    return op == OP_LESS || op == OP_LESS_EQUAL || op == OP_EQUAL;
}

// One kernel with all ops of one element type. Arguments: a, b, positive numbers, a mask; then an output for
// each op. WITH_ONE: b is a single value per row.
static void make_pointwise(pointwise_kernel *p, dtype elem, pointwise_form form, int32_t columns) {
    memset(p, 0, sizeof *p);
    hand_kernel *h = &p->h;
    hand_init(h, KERNEL_MAP, elem, columns);
    h->k.flat = form == FLAT;
    h->k.dims = form == FLAT ? 0 : 1;
    bool full = form == FLAT || columns > 1;
    int16_t a = hand_arg(h, elem, false, columns),
            b = hand_arg(h, elem, false, form == WITH_ONE ? 1 : columns);
    int16_t above = hand_arg(h, elem, false, columns), mask = hand_arg(h, DT_I32, false, columns);
    int16_t va = hand_load(h, a, full, 0), vb = hand_load(h, b, full && form != WITH_ONE, 0);
    int16_t vabove = hand_load(h, above, full, 0), vmask = hand_load(h, mask, full, 0);
    for (int op = 0; op < OP_COUNT; op++) {
        if (!applies(op, elem)) {
            continue;
        }
        dtype result = compares(op) ? DT_I32 : elem;
        int operands = op_get((op_id)op)->operands;
        int16_t first = takes_numbers_above_zero(op) ? vabove : op == OP_SELECT ? vmask : va;
        int16_t value = hand_op(h, op, result, full, first,
                                operands == 1     ? -1
                                : op == OP_SELECT ? va
                                                  : vb,
                                op == OP_SELECT ? vb : -1);
        int16_t out = hand_arg(h, result, true, columns);
        hand_store(h, out, full, 0, value);
        p->ops[p->count] = op;
        p->outs[p->count++] = out;
    }
}

static double as_i32(double value) {
    return isnan(value) ? 0 : fmax(INT32_MIN, fmin(INT32_MAX, trunc(value)));
}

static double tolerance(dtype elem, double value) {
    return elem == DT_I32 ? 0 : (elem == DT_F32 ? 5e-7 : 2e-15) * (fabs(value) + 1e-3);
}

static void check_pointwise(const backend_case *c, const pointwise_kernel *p, const hand_array *arrays,
                            int64_t count, int64_t per_one) {
    for (int n = 0; n < p->count; n++) {
        for (int64_t i = 0; i < count; i++) {
            int op = p->ops[n];
            double a = array_get(&arrays[0], i), b = array_get(&arrays[1], i / per_one);
            double x = takes_numbers_above_zero(op) ? array_get(&arrays[2], i) : a;
            double expected =
                op == OP_SELECT ? (array_get(&arrays[3], i) != 0 ? a : b) : formula(op, x, b, 0);
            dtype elem = arrays[p->outs[n]].elem;
            expected = elem == DT_I32 ? as_i32(expected) : expected;
            double found = array_get(&arrays[p->outs[n]], i);
            if (!(fabs(found - expected) <= tolerance(elem, expected))) {
                fail_msg("%s %s %s at %ld of %ld: %.17g, not %.17g", c->cpu, op_get((op_id)op)->mnemonic,
                         dtype_name(elem), (long)i, (long)count, found, expected);
            }
        }
    }
}

enum { MOST_ENDS = 7 };

static const double ends[MOST_ENDS][2] = {
    {INT32_MAX, 1},  {INT32_MIN, -1},        {INT32_MIN, INT32_MIN}, {INT32_MAX, INT32_MIN},
    {65536, -40000}, {INT32_MAX, INT32_MAX}, {INT32_MIN, 1},
};

static void run_pointwise(backends *b, const backend_case *c, dtype elem, pointwise_form form,
                          int32_t columns, int64_t rows) {
    pointwise_kernel p;
    make_pointwise(&p, elem, form, columns);
    hand_array arrays[KERNEL_MAX_ARGS];
    void *args[KERNEL_MAX_ARGS];
    for (uint32_t i = 0; i < p.h.k.arg_count; i++) {
        arrays[i] = array_new((dtype)p.h.k.args[i].elem, rows * p.h.k.args[i].columns);
        args[i] = arrays[i].at;
        for (int64_t n = 0; n < arrays[i].count; n++) {
            double x = hand_number(i, (uint64_t)n);
            array_set(&arrays[i], n,
                      i == 3           ? n % 3 == 0
                      : i == 2         ? 1.5 + x
                      : elem == DT_I32 ? trunc(x * 9)
                                       : x * 9);
        }
    }
    // An exact tie, a division by zero that an i32 must survive, and the ends of its range.
    array_set(&arrays[1], 0, array_get(&arrays[0], 0));
    for (int i = 0; i < MOST_ENDS && elem == DT_I32; i++) {
        array_set(&arrays[0], i + 1, ends[i][0]);
        array_set(&arrays[1], i + 1 < arrays[1].count ? i + 1 : 0, ends[i][1]);
    }
    kernel_code_set code = hand_compile(b, c, &p.h);
    hand_ints ints = hand_rows(&p.h, rows);
    hand_run(c, &p.h, code.functions[0], args, &ints, rows > 2 ? 2 : 1);
    check_pointwise(c, &p, arrays, rows * columns, form == WITH_ONE ? columns : 1);
    c->backend.release(c->backend.self, &code);
    for (uint32_t i = 0; i < p.h.k.arg_count; i++) {
        array_free(&arrays[i]);
    }
}

static void test_pointwise(void **state) {
    backends *b = *state;
    static const int32_t columns[] = {1, 7, 100};
    for (int t = 0; t < b->count; t++) {
        for (int elem = 0; elem < DTYPE_COUNT; elem++) {
            run_pointwise(b, &b->at[t], (dtype)elem, FLAT, 1, elem == DT_I32 ? 64 : 77);
            run_pointwise(b, &b->at[t], (dtype)elem, ROWS, columns[elem], 5);
            run_pointwise(b, &b->at[t], (dtype)elem, WITH_ONE, columns[(elem + t) % 2 + 1], 3);
        }
    }
}

// Conversions between all types, beyond i32's range and of NaN.
static void test_convert(void **state) {
    backends *b = *state;
    static const double values[] = {0,    -0.9,  1.5, -2.5,     123456.75, 3e9,       -3e9,
                                    1e30, -1e30, NAN, INFINITY, -INFINITY, 2147483520};
    enum { COUNT = sizeof values / sizeof values[0] };
    for (int t = 0; t < b->count; t++) {
        hand_kernel h;
        hand_init(&h, KERNEL_MAP, DT_F64, COUNT);
        int16_t in = hand_arg(&h, DT_F64, false, COUNT), narrow = hand_arg(&h, DT_F32, true, COUNT);
        int16_t whole = hand_arg(&h, DT_I32, true, COUNT), back = hand_arg(&h, DT_F64, true, COUNT);
        int16_t x = hand_load(&h, in, true, 0), f = hand_op(&h, OP_CONVERT, DT_F32, true, x, -1, -1);
        int16_t i = hand_op(&h, OP_CONVERT, DT_I32, true, x, -1, -1);
        hand_store(&h, narrow, true, 0, f);
        hand_store(&h, whole, true, 0, i);
        hand_store(&h, back, true, 0, hand_op(&h, OP_CONVERT, DT_F64, true, i, -1, -1));
        float floats[COUNT];
        int32_t wholes[COUNT];
        double backs[COUNT];
        kernel_code_set code = hand_compile(b, &b->at[t], &h);
        hand_ints ints = hand_rows(&h, 1);
        void *args[] = {(void *)(uintptr_t)values, floats, wholes, backs};
        hand_run(&b->at[t], &h, code.functions[0], args, &ints, 1);
        for (int n = 0; n < COUNT; n++) {
            double v = values[n];
            int32_t cut = isnan(v)             ? 0
                          : v >= 2147483647    ? INT32_MAX
                          : v <= -2147483648.0 ? INT32_MIN
                                               : (int32_t)v;
            assert_int_equal(wholes[n], cut);
            assert_true(backs[n] == cut);
            assert_true(isnan(v) ? isnan(floats[n]) : floats[n] == (float)v);
        }
        b->at[t].backend.release(b->at[t].backend.self, &code);
    }
}

// ---- Reductions over columns ----

static double round_to(dtype elem, double value) {
    return elem == DT_F32 ? (float)value : value;
}

// The rule of sums: sixteen interleaved lanes and a fixed tree.
static double lane_sum(dtype elem, const double *values, int64_t count) {
    double lanes[16] = {0};
    for (int64_t i = 0; i < count; i++) {
        lanes[i % 16] = round_to(elem, lanes[i % 16] + values[i]);
    }
    for (int half = 8; half; half /= 2) {
        for (int l = 0; l < half; l++) {
            lanes[l] = round_to(elem, lanes[l] + lanes[l + half]);
        }
    }
    return lanes[0];
}

// The first of the greatest, or of NaNs if there are any.
static double largest(const double *values, int64_t count, int64_t *out_place) {
    *out_place = 0;
    for (int64_t i = 1; i < count && !isnan(values[*out_place]); i++) {
        *out_place = values[i] > values[*out_place] || isnan(values[i]) ? i : *out_place;
    }
    return values[*out_place];
}

static double log_sum_exp(const double *values, int64_t count) {
    int64_t place;
    double best = largest(values, count, &place), sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += exp(values[i] - best);
    }
    return best + log(sum);
}

// Per row: sum, maximum, log-sum-exp and place of the maximum into |ones|, softmax over x itself, and with
// the values less their mean, over the mean square, layer normalisation into another array.
static void make_reductions(hand_kernel *h, dtype elem, int32_t columns) {
    hand_init(h, KERNEL_MAP, elem, columns);
    bool full = columns > 1;
    int16_t x = hand_arg(h, elem, true, columns), ones = hand_arg(h, elem, true, 3),
            place = hand_arg(h, DT_I32, true, 1);
    int16_t normal = hand_arg(h, elem, true, columns);
    int16_t v = hand_load(h, x, full, 0), sum = hand_op(h, OP_SUM, elem, false, v, -1, -1);
    hand_store(h, ones, false, 0, sum);
    hand_store(h, ones, false, 1, hand_op(h, OP_MAXIMUM, elem, false, v, -1, -1));
    int16_t lse = hand_op(h, OP_LSE, elem, false, v, -1, -1);
    hand_store(h, ones, false, 2, lse);
    hand_store(h, place, false, 0, hand_op(h, OP_ARGMAX, DT_I32, false, v, -1, -1));
    int16_t softmax = hand_op(h, OP_EXP, elem, full, hand_op(h, OP_SUB, elem, full, v, lse, -1), -1, -1);
    hand_store(h, x, full, 0, softmax);
    int16_t n = hand_const(h, elem, columns), mean = hand_op(h, OP_DIV, elem, false, sum, n, -1);
    int16_t less = hand_op(h, OP_TANH, elem, full, hand_op(h, OP_SUB, elem, full, v, mean, -1), -1, -1);
    int16_t square = hand_op(h, OP_MUL, elem, full, less, less, -1);
    int16_t spread = hand_op(h, OP_ADD, elem, false, hand_op(h, OP_SUM, elem, false, square, -1, -1), n, -1);
    hand_store(h, normal, full, 0, hand_op(h, OP_DIV, elem, full, less, spread, -1));
}

static void check_near(dtype elem, double found, double expected) {
    if (!(fabs(found - expected) <= (elem == DT_F32 ? 2e-6 : 1e-14) * (1 + fabs(expected)))) {
        fail_msg("%.17g, not %.17g", found, expected);
    }
}

static void check_reduced_row(dtype elem, int32_t columns, const double *x, const hand_array *arrays,
                              int64_t row) {
    int64_t place;
    double sum = lane_sum(elem, x, columns), lse = log_sum_exp(x, columns), squares = 0;
    assert_true(array_get(&arrays[1], 3 * row) == sum);
    assert_true(array_get(&arrays[1], 3 * row + 1) == largest(x, columns, &place));
    assert_true(array_get(&arrays[2], row) == place);
    check_near(elem, array_get(&arrays[1], 3 * row + 2), lse);
    for (int32_t i = 0; i < columns; i++) {
        double less = tanh(x[i] - sum / columns);
        squares += less * less;
        check_near(elem, array_get(&arrays[0], row * columns + i), exp(x[i] - lse));
    }
    for (int32_t i = 0; i < columns; i++) {
        check_near(elem, array_get(&arrays[3], row * columns + i),
                   tanh(x[i] - sum / columns) / (squares + columns));
    }
}

static void run_reductions(backends *b, const backend_case *c, dtype elem, int32_t columns) {
    enum { ROW_COUNT = 3 };
    hand_kernel h;
    make_reductions(&h, elem, columns);
    hand_array arrays[] = {array_new(elem, ROW_COUNT * columns), array_new(elem, 3 * ROW_COUNT),
                           array_new(DT_I32, ROW_COUNT), array_new(elem, ROW_COUNT * columns)};
    double *x = calloc((size_t)(ROW_COUNT * columns), sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < arrays[0].count; i++) {
        array_set(&arrays[0], i, 4 * hand_number(7, (uint64_t)i));
    }
    // The largest value twice: the first place counts.
    array_set(&arrays[0], columns / 3, 6);
    array_set(&arrays[0], columns - 1, 6);
    for (int64_t i = 0; i < arrays[0].count; i++) {
        x[i] = array_get(&arrays[0], i);
    }
    kernel_code_set code = hand_compile(b, c, &h);
    hand_ints ints = hand_rows(&h, ROW_COUNT);
    hand_run(c, &h, code.functions[0], (void *[]){arrays[0].at, arrays[1].at, arrays[2].at, arrays[3].at},
             &ints, 2);
    for (int64_t row = 0; row < ROW_COUNT; row++) {
        check_reduced_row(elem, columns, x + row * columns, arrays, row);
    }
    c->backend.release(c->backend.self, &code);
    for (int i = 0; i < 4; i++) {
        array_free(&arrays[i]);
    }
    free(x);
}

static void test_reductions(void **state) {
    backends *b = *state;
    static const int32_t columns[] = {1, 2, 15, 16, 17, 48, 100, 1000};
    for (int t = 0; t < b->count; t++) {
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
            run_reductions(b, &b->at[t], (i + (size_t)t) % 3 ? DT_F32 : DT_F64, columns[i]);
        }
    }
}

// Rows of infinities and NaN: a log-sum-exp is -inf, +inf or NaN where the sum is; a maximum is NaN where an element
// is, and its place is that of the first NaN.
static void test_infinities(void **state) {
    backends *b = *state;
    enum { COLUMNS = 20, ROW_COUNT = 6 };
    static const int32_t expected[ROW_COUNT] = {0, 3, 0, 18, 2, 1};
    float x[ROW_COUNT * COLUMNS], found[2 * ROW_COUNT];
    int32_t places[ROW_COUNT];
    for (int i = 0; i < COLUMNS; i++) {
        x[i] = -INFINITY;
        x[COLUMNS + i] = i == 3 ? INFINITY : 1;
        x[2 * COLUMNS + i] = NAN;
        x[3 * COLUMNS + i] = i == 18 ? NAN : (float)i;
        x[4 * COLUMNS + i] = i == 2 || i == 18 || i == 19 ? NAN : i == 5 ? INFINITY : 0;
        x[5 * COLUMNS + i] = i == 1 || i == 16 ? NAN : -INFINITY;
    }
    for (int t = 0; t < b->count; t++) {
        hand_kernel h;
        hand_init(&h, KERNEL_MAP, DT_F32, COLUMNS);
        int16_t in = hand_arg(&h, DT_F32, false, COLUMNS), out = hand_arg(&h, DT_F32, true, 2);
        int16_t place = hand_arg(&h, DT_I32, true, 1), v = hand_load(&h, in, true, 0);
        hand_store(&h, out, false, 0, hand_op(&h, OP_LSE, DT_F32, false, v, -1, -1));
        hand_store(&h, out, false, 1, hand_op(&h, OP_MAXIMUM, DT_F32, false, v, -1, -1));
        hand_store(&h, place, false, 0, hand_op(&h, OP_ARGMAX, DT_I32, false, v, -1, -1));
        kernel_code_set code = hand_compile(b, &b->at[t], &h);
        hand_ints ints = hand_rows(&h, ROW_COUNT);
        for (int interpreted = 0; interpreted < 2; interpreted++) {
            void *args[] = {x, found, places};
            if (interpreted) {
                kernel_interpret(&h.k, b->at[t].backend.shape, args, ints.at, 0, ROW_COUNT);
            } else {
                hand_run(&b->at[t], &h, code.functions[0], args, &ints, 1);
            }
            assert_true(found[0] == -INFINITY && found[1] == -INFINITY);
            assert_true(found[2] == INFINITY && found[3] == INFINITY);
            for (int row = 2; row < ROW_COUNT; row++) {
                assert_true(isnan(found[2 * row]) && isnan(found[2 * row + 1]));
            }
            assert_memory_equal(places, expected, sizeof expected);
        }
        b->at[t].backend.release(b->at[t].backend.self, &code);
    }
}

// ---- Rows in three dimensions, gathers and column ranges ----

// For x[T, B, 2 n], a table [v, n], tokens [B] (the same for all t) and bias[n]:
//     out[t, b, 3 …] = x[t, b, n …] + table[token[b]] + bias + column,  picked[t, b] = x[t, b, token[b]].
static void test_places(void **state) {
    backends *b = *state;
    enum { T = 3, B = 4, N = 37, V = 6, WIDE = N + 5 };
    static float x[T * B * 2 * N], table[V * N], bias[N], out[T * B * WIDE], picked[T * B];
    static int32_t tokens[B] = {5, 0, 3, 3};
    for (int i = 0; i < T * B * 2 * N; i++) {
        x[i] = (float)hand_number(1, (uint64_t)i);
    }
    for (int i = 0; i < V * N; i++) {
        table[i] = (float)hand_number(2, (uint64_t)i);
    }
    for (int i = 0; i < N; i++) {
        bias[i] = (float)hand_number(3, (uint64_t)i);
    }
    for (int t = 0; t < b->count; t++) {
        hand_kernel h;
        hand_init(&h, KERNEL_MAP, DT_F32, N);
        h.k.dims = 2;
        int16_t ax = hand_arg(&h, DT_F32, false, 2 * N), at = hand_uniform(&h, DT_F32, false, N);
        int16_t ab = hand_uniform(&h, DT_F32, false, N), ak = hand_arg(&h, DT_I32, false, 1);
        int16_t ao = hand_arg(&h, DT_F32, true, WIDE), ap = hand_arg(&h, DT_F32, true, 1);
        int16_t token = hand_load(&h, ak, false, 0);
        int16_t row = hand_instr(&h, (kernel_instr){OP_GATHER, DT_F32, true, token, -1, -1, at, 0, 0});
        int16_t pick = hand_instr(&h, (kernel_instr){OP_PICK, DT_F32, false, token, -1, -1, ax, 0, 0});
        int16_t column = hand_instr(&h, (kernel_instr){OP_COLUMN, DT_I32, true, -1, -1, -1, -1, 0, 0});
        int16_t sum = hand_op(&h, OP_ADD, DT_F32, true, hand_load(&h, ax, true, N), row, -1);
        sum = hand_op(&h, OP_ADD, DT_F32, true, sum, hand_load(&h, ab, true, 0), -1);
        sum =
            hand_op(&h, OP_ADD, DT_F32, true, sum, hand_op(&h, OP_CONVERT, DT_F32, true, column, -1, -1), -1);
        hand_store(&h, ao, true, 3, sum);
        hand_store(&h, ap, false, 0, pick);
        hand_ints ints = {{T, B}};
        int64_t *s = &ints.at[KERNEL_STRIDES];
        s[4 * ax] = B * 2 * N;
        s[4 * ax + 1] = 2 * N;
        s[4 * ak + 1] = 1;
        s[4 * ao] = B * WIDE;
        s[4 * ao + 1] = WIDE;
        s[4 * ap] = B;
        s[4 * ap + 1] = 1;
        for (int i = 0; i < T * B * WIDE; i++) {
            out[i] = -1;
        }
        kernel_code_set code = hand_compile(b, &b->at[t], &h);
        hand_run(&b->at[t], &h, code.functions[0], (void *[]){x, table, bias, tokens, out, picked}, &ints, 2);
        for (int r = 0; r < T * B; r++) {
            assert_true(picked[r] == x[r * 2 * N + tokens[r % B]]);
            for (int c = 0; c < WIDE; c++) {
                int n = c - 3;
                bool inside = n >= 0 && n < N;
                float expected = -1;
                if (inside) {
                    expected = x[r * 2 * N + N + n] + table[tokens[r % B] * N + n];
                    expected = expected + bias[n] + (float)n;
                }
                assert_true(out[r * WIDE + c] == expected);
            }
        }
        b->at[t].backend.release(b->at[t].backend.self, &code);
    }
}

// A map without row dimensions: one row.
static void test_single_row(void **state) {
    backends *b = *state;
    float x[5] = {1, 2, 3, 4, 5}, y[5];
    for (int t = 0; t < b->count; t++) {
        hand_kernel h;
        hand_init(&h, KERNEL_MAP, DT_F32, 5);
        h.k.dims = 0;
        int16_t in = hand_uniform(&h, DT_F32, false, 5), out = hand_uniform(&h, DT_F32, true, 5);
        hand_store(&h, out, true, 0, hand_op(&h, OP_NEG, DT_F32, true, hand_load(&h, in, true, 0), -1, -1));
        kernel_code_set code = hand_compile(b, &b->at[t], &h);
        hand_run(&b->at[t], &h, code.functions[0], (void *[]){x, y}, &(hand_ints){{0}}, 1);
        for (int i = 0; i < 5; i++) {
            assert_true(y[i] == -x[i]);
        }
        b->at[t].backend.release(b->at[t].backend.self, &code);
    }
}

// ---- Folds over rows ----

typedef struct fold_case {
    dtype elem;
    int op;
    int32_t columns;
    int dims, kept;
    int64_t extents[3];
} fold_case;

// The values to be folded for kept row |kept| and column |c|, in order: twice what x holds.
static int64_t fold_values(const fold_case *f, const hand_array *x, int64_t kept, int64_t c,
                           double *out_values) {
    int64_t folded = 1;
    for (int d = f->kept; d < f->dims; d++) {
        folded *= f->extents[d];
    }
    for (int64_t i = 0; i < folded; i++) {
        double v = array_get(x, (kept * folded + i) * f->columns + c);
        out_values[i] = round_to(f->elem, v + v);
    }
    return folded;
}

static double block_sum(dtype elem, const double *values, int64_t count) {
    double total = 0;
    for (int64_t from = 0; from < count; from += 512) {
        double part = 0;
        for (int64_t i = from; i < count && i < from + 512; i++) {
            part = round_to(elem, part + values[i]);
        }
        total = round_to(elem, total + part);
    }
    return total;
}

static void check_fold(const fold_case *f, const double *values, int64_t count, double found) {
    int64_t place;
    if (f->op == OP_LSE) {
        check_near(f->elem, found, log_sum_exp(values, count));
    } else {
        double expected =
            f->op == OP_SUM ? block_sum(f->elem, values, count) : largest(values, count, &place);
        if (found != expected && !(isnan(found) && isnan(expected))) {
            fail_msg("%s %s %d columns: %.17g, not %.17g", op_get((op_id)f->op)->mnemonic,
                     dtype_name(f->elem), f->columns, found, expected);
        }
    }
}

static void check_interpreted(const backend_case *c, const hand_kernel *h, const hand_ints *ints,
                              const hand_array *x, const hand_array *y) {
    hand_array own = array_new(y->elem, y->count);
    int64_t units = kernel_units(&h->k, c->backend.shape, ints->at);
    kernel_interpret(&h->k, c->backend.shape, (void *[]){x->at, own.at}, ints->at, 0, units);
    for (int64_t i = 0; i < y->count; i++) {
        double found = array_get(&own, i), expected = array_get(y, i);
        assert_true(isnan(expected) ? isnan(found) : memcmp(&found, &expected, sizeof found) == 0);
    }
    array_free(&own);
}

static void run_fold(backends *b, const backend_case *c, const fold_case *f) {
    hand_kernel h;
    hand_init(&h, KERNEL_FOLD, f->elem, f->columns);
    h.k.dims = (uint8_t)f->dims;
    h.k.kept_dims = (uint8_t)f->kept;
    h.k.fold = (uint16_t)f->op;
    bool full = f->columns > 1;
    int16_t in = hand_arg(&h, f->elem, false, f->columns), v = hand_load(&h, in, full, 0);
    hand_op(&h, OP_ADD, f->elem, full, v, v, -1);
    hand_arg(&h, f->elem, true, f->columns);
    int64_t rows = 1, kept = 1;
    hand_ints ints = {{0}};
    for (int d = f->dims - 1; d >= 0; d--) {
        ints.at[d] = f->extents[d];
        ints.at[KERNEL_STRIDES + d] = rows * f->columns;
        rows *= f->extents[d];
    }
    for (int d = f->kept - 1; d >= 0; d--) {
        ints.at[KERNEL_STRIDES + 4 + d] = kept * f->columns;
        kept *= f->extents[d];
    }
    hand_array x = array_new(f->elem, rows * f->columns), y = array_new(f->elem, kept * f->columns);
    array_fill(&x, 5);
    array_fill(&y, 6);
    if (f->op == OP_MAXIMUM) {
        array_set(&x, x.count / 2, NAN);
    }
    kernel_code_set code = hand_compile(b, c, &h);
    hand_run(c, &h, code.functions[0], (void *[]){x.at, y.at}, &ints, 3);
    if (f->op != OP_LSE) { // what takes no function of libm is equal bit for bit
        check_interpreted(c, &h, &ints, &x, &y);
    }
    double *values = calloc((size_t)rows, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < y.count; i++) {
        int64_t count = fold_values(f, &x, i / f->columns, i % f->columns, values);
        check_fold(f, values, count, array_get(&y, i));
    }
    free(values);
    c->backend.release(c->backend.self, &code);
    array_free(&x);
    array_free(&y);
}

static void test_folds(void **state) {
    backends *b = *state;
    static const fold_case cases[] = {
        {DT_F32, OP_SUM, 1, 1, 0, {1300, 0, 0}},  {DT_F32, OP_SUM, 40, 1, 0, {1025, 0, 0}},
        {DT_F64, OP_SUM, 16, 2, 1, {3, 600, 0}},  {DT_F32, OP_SUM, 7, 3, 1, {2, 40, 30}},
        {DT_F32, OP_SUM, 100, 3, 2, {2, 3, 9}},   {DT_F32, OP_MAXIMUM, 17, 1, 0, {50, 0, 0}},
        {DT_F64, OP_MAXIMUM, 1, 2, 1, {5, 8, 0}}, {DT_F32, OP_LSE, 33, 2, 1, {4, 20, 0}},
        {DT_F64, OP_LSE, 1, 1, 0, {700, 0, 0}},   {DT_F32, OP_SUM, 16, 1, 0, {1, 0, 0}},
        {DT_F32, OP_SUM, 3, 2, 0, {32, 48, 0}},   {DT_F64, OP_SUM, 5, 1, 0, {5000, 0, 0}},
    };
    for (int t = 0; t < b->count; t++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            run_fold(b, &b->at[t], &cases[i]);
        }
    }
}

// ---- Rows by token ----

enum { TABLE_ROWS = 9, TOKENS = 12 };

static const int32_t tokens[TOKENS] = {4, 2, 4, 0, 8, 2, 2, 5, 0, 4, 8, 1};

static void make_rows(hand_kernel *h, kernel_kind kind, dtype elem, int32_t columns) {
    hand_init(h, kind, elem, columns);
    h->k.inner = kind == KERNEL_SCATTER ? TABLE_ROWS : 0;
    hand_arg(h, DT_I32, false, 1);
    hand_arg(h, elem, false, columns);
    if (kind == KERNEL_SEGMENT) {
        hand_arg(h, elem, true, columns);
        hand_uniform(h, DT_I32, true, 1);
    } else {
        hand_uniform(h, elem, true, columns);
    }
}

// What row |row| of the result should hold in column |c|.
static double expected_row(kernel_kind kind, const hand_array *values, int32_t columns, int row, int32_t c,
                           double before) {
    double sum = kind == KERNEL_ADD_ROWS ? before : 0;
    int32_t token = kind == KERNEL_SEGMENT ? tokens[row] : row;
    for (int i = 0; i < TOKENS; i++) {
        if (tokens[i] != token) {
            continue;
        }
        if (kind == KERNEL_SEGMENT && i < row) {
            return 0;
        }
        sum = round_to(values->elem, sum + array_get(values, i * (int64_t)columns + c));
    }
    return sum;
}

static void run_rows(backends *b, const backend_case *cpu, kernel_kind kind, dtype elem, int32_t columns) {
    hand_kernel h;
    make_rows(&h, kind, elem, columns);
    int rows = kind == KERNEL_SEGMENT ? TOKENS : TABLE_ROWS;
    hand_array values = array_new(elem, TOKENS * columns), result = array_new(elem, (int64_t)rows * columns);
    hand_array before = array_new(elem, (int64_t)rows * columns);
    array_fill(&values, 1);
    array_fill(&result, 2);
    array_fill(&before, 2);
    int32_t marks[TABLE_ROWS] = {-7, 3, 100000, 0, 11, 7, 2, INT32_MAX, INT32_MIN};
    kernel_code_set code = hand_compile(b, cpu, &h);
    hand_ints ints = hand_rows(&h, TOKENS);
    hand_run(cpu, &h, code.functions[0], (void *[]){(void *)(uintptr_t)tokens, values.at, result.at, marks},
             &ints, 1);
    for (int row = 0; row < rows; row++) {
        for (int32_t c = 0; c < columns; c++) {
            int64_t i = row * (int64_t)columns + c;
            assert_true(array_get(&result, i) ==
                        expected_row(kind, &values, columns, row, c, array_get(&before, i)));
        }
    }
    cpu->backend.release(cpu->backend.self, &code);
    array_free(&values);
    array_free(&result);
    array_free(&before);
}

static void test_rows(void **state) {
    backends *b = *state;
    static const kernel_kind kinds[] = {KERNEL_SEGMENT, KERNEL_SCATTER, KERNEL_ADD_ROWS};
    static const int32_t columns[] = {1, 7, 16, 50};
    for (int t = 0; t < b->count; t++) {
        for (int i = 0; i < 12; i++) {
            run_rows(b, &b->at[t], kinds[i % 3], i % 5 ? DT_F32 : DT_F64, columns[i / 3]);
        }
    }
}

// ---- Random numbers ----

static void run_random(backends *b, const backend_case *c, dtype elem, int32_t columns, int dims) {
    enum { T = 3, B = 5 };
    hand_kernel h;
    hand_init(&h, KERNEL_RANDOM, elem, columns);
    h.k.dims = (uint8_t)dims;
    h.k.site = "lstm.0.drop";
    hand_arg(&h, elem, true, columns);
    hand_uniform(&h, DT_I32, false, 4);
    int64_t steps = dims > 1 ? T : 1;
    hand_ints ints = {{dims > 1 ? T : B, B}};
    ints.at[KERNEL_STRIDES] = dims > 1 ? B * columns : columns;
    ints.at[KERNEL_STRIDES + 1] = columns;
    hand_array out = array_new(elem, steps * B * columns);
    int32_t settings[4] = {-123456789, 77, 41, 9};
    kernel_code_set code = hand_compile(b, c, &h);
    hand_run(c, &h, code.functions[0], (void *[]){out.at, settings}, &ints, 2);
    uint32_t key[2] = {(uint32_t)settings[0] ^ philox_site(h.k.site), (uint32_t)settings[1]}, words[4];
    for (int64_t i = 0; i < out.count; i++) {
        int64_t column = i % columns, row = i / columns;
        uint32_t counter[4] = {(uint32_t)(column / 4), (uint32_t)(row % B), (uint32_t)(row / B), 41};
        philox4x32(key, counter, words);
        assert_true(array_get(&out, i) == philox_uniform(words[column % 4]));
    }
    c->backend.release(c->backend.self, &code);
    array_free(&out);
}

static void test_random(void **state) {
    backends *b = *state;
    for (int t = 0; t < b->count; t++) {
        run_random(b, &b->at[t], DT_F32, 200, 2);
        run_random(b, &b->at[t], DT_F64, 5, 1);
        run_random(b, &b->at[t], DT_F32, 64, 1);
    }
}

// ---- The door ----

// Names of undefined symbols in an object file.
static void check_defined(const strbuf *object) {
    const unsigned char *bytes = (const unsigned char *)object->text;
    Elf64_Ehdr header;
    memcpy(&header, bytes, sizeof header);
    for (int s = 0; s < header.e_shnum; s++) {
        Elf64_Shdr section, names;
        memcpy(&section, bytes + header.e_shoff + (size_t)s * sizeof section, sizeof section);
        if (section.sh_type != SHT_SYMTAB) {
            continue;
        }
        memcpy(&names, bytes + header.e_shoff + section.sh_link * sizeof names, sizeof names);
        for (size_t i = 1; i < section.sh_size / sizeof(Elf64_Sym); i++) {
            Elf64_Sym symbol;
            memcpy(&symbol, bytes + section.sh_offset + i * sizeof symbol, sizeof symbol);
            if (symbol.st_shndx == SHN_UNDEF) {
                fail_msg("undefined symbol %s", (const char *)bytes + names.sh_offset + symbol.st_name);
            }
        }
    }
}

static void check_object(backends *b, const backend_case *c, const kernel_desc *k) {
    strbuf object = {0};
    if (codegen_render(c->codegen, k, CODEGEN_OBJECT, &b->sink, &object) != RNNC_OK) {
        fail_with_diagnostics(&b->sink);
    }
    assert_memory_equal(object.text, ELFMAG, SELFMAG);
    check_defined(&object);
    strbuf_deinit(&object);
}

// No kernel needs anything from outside: not a function of libm, not memset.
static void test_objects(void **state) {
    backends *b = *state;
    for (int t = 0; t < b->count; t++) {
        const backend_case *c = &b->at[t];
        for (int elem = 0; elem < DTYPE_COUNT; elem++) {
            pointwise_kernel p;
            make_pointwise(&p, (dtype)elem, ROWS, 21);
            check_object(b, c, &p.h.k);
            make_pointwise(&p, (dtype)elem, FLAT, 1);
            check_object(b, c, &p.h.k);
        }
        hand_kernel h;
        make_reductions(&h, t % 2 ? DT_F32 : DT_F64, 40);
        check_object(b, c, &h.k);
        for (int kind = KERNEL_SEGMENT; kind <= KERNEL_ADD_ROWS; kind++) {
            make_rows(&h, (kernel_kind)kind, DT_F32, 300);
            check_object(b, c, &h.k);
        }
        hand_init(&h, KERNEL_RANDOM, DT_F32, 30);
        hand_arg(&h, DT_F32, true, 30);
        hand_uniform(&h, DT_I32, false, 4);
        check_object(b, c, &h.k);
        hand_init(&h, KERNEL_PRODUCT, DT_F32, 100);
        hand_arg(&h, DT_F32, false, 10);
        hand_uniform(&h, DT_F32, false, 100);
        hand_store(&h, hand_arg(&h, DT_F32, true, 100), true, 0, hand_gate(&h, 0));
        check_object(b, c, &h.k);
    }
}

static void make_scale(hand_kernel *h, double factor, const char *name) {
    hand_init(h, KERNEL_MAP, DT_F32, 10);
    h->k.name = name;
    int16_t in = hand_arg(h, DT_F32, false, 10), out = hand_arg(h, DT_F32, true, 10);
    int16_t x = hand_load(h, in, true, 0), f = hand_const(h, DT_F32, factor);
    hand_store(h, out, true, 0, hand_op(h, OP_MUL, DT_F32, true, x, f, -1));
}

// Many kernels at once on several threads, some of them equal under other names, give what each gives alone.
static void test_side_by_side(void **state) {
    enum { COUNT = 20 };
    backends *b = *state;
    const backend_case *c = &b->at[0];
    static hand_kernel kernels[COUNT];
    const kernel_desc *list[COUNT];
    for (int i = 0; i < COUNT; i++) {
        make_scale(&kernels[i], i % 15, i < 15 ? "scale" : "the same again");
        list[i] = &kernels[i].k;
    }
    for (int threads = 0; threads <= 4; threads += 2) {
        kernel_code_set code;
        if (c->backend.compile(c->backend.self, list, COUNT, threads, &b->sink, &code) != RNNC_OK) {
            fail_with_diagnostics(&b->sink);
        }
        for (int i = 0; i < COUNT; i++) {
            float x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, y[10];
            hand_ints ints = hand_rows(&kernels[i], 1);
            hand_run(c, &kernels[i], code.functions[i], (void *[]){x, y}, &ints, 1);
            for (int n = 0; n < 10; n++) {
                assert_true(y[n] == x[n] * (float)(i % 15));
            }
            assert_true(i < 15 || code.functions[i] == code.functions[i - 15]);
        }
        c->backend.release(c->backend.self, &code);
        assert_null(code.handle);
    }
}

// Texts, names and hashes.
static void test_render(void **state) {
    backends *b = *state;
    const backend_case *c = &b->at[0];
    hand_kernel h, same, other;
    make_scale(&h, 2, "lstm/h: step?");
    make_scale(&same, 2, "lstm/h: step?");
    make_scale(&other, 3, "lstm/h: step?");
    char symbol[100];
    codegen_symbol(&h.k, symbol, sizeof symbol);
    assert_memory_equal(symbol, "lstm_h__step_.", 14);
    static const codegen_form forms[] = {CODEGEN_LLVM, CODEGEN_LLVM_OPTIMIZED, CODEGEN_ASSEMBLY};
    for (int i = 0; i < 3; i++) {
        strbuf text = {0};
        assert_int_equal(codegen_render(c->codegen, &h.k, forms[i], &b->sink, &text), RNNC_OK);
        assert_non_null(strstr(strbuf_text(&text), symbol));
        strbuf_deinit(&text);
    }
    uint64_t hashes[3];
    assert_int_equal(codegen_object_hash(c->codegen, &h.k, &b->sink, &hashes[0]), RNNC_OK);
    assert_int_equal(codegen_object_hash(c->codegen, &same.k, &b->sink, &hashes[1]), RNNC_OK);
    assert_int_equal(codegen_object_hash(c->codegen, &other.k, &b->sink, &hashes[2]), RNNC_OK);
    assert_true(hashes[0] == hashes[1] && hashes[0] != hashes[2]);
}

static void check_message(const diag_sink *d, const char *part) {
    assert_true(d->entries.count > 0);
    const char *message = d->entries.at[d->entries.count - 1].message;
    if (!strstr(message, part)) {
        fail_msg("\"%s\" does not say \"%s\"", message, part);
    }
}

static void test_errors(void **state) {
    backends *b = *state;
    diag_sink d;
    diag_init(&d);
    codegen *c = NULL;
    assert_int_equal(codegen_create("x86-64-v33", &d, &c), RNNC_INVALID_ARGUMENT);
    check_message(&d, "did you mean \"x86-64-v3\"");
    assert_int_equal(codegen_create("pdp11/70 with many disks", &d, &c), RNNC_INVALID_ARGUMENT);
    check_message(&d, "x86-64-v4");
    hand_kernel h;
    make_scale(&h, 2, "broken");
    h.instrs[2].a = 2;
    const kernel_desc *k = &h.k;
    kernel_code_set code;
    assert_int_equal(b->at[0].backend.compile(b->at[0].backend.self, &k, 1, 1, &d, &code), RNNC_INTERNAL);
    check_message(&d, "kernel broken has an operand that is not computed before");
    assert_null(code.handle);
    make_scale(&h, 2, "broken");
    h.instrs[2].code = OP_MATMUL;
    strbuf text = {0};
    assert_int_equal(codegen_render(b->at[0].codegen, k, CODEGEN_LLVM, &d, &text), RNNC_INTERNAL);
    check_message(&d, "an instruction that no body may hold");
    strbuf_deinit(&text);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pointwise),    cmocka_unit_test(test_convert),
        cmocka_unit_test(test_reductions),   cmocka_unit_test(test_infinities),
        cmocka_unit_test(test_places),       cmocka_unit_test(test_single_row),
        cmocka_unit_test(test_folds),        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_random),       cmocka_unit_test(test_objects),
        cmocka_unit_test(test_side_by_side), cmocka_unit_test(test_render),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("kernels", tests, backends_setup, backends_teardown);
}
