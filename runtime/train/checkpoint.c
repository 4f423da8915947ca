#include "runtime/train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static const char optimizer_prefix[] = CHECKPOINT_OPTIMIZER, state_prefix[] = CHECKPOINT_STATE,
                  best_prefix[] = "best/";

// ---- Writing ----

static array_kind kind_of(dtype elem) {
    return elem == DT_F32 ? ARRAY_F32 : elem == DT_F64 ? ARRAY_F64 : ARRAY_I32;
}

static rnnc_status add_state(tensor_list *l, state_values v, diag_sink *d) {
    const char *name = arena_printf(&l->memory, "%s%s", state_prefix, v.name);
    return v.count ? tensor_list_add_vector(l, name, kind_of(v.elem), v.data, v.count, d) : RNNC_OK;
}

static rnnc_status add_states(tensor_list *l, const state_carrier *states, diag_sink *d) {
    for (uint32_t i = 0; states && i < state_count(states); i++) {
        TRY(add_state(l, state_get(states, i), d));
    }
    return RNNC_OK;
}

static rnnc_status collect(tensor_list *l, const checkpoint_arrays *arrays, diag_sink *d) {
    TRY(tensor_list_add_weights(l, arrays->weights, SELECT_WEIGHTS, "", d));
    TRY(tensor_list_add_weights(l, arrays->weights, SELECT_SLOTS, optimizer_prefix, d));
    if (arrays->best) {
        TRY(tensor_list_add_weights(l, arrays->best, SELECT_WEIGHTS, best_prefix, d));
    }
    return add_states(l, arrays->states, d);
}

static rnnc_status collect_guarded(tensor_list *l, const checkpoint_arrays *arrays, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of tensors");
    }
    l->memory.exhausted = &exhausted;
    rnnc_status status = collect(l, arrays, d);
    l->memory.exhausted = NULL;
    return status;
}

rnnc_status checkpoint_write(const char *path, const checkpoint_arrays *arrays, const record *about,
                             diag_sink *d) {
    tensor_list list = {0};
    rnnc_status status = collect_guarded(&list, arrays, d);
    if (status == RNNC_OK) {
        safetensors_contents contents = {
            .tensors = list.tensors,
            .count = list.count,
            .metadata = about->pairs.at,
            .metadata_count = about->pairs.count,
        };
        status = safetensors_write_checked(path, &contents, d);
    }
    tensor_list_deinit(&list);
    return status;
}

// ---- Reading ----

static rnnc_status check_form(const safetensors *file, diag_sink *d) {
    const char *form = safetensors_metadata(file, CHECKPOINT_KEY);
    if (!form) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s is not a checkpoint; the weights in it can be loaded as weights", file->name);
    }
    if (strcmp(form, CHECKPOINT_FORM) != 0) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: a checkpoint of form %s, this rnnc reads form " CHECKPOINT_FORM, file->name,
                         form);
    }
    return RNNC_OK;
}

rnnc_status checkpoint_read(const char *path, diag_sink *d, safetensors *out_file) {
    TRY(safetensors_read(path, d, out_file));
    bool other = !safetensors_metadata(out_file, CHECKPOINT_KEY) &&
                 !safetensors_metadata(out_file, SAFETENSORS_CHECKSUM_KEY);
    rnnc_status status = other ? RNNC_OK : safetensors_verify(out_file, d);
    status = status == RNNC_OK ? check_form(out_file, d) : status;
    if (status != RNNC_OK) {
        safetensors_deinit(out_file);
    }
    return status;
}

static rnnc_status restore_weights(weights *w, int selection, const char *prefix, const safetensors *file,
                                   diag_sink *d) {
    safetensors subset;
    TRY(safetensors_subset(file, prefix, d, &subset));
    rnnc_status status = weights_load_from(w, selection, &subset, d);
    safetensors_deinit(&subset);
    return status;
}

static rnnc_status restore_state(state_carrier *states, const char *name, const safetensors *file,
                                 const char *tensor, diag_sink *d) {
    uint32_t i = 0;
    while (i < state_count(states) && strcmp(state_get(states, i).name, name) != 0) {
        i++;
    }
    array a = {0};
    TRY(safetensors_load(file, tensor, d, &a));
    bool known = i < state_count(states) && a.kind == kind_of(state_get(states, i).elem);
    bool sound = known && state_set(states, i, a.data, array_count(&a));
    array_deinit(&a);
    return sound ? RNNC_OK
                 : diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: the carried state %s is not one of the model",
                             file->name, name);
}

static rnnc_status restore_states(state_carrier *states, const safetensors *file, diag_sink *d) {
    for (size_t i = 0; i < file->count; i++) {
        const char *tensor = file->entries[i].name;
        bool is_state = strncmp(tensor, state_prefix, strlen(state_prefix)) == 0;
        TRY(is_state ? restore_state(states, tensor + strlen(state_prefix), file, tensor, d) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status checkpoint_restore(const safetensors *file, const checkpoint_arrays *arrays, diag_sink *d) {
    TRY(restore_weights(arrays->weights, SELECT_WEIGHTS, NULL, file, d));
    TRY(restore_weights(arrays->weights, SELECT_SLOTS, optimizer_prefix, file, d));
    if (arrays->best) {
        TRY(restore_weights(arrays->best, SELECT_WEIGHTS, best_prefix, file, d));
    }
    return arrays->states ? restore_states(arrays->states, file, d) : RNNC_OK;
}

bool checkpoint_has_best(const safetensors *file) {
    for (size_t i = 0; i < file->count; i++) {
        if (strncmp(file->entries[i].name, best_prefix, strlen(best_prefix)) == 0) {
            return true;
        }
    }
    return false;
}

rnnc_status checkpoint_weights(const safetensors *file, diag_sink *d, safetensors *out_weights) {
    bool checkpoint = safetensors_metadata(file, CHECKPOINT_KEY) != NULL;
    return safetensors_subset(file, checkpoint ? NULL : "", d, out_weights);
}
