// Weights by the names that files and users know.
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "runtime/initialize.h"
#include "runtime/train/about.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/machine.h"
#include "runtime/weights_file.h"

static void destroy(rnnc_weights *w) {
    allocator memory = w->memory;
    weights_destroy(w->values);
    allocator_free(&memory, w->parts);
    allocator_free(&memory, w->kept.pairs);
    rnnc_program_release(w->program);
    allocator_free(&memory, w);
}

void rnnc_weights_retain(rnnc_weights *w) {
    if (w) {
        atomic_fetch_add(&w->references, 1);
    }
}

void rnnc_weights_release(rnnc_weights *w) {
    if (w && atomic_fetch_sub(&w->references, 1) == 1) {
        destroy(w);
    }
}

static rnnc_status list_parts(rnnc_weights *w, diag_sink *d) {
    weight_part_list list;
    TRY(weights_list_parts(w->values, SELECT_WEIGHTS, d, &list));
    w->parts = allocator_array(&w->memory, list.count + (size_t)1, sizeof *w->parts);
    for (uint32_t i = 0; w->parts && i < list.count; i++) {
        w->parts[i].part = list.parts[i];
    }
    w->count = w->unset = list.count;
    free(list.parts);
    return w->parts ? RNNC_OK : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of weights");
}

static rnnc_status fill(rnnc_weights *w, diag_sink *d) {
    const program *p = w->program->program;
    TRY(weights_create_in(&w->memory, p->variables.at, p->variables.count, d, &w->values));
    TRY(list_parts(w, d));
    return weights_reset_slots(w->values, d);
}

rnnc_status rnnc_weights_create(rnnc_program *p, rnnc_diagnostics *diagnostics, rnnc_weights **out_weights) {
    return rnnc_weights_create_with(p, NULL, diagnostics, out_weights);
}

rnnc_status rnnc_weights_create_with(rnnc_program *p, const rnnc_allocator *given,
                                     rnnc_diagnostics *diagnostics, rnnc_weights **out_weights) {
    if (!p || !out_weights) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "weights need a program and a place to be put");
    }
    *out_weights = NULL;
    allocator memory;
    TRY(api_take_allocator(given, diagnostics, &memory));
    rnnc_weights *w = allocator_array(&memory, 1, sizeof *w);
    if (!w) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for weights");
    }
    atomic_init(&w->references, 1);
    w->memory = memory;
    w->program = p;
    rnnc_program_retain(p);
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, fill(w, &sink));
    diag_deinit(&sink);
    if (status != RNNC_OK) {
        destroy(w);
        return status;
    }
    *out_weights = w;
    return RNNC_OK;
}

// ---- All at once ----

void api_mark_all_set(rnnc_weights *w) {
    for (uint32_t i = 0; i < w->count; i++) {
        w->parts[i].set = true;
    }
    w->unset = 0;
    weights_changed(w->values);
}

rnnc_status rnnc_weights_initialize(rnnc_weights *w, uint64_t seed, rnnc_diagnostics *diagnostics) {
    if (!w) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "there are no weights to initialise");
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink,
                                    recipe_begin_weights(w->program->model->recipe, w->values, seed, &sink));
    diag_deinit(&sink);
    if (status == RNNC_OK) {
        api_mark_all_set(w);
    }
    return status;
}

// Of a checkpoint, the weights without what goes with them.
static rnnc_status load_weights_of(const rnnc_weights *w, const safetensors *file, bool partial,
                                   diag_sink *d) {
    safetensors chosen;
    TRY(checkpoint_weights(file, d, &chosen));
    rnnc_status status = partial ? weights_load_partial(w->values, &chosen, d)
                                 : weights_load_from(w->values, SELECT_WEIGHTS, &chosen, d);
    safetensors_deinit(&chosen);
    return status;
}

// Where weights are read from.
typedef struct weights_source {
    const char *path; // NULL: memory
    file_view view;
    bool partial; // what fits
} weights_source;

// The vocabularies of weights that only fit in part are taken where there are none yet.
static rnnc_status load_from(rnnc_weights *w, const safetensors *file, bool partial, diag_sink *d) {
    bool summed = file->owned.data && safetensors_metadata(file, SAFETENSORS_CHECKSUM_KEY) != NULL;
    api_kept kept;
    TRY(summed ? safetensors_verify(file, d) : RNNC_OK);
    TRY(api_kept_copy(&w->memory, file->metadata, file->metadata_count, d, &kept));
    rnnc_status status = load_weights_of(w, file, partial, d);
    if (status == RNNC_TYPE) {
        tell_trained(file, true, d);
    }
    if (status == RNNC_OK && !(partial && w->kept.pairs)) {
        api_kept_replace(w, &kept);
    } else {
        allocator_free(&w->memory, kept.pairs);
    }
    return status;
}

static rnnc_status load(rnnc_weights *w, const weights_source *from, diag_sink *d) {
    safetensors file;
    TRY(from->path ? safetensors_read(from->path, d, &file) : safetensors_parse(from->view, d, &file));
    rnnc_status status = load_from(w, &file, from->partial, d);
    safetensors_deinit(&file);
    return status;
}

static rnnc_status load_and_mark(rnnc_weights *w, const weights_source *from, rnnc_diagnostics *diagnostics) {
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, load(w, from, &sink));
    diag_deinit(&sink);
    if (status == RNNC_OK) {
        api_mark_all_set(w);
    }
    return status;
}

rnnc_status rnnc_weights_load(rnnc_weights *w, const char *path, rnnc_diagnostics *diagnostics) {
    if (!w || !path) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "loading needs weights and a path");
    }
    weights_source from = {.path = path};
    return load_and_mark(w, &from, diagnostics);
}

rnnc_status rnnc_weights_load_partial(rnnc_weights *w, const char *path, rnnc_diagnostics *diagnostics) {
    if (!w || !path) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "loading needs weights and a path");
    }
    if (w->unset) {
        return api_report_unset(w, diagnostics);
    }
    weights_source from = {.path = path, .partial = true};
    return load_and_mark(w, &from, diagnostics);
}

rnnc_status rnnc_weights_load_memory(rnnc_weights *w, const void *bytes, size_t size,
                                     rnnc_diagnostics *diagnostics) {
    if (!w || !bytes) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "loading needs weights and bytes");
    }
    weights_source from = {.view = {"weights in memory", bytes, size}};
    return load_and_mark(w, &from, diagnostics);
}

rnnc_status api_report_unset(const rnnc_weights *w, rnnc_diagnostics *diagnostics) {
    uint32_t i = 0;
    while (i + 1 < w->count && w->parts[i].set) {
        i++;
    }
    return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                    "the weight '%s' (and %u more) has no values: initialise, load or write it",
                    w->parts[i].part.part->name, w->unset - 1);
}

// The record's arena comes back here without memory.
static rnnc_status describe_guarded(const rnnc_weights *w, record *about, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what a file of weights says");
    }
    about->memory.exhausted = &exhausted;
    api_kept_describe(w, about);
    about->memory.exhausted = NULL;
    return RNNC_OK;
}

static rnnc_status save(const rnnc_weights *w, const char *path, diag_sink *d) {
    record about = {0};
    rnnc_status status = describe_guarded(w, &about, d);
    if (status == RNNC_OK) {
        status = weights_save(w->values, SELECT_WEIGHTS, about.pairs.at, about.pairs.count, path, d);
    }
    record_deinit(&about);
    return status;
}

rnnc_status rnnc_weights_save(const rnnc_weights *w, const char *path, rnnc_diagnostics *diagnostics) {
    if (!w || !path) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "saving needs weights and a path");
    }
    if (w->unset) {
        return api_report_unset(w, diagnostics);
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, save(w, path, &sink));
    diag_deinit(&sink);
    return status;
}

// ---- One by one ----

void api_mark_set(rnnc_weights *w, int index) {
    if (index < 0) {
        return;
    }
    w->unset -= !w->parts[index].set;
    w->parts[index].set = true;
    weights_changed(w->values);
}

uint32_t rnnc_weights_count(const rnnc_weights *w) {
    return w ? w->count : 0;
}

rnnc_status rnnc_weights_get(const rnnc_weights *w, uint32_t index, rnnc_weight *out_weight) {
    if (!w || !out_weight || index >= w->count) {
        return RNNC_INVALID_ARGUMENT;
    }
    const weight_part *p = &w->parts[index].part;
    *out_weight = (rnnc_weight){.name = p->part->name,
                                .type = p->array->elem == DT_F64 ? RNNC_F64 : RNNC_F32,
                                .rows = p->rows,
                                .columns = p->columns,
                                .trained = p->array->variable->role == VARIABLE_WEIGHT};
    return RNNC_OK;
}

int rnnc_weights_find(const rnnc_weights *w, const char *name) {
    for (uint32_t i = 0; w && name && i < w->count; i++) {
        if (strcmp(w->parts[i].part.part->name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static rnnc_status check(const rnnc_weights *w, uint32_t index, rnnc_type type, const void *data,
                         size_t count, rnnc_diagnostics *diagnostics) {
    if (!w || !data || index >= w->count || (type != RNNC_F32 && type != RNNC_F64)) {
        return api_fail(
            diagnostics, RNNC_INVALID_ARGUMENT,
            "copying a weight needs weights, one of their numbers, an array, and RNNC_F32 or RNNC_F64");
    }
    const weight_part *p = &w->parts[index].part;
    if (count != (size_t)(p->rows * p->columns)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "the weight '%s' has %lld x %lld elements, found %zu", p->part->name,
                        (long long)p->rows, (long long)p->columns, count);
    }
    return RNNC_OK;
}

rnnc_status rnnc_weights_read(const rnnc_weights *w, uint32_t index, rnnc_type type, void *data, size_t count,
                              rnnc_diagnostics *diagnostics) {
    TRY(check(w, index, type, data, count, diagnostics));
    const weight_part *p = &w->parts[index].part;
    for (size_t i = 0; i < count; i++) {
        double x = weight_get(p, (int64_t)i / p->columns, (int64_t)i % p->columns);
        if (type == RNNC_F32) {
            ((float *)data)[i] = (float)x;
        } else {
            ((double *)data)[i] = x;
        }
    }
    return RNNC_OK;
}

rnnc_status rnnc_weights_write(rnnc_weights *w, uint32_t index, rnnc_type type, const void *data,
                               size_t count, rnnc_diagnostics *diagnostics) {
    TRY(check(w, index, type, data, count, diagnostics));
    const weight_part *p = &w->parts[index].part;
    for (size_t i = 0; i < count; i++) {
        double x = type == RNNC_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
        weight_set(p, (int64_t)i / p->columns, (int64_t)i % p->columns, x);
    }
    api_mark_set(w, (int)index);
    return RNNC_OK;
}

static const weight_part *find_source(const rnnc_weights *from, const weight_part *to) {
    int index = rnnc_weights_find(from, to->part->name);
    const weight_part *p = index < 0 || !from->parts[index].set ? NULL : &from->parts[index].part;
    return p && p->rows == to->rows && p->columns == to->columns ? p : NULL;
}

static void copy_part(const weight_part *to, const weight_part *from) {
    for (int64_t k = 0; k < to->rows * to->columns; k++) {
        weight_set(to, k / to->columns, k % to->columns, weight_get(from, k / to->columns, k % to->columns));
    }
}

rnnc_status api_weights_give(const rnnc_weights *from, weights *to, diag_sink *d) {
    weight_part_list list;
    TRY(weights_list_parts(to, SELECT_WEIGHTS, d, &list));
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < list.count && status == RNNC_OK; i++) {
        const weight_part *t = &list.parts[i], *f = find_source(from, t);
        if (f) {
            copy_part(t, f);
        } else {
            status = diag_fail(d, RNNC_TYPE, NO_SPAN,
                               "there are no values of its shape to copy to the weight '%s'", t->part->name);
        }
    }
    free(list.parts);
    weights_changed(to);
    return status;
}

static rnnc_status copy_kept(rnnc_weights *to, const rnnc_weights *from, rnnc_diagnostics *diagnostics) {
    diag_sink sink;
    api_kept kept;
    if (to == from || !from->kept.pairs) {
        return RNNC_OK;
    }
    diag_init(&sink);
    rnnc_status status = api_kept_copy(&to->memory, from->kept.pairs, from->kept.count, &sink, &kept);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    if (status == RNNC_OK) {
        api_kept_replace(to, &kept);
    }
    return status;
}

rnnc_status rnnc_weights_copy(rnnc_weights *to, const rnnc_weights *from, rnnc_diagnostics *diagnostics) {
    if (!to || !from) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "copying weights needs two of them");
    }
    for (uint32_t i = 0; i < to->count; i++) {
        if (!find_source(from, &to->parts[i].part)) {
            return api_fail(diagnostics, RNNC_TYPE,
                            "there are no values of its shape to copy to the weight '%s'",
                            to->parts[i].part.part->name);
        }
    }
    TRY(copy_kept(to, from, diagnostics));
    for (uint32_t i = 0; i < to->count; i++) {
        copy_part(&to->parts[i].part, find_source(from, &to->parts[i].part));
        api_mark_set(to, (int)i);
    }
    return RNNC_OK;
}
