// Data and weights as the command line names them.
#include <stdlib.h>
#include <string.h>

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

rnnc_status load_weights(const char *path, bool partial, machine *m, diag_sink *d) {
    safetensors file;
    TRY(safetensors_read(path, d, &file));
    bool summed = safetensors_metadata(&file, SAFETENSORS_CHECKSUM_KEY) != NULL;
    rnnc_status status = summed ? safetensors_verify(&file, d) : RNNC_OK;
    status = status == RNNC_OK ? load_from(&file, partial, engine_weights(m->engine), d) : status;
    if (status == RNNC_TYPE) {
        tell_trained(&file, false, d);
    }
    safetensors_deinit(&file);
    return status;
}

rnnc_status check_writable(const char *path, diag_sink *d) {
    atomic_file probe;
    TRY(atomic_file_open(path, d, &probe));
    atomic_file_abandon(&probe);
    return RNNC_OK;
}

// ---- Saving ----

training_subject subject_of(const command_line *line, const loaded *source, const dataset *data) {
    return (training_subject){RNNC_VERSION, source->unit, &source->options, data, line->seed};
}

rnnc_status save_weights(const machine *m, const training_subject *subject, const char *path, diag_sink *d) {
    record about = {0};
    rnnc_status status = describe_weights(subject, d, &about);
    if (status == RNNC_OK) {
        status = weights_save(engine_weights(m->engine), SELECT_WEIGHTS, about.pairs.at, about.pairs.count,
                              path, d);
    }
    record_deinit(&about);
    return status;
}
