// Arrays of the caller's that lie in all ways: the bits are those of arrays without gaps, what lies between the elements
// is left alone, and nothing is copied but what the header says.
#include <stdbool.h>

#include "tests/api/pool.h"
#include "tests/api/spread.h"

enum { OUTPUTS = 2, STATES = 8 };

// ---- What is run ----

typedef struct subject {
    fixture f;
    const char *what;
    int64_t columns[OUTPUTS];
} subject;

static subject make(const char *cell, const char *form, const rnnc_context_options *o, int threads) {
    static char text[2048], what[128];
    snprintf(text, sizeof text,
             "%smodel m(n = %d, cell = %s) {\n    input x: real(%d)[T]\n    h = %s\n"
             "    y = tanh(linear(2, h))\n    output h, y\n}\n",
             own_cells, UNITS, cell, INPUTS, form);
    snprintf(what, sizeof what, "%s, %s, %d threads%s", cell, form, threads,
             o && o->parallel_for ? " of a pool" : "");
    subject s = {.what = what};
    rnnc_compile_options options = fixture_options(RNNC_FORWARD, MOST_ROWS, MOST_STEPS);
    options.threads = threads;
    fixture *f = &s.f;
    assert_int_equal(rnnc_diagnostics_create(&f->d), RNNC_OK);
    f->model = fixture_model(text, f->d);
    fixture_ok(rnnc_program_compile(f->model, &options, f->d, &f->program), f->d);
    fixture_ok(rnnc_weights_create(f->program, f->d, &f->weights), f->d);
    fixture_ok(rnnc_weights_initialize(f->weights, 1, f->d), f->d);
    fixture_ok(rnnc_context_create_with(f->program, f->weights, o, f->d, &f->context), f->d);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        rnnc_value v;
        assert_int_equal(rnnc_program_output(f->program, i, &v), RNNC_OK);
        s.columns[i] = v.columns;
    }
    return s;
}

// What a run leaves: outputs by steps and rows, states as a block.
typedef struct results {
    float out[OUTPUTS][MOST_STEPS * MOST_ROWS * 2 * UNITS];
    char states[STATES * MOST_ROWS * UNITS * sizeof(float)];
    size_t state_bytes;
} results;

static void begin(const subject *s, int64_t rows, int64_t steps) {
    rnnc_context *c = s->f.context;
    fixture_ok(rnnc_context_set_extents(c, rows, steps, s->f.d), s->f.d);
    for (uint32_t i = 0; i < rnnc_program_state_count(s->f.program); i++) {
        float first[MOST_ROWS * UNITS];
        size_t count = rnnc_context_state_elements(c, i);
        fixture_fill(first, count, 10 + i);
        fixture_ok(rnnc_context_write_state(c, i, first, count, s->f.d), s->f.d);
    }
}

static void read_states(const subject *s, results *r) {
    r->state_bytes = rnnc_context_state_bytes(s->f.context);
    assert_in_range(r->state_bytes, 0, sizeof r->states);
    fixture_ok(rnnc_context_save_states(s->f.context, r->states, r->state_bytes, s->f.d), s->f.d);
}

static void read_outputs(const subject *s, results *r) {
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        size_t count = rnnc_context_output_elements(s->f.context, i);
        fixture_ok(rnnc_context_read_output(s->f.context, i, RNNC_STEPS_FIRST, r->out[i], count, s->f.d),
                   s->f.d);
    }
}

// Two runs, the second from the states that the first has left, as nothing is bound.
static void run_plainly(const subject *s, int64_t rows, int64_t steps, const float *x, results *r) {
    begin(s, rows, steps);
    for (int i = 0; i < OUTPUTS; i++) {
        fixture_ok(rnnc_context_bind_output(s->f.context, (uint32_t)i, NULL, 0, NULL, s->f.d), s->f.d);
    }
    for (int k = 0; k < 2; k++) {
        fixture_ok(rnnc_context_write_input(s->f.context, 0, RNNC_STEPS_FIRST, x,
                                            (size_t)(rows * steps * INPUTS), s->f.d),
                   s->f.d);
        fixture_ok(rnnc_run(s->f.context, s->f.d), s->f.d);
        read_outputs(s, &r[k]);
        read_states(s, &r[k]);
    }
}

static spread in, out[OUTPUTS];

static void check_results(const subject *s, const results *wanted) {
    results *found = calloc(1, sizeof *found);
    assert_non_null(found);
    read_outputs(s, found);
    for (int i = 0; i < OUTPUTS; i++) {
        size_t count = rnnc_context_output_elements(s->f.context, (uint32_t)i);
        assert_memory_equal(found->out[i], wanted->out[i], count * sizeof(float));
        check_spread(&out[i], wanted->out[i], s->what);
    }
    // The arrays are full of guards now, and the states are none of theirs.
    read_states(s, found);
    assert_memory_equal(found->states, wanted->states, wanted->state_bytes);
    free(found);
}

// The same two runs in the caller's arrays. Returns how many are copied.
static size_t run_directly(const subject *s, int64_t rows, int64_t steps, const float *x,
                           const arrangement *kinds, const results *wanted) {
    rnnc_context *c = s->f.context;
    begin(s, rows, steps);
    arrange(&in, kinds[0], rows, steps, INPUTS);
    scatter(&in, x);
    fixture_ok(rnnc_context_bind_input_strided(c, 0, in.at, ROOM, &in.strides, s->f.d), s->f.d);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        arrange(&out[i], kinds[1 + i], rows, steps, s->columns[i]);
        fixture_ok(rnnc_context_bind_output(c, i, out[i].at, ROOM, &out[i].strides, s->f.d), s->f.d);
    }
    size_t before = rnnc_context_copied_arrays(c);
    for (int k = 0; k < 2; k++) {
        fixture_ok(rnnc_run(c, s->f.d), s->f.d);
        check_results(s, &wanted[k]);
    }
    assert_int_equal(rnnc_context_copied_arrays(c), before);
    check_spread(&in, x, "the input");
    return before;
}

static void check_sizes(const subject *s, const int64_t (*sizes)[2], int count) {
    static float x[MOST_STEPS * MOST_ROWS * INPUTS];
    results *wanted = calloc(2, sizeof *wanted);
    assert_non_null(wanted);
    fixture_fill(x, MOST_STEPS * MOST_ROWS * INPUTS, 1);
    for (int i = 0; i < count; i++) {
        int64_t rows = sizes[i][0], steps = sizes[i][1];
        run_plainly(s, rows, steps, x, wanted);
        for (int kind = 0; kind < KINDS; kind++) {
            arrangement kinds[] = {(arrangement)kind, (arrangement)((kind + i) % KINDS),
                                   (arrangement)((kind + 2 * i) % KINDS)};
            size_t copied = run_directly(s, rows, steps, x, kinds, wanted);
            if (copied) {
                fail_msg("%s: %zu arrays are copied (%d, %d, %d; %d rows, %d steps)", s->what, copied,
                         (int)kinds[0], (int)kinds[1], (int)kinds[2], (int)rows, (int)steps);
            }
        }
    }
    free(wanted);
}

static const char *const cells[] = {"rnn", "lstm", "gru_cho", "gru_cho_after", "own", "leak"};
static const char *const forms[] = {"cell(n, x)", "backward cell(n, x)", "cell(n, cell(n, x))",
                                    "backward cell(n, cell(n, x))",
                                    "concat(cell(n, x), backward cell(n, x))"};
enum { CELLS = 6, FORMS = 5 };

static void test_cells(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {1, 20}, {2, 3}, {3, 1}, {5, 2}, {17, 20}};
    int count = fixture_is_slow() ? 4 : 6;
    for (int cell = 0; cell < CELLS; cell++) {
        for (int form = 0; form < FORMS; form++) {
            subject s = make(cells[cell], forms[form], NULL, 1);
            check_sizes(&s, sizes, count);
            fixture_free(&s.f);
        }
    }
}

static void test_threads(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{17, 19}, {4, 7}};
    for (int k = 0; k < 4; k++) {
        pool p = {2, 0};
        rnnc_context_options o = RNNC_CONTEXT_OPTIONS;
        o.parallel_for = parallel_for;
        o.parallel_user = &p;
        subject s = make(k % 2 ? "lstm" : "own", forms[k], k / 2 ? &o : NULL, 2);
        check_sizes(&s, sizes, 2);
        fixture_free(&s.f);
    }
}

// Single steps from and to rows that lie apart, as a run of all steps has them.
static void test_steps(void **state) {
    (void)state;
    enum { LENGTH = 6, WIDTH = 4 };
    static float x[LENGTH * WIDTH * INPUTS];
    results *wanted = calloc(2, sizeof *wanted);
    subject s = make("lstm", "cell(n, cell(n, x))", NULL, 1);
    assert_non_null(wanted);
    fixture_fill(x, LENGTH * WIDTH * INPUTS, 1);
    run_plainly(&s, WIDTH, LENGTH, x, wanted);
    begin(&s, WIDTH, LENGTH);
    fixture_ok(rnnc_start_steps(s.f.context, s.f.d), s.f.d);
    arrange(&in, ROWS_PADDED, WIDTH, 1, INPUTS);
    fixture_ok(rnnc_context_bind_input_strided(s.f.context, 0, in.at, ROOM, &in.strides, s.f.d), s.f.d);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        arrange(&out[i], ROWS_PADDED, WIDTH, 1, s.columns[i]);
        fixture_ok(rnnc_context_bind_output(s.f.context, i, out[i].at, ROOM, &out[i].strides, s.f.d), s.f.d);
    }
    assert_int_equal(rnnc_context_copied_arrays(s.f.context), 0);
    for (int64_t t = 0; t < LENGTH; t++) {
        scatter(&in, x + t * WIDTH * INPUTS);
        fixture_ok(rnnc_step(s.f.context, s.f.d), s.f.d);
        for (uint32_t i = 0; i < OUTPUTS; i++) {
            check_spread(&out[i], wanted->out[i] + t * WIDTH * s.columns[i], "a step");
        }
    }
    read_states(&s, &wanted[1]);
    assert_memory_equal(wanted[1].states, wanted[0].states, wanted[0].state_bytes);
    free(wanted);
    fixture_free(&s.f);
}

static const char trained_text[] =
    "model m() {\n    input x: real(3)[T]\n    target t: real(2)[T]\n    h = lstm(5, x)\n"
    "    y = linear(2, h)\n    loss = mean[T, batch] mean squared_error(y, t)\n    output h\n}\n"
    "train r {\n    batch 3  steps T = 9  optimizer adam(rate = 0.01)\n}\n";

enum { TRAINED_ROWS = 3, TRAINED_STEPS = 9, TRAINED_ROUNDS = 3 };

typedef struct trained {
    double loss[TRAINED_ROUNDS];
    float h[TRAINED_STEPS * TRAINED_ROWS * UNITS];
    size_t copied;
} trained;

// With the states of all steps as an output.
static fixture make_trained(void) {
    static const char *const shown[] = {"h"};
    fixture f = {0};
    rnnc_compile_options options = fixture_options(RNNC_TRAIN, TRAINED_ROWS, TRAINED_STEPS);
    options.outputs = shown;
    options.output_count = 1;
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(trained_text, f.d);
    fixture_ok(rnnc_program_compile(f.model, &options, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    return f;
}

static void train(arrangement kind, trained *t) {
    static spread goal;
    static float values[TRAINED_STEPS * TRAINED_ROWS * INPUTS];
    fixture f = make_trained();
    spread *both[] = {&in, &goal};
    for (uint32_t i = 0; i < 2; i++) {
        fixture_fill(values, TRAINED_STEPS * TRAINED_ROWS * INPUTS, i);
        arrange(both[i], kind, TRAINED_ROWS, TRAINED_STEPS, i ? 2 : INPUTS);
        scatter(both[i], values);
        fixture_ok(rnnc_context_bind_input_strided(f.context, i, both[i]->at, ROOM, &both[i]->strides, f.d),
                   f.d);
    }
    uint32_t h = (uint32_t)rnnc_program_find_output(f.program, "h");
    t->copied = rnnc_context_copied_arrays(f.context);
    arrange(&out[0], kind, TRAINED_ROWS, TRAINED_STEPS, UNITS);
    fixture_ok(rnnc_context_bind_output(f.context, h, out[0].at, ROOM, &out[0].strides, f.d), f.d);
    for (int i = 0; i < TRAINED_ROUNDS; i++) {
        rnnc_training said;
        fixture_ok(rnnc_train_step(f.context, f.d, &said), f.d);
        t->loss[i] = said.loss;
    }
    fixture_ok(
        rnnc_context_read_output(f.context, h, RNNC_STEPS_FIRST, t->h, sizeof t->h / sizeof *t->h, f.d), f.d);
    check_spread(&out[0], t->h, "h of a training");
    fixture_free(&f);
}

// Sums over steps and rows have their order, wherever these lie.
static void test_training(void **state) {
    (void)state;
    static trained wanted, found;
    train(STEPS_DENSE, &wanted);
    for (int kind = 0; kind < KINDS; kind++) {
        train((arrangement)kind, &found);
        assert_int_equal(found.copied, 0);
        assert_memory_equal(found.loss, wanted.loss, sizeof wanted.loss);
        assert_memory_equal(found.h, wanted.h, sizeof wanted.h);
    }
}

// What the header says is copied, one by one.
static void test_copies(void **state) {
    (void)state;
    static float x[ROOM], y[ROOM], z[ROOM];
    fixture f = fixture_make("model m() {\n    input x: real(3)[T]\n    h = lstm(5, x)\n    w = h\n"
                             "    y = linear(2, h)\n    output h, w, x, y\n}\n",
                             RNNC_FORWARD);
    rnnc_context *c = f.context;
    uint32_t h = (uint32_t)rnnc_program_find_output(f.program, "h"),
             w = (uint32_t)rnnc_program_find_output(f.program, "w");
    rnnc_strides apart = {{INPUTS * 6}, INPUTS * 2, 2}, rows_first = {{INPUTS}, INPUTS * 9, 1};
    assert_int_equal(rnnc_context_copied_arrays(NULL), 0);
    assert_int_equal(rnnc_context_copied_arrays(c), 0);
    fixture_ok(rnnc_context_bind_input_strided(c, 0, x, ROOM, &apart, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 1);
    fixture_ok(rnnc_context_bind_input_strided(c, 0, x, ROOM, &rows_first, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 0);
    fixture_ok(rnnc_context_bind_output(c, h, y, ROOM, NULL, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 0);
    // The same values twice.
    fixture_ok(rnnc_context_bind_output(c, w, z, ROOM, NULL, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 1);
    fixture_ok(rnnc_run(c, f.d), f.d);
    assert_memory_equal(y, z, 9 * 3 * 5 * sizeof *y);
    fixture_ok(rnnc_context_bind_output(c, h, NULL, 0, NULL, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 0);
    fixture_free(&f);
}

// Cells run along the axis that is declared last, which the engine has first; the arrays have the declared order.
static void test_axes(void **state) {
    (void)state;
    enum { LENGTH = 4, WIDTH = 3, COUNT = LENGTH * LENGTH * WIDTH };
    static float x[COUNT * INPUTS], wanted[COUNT * UNITS], found[COUNT * UNITS];
    fixture f = fixture_make("model m() {\n    input x: real(3)[S, T]\n    h = lstm(5, x) along T\n"
                             "    output h\n}\n",
                             RNNC_FORWARD);
    rnnc_context *c = f.context;
    fixture_fill(x, COUNT * INPUTS, 1);
    fixture_ok(rnnc_context_set_extents(c, WIDTH, LENGTH, f.d), f.d);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, COUNT * INPUTS, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_ok(rnnc_context_read_output(c, 0, RNNC_STEPS_FIRST, wanted, COUNT * UNITS, f.d), f.d);
    fixture_ok(rnnc_context_reset(c), f.d);
    fixture_ok(rnnc_context_bind_input(c, 0, x, COUNT * INPUTS, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(c, 0, found, COUNT * UNITS, NULL, f.d), f.d);
    assert_int_equal(rnnc_context_copied_arrays(c), 0);
    fixture_ok(rnnc_run(c, f.d), f.d);
    assert_memory_equal(found, wanted, sizeof wanted);
    fixture_free(&f);
}

// One row serves all, or one step.
static void test_repeated(void **state) {
    (void)state;
    enum { LENGTH = 5, WIDTH = 4 };
    static float x[LENGTH * WIDTH * INPUTS], row[LENGTH * INPUTS];
    results *wanted = calloc(2, sizeof *wanted);
    assert_non_null(wanted);
    fixture_fill(row, LENGTH * INPUTS, 1);
    for (int along = 0; along < 2; along++) {
        subject s = make("gru_cho", "cell(n, tanh(x))", NULL, 1);
        rnnc_strides strides = {{along ? INPUTS : 0}, along ? 0 : INPUTS, 1};
        for (int i = 0; i < LENGTH * WIDTH * INPUTS; i++) {
            int place = along ? i / INPUTS / WIDTH : i / INPUTS % WIDTH;
            x[i] = row[place * INPUTS + i % INPUTS];
        }
        run_plainly(&s, WIDTH, LENGTH, x, wanted);
        begin(&s, WIDTH, LENGTH);
        fixture_ok(rnnc_context_bind_input_strided(s.f.context, 0, row, LENGTH * INPUTS, &strides, s.f.d),
                   s.f.d);
        assert_int_equal(rnnc_context_copied_arrays(s.f.context), 0);
        fixture_ok(rnnc_run(s.f.context, s.f.d), s.f.d);
        read_outputs(&s, &wanted[1]);
        for (int i = 0; i < OUTPUTS; i++) {
            size_t count = rnnc_context_output_elements(s.f.context, (uint32_t)i);
            assert_memory_equal(wanted[1].out[i], wanted[0].out[i], count * sizeof(float));
        }
        fixture_free(&s.f);
    }
    free(wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),    cmocka_unit_test(test_threads), cmocka_unit_test(test_steps),
        cmocka_unit_test(test_training), cmocka_unit_test(test_copies),  cmocka_unit_test(test_axes),
        cmocka_unit_test(test_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
