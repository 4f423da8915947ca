// Objects, libraries and programs built through the library: they give the bits of rnnc_run(), and are byte for byte the
// files of `rnnc build`.
#include "tests/api/builds.h"

// ---- What is built gives the bits of a run ----

static const char main_text[] = "#include <stdio.h>\n"
                                "#include \"series.h\"\n"
                                "static _Alignas(SERIES_ARENA_ALIGN) char arena[SERIES_ARENA_BYTES];\n"
                                "#ifdef SERIES_WEIGHTS_FILE_BYTES\n"
                                "static _Alignas(64) char weights[SERIES_WEIGHTS_FILE_BYTES];\n"
                                "#endif\n"
                                "int main(void) {\n"
                                "    float x[54], y[27];\n"
                                "    FILE *in = fopen(\"x.bin\", \"rb\");\n"
                                "    int bad = !in || fread(x, sizeof x, 1, in) != 1;\n"
                                "#ifdef SERIES_WEIGHTS_FILE_BYTES\n"
                                "    FILE *file = fopen(\"series.weights\", \"rb\");\n"
                                "    bad |= !file || fread(weights, sizeof weights, 1, file) != 1;\n"
                                "    bad |= series_init(arena, weights, sizeof weights);\n"
                                "#else\n"
                                "    bad |= series_init(arena);\n"
                                "#endif\n"
                                "#ifdef TRAINED\n"
                                "    float loss, next[27] = {0};\n"
                                "    bad |= series_train_step(arena, 3, 9, x, next, &loss);\n"
                                "#endif\n"
                                "    bad |= series_run(arena, 3, 9, x, y);\n"
                                "    FILE *out = fopen(\"y.bin\", \"wb\");\n"
                                "    bad |= !out || fwrite(y, sizeof y, 1, out) != 1;\n"
                                "    return bad;\n"
                                "}\n";

static void run_forward(const fixture *f, const float *values, float *forecast) {
    rnnc_program *p = fixture_program(f->model, RNNC_FORWARD, 1, f->d);
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create(p, f->d, &w), f->d);
    fixture_ok(rnnc_weights_copy(w, f->weights, f->d), f->d);
    fixture_ok(rnnc_context_create(p, w, f->d, &c), f->d);
    fixture_ok(rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, values, BUILDS_VALUES * BUILDS_INPUTS, f->d),
               f->d);
    fixture_ok(rnnc_run(c, f->d), f->d);
    fixture_ok(rnnc_context_read_output(c, 0, RNNC_STEPS_FIRST, forecast, BUILDS_VALUES, f->d), f->d);
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    rnnc_program_release(p);
}

// Compiles the program above with |flags| and what was built, runs it, and compares what it writes.
static void check_bits(const fixture *f, const char *flags) {
    float values[BUILDS_VALUES * BUILDS_INPUTS], wanted[BUILDS_VALUES], found[BUILDS_VALUES];
    char command[512], path[4096];
    fixture_fill(values, BUILDS_VALUES * BUILDS_INPUTS, 7);
    run_forward(f, values, wanted);
    builds_write("x.bin", values, sizeof values);
    builds_write("main.c", main_text, strlen(main_text));
    snprintf(command, sizeof command, "cc -std=c11 -Wall -Werror main.c %s -o main && ./main", flags);
    builds_must(command);
    builds_path(path, "y.bin");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(found, sizeof found, 1, file), 1);
    fclose(file);
    assert_memory_equal(found, wanted, sizeof wanted);
}

static void train_once(const fixture *f) {
    float values[BUILDS_VALUES * BUILDS_INPUTS], next[BUILDS_VALUES] = {0};
    fixture_fill(values, BUILDS_VALUES * BUILDS_INPUTS, 7);
    fixture_ok(rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, values,
                                        BUILDS_VALUES * BUILDS_INPUTS, f->d),
               f->d);
    fixture_ok(rnnc_context_write_input(f->context, 1, RNNC_STEPS_FIRST, next, BUILDS_VALUES, f->d), f->d);
    fixture_ok(rnnc_train_step(f->context, f->d, NULL), f->d);
}

static void test_bits(void **state) {
    (void)state;
    fixture f = builds_trained();
    rnnc_build_options o = builds_options();
    o.cpu = fixture_cpu();
    rnnc_artifact *a = builds_make(&f, &o);
    builds_save(a, "series", ".o");
    check_bits(&f, "series.o");
    rnnc_artifact_destroy(a);
    o.kind = RNNC_BUILD_ARCHIVE;
    a = builds_make(&f, &o);
    builds_save(a, "series", ".a");
    check_bits(&f, "series.a");
    rnnc_artifact_destroy(a);
    o.kind = RNNC_BUILD_OBJECT;
    o.weights_apart = 1;
    o.in_this_process = 1;
    a = builds_make(&f, &o);
    builds_save(a, "series", ".o");
    check_bits(&f, "series.o");
    rnnc_artifact_destroy(a);
    fixture_free(&f);
}

// What learns does so as rnnc_train_step() does; without weights it begins with first ones.
static void test_learning(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    rnnc_build_options o = builds_options();
    o.cpu = fixture_cpu();
    o.train = 1;
    rnnc_artifact *given = builds_make(&f, &o), *first = NULL;
    fixture_ok(rnnc_build(f.model, NULL, &o, f.d, &first), f.d);
    builds_save(given, "series", ".o");
    builds_same("series.o", rnnc_artifact_file(first, RNNC_FILE_BINARY));
    train_once(&f);
    check_bits(&f, "-DTRAINED series.o");
    rnnc_artifact_destroy(first);
    rnnc_artifact_destroy(given);
    fixture_free(&f);
}

// ---- The files are those of the command ----

typedef struct same_case {
    const char *ending, *arguments;
    rnnc_build_options options;
} same_case;

static void check_same(const fixture *f, const char *model, const same_case *c) {
    char command[4096];
    rnnc_artifact *a = builds_make(f, &c->options);
    const rnnc_bytes *weights = rnnc_artifact_file(a, RNNC_FILE_WEIGHTS);
    const rnnc_bytes *sizes = rnnc_artifact_file(a, RNNC_FILE_SIZES);
    assert_int_equal(weights != NULL, c->options.weights_apart);
    assert_int_equal(sizes != NULL, c->options.size_report);
    snprintf(command, sizeof command,
             "rm -f command* && \"$RNNC\" build %s -o command%s --header command.h %s %s", model, c->ending,
             c->arguments, weights ? "--weights-file command.weights" : "");
    builds_must(command);
    if (sizes) {
        builds_same("said", sizes);
    }
    snprintf(command, sizeof command, "command%s", c->ending);
    builds_same(command, rnnc_artifact_file(a, RNNC_FILE_BINARY));
    builds_same("command.h", rnnc_artifact_file(a, RNNC_FILE_HEADER));
    if (weights) {
        builds_same("command.weights", weights);
    }
    rnnc_artifact_destroy(a);
}

#define SERIES "series.rnn --weights series.safetensors --batch 3 --length 9 "

// The model and its weights, for both sides.
static fixture begin_series(void) {
    char path[4096];
    if (!getenv("RNNC") || fixture_is_slow()) {
        skip();
    }
    fixture f = builds_trained();
    builds_write("series.rnn", fixture_series, strlen(fixture_series));
    builds_path(path, "series.safetensors");
    fixture_ok(rnnc_weights_save(f.weights, path, f.d), f.d);
    return f;
}

static void test_same_files(void **state) {
    (void)state;
    fixture f = begin_series();
    static const char three[] = "x86-64-v2,x86-64-v3,x86-64-v4";
    same_case cases[] = {
        {".o", "--size-report", builds_options()},
        {".a", "--name other --parallel 4", builds_options()},
        {".o", "--target aarch64-linux-gnu", builds_options()},
        {".a", "--target aarch64-macos", builds_options()},
        {".o", "--target wasm32-simd128 --train --seed 9", builds_options()},
        {".o", "--cpu x86-64-v2,x86-64-v3,x86-64-v4", builds_options()},
        {".o", "--train --target x86-64-v2,x86-64-v3,x86-64-v4 --parallel 2", builds_options()},
        {".so", "", builds_options()},
        {"", "", builds_options()},
    };
    cases[0].options.size_report = cases[0].options.weights_apart = 1;
    cases[1].options.kind = RNNC_BUILD_ARCHIVE;
    cases[1].options.name = "other";
    cases[1].options.parallel = 4;
    cases[1].options.file_name = "command.a";
    cases[2].options.target = "aarch64-linux-gnu";
    cases[3].options.kind = RNNC_BUILD_ARCHIVE;
    cases[3].options.target = "aarch64-macos";
    cases[3].options.file_name = "/nowhere/command.a";
    cases[4].options.target = "wasm32-simd128";
    cases[4].options.train = 1;
    cases[4].options.seed = 9;
    cases[5].options.cpu = three;
    cases[6].options.target = three;
    cases[6].options.train = 1;
    cases[6].options.parallel = 2;
    cases[7].options.kind = RNNC_BUILD_SHARED;
    cases[7].options.file_name = "command.so";
    cases[8].options.kind = RNNC_BUILD_PROGRAM;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_same(&f, SERIES, &cases[i]);
    }
    fixture_free(&f);
}

// Passes of the caller's are the command's, in what is built and in what they say.
static void test_passes(void **state) {
    (void)state;
    fixture f = begin_series();
    rnnc_bytes *printed = NULL, *statistics = NULL, *timings = NULL;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    passes.bisect_limit = 0;
    passes.print_after = "lower";
    passes.out_printed = &printed;
    same_case c = {".o", "--bisect-limit 0 --print-after lower", builds_options()};
    c.options.passes = &passes;
    for (int train = 0; train < 2; train++) {
        c.arguments = train ? "--bisect-limit 0 --print-after lower --train" : c.arguments;
        c.options.train = train;
        check_same(&f, SERIES, &c);
        assert_non_null(printed);
        builds_same("said", printed);
        rnnc_bytes_destroy(printed);
    }
    passes = (rnnc_pass_options)RNNC_PASS_OPTIONS;
    passes.out_statistics = &statistics;
    passes.out_timings = &timings;
    rnnc_artifact_destroy(builds_make(&f, &c.options));
    assert_non_null(strstr(rnnc_bytes_data(statistics), "arena"));
    assert_non_null(strstr(rnnc_bytes_data(timings), "lower"));
    rnnc_bytes_destroy(statistics);
    rnnc_bytes_destroy(timings);
    fixture_free(&f);
}

// A text model's object has the vocabulary that came with the weights.
static void test_same_texts(void **state) {
    (void)state;
    char path[4096], command[1024];
    const char *source = getenv("RNNC_SOURCE");
    if (!getenv("RNNC") || !source || fixture_is_slow()) {
        skip();
    }
    static const char *const settings[] = {"alphabet=3", "hidden=8", "layers=1",
                                           "batch=2",    "T=4",      "validation_last=0"};
    snprintf(
        command, sizeof command,
        "printf 'ab\\nabba\\nab\\nabab\\nbaba\\nabba\\nab\\nba\\n' >text && \"$RNNC\" train "
        "'%s/examples/characters.rnn' --set alphabet=3 --set hidden=8 --set layers=1 --set batch=2 --set "
        "T=4 --set validation_last=0 --epochs 1 --quiet --data text=text --weights-out "
        "text.safetensors",
        source);
    builds_must(command);
    fixture f = {0};
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof *settings;
    snprintf(path, sizeof path, "%s/examples/characters.rnn", source);
    fixture_ok(rnnc_model_from_file(path, &options, f.d, &f.model), f.d);
    f.program = fixture_program(f.model, RNNC_EVALUATE, 1, f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    builds_path(path, "text.safetensors");
    fixture_ok(rnnc_weights_load(f.weights, path, f.d), f.d);
    same_case c = {".o", "--batch 1 --length 4", builds_options()};
    c.options.max_batch = 1;
    c.options.max_length = 4;
    snprintf(
        command, sizeof command,
        "'%s/examples/characters.rnn' --set alphabet=3 --set hidden=8 --set layers=1 --set batch=2 --set "
        "T=4 --set validation_last=0 --weights text.safetensors",
        source);
    check_same(&f, command, &c);
    builds_must("grep -q _encode command.h");
    // Weights without one are no error.
    rnnc_weights *bare = NULL;
    rnnc_artifact *a = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &bare), f.d);
    fixture_ok(rnnc_weights_initialize(bare, 1, f.d), f.d);
    fixture_ok(rnnc_build(f.model, bare, &c.options, f.d, &a), f.d);
    assert_null(strstr(rnnc_bytes_data(rnnc_artifact_file(a, RNNC_FILE_HEADER)), "_encode"));
    assert_non_null(strstr(rnnc_diagnostics_text(f.d), "note: the weights hold no vocabulary for"));
    rnnc_artifact_destroy(a);
    rnnc_weights_release(bare);
    fixture_free(&f);
}

// ---- What files hold ----

static void test_inspect(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_build_options o = builds_options();
    rnnc_inspect_options how = RNNC_INSPECT_OPTIONS;
    o.kind = RNNC_BUILD_ARCHIVE;
    o.target = "riscv64-linux-gnu";
    o.weights_apart = 1;
    rnnc_artifact *a = builds_make(&f, &o);
    builds_save(a, "look", ".a");
    rnnc_bytes *text = NULL;
    const rnnc_bytes *binary = rnnc_artifact_file(a, RNNC_FILE_BINARY);
    how.name = "look.a";
    for (how.in_this_process = 0; how.in_this_process < 2; how.in_this_process++) {
        fixture_ok(rnnc_inspect(rnnc_bytes_data(binary), rnnc_bytes_size(binary), &how, f.d, &text), f.d);
        assert_non_null(strstr(rnnc_bytes_data(text), "look.a(series.o): ELF"));
        assert_non_null(strstr(rnnc_bytes_data(text), "riscv64"));
        if (getenv("RNNC")) {
            builds_must("\"$RNNC\" inspect look.a");
            builds_same("said", text);
        }
        rnnc_bytes_destroy(text);
    }
    binary = rnnc_artifact_file(a, RNNC_FILE_WEIGHTS);
    fixture_ok(rnnc_inspect(rnnc_bytes_data(binary), rnnc_bytes_size(binary), NULL, f.d, &text), f.d);
    assert_memory_equal(rnnc_bytes_data(text), "object: weights for an object", 29);
    rnnc_bytes_destroy(text);
    fixture_refused(rnnc_inspect("no such thing", 13, NULL, f.d, &text), RNNC_CORRUPT, f.d, "object: ");
    assert_null(text);
    fixture_ok(rnnc_targets(f.d, &text), f.d);
    assert_non_null(strstr(rnnc_bytes_data(text), "\nwasm32 "));
    if (getenv("RNNC")) {
        builds_must("\"$RNNC\" build --target list");
        builds_same("said", text);
    }
    rnnc_bytes_destroy(text);
    rnnc_artifact_destroy(a);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),   cmocka_unit_test(test_learning),   cmocka_unit_test(test_same_files),
        cmocka_unit_test(test_passes), cmocka_unit_test(test_same_texts), cmocka_unit_test(test_inspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
