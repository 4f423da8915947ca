// The vocabularies that files of weights carry: by them the texts were numbered that a model was trained on.
#ifndef RNNC_RUNTIME_TRAIN_CARRIED_H
#define RNNC_RUNTIME_TRAIN_CARRIED_H

#include "runtime/data/safetensors.h"
#include "runtime/train/dataset.h"
#include "runtime/train/record.h"
#include "runtime/train/speller.h"

// Starts as all zeros; |memory| may have been told where to go when there is none left.
typedef struct carried_data {
    VEC(data_vocabulary) vocabularies;
    arena memory;
} carried_data;

// Adds the vocabularies among the metadata of a file |name| of weights. Errors: one that does not parse, or that is not
// the one whose hash stands beside it.
rnnc_status carried_take(const char *name, const text_pair *pairs, size_t count, diag_sink *d,
                         carried_data *carried);
// Takes the vocabularies of a weights file along, and compares them with files beside it.
rnnc_status load_vocabularies(const char *path, diag_sink *d, carried_data *out_carried);
void carried_deinit(carried_data *c);

// Adds a vocabulary and its hash to |about|: of characters by the key of their text, of words by their input. Errors: no
// memory.
rnnc_status carried_record_characters(record *about, const char *key, const vocabulary *v, diag_sink *d);
rnnc_status carried_record_words(record *about, const char *input, const word_list *words, diag_sink *d);

// Both of all sources of |data|.
rnnc_status carried_record_all(record *about, const dataset *data, diag_sink *d);

// Writes each vocabulary of |data| beside the weights "F.safetensors": words as "F.INPUT.txt", characters as "F.KEY.json".
rnnc_status save_vocabularies(const char *weights_path, const dataset *data, diag_sink *d);
// The file beside the weights |file|: "weights.safetensors", "text" and "txt" give "weights.text.txt".
const char *carried_path(const char *file, const char *name, const char *kind, arena *memory);

// ---- Which of them is that of an input (spelling.c) ----

// The first input of data, or "".
const char *find_data_input(const graph *g);
// The line of the recipe that fills |input|, or what that is ahead of; NULL if there is none.
const data_binding *find_text_binding(const model *m, const char *input);
// Whether the recipe cuts the first input's tokens out of a text.
bool reads_text(const model *m);
// How the first input's tokens are spelt, by a vocabulary of |carried|; false if there is none. |out_speller| borrows from
// it.
bool find_speller(const model *m, const carried_data *carried, speller *out_speller);
// The same of any input or target.
bool find_speller_of(const model *m, const carried_data *carried, const char *input, speller *out_speller);

#endif
