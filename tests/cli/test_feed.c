// The data of recipes: what batches hold, in which order, for every way of cutting them.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/data/npy.h"
#include "runtime/train/feed.h"
#include "runtime/train/machine.h"
#include "runtime/train/standardise.h"
#include "runtime/train/trainer.h"

// A model, its data and an engine for it.
typedef struct bench {
    diag_sink d;
    source_unit *unit;
    model *model;
    dataset *data;
    machine machine;
    feed *feed;
} bench;

static const char *scratch_path(const char *name, char *out, size_t size) {
    const char *folder = getenv("RNNC_SCRATCH");
    snprintf(out, size, "%s/%s", folder ? folder : "/tmp", name);
    return out;
}

static bench *open_bench(const char *text, const data_path *paths, uint32_t count, rnnc_status expected) {
    bench *b = calloc(1, sizeof *b);
    diag_init(&b->d);
    assert_int_equal(source_parse(&b->d, "test.rnn", text, strlen(text), &b->unit), RNNC_OK);
    model_options options = {.training = false};
    rnnc_status status = model_build(&b->d, b->unit, &options, &b->model);
    if (status != RNNC_OK) {
        strbuf shown = {0};
        diag_render(&b->d, &shown);
        fail_msg("%s", strbuf_text(&shown));
    }
    dataset_request request = {.model = b->model, .paths = paths, .path_count = count};
    assert_int_equal(dataset_load(&request, &b->d, &b->data), expected);
    if (expected == RNNC_OK) {
        machine_options made = {.threads = 1};
        memcpy(made.maxima, b->data->extents, sizeof made.maxima);
        assert_int_equal(machine_create(b->model->graph, &made, &b->d, &b->machine), RNNC_OK);
    }
    return b;
}

static void close_bench(bench *b) {
    feed_destroy(b->feed);
    machine_destroy(&b->machine);
    dataset_destroy(b->data);
    model_destroy(b->model);
    source_destroy(b->unit);
    diag_deinit(&b->d);
    free(b);
}

static void start_feed(bench *b, data_part part, feed_order order, uint64_t seed) {
    feed_destroy(b->feed);
    b->feed = NULL;
    assert_int_equal(feed_create(b->data, part, order, seed, &b->d, &b->feed), RNNC_OK);
}

static int64_t next_rows(bench *b) {
    feed_batch batch;
    assert_int_equal(feed_next(b->feed, b->machine.engine, &b->d, &batch), RNNC_OK);
    return batch.rows;
}

static double input_at(bench *b, const char *name, int64_t index) {
    engine *e = b->machine.engine;
    uint32_t i = (uint32_t)engine_find_input(e, name);
    int64_t count = 0;
    void *values = engine_input(e, i, &count);
    assert_true(index < count);
    return engine_input_info(e, i).type.elem == DT_I32 ? (double)((int32_t *)values)[index]
                                                       : (double)((float *)values)[index];
}

static int64_t input_count(bench *b, const char *name) {
    int64_t count = 0;
    engine_input(b->machine.engine, (uint32_t)engine_find_input(b->machine.engine, name), &count);
    return count;
}

// ---- Series: the value at place t is t ----

#define SERIES_MODEL                                                                                     \
    "model m() {\n"                                                                                      \
    "    input value: real[T]\n"                                                                         \
    "    target next: real[T]\n"                                                                         \
    "    target end: real\n"                                                                             \
    "    h = rnn(2, value)\n"                                                                            \
    "    loss = mean[T, batch] squared_error(linear(1, h), next) + mean[batch] squared_error(linear(1, " \
    "last[T](h)), end)\n"                                                                                \
    "}\n"                                                                                                \
    "train r {\n"                                                                                        \
    "    batch 3   steps T = 4\n"                                                                        \
    "    optimizer sgd(rate = 0.1)\n"                                                                    \
    "    epochs 1\n"                                                                                     \
    "    data {\n"                                                                                       \
    "        value = series(t in t, t = 0 to 19 by 1)\n"                                                 \
    "        next = ahead(value, 1)\n"                                                                   \
    "        end = ahead(next, 2)\n"

static void test_windows(void **state) {
    (void)state;
    bench *b = open_bench(SERIES_MODEL "        windows stride 2\n    }\n}\n", NULL, 0, RNNC_OK);
    start_feed(b, DATA_ALL, FEED_IN_ORDER, 0);
    // 20 places, 4 steps, targets up to 3 further on: windows begin at 0, 2, … 12.
    assert_int_equal(feed_steps(b->feed), 3);
    assert_int_equal(next_rows(b), 3);
    for (int t = 0; t < 4; t++) {
        for (int row = 0; row < 3; row++) {
            assert_true(input_at(b, "value", t * 3 + row) == 2 * row + t);
            assert_true(input_at(b, "next", t * 3 + row) == 2 * row + t + 1);
        }
    }
    // Without the sequence axis: the window's last place, and three further on.
    assert_true(input_at(b, "end", 1) == 2 + 3 + 3);
    assert_int_equal(next_rows(b), 3);
    assert_int_equal(next_rows(b), 1);
    assert_int_equal(input_count(b, "value"), 4);
    assert_true(input_at(b, "value", 0) == 12);
    assert_true(input_at(b, "end", 0) == 18);
    assert_int_equal(next_rows(b), 0);
    close_bench(b);
}

static void test_windows_held_out(void **state) {
    (void)state;
    bench *b =
        open_bench(SERIES_MODEL "        windows\n        validation last 3\n    }\n}\n", NULL, 0, RNNC_OK);
    data_range trained, validation;
    assert_int_equal(dataset_range(b->data, DATA_TRAINING, &b->d, &trained), RNNC_OK);
    assert_int_equal(dataset_range(b->data, DATA_VALIDATION, &b->d, &validation), RNNC_OK);
    // 14 windows; those held out begin at 11, and none of the others reaches that place.
    assert_int_equal(validation.begin, 11);
    assert_int_equal(validation.end, 14);
    assert_int_equal(trained.end - 1 + 4 + 3, 11);
    close_bench(b);
}

static void test_random_windows(void **state) {
    (void)state;
    bench *b = open_bench(SERIES_MODEL "        random windows\n    }\n}\n", NULL, 0, RNNC_OK);
    double first[2][3];
    for (int time = 0; time < 2; time++) {
        start_feed(b, DATA_TRAINING, FEED_SHUFFLED, 5);
        assert_int_equal(next_rows(b), 3);
        for (int row = 0; row < 3; row++) {
            first[time][row] = input_at(b, "value", row);
            assert_true(first[time][row] >= 0 && first[time][row] <= 13);
            assert_true(input_at(b, "next", 9 + row) == first[time][row] + 4);
        }
    }
    assert_memory_equal(first[0], first[1], sizeof first[0]);
    feed_start_epoch(b->feed, 2);
    next_rows(b);
    bool same = true;
    for (int row = 0; row < 3; row++) {
        same = same && input_at(b, "value", row) == first[0][row];
    }
    assert_false(same);
    close_bench(b);
}

static void test_streams(void **state) {
    (void)state;
    bench *b = open_bench(SERIES_MODEL "        streams\n    }\n}\n", NULL, 0, RNNC_OK);
    start_feed(b, DATA_TRAINING, FEED_SHUFFLED, 0);
    // 17 places with all their targets: three streams of 5, two places left over.
    assert_int_equal(feed_steps(b->feed), 2);
    data_range range;
    assert_int_equal(dataset_range(b->data, DATA_TRAINING, &b->d, &range), RNNC_OK);
    assert_int_equal(dataset_left_over(b->data, &range), 2);
    assert_int_equal(next_rows(b), 3);
    assert_true(input_at(b, "value", 1) == 5);
    assert_true(input_at(b, "value", 3 * 3 + 2) == 13);
    assert_int_equal(next_rows(b), 3);
    assert_int_equal(input_count(b, "value"), 3); // one step is left
    assert_true(input_at(b, "value", 2) == 14);
    assert_true(input_at(b, "next", 2) == 15);
    assert_int_equal(next_rows(b), 0);
    close_bench(b);
}

// ---- Lines of their own lengths ----

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define LINES_MODEL                                                                                    \
    "model m() {\n"                                                                                    \
    "    input words: token(6)[T lengths]\n"                                                           \
    "    target kind: token(3)\n"                                                                      \
    "    loss = mean[batch] cross_entropy(linear(3, last[T](rnn(2, embedding(6, 2, words)))), kind)\n" \
    "}\n"                                                                                              \
    "train r {\n"                                                                                      \
    "    batch 3\n"                                                                                    \
    "    optimizer sgd(rate = 0.1)\n"                                                                  \
    "    epochs 1\n"                                                                                   \
    "    data {\n"

static void test_lines(void **state) {
    (void)state;
    char a[4096], b[4096], c[4096];
    write_text(scratch_path("a.txt", a, sizeof a), "x\ny y x x\n\nz\n");
    write_text(scratch_path("b.txt", b, sizeof b), "x y\nz z z\n");
    write_text(scratch_path("c.txt", c, sizeof c), "x w\n");
    data_path paths[] = {{"a", a}, {"b", b}};
    bench *k = open_bench(LINES_MODEL "        words = lines(\"a\", \"b\", unknown = true)\n"
                                      "        kind = file_of(\"a\", \"b\")\n"
                                      "        validation last 1 of each\n    }\n}\n",
                          paths, 2, RNNC_OK);
    // In the lines to train on x stands four times, y three times and z never: x 0, y 1, <unk> 2.
    assert_int_equal(k->data->extents[1], 4);
    start_feed(k, DATA_TRAINING, FEED_IN_ORDER, 0);
    assert_int_equal(next_rows(k), 3);
    assert_int_equal(input_count(k, "words"), 12);
    const double words[] = {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, lengths[] = {1, 4, 0};
    for (int i = 0; i < 12; i++) {
        assert_true(input_at(k, "words", i) == words[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(input_at(k, "T.lengths", i) == lengths[i]);
        assert_true(input_at(k, "kind", i) == 0);
    }
    // The batch is as long as its longest row.
    assert_int_equal(next_rows(k), 1);
    assert_int_equal(input_count(k, "words"), 2);
    assert_true(input_at(k, "kind", 0) == 1);
    assert_int_equal(next_rows(k), 0);
    start_feed(k, DATA_VALIDATION, FEED_IN_ORDER, 0);
    assert_int_equal(next_rows(k), 2);
    assert_int_equal(input_count(k, "words"), 6);
    assert_true(input_at(k, "T.lengths", 0) == 1 && input_at(k, "T.lengths", 1) == 3);
    assert_true(input_at(k, "kind", 0) == 0 && input_at(k, "kind", 1) == 1);
    assert_int_equal(next_rows(k), 0);
    close_bench(k);
}

static void test_validation_files(void **state) {
    (void)state;
    char a[4096], b[4096], k[4096], l[4096];
    data_path paths[] = {{"a", scratch_path("va.txt", a, sizeof a)},
                         {"k", scratch_path("vk.txt", k, sizeof k)},
                         {"b", scratch_path("vb.txt", b, sizeof b)},
                         {"l", scratch_path("vl.txt", l, sizeof l)}};
    write_text(a, "x y\nx\n");
    write_text(k, "good\nbad\n");
    write_text(b, "y q y x x\n");
    write_text(l, "good\n");
#define VALIDATED                                                                              \
    LINES_MODEL "        words = lines(\"a\", unknown = true)\n        kind = labels(\"k\")\n" \
                "        validation \"b\", \"l\"\n    }\n}\n"
    bench *v = open_bench(VALIDATED, paths, 4, RNNC_OK);
    // Compiled for the longest row of both.
    assert_int_equal(v->data->extents[1], 5);
    start_feed(v, DATA_TRAINING, FEED_IN_ORDER, 0);
    assert_int_equal(next_rows(v), 2);
    start_feed(v, DATA_VALIDATION, FEED_IN_ORDER, 0);
    assert_int_equal(next_rows(v), 1);
    const double words[] = {1, 2, 1, 0, 0};
    for (int i = 0; i < 5; i++) {
        assert_true(input_at(v, "words", i) == words[i]);
    }
    // "good" and "bad" stand once each: bad is 0.
    assert_true(input_at(v, "kind", 0) == 1);
    close_bench(v);
    write_text(l, "ugly\n");
    close_bench(open_bench(VALIDATED, paths, 4, RNNC_TYPE));
    close_bench(open_bench(VALIDATED, paths, 3, RNNC_INVALID_ARGUMENT));
    write_text(k, "good\n");
    close_bench(open_bench(VALIDATED, paths, 4, RNNC_TYPE));
}

// ---- standardise ----

static void check_part(bench *b, const char *name, int64_t column, double expected) {
    weight_part part;
    assert_true(weights_find_part(engine_weights(b->machine.engine), name, &part));
    assert_true(fabs(weight_get(&part, 0, column) - expected) < 1e-6);
}

static void test_standardise_series(void **state) {
    (void)state;
    bench *b = open_bench(
        "model m() {\n    input value: real[T]\n    target next: real[T]\n    target same: real\n"
        "    share norm = standardise\n    x = norm(value)\n    y = norm(next)\n    z = standardise(same)\n"
        "    output h = linear(1, rnn(2, x)) * norm.deviation + norm.mean + y + z\n"
        "    loss = mean[T, batch] squared_error(linear(1, rnn(2, x)), y) + mean[batch] z\n}\n"
        "train r {\n    batch 3   steps T = 4\n    optimizer sgd(rate = 0.1)\n    epochs 1\n    data {\n"
        "        value = series(t * t in t, t = 0 to 19 by 1)\n        next = ahead(value, 1)\n"
        "        same = series(7 in t, t = 0 to 19 by 1)\n        windows\n        validation last 6\n    "
        "}\n}\n",
        NULL, 0, RNNC_OK);
    assert_int_equal(standardise_measure(b->data, engine_weights(b->machine.engine), &b->d), RNNC_OK);
    // 16 windows of 4 places and one more for the target. The held-out ones begin at place 10, training sees the inputs
    // of places 0 to 8: the mean of their squares is 204 / 9.
    double mean = 204.0 / 9, squares = 0;
    for (int t = 0; t <= 8; t++) {
        squares += (t * t - mean) * (t * t - mean);
    }
    check_part(b, "norm.mean", 0, mean);
    check_part(b, "norm.deviation", 0, sqrt(squares / 9));
    check_part(b, "z.mean", 0, 7);
    check_part(b, "z.deviation", 0, 1); // a constant column
    close_bench(b);
}

static void test_standardise_rows(void **state) {
    (void)state;
    char x[4096], n[4096];
    int64_t dim[3] = {3, 2, 2}, rows[1] = {3};
    array values, lengths;
    diag_sink d;
    diag_init(&d);
    assert_int_equal(array_create(ARRAY_F32, 3, dim, "x", &d, &values), RNNC_OK);
    assert_int_equal(array_create(ARRAY_I32, 1, rows, "n", &d, &lengths), RNNC_OK);
    for (int i = 0; i < 12; i++) {
        ((float *)values.data)[i] = (float)(i * i);
    }
    memcpy(lengths.data, (int32_t[]){2, 1, 2}, 12);
    data_path paths[] = {{"x", scratch_path("sx.npy", x, sizeof x)},
                         {"n", scratch_path("sn.npy", n, sizeof n)}};
    assert_int_equal(npy_write(x, &values, &d), RNNC_OK);
    assert_int_equal(npy_write(n, &lengths, &d), RNNC_OK);
    bench *b =
        open_bench("model m() {\n    input x: real(2)[T lengths]\n    z = standardise(x)\n"
                   "    output z\n    loss = mean[T, batch] sum(z)\n}\n"
                   "train r {\n    batch 2   optimizer sgd(rate = 0.1)\n    data {\n        x = npy(\"x\")\n"
                   "        T.lengths = npy(\"n\")\n        validation last 1\n    }\n}\n",
                   paths, 2, RNNC_OK);
    assert_int_equal(standardise_measure(b->data, engine_weights(b->machine.engine), &b->d), RNNC_OK);
    // Both steps of the first row, the first of the second: 0, 4, 16 and 1, 9, 25.
    check_part(b, "z.mean", 0, 20.0 / 3);
    check_part(b, "z.mean", 1, 35.0 / 3);
    check_part(b, "z.deviation", 0, sqrt((0 + 16 + 256) / 3.0 - 400.0 / 9));
    close_bench(b);
    array_deinit(&values);
    array_deinit(&lengths);
    diag_deinit(&d);
}

static void test_too_short(void **state) {
    (void)state;
    bench *b =
        open_bench("model m() {\n    input value: real[T]\n    target next: real[T]\n"
                   "    loss = mean[T, batch] squared_error(linear(1, rnn(2, value)), next)\n}\n"
                   "train r {\n    batch 3   steps T = 40\n    optimizer sgd(rate = 0.1)\n    epochs 1\n"
                   "    data {\n        value = series(t in t, t = 0 to 19 by 1)\n"
                   "        next = ahead(value, 1)\n        windows\n    }\n}\n",
                   NULL, 0, RNNC_OK);
    data_range range;
    assert_int_equal(dataset_range(b->data, DATA_ALL, &b->d, &range), RNNC_INVALID_ARGUMENT);
    assert_int_equal(b->d.error_count, 1);
    close_bench(b);
}

// ---- Examples ----

#define EXAMPLES_MODEL                                                                               \
    "model m() {\n"                                                                                  \
    "    input x: real(2)[T]\n"                                                                      \
    "    target y: token(7)\n"                                                                       \
    "    loss = mean[batch] cross_entropy(linear(7, last[T](rnn(2, x))), y)\n"                       \
    "}\n"                                                                                            \
    "train r {\n"                                                                                    \
    "    batch 2\n    optimizer sgd(rate = 0.1)\n    epochs 1\n"                                     \
    "    data {\n        x = npy(\"x\")\n        y = npy(\"y\")\n        validation last 2\n    }\n" \
    "}\n"

static void write_examples(const char *x_path, const char *y_path, int64_t y_count, diag_sink *d) {
    array x, y;
    assert_int_equal(array_create(ARRAY_F64, 3, (int64_t[]){7, 3, 2}, "x", d, &x), RNNC_OK);
    assert_int_equal(array_create(ARRAY_I64, 1, &y_count, "y", d, &y), RNNC_OK);
    for (int i = 0; i < 42; i++) {
        ((double *)x.data)[i] = i;
    }
    for (int64_t i = 0; i < y_count; i++) {
        ((int64_t *)y.data)[i] = i;
    }
    assert_int_equal(npy_write(x_path, &x, d), RNNC_OK);
    assert_int_equal(npy_write(y_path, &y, d), RNNC_OK);
    array_deinit(&x);
    array_deinit(&y);
}

static void test_examples(void **state) {
    (void)state;
    char x[256], y[256];
    diag_sink d;
    diag_init(&d);
    write_examples(scratch_path("feed_x.npy", x, sizeof x), scratch_path("feed_y.npy", y, sizeof y), 7, &d);
    const data_path paths[] = {{"x", x}, {"y", y}};
    bench *b = open_bench(EXAMPLES_MODEL, paths, 2, RNNC_OK);
    assert_int_equal(b->data->extents[1], 3);
    start_feed(b, DATA_VALIDATION, FEED_IN_ORDER, 0);
    assert_int_equal(next_rows(b), 2);
    assert_true(input_at(b, "y", 0) == 5 && input_at(b, "y", 1) == 6);
    // Time first, then the rows, then the columns.
    assert_true(input_at(b, "x", (2 * 2 + 1) * 2 + 1) == 6 * 6 + 2 * 2 + 1);
    start_feed(b, DATA_TRAINING, FEED_SHUFFLED, 1);
    bool seen[7] = {0};
    const int64_t rows[] = {2, 2, 1, 0};
    for (int step = 0; step < 4; step++) {
        int64_t found = next_rows(b);
        assert_int_equal(found, rows[step]);
        for (int64_t row = 0; row < found; row++) {
            int label = (int)input_at(b, "y", row);
            assert_true(input_at(b, "x", row * 2) == 6 * label);
            assert_false(seen[label]);
            seen[label] = true;
        }
    }
    assert_true(seen[0] && seen[4] && !seen[5]);
    close_bench(b);
    write_examples(x, y, 6, &d);
    b = open_bench(EXAMPLES_MODEL, paths, 2, RNNC_TYPE);
    close_bench(b);
    diag_deinit(&d);
}

static void test_order(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    int64_t a[COUNT], b[COUNT];
    bool seen[COUNT] = {0};
    shuffled_order(a, COUNT, 3, 1);
    shuffled_order(b, COUNT, 3, 1);
    assert_memory_equal(a, b, sizeof a);
    shuffled_order(b, COUNT, 3, 2);
    assert_memory_not_equal(a, b, sizeof a);
    int64_t fixed = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_false(seen[a[i]]);
        seen[a[i]] = true;
        fixed += a[i] == i;
    }
    assert_true(fixed < 20);
}

// ---- Carried states ----

// Two layers of sums: the state is what was seen so far, so carried on it is the sum of the whole stream.
static void test_carried_state(void **state) {
    (void)state;
    bench *b =
        open_bench("cell total(n) {\n    input x\n    state s[n]\n    next s = s + x\n    output next s\n}\n"
                   "model m() {\n    input value: real[T]\n    target next: real[T]\n"
                   "    s = total(1, value)\n"
                   "    loss = mean[batch] (last[T](s) + 0 * last[T](next))\n}\n"
                   "train r {\n    batch 1   steps T = 4   carry state\n    optimizer sgd(rate = 0.1)\n"
                   "    epochs 1\n    data {\n        value = series(t in t, t = 0 to 10 by 1)\n"
                   "        next = ahead(value, 1)\n        streams\n    }\n}\n",
                   NULL, 0, RNNC_OK);
    measures m;
    assert_int_equal(training_evaluate(&b->machine, b->data, DATA_ALL, 0, &b->d, &m), RNNC_OK);
    // Sums of 0 … 3, 0 … 7 and 0 … 9, one row each.
    assert_true(measures_loss(&m) == (6.0 + 28.0 + 45.0) / 3);
    close_bench(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_held_out),
        cmocka_unit_test(test_random_windows),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_validation_files),
        cmocka_unit_test(test_standardise_series),
        cmocka_unit_test(test_standardise_rows),
        cmocka_unit_test(test_too_short),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_carried_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
