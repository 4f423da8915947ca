// Parts of the data that are held out for validation and for a test, and data that are drawn.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/train/dataset.h"
#include "support/philox.h"

typedef struct bench {
    diag_sink d;
    source_unit *unit;
    model *model;
    dataset *data;
} bench;

static bench *open_seeded(const char *text, const data_path *paths, uint32_t count, uint64_t seed) {
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    diag_init(&b->d);
    assert_int_equal(source_parse(&b->d, "test.rnn", text, strlen(text), &b->unit), RNNC_OK);
    model_options options = {.training = false};
    dataset_request request = {.paths = paths, .path_count = count, .seed = seed};
    rnnc_status status = model_build(&b->d, b->unit, &options, &b->model);
    request.model = b->model;
    status = status == RNNC_OK ? dataset_load(&request, &b->d, &b->data) : status;
    if (status != RNNC_OK) {
        strbuf shown = {0};
        diag_render(&b->d, &shown);
        fail_msg("%s", strbuf_text(&shown));
    }
    return b;
}

static bench *open_bench(const char *text) {
    return open_seeded(text, NULL, 0, 1);
}

static void close_bench(bench *b) {
    dataset_destroy(b->data);
    model_destroy(b->model);
    source_destroy(b->unit);
    diag_deinit(&b->d);
    free(b);
}

static void check_part(bench *b, data_part part, int64_t begin, int64_t end) {
    data_range found;
    assert_int_equal(dataset_range(b->data, part, &b->d, &found), RNNC_OK);
    assert_int_equal(found.begin, begin);
    assert_int_equal(found.end, end);
}

// Twenty places and targets one place further on.
#define SERIES(DATA)                                                                            \
    "model m() {\n"                                                                             \
    "    input value: real[T]\n"                                                                \
    "    target next: real[T]\n"                                                                \
    "    loss = mean[T, batch] squared_error(linear(1, rnn(2, value)), next)\n"                 \
    "}\n"                                                                                       \
    "train r {\n"                                                                               \
    "    batch 1   steps T = 3   optimizer sgd(rate = 0.1)\n"                                   \
    "    data { value = series(t in t, t = 0 to 19 by 1)  next = ahead(value, 1)\n" DATA " }\n" \
    "}\n"

static void test_windows(void **state) {
    (void)state;
    bench *b = open_bench(SERIES("windows  validation last 2  test last 4"));
    // 17 windows of 4 places each. Those of the test begin at 13: the last one before it begins at 9. Those of
    // validation begin at 8: the last one before begins at 4.
    check_part(b, DATA_ALL, 0, 17);
    check_part(b, DATA_TEST, 13, 17);
    check_part(b, DATA_VALIDATION, 8, 10);
    check_part(b, DATA_TRAINING, 0, 5);
    assert_int_equal(dataset_evaluated(b->data), DATA_TEST);
    close_bench(b);
    b = open_bench(SERIES("windows  test last 4"));
    check_part(b, DATA_TRAINING, 0, 10);
    close_bench(b);
    b = open_bench(SERIES("windows stride 2  validation last 1  test last 2"));
    // 9 windows, number i at place 2 i: those of the test from place 14, that of validation at 10.
    check_part(b, DATA_TEST, 7, 9);
    check_part(b, DATA_VALIDATION, 5, 6);
    check_part(b, DATA_TRAINING, 0, 4);
    close_bench(b);
}

static void test_streams(void **state) {
    (void)state;
    bench *b = open_bench(SERIES("streams  validation last 5  test last 6"));
    check_part(b, DATA_TRAINING, 0, 9);
    check_part(b, DATA_VALIDATION, 9, 14);
    check_part(b, DATA_TEST, 14, 20);
    close_bench(b);
}

static void test_nothing_left(void **state) {
    (void)state;
    data_range range;
    bench *b = open_bench(SERIES("windows  validation last 6  test last 7"));
    assert_int_equal(dataset_range(b->data, DATA_TRAINING, &b->d, &range), RNNC_INVALID_ARGUMENT);
    close_bench(b);
    b = open_bench(SERIES("windows"));
    assert_int_equal(dataset_range(b->data, DATA_TEST, &b->d, &range), RNNC_INVALID_ARGUMENT);
    assert_int_equal(dataset_evaluated(b->data), DATA_ALL);
    close_bench(b);
}

static void write_text(const char *name, const char *text, char *path, size_t size) {
    const char *folder = getenv("RNNC_SCRATCH");
    snprintf(path, size, "%s/%s", folder ? folder : "/tmp", name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void test_of_each(void **state) {
    (void)state;
    char a[512], b[512];
    write_text("parts_a.txt", "x\ny\nz\nx\ny\n", a, sizeof a);
    write_text("parts_b.txt", "x\ny\nz\nx\n", b, sizeof b);
    const data_path paths[] = {{"a", a}, {"b", b}};
    const char *text =
        "model m() {\n"
        "    input words: token(4)[T lengths]\n"
        "    target kind: token(2)\n"
        "    loss = mean[batch] cross_entropy(linear(2, last[T](rnn(2, embedding(4, 2, words)))), kind)\n"
        "}\n"
        "train r {\n"
        "    batch 3   optimizer sgd(rate = 0.1)\n"
        "    data {\n"
        "        words = lines(\"a\", \"b\")   kind = file_of(\"a\", \"b\")\n"
        "        validation last 1 of each   test last 2 of each\n"
        "    }\n"
        "}\n";
    bench *k = open_seeded(text, paths, 2, 1);
    check_part(k, DATA_TRAINING, 0, 3);
    check_part(k, DATA_VALIDATION, 3, 5);
    check_part(k, DATA_TEST, 5, 9);
    const int64_t order[] = {0, 1, 5, 2, 6, 3, 4, 7, 8};
    assert_memory_equal(k->data->order, order, sizeof order);
    close_bench(k);
}

// ---- Drawn ----

#define DRAWN(COUNT)                                                             \
    "model m() {\n"                                                              \
    "    input a: token(5)[T], x: real(3)[T]\n"                                  \
    "    loss = mean[T, batch] squared_error(linear(1, rnn(2, x)), number(a))\n" \
    "}\n"                                                                        \
    "train r {\n"                                                                \
    "    batch 2   steps T = 7   optimizer sgd(rate = 0.1)\n"                    \
    "    data { a = random(" COUNT ")   x = random(" COUNT ") }\n"               \
    "}\n"

static const array *values_of(const bench *b, const char *input) {
    for (uint32_t i = 0; i < b->data->sources.count; i++) {
        if (strcmp(b->data->sources.at[i].input, input) == 0) {
            return &b->data->sources.at[i].values;
        }
    }
    fail_msg("no data of %s", input);
    return NULL;
}

static uint32_t word_at(uint64_t seed, const char *site, uint32_t i) {
    const uint32_t key[2] = {(uint32_t)seed ^ philox_site(site), (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {i / 4, 0, 0, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return word[i % 4];
}

static void test_drawn(void **state) {
    (void)state;
    const uint64_t seed = 0x100000002u;
    bench *b = open_seeded(DRAWN("1000"), NULL, 0, seed);
    const array *a = values_of(b, "a"), *x = values_of(b, "x");
    assert_true(a->rank == 2 && a->dim[0] == 1000 && a->dim[1] == 7);
    assert_true(x->rank == 3 && x->dim[1] == 7 && x->dim[2] == 3);
    int64_t seen[5] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < 7000; i++) {
        double token = array_to_double(a, i);
        assert_true(token == (double)((uint64_t)word_at(seed, "data.a", i) * 5 >> 32));
        seen[(int)token]++;
        assert_true(array_to_double(x, i) == philox_uniform(word_at(seed, "data.x", i)));
        sum += array_to_double(x, i);
    }
    // Within four deviations of what uniform draws give.
    for (int k = 0; k < 5; k++) {
        assert_true(seen[k] > 1400 - 134 && seen[k] < 1400 + 134);
    }
    assert_true(sum / 7000 > 0.5 - 0.014 && sum / 7000 < 0.5 + 0.014);
    close_bench(b);
}

static void test_drawn_by_seed(void **state) {
    (void)state;
    bench *few = open_seeded(DRAWN("10"), NULL, 0, 1), *more = open_seeded(DRAWN("20"), NULL, 0, 1);
    bench *other = open_seeded(DRAWN("10"), NULL, 0, 2);
    size_t bytes = array_bytes(values_of(few, "a"));
    assert_memory_equal(values_of(few, "a")->data, values_of(more, "a")->data, bytes);
    assert_memory_not_equal(values_of(few, "a")->data, values_of(other, "a")->data, bytes);
    close_bench(few);
    close_bench(more);
    close_bench(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows), cmocka_unit_test(test_streams), cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_of_each), cmocka_unit_test(test_drawn),   cmocka_unit_test(test_drawn_by_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
