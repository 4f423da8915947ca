// What the compiler says of its work besides what passes say: the lines of --stats and --time-passes.
#ifndef RNNC_REPORT_LISTING_H
#define RNNC_REPORT_LISTING_H

#include "codegen/backend.h"
#include "passes/program.h"

// Sizes of a program, and what the cache of kernels did for |c|; NULL: no machine code was made.
void listing_add_statistics(const program *p, const codegen *c, strbuf *out);
// How long the machine code took, and with the passes.
void listing_add_times(double code_milliseconds, double compile_milliseconds, strbuf *out);

#endif
