// Texts to tokens and back, as a user types and reads them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/train/speller.h"

static const char *const words[] = {"<eos>", "the", "cat", ".", ",", "(", ")", "<unk>", "it's"};
enum { WORDS = sizeof words / sizeof *words };

static word_list make_list(void) {
    word_list list = {0};
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t number;
        assert_true(word_list_add(&list, words[i], strlen(words[i]), &number));
        assert_int_equal(number, i);
    }
    return list;
}

static file_view view_of(const char *text) {
    return (file_view){"the prompt", (const uint8_t *)text, strlen(text)};
}

static void check_read(const speller *s, const char *text, const int32_t *expected, size_t count) {
    diag_sink d;
    diag_init(&d);
    int32_t *tokens;
    size_t found;
    assert_int_equal(speller_read(s, view_of(text), &d, &tokens, &found), RNNC_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(tokens[i], expected[i]);
    }
    free(tokens);
    diag_deinit(&d);
}

static void check_written(const speller *s, const int32_t *tokens, size_t count, const char *expected) {
    strbuf text = {0};
    for (size_t i = 0; i < count; i++) {
        speller_write(s, tokens[i], i ? tokens[i - 1] : -1, &text);
    }
    assert_string_equal(strbuf_text(&text), expected);
    strbuf_deinit(&text);
}

static void words_and_signs(void **state) {
    (void)state;
    word_list list = make_list();
    speller s = {.words = &list, .rules = {.punctuation = true, .line_ends = true, .lower = true}};
    check_read(&s, "The cat, the dog.", (int32_t[]){1, 2, 4, 1, 7, 3}, 6);
    check_read(&s, "the cat.\n", (int32_t[]){1, 2, 3, 0}, 4);
    check_read(&s, "", NULL, 0);
    check_written(&s, (int32_t[]){1, 2, 4, 1, 5, 8, 6, 3, 0, 1, 2}, 11, "the cat, the (it's).\nthe cat");
    assert_int_equal(speller_begin(&s), 0);
    word_list_deinit(&list);
}

static void words_by_spaces(void **state) {
    (void)state;
    word_list list = make_list();
    speller s = {.words = &list};
    check_read(&s, "the cat . ", (int32_t[]){1, 2, 3}, 3);
    check_read(&s, "cat.", (int32_t[]){7}, 1);
    check_written(&s, (int32_t[]){1, 2, 3, 99, -2}, 5, "the cat . <unk> <unk>");
    word_list_deinit(&list);
}

static void characters(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    file_view view = {"text", (const uint8_t *)"日本\nab", 9};
    vocabulary v;
    assert_int_equal(vocabulary_build(view, &d, &v), RNNC_OK);
    speller s = {.characters = &v};
    check_read(&s, "b日", (int32_t[]){2, 3}, 2);
    check_written(&s, (int32_t[]){4, 3, 0, 1}, 4, "本日\na");
    assert_int_equal(speller_begin(&s), 0);
    int32_t *tokens;
    size_t count;
    assert_int_not_equal(speller_read(&s, view_of("c"), &d, &tokens, &count), RNNC_OK);
    assert_int_not_equal(speller_read(&s, view_of("\xff"), &d, &tokens, &count), RNNC_OK);
    vocabulary_deinit(&v);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_signs),
        cmocka_unit_test(words_by_spaces),
        cmocka_unit_test(characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
