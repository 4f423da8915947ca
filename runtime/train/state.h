// The states of a model between runs: the final ones of a run are the first ones of the next, or all are zeros.
#ifndef RNNC_RUNTIME_TRAIN_STATE_H
#define RNNC_RUNTIME_TRAIN_STATE_H

#include "runtime/engine.h"

typedef struct state_carrier state_carrier;

// |e| must outlive the carrier. |rows| is the largest batch.
rnnc_status state_carrier_create(engine *e, int64_t rows, diag_sink *d, state_carrier **out_carrier);
void state_carrier_destroy(state_carrier *c);

void state_clear(state_carrier *c);
// Into the engine's inputs, before a run with its extents set.
void state_put(const state_carrier *c);
// From the engine's outputs, after a run.
void state_take(state_carrier *c);


// For checkpoints: the states as they were taken from the last run. A state without values is zeros.
typedef struct state_values {
    const char *name;
    dtype elem;
    const void *data;
    int64_t count; // elements; 0: zeros
} state_values;

uint32_t state_count(const state_carrier *c);
state_values state_get(const state_carrier *c, uint32_t index);
// Makes |count| elements at |data| state |index|; false if it is not so large in any run.
bool state_set(state_carrier *c, uint32_t index, const void *data, int64_t count);

#endif
