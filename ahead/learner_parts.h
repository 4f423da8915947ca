// What an object that learns is made of: the program that is used, the one that trains, and what they share.
#ifndef RNNC_AHEAD_LEARNER_PARTS_H
#define RNNC_AHEAD_LEARNER_PARTS_H

#include "codegen/ahead_train.h"
#include "runtime/engine.h"

typedef struct learner_options {
    const char *name; // what the functions' names begin with
    bool streams;     // as in ahead_request, of the program that is used
    uint64_t seed;
    int32_t threads;
} learner_options;

// How the model is trained, so far as its graph does not say.
typedef struct learner_recipe {
    double rate;
    bool carries; // states go from training step to training step
} learner_recipe;

// |request| is that of the program that is used, with the training.
typedef struct learner_parts {
    ahead_request request;
    ahead_training training;
    arena memory;
} learner_parts;

// |used| runs the model, |trained| trains it, with its rate as an input; the weights of |trained| and its optimiser's
// memory are those to begin with. Fills |out_parts|, which borrows from both and from |o| until learner_parts_deinit.
rnnc_status learner_parts_create(engine *used, engine *trained, const learner_options *o,
                                 const learner_recipe *how, diag_sink *d, learner_parts *out_parts);
void learner_parts_deinit(learner_parts *parts);

#endif
