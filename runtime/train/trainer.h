// The loops over a dataset: training by epochs and steps, and evaluation.
#ifndef RNNC_RUNTIME_TRAIN_TRAINER_H
#define RNNC_RUNTIME_TRAIN_TRAINER_H

#include <stdio.h>

#include "runtime/train/feed.h"
#include "runtime/train/kept.h"
#include "runtime/train/machine.h"
#include "runtime/train/measures.h"

// Asked after each step: whether to end before the training is done.
typedef bool training_stop(void *user);

// Where a training is. The arrays are valid during the call.
typedef struct training_news {
    int64_t epoch, step;      // both from 1; the step that is done
    int64_t batch, batches;   // done of the epoch, and all of it
    bool epoch_over;          // with the validation, if there is one
    const metric *trained;    // over the epoch so far; then what updates say (update_watch_values)
    const metric *validation; // of the epoch that is over
    uint32_t trained_count, validation_count;
} training_news;

// Told after each step and at the end of each epoch.
typedef void training_watch(void *user, const training_news *news);

typedef struct training {
    machine *machine;    // its graph has updates; its weights are the first ones
    machine *validation; // without updates, the model in its form for use; NULL: nothing is held out
    const dataset *data;
    uint64_t seed;            // of orders, windows and dropout
    int64_t epochs;           // 0: as many as the steps allow
    int64_t max_steps;        // 0: as many as the epochs have
    const char *metrics_path; // a JSON line per epoch; NULL: none
    metrics_table *curves;    // takes the same of the epochs of this run; NULL: nobody looks at them
    FILE *progress;           // NULL: none
    training_checkpoints checkpoints;
    const double
        *rate; // where the graph takes the rate of learning as an input: read at each step; else NULL
    training_stop *stop;   // NULL: nobody asks
    training_watch *watch; // NULL: nobody is told
    void *user;            // of both
    double slot_seconds;   // this run may last so long, then it stops; 0: as long as it takes
    int64_t slot_steps;    // and may do so many steps; 0: any number
} training;

// For so many epochs and steps, or where both are 0 as the recipe says.
void training_set_end(training *t, const recipe *r, int64_t epochs, int64_t steps);

typedef enum training_end {
    TRAINING_DONE,
    TRAINING_STOPPED,      // because |stop| said so
    TRAINING_OUT_OF_TIME,  // the run's seconds are used up
    TRAINING_OUT_OF_STEPS, // the run's steps are
} training_end;

typedef struct training_result {
    int64_t epochs, steps;
    int64_t skipped;     // steps whose update was left out
    int64_t plateaus;    // so far
    measures last;       // of the last epoch, as far as it went
    measures validation; // after it, or of the epoch whose weights are kept
    int64_t best_epoch;  // 0: the last weights are kept
    double seconds;      // with those of the runs before it was resumed
    training_end end;
} training_result;

// Trains. Afterwards the machine holds the weights of the last step or, if the recipe keeps the best, of the epoch with
// the best validation (recipe.keep). A loss that is not a number stops it with an error. Fails before the first step
// if it does not know when to end or the metrics cannot be written.
//
// With a folder for checkpoints, one is written every |every| steps, at the end of each epoch, and where the training
// ends or is stopped; "best.safetensors" there holds the weights of the epoch with the best validation. A training
// that goes on from any of them ends with the bits, and the lines of metrics but for their seconds, of one that was
// never stopped. One that was stopped leaves the machine with the weights of its last step.
rnnc_status training_run(const training *t, diag_sink *d, training_result *out_result);

// One pass over |part| in order, with what the recipe says of carried states. The machine must have no updates.
rnnc_status training_evaluate(machine *m, const dataset *data, data_part part, uint64_t seed, diag_sink *d,
                              measures *out_measures);

#endif
