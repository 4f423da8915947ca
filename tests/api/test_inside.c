// Reports, listings, profiles and plots: what the commands check, dump, bench and plot show, byte for byte, and what is
// wrong with what is asked for.
#include <unistd.h>

#include "tests/api/counter.h"

static const char example[] = "examples/series.rnn";

// What the tool writes to standard output, after $RNNC; the caller frees it.
static char *tool(const char *arguments, size_t *out_size) {
    char line[8192];
    const char *path = getenv("RNNC");
    assert_non_null(path);
    assert_in_range(snprintf(line, sizeof line, "'%s' %s", path, arguments), 1, (int)sizeof line - 1);
    FILE *from = popen(line, "r");
    assert_non_null(from);
    size_t room = 1 << 22, size = 0, got;
    char *text = malloc(room + 1);
    assert_non_null(text);
    while ((got = fread(text + size, 1, room - size, from)) > 0) {
        size += got;
    }
    assert_true(size < room);
    pclose(from);
    text[size] = 0;
    *out_size = size;
    return text;
}

static void same_as_tool(const rnnc_bytes *text, const char *arguments) {
    size_t size;
    char *wanted = tool(arguments, &size);
    if (size != rnnc_bytes_size(text) || memcmp(wanted, rnnc_bytes_data(text), size) != 0) {
        print_error("rnnc %s: %zu bytes there, %zu here\n%s", arguments, size, rnnc_bytes_size(text),
                    rnnc_bytes_data(text));
        fail();
    }
    assert_true(size > 0);
    free(wanted);
}

static rnnc_model *open_model(const char *path, const char *recipe, rnnc_diagnostics *d) {
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    rnnc_model *m = NULL;
    options.recipe = recipe;
    fixture_ok(rnnc_model_from_file(path, &options, d, &m), d);
    return m;
}

static rnnc_diagnostics *new_diagnostics(void) {
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    return d;
}

// ---- Check ----

static void check_like_tool(const char *path, const char *recipe, rnnc_report_options options,
                            const char *arguments) {
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = open_model(path, recipe, d);
    rnnc_bytes *text = NULL;
    fixture_ok(rnnc_model_check(m, &options, d, &text), d);
    rnnc_model_release(m); // what was written outlives it
    same_as_tool(text, arguments);
    rnnc_bytes_destroy(text);
    rnnc_diagnostics_destroy(d);
}

static void test_check(void **state) {
    (void)state;
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    check_like_tool(example, NULL, o, "check examples/series.rnn --threads 1");
    check_like_tool("examples/ptb.rnn", "large", o, "check examples/ptb.rnn --recipe large --threads 1");
    check_like_tool("examples/mnist.rnn", NULL, o, "check examples/mnist.rnn --threads 1");
    o.json = 1;
    o.threads = 3;
    o.cpu = "interpret";
    check_like_tool(example, NULL, o, "check examples/series.rnn --json --threads 3 --cpu interpret");
    o.json = 0;
    o.batch = 7;
    o.length = 11;
    check_like_tool(example, NULL, o,
                    "check examples/series.rnn --batch 7 --length 11 --threads 3 --cpu interpret");
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    passes.print_after = "lower";
    o.passes = &passes;
    check_like_tool(
        example, NULL, o,
        "check examples/series.rnn --batch 7 --length 11 --threads 3 --cpu interpret --print-after lower");
}

// A length by its axis; and a step that no machine has the memory for is a warning.
static void test_check_lengths(void **state) {
    (void)state;
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = open_model(example, NULL, d);
    rnnc_length length = {"T", 31};
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_bytes *one = NULL, *other = NULL;
    o.length = 31;
    fixture_ok(rnnc_model_check(m, &o, d, &one), d);
    o.length = 5;
    o.lengths = &length;
    o.length_count = 1;
    fixture_ok(rnnc_model_check(m, &o, d, &other), d);
    assert_string_equal(rnnc_bytes_data(one), rnnc_bytes_data(other));
    assert_non_null(strstr(rnnc_bytes_data(one), "T = 31"));
    rnnc_bytes_destroy(one);
    rnnc_bytes_destroy(other);
    length.length = 1 << 22;
    o.batch = 1 << 14;
    assert_int_equal(rnnc_diagnostics_count(d), 0);
    fixture_ok(rnnc_model_check(m, &o, d, &one), d);
    assert_non_null(strstr(rnnc_diagnostics_text(d), "warning: a training step needs"));
    rnnc_bytes_destroy(one);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

// ---- Dump ----

static void dump_like_tool(const char *stage, rnnc_report_options options, const char *arguments) {
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = open_model(example, NULL, d);
    rnnc_bytes *text = NULL;
    char line[512];
    fixture_ok(rnnc_model_dump(m, stage, &options, d, &text), d);
    snprintf(line, sizeof line, "dump %s %s", example, arguments);
    same_as_tool(text, line);
    rnnc_bytes_destroy(text);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

static void test_dump(void **state) {
    (void)state;
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    dump_like_tool(NULL, o, "");
    dump_like_tool("source", o, "--stage source");
    dump_like_tool("dot", o, "--stage dot");
    o.cpu = "interpret";
    dump_like_tool("program", o, "--stage program --cpu interpret");
    o.passes = &passes;
    passes.passes = "simplify, differentiate";
    dump_like_tool("graph", o, "--passes 'simplify, differentiate'");
    passes.print_after = "all";
    passes.verify_each = 1;
    dump_like_tool("graph", o, "--passes 'simplify, differentiate' --print-after all --verify-each");
    passes = (rnnc_pass_options)RNNC_PASS_OPTIONS;
    passes.bisect_limit = 3;
    dump_like_tool("graph", o, "--bisect-limit 3 --cpu interpret");
    passes.bisect_limit = -1;
    passes.unroll = 1;
    o.batch = 2;
    o.length = 3;
    dump_like_tool("program", o, "--stage program --cpu interpret --unroll full --batch 2 --length 3");
    o.passes = NULL;
    o.cpu = "x86-64-v2";
    dump_like_tool("llvm", o, "--stage llvm --cpu x86-64-v2 --batch 2 --length 3");
    dump_like_tool("asm", o, "--stage asm --cpu x86-64-v2 --batch 2 --length 3");
}

// What passes did, beside the text.
static void test_dump_statistics(void **state) {
    (void)state;
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = open_model(example, NULL, d);
    rnnc_bytes *text = NULL, *statistics = NULL, *timings = NULL, *printed = NULL;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    passes.passes = "simplify, differentiate";
    passes.out_statistics = &statistics;
    passes.out_timings = &timings;
    passes.out_printed = &printed;
    o.passes = &passes;
    fixture_ok(rnnc_model_dump(m, NULL, &o, d, &text), d);
    same_as_tool(statistics,
                 "dump examples/series.rnn --passes 'simplify, differentiate' --stats 2>&1 >/dev/null");
    assert_non_null(strstr(rnnc_bytes_data(timings), "differentiate "));
    assert_int_equal(rnnc_bytes_size(printed), 0);
    rnnc_bytes_destroy(text);
    rnnc_bytes_destroy(statistics);
    rnnc_bytes_destroy(timings);
    rnnc_bytes_destroy(printed);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

// A dump of a dump is the same.
static void redump(const rnnc_bytes *text, const char *stage, rnnc_diagnostics *d) {
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_bytes *again = NULL;
    o.cpu = "interpret";
    fixture_ok(rnnc_dump_text(rnnc_bytes_data(text), rnnc_bytes_size(text), "a.ir", stage, &o, d, &again), d);
    assert_int_equal(rnnc_bytes_size(text), rnnc_bytes_size(again));
    assert_memory_equal(rnnc_bytes_data(text), rnnc_bytes_data(again), rnnc_bytes_size(text));
    rnnc_bytes_destroy(again);
}

static void test_dump_text(void **state) {
    (void)state;
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = open_model(example, NULL, d);
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_bytes *text = NULL, *other = NULL;
    o.cpu = "interpret";
    fixture_ok(rnnc_model_dump(m, "graph", &o, d, &text), d);
    redump(text, NULL, d);
    fixture_refused(rnnc_dump_text("graph ?", 7, "bad.ir", NULL, &o, d, &other), RNNC_SYNTAX, d, "bad.ir:1:");
    fixture_refused(rnnc_dump_text("a\0b", 3, "bad.ir", NULL, &o, d, &other), RNNC_SYNTAX, d, "not a text");
    rnnc_bytes_destroy(text);
    fixture_ok(rnnc_model_dump(m, "program", &o, d, &text), d);
    redump(text, NULL, d);
    redump(text, "program", d);
    o.batch = 3;
    fixture_refused(rnnc_dump_text(rnnc_bytes_data(text), rnnc_bytes_size(text), "p.ir", NULL, &o, d, &other),
                    RNNC_INVALID_ARGUMENT, d, "too late");
    o.batch = 0;
    fixture_refused(
        rnnc_dump_text(rnnc_bytes_data(text), rnnc_bytes_size(text), "p.ir", "dot", &o, d, &other),
        RNNC_INVALID_ARGUMENT, d, "it is a program");
    fixture_refused(
        rnnc_dump_text(rnnc_bytes_data(text), rnnc_bytes_size(text), "p.ir", "asm", &o, d, &other),
        RNNC_INVALID_ARGUMENT, d, "no machine code is made for cpu interpret");
    assert_null(other);
    rnnc_bytes_destroy(text);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

static void test_program_dump(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    rnnc_bytes *text = NULL;
    fixture_ok(rnnc_program_dump(f.program, "program", f.d, &text), f.d);
    redump(text, NULL, f.d);
    rnnc_bytes_destroy(text);
    if (fixture_is_slow()) {
        fixture_refused(rnnc_program_dump(f.program, "asm", f.d, &text), RNNC_INVALID_ARGUMENT, f.d,
                        "interpreted");
    } else {
        fixture_ok(rnnc_program_dump(f.program, "asm", f.d, &text), f.d);
        assert_non_null(strstr(rnnc_bytes_data(text), "# kernel 0: "));
        rnnc_bytes_destroy(text);
    }
    fixture_refused(rnnc_program_dump(f.program, "graph", f.d, &text), RNNC_INVALID_ARGUMENT, f.d,
                    "program, llvm and asm");
    fixture_refused(rnnc_program_dump(f.program, "asn", f.d, &text), RNNC_INVALID_ARGUMENT, f.d,
                    "did you mean 'asm'");
    assert_null(text);
    fixture_free(&f);
}

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
    rnnc_diagnostics *d = new_diagnostics();
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

// ---- Bench ----

static void test_bench(void **state) {
    (void)state;
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = fixture_model(fixture_series, d);
    rnnc_bytes *text = NULL;
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    o.runs = 2;
    o.cpu = fixture_cpu();
    o.use_cache = 1;
    fixture_ok(rnnc_model_bench(m, &o, d, &text), d);
    assert_ptr_equal(strstr(rnnc_bytes_data(text), "batch 3, 1 threads, median of 2 runs\nforward "),
                     rnnc_bytes_data(text));
    assert_non_null(strstr(rnnc_bytes_data(text), "\nupdate "));
    assert_non_null(strstr(rnnc_bytes_data(text), "GFLOP/s"));
    rnnc_bytes_destroy(text);
    o.json = 1;
    fixture_ok(rnnc_model_bench(m, &o, d, &text), d);
    assert_non_null(strstr(rnnc_bytes_data(text), "\"step_ms\":"));
    assert_non_null(strstr(rnnc_bytes_data(text), "\"gflop_s\":"));
    rnnc_bytes_destroy(text);
    o.cpu = "reference";
    fixture_ok(rnnc_model_bench(m, &o, d, &text), d);
    assert_non_null(strstr(rnnc_bytes_data(text), "\"kernels\":[]}"));
    rnnc_bytes_destroy(text);
    rnnc_model_release(m);
    m = fixture_model("model m() {\n input x: real[T]\n output y = 2 * x\n}\n", d);
    fixture_refused(rnnc_model_bench(m, &o, d, &text), RNNC_INVALID_ARGUMENT, d, "how long is T");
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

// ---- Plots ----

static void write_metrics(char path[4096], const char *name, int lines) {
    const char *scratch = getenv("RNNC_SCRATCH");
    assert_in_range(snprintf(path, 4096, "%s/%s.jsonl", scratch ? scratch : "/tmp", name), 1, 4095);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 1; i <= lines; i++) {
        fprintf(file, "{\"epoch\":%d,\"loss\":%g,\"validation_loss\":%g,\"norm\":%g}\n", i, 3.0 / i, 4.0 / i,
                1.0 * i);
    }
    assert_int_equal(fclose(file), 0);
}

static void same_as_file(const char *path, const rnnc_bytes *like) {
    char text[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_int_equal(size, rnnc_bytes_size(like));
    assert_memory_equal(text, rnnc_bytes_data(like), size);
}

static void test_plot_metrics(void **state) {
    (void)state;
    char a[4096], b[4096], line[16384];
    write_metrics(a, "small", 9);
    write_metrics(b, "large", 14);
    const char *const paths[] = {a, b}, *const nowhere[] = {"/nowhere/x.jsonl"};
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_bytes *drawing = NULL;
    rnnc_plot_options o = RNNC_PLOT_OPTIONS;
    setenv("LC_ALL", "C.UTF-8", 1);
    snprintf(line, sizeof line, "plot '%s'", a);
    fixture_ok(rnnc_plot_metrics(paths, 1, NULL, d, &drawing), d);
    same_as_tool(drawing, line);
    rnnc_bytes_destroy(drawing);
    setenv("LC_ALL", "C", 1);
    o.ascii = o.log_scale = 1;
    snprintf(line, sizeof line, "plot '%s' '%s' --log", a, b);
    fixture_ok(rnnc_plot_metrics(paths, 2, &o, d, &drawing), d);
    same_as_tool(drawing, line);
    rnnc_bytes_destroy(drawing);
    size_t size;
    o.metric = "norm";
    o.svg = 1;
    snprintf(line, sizeof line, "plot '%s' '%s' --log --metric norm --plot '%s.svg'", a, b, a);
    free(tool(line, &size));
    fixture_ok(rnnc_plot_metrics(paths, 2, &o, d, &drawing), d);
    snprintf(line, sizeof line, "%s.svg", a);
    same_as_file(line, drawing);
    rnnc_bytes_destroy(drawing);
    unsetenv("LC_ALL");
    o.metric = "lost";
    fixture_refused(rnnc_plot_metrics(paths, 2, &o, d, &drawing), RNNC_INVALID_ARGUMENT, d,
                    "has no metric 'lost'");
    fixture_refused(rnnc_plot_metrics(nowhere, 1, &o, d, &drawing), RNNC_IO, d, "/nowhere/x.jsonl");
    assert_null(drawing);
    rnnc_diagnostics_destroy(d);
}

static void test_plot(void **state) {
    (void)state;
    const double y[] = {1, 2, 4, 8}, x[] = {0, 0.5, 1, 1.5};
    rnnc_curve curves[] = {{"seen", x, y, 4, RNNC_CURVE_LINE}, {"foreseen", NULL, y, 4, RNNC_CURVE_POINTS}};
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_bytes *drawing = NULL;
    rnnc_plot_options o = RNNC_PLOT_OPTIONS;
    o.title = "Growth";
    o.width = 40;
    o.height = 10;
    o.ascii = 1;
    fixture_ok(rnnc_plot(curves, 2, &o, d, &drawing), d);
    assert_non_null(strstr(rnnc_bytes_data(drawing), "Growth"));
    assert_non_null(strstr(rnnc_bytes_data(drawing), "foreseen"));
    rnnc_bytes_destroy(drawing);
    o.svg = o.has_mark = 1;
    o.mark = 1;
    o.mark_label = "now";
    fixture_ok(rnnc_plot(curves, 2, &o, d, &drawing), d);
    assert_non_null(strstr(rnnc_bytes_data(drawing), ">now</text>"));
    rnnc_bytes_destroy(drawing);
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    curves[1].style = (rnnc_curve_style)7;
    fixture_refused(rnnc_plot(curves, 2, &o, d, &drawing), bad, d, "a style");
    curves[1] = (rnnc_curve){"none", NULL, NULL, 4, RNNC_CURVE_LINE};
    fixture_refused(rnnc_plot(curves, 2, &o, d, &drawing), bad, d, "with values");
    fixture_refused(rnnc_plot(curves, 0, &o, d, &drawing), bad, d, "needs curves");
    o.width = -1;
    fixture_refused(rnnc_plot(curves, 1, &o, d, &drawing), bad, d, "width and height");
    o.struct_size = 8;
    fixture_refused(rnnc_plot(curves, 1, &o, d, &drawing), bad, d, "RNNC_PLOT_OPTIONS");
    rnnc_diagnostics_destroy(d);
}

// ---- Bad use ----

static void test_null(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    const char *const none[] = {NULL};
    rnnc_bytes *text = NULL;
    rnnc_facts facts;
    rnnc_profile profile;
    assert_int_equal(rnnc_model_check(NULL, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_model_check(f.model, NULL, NULL, NULL), bad);
    assert_int_equal(rnnc_model_dump(NULL, NULL, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_model_bench(NULL, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_dump_text(NULL, 3, "x", NULL, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_dump_text("x", 1, NULL, NULL, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_program_dump(NULL, "program", NULL, &text), bad);
    assert_int_equal(rnnc_program_dump(f.program, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_program_dump(f.program, "program", NULL, NULL), bad);
    assert_int_equal(rnnc_program_facts(NULL, &facts), bad);
    assert_int_equal(rnnc_program_facts(f.program, NULL), bad);
    assert_int_equal(rnnc_context_profile(NULL, 1, NULL), bad);
    assert_int_equal(rnnc_context_profile_count(NULL), 0);
    assert_int_equal(rnnc_context_profile_get(NULL, 0, &profile), bad);
    assert_int_equal(rnnc_plot(NULL, 1, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_plot_metrics(NULL, 1, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_plot_metrics(none, 1, NULL, NULL, &text), bad);
    assert_null(text);
    fixture_free(&f);
}

static void refuse_report(const fixture *f, rnnc_report_options o, rnnc_status wanted, const char *why) {
    rnnc_bytes *text = NULL;
    fixture_refused(rnnc_model_check(f->model, &o, f->d, &text), wanted, f->d, why);
    fixture_refused(rnnc_model_dump(f->model, "program", &o, f->d, &text), wanted, f->d, why);
    fixture_refused(rnnc_model_bench(f->model, &o, f->d, &text), wanted, f->d, why);
    assert_null(text);
}

static void test_bad_reports(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_length length = {"Z", 3};
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    o.struct_size = 0;
    refuse_report(&f, o, bad, "RNNC_REPORT_OPTIONS");
    o = (rnnc_report_options)RNNC_REPORT_OPTIONS;
    o.batch = -1;
    refuse_report(&f, o, bad, "batch and length");
    o.batch = o.length = INT32_MAX;
    refuse_report(&f, o, RNNC_OUT_OF_MEMORY, "too large together");
    o = (rnnc_report_options)RNNC_REPORT_OPTIONS;
    o.length_count = 1;
    refuse_report(&f, o, bad, "lengths by axis");
    o.lengths = &length;
    refuse_report(&f, o, bad, "no sequence axis 'Z'");
    length = (rnnc_length){"T", 0};
    refuse_report(&f, o, bad, "1 or more");
    o = (rnnc_report_options)RNNC_REPORT_OPTIONS;
    o.threads = 65;
    refuse_report(&f, o, bad, "0 to 64");
    o.threads = 0;
    o.cpu = "x87";
    refuse_report(&f, o, bad, "x87");
    rnnc_bytes *text = NULL;
    fixture_refused(rnnc_model_dump(f.model, "grap", NULL, f.d, &text), bad, f.d,
                    "there is no stage 'grap'; did you mean 'graph'?");
    fixture_free(&f);
}

// Texts are in the memory that was asked for, and where there is none, that is an error.
static void test_memory(void **state) {
    (void)state;
    counter c = {0};
    rnnc_allocator a = {&c, counter_allocate, counter_release}, half = {&c, counter_allocate, NULL};
    rnnc_diagnostics *d = new_diagnostics();
    rnnc_model *m = fixture_model(fixture_series, d);
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_bytes *text = NULL, *statistics = NULL;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    passes.out_statistics = &statistics;
    o.allocator = &a;
    o.passes = &passes;
    fixture_ok(rnnc_model_check(m, &o, d, &text), d);
    assert_int_equal(c.out, 2);
    rnnc_bytes_destroy(text);
    rnnc_bytes_destroy(statistics);
    assert_int_equal(c.out, 0);
    for (int at = 1; at <= 2; at++) {
        c = (counter){.fail_at = at};
        fixture_refused(rnnc_model_check(m, &o, d, &text), RNNC_OUT_OF_MEMORY, d, "no memory");
        assert_null(text);
        rnnc_bytes_destroy(statistics);
        assert_int_equal(c.out, 0);
    }
    o.allocator = &half;
    fixture_refused(rnnc_model_check(m, &o, d, &text), RNNC_INVALID_ARGUMENT, d, "allocate and release");
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_check_lengths),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_dump_statistics),
        cmocka_unit_test(test_dump_text),
        cmocka_unit_test(test_program_dump),
        cmocka_unit_test(test_unrolled),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_reference_tokens),
        cmocka_unit_test(test_reference_limits),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_bad_passes),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_facts_of_training),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_plot_metrics),
        cmocka_unit_test(test_plot),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_bad_reports),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
