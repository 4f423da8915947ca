// Passes over graphs: the registry, the text of pipelines, and the runner with its hooks.
#ifndef RNNC_PASSES_PASS_H
#define RNNC_PASSES_PASS_H

#include "ir/graph.h"
#include "passes/gradients.h"
#include "passes/plan.h"
#include "passes/update.h"
#include "support/strbuf.h"

typedef struct pass_counts {
    uint64_t rewrites;
} pass_counts;

// What a pass may see beside the graph. One per run of a pipeline; not shared between threads.
typedef struct pass_context {
    diag_sink *d;
    arena *scratch;                    // emptied after each pass
    const update_options *update;      // NULL: nothing is trained
    const gradient_options *gradients; // NULL: those of the loss for the weights
    target_shape shape;
    int64_t maxima[MAX_AXES]; // the largest extent of each axis in a run; fixed axes: unused
    int64_t unroll[MAX_AXES]; // the extent to which `unroll` unrolls each sequence axis; 0: it stays rolled
    plan *plan;               // made by fuse-pointwise, filled by the passes after it; in the graph's arena
    bool differentiated;      // `differentiate` ran in this pipeline
    pass_counts *counts;      // of this pass
    int64_t rewrites_left;    // --bisect-limit: passes stop rewriting at 0; negative: no limit
} pass_context;

// True if one more rewrite is allowed, and counts it. Every optional rewrite asks first.
bool pass_may_rewrite(pass_context *cx);

typedef rnnc_status pass_function(graph *g, pass_context *cx);

typedef struct pass_info {
    const char *name;
    pass_function *run;
    bool optional;    // left out, results stay the same
    plan_stage needs; // NONE: rewrites the graph, so no plan may have been made for it
    plan_stage leaves;
    const char *description; // one line
} pass_info;

// The registry, ended by a NULL name.
const pass_info *pass_registry(void);
const pass_info *pass_find(const char *name);

// The default pipelines as text. Training ends in updated variables; inference has no gradients.
extern const char pass_pipeline_training[];
extern const char pass_pipeline_inference[];

// Whether a pass is named in a pipeline's text.
bool pass_pipeline_has(const char *pipeline, const char *name);

// What happens around passes. All optional.
typedef struct pass_hooks {
    bool verify_each;
    const char *print_after; // a pass's name, or "all"
    const char *dump_folder; // numbered files, "03.fuse-gates.ir"
    strbuf *printed;         // receives what print_after asks for
    strbuf *timings;         // receives a line per pass: name, milliseconds, nodes before and after
    strbuf *statistics;      // receives a line per pass: name, rewrites, nodes before and after
    int64_t bisect_limit;    // negative: none
} pass_hooks;

// Whether |name| (NULL: none) can be what |print_after| says; an error begins with |option|.
rnnc_status pass_check_printed(const char *name, const char *option, diag_sink *d);

// Runs |pipeline| ("simplify, fuse-gates, …"). Unknown names are reported before anything runs. Without memory
// (RNNC_OUT_OF_MEMORY) |g| can only be destroyed.
rnnc_status pass_run_pipeline(graph *g, pass_context *cx, const char *pipeline, const pass_hooks *hooks);

#define PASS(id, ...) rnnc_status pass_##id(graph *g, pass_context *cx);
#include "passes/passes.def"
#undef PASS

#endif
