// How long the sequences are and how large the batch is that a model is compiled for.
#ifndef RNNC_RUNTIME_TRAIN_EXTENTS_H
#define RNNC_RUNTIME_TRAIN_EXTENTS_H

#include "frontend/model.h"

typedef struct extent_wishes {
    int64_t batch;           // 0: none
    int64_t length;          // of every sequence axis; 0: none
    const int64_t *lengths;  // by axis, before |length|; 0: none; NULL: none of any
    const int64_t *fallback; // by axis: where neither wishes nor the recipe say anything; NULL: nothing
} extent_wishes;

// By axis: what is wished for, else what the recipe says, else the fallback; a batch of 1 without any. False if a
// sequence's extent is not known; *|out_axis| is then its number.
bool model_extents(const model *m, const extent_wishes *wishes, int64_t *out_extents, int *out_axis);

#endif
