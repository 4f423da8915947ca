// The whole way from a graph to a program.
#ifndef RNNC_PASSES_COMPILE_H
#define RNNC_PASSES_COMPILE_H

#include "passes/outline.h"

typedef struct compile_options {
    // NULL: the default for training if there is an |update| or there are |gradients|, else for inference; of a graph with a
    // plan, what the plan lacks.
    const char *pipeline;
    plan *plan;                        // what has been planned for the graph already; NULL: nothing
    const pass_hooks *hooks;           // NULL: none
    const update_options *update;      // NULL: inference
    const gradient_options *gradients; // NULL: those of the loss for the weights
    int64_t maxima[MAX_AXES];          // by axis of the graph: the largest extent in a run
    int64_t unroll
        [MAX_AXES]; // by axis: the extent of every run, with a node per step; 0: rolled, as it should be. If
                    // any is given, the default pipelines have `unroll` in them, before `lower`
    target_shape shape;
} compile_options;

// Rewrites |g| by the pipeline. |*out_plan| is the plan that it then has, in its memory; NULL: none.
rnnc_status compile_passes(graph *g, const compile_options *options, diag_sink *d, plan **out_plan);
// The same, and makes the program of what is planned. |g| may be destroyed afterwards.
rnnc_status compile_graph(graph *g, const compile_options *options, diag_sink *d, program **out_program);

#endif
