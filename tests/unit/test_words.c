#include "runtime/data/words.h"

#include "tests/unit/data_files.h"

static rnnc_status add(fixture *f, const char *text, const word_rules *rules, word_text *t) {
    size_t size = strlen(text);
    uint8_t *copy = exact_copy(text, size);
    rnnc_status status = word_text_add(t, (file_view){"t", copy, size}, rules, &f->sink);
    free(copy);
    return status;
}

// |t| holds the words of |expected|, which '|' parts, with '/' after each line. Forgets |t|.
static void check_words(word_text *t, const char *expected) {
    strbuf found = {0};
    for (size_t i = 0, line = 0; i <= t->count; i++) {
        for (; line < t->lines && t->line[line + 1] == i; line++) {
            strbuf_add(&found, "/");
        }
        if (i < t->count) {
            strbuf_addf(&found, "%s|", word_list_at(&t->found, t->at[i]));
        }
    }
    assert_string_equal(strbuf_text(&found), expected);
    strbuf_deinit(&found);
    word_text_deinit(t);
}

static void check_cut(fixture *f, const char *text, word_rules rules, const char *expected) {
    word_text t = {0};
    assert_int_equal(add(f, text, &rules, &t), RNNC_OK);
    check_words(&t, expected);
}

static void cuts_by_spaces(void **state) {
    fixture *f = *state;
    check_cut(f, "", (word_rules){0}, "");
    check_cut(f, " the  cat\tsat. \n\n on\r\nit", (word_rules){0}, "the|cat|sat.|//on|/it|/");
    check_cut(f, "a b\nc\n", (word_rules){.line_ends = true}, "a|b|<eos>|/c|<eos>|/");
    check_cut(f,
              "\xEF\xBB\xBF"
              "a\xC2\xA0"
              "b\xE3\x80\x80"
              "c",
              (word_rules){0}, "a|b|c|/");
    check_cut(f, "3 -4.5 1,000 1.2.3 1..2 x9 4th + 5.", (word_rules){.numbers = true},
              "<num>|<num>|<num>|<num>|1..2|x9|4th|+|5.|/");
    check_cut(f,
              "\xC3\x84RGER \xC5\xBBY\xC5\x81"
              "A \xCE\xA3 \xD0\x96\xD0\x81 \xE1\xBA\xA4",
              (word_rules){.lower = true},
              "\xC3\xA4rger|\xC5\xBCy\xC5\x82"
              "a|\xCF\x83|\xD0\xB6\xD1\x91|\xE1\xBA\xA5|/");
}

static void cuts_by_punctuation(void **state) {
    fixture *f = *state;
    const word_rules rules = {.punctuation = true};
    check_cut(f, "Moe_Szyslak: (INTO PHONE) I don't, \"no\"!", rules,
              "Moe_Szyslak|:|(|INTO|PHONE|)|I|don't|,|\"|no|\"|!|/");
    check_cut(f, "3.14, 1,000. 'tis dogs' a.b well-known", rules,
              "3.14|,|1,000|.|'|tis|dogs|'|a|.|b|well|-|known|/");
    check_cut(f, "\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C\xE4\xB8\x96\xE3\x80\x82", rules,
              "\xE4\xBD\xA0\xE5\xA5\xBD|\xEF\xBC\x8C|\xE4\xB8\x96|\xE3\x80\x82|/");
    check_cut(f, "it\xE2\x80\x99s", rules, "it\xE2\x80\x99s|/");
    check_cut(f, "a \xE4\xBD\xA0\nb", (word_rules){.characters = true, .line_ends = true},
              "a| |\xE4\xBD\xA0|<eos>|/b|<eos>|/");
}

static void refuses_what_is_no_text(void **state) {
    fixture *f = *state;
    word_text t = {0};
    assert_fails(f, add(f, "ab\nc\xC3( d", &(word_rules){0}, &t), RNNC_CORRUPT,
                 "t: not UTF-8: unexpected byte 0xc3 at offset 4");
    word_text_deinit(&t);
    assert_fails(f,
                 word_text_add(&t, (file_view){"t", (const uint8_t *)"a\0b", 3}, &(word_rules){0}, &f->sink),
                 RNNC_CORRUPT, "t: not a text: a zero byte at offset 1");
    word_text_deinit(&t);
}

static void reads_labels(void **state) {
    fixture *f = *state;
    word_text t = {0};
    assert_int_equal(word_text_add_labels(&t, text_view(" very good \nbad\r\nbad"), &f->sink), RNNC_OK);
    check_words(&t, "very good|/bad|/bad|/");
    assert_fails(f, word_text_add_labels(&t, text_view("a\n \nb"), &f->sink), RNNC_CORRUPT,
                 "t: line 2 is empty; expected a label in each line");
    word_text_deinit(&t);
}

static void reads_columns(void **state) {
    fixture *f = *state;
    const char *conllu =
        "# text = a\tb\n1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n1\tDo\tdo\tAUX\t_\t_\t_\t_\t_\t_\n"
        "2\tn't\tnot\tPART\t_\t_\t_\t_\t_\t_\n2.1\tx\tx\tX\t_\t_\t_\t_\t_\t_\n\n\n"
        "#x\n1\tGo\tgo\tVERB\t_\t_\t_\t_\t_\t_\n";
    word_text t = {0};
    assert_int_equal(word_text_add_column(&t, text_view(conllu), 2, &(word_rules){.lower = true}, &f->sink),
                     RNNC_OK);
    assert_int_equal(t.source_line[0], 3);
    assert_int_equal(t.source_line[1], 9);
    check_words(&t, "do|n't|/go|/");
    assert_int_equal(word_text_add_column(&t, text_view(conllu), 4, &(word_rules){0}, &f->sink), RNNC_OK);
    check_words(&t, "AUX|PART|/VERB|/");
    assert_int_equal(
        word_text_add_column(&t, text_view("#\tSYM\n#tag\tX\na\tB"), 1, &(word_rules){0}, &f->sink), RNNC_OK);
    check_words(&t, "#|#tag|a|/");
    assert_fails(f, word_text_add_column(&t, text_view("a\tb\n\na\n"), 2, &(word_rules){0}, &f->sink),
                 RNNC_CORRUPT, "t: line 3 has 1 fields parted by tabs and nothing in field 2");
    word_text_deinit(&t);
    assert_fails(f, word_text_add_column(&t, text_view("a\t\n"), 2, &(word_rules){0}, &f->sink), RNNC_CORRUPT,
                 "t: line 1 has 2 fields");
    word_text_deinit(&t);
}

static void check_vocabulary(fixture *f, const char *text, word_rules rules, const char *expected) {
    word_text t = {0};
    word_list words;
    strbuf json = {0};
    assert_int_equal(add(f, text, &rules, &t), RNNC_OK);
    assert_int_equal(word_text_vocabulary(&t, NULL, 0, &rules, &f->sink, &words), RNNC_OK);
    word_list_render(&words, &json);
    assert_string_equal(strbuf_text(&json), expected);
    strbuf_deinit(&json);
    word_list_deinit(&words);
    word_text_deinit(&t);
}

static void numbers_by_frequency(void **state) {
    fixture *f = *state;
    const char *text = "b c a c d b c e";
    check_vocabulary(f, text, (word_rules){0}, "[\"c\",\"b\",\"a\",\"d\",\"e\"]\n");
    // a, d and e stand once: together <unk> stands three times, as c does, and comes before it by its bytes.
    check_vocabulary(f, text, (word_rules){.least = 2}, "[\"<unk>\",\"c\",\"b\"]\n");
    check_vocabulary(f, text, (word_rules){.most = 2}, "[\"<unk>\",\"c\"]\n");
    check_vocabulary(f, text, (word_rules){.most = 4}, "[\"c\",\"<unk>\",\"b\",\"a\"]\n");
    check_vocabulary(f, text, (word_rules){.unknown = true}, "[\"c\",\"b\",\"a\",\"d\",\"e\",\"<unk>\"]\n");
    check_vocabulary(f, "<unk> x <unk> y", (word_rules){.most = 3}, "[\"<unk>\",\"x\",\"y\"]\n");
    check_vocabulary(f, "\" \\ \"", (word_rules){0}, "[\"\\\"\",\"\\\\\"]\n");
}

static void gives_words_their_numbers(void **state) {
    fixture *f = *state;
    word_text t = {0}, other = {0};
    word_list words;
    array tokens;
    assert_int_equal(add(f, "b a b\nc <unk>", &(word_rules){0}, &t), RNNC_OK);
    assert_int_equal(word_text_vocabulary(&t, NULL, 0, &(word_rules){0}, &f->sink, &words), RNNC_OK);
    assert_int_equal(add(f, "a z\nb", &(word_rules){0}, &other), RNNC_OK);
    assert_int_equal(word_text_encode(&other, &words, "t", &f->sink, &tokens), RNNC_OK);
    assert_int_equal(tokens.kind, ARRAY_U8);
    // b 0, <unk> 1, a 2, c 3
    assert_memory_equal(tokens.data, "\2\1\0", 3);
    array_deinit(&tokens);
    word_list_deinit(&words);
    word_text_deinit(&t);
    assert_int_equal(add(f, "a\nb", &(word_rules){0}, &t), RNNC_OK);
    assert_int_equal(word_text_vocabulary(&t, NULL, 0, &(word_rules){0}, &f->sink, &words), RNNC_OK);
    word_text_deinit(&other);
    assert_int_equal(add(f, "a\n\nb z", &(word_rules){0}, &other), RNNC_OK);
    assert_fails(f, word_text_encode(&other, &words, "t", &f->sink, &tokens), RNNC_TYPE,
                 "t: line 3: \"z\" is not in the vocabulary, which has no <unk>");
    word_list_deinit(&words);
    word_text_deinit(&t);
    word_text_deinit(&other);
}

static void widens_with_the_vocabulary(void **state) {
    fixture *f = *state;
    const uint32_t sizes[] = {256, 257, 65536, 65537};
    const array_kind kinds[] = {ARRAY_U8, ARRAY_U16, ARRAY_U16, ARRAY_I32};
    for (int i = 0; i < 4; i++) {
        word_list words = {0};
        word_text t = {0};
        array tokens;
        for (uint32_t w = 0, number; w < sizes[i]; w++) {
            char word[16];
            int length = snprintf(word, sizeof word, "%u", w);
            assert_true(word_list_add(&words, word, (size_t)length, &number));
            assert_int_equal(number, w);
        }
        char last[16];
        snprintf(last, sizeof last, "%u", sizes[i] - 1);
        assert_int_equal(add(f, last, &(word_rules){0}, &t), RNNC_OK);
        assert_int_equal(word_text_encode(&t, &words, "t", &f->sink, &tokens), RNNC_OK);
        assert_int_equal(tokens.kind, kinds[i]);
        assert_true(array_to_double(&tokens, 0) == sizes[i] - 1);
        array_deinit(&tokens);
        word_text_deinit(&t);
        word_list_deinit(&words);
    }
}

static void lists_come_back(void **state) {
    fixture *f = *state;
    word_list words = {0}, again;
    uint32_t number, first;
    const char *const all[] = {"a b", "\"\\", "\xE4\xBD\xA0", "<unk>", "\t"};
    for (int i = 0; i < 5; i++) {
        assert_true(word_list_add(&words, all[i], strlen(all[i]), &number));
    }
    strbuf json = {0};
    word_list_render(&words, &json);
    assert_int_equal(word_list_parse(text_view(strbuf_text(&json)), &f->sink, &again), RNNC_OK);
    assert_true(word_list_same(&words, &again, &first));
    word_list_deinit(&again);
    assert_int_equal(word_list_write("w.txt", &words, &f->sink), RNNC_OK);
    assert_int_equal(word_list_read("w.txt", &f->sink, &again), RNNC_OK);
    assert_true(word_list_same(&words, &again, &first));
    assert_true(word_list_add(&again, "more", 4, &number));
    assert_false(word_list_same(&words, &again, &first));
    assert_int_equal(first, 5);
    word_list_deinit(&again);
    word_list_deinit(&words);
    strbuf_deinit(&json);
    const char *const bad[][2] = {{"{}", "expected an array"},           {"[]", "expected an array"},
                                  {"[\"a\",1]", "entry 1 of the"},       {"[\"\"]", "entry 0 of the"},
                                  {"[\"a\",\"b\",\"a\"]", "both \"a\""}, {"[", "not a vocabulary: line 1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(f, word_list_parse(text_view(bad[i][0]), &f->sink, &again), RNNC_CORRUPT, bad[i][1]);
    }
    write_file("bad.txt", "a\n\nb\n", 5);
    assert_fails(f, word_list_read("bad.txt", &f->sink, &again), RNNC_CORRUPT,
                 "bad.txt: line 2: expected a word");
}

// Words outside of the ranges have no number if there is <unk> for them, and one like all others if there is none.
static void check_ranges(fixture *f, word_rules rules, const char *expected) {
    word_text t = {0};
    word_list words;
    strbuf json = {0};
    const word_range ranges[] = {{1, 4}, {6, 7}};
    assert_int_equal(add(f, "a b b c a a d e", &(word_rules){0}, &t), RNNC_OK);
    assert_int_equal(word_text_vocabulary(&t, ranges, 2, &rules, &f->sink, &words), RNNC_OK);
    word_list_render(&words, &json);
    assert_string_equal(strbuf_text(&json), expected);
    strbuf_deinit(&json);
    word_list_deinit(&words);
    word_text_deinit(&t);
}

static void counts_what_is_trained_on(void **state) {
    fixture *f = *state;
    check_ranges(f, (word_rules){.unknown = true}, "[\"b\",\"c\",\"d\",\"<unk>\"]\n");
    check_ranges(f, (word_rules){.least = 2}, "[\"<unk>\",\"b\"]\n");
    check_ranges(f, (word_rules){.most = 3}, "[\"b\",\"<unk>\",\"c\"]\n");
    check_ranges(f, (word_rules){0}, "[\"a\",\"b\",\"c\",\"d\",\"e\"]\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(cuts_by_spaces),
        data_test(cuts_by_punctuation),
        data_test(refuses_what_is_no_text),
        data_test(reads_labels),
        data_test(reads_columns),
        data_test(numbers_by_frequency),
        data_test(gives_words_their_numbers),
        data_test(widens_with_the_vocabulary),
        data_test(lists_come_back),
        data_test(counts_what_is_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
