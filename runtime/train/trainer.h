// The loops over a dataset: training by epochs and steps, and evaluation.
#ifndef RNNC_RUNTIME_TRAIN_TRAINER_H
#define RNNC_RUNTIME_TRAIN_TRAINER_H

#include <stdio.h>

#include "runtime/train/feed.h"
#include "runtime/train/machine.h"
#include "runtime/train/measures.h"

typedef struct training {
    machine *machine;    // its graph has updates; its weights are the first ones
    machine *validation; // without updates, the model in its form for use; NULL: nothing is held out
    const dataset *data;
    uint64_t seed;            // of orders, windows and dropout
    int64_t epochs;           // 0: as many as the steps allow
    int64_t max_steps;        // 0: as many as the epochs have
    const char *metrics_path; // a JSON line per epoch; NULL: none
    FILE *progress;           // NULL: none
} training;

typedef struct training_result {
    int64_t epochs, steps;
    measures last;       // of the last epoch, as far as it went
    measures validation; // after it, or of the epoch whose weights are kept
    int64_t best_epoch;  // 0: the last weights are kept
    double seconds;
} training_result;

// Trains. Afterwards the machine holds the weights of the last step or, if the recipe keeps the best, of the epoch with
// the best validation (recipe.keep). A loss that is not a number stops it with an error. Fails before the first step if it does not know
// when to end or the metrics cannot be written.
rnnc_status training_run(const training *t, diag_sink *d, training_result *out_result);

// One pass over |part| in order, with what the recipe says of carried states. The machine must have no updates.
rnnc_status training_evaluate(machine *m, const dataset *data, data_part part, uint64_t seed, diag_sink *d,
                              measures *out_measures);

#endif
