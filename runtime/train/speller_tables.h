// A speller as tables for an object made ahead of time.
#ifndef RNNC_RUNTIME_TRAIN_SPELLER_TABLES_H
#define RNNC_RUNTIME_TRAIN_SPELLER_TABLES_H

#include "codegen/ahead_text.h"
#include "runtime/train/speller.h"

// Fills |out_text| so that NAME_encode and NAME_decode give what speller_read and speller_write do. Its input and scores
// are -1. Errors: no memory; a vocabulary of 2 GiB or more.
rnnc_status speller_tables_create(const speller *s, diag_sink *d, ahead_text *out_text);
void speller_tables_deinit(ahead_text *t);

#endif
