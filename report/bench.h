// Medians of a training step's time, split into forward, backward and update, and each kernel's share.
#ifndef RNNC_REPORT_BENCH_H
#define RNNC_REPORT_BENCH_H

#include "runtime/train/extents.h"
#include "runtime/train/machine.h"

// Makes a machine for |extents| as machine_create does; |update| NULL: without training. |g| outlives it.
typedef rnnc_status bench_make(void *self, graph *g, const char *pipeline, const update_options *update,
                               const int64_t *extents, diag_sink *d, machine *out_machine);

typedef struct bench_request {
    const source_unit *source;
    model_options options; // |training| is not looked at
    extent_wishes wishes;  // without a fallback
    bench_make *make;
    void *self;           // of |make|
    bool interpret;       // |make| does without kernels
    const char *pipeline; // NULL: the default
    int threads;
    int64_t runs; // of each phase; 0: nine or more, for a second
    uint64_t seed;
    bool json;
    const char *dashes; // what errors put before the names of options: "--" on the command line, else ""
} bench_request;

// Measures and appends the text. It takes seconds; numbers depend on what else the machine does.
rnnc_status bench_report(const bench_request *request, diag_sink *d, strbuf *out);

#endif
