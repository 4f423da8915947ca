// Data through the library: opened, asked, put into contexts batch by batch. tests/api/fit.sh has the forms of recipes.
#include <pthread.h>

#include "tests/api/trained.h"

// ---- What is known of data ----

static void test_questions(void **state) {
    (void)state;
    trained t = trained_make("best", 1), tested = trained_make("plain", 1);
    // 28 windows of 6 steps every 2 places; those that see a place of the last 5 belong to no part.
    assert_int_equal(rnnc_data_count(t.data, RNNC_PART_ALL), 28);
    assert_int_equal(rnnc_data_count(t.data, RNNC_PART_TRAINING), 21);
    assert_int_equal(rnnc_data_count(t.data, RNNC_PART_VALIDATION), 5);
    assert_int_equal(rnnc_data_count(t.data, RNNC_PART_TEST), 0);
    assert_int_equal(rnnc_data_count(t.data, RNNC_PART_EVALUATED), 28);
    assert_int_equal(rnnc_data_count(tested.data, RNNC_PART_EVALUATED), 3);
    assert_int_equal(rnnc_data_count(t.data, (rnnc_part)-1), 0);
    assert_int_equal(rnnc_data_count(NULL, RNNC_PART_ALL), 0);
    assert_int_equal(rnnc_data_batch(t.data), TRAINED_BATCH);
    assert_int_equal(rnnc_data_length(t.data, "T"), TRAINED_STEPS);
    assert_int_equal(rnnc_data_length(t.data, "S"), 0);
    assert_int_equal(rnnc_data_vocabulary(t.data, "value"), 0);
    assert_int_equal(rnnc_data_vocabulary(t.data, "nothing"), 0);
    trained_release(&t);
    trained_release(&tested);
}

static void check_opened(const char *pair, rnnc_status wanted, const char *text) {
    rnnc_diagnostics *d = NULL;
    rnnc_data *data = NULL;
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model(trained_series, d);
    options.paths = &pair;
    options.path_count = 1;
    fixture_refused(rnnc_data_open(m, &options, d, &data), wanted, d, text);
    assert_null(data);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

static void test_refused(void **state) {
    (void)state;
    char pair[4096];
    check_opened("table", RNNC_INVALID_ARGUMENT, "paths are \"KEY=PATH\", found \"table\"");
    check_opened("=x", RNNC_INVALID_ARGUMENT, "found \"=x\"");
    check_opened(NULL, RNNC_INVALID_ARGUMENT, "found \"\"");
    check_opened("tabel=x", RNNC_INVALID_ARGUMENT, "did you mean 'table'?");
    check_opened("table=/nowhere/x", RNNC_IO, "/nowhere/x");
    check_opened("table=", RNNC_INVALID_ARGUMENT, "paths are \"KEY=PATH\", found \"table=\"");
    trained_file(pair, "table", "a,b\n1,2\n3,x\n");
    check_opened(pair, RNNC_CORRUPT, "x");
    trained_file(pair, "table", "a\n1\n3\n");
    check_opened(pair, RNNC_TYPE, "no column b");
}

static void test_bad_use(void **state) {
    (void)state;
    trained t = trained_make("plain", 1), other = trained_make("plain", 1);
    rnnc_data *data = NULL;
    rnnc_feed *feed = NULL;
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    int64_t rows = 0;
    options.path_count = 1;
    fixture_refused(rnnc_data_open(t.model, &options, t.d, &data), RNNC_INVALID_ARGUMENT, t.d,
                    "paths are not NULL");
    options.struct_size = 1;
    fixture_refused(rnnc_data_open(t.model, &options, t.d, &data), RNNC_INVALID_ARGUMENT, t.d,
                    "RNNC_DATA_OPTIONS");
    fixture_refused(rnnc_data_open(NULL, NULL, t.d, &data), RNNC_INVALID_ARGUMENT, t.d, "data need a model");
    fixture_refused(rnnc_data_open(t.model, NULL, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d,
                    "data need a model");
    fixture_refused(rnnc_data_open(t.model, NULL, t.d, &data), RNNC_INVALID_ARGUMENT, t.d,
                    "paths table=FILE");
    const char *const twice[] = {"table=a", "table=b"};
    options = (rnnc_data_options)RNNC_DATA_OPTIONS;
    options.paths = twice;
    options.path_count = 2;
    fixture_refused(rnnc_data_open(t.model, &options, t.d, &data), RNNC_INVALID_ARGUMENT, t.d,
                    "paths: table stands twice");
    fixture_refused(rnnc_data_measure(t.data, other.weights, t.d), RNNC_INVALID_ARGUMENT, t.d, "their model");
    fixture_refused(rnnc_data_measure(NULL, t.weights, t.d), RNNC_INVALID_ARGUMENT, t.d, "their model");
    fixture_refused(rnnc_data_keep_vocabularies(t.data, NULL, t.d), RNNC_INVALID_ARGUMENT, t.d,
                    "their model");
    fixture_refused(rnnc_feed_create(NULL, RNNC_PART_ALL, RNNC_IN_ORDER, 1, t.d, &feed),
                    RNNC_INVALID_ARGUMENT, t.d, "a feed needs data");
    fixture_refused(rnnc_feed_create(t.data, RNNC_PART_ALL, (rnnc_order)5, 1, t.d, &feed),
                    RNNC_INVALID_ARGUMENT, t.d, "an order");
    fixture_refused(rnnc_feed_create(t.data, RNNC_PART_VALIDATION, RNNC_IN_ORDER, 1, t.d, &feed),
                    RNNC_INVALID_ARGUMENT, t.d, "nothing is held out for validation");
    assert_null(feed);
    fixture_ok(rnnc_feed_create(other.data, RNNC_PART_ALL, RNNC_SHUFFLED, 1, t.d, &feed), t.d);
    assert_int_equal(rnnc_feed_start(feed, 0, 0), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_feed_start(feed, 1, -1), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_feed_start(NULL, 1, 0), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_feed_batches(NULL), 0);
    fixture_refused(rnnc_feed_next(feed, t.context, t.d, &rows), RNNC_INVALID_ARGUMENT, t.d, "another model");
    fixture_refused(rnnc_feed_next(feed, other.context, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d,
                    "feeding needs");
    rnnc_feed_destroy(feed);
    rnnc_feed_destroy(NULL);
    rnnc_data_release(NULL);
    rnnc_data_retain(NULL);
    trained_release(&t);
    trained_release(&other);
}

// Programs take the maxima of their data, unless they have their own.
static void test_maxima(void **state) {
    (void)state;
    trained t = trained_make("plain", 1), other = trained_make("plain", 1);
    rnnc_compile_options options = fixture_options(RNNC_FORWARD, 0, 0);
    rnnc_program *p = NULL;
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    rnnc_feed *feed = NULL;
    int64_t rows = -1;
    options.data = other.data;
    fixture_refused(rnnc_program_compile(t.model, &options, t.d, &p), RNNC_INVALID_ARGUMENT, t.d,
                    "another model");
    options.data = t.data;
    options.max_batch = TRAINED_BATCH - 1;
    fixture_ok(rnnc_program_compile(t.model, &options, t.d, &p), t.d);
    fixture_ok(rnnc_weights_create(p, t.d, &w), t.d);
    fixture_ok(rnnc_context_create(p, w, t.d, &c), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_ALL, RNNC_IN_ORDER, 1, t.d, &feed), t.d);
    assert_int_equal(rnnc_feed_next(feed, c, t.d, &rows), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rows, 0);
    rnnc_feed_destroy(feed);
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    rnnc_program_release(p);
    trained_release(&t);
    trained_release(&other);
}

// ---- Batches ----

// The first value of each row of the next batch.
static int64_t next_firsts(rnnc_feed *feed, const trained *t, rnnc_context *c, float firsts[TRAINED_BATCH]) {
    int64_t rows = 0;
    fixture_ok(rnnc_feed_next(feed, c, t->d, &rows), t->d);
    if (rows == 0) {
        return 0;
    }
    float h[TRAINED_STEPS * TRAINED_BATCH];
    fixture_ok(rnnc_run(c, t->d), t->d);
    size_t count = (size_t)(TRAINED_STEPS * rows);
    fixture_ok(rnnc_context_read_output(c, 0, RNNC_ROWS_FIRST, h, count, t->d), t->d);
    for (int64_t i = 0; i < rows; i++) {
        firsts[i] = h[i * TRAINED_STEPS];
    }
    return rows;
}

static void list_epoch(rnnc_feed *feed, const trained *t, rnnc_context *c, float *out) {
    for (int64_t rows; (rows = next_firsts(feed, t, c, out)) > 0;) {
        out += rows;
    }
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

// Each epoch has all windows, in an order of its own, which only the seed and its number say.
static void test_orders(void **state) {
    (void)state;
    enum { WINDOWS = 28 };
    trained t = trained_make("plain", 1);
    rnnc_context *c = trained_context(&t, RNNC_FORWARD, 1, &t.weights);
    rnnc_feed *ordered = NULL, *shuffled = NULL;
    float lie[WINDOWS], first[WINDOWS], second[WINDOWS], again[WINDOWS];
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_ALL, RNNC_IN_ORDER, 5, t.d, &ordered), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_ALL, RNNC_SHUFFLED, 5, t.d, &shuffled), t.d);
    assert_int_equal(rnnc_feed_batches(shuffled), WINDOWS / TRAINED_BATCH);
    list_epoch(ordered, &t, c, lie);
    list_epoch(shuffled, &t, c, first);
    assert_int_equal(rnnc_feed_start(shuffled, 2, 0), RNNC_OK);
    list_epoch(shuffled, &t, c, second);
    assert_int_equal(rnnc_feed_start(shuffled, 1, 3), RNNC_OK);
    list_epoch(shuffled, &t, c, again);
    assert_memory_equal(again, first + 3 * TRAINED_BATCH, (WINDOWS - 3 * TRAINED_BATCH) * sizeof *first);
    assert_true(memcmp(first, second, sizeof first) != 0);
    assert_true(memcmp(first, lie, sizeof first) != 0);
    qsort(lie, WINDOWS, sizeof *lie, compare);
    qsort(first, WINDOWS, sizeof *first, compare);
    qsort(second, WINDOWS, sizeof *second, compare);
    assert_memory_equal(lie, first, sizeof lie);
    assert_memory_equal(lie, second, sizeof lie);
    rnnc_feed_destroy(ordered);
    rnnc_feed_destroy(shuffled);
    rnnc_context_destroy(c);
    trained_release(&t);
}

// Outputs stay bound from batch to batch; an input that was bound is read no more.
static void test_bound(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_context *c = trained_context(&t, RNNC_FORWARD, 1, &t.weights);
    rnnc_feed *feed = NULL, *other = NULL;
    float bound[TRAINED_STEPS * TRAINED_BATCH], wanted[TRAINED_STEPS * TRAINED_BATCH];
    static const float value[TRAINED_STEPS * TRAINED_BATCH * 2];
    int64_t rows;
    fixture_ok(rnnc_context_bind_input(c, 0, value, sizeof value / sizeof *value, t.d), t.d);
    fixture_ok(rnnc_context_bind_output(c, 0, bound, sizeof bound / sizeof *bound, NULL, t.d), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_ALL, RNNC_IN_ORDER, 5, t.d, &feed), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_ALL, RNNC_IN_ORDER, 5, t.d, &other), t.d);
    rnnc_context *plain = trained_context(&t, RNNC_FORWARD, 1, &t.weights);
    for (int i = 0; i < 3; i++) {
        fixture_ok(rnnc_feed_next(feed, c, t.d, &rows), t.d);
        fixture_ok(rnnc_run(c, t.d), t.d);
        fixture_ok(rnnc_feed_next(other, plain, t.d, &rows), t.d);
        fixture_ok(rnnc_run(plain, t.d), t.d);
        fixture_ok(
            rnnc_context_read_output(plain, 0, RNNC_STEPS_FIRST, wanted, sizeof wanted / sizeof *wanted, t.d),
            t.d);
        assert_memory_equal(bound, wanted, sizeof wanted);
    }
    rnnc_feed_destroy(feed);
    rnnc_feed_destroy(other);
    rnnc_context_destroy(c);
    rnnc_context_destroy(plain);
    trained_release(&t);
}

// ---- By name ----

enum { NAMED_ROWS = 5, NAMED_STEPS = 4, NAMED_HIDDEN = 3 };

static const char named_model[] = "model named() {\n"
                                  "    input  value: real(2)[T lengths]\n"
                                  "    h = lstm(3, value)\n"
                                  "    output h\n"
                                  "}\n";

static void save(char pair[4096], const char *name, rnnc_type type, int rank, const int64_t *dim,
                 const void *data) {
    char path[2048];
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, sizeof path, "%s/named.%s.npy", scratch ? scratch : "/tmp", name);
    snprintf(pair, 4096, "%s=%s", name, path);
    fixture_ok(rnnc_array_save(path, type, rank, dim, data, NULL), NULL);
}

typedef struct named {
    float value[NAMED_ROWS * NAMED_STEPS * 2], h[NAMED_ROWS * NAMED_HIDDEN];
    int32_t lengths[NAMED_ROWS];
    char pairs[3][4096];
} named;

static void make_named(named *n) {
    const int64_t values[] = {NAMED_ROWS, NAMED_STEPS, 2}, states[] = {NAMED_ROWS, NAMED_HIDDEN};
    fixture_fill(n->value, NAMED_ROWS * NAMED_STEPS * 2, 3);
    fixture_fill(n->h, NAMED_ROWS * NAMED_HIDDEN, 4);
    for (int i = 0; i < NAMED_ROWS; i++) {
        n->lengths[i] = 1 + i % NAMED_STEPS;
    }
    save(n->pairs[0], "value", RNNC_F32, 3, values, n->value);
    save(n->pairs[1], "lstm.0.h", RNNC_F32, 2, states, n->h);
    save(n->pairs[2], "T.lengths", RNNC_I32, 1, values, n->lengths);
}

enum { NAMED_OUT = NAMED_ROWS * NAMED_STEPS * NAMED_HIDDEN };

// With the first |count| of the files.
static void run_by_data(const fixture *f, const named *n, size_t count, float *out) {
    const char *paths[] = {n->pairs[0], n->pairs[1], n->pairs[2]};
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    rnnc_data *data = NULL;
    rnnc_feed *feed = NULL;
    int64_t rows = 0;
    options.paths = paths;
    options.path_count = count;
    options.by_name = 1;
    fixture_ok(rnnc_data_open(f->model, &options, f->d, &data), f->d);
    assert_int_equal(rnnc_data_count(data, RNNC_PART_ALL), NAMED_ROWS);
    fixture_ok(rnnc_feed_create(data, RNNC_PART_ALL, RNNC_IN_ORDER, 1, f->d, &feed), f->d);
    rnnc_data_release(data);
    fixture_ok(rnnc_feed_next(feed, f->context, f->d, &rows), f->d);
    assert_int_equal(rows, NAMED_ROWS);
    fixture_ok(rnnc_run(f->context, f->d), f->d);
    fixture_ok(rnnc_context_read_output(f->context, 0, RNNC_ROWS_FIRST, out, NAMED_OUT, f->d), f->d);
    fixture_ok(rnnc_feed_next(feed, f->context, f->d, &rows), f->d);
    assert_int_equal(rows, 0);
    rnnc_feed_destroy(feed);
}

static void run_by_hand(const fixture *f, const named *n, size_t count, float *out) {
    fixture_ok(rnnc_context_set_extents(f->context, NAMED_ROWS, NAMED_STEPS, f->d), f->d);
    assert_int_equal(rnnc_context_reset(f->context), RNNC_OK);
    uint32_t value = (uint32_t)rnnc_program_find_input(f->program, "value");
    uint32_t lengths = (uint32_t)rnnc_program_find_input(f->program, "T.lengths");
    uint32_t h = (uint32_t)rnnc_program_find_state(f->program, "lstm.0.h");
    fixture_ok(rnnc_context_write_input(f->context, value, RNNC_ROWS_FIRST, n->value,
                                        sizeof n->value / sizeof *n->value, f->d),
               f->d);
    if (count > 1) {
        fixture_ok(rnnc_context_write_state(f->context, h, n->h, sizeof n->h / sizeof *n->h, f->d), f->d);
    }
    int32_t full[NAMED_ROWS];
    for (int i = 0; i < NAMED_ROWS; i++) {
        full[i] = NAMED_STEPS;
    }
    fixture_ok(rnnc_context_write_input(f->context, lengths, RNNC_ROWS_FIRST, count > 2 ? n->lengths : full,
                                        NAMED_ROWS, f->d),
               f->d);
    fixture_ok(rnnc_run(f->context, f->d), f->d);
    fixture_ok(rnnc_context_read_output(f->context, 0, RNNC_ROWS_FIRST, out, NAMED_OUT, f->d), f->d);
}

static void test_by_name(void **state) {
    (void)state;
    static named n;
    float ours[NAMED_OUT], wanted[NAMED_OUT];
    fixture f = {0};
    rnnc_compile_options options = fixture_options(RNNC_FORWARD, NAMED_ROWS, NAMED_STEPS);
    make_named(&n);
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(named_model, f.d);
    fixture_ok(rnnc_program_compile(f.model, &options, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    for (size_t count = 3; count >= 1; count--) { // what an earlier run was given is gone
        run_by_hand(&f, &n, count, wanted);
        run_by_data(&f, &n, count, ours);
        assert_memory_equal(ours, wanted, sizeof wanted);
        run_by_data(&f, &n, count, ours);
        assert_memory_equal(ours, wanted, sizeof wanted);
    }
    fixture_free(&f);
}

// ---- Texts ----

static const char text_model[] = "model characters(alphabet = 6) {\n"
                                 "    input  text: token(alphabet)[T]\n"
                                 "    target next: token(alphabet)[T]\n"
                                 "    logits = linear(alphabet, lstm(3, embedding(alphabet, 2, text)))\n"
                                 "    loss = mean[T, batch] cross_entropy(logits, next)\n"
                                 "    output logits\n"
                                 "}\n"
                                 "train streams {\n"
                                 "    batch 2  steps T = 3  optimizer sgd(rate = 0.1)  epochs 1\n"
                                 "    data { text = characters(\"text\")  next = ahead(text, 1)  streams }\n"
                                 "}\n";

// Opens a text by the vocabularies of |w|, which may be NULL.
static rnnc_status open_text(rnnc_model *m, const char *text, const rnnc_weights *w, rnnc_diagnostics *d,
                             rnnc_data **out_data) {
    char pair[4096];
    const char *paths = pair;
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    trained_file(pair, "text", text);
    options.paths = &paths;
    options.path_count = 1;
    options.weights = w;
    return rnnc_data_open(m, &options, d, out_data);
}

// The measured loss depends on how characters are numbered.
static double measure(rnnc_context *c, const rnnc_data *data, rnnc_diagnostics *d) {
    rnnc_measures all;
    fixture_ok(rnnc_evaluate(c, data, RNNC_PART_ALL, 1, d, &all), d);
    return all.at[0].value;
}

static void test_vocabularies(void **state) {
    (void)state;
    static const char text[] = "abcdefabcdeffedcba", part[] = "fedfed";
    trained t = {0};
    char path[4096];
    rnnc_weights *read = NULL;
    rnnc_data *own = NULL, *numbered = NULL, *refused = NULL;
    assert_int_equal(rnnc_diagnostics_create(&t.d), RNNC_OK);
    t.model = fixture_model(text_model, t.d);
    fixture_ok(open_text(t.model, text, NULL, t.d, &t.data), t.d);
    assert_int_equal(rnnc_data_vocabulary(t.data, "text"), 6);
    assert_int_equal(rnnc_data_vocabulary(t.data, "next"), 6);
    t.validation = trained_context(&t, RNNC_EVALUATE, 1, &t.weights);
    rnnc_context *other = trained_context(&t, RNNC_EVALUATE, 1, &read);
    fixture_ok(rnnc_weights_initialize(t.weights, 1, t.d), t.d);
    fixture_refused(open_text(t.model, part, t.weights, t.d, &refused), RNNC_TYPE, t.d, "hold no vocabulary");
    // Through a file to other weights.
    fixture_ok(rnnc_data_keep_vocabularies(t.data, t.weights, t.d), t.d);
    trained_path(path, "vocabulary.safetensors");
    fixture_ok(rnnc_weights_save(t.weights, path, t.d), t.d);
    fixture_ok(rnnc_weights_load(read, path, t.d), t.d);
    fixture_ok(open_text(t.model, part, read, t.d, &numbered), t.d);
    fixture_ok(open_text(t.model, part, NULL, t.d, &own), t.d);
    assert_int_equal(rnnc_data_vocabulary(numbered, "text"), 6);
    assert_int_equal(rnnc_data_vocabulary(own, "text"), 3);
    assert_true(measure(other, numbered, t.d) != measure(other, own, t.d));
    fixture_refused(open_text(t.model, "abcX", read, t.d, &refused), RNNC_TYPE, t.d, "X");
    // The data keep what they need.
    rnnc_context_destroy(other);
    rnnc_weights_release(read);
    assert_true(measure(t.validation, numbered, t.d) > 0);
    rnnc_data_release(numbered);
    rnnc_data_release(own);
    trained_release(&t);
}

// ---- Threads ----

typedef struct reader {
    rnnc_data *data;
    rnnc_context *context;
    double loss;
} reader;

static void *read_all(void *argument) {
    reader *r = argument;
    rnnc_measures all = {0};
    for (int i = 0; i < 5; i++) {
        rnnc_data_retain(r->data);
        if (rnnc_evaluate(r->context, r->data, RNNC_PART_ALL, 1, NULL, &all) != RNNC_OK) {
            return NULL;
        }
        r->loss = all.at[0].value;
        rnnc_data_release(r->data);
    }
    return r;
}

static void test_threads(void **state) {
    (void)state;
    enum { READERS = 3 };
    trained t = trained_make("plain", 1);
    reader readers[READERS];
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){t.data, trained_context(&t, RNNC_EVALUATE, 1, &t.weights), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_ptr_equal(done, &readers[i]);
        assert_true(readers[i].loss == readers[0].loss);
        rnnc_context_destroy(readers[i].context);
    }
    trained_release(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions), cmocka_unit_test(test_refused),      cmocka_unit_test(test_bad_use),
        cmocka_unit_test(test_maxima),    cmocka_unit_test(test_orders),       cmocka_unit_test(test_bound),
        cmocka_unit_test(test_by_name),   cmocka_unit_test(test_vocabularies), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
