// What the library does with several of its parts at once: extra outputs with given gradients, arrays of the caller's
// in runs of two halves, a pool of the caller's in trainings whose gradients are kept.
#include <stdbool.h>

#include "tests/api/pair.h"
#include "tests/api/pool.h"

// ---- Extra outputs and given gradients ----

static const char shown_text[] =
    "model m() {\n    float = f64\n    input x: real(2)[T%s]\n    h = lstm(3, x)\n"
    "    y = tanh(linear(3, h))\n    output y\n}\n";
static const char *const shown[] = {"y", "h", "lstm.0.f", "lstm.0.c"};
enum { VALUES = 3, ELEMENTS = STEPS * ROWS * OUT };

// The sum of all values, each times the gradient that is given of it.
static double shown_sum(const fixture *f, double gradients[VALUES][ELEMENTS], uint32_t given_count,
                        const double *x) {
    double values[ELEMENTS], sum = 0;
    write_named(f->context, f->program, "x", x, STEPS * ROWS * IN, f->d);
    fixture_ok(rnnc_context_reset(f->context), f->d);
    fixture_ok(rnnc_run(f->context, f->d), f->d);
    for (uint32_t v = 0; v < given_count; v++) {
        read_named(f->context, f->program, shown[v], values, ELEMENTS, f->d);
        for (size_t i = 0; i < ELEMENTS; i++) {
            sum += values[i] * gradients[v][i];
        }
    }
    return sum;
}

static fixture make_shown(rnnc_model *m, rnnc_diagnostics *d, rnnc_purpose purpose, uint32_t given_count) {
    static const char *const names[] = {"x"};
    fixture f = {.d = d, .model = m};
    rnnc_compile_options o = options_for(NULL, 1);
    o.purpose = purpose;
    o.outputs = shown;
    o.output_count = 4;
    o.gradients = names;
    o.given_gradients = shown;
    o.gradient_count = purpose == RNNC_GRADIENTS;
    o.given_gradient_count = given_count;
    fixture_ok(rnnc_program_compile(m, &o, d, &f.program), d);
    fixture_ok(rnnc_weights_create(f.program, d, &f.weights), d);
    fixture_ok(rnnc_weights_initialize(f.weights, 3, d), d);
    fixture_ok(rnnc_context_create(f.program, f.weights, d, &f.context), d);
    return f;
}

static void free_shown(fixture *f) {
    rnnc_context_destroy(f->context);
    rnnc_weights_release(f->weights);
    rnnc_program_release(f->program);
}

// Extra outputs are there after the first half with the values of a forward program, whether or not their own gradients
// are given; and these lead to the inputs like any other.
static void check_shown(rnnc_model *m, rnnc_diagnostics *d, uint32_t given_count) {
    fixture forward = make_shown(m, d, RNNC_FORWARD, 0), back = make_shown(m, d, RNNC_GRADIENTS, given_count);
    double x[STEPS * ROWS * IN], dx[STEPS * ROWS * IN], gradients[VALUES][ELEMENTS];
    fill(x, STEPS * ROWS * IN, 1);
    fill(&gradients[0][0], VALUES * ELEMENTS, 2);
    shown_sum(&forward, gradients, given_count, x);
    write_named(back.context, back.program, "x", x, STEPS * ROWS * IN, d);
    fixture_ok(rnnc_run(back.context, d), d);
    for (uint32_t v = 0; v < VALUES; v++) {
        double a[ELEMENTS], b[ELEMENTS];
        read_named(forward.context, forward.program, shown[v], a, ELEMENTS, d);
        read_named(back.context, back.program, shown[v], b, ELEMENTS, d);
        for (size_t i = 0; i < ELEMENTS; i++) {
            assert_true(fabs(a[i] - b[i]) < 1e-13);
        }
    }
    for (uint32_t v = 0; v < given_count; v++) {
        char name[96];
        snprintf(name, sizeof name, "gradient/%s", shown[v]);
        write_named(back.context, back.program, name, gradients[v], ELEMENTS, d);
    }
    fixture_ok(rnnc_backward(back.context, d), d);
    read_named(back.context, back.program, "gradient/x", dx, STEPS * ROWS * IN, d);
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        double sides[2], kept = x[i];
        for (int k = 0; k < 2; k++) {
            x[i] = kept + (k ? -1e-5 : 1e-5);
            sides[k] = shown_sum(&forward, gradients, given_count, x);
        }
        x[i] = kept;
        check_close(dx[i], (sides[0] - sides[1]) / 2e-5, "x");
    }
    free_shown(&forward);
    free_shown(&back);
}

static void test_extra_outputs(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    for (int k = 0; k < 2; k++) {
        char text[512];
        snprintf(text, sizeof text, shown_text, k ? " lengths" : "");
        rnnc_model *m = fixture_model(text, d);
        check_shown(m, d, 1);
        check_shown(m, d, VALUES);
        // The name of a state: its values at every step are shown, and the gradient is that of the last.
        fixture f = make_shown(m, d, RNNC_GRADIENTS, 4);
        rnnc_value all, last;
        int output = rnnc_program_find_output(f.program, "lstm.0.c"),
            input = rnnc_program_find_input(f.program, "gradient/lstm.0.c");
        assert_int_equal(rnnc_program_output(f.program, (uint32_t)output, &all), RNNC_OK);
        assert_int_equal(rnnc_program_input(f.program, (uint32_t)input, &last), RNNC_OK);
        assert_true(all.axis_count == 1 && last.axis_count == 0 && last.role == RNNC_ROLE_GRADIENT);
        free_shown(&f);
        rnnc_model_release(m);
    }
    rnnc_diagnostics_destroy(d);
}

// ---- Arrays of the caller's in two halves ----

enum { ARRAYS = 10, GUARD = -77 };

// How a run is set, and how the arrays lie.
typedef struct bound_case {
    const char *cell;
    int threads;
    int64_t rows, steps;
    rnnc_layout layout;
} bound_case;

static double arrays[ARRAYS][MOST + 2];

static bool is_gradient(const rnnc_program *p, uint32_t output) {
    rnnc_value v;
    assert_int_equal(rnnc_program_output(p, output, &v), RNNC_OK);
    return v.role == RNNC_ROLE_GRADIENT;
}

static void bind_outputs(const pair *p, const bound_case *q) {
    for (uint32_t i = 0; i < rnnc_program_output_count(p->back); i++) {
        rnnc_strides strides;
        for (size_t k = 0; k < MOST + 2; k++) {
            arrays[i][k] = GUARD;
        }
        assert_int_equal(rnnc_context_output_strides(p->run, i, q->layout, &strides), RNNC_OK);
        fixture_ok(rnnc_context_bind_output(p->run, i, arrays[i] + 1, MOST, &strides, p->d), p->d);
    }
}

// Gives the inputs that are gradients, or all others: to |a| copied, to |b| bound.
static void give_inputs(const pair *a, const pair *b, const bound_case *q, const numbers *n, bool gradients) {
    for (uint32_t i = 0; i < rnnc_program_input_count(a->back); i++) {
        rnnc_value v;
        rnnc_strides strides;
        assert_int_equal(rnnc_program_input(a->back, i, &v), RNNC_OK);
        if (v.role == RNNC_ROLE_LENGTHS || (v.role == RNNC_ROLE_GRADIENT) != gradients) {
            continue;
        }
        const double *data = !gradients ? n->x : strcmp(v.name, "gradient/y") == 0 ? n->y : n->finals[i % 8];
        size_t count = rnnc_context_input_elements(a->run, i);
        fixture_ok(rnnc_context_write_input(a->run, i, q->layout, data, count, a->d), a->d);
        assert_int_equal(rnnc_context_input_strides(b->run, i, q->layout, &strides), RNNC_OK);
        fixture_ok(rnnc_context_bind_input_strided(b->run, i, data, count, &strides, b->d), b->d);
    }
}

// The bound outputs of |b| against those that are read from |a|; nothing around them has been touched.
static void compare_outputs(const pair *a, const bound_case *q, bool gradients) {
    for (uint32_t i = 0; i < rnnc_program_output_count(a->back); i++) {
        double values[MOST];
        size_t count = rnnc_context_output_elements(a->run, i);
        assert_true(arrays[i][0] == GUARD && arrays[i][count + 1] == GUARD);
        if (is_gradient(a->back, i) && !gradients) {
            continue;
        }
        fixture_ok(rnnc_context_read_output(a->run, i, q->layout, values, count, a->d), a->d);
        for (size_t k = 0; k < count; k++) {
            if (!(fabs(values[k] - arrays[i][k + 1]) < 1e-12)) {
                fail_msg("%s, %d threads, %d rows, %d steps: output %u[%zu]: %g, not %g", q->cell, q->threads,
                         (int)q->rows, (int)q->steps, i, k, arrays[i][k + 1], values[k]);
            }
        }
    }
}

static void check_bound(const bound_case *q) {
    char text[512];
    write_model(text, q->cell, "");
    pair a = make_pair(text, "interpret", 1), b = make_pair(text, NULL, q->threads);
    numbers n = some_numbers(&a);
    rnnc_context *both[] = {a.run, b.run};
    for (int k = 0; k < 2; k++) {
        fixture_ok(rnnc_context_set_extents(both[k], q->rows, q->steps, a.d), a.d);
        for (uint32_t s = 0; s < rnnc_program_state_count(a.back); s++) {
            size_t count = rnnc_context_state_elements(both[k], s);
            fixture_ok(rnnc_context_write_state(both[k], s, n.states[s], count, a.d), a.d);
        }
    }
    bind_outputs(&b, q);
    give_inputs(&a, &b, q, &n, false);
    // The states of the second round are what the first has left.
    for (int round = 0; round < 2; round++) {
        fixture_ok(rnnc_run(a.run, a.d), a.d);
        fixture_ok(rnnc_run(b.run, b.d), b.d);
        compare_outputs(&a, q, false);
        give_inputs(&a, &b, q, &n, true);
        fixture_ok(rnnc_backward(a.run, a.d), a.d);
        fixture_ok(rnnc_backward(b.run, b.d), b.d);
        compare_outputs(&a, q, true);
    }
    free_pair(&a);
    free_pair(&b);
}

// Whole runs of one row and step are a list of calls, halves of them are not. The first halves of those whose output is
// an input are empty, and its gradient is the one that is given.
static void test_bound_arrays(void **state) {
    (void)state;
    static const char *const cells[] = {"rnn(3, x)",           "lstm(3, x)", "stack(3, 2, gru_cho, x)",
                                        "backward lstm(3, x)", "x",          "last[T](gru_chung(3, x))"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        for (int k = 0; k < 8; k += fixture_is_slow() ? 3 : 1) {
            bound_case q = {cells[i], 1 + (k & 1), k & 2 ? 1 : ROWS, k & 4 ? 1 : STEPS,
                            k & 1 ? RNNC_STEPS_FIRST : RNNC_ROWS_FIRST};
            check_bound(&q);
            q.layout = q.layout == RNNC_STEPS_FIRST ? RNNC_ROWS_FIRST : RNNC_STEPS_FIRST;
            check_bound(&q);
        }
    }
}

// Gradients that lie with gaps are copied when they are there; what a run has left is lost when an output is bound.
static void test_order(void **state) {
    (void)state;
    char text[512];
    write_model(text, "lstm(3, x)", "");
    pair p = make_pair(text, NULL, 1);
    numbers n = some_numbers(&p);
    double dx[STEPS * ROWS * IN * 2], values[9];
    size_t room = sizeof dx / sizeof *dx;
    uint32_t output = (uint32_t)rnnc_program_find_output(p.back, "gradient/x");
    rnnc_strides apart = {{ROWS * IN * 2}, IN * 2, 2};
    for (size_t i = 0; i < room; i++) {
        dx[i] = GUARD;
    }
    fixture_ok(rnnc_context_bind_output(p.run, output, dx, room, &apart, p.d), p.d);
    start(p.run, p.back, &n, p.d);
    give_gradients(&p, &n);
    for (size_t i = 0; i < room; i++) {
        assert_true(dx[i] == GUARD);
    }
    fixture_ok(rnnc_backward(p.run, p.d), p.d);
    for (size_t i = 0; i < room; i++) {
        assert_true((dx[i] == GUARD) == (i % 2 == 1));
    }
    fixture_ok(rnnc_context_read_gradient(p.run, "lstm.0.f.h", RNNC_F64, values, 9, p.d), p.d);
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    fixture_ok(rnnc_context_bind_output(p.run, output, NULL, 0, NULL, p.d), p.d);
    fixture_refused(rnnc_backward(p.run, p.d), RNNC_INVALID_ARGUMENT, p.d, "needs rnnc_run before it");
    fixture_refused(rnnc_context_read_gradient(p.run, "lstm.0.f.h", RNNC_F64, values, 9, p.d),
                    RNNC_INVALID_ARGUMENT, p.d, "after a run");
    // Another input between the halves, bound in whatever way, asks for a run as well.
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    uint32_t x = (uint32_t)rnnc_program_find_input(p.back, "x");
    fixture_ok(rnnc_context_bind_input_strided(p.run, x, n.x, STEPS * ROWS * IN, NULL, p.d), p.d);
    fixture_refused(rnnc_backward(p.run, p.d), RNNC_INVALID_ARGUMENT, p.d, "needs rnnc_run before it");
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    fixture_ok(rnnc_backward(p.run, p.d), p.d);
    free_pair(&p);
}

// Lengths of rows that do not lie side by side: the ones of this run are looked at.
static void test_lengths_apart(void **state) {
    (void)state;
    fixture f =
        fixture_make("model m() {\n input x: real(2)[T lengths]\n output y = rnn(3, x)\n}\n", RNNC_FORWARD);
    enum { LONG = 9 };
    float x[LONG * ROWS * IN], y[2][LONG * ROWS * OUT];
    int32_t side_by_side[ROWS] = {9, 2, 5}, apart[2 * ROWS - 1] = {9, -1, 2, -1, 5};
    uint32_t index = (uint32_t)rnnc_program_find_input(f.program, "T.lengths");
    uint32_t input = (uint32_t)rnnc_program_find_input(f.program, "x");
    rnnc_strides strides = {.batch = 2, .columns = 1};
    fixture_fill(x, LONG * ROWS * IN, 1);
    fixture_ok(rnnc_context_bind_input(f.context, input, x, LONG * ROWS * IN, f.d), f.d);
    for (int k = 0; k < 2; k++) {
        fixture_ok(k ? rnnc_context_bind_input_strided(f.context, index, apart, 5, &strides, f.d)
                     : rnnc_context_bind_input(f.context, index, side_by_side, ROWS, f.d),
                   f.d);
        fixture_ok(rnnc_context_reset(f.context), f.d);
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, y[k], LONG * ROWS * OUT, f.d),
                   f.d);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    apart[2] = 10;
    fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "row 1 has length 10");
    apart[2] = 0;
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_free(&f);
}

// ---- A pool and gradients that are kept ----

enum { WIDE = 48, BATCH = 24, LENGTH = 6 };

static const char wide_text[] = "model wide() {\n"
                                "    input  x: real(2)[T]\n"
                                "    target z: real[T]\n"
                                "    h = lstm(48, x) + backward lstm(48, x)\n"
                                "    y = linear(1, h)\n"
                                "    loss = mean[T, batch] mean squared_error(y, z)\n"
                                "    output y\n"
                                "}\n"
                                "train plain {\n"
                                "    batch 24  steps T = 6\n"
                                "    optimizer adam(rate = 0.01)  clip_norm 0.1\n"
                                "}\n";

typedef struct answer {
    double loss, norm;
    float gradient[WIDE * WIDE], weight[WIDE * WIDE], y[LENGTH * BATCH];
} answer;

static rnnc_program *compile_wide(rnnc_model *m, bool halves, rnnc_diagnostics *d) {
    static const char *const names[] = {"y"};
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    rnnc_program *p = NULL;
    o.purpose = RNNC_TRAIN;
    o.max_batch = BATCH;
    o.max_length = LENGTH;
    o.cpu = fixture_cpu();
    o.use_cache = 1;
    o.keep_gradients = 1;
    o.outputs = o.given_gradients = names;
    o.output_count = 1;
    o.given_gradient_count = halves;
    fixture_ok(rnnc_program_compile(m, &o, d, &p), d);
    return p;
}

static void train_once(rnnc_context *c, const rnnc_program *p, bool halves, rnnc_diagnostics *d,
                       rnnc_training *out_said) {
    if (halves) {
        float dy[LENGTH * BATCH];
        fixture_fill(dy, LENGTH * BATCH, 3);
        fixture_ok(rnnc_run(c, d), d);
        uint32_t index = (uint32_t)rnnc_program_find_input(p, "gradient/y");
        fixture_ok(rnnc_context_write_input(c, index, RNNC_STEPS_FIRST, dy, LENGTH * BATCH, d), d);
    }
    fixture_ok(rnnc_train_step(c, d, out_said), d);
}

// The last of three steps: the gradient of a weight and the weight, and a bound output.
static void ask(const fixture *f, bool halves, const rnnc_context_options *options, answer *out) {
    float x[LENGTH * BATCH * IN], z[LENGTH * BATCH];
    rnnc_weights *weights = NULL;
    rnnc_context *c = NULL;
    rnnc_training said = {0};
    *out = (answer){0};
    fixture_fill(x, LENGTH * BATCH * IN, 1);
    fixture_fill(z, LENGTH * BATCH, 2);
    fixture_ok(rnnc_weights_create(f->program, f->d, &weights), f->d);
    fixture_ok(rnnc_weights_initialize(weights, 7, f->d), f->d);
    fixture_ok(rnnc_context_create_with(f->program, weights, options, f->d, &c), f->d);
    uint32_t y = (uint32_t)rnnc_program_find_output(f->program, "y");
    fixture_ok(rnnc_context_bind_output(c, y, out->y, LENGTH * BATCH, NULL, f->d), f->d);
    fixture_ok(rnnc_context_bind_input(c, 0, x, LENGTH * BATCH * IN, f->d), f->d);
    if (!halves) {
        fixture_ok(rnnc_context_bind_input(c, 1, z, LENGTH * BATCH, f->d), f->d);
    }
    fixture_ok(rnnc_begin(c), f->d);
    for (int i = 0; i < 3; i++) {
        train_once(c, f->program, halves, f->d, &said);
    }
    fixture_ok(rnnc_end(c), f->d);
    out->loss = said.loss;
    fixture_ok(rnnc_context_gradient_norm(c, f->d, &out->norm), f->d);
    assert_float_equal(out->norm, said.gradient_norm, 1e-4 * out->norm);
    fixture_ok(rnnc_context_read_gradient(c, "lstm.0.f.h", RNNC_F32, out->gradient, WIDE * WIDE, f->d), f->d);
    int index = rnnc_weights_find(weights, "lstm.0.f.h");
    fixture_ok(rnnc_weights_read(weights, (uint32_t)index, RNNC_F32, out->weight, WIDE * WIDE, f->d), f->d);
    rnnc_context_destroy(c);
    rnnc_weights_release(weights);
}

static void test_pool(void **state) {
    (void)state;
    fixture f = {0};
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(wide_text, f.d);
    for (int halves = 0; halves < 2; halves++) {
        f.program = compile_wide(f.model, halves, f.d);
        rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
        answer alone, theirs;
        ask(&f, halves, NULL, &alone);
        assert_true(alone.norm > 0 && isfinite(alone.norm) && alone.y[0] != 0);
        for (int threads = fixture_is_slow() ? 3 : 1; threads <= 3; threads++) {
            for (int width = fixture_is_slow() ? 2 : 0; width <= 2; width++) {
                pool p = {width, 0};
                options.threads = threads;
                options.parallel_for = width ? parallel_for : NULL;
                options.parallel_user = &p;
                ask(&f, halves, &options, &theirs);
                assert_memory_equal(&alone, &theirs, sizeof alone);
                assert_true((p.calls > 0) == (width && threads > 1));
            }
        }
        rnnc_program_release(f.program);
    }
    f.program = NULL;
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extra_outputs), cmocka_unit_test(test_bound_arrays),
        cmocka_unit_test(test_order),         cmocka_unit_test(test_lengths_apart),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
