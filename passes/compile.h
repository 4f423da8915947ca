// The whole way from a graph to a program.
#ifndef RNNC_PASSES_COMPILE_H
#define RNNC_PASSES_COMPILE_H

#include "passes/outline.h"

typedef struct compile_options {
    const char *pipeline;         // NULL: the default for training if |update| is given, else for inference
    const pass_hooks *hooks;      // NULL: none
    const update_options *update; // NULL: inference
    int64_t maxima[MAX_AXES];     // by axis of the graph: the largest extent in a run
    int64_t unroll
        [MAX_AXES]; // by axis: the extent of every run, with a node per step; 0: rolled, as it should be. If
                    // any is given, the default pipelines have `unroll` in them, before `lower`
    target_shape shape;
} compile_options;

// Rewrites |g| by the pipeline and makes its program. |g| may be destroyed afterwards. With |out_program| NULL the
// passes are run and no program is made (for looking at graphs between passes).
rnnc_status compile_graph(graph *g, const compile_options *options, diag_sink *d, program **out_program);

#endif
