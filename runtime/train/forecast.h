// A model that says what comes next, continuing a sequence by itself: each value that it gives becomes the last one
// it sees.
#ifndef RNNC_RUNTIME_TRAIN_FORECAST_H
#define RNNC_RUNTIME_TRAIN_FORECAST_H

#include "runtime/train/machine.h"

typedef struct forecaster {
    engine *engine;
    uint32_t input, output;
    int axis;        // the sequence
    int64_t columns; // of a value
    // Runs the engine once, with states that are zeros; NULL: engine_run, where nobody has changed the states.
    rnnc_status (*run)(void *user, diag_sink *d);
    void *user; // handed on to it
} forecaster;

// Finds the one real data input along one sequence axis and the one output of its kind in |e|. An error if the model
// has another form.
rnnc_status forecast_find(engine *e, diag_sink *d, forecaster *out_forecaster);

// Begins with the |window| values of |columns| numbers at |values| and writes |steps| more behind them. Each is the
// model's last output for the |window| values before it, its states starting from zero.
rnnc_status forecast_continue(const forecaster *f, double *values, int64_t window, int64_t steps,
                              diag_sink *d);

#endif
