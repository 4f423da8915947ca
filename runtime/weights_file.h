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

// ---- weights_partial.c ----

// Fills the weights for which |file| has a tensor of the same name, shape and kind; the others keep what they
// hold. One note says what was taken, what was left and what of the file nobody asked for. An error if nothing
// at all fits; then nothing has changed.
rnnc_status weights_load_partial(weights *w, const safetensors *file, diag_sink *d);

// ---- tensor_list.c ----

// Tensors to be written, with their names; owns all of them. Starts as all zeros.
typedef struct tensor_list {
    named_array *tensors;
    array *arrays; // of |tensors|
    uint32_t count, capacity;
    arena memory; // names
} tensor_list;

void tensor_list_deinit(tensor_list *l);
// The selected parts under |prefix| and their names.
rnnc_status tensor_list_add_weights(tensor_list *l, const weights *w, int selection, const char *prefix,
                                    diag_sink *d);
// |count| elements at |data|, as a vector.
rnnc_status tensor_list_add_vector(tensor_list *l, const char *name, array_kind kind, const void *data,
                                   int64_t count, diag_sink *d);

// ---- What the three files share ----

typedef struct weight_part_list {
    weight_part *parts;
    uint32_t count;
} weight_part_list;

// The selected parts in order; the caller frees |parts|.
rnnc_status weights_list_parts(const weights *w, int selection, diag_sink *d, weight_part_list *out_list);
// The array that a file holds of a part: made, and filled with the part's elements.
rnnc_status weights_part_to_array(const weight_part *p, diag_sink *d, array *out_array);
// Whether a tensor of a file has the part's shape and is as real as it is; what is expected, "f32[20,200]".
bool weights_part_fits(const weight_part *p, const safetensors_entry *e);
void weights_part_describe(const weight_part *p, strbuf *out);
// One tensor of a file as the type of its variable; and the part filled from it.
rnnc_status weights_part_read(const weight_part *p, const safetensors *file, diag_sink *d, array *out_array);
void weights_part_fill(const weight_part *p, const array *values);

#endif
