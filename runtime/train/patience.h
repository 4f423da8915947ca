// Waiting for a better validation: early stopping, and plateaus, at which a schedule lowers the rate.
#ifndef RNNC_RUNTIME_TRAIN_PATIENCE_H
#define RNNC_RUNTIME_TRAIN_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

// Starts as all zeros; plain numbers, so that a checkpoint can keep it as it is.
typedef struct patience {
    double best;      // the least that was judged
    int64_t judged;   // epochs
    int64_t waited;   // of them since the best
    int64_t flat;     // of them since the best or the last plateau
    int64_t plateaus; // so far
} patience;

// Takes one epoch's validation, of which less is better; true if it is the best so far. What is not a number
// is never better than a number. |plateau|: epochs without a better one that make a plateau, 0: none do.
bool patience_judge(patience *p, double judged, int64_t plateau);

#endif
