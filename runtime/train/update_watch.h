// What the graph of a training step says about its updates: the rate, the norm of the gradients, whether the guard left
// the update out (passes/update.h); and what can be said when training diverges.
#ifndef RNNC_RUNTIME_TRAIN_UPDATE_WATCH_H
#define RNNC_RUNTIME_TRAIN_UPDATE_WATCH_H

#include "frontend/model.h"
#include "runtime/data/metrics.h"
#include "runtime/train/machine.h"
#include "runtime/train/record.h"

enum { UPDATE_METRICS = 3 };

// Plain numbers that a checkpoint keeps. Starts as all zeros.
typedef struct update_sums {
    double rate;           // of the last step
    double norms;          // of the epoch so far, added up over the updates that were made
    int64_t made, skipped; // of the epoch so far
    int64_t skipped_in_all;
} update_sums;

void update_sums_start_epoch(update_sums *s);
void update_sums_save(const update_sums *s, record *to);
rnnc_status update_sums_restore(update_sums *s, const safetensors *from, diag_sink *d);

typedef struct update_watch {
    const machine *machine;
    int rate, norm, skipped_last; // outputs; -1: not computed
    double last_loss;             // of the last step
    int64_t skipped_in_a_row;     // updates left out up to the last step, it among them
    // The last step of this run whose norm was finite; 0: none.
    double sound_norm;
    int64_t sound_step;
} update_watch;

// The machine must outlive the watch.
void update_watch_init(update_watch *w, const machine *m);

// Reads the outputs of the machine's last run, step number |step| from 1, whose loss it gives, and adds them up. True
// if the update was made.
bool update_watch_read(update_watch *w, update_sums *sums, double loss, int64_t step);

// The epoch's values: learning_rate (of the last step), gradient_norm (the mean over the updates that were
// made), skipped_updates (where there were any). |out_values| has room for UPDATE_METRICS.
uint32_t update_watch_values(const update_watch *w, const update_sums *sums, metric *out_values);

// Reports that training has diverged: the step, the first tensor with a bad gradient, the norms by layer, and three
// things to try. Returns the error's status.
rnnc_status update_watch_diverged(const update_watch *w, const model *m, int64_t step, int64_t epoch,
                                  diag_sink *d);

#endif
