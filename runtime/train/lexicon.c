#include "runtime/train/lexicon.h"

#include <string.h>

static bool copy_array(const void *from, size_t count, size_t bytes, const allocator *memory, void **out) {
    *out = allocator_array(memory, count + 1, bytes);
    if (*out && count) {
        memcpy(*out, from, count * bytes);
    }
    return *out != NULL;
}

static bool copy_characters(lexicon *l, const vocabulary *from, const allocator *memory) {
    void *code = NULL, *sorted = NULL;
    bool copied = copy_array(from->code, from->count, sizeof *from->code, memory, &code) &&
                  copy_array(from->sorted, from->count, sizeof *from->sorted, memory, &sorted);
    l->characters = (vocabulary){code, sorted, from->count};
    l->speller.characters = &l->characters;
    return copied;
}

static bool copy_words(lexicon *l, const word_list *from, const allocator *memory) {
    void *bytes = NULL, *begin = NULL, *slots = NULL;
    bool copied = copy_array(from->bytes, from->size, 1, memory, &bytes) &&
                  copy_array(from->begin, from->count, sizeof *from->begin, memory, &begin) &&
                  copy_array(from->slots, from->slot_count, sizeof *from->slots, memory, &slots);
    l->words = (word_list){.bytes = bytes,
                           .size = from->size,
                           .begin = begin,
                           .count = from->count,
                           .slots = slots,
                           .slot_count = from->slot_count};
    l->speller.words = &l->words;
    return copied;
}

static bool spell_all(lexicon *l, const allocator *memory) {
    void *texts = NULL;
    int64_t count = speller_count(&l->speller);
    strbuf all = {0};
    l->begin = allocator_array(memory, (size_t)count + 1, sizeof *l->begin);
    for (int64_t i = 0; l->begin && i <= count; i++) {
        l->begin[i] = all.length;
        strbuf_add(&all, " ");
        speller_write(&l->speller, (int32_t)i, -1, &all);
        strbuf_add_bytes(&all, "", 1);
    }
    bool spelt = l->begin && !all.failed && copy_array(all.text, all.length, 1, memory, &texts);
    l->texts = texts;
    strbuf_deinit(&all);
    return spelt;
}

rnnc_status lexicon_init(lexicon *l, const speller *from, const allocator *memory, diag_sink *d) {
    *l = (lexicon){.speller.rules = from->rules};
    bool made =
        from->characters ? copy_characters(l, from->characters, memory) : copy_words(l, from->words, memory);
    if (made && spell_all(l, memory)) {
        return RNNC_OK;
    }
    lexicon_deinit(l, memory);
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a vocabulary");
}

void lexicon_deinit(lexicon *l, const allocator *memory) {
    allocator_free(memory, l->characters.code);
    allocator_free(memory, l->characters.sorted);
    allocator_free(memory, l->words.bytes);
    allocator_free(memory, l->words.begin);
    allocator_free(memory, l->words.slots);
    allocator_free(memory, l->texts);
    allocator_free(memory, l->begin);
    *l = (lexicon){0};
}

const char *lexicon_piece(const lexicon *l, int32_t token, int32_t previous) {
    int64_t count = speller_count(&l->speller);
    const char *spaced = l->texts + l->begin[token >= 0 && token < count ? token : count];
    return spaced + !speller_parts(&l->speller, token, previous);
}
