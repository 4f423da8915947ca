// The means and deviations that a model's `standardise` divides its data by.
#ifndef RNNC_RUNTIME_TRAIN_STANDARDISE_H
#define RNNC_RUNTIME_TRAIN_STANDARDISE_H

#include "runtime/train/dataset.h"
#include "runtime/weights.h"

// Where the values of an input come from.
typedef struct standardise_source {
    // Adds up (value - |centre|), or its square, of column |column|, in f64 and in the values' order.
    double (*add_up)(const void *user, int64_t column, double centre, bool squares, int64_t *out_count);
    const void *user;
    const char *label, *input; // for errors
} standardise_source;

// Measures each column (see below) and writes |mean| and |deviation|.
rnnc_status standardise_columns(const standardise_source *s, weight_part *mean, weight_part *deviation,
                                diag_sink *d);

// Measures each column of what model->measured names over the training part of |data|, each value once, in f64 and in
// the data's order, and writes mean and deviation (the root of the mean square distance from the mean; 1
// where that is 0) into |w|. Steps behind a row's length do not count. Errors: a training part without a value, means
// and deviations that |w| cannot hold.
rnnc_status standardise_measure(const dataset *data, weights *w, diag_sink *d);

#endif
