#include "runtime/train/speller.h"

#include <stdlib.h>
#include <string.h>

static bool is_word(const speller *s, int32_t token, const char *word) {
    return token >= 0 && (uint32_t)token < s->words->count &&
           strcmp(word_list_at(s->words, (uint32_t)token), word) == 0;
}

// ---- Reading ----

static rnnc_status copy_tokens(const array *from, diag_sink *d, int32_t **out_tokens, size_t *out_count) {
    int64_t count = array_count(from);
    int32_t *tokens = malloc((size_t)count * sizeof *tokens + 1);
    if (!tokens) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %lld tokens", (long long)count);
    }
    for (int64_t i = 0; i < count; i++) {
        tokens[i] = (int32_t)array_to_double(from, i);
    }
    *out_tokens = tokens;
    *out_count = (size_t)count;
    return RNNC_OK;
}

static rnnc_status read_characters(const speller *s, file_view view, diag_sink *d, int32_t **out_tokens,
                                   size_t *out_count) {
    array tokens;
    TRY(vocabulary_encode(s->characters, view, d, &tokens));
    rnnc_status status = copy_tokens(&tokens, d, out_tokens, out_count);
    array_deinit(&tokens);
    return status;
}

static rnnc_status read_words(const speller *s, file_view view, diag_sink *d, int32_t **out_tokens,
                              size_t *out_count) {
    word_text text = {0};
    array tokens = {0};
    rnnc_status status = word_text_add(&text, view, &s->rules, d);
    status = status == RNNC_OK ? word_text_encode(&text, s->words, view.name, d, &tokens) : status;
    status = status == RNNC_OK ? copy_tokens(&tokens, d, out_tokens, out_count) : status;
    bool open = view.size && view.bytes[view.size - 1] != '\n';
    if (status == RNNC_OK && open && s->rules.line_ends && *out_count) {
        --*out_count; // the end of the last line
    }
    array_deinit(&tokens);
    word_text_deinit(&text);
    return status;
}

rnnc_status speller_read(const speller *s, file_view text, diag_sink *d, int32_t **out_tokens,
                         size_t *out_count) {
    *out_tokens = NULL;
    *out_count = 0;
    return s->characters ? read_characters(s, text, d, out_tokens, out_count)
                         : read_words(s, text, d, out_tokens, out_count);
}

int64_t speller_count(const speller *s) {
    return s->characters ? s->characters->count : s->words->count;
}

int32_t speller_begin(const speller *s) {
    int32_t end = s->characters ? vocabulary_find(s->characters, '\n')
                                : word_list_find(s->words, WORD_LINE_END, strlen(WORD_LINE_END));
    return end >= 0 ? end : 0;
}

// ---- Writing ----

// Signs that stand close to what is before them, and to what is after them. Words are never only such signs.
static bool consists_of(const char *word, const char *signs) {
    return *word && strspn(word, signs) == strlen(word);
}

bool speller_closes(const char *word) {
    return consists_of(word, ".,;:!?)]}%");
}

bool speller_opens(const char *word) {
    return consists_of(word, "([{$");
}

static const char *spelt(const speller *s, int32_t token) {
    bool known = token >= 0 && (uint32_t)token < s->words->count;
    return known ? word_list_at(s->words, (uint32_t)token) : WORD_UNKNOWN;
}

bool speller_parts(const speller *s, int32_t token, int32_t previous) {
    if (s->characters || s->rules.characters || previous < 0 || is_word(s, previous, WORD_LINE_END) ||
        is_word(s, token, WORD_LINE_END)) {
        return false;
    }
    return !s->rules.punctuation || !(speller_closes(spelt(s, token)) || speller_opens(spelt(s, previous)));
}

void speller_write(const speller *s, int32_t token, int32_t previous, strbuf *out) {
    if (s->characters) {
        vocabulary_decode(s->characters, &token, 1, out);
        return;
    }
    const char *word = spelt(s, token);
    strbuf_add(out, speller_parts(s, token, previous) ? " " : "");
    strbuf_add(out, strcmp(word, WORD_LINE_END) == 0 ? "\n" : word);
}
