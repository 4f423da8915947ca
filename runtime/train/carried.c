#include "runtime/train/carried.h"

#include <string.h>
#include <unistd.h>

// ---- Reading ----

// A vocabulary that was changed by hand would number other characters than the weights were trained on. |hash|: the key
// of the metadata with the hash.
static rnnc_status check_hash(const char *name, const text_pair *pairs, size_t count, const char *hash,
                              const text_pair *pair, diag_sink *d) {
    char found[16];
    const char *kept = NULL;
    for (size_t i = 0; i < count; i++) {
        kept = strcmp(pairs[i].key, hash) == 0 ? pairs[i].value : kept;
    }
    snprintf(found, sizeof found, "%08x", safetensors_crc(0, pair->value, strlen(pair->value)));
    if (!kept || strcmp(kept, found) == 0) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                     "%s: the vocabulary of '%s' is not the one it was written with: its hash is %s, not %s",
                     name, strchr(pair->key, '.') + 1, found, kept);
}

// What is parsed is in the list before, so that it goes with the list.
static rnnc_status add_characters(file_view view, const char *key, diag_sink *d, carried_data *c) {
    vocabulary *v = arena_new(&c->memory, vocabulary);
    data_vocabulary added = {arena_strdup(&c->memory, key), v, NULL};
    vec_push(&c->memory, c->vocabularies, added);
    return vocabulary_parse(view, d, v);
}

static rnnc_status add_words(file_view view, const char *input, diag_sink *d, carried_data *c) {
    word_list *words = arena_new(&c->memory, word_list);
    data_vocabulary added = {arena_strdup(&c->memory, input), NULL, words};
    vec_push(&c->memory, c->vocabularies, added);
    return word_list_parse(view, d, words);
}

static bool begins_with(const char *text, const char *begin) {
    return strncmp(text, begin, strlen(begin)) == 0;
}

rnnc_status carried_take(const char *name, const text_pair *pairs, size_t count, diag_sink *d,
                         carried_data *carried) {
    for (size_t i = 0; i < count; i++) {
        bool words = begins_with(pairs[i].key, WORDS_KEY);
        if (!words && !begins_with(pairs[i].key, VOCABULARY_KEY)) {
            continue;
        }
        const char *key = pairs[i].key + strlen(words ? WORDS_KEY : VOCABULARY_KEY);
        const char *hash =
            arena_printf(&carried->memory, "%s%s", words ? WORDS_HASH_KEY : VOCABULARY_HASH_KEY, key);
        file_view view = {name, (const uint8_t *)pairs[i].value, strlen(pairs[i].value)};
        TRY(check_hash(name, pairs, count, hash, &pairs[i], d));
        TRY(words ? add_words(view, key, d, carried) : add_characters(view, key, d, carried));
    }
    return RNNC_OK;
}

void carried_deinit(carried_data *c) {
    for (uint32_t i = 0; i < c->vocabularies.count; i++) {
        const data_vocabulary *v = &c->vocabularies.at[i];
        if (v->vocabulary) {
            vocabulary_deinit((vocabulary *)v->vocabulary);
        }
        if (v->words) {
            word_list_deinit((word_list *)v->words);
        }
    }
    arena_deinit(&c->memory);
}

// ---- Files beside the weights ----

const char *carried_path(const char *file, const char *name, const char *kind, arena *memory) {
    static const char ending[] = ".safetensors";
    size_t length = strlen(file), end = strlen(ending);
    bool ends = length > end && strcmp(file + length - end, ending) == 0;
    return arena_printf(memory, "%.*s.%s.%s", (int)(ends ? length - end : length), file, name, kind);
}

// Characters beside the weights, where there are some, must be theirs.
static rnnc_status check_characters_file(const char *file, const data_vocabulary *of, arena *memory,
                                         diag_sink *d) {
    const char *path = carried_path(file, of->key, "json", memory);
    const vocabulary *v = of->vocabulary;
    if (access(path, F_OK)) {
        return RNNC_OK;
    }
    vocabulary beside;
    TRY(vocabulary_read(path, d, &beside));
    bool same = beside.count == v->count && memcmp(beside.code, v->code, v->count * sizeof *v->code) == 0;
    vocabulary_deinit(&beside);
    return same
               ? RNNC_OK
               : diag_fail(
                     d, RNNC_TYPE, NO_SPAN,
                     "%s: its characters are not those of the vocabulary in %s: they do not belong together; "
                     "take the file away, or the weights that it was written with",
                     path, file);
}

// A vocabulary beside the weights, where there is one, must be theirs.
static rnnc_status check_words_file(const char *file, const data_vocabulary *of, arena *memory,
                                    diag_sink *d) {
    const char *path = carried_path(file, of->key, "txt", memory);
    const word_list *words = of->words;
    word_list beside = {0};
    rnnc_status status = access(path, F_OK) == 0 ? word_list_read(path, d, &beside) : RNNC_OK;
    uint32_t first;
    if (status == RNNC_OK && beside.count && !word_list_same(words, &beside, &first)) {
        status = diag_fail(d, RNNC_TYPE, NO_SPAN,
                           "%s: line %u is \"%.40s\", the vocabulary in %s has \"%.40s\" there: they do not "
                           "belong together; take the file away, or the weights that it was written with",
                           path, first + 1, first < beside.count ? word_list_at(&beside, first) : "", file,
                           first < words->count ? word_list_at(words, first) : "");
    }
    word_list_deinit(&beside);
    return status;
}

rnnc_status load_vocabularies(const char *path, diag_sink *d, carried_data *out_carried) {
    *out_carried = (carried_data){0};
    safetensors file;
    TRY(safetensors_read(path, d, &file));
    rnnc_status status = carried_take(path, file.metadata, file.metadata_count, d, out_carried);
    for (uint32_t i = 0; i < out_carried->vocabularies.count && status == RNNC_OK; i++) {
        const data_vocabulary *v = &out_carried->vocabularies.at[i];
        status = v->words ? check_words_file(path, v, &out_carried->memory, d)
                          : check_characters_file(path, v, &out_carried->memory, d);
    }
    safetensors_deinit(&file);
    return status;
}

// ---- Writing ----

// What has been rendered into the record's scratch.
static rnnc_status record_rendered(record *about, const char *name, const char *hash, diag_sink *d) {
    if (about->scratch.failed) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "not enough memory to write a vocabulary");
    }
    const char *text = record_scratch_text(about);
    uint32_t sum = safetensors_crc(0, text, about->scratch.length);
    record_text(about, name, text);
    record_text(about, hash, arena_printf(&about->memory, "%08x", sum));
    return RNNC_OK;
}

rnnc_status carried_record_characters(record *about, const char *key, const vocabulary *v, diag_sink *d) {
    const char *name = record_key(about, VOCABULARY_KEY, key);
    const char *hash = record_key(about, VOCABULARY_HASH_KEY, key);
    vocabulary_render(v, record_scratch(about));
    return record_rendered(about, name, hash, d);
}

rnnc_status carried_record_words(record *about, const char *input, const word_list *words, diag_sink *d) {
    const char *name = record_key(about, WORDS_KEY, input);
    const char *hash = record_key(about, WORDS_HASH_KEY, input);
    word_list_render(words, record_scratch(about));
    return record_rendered(about, name, hash, d);
}

rnnc_status carried_record_all(record *about, const dataset *data, diag_sink *d) {
    for (uint32_t i = 0; i < data->sources.count; i++) {
        const data_source *s = &data->sources.at[i];
        TRY(s->characters ? carried_record_characters(about, s->key, s->characters, d) : RNNC_OK);
        TRY(s->words && !s->characters ? carried_record_words(about, s->input, s->words, d) : RNNC_OK);
    }
    return RNNC_OK;
}

static rnnc_status write_all(const char *weights_path, const dataset *data, arena *memory, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < data->sources.count && status == RNNC_OK; i++) {
        const data_source *s = &data->sources.at[i];
        if (s->words) {
            status = word_list_write(carried_path(weights_path, s->input, "txt", memory), s->words, d);
        } else if (s->characters) {
            status = vocabulary_write(carried_path(weights_path, s->key, "json", memory), s->characters, d);
        }
    }
    return status;
}

rnnc_status save_vocabularies(const char *weights_path, const dataset *data, diag_sink *d) {
    arena memory;
    jmp_buf exhausted;
    arena_init(&memory);
    memory.exhausted = &exhausted;
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    if (setjmp(exhausted)) {
        diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the paths of vocabularies");
    } else {
        status = write_all(weights_path, data, &memory, d);
    }
    arena_deinit(&memory);
    return status;
}
