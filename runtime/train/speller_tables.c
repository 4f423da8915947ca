#include "runtime/train/speller_tables.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_CODES = 0x110000 };

static const char replacement[] = "\xEF\xBF\xBD", line_end[] = "\n"; // U+FFFD

// ---- Texts of tokens ----

static void add_text(const speller *s, int32_t token, strbuf *out) {
    if (s->characters) {
        vocabulary_decode(s->characters, &token, 1, out);
    } else {
        strbuf_add(out, word_list_at(s->words, (uint32_t)token));
    }
}

static bool add_texts(const speller *s, ahead_text *t) {
    strbuf bytes = {0};
    t->begin = calloc((size_t)t->count + 3, sizeof *t->begin);
    for (int32_t i = 0; t->begin && i < t->count && bytes.length < INT_MAX / 2; i++) {
        add_text(s, i, &bytes);
        t->begin[i + 1] = (int32_t)bytes.length;
    }
    strbuf_add(&bytes, s->characters ? replacement : WORD_UNKNOWN);
    if (t->begin) {
        t->begin[t->count + 1] = (int32_t)bytes.length;
        t->begin[t->count + 2] = (int32_t)bytes.length + 1;
    }
    strbuf_add(&bytes, line_end);
    t->bytes = bytes.text;
    return t->begin && !bytes.failed && bytes.length < INT_MAX / 2;
}

// ---- The order of their bytes ----

static int compare_texts(const void *left, const void *right, void *user) {
    const ahead_text *t = user;
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    int32_t a_size = t->begin[a + 1] - t->begin[a], b_size = t->begin[b + 1] - t->begin[b];
    int order =
        memcmp(t->bytes + t->begin[a], t->bytes + t->begin[b], (size_t)(a_size < b_size ? a_size : b_size));
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static bool sort_texts(ahead_text *t) {
    t->sorted = calloc((size_t)t->count + 1, sizeof *t->sorted);
    for (int32_t i = 0; t->sorted && i < t->count; i++) {
        t->sorted[i] = i;
    }
    if (t->sorted) {
        qsort_r(t->sorted, (size_t)t->count, sizeof *t->sorted, compare_texts, t);
    }
    return t->sorted != NULL;
}

// ---- Rules for words ----

static bool mark_words(const speller *s, ahead_text *t) {
    t->marks = calloc((size_t)t->count + 1, 1);
    for (int32_t i = 0; t->marks && i < t->count; i++) {
        const char *word = word_list_at(s->words, (uint32_t)i);
        bool signs = s->rules.punctuation;
        t->marks[i] = (uint8_t)((strcmp(word, WORD_LINE_END) == 0 ? AHEAD_TEXT_LINE_END : 0) |
                                (signs && speller_closes(word) ? AHEAD_TEXT_CLOSES : 0) |
                                (signs && speller_opens(word) ? AHEAD_TEXT_OPENS : 0));
    }
    return t->marks != NULL;
}

static int32_t entry_of(const word_rules *rules, uint32_t code) {
    static const int32_t sorts[] = {[WORD_SPACE] = AHEAD_TEXT_SPACE,
                                    [WORD_SIGN] = AHEAD_TEXT_SIGN,
                                    [WORD_LETTER] = AHEAD_TEXT_LETTER,
                                    [WORD_DIGIT] = AHEAD_TEXT_DIGIT};
    int32_t sort = sorts[word_sort_of(code)];
    int32_t more = rules->lower ? (int32_t)word_lower(code) - (int32_t)code : 0;
    return more * 4 + (sort == AHEAD_TEXT_SIGN && !rules->punctuation ? AHEAD_TEXT_LETTER : sort);
}

// Runs of characters with one entry, counted at first, then written.
static int32_t find_runs(const word_rules *rules, int32_t *begin, int32_t *entry) {
    int32_t count = 0, last = -1;
    for (uint32_t code = 0; code < ALL_CODES; code++) {
        int32_t now = entry_of(rules, code);
        if (count == 0 || now != last) {
            if (begin) {
                begin[count] = (int32_t)code;
                entry[count] = now;
            }
            count++;
            last = now;
        }
    }
    return count;
}

static bool add_runs(const word_rules *rules, ahead_text *t) {
    t->run_count = find_runs(rules, NULL, NULL);
    t->run_begin = calloc((size_t)t->run_count, sizeof *t->run_begin);
    t->run_entry = calloc((size_t)t->run_count, sizeof *t->run_entry);
    if (!t->run_begin || !t->run_entry) {
        return false;
    }
    find_runs(rules, t->run_begin, t->run_entry);
    return true;
}

static int32_t find_word(const speller *s, const char *word) {
    return word_list_find(s->words, word, strlen(word));
}

static bool add_rules(const speller *s, ahead_text *t) {
    const word_rules *rules = &s->rules;
    t->words = true;
    t->alone = rules->characters;
    t->signs = rules->punctuation;
    t->numbers = rules->numbers;
    t->unknown = find_word(s, WORD_UNKNOWN);
    t->number = find_word(s, WORD_NUMBER);
    t->number = t->number < 0 ? t->unknown : t->number;
    // What follows a line is a word like any other: unknown, if the vocabulary lacks it.
    int32_t end = find_word(s, WORD_LINE_END);
    t->line_end = !rules->line_ends ? -1 : end >= 0 ? end : t->unknown;
    return mark_words(s, t) && add_runs(rules, t);
}

rnnc_status speller_tables_create(const speller *s, diag_sink *d, ahead_text *out_text) {
    ahead_text *t = out_text;
    *t = (ahead_text){.count = (int32_t)speller_count(s),
                      .unknown = -1,
                      .number = -1,
                      .line_end = -1,
                      .first = speller_begin(s),
                      .input = -1,
                      .scores = -1};
    bool whole = add_texts(s, t) && sort_texts(t) && (s->characters || add_rules(s, t));
    if (!whole) {
        speller_tables_deinit(t);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the tables of a vocabulary");
    }
    return RNNC_OK;
}

void speller_tables_deinit(ahead_text *t) {
    free(t->bytes);
    free(t->begin);
    free(t->sorted);
    free(t->marks);
    free(t->run_begin);
    free(t->run_entry);
    *t = (ahead_text){0};
}
