// The inside of a context, shared by context.c, bind.c and executor.c.
#ifndef RNNC_RUNTIME_CONTEXT_PARTS_H
#define RNNC_RUNTIME_CONTEXT_PARTS_H

#include "runtime/context.h"
#include "runtime/team.h"

// A call that takes less than this many nanoseconds is not worth sharing, unless the context is told otherwise: two
// threads would save half of that, and the barrier costs as much.
enum { SPLIT_COST = 1000, BARRIER_COST = SPLIT_COST / 2 };
// A member of a set that no thread is to run whole.
enum { NO_THREAD = -1 };

// Where an argument's first row is in iteration t: base + ((t + shift) & mask) * slot_bytes.
typedef struct bound_arg {
    char *base;
    int64_t shift, mask, slot_bytes;
} bound_arg;

// A call, bound to the arena, the inputs, the weights and the run's extents.
typedef struct bound_call {
    uint32_t kernel;
    uint32_t arg_count;
    bound_arg *args;
    int64_t *ints;
    int64_t *first_ints; // of a loop's first iteration: |ints|, or a copy with another inner length
    int64_t units;
    int64_t grain; // threads' shares begin at multiples of this
    int64_t cost;  // estimated nanoseconds of one thread
    int64_t share; // of that: what the thread with most of the units has to do if all threads share them
    bool alone;    // the caller's thread does all of it
} bound_call;

// What one thread needs for itself.
typedef struct context_member {
    void *scratch;
    void *args[KERNEL_MAX_ARGS + 1];
    double load; // while sets are bound: nanoseconds of the members that it has
} context_member;

struct context {
    const program *program;
    const kernel_code_set *code;
    weights *weights;
    team *team;
    char *arena;   // the program's, followed by the threads' scratch
    int64_t bytes; // of both
    context_member *members;
    void **inputs;
    int64_t *extents;
    bound_call *calls;
    bound_arg *args; // of all calls
    // By item of the program's body. A set: NO_THREAD if its calls are split like all others. A member of another set:
    // the thread that runs it.
    int *threads;
    int64_t *ints;
    call_time *times; // NULL: not timed
    bool timing;
    bool bound;          // |calls| fit the inputs and extents
    uint32_t first_half; // items of the body
    bool updates;        // runs change variables
    uint64_t prepared;   // version of the weights that |prepare| was run for
    int64_t split_cost;
    set_choice set_choice;
};

// Computes |calls| and the tables of extents and indices in the arena. Allocates nothing.
void context_bind(context *c);
// Decides how each set runs. Allocates nothing.
void context_bind_sets(context *c);
// Allocates |calls| and |threads|; checks that every place stays within the arena at the maxima.
rnnc_status context_bind_create(context *c, diag_sink *d);

// Where |p| is in memory with the context's inputs and extents.
bound_arg context_bind_place(const context *c, const program_place *p);

// Runs |items| on all threads. |threads|: by item, as in a context; NULL: there are no sets.
void execute(context *c, const program_item *items, uint32_t count, const int *threads);

#endif
