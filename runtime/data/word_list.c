// Lists of words: a hash table, and their forms in files.
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/words.h"

enum { FIRST_SLOTS = 64, MOST_WORDS = INT32_MAX };

void word_list_deinit(word_list *w) {
    free(w->bytes);
    free(w->begin);
    free(w->slots);
    *w = (word_list){0};
}

const char *word_list_at(const word_list *w, uint32_t number) {
    return w->bytes + w->begin[number];
}

static size_t length_at(const word_list *w, uint32_t number) {
    size_t end = number + 1 < w->count ? w->begin[number + 1] : w->size;
    return end - w->begin[number] - 1;
}

// FNV-1a.
static uint32_t hash(const char *word, size_t length) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (uint8_t)word[i]) * 16777619u;
    }
    return h;
}

// The slot of |word|, or the free one where it belongs. There is always a free one.
static uint32_t find_slot(const word_list *w, const char *word, size_t length) {
    uint32_t mask = w->slot_count - 1, at = hash(word, length) & mask;
    while (w->slots[at]) {
        uint32_t number = w->slots[at] - 1;
        if (length_at(w, number) == length && memcmp(word_list_at(w, number), word, length) == 0) {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

int32_t word_list_find(const word_list *w, const char *word, size_t length) {
    uint32_t slot = w->slot_count ? w->slots[find_slot(w, word, length)] : 0;
    return slot ? (int32_t)(slot - 1) : -1;
}

static bool grow_slots(word_list *w) {
    if (w->count < w->slot_count / 2) {
        return true;
    }
    uint32_t old = w->slot_count, grown = old ? old * 2 : FIRST_SLOTS;
    uint32_t *slots = grown > old ? calloc(grown, sizeof *slots) : NULL;
    if (!slots) {
        return false;
    }
    free(w->slots);
    w->slots = slots;
    w->slot_count = grown;
    for (uint32_t i = 0; i < w->count; i++) {
        slots[find_slot(w, word_list_at(w, i), length_at(w, i))] = i + 1;
    }
    return true;
}

static bool grow_storage(word_list *w, size_t length) {
    if (w->count == w->room) {
        uint32_t room = w->room ? w->room * 2 : FIRST_SLOTS;
        size_t *begin = room > w->room ? realloc(w->begin, room * sizeof *begin) : NULL;
        if (!begin) {
            return false;
        }
        w->begin = begin;
        w->room = room;
    }
    if (length >= w->capacity - w->size) {
        size_t capacity = (w->size + length + 1) * 2;
        char *bytes = capacity > w->size ? realloc(w->bytes, capacity) : NULL;
        if (!bytes) {
            return false;
        }
        w->bytes = bytes;
        w->capacity = capacity;
    }
    return true;
}

bool word_list_add(word_list *w, const char *word, size_t length, uint32_t *out_number) {
    if (!grow_slots(w)) {
        return false;
    }
    uint32_t slot = find_slot(w, word, length);
    if (w->slots[slot]) {
        *out_number = w->slots[slot] - 1;
        return true;
    }
    if (w->count == MOST_WORDS || !grow_storage(w, length)) {
        return false;
    }
    memcpy(w->bytes + w->size, word, length);
    w->bytes[w->size + length] = '\0';
    w->begin[w->count] = w->size;
    w->size += length + 1;
    w->slots[slot] = ++w->count;
    *out_number = w->count - 1;
    return true;
}

bool word_list_same(const word_list *a, const word_list *b, uint32_t *out_first) {
    uint32_t least = a->count < b->count ? a->count : b->count;
    uint32_t i = 0;
    while (i < least && strcmp(word_list_at(a, i), word_list_at(b, i)) == 0) {
        i++;
    }
    *out_first = i;
    return i == a->count && i == b->count;
}

// ---- JSON ----

static void add_json_word(strbuf *out, const char *word) {
    strbuf_add(out, "\"");
    for (const char *c = word; *c; c++) {
        if (*c == '"' || *c == '\\') {
            strbuf_addf(out, "\\%c", *c);
        } else if ((unsigned char)*c < ' ' || *c == 0x7F) {
            strbuf_addf(out, "\\u%04x", (unsigned)*c);
        } else {
            strbuf_add_bytes(out, c, 1);
        }
    }
    strbuf_add(out, "\"");
}

void word_list_render(const word_list *w, strbuf *out) {
    strbuf_add(out, "[");
    for (uint32_t i = 0; i < w->count; i++) {
        strbuf_add(out, i ? "," : "");
        add_json_word(out, word_list_at(w, i));
    }
    strbuf_add(out, "]\n");
}

static rnnc_status add_distinct(word_list *w, const char *name, const char *word, size_t length,
                                diag_sink *d) {
    uint32_t number, before = w->count;
    if (!word_list_add(w, word, length, &number)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for a vocabulary", name);
    }
    return number == before ? RNNC_OK
                            : diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                                        "%s: entries %" PRIu32 " and %" PRIu32
                                        " of the vocabulary are both \"%.40s\" (counted from 0)",
                                        name, number, before, word_list_at(w, number));
}

static rnnc_status read_entries(const json_t *root, file_view view, diag_sink *d, word_list *out_words) {
    size_t count = json_array_size(root);
    if (!json_is_array(root) || count == 0 || count > MOST_WORDS) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a vocabulary: expected an array of words",
                         view.name);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(root, i);
        if (!json_is_string(item) || json_string_length(item) == 0) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: entry %zu of the vocabulary is not a word",
                             view.name, i);
        }
        TRY(add_distinct(out_words, view.name, json_string_value(item), json_string_length(item), d));
    }
    return RNNC_OK;
}

rnnc_status word_list_parse(file_view view, diag_sink *d, word_list *out_words) {
    *out_words = (word_list){0};
    json_error_t error;
    json_t *root = json_loadb((const char *)view.bytes, view.size, 0, &error);
    if (!root) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a vocabulary: line %d: %s", view.name, error.line,
                         error.text);
    }
    rnnc_status status = read_entries(root, view, d, out_words);
    json_decref(root);
    if (status != RNNC_OK) {
        word_list_deinit(out_words);
    }
    return status;
}

// ---- Text ----

rnnc_status word_list_write(const char *path, const word_list *w, diag_sink *d) {
    strbuf text = {0};
    for (uint32_t i = 0; i < w->count; i++) {
        strbuf_add(&text, word_list_at(w, i));
        strbuf_add(&text, "\n");
    }
    rnnc_status status =
        text.failed ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory to write", path)
                    : atomic_file_write(path, text.text, text.length, d);
    strbuf_deinit(&text);
    return status;
}

static rnnc_status read_lines(file_view view, diag_sink *d, word_list *out_words) {
    const char *at = (const char *)view.bytes, *end = at + view.size;
    for (size_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop == at || memchr(at, '\0', (size_t)(stop - at))) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu: expected a word of the vocabulary",
                             view.name, line);
        }
        TRY(add_distinct(out_words, view.name, at, (size_t)(stop - at), d));
        at = stop < end ? stop + 1 : end;
    }
    return out_words->count ? RNNC_OK
                            : diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                                        "%s: not a vocabulary: expected one word a line", view.name);
}

rnnc_status word_list_read(const char *path, diag_sink *d, word_list *out_words) {
    *out_words = (word_list){0};
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    rnnc_status status = read_lines((file_view){path, bytes.data, bytes.size}, d, out_words);
    file_bytes_deinit(&bytes);
    if (status != RNNC_OK) {
        word_list_deinit(out_words);
    }
    return status;
}
