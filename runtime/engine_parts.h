// The inside of an engine: what its two kinds share, and the table of what they do differently.
#ifndef RNNC_RUNTIME_ENGINE_PARTS_H
#define RNNC_RUNTIME_ENGINE_PARTS_H

#include "runtime/engine.h"

// An input or output, its elements for the extents of now.
typedef struct engine_slot {
    engine_value info;
    void *data;        // inputs: what the caller fills; outputs: a copy, where one is needed
    const void *given; // inputs: the caller's own array, in place of |data|; else NULL
    bool strided;      // that has these |strides|, by axis
    int64_t strides[MAX_AXES];
    int64_t capacity; // elements that |data| has room for
    int64_t limit;    // i32 inputs: values must be in [0, limit); 0: not known
} engine_slot;

typedef struct engine_kind {
    rnnc_status (*set_extents)(engine *e, diag_sink *d);
    rnnc_status (*run)(engine *e, uint64_t seed, uint64_t step, diag_sink *d);
    const void *(*output)(engine *e, uint32_t index);
    // The first |count| elements of output |index|.
    void (*doubles)(engine *e, uint32_t index, int64_t count, double *out_values);
    void (*destroy)(engine *e);
} engine_kind;

struct engine {
    const engine_kind *kind;
    uint32_t axis_count;
    const char *axis_names[MAX_AXES];
    axis_part parts[MAX_AXES]; // |of| 0: the axis is none
    int64_t extents[MAX_AXES];
    engine_slot *inputs, *outputs;
    uint32_t input_count, output_count;
    weights *weights;
    bool owns_weights;
    allocator memory; // of the engine, its lists and arrays
    // A compiled program's.
    const program *program;
    const kernel_backend *backend;
    kernel_code_set code;
    context *context;
    // An interpreter's.
    const graph *graph;
    interpreter *interpreter;
};

// Elements of a value for the extents of now.
int64_t engine_slot_count(const engine *e, const engine_slot *s);
// Makes room for |count| elements, zeroed, 64-byte aligned.
rnnc_status engine_slot_reserve(const engine *e, engine_slot *s, int64_t count, diag_sink *d);

// Finds out, for each token input of a program, how many values its tokens may have.
void engine_find_limits(engine *e);
// Checks all inputs with a limit.
rnnc_status engine_check_tokens(const engine *e, diag_sink *d);

#endif
