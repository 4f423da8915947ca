// Inputs and outputs in the caller's memory, with strides of all kinds, and equations as extra outputs.
#include "tests/api/fixture.h"

enum { ROWS = 3, STEPS = 9, INPUTS = 2, HIDDEN = 7 };

static const char shown_text[] = "model series(hidden = 7, cell = lstm) {\n"
                                 "    input  value: real(2)[T]\n"
                                 "    target next: real[T]\n"
                                 "    h = cell(hidden, value)\n"
                                 "    forecast = linear(1, h)\n"
                                 "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
                                 "    output h, forecast, value\n"
                                 "}\n"
                                 "train plain {\n"
                                 "    batch 3  steps T = 9\n"
                                 "    optimizer adam(rate = 0.01)\n"
                                 "}\n";

static uint32_t output_of(const fixture *f, const char *name) {
    int index = rnnc_program_find_output(f->program, name);
    assert_true(index >= 0);
    return (uint32_t)index;
}

// The states from zero, an input written, a run, an output read: what all others must be equal to.
static void run_plainly(const fixture *f, int64_t rows, int64_t steps, const float *in, const char *name,
                        float *out) {
    uint32_t output = output_of(f, name);
    fixture_ok(rnnc_context_set_extents(f->context, rows, steps, f->d), f->d);
    fixture_ok(rnnc_context_reset(f->context), f->d);
    fixture_ok(
        rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, in, (size_t)(rows * steps * INPUTS), f->d),
        f->d);
    fixture_ok(rnnc_run(f->context, f->d), f->d);
    size_t count = rnnc_context_output_elements(f->context, output);
    fixture_ok(rnnc_context_read_output(f->context, output, RNNC_STEPS_FIRST, out, count, f->d), f->d);
}

// Bytes around and between the elements, which nobody may touch.
static void fill_guard(float *array, size_t count) {
    for (size_t i = 0; i < count; i++) {
        array[i] = -77;
    }
}

// All extents up to the maxima: nothing before or behind the array is touched, and the values are the same.
static void test_outputs_where_they_lie(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    static const char *const names[] = {"h", "forecast", "value"};
    static const int columns[] = {HIDDEN, 1, INPUTS};
    float in[STEPS * ROWS * INPUTS], wanted[3][STEPS * ROWS * HIDDEN], got[3][STEPS * ROWS * HIDDEN + 2];
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    for (int rows = 1; rows <= ROWS; rows++) {
        for (int steps = 1; steps <= STEPS; steps += 2) {
            for (int i = 0; i < 3; i++) {
                run_plainly(&f, rows, steps, in, names[i], wanted[i]);
            }
            for (int i = 0; i < 3; i++) {
                size_t count = (size_t)(rows * steps * columns[i]);
                fill_guard(got[i], count + 2);
                fixture_ok(rnnc_context_bind_output(f.context, output_of(&f, names[i]), got[i] + 1, count,
                                                    NULL, f.d),
                           f.d);
            }
            fixture_ok(rnnc_context_reset(f.context), f.d);
            fixture_ok(rnnc_run(f.context, f.d), f.d);
            for (int i = 0; i < 3; i++) {
                size_t count = (size_t)(rows * steps * columns[i]);
                assert_memory_equal(got[i] + 1, wanted[i], count * sizeof(float));
                assert_true(got[i][0] == -77 && got[i][count + 1] == -77);
            }
        }
    }
    fixture_free(&f);
}

// An output that kernels write in place is found there; without the array it is elsewhere again.
static void test_no_copy(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    uint32_t forecast = output_of(&f, "forecast");
    float in[STEPS * ROWS * INPUTS], out[STEPS * ROWS], again[STEPS * ROWS];
    const void *at = NULL;
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    fixture_ok(rnnc_context_bind_input_strided(f.context, 0, in, STEPS * ROWS * INPUTS, NULL, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(f.context, forecast, out, STEPS * ROWS, NULL, f.d), f.d);
    fixture_refused(rnnc_context_output(f.context, forecast, f.d, &at), RNNC_INVALID_ARGUMENT, f.d,
                    "before a run");
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_output(f.context, forecast, f.d, &at), f.d);
    assert_ptr_equal(at, out);
    fixture_ok(rnnc_context_read_output(f.context, forecast, RNNC_STEPS_FIRST, again, STEPS * ROWS, f.d),
               f.d);
    assert_memory_equal(again, out, sizeof out);
    fixture_ok(rnnc_context_bind_output(f.context, forecast, NULL, 0, NULL, f.d), f.d);
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fill_guard(out, STEPS * ROWS);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_output(f.context, forecast, f.d, &at), f.d);
    assert_ptr_not_equal(at, out);
    assert_memory_equal(at, again, sizeof again);
    assert_true(out[0] == -77);
    fixture_free(&f);
}

// Batch first, with gaps, columns apart: the same values at other places, and the gaps as they were.
static void test_strides(void **state) {
    (void)state;
    enum { GAP = 3, IN_ROW = STEPS * INPUTS * 2 + GAP, OUT_ROW = STEPS * (HIDDEN + GAP) };
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    uint32_t h = output_of(&f, "h");
    float in[STEPS][ROWS][INPUTS], wanted[STEPS][ROWS][HIDDEN], spread[ROWS * IN_ROW], out[ROWS * OUT_ROW];
    fixture_fill(&in[0][0][0], STEPS * ROWS * INPUTS, 1);
    run_plainly(&f, ROWS, STEPS, &in[0][0][0], "h", &wanted[0][0][0]);
    fill_guard(spread, ROWS * IN_ROW);
    fill_guard(out, ROWS * OUT_ROW);
    for (int t = 0; t < STEPS; t++) {
        for (int r = 0; r < ROWS; r++) {
            spread[r * IN_ROW + t * 4] = in[t][r][0];
            spread[r * IN_ROW + t * 4 + 2] = in[t][r][1];
        }
    }
    rnnc_strides from = {{4}, IN_ROW, 2}, to = {{HIDDEN + GAP}, OUT_ROW, 1};
    fixture_ok(rnnc_context_bind_input_strided(f.context, 0, spread, ROWS * IN_ROW, &from, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(f.context, h, out, ROWS * OUT_ROW, &to, f.d), f.d);
    for (int round = 0; round < 2; round++) {
        fixture_ok(rnnc_context_reset(f.context), f.d);
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        for (int t = 0; t < STEPS; t++) {
            for (int r = 0; r < ROWS; r++) {
                const float *at = out + r * OUT_ROW + t * (HIDDEN + GAP);
                assert_memory_equal(at, wanted[t][r], sizeof wanted[t][r]);
                assert_true(at[HIDDEN] == -77);
            }
        }
    }
    // The array may change between runs.
    spread[0] += 1;
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    assert_memory_not_equal(out, wanted[0][0], sizeof wanted[0][0]);
    fixture_free(&f);
}

// The gradient of an input is written where it lies; those of initial states are copied there.
static void test_gradients_of_states(void **state) {
    (void)state;
    enum { MOST = ROWS * STEPS * HIDDEN };
    static const char *const names[] = {"value", "lstm.0.h", "lstm.0.c"};
    static const size_t copied[] = {0, 1, 2};
    fixture f = {0};
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(shown_text, f.d);
    rnnc_compile_options o = fixture_options(RNNC_GRADIENTS, ROWS, STEPS);
    o.gradients = names;
    o.gradient_count = 3;
    fixture_ok(rnnc_program_compile(f.model, &o, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    float in[2][STEPS * ROWS * INPUTS], wanted[3][MOST] = {{0}}, got[3][MOST] = {{0}};
    for (uint32_t i = 0; i < 2; i++) {
        fixture_fill(in[i], STEPS * ROWS * INPUTS, i);
        fixture_ok(rnnc_context_write_input(f.context, i, RNNC_STEPS_FIRST, in[i],
                                            rnnc_context_input_elements(f.context, i), f.d),
                   f.d);
    }
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    for (int bound = 0; bound < 2; bound++) {
        for (uint32_t i = 0; i < 3; i++) {
            char name[32];
            rnnc_strides to;
            snprintf(name, sizeof name, "gradient/%s", names[i]);
            uint32_t at = output_of(&f, name);
            size_t count = rnnc_context_output_elements(f.context, at);
            if (!bound) {
                fixture_ok(rnnc_context_read_output(f.context, at, RNNC_ROWS_FIRST, wanted[i], count, f.d),
                           f.d);
                continue;
            }
            fixture_ok(rnnc_context_output_strides(f.context, at, RNNC_ROWS_FIRST, &to), f.d);
            fixture_ok(rnnc_context_bind_output(f.context, at, got[i], count, &to, f.d), f.d);
            assert_int_equal(rnnc_context_copied_arrays(f.context), copied[i]);
        }
    }
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    assert_memory_equal(got, wanted, sizeof got);
    fixture_free(&f);
}

static void test_strides_to_begin_with(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    rnnc_strides s;
    assert_int_equal(rnnc_context_input_strides(f.context, 0, RNNC_STEPS_FIRST, &s), RNNC_OK);
    assert_true(s.axes[0] == ROWS * INPUTS && s.batch == INPUTS && s.columns == 1);
    assert_int_equal(rnnc_context_output_strides(f.context, output_of(&f, "h"), RNNC_ROWS_FIRST, &s),
                     RNNC_OK);
    assert_true(s.axes[0] == HIDDEN && s.batch == STEPS * HIDDEN && s.columns == 1);
    assert_int_equal(rnnc_context_input_strides(f.context, 9, RNNC_ROWS_FIRST, &s), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_input_strides(f.context, 0, (rnnc_layout)5, &s), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_output_strides(NULL, 0, RNNC_ROWS_FIRST, &s), RNNC_INVALID_ARGUMENT);
    fixture_free(&f);
}

static void test_wrong_strides(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    rnnc_context *c = f.context;
    float x[STEPS * ROWS * HIDDEN + 1];
    size_t count = STEPS * ROWS * INPUTS;
    rnnc_strides s = {{6}, 2, 1};
    fixture_ok(rnnc_context_bind_input_strided(c, 0, x, count, &s, f.d), f.d);
    fixture_refused(rnnc_context_bind_input_strided(c, 0, x, count - 1, &s, f.d), bad, f.d, "54 elements");
    fixture_refused(rnnc_context_bind_input_strided(c, 0, NULL, count, &s, f.d), bad, f.d, "binding needs");
    fixture_refused(rnnc_context_bind_input_strided(c, 4, x, count, &s, f.d), bad, f.d, "binding needs");
    fixture_refused(rnnc_context_bind_input_strided(NULL, 0, x, count, &s, f.d), bad, f.d, "binding needs");
    fixture_refused(rnnc_context_bind_input_strided(c, 0, (char *)x + 2, count, &s, f.d), bad, f.d,
                    "aligned");
    s.batch = -2;
    fixture_refused(rnnc_context_bind_input_strided(c, 0, x, count, &s, f.d), bad, f.d, "strides");
    s.batch = INT64_MAX;
    fixture_refused(rnnc_context_bind_input_strided(c, 0, x, count, &s, f.d), bad, f.d, "strides");
    s.batch = INT64_C(1) << 60; // more bytes than there can be
    fixture_refused(rnnc_context_bind_input_strided(c, 0, x, SIZE_MAX, &s, f.d), bad, f.d, "strides");
    uint32_t h = output_of(&f, "h");
    size_t room = STEPS * ROWS * HIDDEN;
    rnnc_strides overlapping[] = {{{ROWS * HIDDEN}, 0, 1}, {{ROWS * HIDDEN - 1}, HIDDEN, 1}, {{21}, 7, 0}};
    for (size_t i = 0; i < 3; i++) {
        fixture_refused(rnnc_context_bind_output(c, h, x, room, &overlapping[i], f.d), bad, f.d,
                        "may share a place");
    }
    fixture_refused(rnnc_context_bind_output(c, h, x, room - 1, NULL, f.d), bad, f.d, "189 elements");
    fixture_refused(rnnc_context_bind_output(c, 77, NULL, 0, NULL, f.d), bad, f.d, "binding needs");
    // One element for all is an input, never an output. None of this has changed the first binding.
    rnnc_strides same = {{0}, 0, 0};
    fixture_fill(x, count, 3);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_ok(rnnc_context_bind_input_strided(c, 0, x, 1, &same, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_free(&f);
}

// Outputs in the memory of an input or of each other are refused by the run, so that arrays can change places before it.
static void test_meeting(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    rnnc_context *c = f.context;
    enum { IN = STEPS * ROWS * INPUTS, OUT = STEPS * ROWS * HIDDEN };
    static float room[2 * OUT + IN];
    uint32_t h = output_of(&f, "h");
    float *x = room + OUT;
    fixture_fill(room, 2 * OUT + IN, 3);
    fixture_ok(rnnc_context_bind_input(c, 0, x, IN, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(c, h, room + 1, OUT, NULL, f.d), f.d);
    fixture_refused(rnnc_run(c, f.d), RNNC_INVALID_ARGUMENT, f.d, "'h' is bound to memory that");
    fixture_ok(rnnc_context_bind_output(c, h, room, OUT, NULL, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(c, h, x, OUT, NULL, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(c, 0, room, IN, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(c, 0, x + OUT - 1, IN, f.d), f.d);
    fixture_refused(rnnc_run(c, f.d), RNNC_INVALID_ARGUMENT, f.d, "each needs its own");
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, room, IN, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_free(&f);
}

// The memory of an output is another value's before, which is written in parts and read as a whole.
static void test_reused_memory(void **state) {
    (void)state;
    fixture f = fixture_make("model m() {\n    input value: real(2)[T]\n    h = lstm(7, value)\n"
                             "    g = shift[T](h, 2)\n    y = linear(2, shift[T](h, 1))\n"
                             "    output h, g, y\n}\n",
                             RNNC_FORWARD);
    float in[STEPS * ROWS * INPUTS], wanted[STEPS * ROWS * HIDDEN], got[STEPS * ROWS * HIDDEN];
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    run_plainly(&f, ROWS, STEPS, in, "g", wanted);
    fixture_ok(rnnc_context_bind_output(f.context, output_of(&f, "g"), got, STEPS * ROWS * HIDDEN, NULL, f.d),
               f.d);
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    assert_memory_equal(got, wanted, sizeof wanted);
    fixture_free(&f);
}

// Steps write to the same place again and again, and the states go on.
static void test_steps(void **state) {
    (void)state;
    fixture f = fixture_make(shown_text, RNNC_FORWARD);
    float in[STEPS][ROWS][INPUTS], wanted[STEPS][ROWS][HIDDEN], now[ROWS][INPUTS], h[ROWS][HIDDEN];
    float turned[HIDDEN][ROWS];
    fixture_fill(&in[0][0][0], STEPS * ROWS * INPUTS, 1);
    for (int round = 0; round < 2; round++) {
        run_plainly(&f, ROWS, STEPS, &in[0][0][0], "h", &wanted[0][0][0]);
        fixture_ok(rnnc_context_reset(f.context), f.d);
        fixture_ok(rnnc_start_steps(f.context, f.d), f.d);
        fixture_ok(rnnc_context_bind_input(f.context, 0, now, ROWS * INPUTS, f.d), f.d);
        rnnc_strides columns_first = {{0}, 1, ROWS};
        fixture_ok(rnnc_context_bind_output(f.context, output_of(&f, "h"), round ? &turned[0][0] : &h[0][0],
                                            ROWS * HIDDEN, round ? &columns_first : NULL, f.d),
                   f.d);
        for (int t = 0; t < STEPS; t++) {
            memcpy(now, in[t], sizeof now);
            fixture_ok(rnnc_step(f.context, f.d), f.d);
            for (int r = 0; r < ROWS; r++) {
                for (int i = 0; i < HIDDEN; i++) {
                    assert_true((round ? turned[i][r] : h[r][i]) == wanted[t][r][i]);
                }
            }
        }
    }
    fixture_free(&f);
}

// ---- Equations ----

static rnnc_program *compile_shown(rnnc_model *m, rnnc_purpose purpose, const char *const *names,
                                   size_t count, rnnc_diagnostics *d) {
    rnnc_compile_options options = fixture_options(purpose, ROWS, STEPS);
    options.outputs = names;
    options.output_count = count;
    rnnc_program *p = NULL;
    fixture_ok(rnnc_program_compile(m, &options, d, &p), d);
    return p;
}

static void test_list_of_equations(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model(fixture_series, d);
    static const char *const wanted[] = {"lstm.0.i", "lstm.0.f", "lstm.0.g", "lstm.0.o", "lstm.0.c",
                                         "lstm.0.h", "h",        "forecast", "loss"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int found = 0;
        for (uint32_t k = 0; k < rnnc_model_equation_count(m); k++) {
            found += strcmp(rnnc_model_equation(m, k), wanted[i]) == 0;
        }
        if (found != 1) {
            fail_msg("%s is there %d times", wanted[i], found);
        }
    }
    assert_null(rnnc_model_equation(m, 1000));
    assert_null(rnnc_model_equation(NULL, 0));
    assert_int_equal(rnnc_model_equation_count(NULL), 0);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

// Every equation of the model at once: gates and states fit together, and the forecast has its old bits.
static void test_all_equations(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    float in[STEPS * ROWS * INPUTS], next[STEPS * ROWS] = {0}, wanted[STEPS * ROWS], got[STEPS * ROWS];
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    run_plainly(&f, ROWS, STEPS, in, "forecast", wanted);
    rnnc_context_destroy(f.context);
    rnnc_program_release(f.program);
    const char *names[32];
    size_t count = rnnc_model_equation_count(f.model);
    assert_in_range(count, 9, 32);
    for (size_t i = 0; i < count; i++) {
        names[i] = rnnc_model_equation(f.model, (uint32_t)i);
    }
    f.program = compile_shown(f.model, RNNC_EVALUATE, names, count, f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, 0, in, STEPS * ROWS * INPUTS, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, 1, next, STEPS * ROWS, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, output_of(&f, "forecast"), RNNC_STEPS_FIRST, got,
                                        STEPS * ROWS, f.d),
               f.d);
    assert_memory_equal(got, wanted, sizeof wanted);
    const float *i = NULL, *fg = NULL, *g = NULL, *c = NULL;
    const void *at = NULL;
    struct {
        const char *name;
        const float **to;
    } gates[] = {{"lstm.0.i", &i}, {"lstm.0.f", &fg}, {"lstm.0.g", &g}, {"lstm.0.c", &c}};
    for (size_t k = 0; k < 4; k++) {
        rnnc_value v;
        assert_int_equal(rnnc_program_output(f.program, output_of(&f, gates[k].name), &v), RNNC_OK);
        assert_true(v.role == RNNC_ROLE_OUTPUT && v.columns == HIDDEN && v.has_batch && v.axis_count == 1);
        fixture_ok(rnnc_context_output(f.context, output_of(&f, gates[k].name), f.d, &at), f.d);
        *gates[k].to = at;
    }
    enum { STEP = ROWS * HIDDEN };
    for (int k = STEP; k < STEPS * STEP; k++) {
        assert_float_equal(c[k], fg[k] * c[k - STEP] + i[k] * g[k], 1e-6f);
    }
    float last[STEP];
    uint32_t state_c = (uint32_t)rnnc_program_find_state(f.program, "lstm.0.c");
    fixture_ok(rnnc_context_read_state(f.context, state_c, last, STEP, f.d), f.d);
    assert_memory_equal(last, c + (STEPS - 1) * STEP, sizeof last);
    fixture_free(&f);
}

// Equations are shown in training, too, whose bits do not change for it; and in a repeat, by its rounds.
static void test_equations_elsewhere(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    static const char *const gate[] = {"lstm.0.i", "forecast"};
    rnnc_program *shown = compile_shown(f.model, RNNC_TRAIN, gate, 2, f.d);
    rnnc_weights *weights = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create(shown, f.d, &weights), f.d);
    fixture_ok(rnnc_weights_initialize(weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(shown, weights, f.d, &c), f.d);
    float in[STEPS * ROWS * INPUTS], next[STEPS * ROWS], gates[STEPS * ROWS * HIDDEN];
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    fixture_fill(next, STEPS * ROWS, 2);
    rnnc_context *both[] = {f.context, c};
    rnnc_training said[2];
    for (int i = 0; i < 2; i++) {
        fixture_ok(rnnc_context_bind_input(both[i], 0, in, STEPS * ROWS * INPUTS, f.d), f.d);
        fixture_ok(rnnc_context_bind_input(both[i], 1, next, STEPS * ROWS, f.d), f.d);
        fixture_ok(rnnc_train_step(both[i], f.d, &said[i]), f.d);
        fixture_ok(rnnc_train_step(both[i], f.d, &said[i]), f.d);
    }
    assert_true(said[0].loss == said[1].loss && said[0].gradient_norm == said[1].gradient_norm);
    uint32_t output = (uint32_t)rnnc_program_find_output(shown, "lstm.0.i");
    fixture_ok(rnnc_context_read_output(c, output, RNNC_STEPS_FIRST, gates, STEPS * ROWS * HIDDEN, f.d), f.d);
    for (int i = 0; i < STEPS * ROWS * HIDDEN; i++) {
        assert_true(gates[i] > 0 && gates[i] < 1);
    }
    rnnc_context_destroy(c);
    rnnc_weights_release(weights);
    rnnc_program_release(shown);
    rnnc_model *m = fixture_model("model m() {\n input x: real(2)[T]\n n = 3\n"
                                  " repeat n as i {\n  x = tanh(linear(2, x))\n }\n output y = x\n}\n",
                                  f.d);
    static const char *const rounds[] = {"x.1", "n"};
    rnnc_program_release(compile_shown(m, RNNC_FORWARD, rounds, 2, f.d));
    rnnc_model_release(m);
    fixture_free(&f);
}

static void test_unknown_equations(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    rnnc_program *p = NULL;
    const char *names[] = {"lstm.0.k", NULL};
    options.max_length = STEPS;
    options.outputs = names;
    options.output_count = 1;
    fixture_refused(rnnc_program_compile(f.model, &options, f.d, &p), RNNC_TYPE, f.d,
                    "did you mean 'lstm.0.");
    options.output_count = 2;
    fixture_refused(rnnc_program_compile(f.model, &options, f.d, &p), RNNC_INVALID_ARGUMENT, f.d,
                    "none at 1");
    options.outputs = NULL;
    fixture_refused(rnnc_program_compile(f.model, &options, f.d, &p), RNNC_INVALID_ARGUMENT, f.d,
                    "none at 0");
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs_where_they_lie),
        cmocka_unit_test(test_no_copy),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_gradients_of_states),
        cmocka_unit_test(test_strides_to_begin_with),
        cmocka_unit_test(test_wrong_strides),
        cmocka_unit_test(test_meeting),
        cmocka_unit_test(test_reused_memory),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_list_of_equations),
        cmocka_unit_test(test_all_equations),
        cmocka_unit_test(test_equations_elsewhere),
        cmocka_unit_test(test_unknown_equations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
