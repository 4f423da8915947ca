// NAME_encode and NAME_decode of objects against the speller that trainings and samples use: texts of all kinds of
// characters, by all rules, whole and broken.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <cmocka.h>

#include "ahead/parts.h"
#include "runtime/train/speller_tables.h"
#include "tests/diff/linked.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST_TEXT = 60, TEXTS = 400, ROOM = 256, NO_TOKEN = -7 };

typedef int32_t encode_function(const char *text, int32_t bytes, int32_t *tokens, int32_t room);
typedef int32_t decode_function(int32_t previous, const int32_t *tokens, int32_t count, char *text,
                                int32_t room);

typedef struct text_object {
    const speller *speller;
    void *library;
    encode_function *encode;
    decode_function *decode;
    uint64_t random;
} text_object;

static void open_object(const speller *s, const char *name, text_object *o) {
    static const char model[] =
        "model m() {\n    input t: token(9)[T]\n    h = lstm(3, embedding(9, 2, t))\n    output h\n}\n";
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    subject ran;
    subject_options options = {.backend = &backend, .longest = 2, .largest = 1};
    strbuf why = {0}, bytes = {0};
    diag_sink d;
    diag_init(&d);
    assert_int_equal(subject_create(diff_graph_of_text(model, false), &options, &why, &ran), RNNC_OK);
    ahead_parts parts;
    ahead_text tables;
    assert_int_equal(ahead_parts_create(ran.engine, "m", false, 1, &d, &parts), RNNC_OK);
    assert_int_equal(speller_tables_create(s, &d, &tables), RNNC_OK);
    parts.request.text = &tables;
    assert_int_equal(
        codegen_build_ahead(backend.codegen, codegen_facts(backend.codegen), &parts.request, &d, &bytes),
        RNNC_OK);
    *o = (text_object){.speller = s, .library = diff_link(&bytes, name), .random = 1};
    diff_function(o->library, "m_encode", &o->encode);
    diff_function(o->library, "m_decode", &o->decode);
    strbuf_deinit(&bytes);
    speller_tables_deinit(&tables);
    ahead_parts_deinit(&parts);
    subject_destroy(&ran);
    diff_backend_close(&backend);
    diag_deinit(&d);
}

static uint32_t draw(text_object *o, uint32_t below) {
    o->random = o->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(o->random >> 33) % below;
}

// ---- Texts ----

// What tells the rules apart: words, spaces, signs between letters and digits, capitals, numbers, ends of lines, marks.
static const char *const pieces[] = {
    "the",    "cat",        "Cat",   "THE",   "it",    "'",     "s",
    " ",      " ",          "  ",    "\t",    "\n",    "\r\n",  "\r",
    ".",      ",",          "1",     "23",    "-",     "+",     "(",
    ")",      "!",          "é",     "É",     "Ÿ",     "Ā",     "ā",
    "Σ",      "σ",          "Ж",     "ж",     "日",    "本",    "\u3000",
    "\u2019", "。",         "<unk>", "<eos>", "<num>", "zebra", "\xEF\xBB\xBF",
    "\u00A0", "\U0001F600", "_",     "t",     "he",    "Ǆ",
};
static const char *const broken[] = {"\x80", "\xC3",    "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                     "\xFF", "\xF0\x9F"};
enum { PIECES = sizeof pieces / sizeof *pieces, BROKEN = sizeof broken / sizeof *broken };

static void make_text(text_object *o, bool spoil, strbuf *out) {
    uint32_t count = draw(o, 12);
    for (uint32_t i = 0; i < count && out->length < LONGEST_TEXT; i++) {
        bool bad = spoil && draw(o, 8) == 0;
        strbuf_add(out, bad ? broken[draw(o, BROKEN)] : pieces[draw(o, PIECES)]);
    }
}

static void check_text(text_object *o, const char *text) {
    diag_sink d;
    diag_init(&d);
    int32_t *expected, found[ROOM], cut[ROOM];
    size_t count;
    file_view view = {"the text", (const uint8_t *)text, strlen(text)};
    rnnc_status status = speller_read(o->speller, view, &d, &expected, &count);
    // Behind the text nothing is read: there is a byte that would be a letter.
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    copy[size] = 'x';
    int32_t given = o->encode(copy, (int32_t)size, found, ROOM);
    if (status != RNNC_OK) {
        if (given >= 0 || -1 - given >= (int32_t)size) {
            fail_msg("\"%s\" gives %d, expected a place of what is wrong", text, given);
        }
    } else {
        if (given != (int32_t)count || memcmp(found, expected, count * sizeof *found) != 0) {
            fail_msg("\"%s\" gives %d tokens, expected %zu, or others", text, given, count);
        }
        // Less room: the beginning.
        int32_t room = (int32_t)(count / 2);
        cut[room] = NO_TOKEN;
        assert_int_equal(o->encode(copy, (int32_t)size, cut, room), given);
        assert_memory_equal(cut, expected, (size_t)room * sizeof *cut);
        assert_int_equal(cut[room], NO_TOKEN);
    }
    free(copy);
    free(expected);
    diag_deinit(&d);
}

static void check_tokens(text_object *o, int32_t count) {
    int32_t tokens[8];
    strbuf expected = {0};
    char found[ROOM];
    uint32_t length = draw(o, 8);
    for (uint32_t i = 0; i < length; i++) {
        tokens[i] = (int32_t)draw(o, (uint32_t)count + 4) - 2; // some out of range
    }
    int32_t previous = (int32_t)draw(o, (uint32_t)count + 2) - 1;
    for (uint32_t i = 0; i < length; i++) {
        speller_write(o->speller, tokens[i], i ? tokens[i - 1] : previous, &expected);
    }
    assert_true(expected.length < ROOM);
    int32_t size = o->decode(previous, tokens, (int32_t)length, found, ROOM);
    assert_int_equal(size, expected.length);
    assert_memory_equal(found, strbuf_text(&expected), expected.length);
    memset(found, '#', sizeof found);
    int32_t room = size / 2;
    assert_int_equal(o->decode(previous, tokens, (int32_t)length, found, room), size);
    assert_memory_equal(found, strbuf_text(&expected), (size_t)room);
    assert_int_equal(found[room], '#');
    strbuf_deinit(&expected);
}

static void check_speller(const speller *s, const char *name) {
    text_object o;
    open_object(s, name, &o);
    int32_t count = (int32_t)(s->characters ? s->characters->count : s->words->count);
    check_text(&o, "");
    for (int i = 0; i < TEXTS; i++) {
        strbuf text = {0};
        make_text(&o, i % 4 == 3, &text);
        check_text(&o, strbuf_text(&text));
        check_tokens(&o, count);
        strbuf_deinit(&text);
    }
    dlclose(o.library);
}

// ---- Vocabularies ----

static void add_word(word_list *list, const char *word) {
    uint32_t number;
    assert_true(word_list_add(list, word, strlen(word), &number));
}

static void check_words(word_rules rules, bool unknown, const char *name) {
    static const char *const words[] = {"the", "cat",  "Cat",   "<eos>", ".", ",",    "(", ")",
                                        "!",   "it's", "<num>", "é",     "É", "ÿ",    "ā", "σ",
                                        "日",  "t",    "th",    "it",    "'", "1.23", "ж", " "};
    word_list list = {0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        add_word(&list, words[i]);
    }
    if (unknown) {
        add_word(&list, WORD_UNKNOWN);
    }
    speller s = {.words = &list, .rules = rules};
    check_speller(&s, name);
    word_list_deinit(&list);
}

static void by_spaces(void **state) {
    (void)state;
    check_words((word_rules){0}, true, "spaces");
}

static void by_signs(void **state) {
    (void)state;
    check_words((word_rules){.punctuation = true, .line_ends = true}, true, "signs");
    check_words((word_rules){.punctuation = true, .lower = true, .numbers = true}, true, "all-signs");
}

static void by_case_and_number(void **state) {
    (void)state;
    check_words((word_rules){.lower = true, .numbers = true, .line_ends = true}, true, "lower");
}

static void each_character_a_word(void **state) {
    (void)state;
    check_words((word_rules){.characters = true, .lower = true, .line_ends = true}, true, "alone");
}

static void nothing_unknown(void **state) {
    (void)state;
    check_words((word_rules){.punctuation = true, .numbers = true}, false, "strict");
}

static void characters(void **state) {
    (void)state;
    strbuf all = {0};
    for (size_t i = 0; i < PIECES - 3; i++) { // and not the last ones
        strbuf_add(&all, pieces[i]);
    }
    diag_sink d;
    diag_init(&d);
    vocabulary v;
    file_view view = {"text", (const uint8_t *)all.text, all.length};
    assert_int_equal(vocabulary_build(view, &d, &v), RNNC_OK);
    speller s = {.characters = &v};
    check_speller(&s, "characters");
    vocabulary_deinit(&v);
    strbuf_deinit(&all);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_spaces),          cmocka_unit_test(by_signs),
        cmocka_unit_test(by_case_and_number), cmocka_unit_test(each_character_a_word),
        cmocka_unit_test(nothing_unknown),    cmocka_unit_test(characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
