// The inside of the trainer: what its loop (trainer.c), its reports (trainer_report.c) and its checkpoints
// (trainer_save.c) share.
#ifndef RNNC_RUNTIME_TRAIN_TRAINER_PARTS_H
#define RNNC_RUNTIME_TRAIN_TRAINER_PARTS_H

#include "runtime/data/progress.h"
#include "runtime/train/patience.h"
#include "runtime/train/state.h"
#include "runtime/train/trainer.h"
#include "runtime/train/update_watch.h"

// Where a training is: all that a checkpoint says besides its tensors. A field added here needs a line in
// trainer_save.c.
typedef struct training_position {
    int64_t epoch;            // the one being trained, from 1
    int64_t batch;            // batches of it that are done
    int64_t step;             // steps done in all
    measures sums;            // of the epoch so far
    measures last;            // of the last whole epoch, see training_result
    measures validation;      // after the last epoch
    measures best_validation; // of the best epoch
    int64_t best_epoch;       // by validation; 0: none yet
    patience patience;        // what validations were judged by; least is best
    update_sums updates;      // of the epoch so far
    double seconds;           // of training, all runs together
    int64_t metrics_bytes;    // length of the metrics file; -1: none
} training_position;

// How fast this run trains in the present epoch; validation and what the epoch had before this run do not count.
typedef struct speed_count {
    double begin;   // when the epoch's first batch of this run began
    double seconds; // from then to its last batch
    double places;  // as feed_batch.places
    double counted; // targets that measures had counted at the begin
} speed_count;

typedef struct trainer {
    const training *t;
    diag_sink *d;
    engine *engine;
    feed *feed;
    state_carrier *states;
    bool carry;
    weights *best; // a copy of the best weights so far, where the recipe keeps them
    training_position at;
    update_watch watch;
    training_result *result;
    metrics_writer writer;
    bool writes;
    arena memory;
    double begin;          // when this run began
    double seconds_before; // those of earlier runs
    int64_t steps_before;  // and their steps
    progress bar;
    char title[48];
    int64_t bar_begin; // step at which the bar's count began
    double busy;       // seconds of training in the epochs since then that are over
    double places;     // trained on since then
    speed_count speed;
} trainer;

// Seconds on a clock that never goes back.
double trainer_now(void);
// Whether the training goes by steps, so that its epochs are of no interest.
bool trainer_by_steps(const trainer *r);

// ---- trainer_report.c: the progress line and the metrics ----

void report_start(trainer *r);
void report_step(trainer *r);
// The line at the end of an epoch or, with |stopped|, within one.
void report_finish(trainer *r, bool stopped);
// A JSON line for the epoch; |validation| may be NULL.
rnnc_status report_metrics(trainer *r, const measures *validation);
// Tells whoever watches. |validation|: NULL within an epoch; at its end, of nothing where nothing was validated.
void report_news(const trainer *r, const measures *validation);

// ---- trainer_save.c: checkpoints ----

// Writes a checkpoint of the present position and removes those too many. No effect without a folder.
rnnc_status save_checkpoint(trainer *r);
// Writes the weights that are the best so far.
rnnc_status save_best(trainer *r);
// Puts the trainer where the checkpoint to be resumed from was.
rnnc_status restore_checkpoint(trainer *r);

#endif
