// Texts and tokens: the vocabularies that weights carry.
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "ir/classes.h"
#include "runtime/train/carried.h"

// The input that is meant: |name|, or the model's first one. Fails if there is none.
static rnnc_status choose_input(const rnnc_weights *w, const char *name, diag_sink *d,
                                const char **out_input) {
    const graph *g = w->program->source->typed->graph;
    *out_input = name ? name : find_data_input(g);
    return graph_find_input(g, *out_input) != NO_NODE
               ? RNNC_OK
               : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model '%s' has no input '%s'", g->name,
                           *out_input);
}

// ---- Making ----

static rnnc_status make(const rnnc_weights *w, const char *input, const speller *from, diag_sink *d,
                        rnnc_speller **out_speller) {
    rnnc_speller *s = allocator_array(&w->memory, 1, sizeof *s);
    if (!s) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the speller of '%s'", input);
    }
    atomic_init(&s->references, 1);
    s->memory = w->memory;
    rnnc_status status = lexicon_init(&s->lexicon, from, &s->memory, d);
    if (status != RNNC_OK) {
        rnnc_speller_release(s);
        return status;
    }
    *out_speller = s;
    return RNNC_OK;
}

static rnnc_status create(const rnnc_weights *w, const char *input, diag_sink *d,
                          rnnc_speller **out_speller) {
    speller found;
    carried_data carried = {0};
    TRY(choose_input(w, input, d, &input));
    rnnc_status status = api_kept_parse(&w->kept, d, &carried);
    if (status == RNNC_OK && !find_speller_of(w->program->source->typed, &carried, input, &found)) {
        status =
            diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                      "there is no vocabulary for '%s' in the weights: texts are numbered by training, or "
                      "by rnnc_weights_number_text",
                      input);
    }
    status = status == RNNC_OK ? make(w, input, &found, d, out_speller) : status;
    carried_deinit(&carried);
    return status;
}

rnnc_status rnnc_speller_create(const rnnc_weights *w, const char *input, rnnc_diagnostics *diagnostics,
                                rnnc_speller **out_speller) {
    if (!w || !out_speller) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "a speller needs weights and a place to be put");
    }
    *out_speller = NULL;
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, create(w, input, &sink, out_speller));
    diag_deinit(&sink);
    return status;
}

void rnnc_speller_retain(rnnc_speller *s) {
    if (s) {
        atomic_fetch_add(&s->references, 1);
    }
}

void rnnc_speller_release(rnnc_speller *s) {
    if (s && atomic_fetch_sub(&s->references, 1) == 1) {
        allocator memory = s->memory;
        lexicon_deinit(&s->lexicon, &memory);
        allocator_free(&memory, s);
    }
}

// ---- Texts and tokens ----

int32_t rnnc_speller_count(const rnnc_speller *s) {
    return s ? (int32_t)speller_count(&s->lexicon.speller) : 0;
}

int32_t rnnc_speller_begin(const rnnc_speller *s) {
    return s ? speller_begin(&s->lexicon.speller) : 0;
}

const char *rnnc_speller_piece(const rnnc_speller *s, int32_t token, int32_t previous) {
    return s ? lexicon_piece(&s->lexicon, token, previous) : NULL;
}

static rnnc_status encode(const rnnc_speller *s, file_view text, diag_sink *d, rnnc_array **out_tokens) {
    int32_t *tokens;
    size_t count;
    TRY(speller_read(&s->lexicon.speller, text, d, &tokens, &count));
    const array found = {.kind = ARRAY_I32, .rank = 1, .dim = {(int64_t)count}, .data = tokens};
    rnnc_status status = api_array_create(&s->memory, &found, text.name, d, out_tokens);
    free(tokens);
    return status;
}

rnnc_status rnnc_speller_encode(const rnnc_speller *s, const char *text, size_t length,
                                rnnc_diagnostics *diagnostics, rnnc_array **out_tokens) {
    if (!s || !text || !out_tokens) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "cutting into tokens needs a speller, a text and a place for them");
    }
    *out_tokens = NULL;
    diag_sink sink;
    diag_init(&sink);
    file_view view = {"the text", (const uint8_t *)text, length};
    rnnc_status status = api_report(diagnostics, &sink, encode(s, view, &sink, out_tokens));
    diag_deinit(&sink);
    return status;
}

rnnc_status rnnc_speller_decode(const rnnc_speller *s, const int32_t *tokens, size_t count,
                                rnnc_diagnostics *diagnostics, rnnc_bytes **out_text) {
    if (!s || (count && !tokens) || !out_text) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a text needs a speller, tokens and a place to be put");
    }
    strbuf text = {0};
    diag_sink sink;
    diag_init(&sink);
    for (size_t i = 0; i < count; i++) {
        speller_write(&s->lexicon.speller, tokens[i], i ? tokens[i - 1] : -1, &text);
    }
    return api_give_text(&s->memory, RNNC_OK, &text, &sink, diagnostics, out_text);
}

// ---- Numbering ----

// A vocabulary as it stands in a file's metadata.
typedef struct numbering {
    const char *input, *key; // of characters: the key of their text
    bool words;
    int64_t count;
    strbuf text;
} numbering;

static rnnc_status number_words(const data_binding *b, file_view view, diag_sink *d, numbering *n) {
    word_text cut = {0};
    word_list made = {0};
    const word_rules rules = data_word_rules(b);
    rnnc_status status = data_add_words(b, view, &rules, d, &cut);
    status = status == RNNC_OK ? word_text_vocabulary(&cut, NULL, 0, &rules, d, &made) : status;
    if (status == RNNC_OK) {
        word_list_render(&made, &n->text);
        n->count = made.count;
    }
    word_list_deinit(&made);
    word_text_deinit(&cut);
    return status;
}

static rnnc_status number_characters(file_view view, diag_sink *d, numbering *n) {
    vocabulary made;
    TRY(vocabulary_build(view, d, &made));
    vocabulary_render(&made, &n->text);
    n->count = made.count;
    vocabulary_deinit(&made);
    return RNNC_OK;
}

static rnnc_status number(const rnnc_weights *w, const char *input, file_view view, diag_sink *d,
                          numbering *n) {
    const model *m = w->program->source->typed;
    TRY(choose_input(w, input, d, &input));
    const data_binding *b = find_text_binding(m, input);
    *n = (numbering){.input = b ? b->input : input, .words = b && data_reads_words(b)};
    n->key = !n->words && b && b->key ? b->key : n->input;
    TRY(n->words ? number_words(b, view, d, n) : number_characters(view, d, n));
    if (n->count == 0 || n->text.failed) {
        return n->text.failed ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a vocabulary")
                              : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the text is empty");
    }
    int64_t classes = graph_token_classes(m->graph, graph_find_input(m->graph, input));
    return classes == 0 || n->count <= classes
               ? RNNC_OK
               : diag_fail(d, RNNC_TYPE, NO_SPAN, "the text has %lld tokens, and '%s' of the model %lld",
                           (long long)n->count, input, (long long)classes);
}

// The key of one of the four pairs that a vocabulary of |n|'s input may have.
static const char *const prefixes[] = {VOCABULARY_KEY, VOCABULARY_HASH_KEY, WORDS_KEY, WORDS_HASH_KEY};

static bool is_replaced(const numbering *n, const char *key) {
    for (int i = 0; i < 4; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(key, prefixes[i], length) == 0 && strcmp(key + length, i < 2 ? n->key : n->input) == 0) {
            return true;
        }
    }
    return false;
}

// Lets |w| have |n|'s vocabulary, and of the others those of other inputs. |pairs| is room for two more than there are.
static rnnc_status keep_in(rnnc_weights *w, const numbering *n, text_pair *pairs, diag_sink *d) {
    size_t count = 0;
    strbuf key = {0}, hash = {0}, sum = {0};
    for (size_t i = 0; i < w->kept.count; i++) {
        if (!is_replaced(n, w->kept.pairs[i].key)) {
            pairs[count++] = w->kept.pairs[i];
        }
    }
    strbuf_addf(&key, "%s%s", prefixes[2 * n->words], n->key);
    strbuf_addf(&hash, "%s%s", prefixes[2 * n->words + 1], n->key);
    strbuf_addf(&sum, "%08x", safetensors_crc(0, n->text.text, n->text.length));
    pairs[count++] = (text_pair){key.text, n->text.text};
    pairs[count++] = (text_pair){hash.text, sum.text};
    api_kept kept;
    rnnc_status status = key.failed || hash.failed || sum.failed
                             ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a vocabulary")
                             : api_kept_copy(&w->memory, pairs, count, d, &kept);
    if (status == RNNC_OK) {
        api_kept_replace(w, &kept);
    }
    strbuf_deinit(&key);
    strbuf_deinit(&hash);
    strbuf_deinit(&sum);
    return status;
}

static rnnc_status keep(rnnc_weights *w, const numbering *n, diag_sink *d) {
    text_pair *pairs = calloc(w->kept.count + 2, sizeof *pairs);
    rnnc_status status = pairs ? keep_in(w, n, pairs, d)
                               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a vocabulary");
    free(pairs);
    return status;
}

rnnc_status rnnc_weights_number_text(rnnc_weights *w, const char *input, const char *text, size_t length,
                                     rnnc_diagnostics *diagnostics) {
    if (!w || !text) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "numbering needs weights and a text");
    }
    diag_sink sink;
    numbering n = {.input = NULL};
    diag_init(&sink);
    file_view view = {"the text", (const uint8_t *)text, length};
    rnnc_status status = number(w, input, view, &sink, &n);
    status = status == RNNC_OK ? keep(w, &n, &sink) : status;
    strbuf_deinit(&n.text);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    return status;
}
