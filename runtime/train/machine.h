// A graph made ready to run: rewritten by passes, then interpreted or compiled.
#ifndef RNNC_RUNTIME_TRAIN_MACHINE_H
#define RNNC_RUNTIME_TRAIN_MACHINE_H

#include "frontend/model.h"
#include "passes/compile.h"
#include "runtime/engine.h"

typedef struct machine_options {
    const kernel_backend *backend; // NULL: the reference interpreter
    int threads;
    const char *pipeline;         // NULL: the default
    const pass_hooks *hooks;      // NULL: none
    const update_options *update; // NULL: nothing is trained
    int64_t maxima[MAX_AXES];     // by axis: the largest extent in a run
    bool unroll;                  // compiled: a node per step, and all runs as long as the maxima
} machine_options;

typedef struct machine {
    program *program; // NULL: interpreted
    engine *engine;
    const graph_variable *variables; // as many and in the order of the engine's weights
    uint32_t variable_count;
} machine;

// The pipelines of graphs that are interpreted as they are.
extern const char machine_interpreted_training[], machine_interpreted_gradients[],
    machine_interpreted_inference[];

// Rewrites |g|, which must outlive the machine, as must the backend. Variables are zeros, but for optimisers'
// memory, which is as their first step needs it.
rnnc_status machine_create(graph *g, const machine_options *options, diag_sink *d, machine *out_machine);
void machine_destroy(machine *m);

// The extents of all sequence axes of |g|, 0 for the others: what compile_options.unroll takes.
void unrolled_extents(const graph *g, const int64_t *extents, int64_t *out_unroll);

// The optimisers' memory as before the first step.
rnnc_status machine_reset_slots(machine *m, diag_sink *d);

// What a recipe says of updates. Its rules are in |memory|; patterns stay the recipe's.
update_options recipe_update(const recipe *r, arena *memory);

// First values of all weights by the model's and the recipe's initialisers (|r| may be NULL), and the optimisers' memory as
// before the first step.
rnnc_status recipe_begin_weights(const recipe *r, weights *w, uint64_t seed, diag_sink *d);

// Whether |m| can be trained: an error if it has no recipe or no loss.
rnnc_status model_check_trained(const model *m, diag_sink *d);

// Takes from |g| all outputs but those for which |keep| is true.
typedef bool output_filter(const graph_output *output, const void *user);
void graph_keep_outputs(graph *g, output_filter *keep, const void *user);

// Leaves what training and evaluation look at: the loss, the metrics and the states.
void graph_keep_measured(graph *g);

#endif
