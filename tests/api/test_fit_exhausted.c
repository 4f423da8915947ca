// Data that are opened, a training with all that it keeps, and an evaluation, while the system's memory ends: a status,
// whichever allocation fails, nothing lost, and contexts that work on. A program of its own, as it stands before malloc.
#include "tests/api/exhaust.h"
#include "tests/api/trained.h"

// ---- What is done ----

// Windows that overlap, states that are carried on, words, validation, the best weights.
static const char words_model[] =
    "model writer(vocab = 30, hidden = 3) {\n"
    "    input  text: token(vocab)[T]\n"
    "    target next: token(vocab)[T]\n"
    "    logits = linear(vocab, lstm(hidden, embedding(vocab, 2, text)))\n"
    "    loss = mean[T, batch] cross_entropy(logits, next)\n"
    "    output logits\n"
    "}\n"
    "train streams {\n"
    "    batch 2  steps T = 4 every 2  carry state\n"
    "    optimizer sgd(rate = 0.1)  epochs 1\n"
    "    data { text = words(\"text\")  next = ahead(text, 1)  streams  validation last 9  keep best }\n"
    "}\n";

typedef struct work {
    trained t;
    char pair[4096], folder[4096], metrics[4096];
} work;

static rnnc_status open_data(const work *w, rnnc_data **out_data) {
    const char *paths = w->pair;
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    options.paths = &paths;
    options.path_count = 1;
    return rnnc_data_open(w->t.model, &options, w->t.d, out_data);
}

static rnnc_status use_data(const work *w, rnnc_data *data, bool resumes) {
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    rnnc_fit_result result;
    rnnc_measures all;
    options.checkpoint_folder = w->folder;
    options.checkpoint_every = 2;
    options.checkpoint_keep = 1;
    options.metrics_path = w->metrics;
    options.max_steps = 4;
    options.resume = resumes ? "" : NULL;
    rnnc_status status = rnnc_data_measure(data, w->t.weights, w->t.d);
    status =
        status == RNNC_OK ? rnnc_fit(w->t.context, w->t.validation, data, &options, w->t.d, &result) : status;
    return status == RNNC_OK ? rnnc_evaluate(w->t.validation, data, RNNC_PART_ALL, 1, w->t.d, &all) : status;
}

static rnnc_status keep_data(const work *w, const rnnc_data *data) {
    rnnc_array *values = NULL;
    char path[4200];
    snprintf(path, sizeof path, "%s.safetensors", w->folder);
    rnnc_status status = rnnc_weights_save(w->t.weights, path, w->t.d);
    status = status == RNNC_OK ? rnnc_data_save_vocabularies(data, path, w->t.d) : status;
    status = status == RNNC_OK ? rnnc_data_values(data, "next", w->t.d, &values) : status;
    rnnc_array_destroy(values);
    return status;
}

static rnnc_status do_all(const work *w, bool resumes) {
    rnnc_data *data = NULL;
    rnnc_status status = open_data(w, &data);
    status = status == RNNC_OK ? use_data(w, data, resumes) : status;
    status = status == RNNC_OK ? keep_data(w, data) : status;
    rnnc_data_release(data);
    return status;
}

static void empty_folder(const work *w) {
    static const char *const names[] = {"best", "step-000000000002", "step-000000000004"};
    for (int i = 0; i < 3; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s.safetensors", w->folder, names[i]);
        remove(path);
    }
}

// ---- Once for each allocation ----

// The parsers of JSON and of numbers lose bytes where there is no memory, and the C library has an error of its own.
static bool said_by_others(const rnnc_diagnostics *d) {
    const char *text = rnnc_diagnostics_text(d);
    return strstr(text, strerror(ENOMEM)) || strstr(text, "none of its");
}

// Returns whether the allocation |at| came.
static bool fail_once(const work *w, int at, bool resumes, int *refused) {
    if (!resumes) {
        empty_folder(w);
    }
    rnnc_diagnostics_clear(w->t.d);
    watch(at);
    rnnc_status status = do_all(w, resumes);
    bool came = made >= at;
    bool expected = status == RNNC_OUT_OF_MEMORY || status == RNNC_OK || said_by_others(w->t.d);
    if (!expected) {
        print_error("%s\n", rnnc_diagnostics_text(w->t.d));
    }
    rnnc_diagnostics_clear(w->t.d);
    end_watch(at, status, expected, refused);
    return came;
}

// Every |by|th.
static void fail_each(work *w, bool resumes, int by) {
    int at = 1, refused = 0;
    empty_folder(w);
    fixture_ok(do_all(w, false), w->t.d);
    while (fail_once(w, at, resumes, &refused)) {
        at += by;
    }
    print_message("%d allocations, %d were needed of every %dth\n", at - 1, refused, by);
    assert_true(refused > 10);
    empty_folder(w);
    fixture_ok(do_all(w, false), w->t.d);
}

static void make_paths(work *w) {
    trained_path(w->folder, "exhausted");
    trained_path(w->metrics, "exhausted.jsonl");
}

static void test_series(void **state) {
    (void)state;
    work w = {.t = trained_make("best", 1)};
    trained_table(w.pair);
    make_paths(&w);
    fail_each(&w, false, 5);
    fail_each(&w, true, 7);
    trained_release(&w.t);
}

static void test_words(void **state) {
    (void)state;
    work w = {0};
    char text[1024] = "";
    for (int i = 0; i < 60; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "w%d%s", i * 7 % 11,
                 i % 6 == 5 ? "\n" : " ");
    }
    trained_file(w.pair, "text", text);
    make_paths(&w);
    assert_int_equal(rnnc_diagnostics_create(&w.t.d), RNNC_OK);
    w.t.model = fixture_model(words_model, w.t.d);
    fixture_ok(open_data(&w, &w.t.data), w.t.d);
    w.t.context = trained_context(&w.t, RNNC_TRAIN, 1, &w.t.weights);
    w.t.validation = trained_context(&w.t, RNNC_EVALUATE, 1, &w.t.weights);
    fixture_ok(rnnc_weights_initialize(w.t.weights, 1, w.t.d), w.t.d);
    fail_each(&w, false, 7);
    trained_release(&w.t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_series), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
