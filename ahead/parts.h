// What an object made ahead of time is made of, taken from an engine whose weights are loaded: the weights that runs
// read, and what `prepare` makes of them, as bytes.
#ifndef RNNC_AHEAD_PARTS_H
#define RNNC_AHEAD_PARTS_H

#include "codegen/ahead.h"
#include "runtime/engine.h"

typedef struct ahead_parts {
    ahead_request request;
    ahead_block *blocks;
    const void **variables;
    int64_t *limits;
} ahead_parts;

// Runs the program's `prepare` list in |e|, a compiled inference program, and fills |out_parts|, which borrows from |e|
// and from |name| until ahead_parts_deinit. A program that changes its weights is an error.
rnnc_status ahead_parts_create(engine *e, const char *name, bool streams, uint64_t seed, diag_sink *d,
                               ahead_parts *out_parts);
void ahead_parts_deinit(ahead_parts *parts);

// Fails where states that are to go from run to run have no last values.
rnnc_status ahead_check_states(const engine *e, const program *p, diag_sink *d);

#endif
