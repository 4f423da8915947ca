// A training in a file: weights, the optimiser's memory, states and what is counted. The file is a checkpoint of the
// trainer's form (runtime/train/checkpoint.h), with as much of it as a context knows.
#include <string.h>

#include "api/parts.h"
#include "runtime/train/checkpoint.h"

static const char key_epoch[] = "training.epoch", key_step[] = "training.step",
                  key_plateaus[] = "training.plateaus", key_rate[] = "training.rate",
                  key_seed[] = "training.seed";

// ---- Writing ----

static array_kind kind_of(dtype elem) {
    return elem == DT_F32 ? ARRAY_F32 : elem == DT_F64 ? ARRAY_F64 : ARRAY_I32;
}

static const program_value *state_of(const rnnc_context *c, uint32_t index) {
    return &c->program->program->inputs.at[c->program->states[index].index];
}

static rnnc_status collect(const rnnc_context *c, tensor_list *l, diag_sink *d) {
    const weights *w = c->weights->values;
    TRY(tensor_list_add_weights(l, w, SELECT_WEIGHTS, "", d));
    TRY(tensor_list_add_weights(l, w, SELECT_SLOTS, CHECKPOINT_OPTIMIZER, d));
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        const program_value *v = state_of(c, i);
        const char *name = arena_printf(&l->memory, CHECKPOINT_STATE "%s", v->name);
        TRY(tensor_list_add_vector(l, name, kind_of(v->type.elem), c->states[i].data,
                                   api_elements(c, v->type), d));
    }
    return RNNC_OK;
}

static void describe(const rnnc_context *c, record *about) {
    record_text(about, CHECKPOINT_KEY, CHECKPOINT_FORM);
    record_whole(about, key_epoch, c->epoch);
    record_whole(about, key_step, c->step - 1);
    record_whole(about, key_plateaus, c->plateaus);
    record_real(about, key_rate, c->rate);
    record_whole(about, key_seed, (int64_t)c->seed);
    api_kept_describe(c->weights, about);
}

static rnnc_status collect_guarded(const rnnc_context *c, record *about, tensor_list *list, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what a checkpoint says");
    }
    about->memory.exhausted = list->memory.exhausted = &exhausted;
    describe(c, about);
    return collect(c, list, d);
}

static rnnc_status write_file(const rnnc_context *c, const char *path, diag_sink *d) {
    tensor_list list = {0};
    record about = {0};
    rnnc_status status = collect_guarded(c, &about, &list, d);
    about.memory.exhausted = list.memory.exhausted = NULL;
    if (status == RNNC_OK) {
        safetensors_contents contents = {.tensors = list.tensors,
                                         .count = list.count,
                                         .metadata = about.pairs.at,
                                         .metadata_count = about.pairs.count};
        status = safetensors_write_checked(path, &contents, d);
    }
    record_deinit(&about);
    tensor_list_deinit(&list);
    return status;
}

static rnnc_status check(const rnnc_context *c, const char *path, rnnc_diagnostics *d) {
    return c && path && c->program->purpose == RNNC_TRAIN
               ? api_check_free(c, d)
               : api_fail(d, RNNC_INVALID_ARGUMENT,
                          "a training is that of a context of a program for RNNC_TRAIN, and has a path");
}

rnnc_status rnnc_context_save_training(const rnnc_context *c, const char *path,
                                       rnnc_diagnostics *diagnostics) {
    TRY(check(c, path, diagnostics));
    if (c->weights->unset) {
        return api_report_unset(c->weights, diagnostics);
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, write_file(c, path, &sink));
    diag_deinit(&sink);
    return status;
}

// ---- Reading ----

// What is read before anything of the context changes.
typedef struct training_record {
    int64_t epoch, step, plateaus, seed;
    double rate;
    weights *weights;
    api_kept kept;
} training_record;

static rnnc_status read_counts(const rnnc_context *c, const safetensors *file, diag_sink *d,
                               training_record *out) {
    *out = (training_record){.rate = c->rate, .seed = (int64_t)c->seed};
    TRY(record_read_whole(file, key_epoch, d, &out->epoch));
    TRY(record_read_whole(file, key_step, d, &out->step));
    TRY(record_read_whole(file, key_plateaus, d, &out->plateaus));
    if (safetensors_metadata(file, key_rate)) {
        TRY(record_read_real(file, key_rate, d, &out->rate));
    }
    if (safetensors_metadata(file, key_seed)) {
        TRY(record_read_whole(file, key_seed, d, &out->seed));
    }
    bool sound = out->epoch >= 1 && out->step >= 0 && out->step < INT64_MAX && out->plateaus >= 0;
    return sound ? RNNC_OK
                 : diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: epochs and steps cannot be negative", file->name);
}

static bool is_state(const safetensors_entry *e) {
    return strncmp(e->name, CHECKPOINT_STATE, strlen(CHECKPOINT_STATE)) == 0;
}

static int find_state(const rnnc_context *c, const safetensors_entry *e) {
    return rnnc_program_find_state(c->program, e->name + strlen(CHECKPOINT_STATE));
}

static rnnc_status check_state(const rnnc_context *c, const safetensors *file, const safetensors_entry *e,
                               diag_sink *d) {
    int64_t count = 1;
    for (int i = 0; i < e->rank; i++) {
        count *= e->dim[i];
    }
    int index = find_state(c, e);
    const program_value *v = index < 0 ? NULL : state_of(c, (uint32_t)index);
    bool fits = v && e->kind == kind_of(v->type.elem) && count == api_elements(c, v->type);
    return fits ? RNNC_OK
                : diag_fail(d, RNNC_TYPE, NO_SPAN,
                            "%s: '%s' with %lld elements is no state of the context with its batch",
                            file->name, e->name, (long long)count);
}

static rnnc_status check_states(const rnnc_context *c, const safetensors *file, diag_sink *d) {
    for (size_t i = 0; i < file->count; i++) {
        TRY(is_state(&file->entries[i]) ? check_state(c, file, &file->entries[i], d) : RNNC_OK);
    }
    return RNNC_OK;
}

static rnnc_status take_state(rnnc_context *c, const safetensors *file, const safetensors_entry *e,
                              diag_sink *d) {
    array a = {0};
    TRY(safetensors_load(file, e->name, d, &a));
    int index = find_state(c, e);
    memcpy(c->states[index].data, a.data, array_bytes(&a));
    array_deinit(&a);
    return RNNC_OK;
}

// After check_states.
static rnnc_status take_states(rnnc_context *c, const safetensors *file, diag_sink *d) {
    api_clear_states(c);
    for (size_t i = 0; i < file->count; i++) {
        TRY(is_state(&file->entries[i]) ? take_state(c, file, &file->entries[i], d) : RNNC_OK);
    }
    return RNNC_OK;
}

static rnnc_status take(rnnc_context *c, const safetensors *file, training_record *from, diag_sink *d) {
    const weights *now = c->weights->values;
    TRY(read_counts(c, file, d, from));
    TRY(check_states(c, file, d));
    TRY(weights_create(c->weights->program->program->variables.at, now->count, d, &from->weights));
    checkpoint_arrays arrays = {.weights = from->weights};
    TRY(checkpoint_restore(file, &arrays, d));
    TRY(api_kept_copy(&c->weights->memory, file->metadata, file->metadata_count, d, &from->kept));
    TRY(take_states(c, file, d));
    api_kept_replace(c->weights, &from->kept);
    from->kept = (api_kept){NULL, 0};
    weights_copy(c->weights->values, from->weights);
    api_mark_all_set(c->weights);
    c->epoch = from->epoch;
    c->step = from->step + 1;
    c->plateaus = from->plateaus;
    c->rate = from->rate;
    c->seed = (uint64_t)from->seed;
    c->waiting = false;
    return RNNC_OK;
}

static rnnc_status load(rnnc_context *c, const char *path, diag_sink *d) {
    safetensors file;
    training_record from = {0};
    TRY(checkpoint_read(path, d, &file));
    rnnc_status status = take(c, &file, &from, d);
    if (from.weights) {
        weights_destroy(from.weights);
    }
    allocator_free(&c->weights->memory, from.kept.pairs);
    safetensors_deinit(&file);
    return status;
}

rnnc_status rnnc_context_load_training(rnnc_context *c, const char *path, rnnc_diagnostics *diagnostics) {
    TRY(check(c, path, diagnostics));
    return api_report(diagnostics, &c->sink, load(c, path, &c->sink));
}
