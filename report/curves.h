// The curves of one or several runs, from what `rnnc train --metrics` wrote or would have written.
#ifndef RNNC_REPORT_CURVES_H
#define RNNC_REPORT_CURVES_H

#include "runtime/data/metrics.h"
#include "runtime/data/plot.h"

typedef struct curves_options {
    const metrics_table *runs; // NULL where they are to be read
    const char *const *paths;  // of the runs: the files, and what they are called by
    uint32_t count;
    const char *metric; // NULL: the loss
    bool log_scale;
} curves_options;

// Draws |p|, which is gone after the call.
typedef rnnc_status curves_drawer(void *self, const plot *p, diag_sink *d);

// Has the metric of each run drawn and, dashed, that of its held-out data, over epochs or what else all runs have.
// An error if a run has no such metric.
rnnc_status curves_draw(const curves_options *options, diag_sink *d, curves_drawer *drawer, void *self);
// The same of the files at |paths|.
rnnc_status curves_draw_files(const curves_options *options, diag_sink *d, curves_drawer *drawer, void *self);

#endif
