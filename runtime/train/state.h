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

#endif
