// How programs are compiled and what is known of them: passes of one's own choice, their listings, the reference
// interpreter, numbers and profiles.
#include "tests/api/fixture.h"

// ---- Passes of a program ----

static rnnc_program *compile_with(const fixture *f, rnnc_purpose purpose, const rnnc_pass_options *passes) {
    rnnc_compile_options o = fixture_options(purpose, 3, 9);
    rnnc_program *p = NULL;
    o.passes = passes;
    fixture_ok(rnnc_program_compile(f->model, &o, f->d, &p), f->d);
    return p;
}

enum { VALUES = 3 * 9 * 2, STEPS_AND_ROWS = 3 * 9 };

// What a training step leaves: its loss, and the bias of the forecast.
static void train_once(const fixture *f, rnnc_program *p, double *out_loss, float *out_bias) {
    rnnc_context *c = NULL;
    rnnc_weights *w = NULL;
    rnnc_training said;
    float value[VALUES], next[STEPS_AND_ROWS];
    fixture_fill(value, VALUES, 1);
    fixture_fill(next, STEPS_AND_ROWS, 2);
    fixture_ok(rnnc_weights_create(p, f->d, &w), f->d);
    fixture_ok(rnnc_weights_initialize(w, 5, f->d), f->d);
    fixture_ok(rnnc_context_create(p, w, f->d, &c), f->d);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, value, VALUES, f->d), f->d);
    fixture_ok(rnnc_context_write_input(c, 1, RNNC_STEPS_FIRST, next, STEPS_AND_ROWS, f->d), f->d);
    fixture_ok(rnnc_train_step(c, f->d, &said), f->d);
    *out_loss = said.loss;
    fixture_ok(
        rnnc_weights_read(w, (uint32_t)rnnc_weights_find(w, "forecast.b"), RNNC_F32, out_bias, 1, f->d),
        f->d);
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
}

// Every step compiled by itself: the same bits, but runs of one length.
static void test_unrolled(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    passes.unroll = passes.verify_each = 1;
    rnnc_program *unrolled = compile_with(&f, RNNC_TRAIN, &passes);
    double loss[2];
    float bias[2];
    train_once(&f, f.program, &loss[0], &bias[0]);
    train_once(&f, unrolled, &loss[1], &bias[1]);
    assert_true(loss[0] == loss[1] && bias[0] == bias[1]);
    rnnc_program_release(unrolled);
    unrolled = compile_with(&f, RNNC_FORWARD, &passes);
    assert_non_null(strstr(rnnc_program_step_obstacle(unrolled), "unrolled"));
    rnnc_context *c = NULL;
    fixture_ok(rnnc_context_create(unrolled, f.weights, f.d, &c), f.d);
    fixture_ok(rnnc_context_set_extents(c, 2, 9, f.d), f.d);
    fixture_refused(rnnc_context_set_extents(c, 3, 8, f.d), RNNC_INVALID_ARGUMENT, f.d, "T");
    fixture_refused(rnnc_start_steps(c, f.d), RNNC_UNSUPPORTED, f.d, "unrolled");
    rnnc_context_destroy(c);
    rnnc_program_release(unrolled);
    passes.verify_each = 0;
    rnnc_program_release(compile_with(&f, RNNC_GRADIENTS, &passes));
    fixture_free(&f);
}

// ---- The reference interpreter ----

enum { REFERENCE_STEPS = 3 };

typedef struct learnt {
    double losses[REFERENCE_STEPS];
    float bias, forecast[STEPS_AND_ROWS], state[3 * 7], gradient[2 * 7];
} learnt;

static fixture fixture_on(const char *cpu, rnnc_purpose purpose) {
    fixture f = {0};
    rnnc_compile_options o = fixture_options(purpose, 3, 9);
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(fixture_series, f.d);
    o.cpu = cpu;
    o.keep_gradients = purpose == RNNC_TRAIN;
    fixture_ok(rnnc_program_compile(f.model, &o, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    return f;
}

// Trains, then runs forward: with bound arrays, whole, and the last three steps once more step by step.
static learnt learn_on(const char *cpu) {
    learnt a;
    float value[VALUES], next[STEPS_AND_ROWS];
    fixture f = fixture_on(cpu, RNNC_TRAIN), used = fixture_on(cpu, RNNC_FORWARD);
    rnnc_strides rows_first;
    fixture_fill(value, VALUES, 1);
    fixture_fill(next, STEPS_AND_ROWS, 2);
    fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_ROWS_FIRST, value, VALUES, f.d), f.d);
    fixture_ok(rnnc_context_write_input(f.context, 1, RNNC_STEPS_FIRST, next, STEPS_AND_ROWS, f.d), f.d);
    for (int i = 0; i < REFERENCE_STEPS; i++) {
        rnnc_training said;
        fixture_ok(rnnc_train_step(f.context, f.d, &said), f.d);
        a.losses[i] = said.loss;
    }
    fixture_ok(rnnc_context_read_gradient(f.context, "lstm.0.i.x", RNNC_F32, a.gradient, 14, f.d), f.d);
    fixture_ok(rnnc_weights_copy(used.weights, f.weights, f.d), f.d);
    int bias = rnnc_weights_find(used.weights, "forecast.b");
    fixture_ok(rnnc_weights_read(used.weights, (uint32_t)bias, RNNC_F32, &a.bias, 1, f.d), f.d);
    rnnc_context *c = used.context;
    fixture_ok(rnnc_context_input_strides(c, 0, RNNC_ROWS_FIRST, &rows_first), f.d);
    fixture_ok(rnnc_context_bind_input_strided(c, 0, value, VALUES, &rows_first, f.d), f.d);
    fixture_ok(rnnc_context_bind_output(c, 0, a.forecast, STEPS_AND_ROWS, NULL, f.d), f.d);
    fixture_ok(rnnc_run(c, f.d), f.d);
    fixture_ok(rnnc_start_steps(c, f.d), f.d);
    for (int t = 0; t < 3; t++) {
        fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, value + 6 * t, 6, f.d), f.d);
        fixture_ok(rnnc_step(c, f.d), f.d);
    }
    fixture_ok(rnnc_context_read_state(c, 0, a.state, 21, f.d), f.d);
    fixture_free(&used);
    fixture_free(&f);
    return a;
}

static void assert_near(double a, double b) {
    double off = a > b ? a - b : b - a;
    if (!(off <= 1e-4)) {
        fail_msg("%g and %g", a, b);
    }
}

static void test_reference(void **state) {
    (void)state;
    learnt a = learn_on("reference"), b = learn_on(fixture_cpu());
    assert_true(a.losses[2] < a.losses[0]);
    for (int i = 0; i < REFERENCE_STEPS; i++) {
        assert_near(a.losses[i], b.losses[i]);
    }
    assert_near(a.bias, b.bias);
    for (int i = 0; i < STEPS_AND_ROWS; i++) {
        assert_near(a.forecast[i], b.forecast[i]);
    }
    for (int i = 0; i < 21; i++) {
        assert_near(a.state[i], b.state[i]);
    }
    for (int i = 0; i < 14; i++) {
        assert_near(a.gradient[i], b.gradient[i]);
    }
}

static void refuse_reference(const fixture *f, rnnc_compile_options o, const char *why) {
    rnnc_program *p = NULL;
    o.cpu = "reference";
    fixture_refused(rnnc_program_compile(f->model, &o, f->d, &p), RNNC_UNSUPPORTED, f->d, why);
    assert_null(p);
}

// What the interpreter says of a run has a place in the model's text.
static void test_reference_tokens(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m =
        fixture_model("model m() {\n input x: token(3)[T]\n output y = embedding(3, 2, x)\n}\n", d);
    rnnc_compile_options o = fixture_options(RNNC_FORWARD, 1, 2);
    rnnc_program *p = NULL;
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    const int32_t tokens[] = {0, 3};
    o.cpu = "reference";
    fixture_ok(rnnc_program_compile(m, &o, d, &p), d);
    fixture_ok(rnnc_weights_create(p, d, &w), d);
    fixture_ok(rnnc_weights_initialize(w, 1, d), d);
    fixture_ok(rnnc_context_create(p, w, d, &c), d);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, tokens, 2, d), d);
    fixture_refused(rnnc_run(c, d), RNNC_INVALID_ARGUMENT, d, "test.rnn:3:");
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    rnnc_program_release(p);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

static void test_reference_limits(void **state) {
    (void)state;
    static const char *const given[] = {"forecast"};
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture f = fixture_on("reference", RNNC_GRADIENTS);
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    rnnc_compile_options o = fixture_options(RNNC_GRADIENTS, 3, 9);
    passes.unroll = 1;
    o.passes = &passes;
    refuse_reference(&f, o, "not unrolled");
    o.passes = NULL;
    o.given_gradients = given;
    o.given_gradient_count = 1;
    refuse_reference(&f, o, "gradients cannot be given");
    fixture_refused(rnnc_context_set_extents(f.context, 4, 9, f.d), bad, f.d, "1 to 3");
    fixture_refused(rnnc_context_set_extents(f.context, 3, 10, f.d), bad, f.d, "1 to 9");
    fixture_refused(rnnc_context_profile(f.context, 1, f.d), RNNC_UNSUPPORTED, f.d, "no kernels");
    assert_int_equal(rnnc_context_profile_count(f.context), 0);
    assert_int_equal(rnnc_begin(f.context), RNNC_OK);
    assert_int_equal(rnnc_end(f.context), RNNC_OK);
    rnnc_facts facts;
    assert_int_equal(rnnc_program_facts(f.program, &facts), RNNC_OK);
    assert_true(facts.kernels == 0 && facts.flops == 0 && facts.weight_bytes > 0);
    rnnc_bytes *text = NULL;
    fixture_refused(rnnc_program_dump(f.program, "asm", f.d, &text), bad, f.d, "have no code");
    fixture_free(&f);
}

static void test_listing(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_bytes *printed = NULL, *statistics = NULL, *timings = NULL;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    passes.print_after = "lower";
    passes.out_printed = &printed;
    passes.out_statistics = &statistics;
    passes.out_timings = &timings;
    rnnc_program *p = compile_with(&f, RNNC_FORWARD, &passes);
    rnnc_program_release(p);
    assert_non_null(strstr(rnnc_bytes_data(printed), "# after 06 lower\n"));
    assert_null(strstr(rnnc_bytes_data(printed), "simplify"));
    assert_non_null(strstr(rnnc_bytes_data(statistics), " kernels, "));
    assert_non_null(strstr(rnnc_bytes_data(timings), "compiling "));
    rnnc_bytes_destroy(printed);
    rnnc_bytes_destroy(statistics);
    rnnc_bytes_destroy(timings);
    // A pass that can be left out changes no result worth speaking of.
    passes = (rnnc_pass_options)RNNC_PASS_OPTIONS;
    passes.passes =
        "simplify, differentiate, update, lower, pack-weights, fuse-pointwise, schedule, plan-buffers";
    double loss[2];
    float bias[2];
    rnnc_program *usual = compile_with(&f, RNNC_TRAIN, NULL);
    p = compile_with(&f, RNNC_TRAIN, &passes);
    train_once(&f, usual, &loss[0], &bias[0]);
    train_once(&f, p, &loss[1], &bias[1]);
    assert_true(loss[1] > loss[0] - 1e-5 && loss[1] < loss[0] + 1e-5);
    rnnc_program_release(usual);
    rnnc_program_release(p);
    fixture_free(&f);
}

static void refuse_passes(const fixture *f, rnnc_purpose purpose, rnnc_pass_options passes,
                          rnnc_status wanted, const char *why) {
    rnnc_compile_options o = fixture_options(purpose, 3, 9);
    rnnc_program *p = NULL;
    o.passes = &passes;
    fixture_refused(rnnc_program_compile(f->model, &o, f->d, &p), wanted, f->d, why);
    assert_null(p);
}

static void test_bad_passes(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_pass_options o = RNNC_PASS_OPTIONS;
    rnnc_bytes *printed = NULL;
    o.struct_size = 1;
    refuse_passes(&f, RNNC_FORWARD, o, bad, "RNNC_PASS_OPTIONS");
    o = (rnnc_pass_options)RNNC_PASS_OPTIONS;
    o.dump_folder = "";
    refuse_passes(&f, RNNC_FORWARD, o, bad, "dump_folder is empty");
    o = (rnnc_pass_options)RNNC_PASS_OPTIONS;
    o.print_after = "loewr";
    refuse_passes(&f, RNNC_FORWARD, o, bad, "did you mean 'lower'");
    o.print_after = "simplify";
    o.passes = "simplify, loewr";
    refuse_passes(&f, RNNC_FORWARD, o, bad, "did you mean \"lower\"");
    o.passes = "simplify, lower, pack-weights, fuse-pointwise, schedule, plan-buffers";
    refuse_passes(&f, RNNC_GRADIENTS, o, bad, "lack differentiate");
    o.passes = "simplify, differentiate, lower, pack-weights, fuse-pointwise, schedule, plan-buffers";
    refuse_passes(&f, RNNC_TRAIN, o, bad, "lack update");
    // It fails in the end, and what was printed until then is there.
    o.passes = "simplify";
    o.out_printed = &printed;
    rnnc_compile_options c = fixture_options(RNNC_FORWARD, 3, 9);
    rnnc_program *p = NULL;
    c.passes = &o;
    assert_int_not_equal(rnnc_program_compile(f.model, &c, f.d, &p), RNNC_OK);
    assert_null(p);
    assert_true(rnnc_diagnostics_count(f.d) > 0);
    assert_non_null(strstr(rnnc_bytes_data(printed), "# after 01 simplify"));
    rnnc_bytes_destroy(printed);
    rnnc_diagnostics_clear(f.d);
    o.out_printed = NULL;
    o.passes = NULL;
    o.dump_folder = "/nowhere/at/all";
    refuse_passes(&f, RNNC_FORWARD, o, RNNC_IO, "/nowhere/at/all/01.simplify.ir");
    fixture_free(&f);
}

// ---- Facts and profiles ----

static double flops_of(const rnnc_context *c, int64_t *out_calls, double *out_bytes) {
    double flops = 0;
    *out_calls = 0;
    *out_bytes = 0;
    for (uint32_t i = 0; i < rnnc_context_profile_count(c); i++) {
        rnnc_profile k;
        assert_int_equal(rnnc_context_profile_get(c, i, &k), RNNC_OK);
        assert_true(k.name && *k.name && k.nanoseconds >= 0);
        flops += k.flops;
        *out_bytes += k.bytes;
        *out_calls += k.calls;
    }
    return flops;
}

static void run_times(const fixture *f, int times) {
    for (int i = 0; i < times; i++) {
        fixture_ok(rnnc_run(f->context, f->d), f->d);
    }
}

// The sums of what was counted in runs of the maxima are what the program says of one, as often.
static void check_profile(rnnc_purpose purpose) {
    enum { RUNS = 5 };
    fixture f = fixture_make(fixture_series, purpose);
    rnnc_facts facts;
    double bytes;
    float value[VALUES];
    int64_t calls;
    assert_int_equal(rnnc_program_facts(f.program, &facts), RNNC_OK);
    assert_true(facts.kernels > 0 && facts.calls >= facts.kernels && facts.flops > 0 && facts.bytes > 0);
    assert_int_equal(facts.arena_bytes + facts.scratch_bytes, rnnc_program_arena_bytes(f.program));
    assert_true(facts.live_bytes <= facts.arena_bytes &&
                facts.compile_milliseconds >= facts.code_milliseconds);
    assert_int_equal(facts.weight_bytes, 4 * ((2 + 7 + 1) * 28 + 8));
    assert_int_equal(facts.optimizer_bytes, 0);
    fixture_fill(value, VALUES, 3);
    for (uint32_t i = 0; i < rnnc_program_input_count(f.program); i++) {
        size_t count = rnnc_context_input_elements(f.context, i);
        fixture_ok(rnnc_context_write_input(f.context, i, RNNC_STEPS_FIRST, value, count, f.d), f.d);
    }
    run_times(&f, 1); // packs the weights
    assert_int_equal(rnnc_context_profile_count(f.context), 0);
    fixture_ok(rnnc_context_profile(f.context, 1, f.d), f.d);
    assert_int_equal(rnnc_context_profile_count(f.context), facts.kernels);
    run_times(&f, RUNS);
    double flops = flops_of(f.context, &calls, &bytes);
    assert_true(flops == RUNS * facts.flops && bytes == RUNS * facts.bytes && calls > 0 && calls % RUNS == 0);
    fixture_ok(rnnc_context_profile(f.context, 1, f.d), f.d); // anew
    assert_true(flops_of(f.context, &calls, &bytes) == 0 && calls == 0);
    run_times(&f, 1);
    assert_true(flops_of(f.context, &calls, &bytes) == facts.flops);
    fixture_ok(rnnc_context_set_extents(f.context, 1, 4, f.d), f.d);
    assert_true(flops_of(f.context, &calls, &bytes) == 0 && calls == 0);
    fixture_ok(rnnc_context_profile(f.context, 0, f.d), f.d);
    rnnc_profile k;
    assert_int_equal(rnnc_context_profile_count(f.context), 0);
    assert_int_equal(rnnc_context_profile_get(f.context, 0, &k), RNNC_INVALID_ARGUMENT);
    fixture_free(&f);
}

static void test_profile(void **state) {
    (void)state;
    check_profile(RNNC_FORWARD);
    check_profile(RNNC_GRADIENTS);
}

static void test_facts_of_training(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    rnnc_facts facts;
    assert_int_equal(rnnc_program_facts(f.program, &facts), RNNC_OK);
    assert_true(facts.optimizer_bytes >= 2 * facts.weight_bytes); // of adam
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unrolled),         cmocka_unit_test(test_reference),
        cmocka_unit_test(test_reference_tokens), cmocka_unit_test(test_reference_limits),
        cmocka_unit_test(test_listing),          cmocka_unit_test(test_bad_passes),
        cmocka_unit_test(test_profile),          cmocka_unit_test(test_facts_of_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
