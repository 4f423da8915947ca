// The inside of a context, shared by context.c, bind.c and executor.c.
#ifndef RNNC_RUNTIME_CONTEXT_PARTS_H
#define RNNC_RUNTIME_CONTEXT_PARTS_H

#include "runtime/context.h"
#include "runtime/team.h"

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
    int64_t cost;  // estimated nanoseconds
    bool alone;    // the caller's thread does all of it
} bound_call;

// What one thread needs for itself.
typedef struct context_member {
    void *scratch;
    void *args[KERNEL_MAX_ARGS + 1];
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
    int64_t *ints;
    call_time *times; // NULL: not timed
    bool timing;
    bool bound;        // |calls| fit the inputs and extents
    bool updates;      // runs change variables
    uint64_t prepared; // version of the weights that |prepare| was run for
    int64_t split_cost;
};

// Computes |calls| and the tables of extents and indices in the arena. Allocates nothing.
void context_bind(context *c);
// Allocates |calls|; checks that every place stays within the arena at the maxima.
rnnc_status context_bind_create(context *c, diag_sink *d);

// Where |p| is in memory with the context's inputs and extents.
bound_arg context_bind_place(const context *c, const program_place *p);

// Runs |items| on all threads.
void execute(context *c, const program_item *items, uint32_t count);

#endif
