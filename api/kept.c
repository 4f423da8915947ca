// What a file of weights says besides its tensors and must not be lost on the way through a program: the vocabularies
// by which texts were numbered. Without them weights of a model of texts are of no use to `rnnc sample` and `rnnc build`.
#include <string.h>

#include "api/parts.h"
#include "runtime/data/words.h"
#include "runtime/train/about.h"

static bool is_kept(const text_pair *pair) {
    static const char *const prefixes[] = {VOCABULARY_KEY, VOCABULARY_HASH_KEY, WORDS_KEY, WORDS_HASH_KEY};
    bool found = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        found |= strncmp(pair->key, prefixes[i], strlen(prefixes[i])) == 0;
    }
    return found;
}

static char *put_text(char **at, const char *text) {
    size_t size = strlen(text) + 1;
    char *here = memcpy(*at, text, size);
    *at += size;
    return here;
}

rnnc_status api_kept_copy(const allocator *memory, const text_pair *pairs, size_t count, diag_sink *d,
                          api_kept *out_kept) {
    size_t kept = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bool wanted = is_kept(&pairs[i]);
        kept += wanted;
        bytes += wanted ? strlen(pairs[i].key) + strlen(pairs[i].value) + 2 : 0;
    }
    *out_kept = (api_kept){NULL, 0};
    if (!kept) {
        return RNNC_OK;
    }
    // All of it has been in memory before, so the sum cannot overflow.
    text_pair *copy = allocator_array(memory, 1, kept * sizeof *copy + bytes);
    if (!copy) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the vocabularies of the weights");
    }
    *out_kept = (api_kept){copy, kept};
    char *text = (char *)(copy + kept);
    for (size_t i = 0; i < count; i++) {
        if (is_kept(&pairs[i])) {
            copy->key = put_text(&text, pairs[i].key);
            copy++->value = put_text(&text, pairs[i].value);
        }
    }
    return RNNC_OK;
}

// In the system's memory: work space.
rnnc_status api_kept_parse(const api_kept *kept, diag_sink *d, carried_data *out_carried) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for vocabularies");
    }
    out_carried->memory.exhausted = &exhausted;
    rnnc_status status = carried_take("the weights", kept->pairs, kept->count, d, out_carried);
    out_carried->memory.exhausted = NULL;
    return status;
}

void api_kept_describe(const rnnc_weights *w, record *about) {
    const rnnc_model *m = w->program->source;
    describe_model(RNNC_VERSION, m->unit, &m->options, m->typed->recipe, about);
    for (size_t i = 0; i < w->kept.count; i++) {
        record_text(about, w->kept.pairs[i].key, w->kept.pairs[i].value);
    }
}

void api_kept_replace(rnnc_weights *w, const api_kept *kept) {
    allocator_free(&w->memory, w->kept.pairs);
    w->kept = *kept;
}
