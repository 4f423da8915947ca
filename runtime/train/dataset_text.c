// Reading of texts: their tokens, rows and vocabularies.
#include <stdlib.h>
#include <string.h>

#include "runtime/data/csv.h"
#include "runtime/data/store.h"
#include "runtime/train/dataset.h"

void data_text_deinit(data_source *s) {
    if (s->made_vocabulary && s->characters) {
        vocabulary_deinit((vocabulary *)s->characters);
    }
    if (s->made_vocabulary && s->words) {
        word_list_deinit((word_list *)s->words);
    }
    store_free(s->starts);
}

static const data_vocabulary *find_vocabulary(const dataset_request *request, const char *key, bool words) {
    for (uint32_t i = 0; i < request->vocabulary_count; i++) {
        const data_vocabulary *v = &request->vocabularies[i];
        if (strcmp(v->key, key) == 0 && (words ? v->words != NULL : v->vocabulary != NULL)) {
            return v;
        }
    }
    return NULL;
}

// With weights come their tokens' numbers; numbers made anew would mean other words.
static rnnc_status refuse_weights(const dataset_request *request, const data_source *s, diag_sink *d) {
    return diag_fail(
        d, RNNC_TYPE, NO_SPAN,
        "%s: the weights hold no vocabulary for '%s': they were trained on other data, or the data "
        "was read in another form",
        request->weights, s->input);
}

// ---- Characters ----

static rnnc_status choose_characters(const dataset_request *request, file_view view, diag_sink *d,
                                     arena *memory, data_source *s) {
    const data_vocabulary *known = find_vocabulary(request, s->key, false);
    if (known) {
        s->characters = known->vocabulary;
        return RNNC_OK;
    }
    if (request->weights) {
        return refuse_weights(request, s, d);
    }
    vocabulary *made = arena_new(memory, vocabulary);
    TRY(vocabulary_build(view, d, made));
    s->characters = made;
    s->made_vocabulary = true;
    return RNNC_OK;
}

static rnnc_status encode_characters(const dataset_request *request, file_view view, diag_sink *d,
                                     arena *memory, data_source *s) {
    TRY(choose_characters(request, view, d, memory, s));
    TRY(vocabulary_encode(s->characters, view, d, &s->values));
    return array_count(&s->values) ? RNNC_OK
                                   : diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: the text is empty", s->label);
}

static rnnc_status read_characters(const dataset_request *request, diag_sink *d, arena *memory,
                                   data_source *s) {
    file_contents file;
    TRY(file_contents_open(s->label, d, &file));
    rnnc_status status = encode_characters(request, file.view, d, memory, s);
    file_contents_close(&file);
    return status;
}

// ---- Words ----

word_rules data_word_rules(const data_binding *b) {
    const text_options *o = &b->text;
    return (word_rules){.characters = o->characters,
                        .punctuation = o->punctuation,
                        .lower = o->lower,
                        .numbers = o->numbers,
                        .line_ends = o->line_ends,
                        .unknown = o->unknown,
                        .least = o->least,
                        .most = o->most};
}

bool data_reads_words(const data_binding *b) {
    return b->kind == DATA_WORDS || b->kind == DATA_LINES || b->kind == DATA_LABELS ||
           b->kind == DATA_COLUMN || b->kind == DATA_CATEGORY;
}

rnnc_status data_add_words(const data_binding *b, file_view view, const word_rules *rules, diag_sink *d,
                           word_text *t) {
    switch (b->kind) {
    case DATA_LABELS: return word_text_add_labels(t, view, d);
    case DATA_COLUMN: return word_text_add_column(t, view, b->column, rules, d);
    case DATA_CATEGORY: return csv_parse_category(view, b->columns[0], rules->unknown, d, t);
    default: return word_text_add(t, view, rules, d);
    }
}

// The words of all files, and how many lines each of them has.
static rnnc_status add_files(const dataset_request *request, const data_binding *b, const word_rules *rules,
                             diag_sink *d, data_source *s, word_text *t) {
    for (uint32_t i = 0; i < b->key_count; i++) {
        const char *path = data_find_path(request, b->keys[i]);
        size_t before = t->lines;
        file_contents file;
        TRY(file_contents_open(path, d, &file));
        rnnc_status status = data_add_words(b, file.view, rules, d, t);
        file_contents_close(&file);
        TRY(status);
        if (t->lines == before) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: the text is empty", path);
        }
        s->file_rows[i] = (int64_t)(t->lines - before);
    }
    return RNNC_OK;
}

// Where held-out words can be <unk>, training alone says which words there are. Elsewhere all must have a number.
static rnnc_status choose_words(const dataset_request *request, const data_binding *b, const word_text *t,
                                diag_sink *d, arena *memory, data_source *s) {
    const word_rules rules = data_word_rules(b);
    const data_vocabulary *known = find_vocabulary(request, s->input, true);
    if (known) {
        s->words = known->words;
        return RNNC_OK;
    }
    if (request->weights) {
        return refuse_weights(request, s, d);
    }
    word_list *made = arena_new(memory, word_list);
    word_range *counted = NULL;
    uint32_t count = 0;
    if (word_rules_have_unknown(&rules)) {
        count = data_trained_words(request, b, s, t, memory, &counted);
    }
    TRY(word_text_vocabulary(t, counted, count, &rules, d, made));
    s->words = made;
    s->made_vocabulary = true;
    return RNNC_OK;
}

// Rows of at most |most| words (0: any); what is behind goes.
static rnnc_status take_rows(const word_text *t, int64_t most, diag_sink *d, data_source *s) {
    s->rows = (int64_t)t->lines;
    s->starts = store_create((t->lines + 1) * sizeof *s->starts);
    if (!s->starts) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu rows", s->label,
                         t->lines);
    }
    size_t item = array_kind_bytes(s->values.kind);
    char *values = s->values.data;
    int64_t at = 0;
    for (size_t i = 0; i < t->lines; i++) {
        int64_t length = (int64_t)(t->line[i + 1] - t->line[i]);
        length = most && length > most ? most : length;
        memmove(values + (size_t)at * item, values + t->line[i] * item, (size_t)length * item);
        at += length;
        s->starts[i + 1] = at;
        s->longest = length > s->longest ? length : s->longest;
    }
    s->values.dim[0] = at;
    return RNNC_OK;
}

static rnnc_status take_words(const dataset_request *request, const data_binding *b, const word_text *t,
                              diag_sink *d, arena *memory, data_source *s) {
    if (t->count == 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: there is no word in it", s->label);
    }
    TRY(choose_words(request, b, t, d, memory, s));
    TRY(word_text_encode(t, s->words, s->label, d, &s->values));
    bool rows = b->kind == DATA_LINES || b->kind == DATA_COLUMN;
    return rows ? take_rows(t, b->text.longest, d, s) : RNNC_OK;
}

static rnnc_status read_words(const dataset_request *request, const data_binding *b, diag_sink *d,
                              arena *memory, data_source *s) {
    word_rules rules = data_word_rules(b);
    word_text t = {0};
    s->file_count = b->key_count;
    s->file_rows = arena_new_array(memory, int64_t, b->key_count);
    rnnc_status status = add_files(request, b, &rules, d, s, &t);
    status = status == RNNC_OK ? take_words(request, b, &t, d, memory, s) : status;
    word_text_deinit(&t);
    return status;
}

// ---- The file that a line is of ----

static rnnc_status number_files(const data_binding *b, diag_sink *d, arena *memory, data_source *s) {
    int64_t rows = 0;
    for (uint32_t i = 0; i < b->key_count; i++) {
        rows += s->file_rows[i];
    }
    word_list *keys = arena_new(memory, word_list);
    TRY(array_create(ARRAY_I32, 1, &rows, s->label, d, &s->values));
    s->words = keys;
    s->made_vocabulary = true;
    int32_t *at = s->values.data;
    for (uint32_t i = 0, number; i < b->key_count; i++) {
        if (!word_list_add(keys, b->keys[i], strlen(b->keys[i]), &number)) {
            return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory", s->label);
        }
        for (int64_t row = 0; row < s->file_rows[i]; row++) {
            *at++ = (int32_t)number;
        }
    }
    return RNNC_OK;
}

static rnnc_status read_file_of(const dataset_request *request, const data_binding *b, diag_sink *d,
                                arena *memory, data_source *s) {
    static const word_rules none = {0};
    word_text t = {0};
    s->file_count = b->key_count;
    s->file_rows = arena_new_array(memory, int64_t, b->key_count);
    rnnc_status status = add_files(request, b, &none, d, s, &t);
    word_text_deinit(&t);
    return status == RNNC_OK ? number_files(b, d, memory, s) : status;
}

rnnc_status data_text_read(const dataset_request *request, const data_binding *b, diag_sink *d, arena *memory,
                           data_source *out_source) {
    switch (b->kind) {
    case DATA_CHARACTERS: return read_characters(request, d, memory, out_source);
    case DATA_FILE_OF: return read_file_of(request, b, d, memory, out_source);
    default: return read_words(request, b, d, memory, out_source);
    }
}
