// Data and weights as the command line names them.
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "runtime/data/atomic_file.h"
#include "runtime/weights_file.h"

static const char vocabulary_prefix[] = "vocabulary.";

rnnc_status load_data(const command_line *line, const model *m, const carried_data *carried, diag_sink *d,
                      dataset **out_dataset) {
    arena *memory = (arena *)&line->memory;
    data_path *paths = arena_new_array(memory, data_path, line->data.count + 1);
    for (uint32_t i = 0; i < line->data.count; i++) {
        paths[i] = (data_path){line->data.at[i].key, line->data.at[i].value};
    }
    dataset_request request = {.model = m, .paths = paths, .path_count = line->data.count};
    if (carried) {
        request.vocabularies = carried->vocabularies.at;
        request.vocabulary_count = carried->vocabularies.count;
    }
    return dataset_load(&request, d, out_dataset);
}

rnnc_status load_weights(const char *path, machine *m, diag_sink *d) {
    weights *w = engine_weights(m->engine);
    TRY(weights_load(w, SELECT_WEIGHTS, path, d));
    weights_changed(w);
    return RNNC_OK;
}

static rnnc_status add_vocabulary(const char *path, const text_pair *pair, diag_sink *d, carried_data *out) {
    vocabulary *v = arena_new(&out->memory, vocabulary);
    file_view view = {path, (const uint8_t *)pair->value, strlen(pair->value)};
    TRY(vocabulary_parse(view, d, v));
    data_vocabulary added = {arena_strdup(&out->memory, pair->key + strlen(vocabulary_prefix)), v};
    vec_push(&out->memory, out->vocabularies, added);
    return RNNC_OK;
}

rnnc_status load_vocabularies(const char *path, diag_sink *d, carried_data *out_carried) {
    *out_carried = (carried_data){0};
    arena_init(&out_carried->memory);
    safetensors file;
    TRY(safetensors_read(path, d, &file));
    rnnc_status status = RNNC_OK;
    for (size_t i = 0; i < file.metadata_count && status == RNNC_OK; i++) {
        if (strncmp(file.metadata[i].key, vocabulary_prefix, strlen(vocabulary_prefix)) == 0) {
            status = add_vocabulary(path, &file.metadata[i], d, out_carried);
        }
    }
    safetensors_deinit(&file);
    return status;
}

void carried_deinit(carried_data *c) {
    for (uint32_t i = 0; i < c->vocabularies.count; i++) {
        vocabulary_deinit((vocabulary *)c->vocabularies.at[i].vocabulary);
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

typedef VEC(text_pair) pair_texts;

static void add_pair(arena *memory, pair_texts *pairs, const char *key, const char *value) {
    text_pair pair = {arena_strdup(memory, key), arena_strdup(memory, value)};
    vec_push(memory, *pairs, pair);
}

static void add_settings(const command_line *line, arena *memory, pair_texts *pairs) {
    const char *text = "";
    for (uint32_t i = 0; i < line->settings.count; i++) {
        text = arena_printf(memory, "%s%s=%s\n", text, line->settings.at[i].key, line->settings.at[i].value);
    }
    if (*text) {
        add_pair(memory, pairs, "rnnc.settings", text);
    }
}

static void add_vocabularies(const dataset *data, arena *memory, pair_texts *pairs) {
    for (uint32_t i = 0; data && i < data->sources.count; i++) {
        const data_source *s = &data->sources.at[i];
        if (s->characters.count) {
            strbuf text = {0};
            vocabulary_render(&s->characters, &text);
            add_pair(memory, pairs, arena_printf(memory, "%s%s", vocabulary_prefix, s->key),
                     strbuf_text(&text));
            strbuf_deinit(&text);
        }
    }
}

rnnc_status save_weights(const command_line *line, const machine *m, const dataset *data, diag_sink *d) {
    arena memory;
    arena_init(&memory);
    pair_texts pairs = {0};
    file_bytes source = {0};
    add_pair(&memory, &pairs, "rnnc.version", RNNC_VERSION);
    rnnc_status status = gzfile_read(line->file, 0, d, &source);
    if (status == RNNC_OK) {
        add_pair(&memory, &pairs, "rnnc.model", (const char *)source.data);
        add_settings(line, &memory, &pairs);
        if (data->recipe) {
            add_pair(&memory, &pairs, "rnnc.recipe", data->recipe->name);
        }
        add_vocabularies(data, &memory, &pairs);
        status = weights_save(engine_weights(m->engine), SELECT_WEIGHTS, pairs.at, pairs.count,
                              line->weights_out, d);
    }
    file_bytes_deinit(&source);
    arena_deinit(&memory);
    return status;
}
