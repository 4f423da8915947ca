// What the data of a recipe are taken for: which words a vocabulary is made of, and what may stand in padding.
#include <math.h>

#include "runtime/data/npy.h"
#include "runtime/train/dataset.h"
#include "tests/unit/data_files.h"

// The dataset of the model and recipe in |text|, in which files are called after their keys.
static rnnc_status load(fixture *f, const char *text, source_unit **out_unit, model **out_model,
                        dataset **out_dataset) {
    static const data_path paths[] = {{"a", "a"}, {"b", "b"}, {"x", "x"}, {"y", "y"}, {"n", "n"}};
    assert_int_equal(source_parse(&f->sink, "test.rnn", text, strlen(text), out_unit), RNNC_OK);
    model_options options = {.training = true};
    assert_int_equal(model_build(&f->sink, *out_unit, &options, out_model), RNNC_OK);
    data_path there[5]; // only files that there are may be named
    uint32_t count = 0;
    for (size_t i = 0; i < 5; i++) {
        there[count] = paths[i];
        count += access(paths[i].path, F_OK) == 0;
    }
    dataset_request request = {.model = *out_model, .paths = there, .path_count = count};
    return dataset_load(&request, &f->sink, out_dataset);
}

static void unload(source_unit *unit, model *m, dataset *s) {
    dataset_destroy(s);
    model_destroy(m);
    source_destroy(unit);
}

// ---- Vocabularies ----

static void put(const char *path, const char *text) {
    write_file(path, text, strlen(text));
}

static void check_vocabulary(fixture *f, const char *head, const char *data, const char *expected) {
    source_unit *unit;
    model *m;
    dataset *s;
    strbuf text = {0}, json = {0};
    strbuf_addf(&text, "%s    data {\n%s    }\n}\n", head, data);
    rnnc_status status = load(f, strbuf_text(&text), &unit, &m, &s);
    if (status != RNNC_OK) {
        diag_render(&f->sink, &json);
        fail_msg("%s", strbuf_text(&json));
    }
    word_list_render(s->sources.at[0].words, &json);
    assert_string_equal(strbuf_text(&json), expected);
    strbuf_deinit(&text);
    strbuf_deinit(&json);
    unload(unit, m, s);
}

#define MODEL(INPUTS, LOGITS)                                                               \
    "model m() {\n" INPUTS "    loss = mean[T, batch] cross_entropy(" LOGITS ", next)\n}\n" \
    "train r {\n    optimizer sgd(rate = 0.1)   batch 1   epochs 1\n"
#define SERIES                                                                                               \
    MODEL("    input word: token(9)[T]\n    target next: token(9)[T]\n", "linear(9, embedding(9, 2, word))") \
    "    steps T = 2\n"

static void streams_are_counted_until_they_are_held_out(void **state) {
    fixture *f = *state;
    put("a", "e e d c b a\n");
    const char *data =
        "        word = words(\"a\", unknown = true)\n        next = ahead(word, 1)\n        streams\n";
    check_vocabulary(f, SERIES, data, "[\"e\",\"a\",\"b\",\"c\",\"d\",\"<unk>\"]\n");
    strbuf held = {0};
    strbuf_addf(&held, "%s        validation last 2\n", data);
    check_vocabulary(f, SERIES, strbuf_text(&held), "[\"e\",\"c\",\"d\",\"<unk>\"]\n");
    strbuf_add(&held, "        test last 1\n");
    check_vocabulary(f, SERIES, strbuf_text(&held), "[\"e\",\"d\",\"<unk>\"]\n");
    strbuf_deinit(&held);
}

// Without <unk> a held-out word needs a number of its own.
static void all_words_are_counted_where_none_is_unknown(void **state) {
    fixture *f = *state;
    put("a", "e e d c b a\n");
    check_vocabulary(f, SERIES,
                     "        word = words(\"a\")\n        next = ahead(word, 1)\n        streams\n"
                     "        validation last 2\n",
                     "[\"e\",\"a\",\"b\",\"c\",\"d\"]\n");
}

// 8 words, windows of two and a target behind: six. The two held out begin at places 4 and 5.
static void windows_are_counted_until_the_first_held_out_begins(void **state) {
    fixture *f = *state;
    put("a", "a b c d e f g h\n");
    check_vocabulary(
        f, SERIES,
        "        word = words(\"a\", unknown = true)\n        next = ahead(word, 1)\n        windows\n"
        "        validation last 2\n",
        "[\"a\",\"b\",\"c\",\"d\",\"<unk>\"]\n");
}

static void lines_are_counted_file_by_file(void **state) {
    fixture *f = *state;
    put("a", "p q\np\nr\ns\n");
    put("b", "q\nt\nu u u\n");
    const char *head =
        "model m() {\n    input words: token(9)[T lengths]\n    target next: token(2)\n"
        "    loss = mean[batch] cross_entropy(linear(2, last[T](rnn(2, embedding(9, 2, words)))), next)\n}\n"
        "train r {\n    optimizer sgd(rate = 0.1)   batch 2   epochs 1\n";
    const char *data = "        words = lines(\"a\", \"b\", least = 1, unknown = true)\n"
                       "        next = file_of(\"a\", \"b\")\n";
    strbuf held = {0};
    strbuf_addf(&held, "%s        validation last 1 of each   test last 1 of each\n", data);
    check_vocabulary(f, head, strbuf_text(&held), "[\"p\",\"q\",\"<unk>\"]\n");
    strbuf_deinit(&held);
    strbuf_addf(&held, "%s        validation last 1\n", data);
    check_vocabulary(f, head, strbuf_text(&held), "[\"p\",\"q\",\"r\",\"s\",\"t\",\"<unk>\"]\n");
    strbuf_deinit(&held);
}

static void categories_are_counted_row_by_row(void **state) {
    fixture *f = *state;
    put("a", "w\nN\nS\n\"\"\nN\nE\n");
    check_vocabulary(f, SERIES,
                     "        word = category(\"a\", \"w\", unknown = true)\n        next = ahead(word, 1)\n"
                     "        streams\n        validation last 1\n",
                     "[\"N\",\"<unk>\",\"S\"]\n");
}

// ---- Padding ----

static void write_array(fixture *f, const char *path, array_kind kind, int rank, const int64_t *dim,
                        const void *values) {
    array a;
    assert_int_equal(array_create(kind, rank, dim, path, &f->sink, &a), RNNC_OK);
    memcpy(a.data, values, array_bytes(&a));
    assert_int_equal(npy_write(path, &a, &f->sink), RNNC_OK);
    array_deinit(&a);
}

static const char model_of_lengths[] =
    "model m() {\n    input x: real(2)[T lengths]\n    target y: token(4)[T lengths]\n"
    "    loss = mean[T, batch] cross_entropy(linear(4, x), y)\n}\n"
    "train r {\n    optimizer sgd(rate = 0.1)   batch 2   epochs 1\n"
    "    data { x = npy(\"x\")\n y = npy(\"y\")\n T.lengths = npy(\"n\") }\n}\n";

// Two rows of three steps, of lengths 1 and 3.
static void padding_may_hold_anything(void **state) {
    fixture *f = *state;
    const float none = NAN, much = INFINITY;
    float x[12] = {1, 2, none, much, none, none, 3, 4, 5, 6, 7, 8};
    int32_t y[6] = {3, -1, 77, 0, 1, 2}, lengths[2] = {1, 3};
    source_unit *unit;
    model *m;
    dataset *s;
    for (int bad = 0; bad < 3; bad++) {
        x[11] = bad == 1 ? none : 8;
        y[0] = bad == 2 ? -1 : 3;
        write_array(f, "x", ARRAY_F32, 3, (int64_t[]){2, 3, 2}, x);
        write_array(f, "y", ARRAY_I32, 2, (int64_t[]){2, 3}, y);
        write_array(f, "n", ARRAY_I32, 1, (int64_t[]){2}, lengths);
        if (bad) {
            const char *where = bad == 1 ? "x: element [1, 2, 1] is nan" : "y: row 0, column 0";
            assert_fails(f, load(f, model_of_lengths, &unit, &m, &s), RNNC_CORRUPT, where);
        } else {
            assert_int_equal(load(f, model_of_lengths, &unit, &m, &s), RNNC_OK);
        }
        unload(unit, m, bad ? NULL : s);
    }
}

static void no_row_is_longer_than_its_sequence(void **state) {
    fixture *f = *state;
    const float x[12] = {0};
    const int32_t y[6] = {0};
    const struct {
        int32_t length;
        const char *why;
    } bad[] = {{4, "n: row 1 (counted from 0) is 4; sequences have 0 to 3 steps of T"},
               {-1, "n: row 1 (counted from 0) is -1; 'T.lengths' is a number of 0 to 2147483647"}};
    write_array(f, "x", ARRAY_F32, 3, (int64_t[]){2, 3, 2}, x);
    write_array(f, "y", ARRAY_I32, 2, (int64_t[]){2, 3}, y);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        source_unit *unit;
        model *m;
        dataset *s;
        write_array(f, "n", ARRAY_I32, 1, (int64_t[]){2}, (int32_t[]){3, bad[i].length});
        assert_fails(f, load(f, model_of_lengths, &unit, &m, &s), RNNC_CORRUPT, bad[i].why);
        unload(unit, m, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(streams_are_counted_until_they_are_held_out),
        data_test(all_words_are_counted_where_none_is_unknown),
        data_test(windows_are_counted_until_the_first_held_out_begins),
        data_test(lines_are_counted_file_by_file),
        data_test(categories_are_counted_row_by_row),
        data_test(padding_may_hold_anything),
        data_test(no_row_is_longer_than_its_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
