// Training through the library: saved and taken up again with the same bits, the learning rate, gradients after a step,
// what is measured for `standardise`.
#include "tests/api/fixture.h"

#include <math.h>

enum { ROWS = 3, STEPS = 9, IN = 2, MOST = 512 };

// Everything that a step depends on besides data: states carried on, dropout, moments, a schedule by step and epoch.
static const char carried[] =
    "model series(hidden = 7) {\n"
    "    input  value: real(2)[T]\n"
    "    target next: real[T]\n"
    "    forecast = linear(1, dropout(0.8, stack(hidden, 2, lstm, value)))\n"
    "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
    "    output forecast\n"
    "}\n"
    "train plain {\n"
    "    batch 3  steps T = 9  carry state\n"
    "    optimizer adam(rate = 0.01)  clip_norm 1  max_steps 10\n"
    "    schedule rate *= 0.5 each epoch after 1\n"
    "    schedule rate *= 0.5 on plateau of 2 epochs\n"
    "    data { value = csv(\"x\", \"a\", \"b\")  next = csv(\"x\", \"a\")  streams  validation last 100 }\n"
    "}\n";

static void make_path(char path[4096], const char *name) {
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, 4096, "%s/%s", scratch ? scratch : "/tmp", name);
}

static void bind(const fixture *f, float *in, float *next) {
    uint32_t value = (uint32_t)rnnc_program_find_input(f->program, "value");
    uint32_t target = (uint32_t)rnnc_program_find_input(f->program, "next");
    fixture_ok(rnnc_context_bind_input(f->context, value, in, STEPS * ROWS * IN, f->d), f->d);
    fixture_ok(rnnc_context_bind_input(f->context, target, next, STEPS * ROWS, f->d), f->d);
}

// |count| steps, each on data of its own number.
static rnnc_training train(const fixture *f, float *in, float *next, int count) {
    rnnc_training last = {0};
    for (int i = 0; i < count; i++) {
        int64_t epoch, step;
        assert_int_equal(rnnc_context_position(f->context, &epoch, &step), RNNC_OK);
        fixture_fill(in, STEPS * ROWS * IN, (unsigned)step);
        fixture_fill(next, STEPS * ROWS, 100 + (unsigned)step);
        fixture_ok(rnnc_train_step(f->context, f->d, &last), f->d);
    }
    return last;
}

static fixture make_training(const char *text) {
    fixture f = fixture_make(text, RNNC_TRAIN);
    assert_int_equal(rnnc_context_set_seed(f.context, 77), RNNC_OK);
    return f;
}

// A training that is saved and goes on elsewhere ends with the bits of one that was never interrupted.
static void test_taken_up_again(void **state) {
    (void)state;
    char path[4096];
    static float in[STEPS * ROWS * IN], next[STEPS * ROWS];
    make_path(path, "training.safetensors");
    fixture f = make_training(carried);
    bind(&f, in, next);
    train(&f, in, next, 3);
    assert_int_equal(rnnc_context_set_position(f.context, 2, 4), RNNC_OK);
    assert_int_equal(rnnc_context_set_plateaus(f.context, 1), RNNC_OK);
    assert_int_equal(rnnc_context_set_rate(f.context, 0.02), RNNC_OK);
    train(&f, in, next, 2);
    fixture_ok(rnnc_context_save_training(f.context, path, f.d), f.d);
    rnnc_training end = train(&f, in, next, 4);

    fixture g = fixture_make(carried, RNNC_TRAIN);
    fixture_ok(rnnc_context_load_training(g.context, path, g.d), g.d);
    int64_t epoch = 0, step = 0;
    assert_int_equal(rnnc_context_position(g.context, &epoch, &step), RNNC_OK);
    assert_true(epoch == 2 && step == 6);
    assert_true(rnnc_context_rate(g.context) == 0.02);
    bind(&g, in, next);
    rnnc_training again = train(&g, in, next, 4);
    assert_memory_equal(&end, &again, sizeof end);
    assert_true(end.step == 9 && fabs(end.rate - 0.02 * 0.5 * 0.5) < 1e-15);
    assert_true(fixture_equal_weights(f.weights, g.weights));
    char a[4096], b[4096];
    size_t bytes = rnnc_context_state_bytes(f.context);
    assert_true(bytes <= sizeof a && bytes == rnnc_context_state_bytes(g.context));
    fixture_ok(rnnc_context_save_states(f.context, a, bytes, f.d), f.d);
    fixture_ok(rnnc_context_save_states(g.context, b, bytes, g.d), g.d);
    assert_memory_equal(a, b, bytes);
    fixture_free(&g);

    // It serves as weights, too: those of then.
    rnnc_weights *then = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &then), f.d);
    fixture_ok(rnnc_weights_load(then, path, f.d), f.d);
    fixture_ok(rnnc_context_load_training(f.context, path, f.d), f.d);
    assert_true(fixture_equal_weights(then, f.weights));
    rnnc_weights_release(then);
    fixture_free(&f);
}

// A state is known by all of its name, however long.
static void test_long_names(void **state) {
    (void)state;
    char path[4096], text[1024], name[301] = "";
    float in[STEPS * ROWS], a[ROWS] = {0}, b[ROWS] = {0};
    memset(name, 'n', sizeof name - 1);
    make_path(path, "names.safetensors");
    snprintf(text, sizeof text,
             "cell %s(k) {\n input v\n state h[k]\n next h = 0.5 * h + linear(k, v)\n output h\n}\n"
             "model m() {\n input x: real[T]\n loss = mean[T, batch] mean squared_error(%s(1, x), x)\n}\n"
             "train p {\n batch 3 steps T = 9 carry state optimizer sgd(rate = 0.1) max_steps 9\n}\n",
             name, name);
    fixture f = make_training(text), g = fixture_make(text, RNNC_TRAIN);
    fixture_fill(in, STEPS * ROWS, 1);
    fixture_ok(rnnc_context_bind_input(f.context, 0, in, STEPS * ROWS, f.d), f.d);
    fixture_ok(rnnc_train_step(f.context, f.d, NULL), f.d);
    fixture_ok(rnnc_context_save_training(f.context, path, f.d), f.d);
    fixture_ok(rnnc_context_load_training(g.context, path, g.d), g.d);
    fixture_ok(rnnc_context_save_states(f.context, a, sizeof a, f.d), f.d);
    fixture_ok(rnnc_context_save_states(g.context, b, sizeof b, g.d), g.d);
    assert_true(a[0] != 0);
    assert_memory_equal(a, b, sizeof a);
    fixture_free(&f);
    fixture_free(&g);
}

static void check_refused(fixture *f, const char *path, const char *why) {
    rnnc_weights *before = NULL;
    fixture_ok(rnnc_weights_create(f->program, f->d, &before), f->d);
    fixture_ok(rnnc_weights_copy(before, f->weights, f->d), f->d);
    assert_int_not_equal(rnnc_context_load_training(f->context, path, f->d), RNNC_OK);
    if (!strstr(rnnc_diagnostics_text(f->d), why)) {
        fail_msg("no '%s' in: %s", why, rnnc_diagnostics_text(f->d));
    }
    rnnc_diagnostics_clear(f->d);
    assert_true(fixture_equal_weights(before, f->weights));
    int64_t epoch, step;
    assert_int_equal(rnnc_context_position(f->context, &epoch, &step), RNNC_OK);
    assert_true(epoch == 1 && step == 1);
    rnnc_weights_release(before);
}

// Files that are of something else, or damaged: one status, and nothing has changed.
static void test_bad_files(void **state) {
    (void)state;
    char path[4096], other[4096], weights[4096];
    static float in[STEPS * ROWS * IN], next[STEPS * ROWS];
    make_path(path, "good.safetensors");
    make_path(other, "damaged.safetensors");
    make_path(weights, "weights.safetensors");
    fixture f = make_training(carried);
    bind(&f, in, next);
    train(&f, in, next, 2);
    fixture_ok(rnnc_context_save_training(f.context, path, f.d), f.d);
    fixture_ok(rnnc_weights_save(f.weights, weights, f.d), f.d);
    fixture_refused(rnnc_context_save_training(f.context, "/nowhere/x", f.d), RNNC_IO, f.d, "/nowhere/x");
    assert_int_equal(rnnc_context_save_training(NULL, path, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_save_training(f.context, NULL, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_load_training(NULL, path, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_context_load_training(f.context, NULL, NULL), RNNC_INVALID_ARGUMENT);
    static char bytes[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(size, 1000, sizeof bytes - 1);
    bytes[size - 5] ^= 1;
    file = fopen(other, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);

    fixture g = fixture_make(carried, RNNC_TRAIN);
    check_refused(&g, "/nowhere/x", "/nowhere/x");
    check_refused(&g, other, "damaged.safetensors");
    check_refused(&g, weights, "not a checkpoint");
    fixture_ok(rnnc_context_set_extents(g.context, 2, 9, g.d), g.d);
    check_refused(&g, path, "with its batch");
    fixture_free(&g);

    fixture h = fixture_make(fixture_series, RNNC_TRAIN);
    check_refused(&h, path, "good.safetensors");
    fixture_free(&h);
    fixture forward = fixture_make(carried, RNNC_FORWARD);
    fixture_refused(rnnc_context_load_training(forward.context, path, forward.d), RNNC_INVALID_ARGUMENT,
                    forward.d, "RNNC_TRAIN");
    fixture_refused(rnnc_context_save_training(forward.context, path, forward.d), RNNC_INVALID_ARGUMENT,
                    forward.d, "RNNC_TRAIN");
    fixture_free(&forward);
    rnnc_weights *unset = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &unset), f.d);
    fixture_ok(rnnc_context_create(f.program, unset, f.d, &c), f.d);
    fixture_refused(rnnc_context_save_training(c, other, f.d), RNNC_INVALID_ARGUMENT, f.d, "has no values");
    rnnc_context_destroy(c);
    rnnc_weights_release(unset);
    fixture_free(&f);
}

// The rate may be set at any step; the schedule multiplies it; the recipe's own gives the bits that are there without.
static void test_rate(void **state) {
    (void)state;
    static float in[STEPS * ROWS * IN], next[STEPS * ROWS];
    fixture f = fixture_make(fixture_series, RNNC_TRAIN), g = fixture_make(fixture_series, RNNC_TRAIN);
    bind(&f, in, next);
    train(&f, in, next, 3);
    assert_true(rnnc_context_rate(g.context) == 0.01);
    assert_int_equal(rnnc_context_set_rate(g.context, 0.01), RNNC_OK);
    bind(&g, in, next);
    train(&g, in, next, 3);
    assert_true(fixture_equal_weights(f.weights, g.weights));
    assert_int_equal(rnnc_context_set_rate(g.context, 0), RNNC_OK);
    rnnc_training still = train(&g, in, next, 2);
    assert_true(still.rate == 0 && still.updated);
    assert_true(fixture_equal_weights(f.weights, g.weights));
    assert_int_equal(rnnc_context_set_rate(g.context, 0.5), RNNC_OK);
    assert_true(train(&g, in, next, 1).rate == 0.5);
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    assert_int_equal(rnnc_context_set_rate(g.context, -1), bad);
    assert_int_equal(rnnc_context_set_rate(g.context, (double)NAN), bad);
    assert_int_equal(rnnc_context_set_rate(g.context, (double)INFINITY), bad);
    assert_int_equal(rnnc_context_set_rate(NULL, 1), bad);
    assert_true(rnnc_context_rate(g.context) == 0.5 && rnnc_context_rate(NULL) == 0);
    assert_int_equal(rnnc_context_set_plateaus(g.context, -1), bad);
    assert_int_equal(rnnc_context_set_plateaus(NULL, 1), bad);
    int64_t number;
    assert_int_equal(rnnc_context_position(NULL, &number, &number), bad);
    assert_int_equal(rnnc_context_position(g.context, NULL, &number), bad);
    fixture_free(&f);
    fixture_free(&g);
    fixture h = fixture_make(fixture_series, RNNC_FORWARD);
    assert_int_equal(rnnc_context_set_rate(h.context, 1), bad);
    fixture_free(&h);
}

// ---- Beside the command line ----

static const char ramp[] =
    "model ramp() {\n"
    "    input  value: real[T]\n"
    "    target next: real[T]\n"
    "    guess = linear(1, dropout(0.8, lstm(5, value)))\n"
    "    loss = mean[T, batch] mean squared_error(guess, next)\n"
    "    output guess\n"
    "}\n"
    "train it {\n"
    "    batch 2  steps T = 4  carry state\n"
    "    optimizer adam(rate = 0.01)  clip_norm 0.5  max_steps 8\n"
    "    schedule rate *= 0.5 each 3 steps\n"
    "    data { value = series(t / 64 in t, t = 0 to 64 by 1)  next = ahead(value, 1)  streams }\n"
    "}\n";

static void command(const char *format, const char *scratch) {
    char line[8192];
    snprintf(line, sizeof line, format, getenv("RNNC"), scratch, scratch, scratch);
    if (system(line) != 0) {
        fail_msg("%s", line);
    }
}

// Takes up the training in |path| and does the rest of its eight steps, on what the command reads.
static void finish_ramp(const fixture *f, const char *path) {
    enum { BATCH = 2, LENGTH = 4, STREAM = 32 };
    float value[LENGTH][BATCH], next[LENGTH][BATCH];
    uint32_t in = (uint32_t)rnnc_program_find_input(f->program, "value");
    uint32_t target = (uint32_t)rnnc_program_find_input(f->program, "next");
    fixture_ok(rnnc_context_bind_input(f->context, in, value, LENGTH * BATCH, f->d), f->d);
    fixture_ok(rnnc_context_bind_input(f->context, target, next, LENGTH * BATCH, f->d), f->d);
    fixture_ok(rnnc_context_load_training(f->context, path, f->d), f->d);
    assert_int_equal(rnnc_context_set_seed(f->context, 1), RNNC_OK);
    int64_t epoch = 0, step = 0;
    assert_int_equal(rnnc_context_position(f->context, &epoch, &step), RNNC_OK);
    assert_true(epoch == 1 && step == 5);
    for (; step <= 8; step++) {
        for (int i = 0; i < LENGTH * BATCH; i++) {
            int64_t place = i % BATCH * STREAM + (step - 1) * LENGTH + i / BATCH;
            value[i / BATCH][i % BATCH] = (float)place / 64;
            next[i / BATCH][i % BATCH] = (float)(place + 1) / 64;
        }
        fixture_ok(rnnc_train_step(f->context, f->d, NULL), f->d);
    }
}

// A training that the command began goes on in C with the bits of the command's own, and what C saves serves the command.
static void test_command(void **state) {
    (void)state;
    const char *scratch = getenv("RNNC_SCRATCH");
    if (!getenv("RNNC") || !scratch) {
        skip();
    }
    char path[4096];
    make_path(path, "ramp.rnn");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(ramp, file) >= 0 && fclose(file) == 0);
    command("%s train %s/ramp.rnn --quiet --checkpoint-every 4 --checkpoint $(mktemp -d %s/ramp.XXXXXX) "
            "--weights-out %s/ramp.safetensors",
            scratch);
    command(": %s; cp \"$(ls -t %s/ramp.*/step-000000000004.safetensors | head -1)\" %s/four.safetensors",
            scratch);
    fixture f = {0};
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.purpose = RNNC_TRAIN;
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    fixture_ok(rnnc_model_from_file(path, NULL, f.d, &f.model), f.d);
    fixture_ok(rnnc_program_compile(f.model, &o, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    make_path(path, "four.safetensors");
    finish_ramp(&f, path);
    rnnc_weights *wanted = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &wanted), f.d);
    make_path(path, "ramp.safetensors");
    fixture_ok(rnnc_weights_load(wanted, path, f.d), f.d);
    assert_true(fixture_equal_weights(wanted, f.weights));
    make_path(path, "eight.safetensors");
    fixture_ok(rnnc_context_save_training(f.context, path, f.d), f.d);
    command("%s eval %s/ramp.rnn --weights %s/eight.safetensors >%s/eval.out", scratch);
    rnnc_weights_release(wanted);
    fixture_free(&f);
}

static void test_recipe(void **state) {
    (void)state;
    fixture f = fixture_make(carried, RNNC_FORWARD);
    rnnc_recipe r;
    assert_int_equal(rnnc_model_recipe(f.model, &r), RNNC_OK);
    assert_string_equal(r.name, "plain");
    assert_true(r.batch == 3 && r.epochs == 0 && r.max_steps == 10 && r.rate == 0.01 && r.carries_state);
    assert_int_equal(rnnc_model_recipe(f.model, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_model_recipe(NULL, &r), RNNC_INVALID_ARGUMENT);
    fixture_free(&f);
    f = fixture_make("model m() {\n input x: real[T]\n output y = x + 1\n}\n", RNNC_FORWARD);
    assert_int_equal(rnnc_model_recipe(f.model, &r), RNNC_INVALID_ARGUMENT);
    fixture_free(&f);
}

// After a step the gradients are those that a program for gradients computes, from the weights before the step.
static void test_kept_gradients(void **state) {
    (void)state;
    static float in[STEPS * ROWS * IN], next[STEPS * ROWS];
    static const char clipped[] =
        "model m() {\n input value: real(2)[T]\n target next: real[T]\n"
        " y = linear(1, gru_cho(5, value))\n"
        " loss = sum[T] sum[batch] sum squared_error(y, next)\n output y\n}\n"
        "train t {\n batch 3 steps T = 9 optimizer momentum(rate = 0.1, momentum = 0.9)\n"
        " clip_norm 0.1 max_steps 3\n}\n";
    fixture f = fixture_make(clipped, RNNC_GRADIENTS);
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.purpose = RNNC_TRAIN;
    o.keep_gradients = 1;
    o.use_cache = 1;
    fixture g = {.d = f.d, .model = f.model};
    fixture_ok(rnnc_program_compile(g.model, &o, g.d, &g.program), g.d);
    fixture_ok(rnnc_weights_create(g.program, g.d, &g.weights), g.d);
    fixture_ok(rnnc_weights_initialize(g.weights, 1, g.d), g.d);
    fixture_ok(rnnc_context_create(g.program, g.weights, g.d, &g.context), g.d);
    bind(&f, in, next);
    bind(&g, in, next);
    double norms[2];
    fixture_refused(rnnc_context_gradient_norm(g.context, g.d, norms), RNNC_INVALID_ARGUMENT, g.d,
                    "keep_gradients");
    rnnc_training step = train(&g, in, next, 1);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    for (uint32_t i = 0; i < rnnc_weights_count(f.weights); i++) {
        rnnc_weight w;
        double a[MOST], b[MOST];
        assert_int_equal(rnnc_weights_get(f.weights, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns);
        fixture_ok(rnnc_context_read_gradient(f.context, w.name, RNNC_F64, a, count, f.d), f.d);
        fixture_ok(rnnc_context_read_gradient(g.context, w.name, RNNC_F64, b, count, f.d), f.d);
        for (size_t k = 0; k < count; k++) {
            assert_true(fabs(a[k] - b[k]) <= 1e-5 * (1 + fabs(a[k])));
        }
    }
    fixture_ok(rnnc_context_gradient_norm(f.context, f.d, &norms[0]), f.d);
    fixture_ok(rnnc_context_gradient_norm(g.context, f.d, &norms[1]), f.d);
    assert_true(norms[0] > 0.1);
    assert_true(fabs(norms[0] - norms[1]) < 1e-5 * norms[0] && fabs(norms[1] - step.gradient_norm) < 1e-9);
    rnnc_context_destroy(g.context);
    rnnc_weights_release(g.weights);
    rnnc_program_release(g.program);
    // Without the option they are gone.
    fixture plain = fixture_make(clipped, RNNC_TRAIN);
    bind(&plain, in, next);
    train(&plain, in, next, 1);
    fixture_refused(rnnc_context_gradient_norm(plain.context, plain.d, norms), RNNC_INVALID_ARGUMENT, plain.d,
                    "keep_gradients");
    fixture_free(&plain);
    fixture_free(&f);
}

static const char scaled[] = "model m() {\n input a: real(2)[T]\n input b: real[T]\n"
                             " y = standardise(a)\n output y\n output plain = b\n}\n";

static void test_measuring(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture f = fixture_make(scaled, RNNC_FORWARD);
    const float data[][2] = {{1, 7}, {2, 7}, {3, 7}, {6, 7}};
    double large[2] = {1e300, -1e300};
    fixture_refused(rnnc_weights_measure(f.weights, "b", RNNC_F32, data, 8, f.d), bad, f.d,
                    "not standardise 'b'");
    fixture_refused(rnnc_weights_measure(f.weights, "z", RNNC_F32, data, 8, f.d), bad, f.d,
                    "not standardise 'z'");
    fixture_refused(rnnc_weights_measure(f.weights, "a", RNNC_F32, data, 7, f.d), bad, f.d,
                    "2 elements, and 7");
    fixture_refused(rnnc_weights_measure(f.weights, "a", RNNC_F32, data, 0, f.d), bad, f.d, "and 0");
    fixture_refused(rnnc_weights_measure(f.weights, "a", RNNC_I32, data, 8, f.d), bad, f.d, "RNNC_F32");
    fixture_refused(rnnc_weights_measure(f.weights, "a", RNNC_F64, large, 2, f.d), RNNC_TYPE, f.d,
                    "cannot hold");
    assert_int_equal(rnnc_weights_measure(NULL, "a", RNNC_F32, data, 8, NULL), bad);
    assert_int_equal(rnnc_weights_measure(f.weights, NULL, RNNC_F32, data, 8, NULL), bad);
    assert_int_equal(rnnc_weights_measure(f.weights, "a", RNNC_F32, NULL, 8, NULL), bad);
    // Measuring sets the weights, so that new ones need nothing else here.
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &w), f.d);
    fixture_ok(rnnc_weights_measure(w, "a", RNNC_F32, data, 8, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, w, f.d, &c), f.d);
    fixture_ok(rnnc_context_set_extents(c, 1, 4, f.d), f.d);
    const float b[4] = {0};
    fixture_ok(rnnc_context_bind_input(c, (uint32_t)rnnc_program_find_input(f.program, "a"), data, 8, f.d),
               f.d);
    fixture_ok(rnnc_context_bind_input(c, (uint32_t)rnnc_program_find_input(f.program, "b"), b, 4, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    float y[4][2];
    fixture_ok(rnnc_context_read_output(c, (uint32_t)rnnc_program_find_output(f.program, "y"),
                                        RNNC_STEPS_FIRST, y, 8, f.d),
               f.d);
    // The mean is 3, the mean square distance from it 3.5; the other column never changes.
    for (int i = 0; i < 4; i++) {
        assert_float_equal(y[i][0], (data[i][0] - 3) / sqrtf(3.5f), 1e-6);
        assert_true(y[i][1] == 0);
    }
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    fixture_free(&f);
}

// What fits is taken from a file of another model.
static void test_partial(void **state) {
    (void)state;
    char path[4096];
    make_path(path, "partial.safetensors");
    fixture f = fixture_make(
        "model m() {\n input x: real(2)[T]\n h = rnn(4, x)\n output y = linear(1, h)\n}\n", RNNC_FORWARD);
    fixture g = fixture_make(
        "model m() {\n input x: real(2)[T]\n h = rnn(4, x)\n output z = linear(3, h)\n}\n", RNNC_FORWARD);
    fixture_ok(rnnc_weights_initialize(g.weights, 9, g.d), g.d);
    fixture_ok(rnnc_weights_save(f.weights, path, f.d), f.d);
    fixture_ok(rnnc_weights_load_partial(g.weights, path, g.d), g.d);
    assert_non_null(strstr(rnnc_diagnostics_text(g.d), "took"));
    rnnc_weight w;
    assert_int_equal(rnnc_weights_get(f.weights, 0, &w), RNNC_OK);
    size_t count = (size_t)(w.rows * w.columns);
    float a[MOST], b[MOST];
    int same = rnnc_weights_find(g.weights, w.name);
    assert_true(same >= 0);
    fixture_ok(rnnc_weights_read(f.weights, 0, RNNC_F32, a, count, f.d), f.d);
    fixture_ok(rnnc_weights_read(g.weights, (uint32_t)same, RNNC_F32, b, count, g.d), g.d);
    assert_memory_equal(a, b, count * sizeof *a);
    rnnc_diagnostics_clear(g.d);
    rnnc_weights *unset = NULL;
    fixture_ok(rnnc_weights_create(g.program, g.d, &unset), g.d);
    fixture_refused(rnnc_weights_load_partial(unset, path, g.d), RNNC_INVALID_ARGUMENT, g.d, "has no values");
    fixture_refused(rnnc_weights_load_partial(g.weights, "/nowhere/x", g.d), RNNC_IO, g.d, "/nowhere/x");
    assert_int_equal(rnnc_weights_load_partial(NULL, path, NULL), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_weights_load_partial(g.weights, NULL, NULL), RNNC_INVALID_ARGUMENT);
    rnnc_weights_release(unset);
    fixture_free(&f);
    fixture_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_up_again), cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_bad_files),      cmocka_unit_test(test_rate),
        cmocka_unit_test(test_kept_gradients), cmocka_unit_test(test_measuring),
        cmocka_unit_test(test_partial),        cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
