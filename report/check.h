// What a model is: signature, parameters, loss, recipe, and the memory of a training step.
#ifndef RNNC_REPORT_CHECK_H
#define RNNC_REPORT_CHECK_H

#include "runtime/train/extents.h"
#include "runtime/train/machine.h"

typedef struct check_request {
    const source_unit *source;
    model_options options; // |training| is not looked at
    extent_wishes wishes;  // without a fallback
    // Whose registers a training step is laid out for, with which passes, and for how many threads; |update| and |maxima|
    // are not looked at. What print_after asks for has its place in the text if |printed| is the buffer of that.
    machine_options how;
    bool json; // the numbers alone
} check_request;

// Appends the text, as far as it got where there is an error; warnings go to |d|, which knows the source's files.
rnnc_status check_report(const check_request *request, diag_sink *d, strbuf *out);

#endif
