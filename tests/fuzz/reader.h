// What the fuzz targets of readers of files have in common.
#ifndef RNNC_TESTS_FUZZ_READER_H
#define RNNC_TESTS_FUZZ_READER_H

#include <math.h>

#include "runtime/data/tensor.h"
#include "support/diag.h"

// Success is silent, failure has one message.
static inline void fuzz_check_reader(rnnc_status status, const diag_sink *d) {
    if ((status == RNNC_OK) != (d->error_count == 0) || d->error_count > 1) {
        __builtin_trap();
    }
}

// Whether all elements are numbers; reads each of them.
static inline bool fuzz_is_finite(const array *a) {
    bool finite = true;
    for (int64_t i = 0; i < array_count(a); i++) {
        finite &= isfinite(array_to_double(a, i)) != 0;
    }
    return finite;
}

#endif
