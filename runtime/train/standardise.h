// The means and deviations that a model's `standardise` divides its data by.
#ifndef RNNC_RUNTIME_TRAIN_STANDARDISE_H
#define RNNC_RUNTIME_TRAIN_STANDARDISE_H

#include "runtime/train/dataset.h"
#include "runtime/weights.h"

// Measures each column of what model->measured names over the training part of |data|, each value once, in f64 and in
// the data's order, and writes mean and deviation (the root of the mean square distance from the mean; 1
// where that is 0) into |w|. Steps behind a row's length do not count. Errors: a training part without a value, means
// and deviations that |w| cannot hold.
rnnc_status standardise_measure(const dataset *data, weights *w, diag_sink *d);

#endif
