// outline: from a planned graph to a program. Every group becomes a kernel and a call; equal kernels are one.
#ifndef RNNC_PASSES_OUTLINE_H
#define RNNC_PASSES_OUTLINE_H

#include "passes/pass.h"
#include "passes/program.h"

// Makes the program of |g| by its plan, for the target and the extents that this is for. The graph may go afterwards.
// The program's memory comes from where the graph's does.
rnnc_status program_create(const graph *g, const plan *planned, diag_sink *d, program **out_program);
// What goes into a graph and comes out of it, as a program of no kernels: axes with |maxima|, variables, and the inputs and
// outputs in the order of the engine that interprets |g| (runtime/engine.h).
rnnc_status program_create_signature(const graph *g, const int64_t *maxima, diag_sink *d,
                                     program **out_program);

#endif
