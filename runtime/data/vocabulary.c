#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/text.h"

enum { ALL_CODES = TEXT_END };

void vocabulary_deinit(vocabulary *v) {
    free(v->code);
    free(v->sorted);
    *v = (vocabulary){0};
}

static rnnc_status allocate(uint32_t count, const char *what, diag_sink *d, vocabulary *out_vocabulary) {
    *out_vocabulary = (vocabulary){
        .code = calloc((size_t)count + 1, sizeof(uint32_t)),
        .sorted = calloc((size_t)count + 1, sizeof(uint32_t)),
        .count = count,
    };
    if (!out_vocabulary->code || !out_vocabulary->sorted) {
        vocabulary_deinit(out_vocabulary);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for a vocabulary of %" PRIu32,
                         what, count);
    }
    return RNNC_OK;
}

static bool test_bit(const uint8_t *bits, uint32_t i) {
    return bits[i / 8] >> (i % 8) & 1;
}

// Notes the characters of |view| among |seen|.
static rnnc_status note_characters(file_view view, uint8_t *seen, diag_sink *d) {
    uint32_t code = 0;
    for (size_t at = 0; code != TEXT_END;) {
        TRY(text_next(view, &at, d, &code));
        seen[code / 8] = (uint8_t)(seen[code / 8] | 1u << (code % 8));
    }
    return RNNC_OK;
}

static rnnc_status list_characters(file_view view, const uint8_t *seen, diag_sink *d,
                                   vocabulary *out_vocabulary) {
    uint32_t count = 0;
    for (uint32_t code = 0; code < ALL_CODES; code++) {
        count += test_bit(seen, code);
    }
    TRY(allocate(count, view.name, d, out_vocabulary));
    for (uint32_t code = 0, token = 0; code < ALL_CODES; code++) {
        if (test_bit(seen, code)) {
            out_vocabulary->code[token] = code;
            out_vocabulary->sorted[token] = token;
            token++;
        }
    }
    return RNNC_OK;
}

rnnc_status vocabulary_build(file_view view, diag_sink *d, vocabulary *out_vocabulary) {
    *out_vocabulary = (vocabulary){0};
    uint8_t *seen = calloc(ALL_CODES / 8 + 1, 1); // TEXT_END has a bit, too
    if (!seen) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for a vocabulary", view.name);
    }
    rnnc_status status = note_characters(view, seen, d);
    status = status == RNNC_OK ? list_characters(view, seen, d, out_vocabulary) : status;
    free(seen);
    return status;
}

int32_t vocabulary_find(const vocabulary *v, uint32_t code) {
    uint32_t low = 0, high = v->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (v->code[v->sorted[middle]] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < v->count && v->code[v->sorted[low]] == code ? (int32_t)v->sorted[low] : -1;
}

// |next|: the byte behind the character.
static rnnc_status refuse_character(file_view view, size_t next, uint32_t code, diag_sink *d) {
    size_t line = 1;
    for (size_t i = 0; i + 1 < next; i++) {
        line += view.bytes[i] == '\n';
    }
    strbuf shown = {0};
    if (code >= ' ') {
        strbuf_add(&shown, " '");
        text_add_code(&shown, code);
        strbuf_add(&shown, "'");
    }
    diag_error(d, NO_SPAN, "%s: line %zu: the character%s U+%04" PRIX32 " is not in the vocabulary",
               view.name, line, strbuf_text(&shown), code);
    strbuf_deinit(&shown);
    return RNNC_TYPE;
}

static rnnc_status count_characters(file_view view, diag_sink *d, int64_t *out_count) {
    uint32_t code = 0;
    *out_count = -1; // the end is none
    for (size_t at = 0; code != TEXT_END; ++*out_count) {
        TRY(text_next(view, &at, d, &code));
    }
    return RNNC_OK;
}

static rnnc_status fill_tokens(const vocabulary *v, file_view view, diag_sink *d, array *out) {
    size_t at = 0;
    for (int64_t i = 0; i < out->dim[0]; i++) {
        uint32_t code;
        TRY(text_next(view, &at, d, &code));
        int32_t token = vocabulary_find(v, code);
        if (token < 0) {
            return refuse_character(view, at, code, d);
        }
        if (out->kind == ARRAY_U8) {
            ((uint8_t *)out->data)[i] = (uint8_t)token;
        } else {
            ((int32_t *)out->data)[i] = token;
        }
    }
    return RNNC_OK;
}

rnnc_status vocabulary_encode(const vocabulary *v, file_view view, diag_sink *d, array *out_tokens) {
    *out_tokens = (array){0};
    int64_t count;
    TRY(count_characters(view, d, &count));
    array_kind kind = v->count <= UINT8_MAX + 1 ? ARRAY_U8 : ARRAY_I32;
    TRY(array_create(kind, 1, &count, view.name, d, out_tokens));
    rnnc_status status = fill_tokens(v, view, d, out_tokens);
    if (status != RNNC_OK) {
        array_deinit(out_tokens);
    }
    return status;
}

void vocabulary_decode(const vocabulary *v, const int32_t *tokens, size_t count, strbuf *out) {
    for (size_t i = 0; i < count; i++) {
        bool known = tokens[i] >= 0 && (uint32_t)tokens[i] < v->count;
        text_add_code(out, known ? v->code[tokens[i]] : UINT32_MAX);
    }
}

static void add_json_character(strbuf *out, uint32_t code) {
    if (code == '\n') {
        strbuf_add(out, "\\n");
    } else if (code < ' ' || code == 0x7F) {
        strbuf_addf(out, "\\u%04" PRIx32, code);
    } else {
        strbuf_add(out, code == '"' || code == '\\' ? "\\" : "");
        text_add_code(out, code);
    }
}

void vocabulary_render(const vocabulary *v, strbuf *out) {
    strbuf_add(out, "[");
    for (uint32_t i = 0; i < v->count; i++) {
        strbuf_add(out, i ? ",\"" : "\"");
        add_json_character(out, v->code[i]);
        strbuf_add(out, "\"");
    }
    strbuf_add(out, "]\n");
}

rnnc_status vocabulary_write(const char *path, const vocabulary *v, diag_sink *d) {
    strbuf text = {0};
    vocabulary_render(v, &text);
    rnnc_status status =
        text.failed ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory to write", path)
                    : atomic_file_write(path, text.text, text.length, d);
    strbuf_deinit(&text);
    return status;
}

static rnnc_status read_character(const json_t *item, file_view view, size_t index, diag_sink *d,
                                  uint32_t *out_code) {
    text_codes codes = {0};
    if (json_is_string(item)) {
        // An empty name: the decoder has nothing to complain of, since jansson checked the UTF-8.
        file_view text = {view.name, (const uint8_t *)json_string_value(item), json_string_length(item)};
        TRY(text_decode(text, d, &codes));
        // A byte order mark alone is a character here, but one that text_decode skips.
        if (codes.count == 0 && text.size == 3) {
            codes.at[codes.count++] = 0xFEFF;
        }
    }
    bool single = codes.count == 1;
    *out_code = single ? codes.at[0] : 0;
    text_codes_deinit(&codes);
    return single ? RNNC_OK
                  : diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                              "%s: entry %zu of the vocabulary is not a string of one character", view.name,
                              index);
}

typedef struct code_place {
    uint32_t code, token;
} code_place;

static int compare_places(const void *left, const void *right) {
    const code_place *a = left, *b = right;
    return (a->code > b->code) - (a->code < b->code);
}

static rnnc_status sort_tokens(vocabulary *v, const char *name, diag_sink *d) {
    code_place *places = calloc((size_t)v->count + 1, sizeof *places);
    if (!places) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for a vocabulary", name);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        places[i] = (code_place){v->code[i], i};
    }
    qsort(places, v->count, sizeof *places, compare_places);
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < v->count; i++) {
        v->sorted[i] = places[i].token;
        if (i && places[i].code == places[i - 1].code && status == RNNC_OK) {
            status = diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                               "%s: the character U+%04" PRIX32 " stands in the vocabulary twice", name,
                               places[i].code);
        }
    }
    free(places);
    return status;
}

static rnnc_status read_entries(const json_t *root, file_view view, diag_sink *d,
                                vocabulary *out_vocabulary) {
    size_t count = json_array_size(root);
    if (!json_is_array(root) || count == 0 || count > ALL_CODES) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a vocabulary: expected an array of characters",
                         view.name);
    }
    TRY(allocate((uint32_t)count, view.name, d, out_vocabulary));
    for (size_t i = 0; i < count; i++) {
        TRY(read_character(json_array_get(root, i), view, i, d, &out_vocabulary->code[i]));
    }
    return sort_tokens(out_vocabulary, view.name, d);
}

rnnc_status vocabulary_parse(file_view view, diag_sink *d, vocabulary *out_vocabulary) {
    *out_vocabulary = (vocabulary){0};
    json_error_t error;
    json_t *root = json_loadb((const char *)view.bytes, view.size, JSON_ALLOW_NUL, &error);
    if (!root) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a vocabulary: line %d: %s", view.name, error.line,
                         error.text);
    }
    rnnc_status status = read_entries(root, view, d, out_vocabulary);
    json_decref(root);
    if (status != RNNC_OK) {
        vocabulary_deinit(out_vocabulary);
    }
    return status;
}

rnnc_status vocabulary_read(const char *path, diag_sink *d, vocabulary *out_vocabulary) {
    *out_vocabulary = (vocabulary){0};
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    rnnc_status status = vocabulary_parse((file_view){path, bytes.data, bytes.size}, d, out_vocabulary);
    file_bytes_deinit(&bytes);
    return status;
}
