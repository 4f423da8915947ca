// Variables in safetensors files: one tensor per part under the part's name, [rows, columns] of a matrix,
// [columns] of a vector, in the variable's element type. How parts are joined in memory does not show.
#ifndef RNNC_RUNTIME_WEIGHTS_FILE_H
#define RNNC_RUNTIME_WEIGHTS_FILE_H

#include "runtime/data/safetensors.h"
#include "runtime/weights.h"

// Bits: which variables a file holds.
enum weights_selection {
    SELECT_WEIGHTS = 1, // weights and frozen
    SELECT_SLOTS = 2,   // optimisers' memory
};

// Writes the selected parts, and |metadata| (may be NULL). The file appears complete or not at all.
rnnc_status weights_save(const weights *w, int selection, const text_pair *metadata, size_t metadata_count,
                         const char *path, diag_sink *d);

// Fills the selected parts from a file: every part must be there once, with its shape and a real element
// type, and the file must hold no other tensor. One error lists all that are missing and all that nobody
// asked for. Values are rounded to the variables' types; one that does not fit is an error. On failure
// nothing has changed.
rnnc_status weights_load(weights *w, int selection, const char *path, diag_sink *d);
// The same from an open file, for callers that also read its metadata.
rnnc_status weights_load_from(weights *w, int selection, const safetensors *file, diag_sink *d);

#endif
