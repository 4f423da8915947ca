// Data and weights as the command line names them.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "runtime/data/atomic_file.h"
#include "runtime/train/checkpoint.h"

rnnc_status load_data(const command_line *line, const model *m, const carried_data *carried, bool validation,
                      diag_sink *d, dataset **out_dataset) {
    arena *memory = (arena *)&line->memory;
    data_path *paths = arena_new_array(memory, data_path, line->data.count + 1);
    for (uint32_t i = 0; i < line->data.count; i++) {
        paths[i] = (data_path){line->data.at[i].key, line->data.at[i].value};
    }
    dataset_request request = {.model = m,
                               .paths = paths,
                               .path_count = line->data.count,
                               .no_validation = !validation,
                               .seed = (uint64_t)line->seed};
    if (carried) {
        request.vocabularies = carried->vocabularies.at;
        request.vocabulary_count = carried->vocabularies.count;
        request.weights = line->weights;
    }
    return dataset_load(&request, d, out_dataset);
}

static rnnc_status load_from(const safetensors *file, bool partial, weights *w, diag_sink *d) {
    safetensors tensors;
    TRY(checkpoint_weights(file, d, &tensors));
    rnnc_status status =
        partial ? weights_load_partial(w, &tensors, d) : weights_load_from(w, SELECT_WEIGHTS, &tensors, d);
    safetensors_deinit(&tensors);
    weights_changed(w);
    return status;
}

// How the weights were trained, for somebody who gave them to a model that they do not fit.
static void tell_settings(const safetensors *file, diag_sink *d) {
    const char *name = safetensors_metadata(file, "rnnc.recipe");
    const char *settings = safetensors_metadata(file, "rnnc.settings");
    strbuf text = {0};
    for (const char *at = settings; at && *at;) {
        size_t length = strcspn(at, "\n");
        strbuf_addf(&text, " --set '%.*s'", (int)length, at);
        at += length + (at[length] != '\0');
    }
    if (name || text.length) {
        diag_note(d, NO_SPAN, "they were trained with%s%s%s", name ? " --recipe " : "", name ? name : "",
                  strbuf_text(&text));
    }
    strbuf_deinit(&text);
}

rnnc_status load_weights(const char *path, bool partial, machine *m, diag_sink *d) {
    safetensors file;
    TRY(safetensors_read(path, d, &file));
    bool summed = safetensors_metadata(&file, SAFETENSORS_CHECKSUM_KEY) != NULL;
    rnnc_status status = summed ? safetensors_verify(&file, d) : RNNC_OK;
    status = status == RNNC_OK ? load_from(&file, partial, engine_weights(m->engine), d) : status;
    if (status == RNNC_TYPE) {
        tell_settings(&file, d);
    }
    safetensors_deinit(&file);
    return status;
}

// A vocabulary that was changed by hand would number other characters than the weights were trained on.
// |prefix|: of the metadata with the hash.
static rnnc_status check_hash(const char *prefix, const char *key, const char *text, const safetensors *file,
                              arena *memory, diag_sink *d) {
    const char *kept = safetensors_metadata(file, arena_printf(memory, "%s%s", prefix, key));
    const char *found = arena_printf(memory, "%08x", safetensors_crc(0, text, strlen(text)));
    if (!kept || strcmp(kept, found) == 0) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                     "%s: the vocabulary of '%s' is not the one it was written with: its hash is %s, not %s",
                     file->name, key, found, kept);
}

// "weights.safetensors", "text" and "txt" give "weights.text.txt".
static const char *beside_path(const char *file, const char *name, const char *kind, arena *memory) {
    static const char ending[] = ".safetensors";
    size_t length = strlen(file), end = strlen(ending);
    bool ends = length > end && strcmp(file + length - end, ending) == 0;
    return arena_printf(memory, "%.*s.%s.%s", (int)(ends ? length - end : length), file, name, kind);
}

// Characters beside the weights, where there are some, must be theirs.
static rnnc_status check_characters_file(const char *file, const char *key, const vocabulary *v,
                                         arena *memory, diag_sink *d) {
    const char *path = beside_path(file, key, "json", memory);
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

static rnnc_status add_vocabulary(const char *path, const text_pair *pair, const safetensors *file,
                                  diag_sink *d, carried_data *out) {
    const char *key = pair->key + strlen(VOCABULARY_KEY);
    TRY(check_hash(VOCABULARY_HASH_KEY, key, pair->value, file, &out->memory, d));
    vocabulary *v = arena_new(&out->memory, vocabulary);
    file_view view = {path, (const uint8_t *)pair->value, strlen(pair->value)};
    TRY(vocabulary_parse(view, d, v));
    data_vocabulary added = {arena_strdup(&out->memory, key), v, NULL};
    vec_push(&out->memory, out->vocabularies, added);
    return check_characters_file(path, added.key, v, &out->memory, d);
}

// A vocabulary beside the weights, where there is one, must be theirs.
static rnnc_status check_words_file(const char *file, const char *input, const word_list *words,
                                    diag_sink *d) {
    arena memory;
    arena_init(&memory);
    const char *path = beside_path(file, input, "txt", &memory);
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
    arena_deinit(&memory);
    return status;
}

static rnnc_status add_words(const char *path, const text_pair *pair, const safetensors *file, diag_sink *d,
                             carried_data *out) {
    const char *key = pair->key + strlen(WORDS_KEY);
    TRY(check_hash(WORDS_HASH_KEY, key, pair->value, file, &out->memory, d));
    word_list *words = arena_new(&out->memory, word_list);
    file_view view = {path, (const uint8_t *)pair->value, strlen(pair->value)};
    TRY(word_list_parse(view, d, words));
    data_vocabulary added = {arena_strdup(&out->memory, key), NULL, words};
    vec_push(&out->memory, out->vocabularies, added);
    return check_words_file(path, added.key, words, d);
}

rnnc_status load_vocabularies(const char *path, diag_sink *d, carried_data *out_carried) {
    *out_carried = (carried_data){0};
    arena_init(&out_carried->memory);
    safetensors file;
    TRY(safetensors_read(path, d, &file));
    rnnc_status status = RNNC_OK;
    for (size_t i = 0; i < file.metadata_count && status == RNNC_OK; i++) {
        if (strncmp(file.metadata[i].key, VOCABULARY_KEY, strlen(VOCABULARY_KEY)) == 0) {
            status = add_vocabulary(path, &file.metadata[i], &file, d, out_carried);
        } else if (strncmp(file.metadata[i].key, WORDS_KEY, strlen(WORDS_KEY)) == 0) {
            status = add_words(path, &file.metadata[i], &file, d, out_carried);
        }
    }
    safetensors_deinit(&file);
    return status;
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

rnnc_status check_writable(const char *path, diag_sink *d) {
    atomic_file probe;
    TRY(atomic_file_open(path, d, &probe));
    atomic_file_abandon(&probe);
    return RNNC_OK;
}

// ---- Saving ----

static void add_settings(const command_line *line, record *about) {
    const char *text = "";
    for (uint32_t i = 0; i < line->settings.count; i++) {
        const option_pair *pair = &line->settings.at[i];
        text = arena_printf(&about->memory, "%s%s=%s\n", text, pair->key, pair->value);
    }
    if (*text) {
        record_text(about, "rnnc.settings", text);
    }
}

static void record_vocabulary(record *about, const char *prefix, const char *hash, const char *key,
                              const strbuf *text) {
    uint32_t sum = safetensors_crc(0, strbuf_text(text), text->length);
    record_text(about, record_key(about, prefix, key), strbuf_text(text));
    record_text(about, record_key(about, hash, key), arena_printf(&about->memory, "%08x", sum));
}

static void add_vocabularies(const dataset *data, record *about) {
    for (uint32_t i = 0; data && i < data->sources.count; i++) {
        const data_source *s = &data->sources.at[i];
        strbuf text = {0};
        if (s->characters) {
            vocabulary_render(s->characters, &text);
            record_vocabulary(about, VOCABULARY_KEY, VOCABULARY_HASH_KEY, s->key, &text);
        } else if (s->words) {
            word_list_render(s->words, &text);
            record_vocabulary(about, WORDS_KEY, WORDS_HASH_KEY, s->input, &text);
        }
        strbuf_deinit(&text);
    }
}

rnnc_status save_vocabularies(const command_line *line, const dataset *data, diag_sink *d) {
    arena memory;
    arena_init(&memory);
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < data->sources.count && status == RNNC_OK; i++) {
        const data_source *s = &data->sources.at[i];
        if (s->words) {
            status = word_list_write(beside_path(line->weights_out, s->input, "txt", &memory), s->words, d);
        } else if (s->characters) {
            status =
                vocabulary_write(beside_path(line->weights_out, s->key, "json", &memory), s->characters, d);
        }
    }
    arena_deinit(&memory);
    return status;
}

rnnc_status describe_weights(const command_line *line, const dataset *data, diag_sink *d, record *about) {
    file_bytes source = {0};
    record_text(about, "rnnc.version", RNNC_VERSION);
    TRY(gzfile_read(line->file, 0, d, &source));
    record_text(about, "rnnc.model", (const char *)source.data);
    file_bytes_deinit(&source);
    add_settings(line, about);
    if (data->recipe) {
        record_text(about, "rnnc.recipe", data->recipe->name);
    }
    add_vocabularies(data, about);
    return RNNC_OK;
}

rnnc_status save_weights(const command_line *line, const machine *m, const dataset *data, diag_sink *d) {
    record about = {0};
    rnnc_status status = describe_weights(line, data, d, &about);
    if (status == RNNC_OK) {
        status = weights_save(engine_weights(m->engine), SELECT_WEIGHTS, about.pairs.at, about.pairs.count,
                              line->weights_out, d);
    }
    record_deinit(&about);
    return status;
}
