// Named numbers and texts: what a checkpoint says besides its tensors. They are pairs of texts in the file's metadata;
// real numbers are hexadecimal, so that they come back exactly.
#ifndef RNNC_RUNTIME_TRAIN_RECORD_H
#define RNNC_RUNTIME_TRAIN_RECORD_H

#include "runtime/data/safetensors.h"
#include "support/vec.h"

// Starts as all zeros.
typedef struct record {
    VEC(text_pair) pairs;
    strbuf scratch; // a text that is being made
    arena memory;
} record;

void record_deinit(record *r);

// Each adds a pair; keys and values are copied.
void record_text(record *r, const char *key, const char *value);
void record_whole(record *r, const char *key, int64_t value);
void record_real(record *r, const char *key, double value);
// An empty text to make a value in. It is the record's, so that nothing is lost where its arena jumps for want of memory.
strbuf *record_scratch(record *r);
// What is in it; jumps like the arena if there was no memory for all of it.
const char *record_scratch_text(const record *r);
// |prefix| and |name| joined, in the record's memory.
const char *record_key(record *r, const char *prefix, const char *name);

// From the metadata of |file|. A key that is missing or no number is RNNC_CORRUPT; with safetensors_metadata a caller
// can ask for it first.
rnnc_status record_read_whole(const safetensors *file, const char *key, diag_sink *d, int64_t *out_value);
rnnc_status record_read_real(const safetensors *file, const char *key, diag_sink *d, double *out_value);

#endif
