// Data of a recipe: opened, asked, and what weights must know of them.
#include <stdlib.h>
#include <string.h>

#include "api/data.h"
#include "runtime/train/standardise.h"

static void destroy(rnnc_data *data) {
    dataset_destroy(data->set);
    carried_deinit(&data->carried);
    arena_deinit(&data->memory);
    rnnc_model_release(data->model);
    free(data);
}

void rnnc_data_retain(rnnc_data *data) {
    if (data) {
        atomic_fetch_add(&data->references, 1);
    }
}

void rnnc_data_release(rnnc_data *data) {
    if (data && atomic_fetch_sub(&data->references, 1) == 1) {
        destroy(data);
    }
}

// ---- Opening ----

static rnnc_status take_paths(rnnc_data *data, const rnnc_data_options *o, diag_sink *d) {
    text_pair *pairs;
    data->paths = arena_new_array(&data->memory, data_path, o->path_count + 1);
    TRY(api_split_pairs(o->paths, o->path_count, "paths are \"KEY=PATH\"", &data->memory, d, &pairs));
    for (size_t i = 0; i < o->path_count; i++) {
        data->paths[i] = (data_path){pairs[i].key, pairs[i].value};
    }
    return RNNC_OK;
}

static rnnc_status load(rnnc_data *data, const rnnc_data_options *o, diag_sink *d) {
    TRY(take_paths(data, o, d));
    dataset_request request = {.model = data->model->typed,
                               .paths = data->paths,
                               .path_count = (uint32_t)o->path_count,
                               .no_validation = o->without_validation,
                               .seed = o->seed,
                               .given_only = o->by_name,
                               .by_library = true};
    if (o->weights) {
        const api_kept *kept = &o->weights->kept;
        TRY(carried_take("rnnc_weights", kept->pairs, kept->count, d, &data->carried));
        request.weights = "rnnc_weights";
        request.vocabularies = data->carried.vocabularies.at;
        request.vocabulary_count = data->carried.vocabularies.count;
    }
    return dataset_load(&request, d, &data->set);
}

static rnnc_status load_guarded(rnnc_data *data, const rnnc_data_options *o, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the data");
    }
    data->memory.exhausted = data->carried.memory.exhausted = &exhausted;
    rnnc_status status = load(data, o, d);
    data->memory.exhausted = data->carried.memory.exhausted = NULL;
    return status;
}

static rnnc_status check_options(const rnnc_data_options *o, rnnc_diagnostics *d) {
    bool sound = o->struct_size == sizeof *o && (!o->path_count || o->paths) && o->path_count <= INT32_MAX;
    return sound ? RNNC_OK
                 : api_fail(d, RNNC_INVALID_ARGUMENT,
                            "the options of data begin with RNNC_DATA_OPTIONS, and paths are not NULL");
}

rnnc_status rnnc_data_open(rnnc_model *m, const rnnc_data_options *options, rnnc_diagnostics *diagnostics,
                           rnnc_data **out_data) {
    const rnnc_data_options none = RNNC_DATA_OPTIONS;
    const rnnc_data_options *o = options ? options : &none;
    if (!m || !out_data) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "data need a model and a place to be put");
    }
    *out_data = NULL;
    TRY(check_options(o, diagnostics));
    rnnc_data *data = calloc(1, sizeof *data);
    if (!data) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for data");
    }
    atomic_init(&data->references, 1);
    data->model = m;
    rnnc_model_retain(m);
    diag_sink sink;
    diag_init_beside(&sink, &m->sink);
    rnnc_status status = api_report(diagnostics, &sink, load_guarded(data, o, &sink));
    diag_deinit(&sink);
    if (status != RNNC_OK) {
        destroy(data);
        return status;
    }
    *out_data = data;
    return RNNC_OK;
}

// ---- Questions ----

rnnc_status api_part_of(const rnnc_data *data, rnnc_part part, rnnc_diagnostics *d, data_part *out_part) {
    static const data_part parts[] = {[RNNC_PART_ALL] = DATA_ALL,
                                      [RNNC_PART_TRAINING] = DATA_TRAINING,
                                      [RNNC_PART_VALIDATION] = DATA_VALIDATION,
                                      [RNNC_PART_TEST] = DATA_TEST,
                                      [RNNC_PART_EVALUATED] = DATA_ALL};
    if (part < RNNC_PART_ALL || part > RNNC_PART_EVALUATED) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "there is no part %d of data", (int)part);
    }
    *out_part = part == RNNC_PART_EVALUATED ? dataset_evaluated(data->set) : parts[part];
    return RNNC_OK;
}

int64_t rnnc_data_count(const rnnc_data *data, rnnc_part part) {
    data_part wanted = DATA_ALL;
    data_range range = {0};
    if (!data || api_part_of(data, part, NULL, &wanted) != RNNC_OK) {
        return 0;
    }
    diag_sink unused;
    diag_init(&unused);
    rnnc_status status = dataset_range(data->set, wanted, &unused, &range);
    diag_deinit(&unused);
    return status == RNNC_OK ? range.end - range.begin : 0;
}

int64_t rnnc_data_batch(const rnnc_data *data) {
    return data ? data->set->extents[AXIS_BATCH] : 0;
}

int64_t rnnc_data_length(const rnnc_data *data, const char *axis) {
    int number = data && axis ? graph_find_axis(data->set->model->graph, axis) : NO_AXIS;
    return number == NO_AXIS ? 0 : data->set->extents[number];
}

uint32_t rnnc_data_vocabulary(const rnnc_data *data, const char *input) {
    const data_input *at = data && input ? dataset_find_input(data->set, input) : NULL;
    if (!at || at->source == UINT32_MAX) {
        return 0;
    }
    const data_source *s = &data->set->sources.at[at->source];
    return s->words ? s->words->count : s->characters ? s->characters->count : 0;
}

// ---- What weights must know ----

static rnnc_status check_weights(const rnnc_data *data, const rnnc_weights *w, rnnc_diagnostics *d) {
    return data && w && w->program->source == data->model
               ? RNNC_OK
               : api_fail(d, RNNC_INVALID_ARGUMENT, "weights learn of data that were opened for their model");
}

rnnc_status rnnc_data_measure(const rnnc_data *data, rnnc_weights *w, rnnc_diagnostics *diagnostics) {
    TRY(check_weights(data, w, diagnostics));
    const model *m = data->set->model;
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, standardise_measure(data->set, w->values, &sink));
    diag_deinit(&sink);
    for (uint32_t i = 0; status == RNNC_OK && i < m->measured.count; i++) {
        api_mark_set(w, rnnc_weights_find(w, m->measured.at[i].mean));
        api_mark_set(w, rnnc_weights_find(w, m->measured.at[i].deviation));
    }
    return status;
}

// The record's arena comes back here without memory.
static rnnc_status record_guarded(record *about, const dataset *set, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for vocabularies");
    }
    about->memory.exhausted = &exhausted;
    return carried_record_all(about, set, d);
}

static rnnc_status keep(const dataset *set, const rnnc_weights *w, diag_sink *d, api_kept *out_kept) {
    record about = {0};
    rnnc_status status = record_guarded(&about, set, d);
    if (status == RNNC_OK) {
        status = api_kept_copy(&w->memory, about.pairs.at, about.pairs.count, d, out_kept);
    }
    record_deinit(&about);
    return status;
}

rnnc_status rnnc_data_keep_vocabularies(const rnnc_data *data, rnnc_weights *w,
                                        rnnc_diagnostics *diagnostics) {
    TRY(check_weights(data, w, diagnostics));
    diag_sink sink;
    api_kept kept = {NULL, 0};
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, keep(data->set, w, &sink, &kept));
    diag_deinit(&sink);
    if (status == RNNC_OK && kept.count) {
        api_kept_replace(w, &kept);
    }
    return status;
}
