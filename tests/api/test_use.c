// The library as it is meant to be used: runs, steps, states, weights, training, gradients.
#include <math.h>
#include <unistd.h>

#include "tests/api/fixture.h"

enum { ROWS = 3, STEPS = 9, INPUTS = 2 };

static void give(const fixture *f, const float *values, size_t count) {
    fixture_ok(rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, values, count, f->d), f->d);
}

static void test_status_texts(void **state) {
    (void)state;
    static const char *const texts[] = {
        [RNNC_OK] = "ok",
        [RNNC_INVALID_ARGUMENT] = "invalid argument",
        [RNNC_SYNTAX] = "syntax error",
        [RNNC_TYPE] = "type error",
        [RNNC_UNSUPPORTED] = "unsupported",
        [RNNC_OUT_OF_MEMORY] = "out of memory",
        [RNNC_IO] = "input/output error",
        [RNNC_CORRUPT] = "corrupt data",
        [RNNC_INTERNAL] = "internal error",
    };
    for (int s = RNNC_OK; s <= RNNC_INTERNAL; s++) {
        assert_string_equal(rnnc_status_text((rnnc_status)s), texts[s]);
    }
    assert_string_equal(rnnc_version(), "0.1.0");
}

static void test_shapes(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_EVALUATE);
    rnnc_value v;
    assert_string_equal(rnnc_model_name(f.model), "series");
    assert_int_equal(rnnc_program_input_count(f.program), 2);
    int value = rnnc_program_find_input(f.program, "value");
    assert_int_equal(rnnc_program_input(f.program, (uint32_t)value, &v), RNNC_OK);
    assert_string_equal(v.name, "value");
    assert_true(v.role == RNNC_ROLE_DATA && v.type == RNNC_F32 && v.columns == 2 && v.has_batch);
    assert_int_equal(v.axis_count, 1);
    assert_string_equal(v.axes[0], "T");
    int next = rnnc_program_find_input(f.program, "next");
    assert_int_equal(rnnc_program_input(f.program, (uint32_t)next, &v), RNNC_OK);
    assert_true(v.role == RNNC_ROLE_TARGET && v.columns == 1);
    int loss = rnnc_program_find_output(f.program, "loss");
    assert_int_equal(rnnc_program_output(f.program, (uint32_t)loss, &v), RNNC_OK);
    assert_true(v.role == RNNC_ROLE_LOSS && !v.has_batch && v.axis_count == 0);
    assert_int_equal(rnnc_program_state_count(f.program), 2);
    int c = rnnc_program_find_state(f.program, "lstm.0.c");
    assert_int_equal(rnnc_program_state(f.program, (uint32_t)c, &v), RNNC_OK);
    assert_true(v.role == RNNC_ROLE_STATE && v.columns == 7 && v.has_batch);
    assert_int_equal(rnnc_context_input_elements(f.context, (uint32_t)value), STEPS * ROWS * INPUTS);
    assert_true(rnnc_program_arena_bytes(f.program) > 0);
    fixture_free(&f);
}

// A whole run, the same sequence in pieces, and step by step: equal bits, and equal states.
static void check_pieces(const char *text) {
    fixture f = fixture_make(text, RNNC_FORWARD);
    float in[STEPS * ROWS * INPUTS], whole[STEPS * ROWS], pieces[STEPS * ROWS];
    char whole_states[4096], states[4096];
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    assert_null(rnnc_program_step_obstacle(f.program));
    give(&f, in, STEPS * ROWS * INPUTS);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, whole, STEPS * ROWS, f.d), f.d);
    size_t bytes = rnnc_context_state_bytes(f.context);
    assert_in_range(bytes, 1, sizeof states);
    fixture_ok(rnnc_context_save_states(f.context, whole_states, bytes, f.d), f.d);

    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(rnnc_context_set_extents(f.context, ROWS, 2, f.d), f.d);
    give(&f, in, 2 * ROWS * INPUTS);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, pieces, 2 * ROWS, f.d), f.d);
    fixture_ok(rnnc_start_steps(f.context, f.d), f.d);
    float now[ROWS * INPUTS];
    fixture_ok(rnnc_context_bind_input(f.context, 0, now, ROWS * INPUTS, f.d), f.d);
    for (int t = 2; t < 6; t++) {
        memcpy(now, in + t * ROWS * INPUTS, sizeof now);
        fixture_ok(rnnc_step(f.context, f.d), f.d);
        const void *out = NULL;
        fixture_ok(rnnc_context_output(f.context, 0, f.d, &out), f.d);
        memcpy(pieces + t * ROWS, out, ROWS * sizeof *pieces);
    }
    fixture_ok(rnnc_context_set_extents(f.context, ROWS, 3, f.d), f.d);
    give(&f, in + 6 * ROWS * INPUTS, 3 * ROWS * INPUTS);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, pieces + 6 * ROWS, 3 * ROWS, f.d),
               f.d);
    fixture_ok(rnnc_context_save_states(f.context, states, bytes, f.d), f.d);
    assert_memory_equal(whole, pieces, sizeof whole);
    assert_memory_equal(whole_states, states, bytes);
    fixture_free(&f);
}

static const char *const cells[] = {"rnn",
                                    "lstm",
                                    "lstm_peephole",
                                    "lstm_coupled",
                                    "gru_cho",
                                    "gru_chung",
                                    "gru_cho_after",
                                    "gru_chung_after",
                                    "stack(layers = 2, inner = lstm)",
                                    "residual(inner = gru_cho)"};

// The series model with another cell.
static void text_with_cell(const char *cell, char *out_text, size_t size) {
    const char *at = strstr(fixture_series, "cell = lstm");
    snprintf(out_text, size, "%.*scell = %s%s", (int)(at - fixture_series), fixture_series, cell,
             at + strlen("cell = lstm"));
}

static void test_steps_and_runs(void **state) {
    (void)state;
    char text[2048];
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        // The residual adds 2 columns to n.
        if (strncmp(cells[i], "residual", 8) == 0) {
            continue;
        }
        text_with_cell(cells[i], text, sizeof text);
        check_pieces(text);
    }
}

// Cells that share a state: the one's new value is the other's old one.
static void test_states_that_change_places(void **state) {
    (void)state;
    check_pieces("cell swap(n) {\n input x\n state a[n], b[n]\n next a = tanh(linear(n, x, b))\n next b = a\n"
                 " output next a\n}\n"
                 "model m() { input x: real(2)[T]\n output y = linear(1, swap(5, x)) }\n");
}

static void test_what_has_no_step(void **state) {
    (void)state;
    static const struct {
        const char *equation, *why;
    } models[] = {
        {"y = backward lstm(4, x)", "test.rnn:3:18: lstm.0.h: it reads what comes after a step"},
        {"y = x - mean[T](x)", "all steps at once"},
        {"y = x + last[T](x)", "depends on the last step"},
        {"y = x * index(T)", "where in the sequence"},
        {"y = shift[T](x, 1)", "something other than a state"},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char text[512];
        snprintf(text, sizeof text, "model m() {\n    input x: real(2)[T]\n    %s\n    output y\n}\n",
                 models[i].equation);
        fixture f = fixture_make(text, RNNC_FORWARD);
        const char *why = rnnc_program_step_obstacle(f.program);
        assert_non_null(why);
        if (!strstr(why, models[i].why)) {
            fail_msg("%s: %s", models[i].equation, why);
        }
        fixture_refused(rnnc_start_steps(f.context, f.d), RNNC_UNSUPPORTED, f.d, models[i].why);
        fixture_free(&f);
    }
    fixture f =
        fixture_make("model m() {\n input x: real(2)[T]\n output y = last[T](lstm(4, x))\n}\n", RNNC_FORWARD);
    assert_null(rnnc_program_step_obstacle(f.program));
    fixture_free(&f);
}

static void test_layouts(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    float steps_first[STEPS][ROWS][INPUTS], rows_first[ROWS][STEPS][INPUTS];
    float out_steps[STEPS][ROWS], out_rows[ROWS][STEPS], out_again[STEPS][ROWS];
    fixture_fill(&steps_first[0][0][0], STEPS * ROWS * INPUTS, 2);
    for (int t = 0; t < STEPS; t++) {
        for (int r = 0; r < ROWS; r++) {
            memcpy(rows_first[r][t], steps_first[t][r], sizeof rows_first[r][t]);
        }
    }
    give(&f, &steps_first[0][0][0], STEPS * ROWS * INPUTS);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, out_steps, STEPS * ROWS, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_ROWS_FIRST, out_rows, STEPS * ROWS, f.d), f.d);
    for (int t = 0; t < STEPS; t++) {
        for (int r = 0; r < ROWS; r++) {
            assert_true(out_steps[t][r] == out_rows[r][t]);
        }
    }
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(
        rnnc_context_write_input(f.context, 0, RNNC_ROWS_FIRST, rows_first, STEPS * ROWS * INPUTS, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, out_again, STEPS * ROWS, f.d), f.d);
    assert_memory_equal(out_steps, out_again, sizeof out_steps);
    fixture_free(&f);
}

// An input over two sequence axes of which the second runs recurrently: arrays have the declared order all the same.
static void test_two_axes(void **state) {
    (void)state;
    fixture f = fixture_make(
        "model m() {\n input x: real[S, T]\n output y = x + last[T](rnn(1, x) along T)\n}\n", RNNC_FORWARD);
    rnnc_length lengths[] = {{"S", 3}, {"T", 2}};
    fixture_ok(rnnc_context_set_lengths(f.context, 1, lengths, 2, f.d), f.d);
    rnnc_value v;
    assert_int_equal(rnnc_program_input(f.program, 0, &v), RNNC_OK);
    assert_int_equal(v.axis_count, 2);
    assert_string_equal(v.axes[0], "S");
    assert_string_equal(v.axes[1], "T");
    float x[3][2] = {{1, 2}, {3, 4}, {5, 6}}, y[3][2];
    fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_STEPS_FIRST, x, 6, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, y, 6, f.d), f.d);
    for (int s = 0; s < 3; s++) {
        assert_float_equal(y[s][1] - y[s][0], 1, 1e-5);
    }
    fixture_free(&f);
}

static void test_states(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_context *other = NULL;
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &other), f.d);
    uint32_t h = (uint32_t)rnnc_program_find_state(f.program, "lstm.0.h");
    assert_int_equal(rnnc_context_state_elements(f.context, h), ROWS * 7);
    float set[ROWS * 7], got[ROWS * 7];
    fixture_fill(set, ROWS * 7, 3);
    fixture_ok(rnnc_context_write_state(f.context, h, set, ROWS * 7, f.d), f.d);
    fixture_ok(rnnc_context_copy_states(other, f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_state(other, h, got, ROWS * 7, f.d), f.d);
    assert_memory_equal(set, got, sizeof set);
    char block[2 * ROWS * 7 * 4];
    assert_int_equal(rnnc_context_state_bytes(other), sizeof block);
    fixture_ok(rnnc_context_save_states(other, block, sizeof block, f.d), f.d);
    fixture_ok(rnnc_context_reset(f.context), f.d);
    fixture_ok(rnnc_context_load_states(f.context, block, sizeof block, f.d), f.d);
    fixture_ok(rnnc_context_read_state(f.context, h, got, ROWS * 7, f.d), f.d);
    assert_memory_equal(set, got, sizeof set);
    // Another batch begins anew.
    fixture_ok(rnnc_context_set_extents(f.context, 2, 4, f.d), f.d);
    fixture_ok(rnnc_context_read_state(f.context, h, got, 2 * 7, f.d), f.d);
    assert_true(got[0] == 0);
    rnnc_context_destroy(other);
    fixture_free(&f);
}

static void test_weights(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    const char *scratch = getenv("RNNC_SCRATCH");
    char path[4096];
    snprintf(path, sizeof path, "%s/w.safetensors", scratch ? scratch : "/tmp");
    fixture_ok(rnnc_weights_save(f.weights, path, f.d), f.d);
    rnnc_weights *other = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &other), f.d);
    fixture_ok(rnnc_weights_load(other, path, f.d), f.d);
    assert_int_equal(rnnc_weights_count(other), rnnc_weights_count(f.weights));
    for (uint32_t i = 0; i < rnnc_weights_count(other); i++) {
        rnnc_weight w;
        assert_int_equal(rnnc_weights_get(other, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns);
        float a[64];
        double b[64];
        assert_in_range(count, 1, 64);
        assert_int_equal(rnnc_weights_find(f.weights, w.name), (int)i);
        fixture_ok(rnnc_weights_read(f.weights, i, RNNC_F32, a, count, f.d), f.d);
        fixture_ok(rnnc_weights_read(other, i, RNNC_F64, b, count, f.d), f.d);
        for (size_t k = 0; k < count; k++) {
            assert_true((double)a[k] == b[k]);
        }
    }
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char bytes[16384];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    fixture_ok(rnnc_weights_load_memory(other, bytes, size, f.d), f.d);
    rnnc_weights_release(other);
    fixture_free(&f);
}

// A training program and a forward one over the same weights; the loss falls.
static void test_training(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    rnnc_program *forward = fixture_program(f.model, RNNC_FORWARD, 1, f.d);
    rnnc_context *run = NULL;
    fixture_ok(rnnc_context_create(forward, f.weights, f.d, &run), f.d);
    float in[STEPS * ROWS * INPUTS], next[STEPS * ROWS], before[STEPS * ROWS], after[STEPS * ROWS];
    fixture_fill(in, STEPS * ROWS * INPUTS, 4);
    fixture_fill(next, STEPS * ROWS, 5);
    fixture_ok(rnnc_context_write_input(run, 0, RNNC_STEPS_FIRST, in, STEPS * ROWS * INPUTS, f.d), f.d);
    fixture_ok(rnnc_run(run, f.d), f.d);
    fixture_ok(rnnc_context_read_output(run, 0, RNNC_STEPS_FIRST, before, STEPS * ROWS, f.d), f.d);
    uint32_t value = (uint32_t)rnnc_program_find_input(f.program, "value");
    uint32_t target = (uint32_t)rnnc_program_find_input(f.program, "next");
    fixture_ok(rnnc_context_bind_input(f.context, value, in, STEPS * ROWS * INPUTS, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, target, next, STEPS * ROWS, f.d), f.d);
    rnnc_training first = {0}, last = {0};
    fixture_ok(rnnc_train_step(f.context, f.d, &first), f.d);
    for (int i = 0; i < 60; i++) {
        fixture_ok(rnnc_train_step(f.context, f.d, &last), f.d);
    }
    assert_true(first.step == 1 && last.step == 61 && first.updated && last.updated);
    assert_true(fabs(first.rate - 0.01) < 1e-12);
    assert_true(first.gradient_norm > 0);
    assert_true(last.loss < first.loss);
    fixture_ok(rnnc_context_reset(run), f.d);
    fixture_ok(rnnc_run(run, f.d), f.d);
    fixture_ok(rnnc_context_read_output(run, 0, RNNC_STEPS_FIRST, after, STEPS * ROWS, f.d), f.d);
    assert_memory_not_equal(before, after, sizeof after);
    rnnc_context_destroy(run);
    rnnc_program_release(forward);
    fixture_free(&f);
}

// Two threads and one have the same bits.
static void test_threads(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_program *two = fixture_program(f.model, RNNC_FORWARD, 2, f.d);
    rnnc_context *other = NULL;
    fixture_ok(rnnc_context_create(two, f.weights, f.d, &other), f.d);
    float in[STEPS * ROWS * INPUTS], out[2][STEPS * ROWS];
    rnnc_context *both[] = {f.context, other};
    fixture_fill(in, STEPS * ROWS * INPUTS, 8);
    for (int i = 0; i < 2; i++) {
        fixture_ok(rnnc_context_bind_input(both[i], 0, in, STEPS * ROWS * INPUTS, f.d), f.d);
        fixture_ok(rnnc_begin(both[i]), f.d);
        fixture_ok(rnnc_run(both[i], f.d), f.d);
        fixture_ok(rnnc_run(both[i], f.d), f.d);
        fixture_ok(rnnc_end(both[i]), f.d);
        fixture_ok(rnnc_context_read_output(both[i], 0, RNNC_ROWS_FIRST, out[i], STEPS * ROWS, f.d), f.d);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    rnnc_context_destroy(other);
    rnnc_program_release(two);
    fixture_free(&f);
}

// Lengths of rows are full unless they are written.
static void test_lengths(void **state) {
    (void)state;
    fixture f =
        fixture_make("model m() {\n input x: real[T lengths]\n output y = sum[T](x)\n}\n", RNNC_FORWARD);
    uint32_t x = (uint32_t)rnnc_program_find_input(f.program, "x");
    int lengths = rnnc_program_find_input(f.program, "T.lengths");
    rnnc_value v;
    assert_true(lengths >= 0);
    assert_int_equal(rnnc_program_input(f.program, (uint32_t)lengths, &v), RNNC_OK);
    assert_true(v.role == RNNC_ROLE_LENGTHS && v.type == RNNC_I32);
    float in[2][4] = {{1, 2, 3, 4}, {10, 20, 30, 40}}, sum[2];
    int32_t rows[2] = {3, 1};
    fixture_ok(rnnc_context_set_extents(f.context, 2, 4, f.d), f.d);
    fixture_ok(rnnc_context_write_input(f.context, x, RNNC_ROWS_FIRST, in, 8, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_ROWS_FIRST, sum, 2, f.d), f.d);
    assert_true(sum[0] == 10 && sum[1] == 100);
    fixture_ok(rnnc_context_write_input(f.context, (uint32_t)lengths, RNNC_ROWS_FIRST, rows, 2, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_ROWS_FIRST, sum, 2, f.d), f.d);
    assert_true(sum[0] == 6 && sum[1] == 10);
    fixture_free(&f);
}

static double loss_now(const fixture *f) {
    float loss;
    fixture_ok(rnnc_context_reset(f->context), f->d);
    fixture_ok(rnnc_run(f->context, f->d), f->d);
    uint32_t index = (uint32_t)rnnc_program_find_output(f->program, "loss");
    fixture_ok(rnnc_context_read_output(f->context, index, RNNC_STEPS_FIRST, &loss, 1, f->d), f->d);
    return (double)loss;
}

// Against a difference of losses.
static void test_gradients(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_GRADIENTS);
    float in[STEPS * ROWS * INPUTS], next[STEPS * ROWS];
    fixture_fill(in, STEPS * ROWS * INPUTS, 6);
    fixture_fill(next, STEPS * ROWS, 7);
    uint32_t value = (uint32_t)rnnc_program_find_input(f.program, "value");
    uint32_t target = (uint32_t)rnnc_program_find_input(f.program, "next");
    fixture_ok(rnnc_context_bind_input(f.context, value, in, STEPS * ROWS * INPUTS, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, target, next, STEPS * ROWS, f.d), f.d);
    static const char *const names[] = {"lstm.0.f.h", "lstm.0.i.x", "forecast.b"};
    double squares = 0, norm = 0;
    for (uint32_t i = 0; i < rnnc_weights_count(f.weights); i++) {
        rnnc_weight w;
        assert_int_equal(rnnc_weights_get(f.weights, i, &w), RNNC_OK);
        double gradient[64];
        size_t count = (size_t)(w.rows * w.columns);
        loss_now(&f);
        fixture_ok(rnnc_context_read_gradient(f.context, w.name, RNNC_F64, gradient, count, f.d), f.d);
        for (size_t k = 0; k < count; k++) {
            squares += gradient[k] * gradient[k];
        }
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (strcmp(names[k], w.name) != 0) {
                continue;
            }
            float values[64], kept;
            size_t at = count / 2;
            fixture_ok(rnnc_weights_read(f.weights, i, RNNC_F32, values, count, f.d), f.d);
            kept = values[at];
            values[at] = kept + 0.01f;
            fixture_ok(rnnc_weights_write(f.weights, i, RNNC_F32, values, count, f.d), f.d);
            double more = loss_now(&f);
            values[at] = kept - 0.01f;
            fixture_ok(rnnc_weights_write(f.weights, i, RNNC_F32, values, count, f.d), f.d);
            double less = loss_now(&f);
            values[at] = kept;
            fixture_ok(rnnc_weights_write(f.weights, i, RNNC_F32, values, count, f.d), f.d);
            assert_float_equal(gradient[at], (more - less) / 0.02, 1e-4);
        }
    }
    loss_now(&f);
    fixture_ok(rnnc_context_gradient_norm(f.context, f.d, &norm), f.d);
    assert_float_equal(norm, sqrt(squares), 1e-6);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_texts),     cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_steps_and_runs),   cmocka_unit_test(test_states_that_change_places),
        cmocka_unit_test(test_what_has_no_step), cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_two_axes),         cmocka_unit_test(test_states),
        cmocka_unit_test(test_weights),          cmocka_unit_test(test_training),
        cmocka_unit_test(test_gradients),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
