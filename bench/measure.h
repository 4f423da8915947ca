// What the programs of one source file share that measure through the library.
#ifndef RNNC_BENCH_MEASURE_H
#define RNNC_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "include/rnnc.h"

static rnnc_diagnostics *said;

// Ends the program unless |status| is RNNC_OK, with what was reported to |said|.
static inline void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fprintf(stderr, "%s: %s\n", rnnc_status_text(status), rnnc_diagnostics_text(said));
        exit(1);
    }
}

static inline int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
