#include "runtime/data/text.h"

#include "tests/unit/data_files.h"

static rnnc_status decode(fixture *f, const char *bytes, size_t size, text_codes *out_codes) {
    uint8_t *copy = exact_copy(bytes, size);
    rnnc_status status = text_decode((file_view){"t", copy, size}, &f->sink, out_codes);
    free(copy);
    return status;
}

static void every_character_comes_back(void **state) {
    fixture *f = *state;
    strbuf text = {0};
    for (uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 37) {
        if (code < 0xD800 || code > 0xDFFF) {
            text_add_code(&text, code);
        }
    }
    text_add_code(&text, 0x10FFFF);
    text_codes codes;
    assert_int_equal(decode(f, text.text, text.length, &codes), RNNC_OK);
    size_t i = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 37) {
        if (code < 0xD800 || code > 0xDFFF) {
            assert_int_equal(codes.at[i], code);
            i++;
        }
    }
    assert_int_equal(codes.at[i], 0x10FFFF);
    assert_int_equal(codes.count, i + 1);
    text_codes_deinit(&codes);
    strbuf_deinit(&text);
}

static void line_ends_are_one_character(void **state) {
    fixture *f = *state;
    const uint32_t wanted[] = {'\n', 'a', '\n', '\r', '\n', '\r', 'b', '\n', '\r'};
    const char text[] = "\r\na\n\r\r\n\rb\r\n\r";
    text_codes codes;
    assert_int_equal(decode(f, text, sizeof text - 1, &codes), RNNC_OK);
    assert_int_equal(codes.count, sizeof wanted / sizeof *wanted);
    assert_memory_equal(codes.at, wanted, sizeof wanted);
    text_codes_deinit(&codes);
}

static void refuses_what_is_not_utf8(void **state) {
    fixture *f = *state;
    const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC3",
        "\xC3(",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE2\x82",
        "\xE2\x82(",
        "\xF0\x9F\x98",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[20];
        snprintf(text, sizeof text, "\xC3\xA4%s", bad[i]);
        text_codes codes;
        forget_messages(f);
        assert_fails(f, decode(f, text, strlen(text), &codes), RNNC_CORRUPT,
                     "t: not UTF-8: unexpected byte 0x");
        assert_non_null(strstr(last_message(f), " at offset 2"));
        assert_null(codes.at);
    }
}

static void skips_a_byte_order_mark(void **state) {
    fixture *f = *state;
    text_codes codes;
    const char *text = "\xEF\xBB\xBF"
                       "a\xEF\xBB\xBF";
    assert_int_equal(decode(f, text, 7, &codes), RNNC_OK);
    assert_int_equal(codes.count, 2);
    assert_int_equal(codes.at[0], 'a');
    assert_int_equal(codes.at[1], 0xFEFF);
    text_codes_deinit(&codes);
}

static void encodes_and_decodes(void **state) {
    fixture *f = *state;
    const char text[] = "b\xC3\xA4\n\xF0\x9F\x98\x80"
                        "ab\0\n";
    write_gzip("a.txt.gz", text, sizeof text - 1);
    file_contents file;
    assert_int_equal(file_contents_open("a.txt.gz", &f->sink, &file), RNNC_OK);
    vocabulary v;
    assert_int_equal(vocabulary_build(file.view, &f->sink, &v), RNNC_OK);
    const uint32_t expected[] = {0, '\n', 'a', 'b', 0xE4, 0x1F600};
    assert_int_equal(v.count, 6);
    assert_memory_equal(v.code, expected, sizeof expected);
    array tokens;
    assert_int_equal(vocabulary_encode(&v, file.view, &f->sink, &tokens), RNNC_OK);
    const uint8_t wanted[] = {3, 4, 1, 5, 2, 3, 0, 1};
    assert_int_equal(tokens.kind, ARRAY_U8);
    assert_int_equal(array_count(&tokens), sizeof wanted);
    assert_memory_equal(tokens.data, wanted, sizeof wanted);
    const int32_t again[] = {3, 4, 1, 5, 2, 3, 0, 1};
    strbuf back = {0};
    vocabulary_decode(&v, again, 8, &back);
    assert_int_equal(back.length, sizeof text - 1);
    assert_memory_equal(back.text, text, sizeof text - 1);
    vocabulary_decode(&v, (const int32_t[]){-1, 6}, 2, &back);
    assert_string_equal(back.text + sizeof text - 1, "\xEF\xBF\xBD\xEF\xBF\xBD");
    strbuf_deinit(&back);
    array_deinit(&tokens);
    vocabulary_deinit(&v);
    file_contents_close(&file);
}

static void refuses_unknown_characters(void **state) {
    fixture *f = *state;
    vocabulary v;
    array tokens;
    assert_int_equal(vocabulary_build(text_view("\xEF\xBB\xBF"
                                                "ab\n"),
                                      &f->sink, &v),
                     RNNC_OK);
    assert_int_equal(v.count, 3);
    assert_fails(f, vocabulary_encode(&v, text_view("a\nb\xC3\xA4"), &f->sink, &tokens), RNNC_TYPE,
                 "t: line 2: the character '\xC3\xA4' U+00E4 is not in the vocabulary");
    assert_null(tokens.data);
    assert_fails(f, vocabulary_encode(&v, text_view("a\xC3"), &f->sink, &tokens), RNNC_CORRUPT, "offset 1");
    vocabulary_deinit(&v);
    assert_fails(f, vocabulary_build(text_view("a\xC3"), &f->sink, &v), RNNC_CORRUPT, "offset 1");
    assert_null(v.code);
    assert_int_equal(vocabulary_build(text_view(""), &f->sink, &v), RNNC_OK);
    assert_int_equal(v.count, 0);
    vocabulary_deinit(&v);
}

static void vocabulary_files_come_back(void **state) {
    fixture *f = *state;
    const uint32_t order[] = {'z', '"', '\\', '\n', 0, 0x7F, 0x1F, 0xE4, 0x1F600, 0xFEFF, 0xFFFD, 'a'};
    const size_t count = sizeof order / sizeof *order;
    strbuf json = {0};
    uint32_t code[sizeof order / sizeof *order];
    memcpy(code, order, sizeof order);
    vocabulary_render(&(vocabulary){.code = code, .count = (uint32_t)count}, &json);
    assert_non_null(strstr(
        json.text, "[\"z\",\"\\\"\",\"\\\\\",\"\\n\",\"\\u0000\",\"\\u007f\",\"\\u001f\",\"\xC3\xA4\","));
    vocabulary v, again;
    assert_int_equal(vocabulary_parse((file_view){"t", (uint8_t *)json.text, json.length}, &f->sink, &v),
                     RNNC_OK);
    assert_int_equal(vocabulary_write("v.json", &v, &f->sink), RNNC_OK);
    assert_int_equal(vocabulary_read("v.json", &f->sink, &again), RNNC_OK);
    assert_int_equal(again.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(again.code[i], order[i]);
        assert_int_equal(vocabulary_find(&again, order[i]), i);
    }
    assert_int_equal(vocabulary_find(&again, 'q'), -1);
    assert_int_equal(vocabulary_find(&again, UINT32_MAX), -1);
    vocabulary_deinit(&v);
    vocabulary_deinit(&again);
    strbuf_deinit(&json);
}

static void refuses_bad_vocabularies(void **state) {
    fixture *f = *state;
    const char *const rows[][2] = {
        {"", "t: not a vocabulary: line 1:"},
        {"{}", "expected an array of characters"},
        {"[]", "expected an array of characters"},
        {"[\"a\",\"bc\"]", "t: entry 1 of the vocabulary is not a string of one character"},
        {"[\"\"]", "entry 0"},
        {"[1]", "entry 0"},
        {"[\"a\",\"b\",\"a\"]", "t: the character U+0061 stands in the vocabulary twice"},
        {"[\"a\"] x", "not a vocabulary"},
        {"[\"\xC3\"]", "not a vocabulary"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vocabulary v;
        assert_fails(f, vocabulary_parse(text_view(rows[i][0]), &f->sink, &v), RNNC_CORRUPT, rows[i][1]);
        assert_null(v.code);
    }
    vocabulary v;
    assert_fails(f, vocabulary_read("none", &f->sink, &v), RNNC_IO, "none: cannot read");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(every_character_comes_back), data_test(line_ends_are_one_character),
        data_test(refuses_what_is_not_utf8),   data_test(skips_a_byte_order_mark),
        data_test(encodes_and_decodes),        data_test(refuses_unknown_characters),
        data_test(vocabulary_files_come_back), data_test(refuses_bad_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
