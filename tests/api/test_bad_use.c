// Bad use is a status and one error, never a crash; and nothing has changed.
#include "tests/api/fixture.h"

static void test_null_handles(void **state) {
    (void)state;
    assert_int_equal(rnnc_diagnostics_create(NULL), RNNC_INVALID_ARGUMENT);
    rnnc_diagnostics_destroy(NULL);
    rnnc_diagnostics_clear(NULL);
    assert_int_equal(rnnc_diagnostics_count(NULL), 0);
    assert_string_equal(rnnc_diagnostics_text(NULL), "");
    rnnc_model *m = NULL;
    rnnc_program *p = NULL;
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    rnnc_value v;
    rnnc_weight weight;
    float x[4] = {0};
    double norm;
    const void *data;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    assert_int_equal(rnnc_diagnostics_get(NULL, 0, NULL), bad);
    assert_int_equal(rnnc_model_from_text(NULL, 0, "x", NULL, NULL, &m), bad);
    assert_int_equal(rnnc_model_from_text("x", 1, NULL, NULL, NULL, &m), bad);
    assert_int_equal(rnnc_model_from_text("x", 1, "x", NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_model_from_file(NULL, NULL, NULL, &m), bad);
    rnnc_model_retain(NULL);
    rnnc_model_release(NULL);
    assert_null(rnnc_model_name(NULL));
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    assert_int_equal(rnnc_program_compile(NULL, &options, NULL, &p), bad);
    rnnc_program_retain(NULL);
    rnnc_program_release(NULL);
    assert_int_equal(rnnc_program_arena_bytes(NULL), 0);
    assert_non_null(rnnc_program_step_obstacle(NULL));
    assert_int_equal(rnnc_program_input_count(NULL), 0);
    assert_int_equal(rnnc_program_output_count(NULL), 0);
    assert_int_equal(rnnc_program_state_count(NULL), 0);
    assert_int_equal(rnnc_program_input(NULL, 0, &v), bad);
    assert_int_equal(rnnc_program_output(NULL, 0, &v), bad);
    assert_int_equal(rnnc_program_state(NULL, 0, &v), bad);
    assert_int_equal(rnnc_program_find_input(NULL, "x"), -1);
    assert_int_equal(rnnc_program_find_output(NULL, "x"), -1);
    assert_int_equal(rnnc_program_find_state(NULL, "x"), -1);
    assert_int_equal(rnnc_weights_create(NULL, NULL, &w), bad);
    rnnc_weights_retain(NULL);
    rnnc_weights_release(NULL);
    assert_int_equal(rnnc_weights_initialize(NULL, 1, NULL), bad);
    assert_int_equal(rnnc_weights_load(NULL, "x", NULL), bad);
    assert_int_equal(rnnc_weights_load_memory(NULL, x, 4, NULL), bad);
    assert_int_equal(rnnc_weights_save(NULL, "x", NULL), bad);
    assert_int_equal(rnnc_weights_copy(NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_weights_count(NULL), 0);
    assert_int_equal(rnnc_weights_get(NULL, 0, &weight), bad);
    assert_int_equal(rnnc_weights_find(NULL, "x"), -1);
    assert_int_equal(rnnc_weights_read(NULL, 0, RNNC_F32, x, 4, NULL), bad);
    assert_int_equal(rnnc_weights_write(NULL, 0, RNNC_F32, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_create(NULL, NULL, NULL, &c), bad);
    rnnc_context_destroy(NULL);
    assert_int_equal(rnnc_context_set_extents(NULL, 1, 1, NULL), bad);
    assert_int_equal(rnnc_context_set_lengths(NULL, 1, NULL, 0, NULL), bad);
    assert_int_equal(rnnc_context_input_elements(NULL, 0), 0);
    assert_int_equal(rnnc_context_output_elements(NULL, 0), 0);
    assert_int_equal(rnnc_context_write_input(NULL, 0, RNNC_STEPS_FIRST, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_bind_input(NULL, 0, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_read_output(NULL, 0, RNNC_STEPS_FIRST, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_output(NULL, 0, NULL, &data), bad);
    assert_int_equal(rnnc_run(NULL, NULL), bad);
    assert_int_equal(rnnc_start_steps(NULL, NULL), bad);
    assert_int_equal(rnnc_step(NULL, NULL), bad);
    assert_int_equal(rnnc_begin(NULL), bad);
    assert_int_equal(rnnc_end(NULL), bad);
    assert_int_equal(rnnc_context_reset(NULL), bad);
    assert_int_equal(rnnc_context_state_elements(NULL, 0), 0);
    assert_int_equal(rnnc_context_read_state(NULL, 0, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_write_state(NULL, 0, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_state_bytes(NULL), 0);
    assert_int_equal(rnnc_context_save_states(NULL, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_load_states(NULL, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_copy_states(NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_context_set_seed(NULL, 1), bad);
    assert_int_equal(rnnc_context_set_position(NULL, 1, 1), bad);
    assert_int_equal(rnnc_train_step(NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_context_read_gradient(NULL, "x", RNNC_F32, x, 4, NULL), bad);
    assert_int_equal(rnnc_context_gradient_norm(NULL, NULL, &norm), bad);
    assert_int_equal(rnnc_context_add_gradient(NULL, "x", RNNC_F32, x, 4, NULL), bad);
    assert_int_equal(rnnc_backward(NULL, NULL), bad);
    assert_int_equal(rnnc_context_position(NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_context_set_rate(NULL, 1), bad);
    assert_int_equal(rnnc_context_set_plateaus(NULL, 1), bad);
    assert_true(rnnc_context_rate(NULL) == 0);
    assert_int_equal(rnnc_context_save_training(NULL, "x", NULL), bad);
    assert_int_equal(rnnc_context_load_training(NULL, "x", NULL), bad);
    assert_int_equal(rnnc_weights_load_partial(NULL, "x", NULL), bad);
    assert_int_equal(rnnc_weights_measure(NULL, "x", RNNC_F32, x, 4, NULL), bad);
}

// One mistake in a text may be several errors.
static void refuse_text(const char *text, const rnnc_model_options *options, rnnc_status wanted,
                        const char *why) {
    rnnc_diagnostics *d = NULL;
    rnnc_model *m = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    assert_int_equal(rnnc_model_from_text(text, strlen(text), "bad.rnn", options, d, &m), wanted);
    if (!strstr(rnnc_diagnostics_text(d), why)) {
        fail_msg("no '%s' in: %s", why, rnnc_diagnostics_text(d));
    }
    assert_null(m);
    rnnc_diagnostics_destroy(d);
}

static void test_bad_models(void **state) {
    (void)state;
    refuse_text("model m( {", NULL, RNNC_SYNTAX, "bad.rnn:1:10");
    refuse_text("model m() { input x: real(2)[T]\n output y = x + z\n}\n", NULL, RNNC_TYPE, "bad.rnn:2:17");
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.model = "seris";
    refuse_text(fixture_series, &options, RNNC_TYPE, "did you mean 'series'");
    options = (rnnc_model_options)RNNC_MODEL_OPTIONS;
    const char *settings[] = {"hiden=3", "hidden", NULL};
    options.settings = settings;
    options.setting_count = 1;
    refuse_text(fixture_series, &options, RNNC_TYPE, "did you mean 'hidden'");
    options.settings = settings + 1;
    refuse_text(fixture_series, &options, RNNC_INVALID_ARGUMENT, "name=value");
    options.settings = settings + 2;
    refuse_text(fixture_series, &options, RNNC_INVALID_ARGUMENT, "name=value");
    const char *const twice[] = {"hidden=3", "hidden=4"};
    options.settings = twice;
    options.setting_count = 2;
    refuse_text(fixture_series, &options, RNNC_INVALID_ARGUMENT, "settings: hidden stands twice");
    options.struct_size = 3;
    refuse_text(fixture_series, &options, RNNC_INVALID_ARGUMENT, "RNNC_MODEL_OPTIONS");
    rnnc_diagnostics *d = NULL;
    rnnc_model *m = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    fixture_refused(rnnc_model_from_file("/nowhere/x.rnn", NULL, d, &m), RNNC_IO, d, "/nowhere/x.rnn");
    rnnc_diagnostics_destroy(d);
}

// A diagnostic says where.
static void test_place_of_an_error(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    rnnc_model *m = NULL;
    rnnc_diagnostic e;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    const char *text = "model m() {\n input x: real(2)[T]\n output y = x + unknown\n}\n";
    assert_int_equal(rnnc_model_from_text(text, strlen(text), "bad.rnn", NULL, d, &m), RNNC_TYPE);
    assert_int_equal(rnnc_diagnostics_get(d, 0, &e), RNNC_OK);
    assert_int_equal(e.severity, RNNC_ERROR);
    assert_string_equal(e.file, "bad.rnn");
    assert_true(e.line == 3 && e.column == 17 && e.end - e.begin == 7);
    assert_non_null(strstr(rnnc_diagnostics_text(d), "^~~~~~~"));
    assert_int_equal(rnnc_diagnostics_get(d, 100, &e), RNNC_INVALID_ARGUMENT);
    rnnc_diagnostics_clear(d);
    assert_int_equal(rnnc_diagnostics_count(d), 0);
    rnnc_diagnostics_destroy(d);
}

static void refuse_compile(rnnc_model *m, rnnc_compile_options options, rnnc_status wanted,
                           rnnc_diagnostics *d, const char *why) {
    rnnc_program *p = NULL;
    fixture_refused(rnnc_program_compile(m, &options, d, &p), wanted, d, why);
    assert_null(p);
}

static void test_bad_options(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_length wrong = {"Z", 4}, negative = {"T", -4};
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.max_batch = o.max_length = INT32_MAX;
    refuse_compile(f.model, o, RNNC_OUT_OF_MEMORY, f.d, "too large");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.max_batch = -1;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "max_batch and max_length are 0 to");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.struct_size = 0;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "RNNC_COMPILE_OPTIONS");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.purpose = (rnnc_purpose)9;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "no purpose 9");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.threads = 1000;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "threads");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.cpu = "x87";
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "x87");
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    o.max_length_count = 1;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "max_lengths are not NULL");
    o.max_lengths = &wrong;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "no sequence axis 'Z'");
    o.max_lengths = &negative;
    refuse_compile(f.model, o, RNNC_INVALID_ARGUMENT, f.d, "how long is T");
    rnnc_model *plain = fixture_model("model m() {\n input x: real[T]\n output y = x + 1\n}\n", f.d);
    o = (rnnc_compile_options)RNNC_COMPILE_OPTIONS;
    refuse_compile(plain, o, RNNC_INVALID_ARGUMENT, f.d, "how long is T");
    o.max_length = 4;
    o.purpose = RNNC_TRAIN;
    refuse_compile(plain, o, RNNC_INVALID_ARGUMENT, f.d, "has no loss");
    rnnc_model_release(plain);
    fixture_free(&f);
}

static void test_bad_arrays(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    float x[100] = {0};
    const void *out = NULL;
    rnnc_context *c = f.context;
    fixture_refused(rnnc_run(c, f.d), bad, f.d, "the input 'value' has no values");
    fixture_refused(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, 53, f.d), bad, f.d, "54 elements");
    fixture_refused(rnnc_context_write_input(c, 1, RNNC_STEPS_FIRST, x, 54, f.d), bad, f.d,
                    "number of an input");
    fixture_refused(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, NULL, 54, f.d), bad, f.d, "not NULL");
    fixture_refused(rnnc_context_write_input(c, 0, (rnnc_layout)7, x, 54, f.d), bad, f.d, "no layout 7");
    fixture_refused(rnnc_context_bind_input(c, 0, (const char *)x + 1, 54, f.d), bad, f.d, "aligned");
    fixture_refused(rnnc_context_output(c, 0, f.d, &out), bad, f.d, "before a run");
    fixture_refused(rnnc_context_read_output(c, 0, RNNC_STEPS_FIRST, x, 27, f.d), bad, f.d, "before a run");
    fixture_refused(rnnc_step(c, f.d), bad, f.d, "rnnc_start_steps");
    fixture_refused(rnnc_context_set_extents(c, 4, 9, f.d), bad, f.d, "1 to 3");
    fixture_refused(rnnc_context_set_extents(c, 3, 10, f.d), bad, f.d, "1 to 9");
    fixture_refused(rnnc_context_set_extents(c, 0, 9, f.d), bad, f.d, "1 or more");
    fixture_refused(rnnc_context_set_extents(c, 1, INT64_MAX, f.d), bad, f.d, "1 to 9");
    rnnc_length wrong = {"Z", 4}, none = {NULL, 4};
    fixture_refused(rnnc_context_set_lengths(c, 1, &wrong, 1, f.d), bad, f.d, "'Z'");
    fixture_refused(rnnc_context_set_lengths(c, 1, &none, 1, f.d), bad, f.d, "no sequence axis");
    // All of that has changed nothing.
    assert_int_equal(rnnc_context_input_elements(c, 0), 54);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, 54, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_refused(rnnc_context_read_output(c, 0, RNNC_STEPS_FIRST, x, 28, f.d), bad, f.d, "27 elements");
    // A forward program has no gradients, not even zeros.
    double norm;
    fixture_refused(rnnc_context_read_gradient(c, "forecast.b", RNNC_F32, x, 1, f.d), bad, f.d,
                    "RNNC_GRADIENTS");
    fixture_refused(rnnc_context_gradient_norm(c, f.d, &norm), bad, f.d, "RNNC_GRADIENTS");
    // Other extents: the input has to be given anew.
    fixture_ok(rnnc_context_set_extents(c, 3, 5, f.d), f.d);
    fixture_refused(rnnc_run(c, f.d), bad, f.d, "has no values");
    fixture_refused(rnnc_context_read_state(c, 5, x, 21, f.d), bad, f.d, "state");
    fixture_refused(rnnc_context_write_state(c, 0, x, 20, f.d), bad, f.d, "21 elements");
    fixture_refused(rnnc_context_load_states(c, x, 7, f.d), bad, f.d, "168 bytes");
    fixture_refused(rnnc_train_step(c, f.d, NULL), bad, f.d, "RNNC_TRAIN");
    fixture_refused(rnnc_context_read_gradient(c, "forecast.b", RNNC_F32, x, 1, f.d), bad, f.d,
                    "RNNC_GRADIENTS");
    fixture_free(&f);
}

static void test_tokens_out_of_range(void **state) {
    (void)state;
    fixture f = fixture_make(
        "model m() {\n input x: token(5)[T]\n output y = lstm(4, embedding(5, 3, x))\n}\n", RNNC_FORWARD);
    int32_t x[2] = {4, 5};
    fixture_ok(rnnc_context_set_extents(f.context, 1, 2, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, 0, x, 2, f.d), f.d);
    fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "element 1 is 5");
    x[1] = -1;
    fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "element 1 is -1");
    x[1] = 0;
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_free(&f);
}

// Lengths of rows are within those of the run; 0 is one.
// Behind a row's length a token may be anything, and nowhere else, though no kernel reads it as it is.
static void test_tokens_with_lengths(void **state) {
    (void)state;
    fixture f = fixture_make("model m() {\n input x: token(5)[T lengths]\n target z: token(4)[T lengths]\n"
                             " y = linear(4, lstm(4, embedding(5, 3, x)))\n"
                             " loss = mean[T, batch] cross_entropy(y, z)\n output y\n}\n",
                             RNNC_EVALUATE);
    const char *const names[] = {"x", "z"};
    int32_t tokens[2][6] = {{0}}, rows[2] = {3, 1};
    fixture_ok(rnnc_context_set_extents(f.context, 2, 3, f.d), f.d);
    uint32_t lengths = (uint32_t)rnnc_program_find_input(f.program, "T.lengths");
    fixture_ok(rnnc_context_bind_input(f.context, lengths, rows, 2, f.d), f.d);
    for (int i = 0; i < 2; i++) {
        uint32_t input = (uint32_t)rnnc_program_find_input(f.program, names[i]);
        fixture_ok(rnnc_context_bind_input(f.context, input, tokens[i], 6, f.d), f.d);
    }
    for (int i = 0; i < 2; i++) {
        const char *const wrong[2][2] = {{"input x: element 4 is 5, tokens are 0 to 4", "element 1 is -1"},
                                         {"input z: element 4 is 5, tokens are 0 to 3", "element 1 is -1"}};
        tokens[i][3] = INT32_MAX; // row 1, step 1
        tokens[i][5] = INT32_MIN;
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        tokens[i][4] = 5; // row 0, step 2
        fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, wrong[i][0]);
        tokens[i][4] = 0;
        tokens[i][1] = -1; // row 1, step 0
        fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, wrong[i][1]);
        tokens[i][1] = 0;
    }
    fixture_free(&f);
}

// An input that was declared before the lengths is read where they say nothing counts, so it must be right there.
static void test_tokens_that_nothing_hides(void **state) {
    (void)state;
    static const char *const texts[] = {
        "model m() {\n input x: token(5)[T]\n input v: real[T lengths]\n"
        " output y = lstm(4, concat(embedding(5, 3, x), v))\n}\n",
        "model m() {\n input x: token(5)[T]\n input v: real[T]\n"
        " output y = lstm(4, concat(embedding(5, 3, where(v > 1, x, x)), v))\n}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fixture f = fixture_make(texts[i], RNNC_FORWARD);
        int32_t x[3] = {0}, one = 1;
        float v[3] = {0};
        fixture_ok(rnnc_context_set_extents(f.context, 1, 3, f.d), f.d);
        int lengths = rnnc_program_find_input(f.program, "T.lengths");
        uint32_t at = (uint32_t)rnnc_program_find_input(f.program, "x");
        fixture_ok(rnnc_context_bind_input(f.context, at, x, 3, f.d), f.d);
        at = (uint32_t)rnnc_program_find_input(f.program, "v");
        fixture_ok(rnnc_context_bind_input(f.context, at, v, 3, f.d), f.d);
        if (lengths >= 0) {
            fixture_ok(rnnc_context_bind_input(f.context, (uint32_t)lengths, &one, 1, f.d), f.d);
        }
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        x[2] = 5;
        fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "element 2 is 5");
        fixture_free(&f);
    }
}

static void test_lengths_out_of_range(void **state) {
    (void)state;
    fixture f = fixture_make("model m() {\n input x: real[T lengths]\n output y = sum[T](rnn(2, x))\n}\n",
                             RNNC_FORWARD);
    float x[8] = {0};
    int32_t rows[2] = {0, 5};
    uint32_t lengths = (uint32_t)rnnc_program_find_input(f.program, "T.lengths");
    fixture_ok(rnnc_context_set_extents(f.context, 2, 4, f.d), f.d);
    fixture_ok(
        rnnc_context_bind_input(f.context, (uint32_t)rnnc_program_find_input(f.program, "x"), x, 8, f.d),
        f.d);
    fixture_ok(rnnc_context_bind_input(f.context, lengths, rows, 2, f.d), f.d);
    fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "row 1 has length 5");
    rows[1] = -1;
    fixture_refused(rnnc_run(f.context, f.d), RNNC_INVALID_ARGUMENT, f.d, "row 1 has length -1");
    rows[1] = 4;
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_free(&f);
}

static void test_bad_weights(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_weights *unset = NULL;
    rnnc_context *c = NULL;
    float x[100] = {0};
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture_ok(rnnc_weights_create(f.program, f.d, &unset), f.d);
    fixture_refused(rnnc_weights_save(unset, "/tmp/never", f.d), bad, f.d, "has no values");
    fixture_ok(rnnc_context_create(f.program, unset, f.d, &c), f.d);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, 54, f.d), f.d);
    fixture_refused(rnnc_run(c, f.d), bad, f.d, "before a run");
    for (uint32_t i = 0; i < rnnc_weights_count(unset); i++) {
        fixture_refused(rnnc_run(c, f.d), bad, f.d, "before a run");
        rnnc_weight w;
        assert_int_equal(rnnc_weights_get(unset, i, &w), RNNC_OK);
        fixture_ok(rnnc_weights_write(unset, i, RNNC_F32, x, (size_t)(w.rows * w.columns), f.d), f.d);
    }
    fixture_ok(rnnc_run(c, f.d), f.d);
    rnnc_context_destroy(c);
    uint32_t matrix = (uint32_t)rnnc_weights_find(unset, "lstm.0.i.x");
    fixture_refused(rnnc_weights_read(unset, matrix, RNNC_F32, x, 1, f.d), bad, f.d, "elements, found 1");
    fixture_refused(rnnc_weights_write(unset, 99, RNNC_F32, x, 1, f.d), bad, f.d, "numbers");
    fixture_refused(rnnc_weights_write(unset, 0, RNNC_I32, x, 1, f.d), bad, f.d, "RNNC_F32");
    fixture_refused(rnnc_weights_load(unset, "/nowhere/w", f.d), RNNC_IO, f.d, "/nowhere/w");
    fixture_refused(rnnc_weights_load_memory(unset, "garbage", 7, f.d), RNNC_CORRUPT, f.d,
                    "weights in memory");
    fixture_refused(rnnc_weights_save(f.weights, "/nowhere/w", f.d), RNNC_IO, f.d, "/nowhere/w");
    rnnc_weights_release(unset);
    fixture_free(&f);
}

// Weights and files of another model; a training program with weights that have no slots.
static void test_other_models(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    const char *settings[] = {"hidden=8"};
    options.settings = settings;
    options.setting_count = 1;
    rnnc_model *other = NULL;
    fixture_ok(
        rnnc_model_from_text(fixture_series, strlen(fixture_series), "other.rnn", &options, f.d, &other),
        f.d);
    rnnc_program *program = fixture_program(other, RNNC_FORWARD, 1, f.d);
    rnnc_program *training = fixture_program(f.model, RNNC_TRAIN, 1, f.d);
    rnnc_weights *weights = NULL;
    rnnc_context *c = NULL;
    fixture_refused(rnnc_context_create(program, f.weights, f.d, &c), RNNC_INVALID_ARGUMENT, f.d,
                    "another model");
    fixture_refused(rnnc_context_create(training, f.weights, f.d, &c), RNNC_INVALID_ARGUMENT, f.d,
                    "optimiser");
    fixture_ok(rnnc_weights_create(program, f.d, &weights), f.d);
    fixture_refused(rnnc_weights_copy(weights, f.weights, f.d), RNNC_TYPE, f.d, "to copy");
    const char *scratch = getenv("RNNC_SCRATCH");
    char path[4096];
    snprintf(path, sizeof path, "%s/other.safetensors", scratch ? scratch : "/tmp");
    fixture_ok(rnnc_weights_save(f.weights, path, f.d), f.d);
    rnnc_status status = rnnc_weights_load(weights, path, f.d);
    assert_int_not_equal(status, RNNC_OK);
    assert_non_null(strstr(rnnc_diagnostics_text(f.d), "lstm.0.i.x"));
    rnnc_diagnostics_clear(f.d);
    fixture_ok(rnnc_weights_initialize(weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(program, weights, f.d, &c), f.d);
    fixture_refused(rnnc_context_copy_states(c, f.context, f.d), RNNC_TYPE, f.d, "states differ");
    rnnc_context_destroy(c);
    fixture_ok(rnnc_context_create(program, weights, f.d, &c), f.d);
    // Handles keep alive what they stand on.
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(other);
    float x[54] = {0};
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, 54, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    rnnc_context_destroy(c);
    rnnc_program_release(training);
    fixture_free(&f);
}

// The same without anybody to listen.
static void test_without_diagnostics(void **state) {
    (void)state;
    rnnc_model *m = NULL;
    assert_int_equal(rnnc_model_from_text("model", 5, "x", NULL, NULL, &m), RNNC_SYNTAX);
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    assert_int_equal(rnnc_run(f.context, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_set_extents(f.context, 99, 1, NULL), RNNC_INVALID_ARGUMENT);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_handles),
        cmocka_unit_test(test_bad_models),
        cmocka_unit_test(test_place_of_an_error),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_arrays),
        cmocka_unit_test(test_tokens_out_of_range),
        cmocka_unit_test(test_bad_weights),
        cmocka_unit_test(test_other_models),
        cmocka_unit_test(test_without_diagnostics),
        cmocka_unit_test(test_tokens_with_lengths),
        cmocka_unit_test(test_tokens_that_nothing_hides),
        cmocka_unit_test(test_lengths_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
