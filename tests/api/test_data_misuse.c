// Batches that do not fit, and callbacks that reach for what is in use: each is a status, and afterwards all is as if
// nobody had asked. What errors call settings, and what data hold.
#include "tests/api/trained.h"

static const rnnc_status bad = RNNC_INVALID_ARGUMENT;

// Whoever has no command line is told nothing of its options.
static void test_words(void **state) {
    (void)state;
    static const char *const misspelt[] = {"hiden=3"};
    trained t = trained_make("wild", 1);
    rnnc_model *m = NULL;
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.settings = misspelt;
    options.setting_count = 1;
    fixture_refused(
        rnnc_model_from_text(trained_series, strlen(trained_series), "series.rnn", &options, t.d, &m),
        RNNC_TYPE, t.d, "settings hiden:1:1: error");
    assert_int_equal(rnnc_fit(t.context, NULL, t.data, NULL, t.d, NULL), bad);
    assert_non_null(strstr(rnnc_diagnostics_text(t.d), "try a smaller rate: settings rate="));
    assert_null(strstr(rnnc_diagnostics_text(t.d), "--set"));
    trained_release(&t);
}

// ---- A batch that a context cannot hold ----

static rnnc_context *small_context(const trained *t) {
    rnnc_compile_options options = fixture_options(RNNC_EVALUATE, 1, TRAINED_STEPS);
    rnnc_program *p = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_program_compile(t->model, &options, t->d, &p), t->d);
    fixture_ok(rnnc_context_create(p, t->weights, t->d, &c), t->d);
    rnnc_program_release(p);
    return c;
}

static int64_t count_rows(rnnc_feed *feed, const trained *t) {
    int64_t rows = 0, all = 0;
    do {
        fixture_ok(rnnc_feed_next(feed, t->validation, t->d, &rows), t->d);
        all += rows;
    } while (rows);
    return all;
}

static void test_next_again(void **state) {
    (void)state;
    trained t = trained_make("best", 1);
    rnnc_context *small = small_context(&t);
    rnnc_feed *feed = NULL;
    int64_t rows = -1;
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_TRAINING, RNNC_SHUFFLED, 1, t.d, &feed), t.d);
    for (int64_t done = 0; done < 2; done++) {
        fixture_ok(rnnc_feed_start(feed, 2, done), t.d);
        assert_int_equal(rnnc_feed_next(feed, small, t.d, &rows), bad);
        assert_int_equal(rows, 0);
        assert_int_equal(rnnc_feed_next(feed, small, t.d, &rows), bad);
        rnnc_diagnostics_clear(t.d);
        assert_int_equal(count_rows(feed, &t),
                         rnnc_data_count(t.data, RNNC_PART_TRAINING) - done * TRAINED_BATCH);
    }
    rnnc_feed_destroy(feed);
    rnnc_context_destroy(small);
    trained_release(&t);
}

// ---- Callbacks that use the contexts ----

typedef struct intruder {
    const trained *t;
    rnnc_feed *feed;
    const char *path;
    int calls;
} intruder;

static void refuse_runs(const trained *t, rnnc_feed *feed) {
    const char use[] = "in use by rnnc_fit";
    int64_t rows;
    rnnc_measures all;
    fixture_refused(rnnc_fit(t->context, t->validation, t->data, NULL, t->d, NULL), bad, t->d, use);
    fixture_refused(rnnc_evaluate(t->validation, t->data, RNNC_PART_TRAINING, 1, t->d, &all), bad, t->d, use);
    fixture_refused(rnnc_train_step(t->context, t->d, NULL), bad, t->d, use);
    fixture_refused(rnnc_run(t->validation, t->d), bad, t->d, use);
    fixture_refused(rnnc_feed_next(feed, t->context, t->d, &rows), bad, t->d, use);
}

static void refuse_changes(const trained *t, const char *path) {
    const char use[] = "in use by rnnc_fit";
    static float array[TRAINED_STEPS * TRAINED_BATCH * 2];
    size_t count = rnnc_context_input_elements(t->context, 0);
    assert_in_range(count, 1, sizeof array / sizeof *array);
    fixture_refused(rnnc_context_set_extents(t->context, 1, 1, t->d), bad, t->d, use);
    fixture_refused(rnnc_context_write_input(t->context, 0, RNNC_STEPS_FIRST, array, count, t->d), bad, t->d,
                    use);
    fixture_refused(rnnc_context_bind_input(t->context, 0, array, count, t->d), bad, t->d, use);
    fixture_refused(rnnc_context_bind_output(t->validation, 0, NULL, 0, NULL, t->d), bad, t->d, use);
    fixture_refused(rnnc_context_save_training(t->context, path, t->d), bad, t->d, use);
    fixture_refused(rnnc_context_load_training(t->context, path, t->d), bad, t->d, use);
}

static int intrude(void *user, const rnnc_fit_report *report) {
    intruder *who = user;
    (void)report;
    refuse_runs(who->t, who->feed);
    refuse_changes(who->t, who->path);
    who->calls++;
    return 0;
}

static void test_callbacks(void **state) {
    (void)state;
    char path[4096];
    trained t = trained_make("best", 1), alone = trained_make("best", 1);
    intruder who = {.t = &t, .path = path};
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    rnnc_measures all, undisturbed;
    trained_path(path, "misuse.safetensors");
    fixture_ok(rnnc_context_save_training(t.context, path, t.d), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_TRAINING, RNNC_SHUFFLED, 1, t.d, &who.feed), t.d);
    options.progress = intrude;
    options.progress_user = &who;
    fixture_ok(rnnc_fit(t.context, t.validation, t.data, &options, t.d, NULL), t.d);
    fixture_ok(rnnc_fit(alone.context, alone.validation, alone.data, NULL, alone.d, NULL), alone.d);
    assert_in_range(who.calls, 3, 1000);
    fixture_ok(rnnc_evaluate(t.validation, t.data, RNNC_PART_TRAINING, 1, t.d, &all), t.d);
    fixture_ok(rnnc_evaluate(alone.validation, alone.data, RNNC_PART_TRAINING, 1, alone.d, &undisturbed),
               alone.d);
    assert_true(all.at[0].value == undisturbed.at[0].value);
    fixture_ok(rnnc_context_save_training(t.context, path, t.d), t.d);
    rnnc_feed_destroy(who.feed);
    trained_release(&t);
    trained_release(&alone);
}

// ---- The data's own values, and files beside weights ----

static void test_values(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_array *values = NULL;
    fixture_ok(rnnc_data_values(t.data, "value", t.d, &values), t.d);
    assert_int_equal(rnnc_array_type(values), RNNC_F64);
    assert_int_equal(rnnc_array_dimension(values, 0), TRAINED_PLACES);
    assert_int_equal(rnnc_array_dimension(values, 1), 2);
    const double *at = rnnc_array_data(values);
    for (int i = 0; i < TRAINED_PLACES; i++) {
        assert_true(fabs(at[2 * i] - sin(i / 3.0)) < 1e-6 && fabs(at[2 * i + 1] - 5 - cos(i / 4.0)) < 1e-6);
    }
    rnnc_array_destroy(values);
    fixture_refused(rnnc_data_values(t.data, "nothing", t.d, &values), bad, t.d, "no data for 'nothing'");
    assert_null(values);
    fixture_refused(rnnc_data_values(NULL, "value", t.d, &values), bad, t.d, "values are of data");
    fixture_refused(rnnc_data_values(t.data, NULL, t.d, &values), bad, t.d, "values are of data");
    fixture_refused(rnnc_data_values(t.data, "value", t.d, NULL), bad, t.d, "values are of data");
    fixture_ok(rnnc_data_save_vocabularies(t.data, "/nowhere/w.safetensors", t.d), t.d);
    fixture_refused(rnnc_data_save_vocabularies(t.data, NULL, t.d), bad, t.d, "vocabularies are of data");
    fixture_refused(rnnc_data_save_vocabularies(NULL, "w", t.d), bad, t.d, "vocabularies are of data");
    trained_release(&t);
}

static void test_tokens(void **state) {
    (void)state;
    static const char text[] = "model letters() {\n input text: token(9)[T]\n target next: token(9)[T]\n"
                               " logits = linear(9, rnn(3, embedding(9, 3, text)))\n"
                               " loss = mean[T, batch] cross_entropy(logits, next)\n output logits\n}\n"
                               "train a { batch 1  steps T = 3  optimizer sgd(rate = 1)  epochs 1\n"
                               " data { text = characters(\"text\")  next = ahead(text, 1)  streams } }\n";
    static const int32_t wanted[] = {0, 1, 2, 0, 1, 2, 2, 2};
    char pair[4096];
    rnnc_diagnostics *d = NULL;
    rnnc_array *values = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model(text, d);
    trained_file(pair, "text", "abcabccc");
    rnnc_data *data = trained_open(m, pair, d);
    fixture_ok(rnnc_data_values(data, "next", d, &values), d);
    assert_int_equal(rnnc_array_type(values), RNNC_I32);
    assert_int_equal(rnnc_array_count(values), sizeof wanted / sizeof *wanted);
    assert_memory_equal(rnnc_array_data(values), wanted, sizeof wanted);
    fixture_refused(rnnc_data_save_vocabularies(data, "/nowhere/w.safetensors", d), RNNC_IO, d,
                    "/nowhere/w.text.json");
    rnnc_array_destroy(values);
    rnnc_data_release(data);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),  cmocka_unit_test(test_next_again), cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_values), cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
