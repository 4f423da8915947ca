// Reports and plots: what the commands check, dump, bench and plot show, byte for byte, and what is
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
    fixture_refused(rnnc_model_bench(m, &o, d, &text), RNNC_INVALID_ARGUMENT, d, "how long is T? length T");
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
    o.threads = 257;
    refuse_report(&f, o, bad, "0 to 256");
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
        cmocka_unit_test(test_check),       cmocka_unit_test(test_check_lengths),
        cmocka_unit_test(test_dump),        cmocka_unit_test(test_dump_statistics),
        cmocka_unit_test(test_dump_text),   cmocka_unit_test(test_program_dump),
        cmocka_unit_test(test_bench),       cmocka_unit_test(test_plot_metrics),
        cmocka_unit_test(test_plot),        cmocka_unit_test(test_null),
        cmocka_unit_test(test_bad_reports), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
