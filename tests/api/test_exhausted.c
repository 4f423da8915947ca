// What of the library's is in the system's memory while its handles are in the caller's: nothing. And what happens when
// the system has none: a status, whichever allocation fails. A program of its own, as it stands before malloc.
#include "tests/api/chain.h"
#include "tests/api/exhaust.h"

// ---- An allocator that does not come this way ----

static void *take(void *user, size_t bytes, size_t alignment) {
    ++*(int *)user;
    return __libc_memalign(alignment, bytes);
}

static void give(void *user, void *block) {
    --*(int *)user;
    __libc_free(block);
}

// ---- Nothing is kept ----

static void check_nothing_kept(chain_kind kind, const char *file) {
    int out = 0;
    rnnc_allocator a = {&out, take, give};
    chain_memory memory = {&a, &a, &a, &a, &a};
    chain c;
    for (int i = 0; i < 2; i++) { // the first one loads what stays: LLVM's module, the C library's own
        watch(0);
        rnnc_status status = chain_make(&c, kind, &memory);
        int kept = live;
        status = status == RNNC_OK ? chain_use(&c, file) : status;
        watching = false;
        fixture_ok(status, c.d);
        assert_true(out > 0 && made > 0);
        assert_int_equal(i ? kept : 0, 0);
        assert_int_equal(i ? live : 0, 0);
        chain_release(&c);
        assert_int_equal(out, 0);
    }
}

static void test_nothing_kept(void **state) {
    (void)state;
    char path[4096], file[4096];
    chain_write_model(path);
    chain_path(file, "kept.safetensors");
    static const rnnc_purpose purposes[] = {RNNC_FORWARD, RNNC_EVALUATE, RNNC_GRADIENTS, RNNC_TRAIN};
    for (int p = 0; p < 4; p++) {
        check_nothing_kept((chain_kind){NULL, purposes[p], "interpret", 1}, file);
        check_nothing_kept((chain_kind){path, purposes[p], "interpret", 1}, file);
        check_nothing_kept((chain_kind){NULL, purposes[p], fixture_cpu(), 1}, file);
    }
}

// ---- The system has none ----

// The parser of JSON loses bytes where it has no memory, and so finds mistakes in a file's header; the C library has an
// error of its own.
static bool said_by_others(const chain *c) {
    const char *text = rnnc_diagnostics_text(c->d);
    return strstr(text, ".safetensors") || strstr(text, strerror(ENOMEM));
}

// Returns whether the allocation |at| came. Some are not needed: of a message, a cache, the name of a file.
static bool fail_once(chain_kind kind, int at, const char *file, int *refused) {
    const chain_memory memory = {NULL, NULL, NULL, NULL, NULL};
    chain c;
    watch(at);
    rnnc_status status = chain_make(&c, kind, &memory);
    status = status == RNNC_OK ? chain_use(&c, kind.purpose == RNNC_TRAIN ? file : NULL) : status;
    bool expected = status == RNNC_OUT_OF_MEMORY || status == RNNC_OK || said_by_others(&c);
    if (!expected) {
        print_error("%s\n", rnnc_diagnostics_text(c.d));
    }
    chain_release(&c);
    end_watch(at, status, expected, refused);
    return made >= at;
}

static void test_exhausted(void **state) {
    (void)state;
    char path[4096], file[4096];
    chain_write_model(path);
    chain_path(file, "exhausted.safetensors");
    const chain_kind kinds[] = {{NULL, RNNC_FORWARD, "interpret", 1},
                                {NULL, RNNC_GRADIENTS, "interpret", 1},
                                {path, RNNC_TRAIN, "interpret", 1},
                                {NULL, RNNC_FORWARD, "reference", 1},
                                {path, RNNC_TRAIN, "reference", 1}};
    for (size_t p = 0; p < sizeof kinds / sizeof *kinds; p++) {
        chain_kind kind = kinds[p];
        int at = 1, refused = 0;
        while (fail_once(kind, at, file, &refused)) {
            at++;
        }
        print_message("%d allocations, of which %d are needed\n", at - 1, refused);
        assert_true(refused > 40);
    }
}

// ---- Texts and series ----

typedef struct texts {
    chain c;
    rnnc_speller *spells;
    rnnc_sampler *sampler;
    rnnc_array *tokens;
    rnnc_bytes *text; // NULL, or the right one
} texts;

static rnnc_status use_words(texts *t) {
    static const char lines[] = "the cat (the dog).\nthe end\n", one_line[] = "the cat (the dog). the end";
    rnnc_diagnostics *d = t->c.d;
    rnnc_status status = rnnc_weights_number_text(t->c.weights, NULL, lines, strlen(lines), d);
    status = status == RNNC_OK ? rnnc_speller_create(t->c.weights, NULL, d, &t->spells) : status;
    status = status == RNNC_OK ? rnnc_sampler_create(t->c.context, t->spells, NULL, d, &t->sampler) : status;
    status = status == RNNC_OK ? rnnc_speller_encode(t->spells, lines, strlen(lines), d, &t->tokens) : status;
    status = status == RNNC_OK ? rnnc_speller_decode(t->spells, rnnc_array_data(t->tokens),
                                                     rnnc_array_count(t->tokens), d, &t->text)
                               : status;
    status = status == RNNC_OK ? rnnc_sampler_prompt(t->sampler, lines, strlen(lines), d) : status;
    int32_t token;
    if (status == RNNC_OK) {
        assert_string_equal(rnnc_bytes_data(t->text), rnnc_speller_count(t->spells) < 12 ? one_line : lines);
    }
    return status == RNNC_OK ? rnnc_sampler_next(t->sampler, d, &token, NULL) : status;
}

static rnnc_status use_values(texts *t) {
    static const float values[4] = {1, 2, 3, 4};
    float forecast[2];
    return rnnc_forecast(t->c.context, values, 4, forecast, 2, t->c.d);
}

static void release_words(texts *t) {
    rnnc_bytes_destroy(t->text);
    rnnc_array_destroy(t->tokens);
    rnnc_sampler_destroy(t->sampler);
    rnnc_speller_release(t->spells);
    *t = (texts){.c = t->c};
}

static void make_texts(texts *t, const char *model, const chain_memory *memory) {
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.allocator = memory->model;
    *t = (texts){.c = {.kind = {NULL, RNNC_FORWARD, "interpret", 1}}};
    fixture_ok(rnnc_diagnostics_create_with(memory->diagnostics, &t->c.d), NULL);
    fixture_ok(rnnc_model_from_text(model, strlen(model), "texts.rnn", &options, t->c.d, &t->c.model),
               t->c.d);
    rnnc_compile_options how = RNNC_COMPILE_OPTIONS;
    how.cpu = "interpret";
    how.max_length = 9;
    fixture_ok(rnnc_program_compile(t->c.model, &how, t->c.d, &t->c.program), t->c.d);
    fixture_ok(rnnc_weights_create_with(t->c.program, memory->weights, t->c.d, &t->c.weights), t->c.d);
    fixture_ok(rnnc_weights_initialize(t->c.weights, 1, t->c.d), t->c.d);
    fixture_ok(chain_context(&t->c, memory->context), t->c.d);
}

// The parser of JSON again.
static void check_failed(const texts *t, rnnc_status status) {
    const char *said = rnnc_diagnostics_text(t->c.d);
    bool expected =
        status == RNNC_OUT_OF_MEMORY || (status == RNNC_CORRUPT && strstr(said, "the weights: ") != NULL);
    if (!expected) {
        print_error("%s: %s\n", rnnc_status_text(status), said);
    }
    assert_true(expected);
}

// Whichever allocation of the system's fails; and nothing of it is kept.
static void check_texts(const char *model, rnnc_status (*use)(texts *t), int least) {
    int out = 0, refused = 0, at = 1;
    rnnc_allocator a = {&out, take, give};
    chain_memory memory = {&a, &a, &a, &a, &a};
    texts t;
    make_texts(&t, model, &memory);
    for (bool came = true; came; at++) {
        rnnc_diagnostics_clear(t.c.d);
        watch(at);
        rnnc_status status = use(&t);
        watching = false;
        came = made >= at;
        assert_int_equal(live, 0);
        if (status != RNNC_OK) {
            check_failed(&t, status);
            refused++;
        }
        release_words(&t);
    }
    assert_true(refused >= least);
    chain_release(&t.c);
    assert_int_equal(out, 0);
}

static const char letters[] = "model letters() { input letters: token(16)[T]\n"
                              " output logits = linear(16, gru_cho(3, embedding(16, 2, letters)))\n}\n";

// Going on with a text takes no memory at all.
static void test_sampler(void **state) {
    (void)state;
    const chain_memory memory = {NULL, NULL, NULL, NULL, NULL};
    texts t;
    int32_t token = 0, best[3];
    double probabilities[3];
    size_t found = 0, spelt = 0;
    rnnc_sampling few = RNNC_SAMPLING;
    few.top_k = 3;
    make_texts(&t, letters, &memory);
    fixture_ok(use_words(&t), t.c.d);
    watch(0);
    rnnc_status status = RNNC_OK;
    for (int i = 0; i < 20 && status == RNNC_OK; i++) {
        const char *text = NULL;
        status = rnnc_sampler_next(t.sampler, t.c.d, &token, &text);
        spelt += strlen(text);
        status =
            status == RNNC_OK ? rnnc_sampler_best(t.sampler, 3, best, probabilities, t.c.d, &found) : status;
        status = status == RNNC_OK ? rnnc_sampler_feed(t.sampler, best[2], t.c.d) : status;
        status = status == RNNC_OK ? rnnc_draw(RNNC_F64, probabilities, 3, &few, 1, &token) : status;
    }
    watching = false;
    fixture_ok(status, t.c.d);
    assert_true(made == 0 && spelt > 0);
    release_words(&t);
    chain_release(&t.c);
}

static void test_texts(void **state) {
    (void)state;
    check_texts(letters, use_words, 10);
    check_texts("model words() { input words: token(12)[T]\n target next: token(12)[T]\n"
                " logits = linear(12, gru_cho(3, embedding(12, 2, words)))\n"
                " loss = mean[T, batch] cross_entropy(logits, next)\n output logits\n}\n"
                "train quick { batch 1 steps T = 3 optimizer sgd(rate = 1)\n"
                " data { words = words(\"text\", punctuation = true, unknown = true)\n"
                " next = ahead(words, 1)  streams }\n}\n",
                use_words, 20);
    check_texts("model trend() { input x: real[T]\n output y = linear(1, lstm(2, x))\n}\n", use_values, 2);
}

// ---- Reports, without memory ----

enum { REPORTS = 8 };

static const char tiny[] = "model m() {\n input x: real[T]\n target t: real[T]\n y = linear(1, rnn(2, x))\n"
                           " loss = mean[T, batch] mean squared_error(y, t)\n output y\n}\n"
                           "train r {\n batch 2 steps T = 3 optimizer adam(rate = 0.1) max_steps 1\n}\n";

static rnnc_status plot_tiny(rnnc_diagnostics *d, rnnc_bytes **text) {
    static const double y[] = {1, 2, 4};
    static const rnnc_curve curve = {"y", NULL, y, 3, RNNC_CURVE_LINE};
    return rnnc_plot(&curve, 1, NULL, d, text);
}

static rnnc_status dump_again(rnnc_model *m, const rnnc_report_options *o, rnnc_diagnostics *d,
                              rnnc_bytes **text) {
    rnnc_bytes *first = NULL;
    rnnc_status status = rnnc_model_dump(m, "graph", o, d, &first);
    if (status == RNNC_OK) {
        status =
            rnnc_dump_text(rnnc_bytes_data(first), rnnc_bytes_size(first), "t.ir", "program", o, d, text);
    }
    rnnc_bytes_destroy(first);
    return status;
}

static rnnc_status report_once(rnnc_model *m, int which, const char *metrics, rnnc_diagnostics *d,
                               rnnc_bytes **text) {
    rnnc_bytes *statistics = NULL;
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    rnnc_report_options o = RNNC_REPORT_OPTIONS;
    rnnc_status status = RNNC_OK;
    o.cpu = "interpret";
    o.runs = 1;
    passes.print_after = "all";
    passes.out_statistics = &statistics;
    o.passes = which == 1 ? &passes : NULL;
    switch (which) {
    case 0:
    case 1: status = rnnc_model_check(m, &o, d, text); break;
    case 2: status = rnnc_model_dump(m, "program", &o, d, text); break;
    case 3: status = rnnc_model_dump(m, "dot", &o, d, text); break;
    case 4: status = dump_again(m, &o, d, text); break;
    case 5: status = rnnc_model_bench(m, &o, d, text); break;
    case 6: status = plot_tiny(d, text); break;
    default: status = rnnc_plot_metrics(&metrics, 1, NULL, d, text);
    }
    rnnc_bytes_destroy(statistics);
    return status;
}

// Returns whether the allocation |at| came.
static bool report_without(rnnc_model *m, int which, int at, const char *metrics, int *refused) {
    rnnc_diagnostics *d = NULL;
    rnnc_bytes *text = NULL;
    watch(at);
    rnnc_status status = rnnc_diagnostics_create(&d);
    status = status == RNNC_OK ? report_once(m, which, metrics, d, &text) : status;
    // The parser of JSON loses bytes where it has no memory, and so finds mistakes in a line.
    bool parsed = which == REPORTS - 1 && status == RNNC_CORRUPT;
    bool expected = status == RNNC_OK || status == RNNC_OUT_OF_MEMORY || parsed;
    rnnc_bytes_destroy(text);
    rnnc_diagnostics_destroy(d);
    watching = false;
    if (!expected || live) {
        print_error("report %d, allocation %d: %s, %d blocks lost\n", which, at, rnnc_status_text(status),
                    live);
    }
    assert_true(expected);
    assert_int_equal(live, 0);
    *refused += status == RNNC_OUT_OF_MEMORY;
    return made >= at;
}

static void test_reports(void **state) {
    (void)state;
    char metrics[4096];
    rnnc_model *m = NULL;
    chain_path(metrics, "metrics.jsonl");
    chain_write_file(metrics, "{\"epoch\":1,\"loss\":2.5}\n{\"epoch\":2,\"loss\":1.5}\n");
    assert_int_equal(rnnc_model_from_text(tiny, strlen(tiny), "tiny.rnn", NULL, NULL, &m), RNNC_OK);
    for (int which = 0; which < REPORTS; which++) {
        int at = 1, refused = 0;
        while (report_without(m, which, at, metrics, &refused)) {
            at++;
        }
        print_message("report %d: %d allocations, of which %d are needed\n", which, at - 1, refused);
        assert_true(refused > 3);
    }
    rnnc_model_release(m);
}

// ---- Building, without memory ----

// Building, for another machine, so that LLVM works in the child alone: there it may give up, or not be loaded.
static bool build_without(const chain *c, rnnc_build_kind kind, int at, int *refused) {
    rnnc_build_options o = RNNC_BUILD_OPTIONS;
    rnnc_artifact *a = NULL;
    rnnc_diagnostics *d = NULL;
    o.kind = kind;
    o.target = "wasm32";
    o.train = 1;
    o.size_report = kind == RNNC_BUILD_ARCHIVE;
    watch(at);
    rnnc_diagnostics_create(&d);
    rnnc_status status = rnnc_build(c->model, NULL, &o, d, &a);
    bool ended = status == RNNC_IO || status == RNNC_UNSUPPORTED;
    bool expected = status == RNNC_OK || status == RNNC_OUT_OF_MEMORY || ended;
    rnnc_artifact_destroy(a);
    rnnc_diagnostics_destroy(d);
    end_watch(at, status, expected, refused);
    return made >= at;
}

static void test_build(void **state) {
    (void)state;
    const chain_memory memory = {NULL, NULL, NULL, NULL, NULL};
    char path[4096];
    chain c;
    chain_write_model(path);
    assert_int_equal(chain_make(&c, (chain_kind){path, RNNC_TRAIN, "interpret", 1}, &memory), RNNC_OK);
    static const rnnc_build_kind kinds[] = {RNNC_BUILD_OBJECT, RNNC_BUILD_ARCHIVE};
    for (int k = 0; k < 2; k++) {
        int at = 1, refused = 0;
        while (build_without(&c, kinds[k], at, &refused)) {
            at++;
        }
        print_message("%d allocations, of which %d are needed\n", at - 1, refused);
        assert_true(refused > 20);
    }
    chain_release(&c);
}

// ---- The caller has none ----

// As many blocks as there are |left|.
static void *take_some(void *user, size_t bytes, size_t alignment) {
    int *left = user;
    return *left && (*left)-- ? __libc_memalign(alignment, bytes) : NULL;
}

static void give_some(void *user, void *block) {
    (void)user;
    __libc_free(block);
}

// A series is computed in work space of the system's, value by value. An expression that is no number has made nodes, in
// the caller's memory, before it is refused.
static void write_series(char *text, size_t size) {
    snprintf(text, size,
             "function twice(v) {\n output v + v\n}\n"
             "model m() {\n input x: real[T]\n target y: real[T]\n"
             " loss = mean[T, batch] mean squared_error(x, y)\n}\n"
             "train p {\n batch 1 steps T = 4 optimizer sgd(rate = 0.1) max_steps 1\n"
             " data { x = series(twice(x)");
    for (int i = 0; i < 300; i++) {
        strncat(text, " + x", size - strlen(text) - 1);
    }
    strncat(text, " in t, t = 0 to 9 by 1) y = random(20) windows validation last 5 }\n}\n",
            size - strlen(text) - 1);
}

static void test_series(void **state) {
    (void)state;
    char text[4096];
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    int blocks = 0;
    write_series(text, sizeof text);
    for (; status == RNNC_OUT_OF_MEMORY; blocks++) {
        int left = blocks;
        rnnc_allocator some = {&left, take_some, give_some};
        rnnc_model_options options = RNNC_MODEL_OPTIONS;
        rnnc_model *m = NULL;
        options.allocator = &some;
        watch(0);
        status = rnnc_model_from_text(text, strlen(text), "series.rnn", &options, NULL, &m);
        watching = false;
        assert_null(m);
        assert_int_equal(live, 0);
    }
    assert_int_equal(status, RNNC_TYPE);
    assert_true(blocks > 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_kept), cmocka_unit_test(test_exhausted), cmocka_unit_test(test_sampler),
        cmocka_unit_test(test_texts),        cmocka_unit_test(test_reports),   cmocka_unit_test(test_series),
        cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
