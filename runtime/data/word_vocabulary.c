// From the words of a text to a vocabulary, and from a vocabulary to numbers.
#include <stdlib.h>
#include <string.h>

#include "runtime/data/words.h"

typedef struct candidate {
    const char *word;
    uint64_t times;
} candidate;

// The most frequent first, equally frequent ones by their bytes.
static int compare(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    return a->times != b->times ? (a->times < b->times ? 1 : -1) : strcmp(a->word, b->word);
}

static void count_words(const word_text *t, word_range range, candidate *out) {
    for (size_t i = range.begin; i < range.end; i++) {
        out[t->at[i]].times++;
    }
}

// Counts the words of |t|; <unk>, if it is among them or could be needed, comes last. Returns how many there are.
static uint32_t gather(const word_text *t, const word_range *ranges, uint32_t range_count, bool unknown,
                       candidate *out) {
    for (uint32_t i = 0; i < t->found.count; i++) {
        out[i].word = word_list_at(&t->found, i);
    }
    bool all = !ranges || !unknown;
    for (uint32_t i = 0; i < (all ? 1 : range_count); i++) {
        count_words(t, all ? (word_range){0, t->count} : ranges[i], out);
    }
    uint32_t count = t->found.count;
    int32_t at = word_list_find(&t->found, WORD_UNKNOWN, strlen(WORD_UNKNOWN));
    if (unknown) {
        candidate last = at < 0 ? (candidate){WORD_UNKNOWN, 0} : out[at];
        if (at >= 0) {
            out[at] = out[--count];
        }
        out[count++] = last;
    }
    return count;
}

// How many of the |count| sorted words the rules keep beside <unk>.
static uint32_t kept_words(const candidate *sorted, uint32_t count, const word_rules *rules) {
    uint32_t kept = 0;
    uint64_t least = rules->least > 1 ? (uint64_t)rules->least : 1;
    while (kept < count && (!rules->most || kept + 1 < rules->most) && sorted[kept].times >= least) {
        kept++;
    }
    return kept;
}

static uint32_t choose(candidate *words, uint32_t count, bool unknown, const word_rules *rules) {
    uint32_t known = count - unknown;
    qsort(words, known, sizeof *words, compare);
    if (!unknown) {
        return count;
    }
    candidate rest = words[known];
    uint32_t kept = kept_words(words, known, rules);
    for (uint32_t i = kept; i < known; i++) {
        rest.times += words[i].times;
    }
    words[kept] = rest;
    qsort(words, kept + 1, sizeof *words, compare);
    return kept + 1;
}

bool word_rules_have_unknown(const word_rules *rules) {
    return rules->unknown || rules->least > 1 || rules->most;
}

rnnc_status word_text_vocabulary(const word_text *t, const word_range *ranges, uint32_t range_count,
                                 const word_rules *rules, diag_sink *d, word_list *out_words) {
    *out_words = (word_list){0};
    bool unknown = word_rules_have_unknown(rules);
    candidate *words = calloc((size_t)t->found.count + 2, sizeof *words);
    uint32_t found = words ? gather(t, ranges, range_count, unknown, words) : 0;
    uint32_t count = words ? choose(words, found, unknown, rules) : 0;
    bool sound = words != NULL;
    for (uint32_t i = 0, number; i < count && sound; i++) {
        sound = word_list_add(out_words, words[i].word, strlen(words[i].word), &number);
    }
    free(words);
    if (!sound) {
        word_list_deinit(out_words);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "not enough memory for a vocabulary of %u words",
                         t->found.count);
    }
    return RNNC_OK;
}

// ---- Numbers ----

// The line of the file in which word number |index| of the text stands.
static size_t line_of(const word_text *t, size_t index) {
    size_t low = 0, high = t->lines;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (t->line[middle] <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return t->lines ? t->source_line[low] : 1;
}

static rnnc_status refuse_word(const word_text *t, uint32_t unknown, const char *what, diag_sink *d) {
    size_t index = 0;
    while (t->at[index] != unknown) {
        index++;
    }
    return diag_fail(d, RNNC_TYPE, NO_SPAN,
                     "%s: line %zu: \"%.60s\" is not in the vocabulary, which has no %s; let the training "
                     "text give it one: unknown = true, least = n or most = n",
                     what, line_of(t, index), word_list_at(&t->found, unknown), WORD_UNKNOWN);
}

static rnnc_status number_words(const word_text *t, const word_list *words, const char *what, diag_sink *d,
                                int32_t *out_number) {
    int32_t unknown = word_list_find(words, WORD_UNKNOWN, strlen(WORD_UNKNOWN));
    for (uint32_t i = 0; i < t->found.count; i++) {
        const char *word = word_list_at(&t->found, i);
        int32_t number = word_list_find(words, word, strlen(word));
        out_number[i] = number < 0 ? unknown : number;
        if (out_number[i] < 0) {
            return refuse_word(t, i, what, d);
        }
    }
    return RNNC_OK;
}

rnnc_status word_text_encode(const word_text *t, const word_list *words, const char *what, diag_sink *d,
                             array *out_tokens) {
    *out_tokens = (array){0};
    int32_t *number = calloc((size_t)t->found.count + 1, sizeof *number);
    if (!number) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for a vocabulary", what);
    }
    int64_t dim[1] = {(int64_t)t->count};
    array_kind kind = words->count <= UINT8_MAX + 1    ? ARRAY_U8
                      : words->count <= UINT16_MAX + 1 ? ARRAY_U16
                                                       : ARRAY_I32;
    rnnc_status status = number_words(t, words, what, d, number);
    status = status == RNNC_OK ? array_create(kind, 1, dim, what, d, out_tokens) : status;
    for (size_t i = 0; status == RNNC_OK && i < t->count; i++) {
        int32_t token = number[t->at[i]];
        switch (kind) {
        case ARRAY_U8: ((uint8_t *)out_tokens->data)[i] = (uint8_t)token; break;
        case ARRAY_U16: ((uint16_t *)out_tokens->data)[i] = (uint16_t)token; break;
        default: ((int32_t *)out_tokens->data)[i] = token; break;
        }
    }
    free(number);
    return status;
}
