// The compiled form before machine code: kernels, and the loops and calls that run them over one arena.
// Made from a planned graph by program_create; immutable afterwards, shared freely between threads.
#ifndef RNNC_PASSES_PROGRAM_H
#define RNNC_PASSES_PROGRAM_H

#include "passes/kernel.h"

typedef enum place_base {
    PLACE_ARENA,    // byte offset in the context's arena
    PLACE_INPUT,    // the caller's array for input number |index|
    PLACE_VARIABLE, // the storage of variable number |index| (row-major, as in the graph)
} place_base;

// Where an argument's rows are. The byte address of its first row in iteration t of the enclosing loop (t = 0
// outside loops) is
//     base + offset + slot(t) * slot_bytes + first_column * element bytes,
// slot_bytes being the bytes of one member along |slot_axis| in this run (the product of the run's other extents
// in |axes|, times |columns|, times the element's bytes), and slot(t) = t + shift, or (t + shift) mod |modulus|
// where modulus is not 0, or, with |pinned|, shift (whatever t). With |from_end| the extent of slot_axis is added.
// Without slot_axis: 0. With |spans| (which goes with |pinned|) the call's rows run along slot_axis too, beginning
// at that slot. Rows know it by the name of |part|, if that is not 0, and go as far as that part of it does.
typedef struct program_place {
    place_base base;
    uint32_t index;
    int64_t offset; // bytes
    dtype elem;
    int32_t columns; // row length of the array in elements
    int32_t first_column;
    axis_set axes; // axes of the array (with slot_axis)
    int slot_axis; // NO_AXIS, or an axis that the call picks one member of
    int32_t shift;
    int32_t modulus; // 0 or a power of two
    int part;        // an axis that is a part of slot_axis, or 0
    bool from_end;
    bool pinned;
    bool spans;
} program_place;

typedef struct program_call {
    uint32_t kernel;
    uint32_t arg_count;
    program_place *args;
    // Row dimension d of the kernel runs over the axes row_axes[d] jointly (their extents multiplied; an empty
    // set with row_extents[d] > 0: that fixed extent). Strides of an argument along it: 0 where the argument
    // lacks these axes, else the elements per index of the innermost of them in the argument's layout.
    axis_set row_axes[KERNEL_MAX_DIMS];
    int64_t row_extents[KERNEL_MAX_DIMS];
    // PRODUCT: inner length: fixed, or the product of the extents of |inner_axes|; a_stride etc. follow from the
    // places: a matmul's A has row stride = columns of its place and k stride 1; an outer's A has row stride 1
    // and k stride = columns of its place.
    int64_t inner;
    axis_set inner_axes;
    // In a loop, iteration first (in the loop's direction) of the run: 1: the product is known to be of zeros,
    // so the inner length is 0 there.
    bool skip_inner_first;
    bool alone; // one thread does the whole call
} program_call;

typedef enum program_item_kind { ITEM_CALL, ITEM_LOOP, ITEM_SET } program_item_kind;

// A loop's body is the |length| items after it. Loops do not nest (a body holds calls only).
// A set's members are the |length| items after it: calls, and loops with their bodies. None writes what another
// reads or writes, so they may run in any order and side by side. Sets do not nest.
typedef struct program_item {
    program_item_kind kind;
    uint32_t call;   // ITEM_CALL
    int axis;        // ITEM_LOOP
    int direction;   // +1: 0 … extent-1, -1: extent-1 … 0
    uint32_t length; // ITEM_LOOP, ITEM_SET
} program_item;

typedef struct program_value {
    const char *name;
    const char *
        role; // inputs: "data", "target", "state", "lengths", "setting", "gradient"; outputs: "value", "loss", "state", "metric"
    value_type type;
    program_place place; // outputs: where the value is after a run (slot_axis NO_AXIS, or pinned)
    // Inputs of tokens: below which those must be that are not behind their row's length; 0: not known. No part of the
    // program's text.
    int64_t limit;
} program_value;

typedef struct program_axis {
    const char *name;
    axis_kind kind;
    int64_t maximum; // of a run; a fixed axis's extent
    int64_t fixed;   // > 0: every run has this extent (fixed axes, fully unrolled sequences)
    // Values the context keeps for the kernels, filled at the start of a run: arena offsets, -1 if not needed.
    int64_t index_offset;               // i32 0, 1, … maximum-1
    int64_t extent_offset[DTYPE_COUNT]; // the run's extent as f32, f64
    axis_part part;                     // AXIS_IS_PART: its extent follows from another's
} program_axis;

typedef struct program {
    arena memory;
    const char *name; // the model's; NULL: none
    dtype real;       // the model's float type
    target_shape shape;
    VEC(program_axis) axes;
    VEC(graph_variable) variables;
    VEC(program_value) inputs;
    VEC(program_value) outputs;
    VEC(kernel_desc) kernels;
    VEC(program_call) calls;
    // Three lists of items: |prepare| reads variables only (packing) and is run after they change; |body| is a
    // run; both in order. A training program has prepare work inside body, as its own update changes variables.
    VEC(program_item) prepare;
    VEC(program_item) body;
    int64_t arena_bytes; // for the maxima
    int64_t
        settings_offset;  // arena offset of i32[4]: seed low, seed high, step low, step high; -1: not needed
    int64_t live_bytes;   // the largest sum of live bytes over the schedule (`--stats`)
    uint32_t copies;      // calls that only move data, outside loops
    uint32_t loop_copies; // the same inside loops
} program;

// A program of nothing, whose memory comes from |from|; NULL without any.
program *program_new(const allocator *from);
void program_destroy(program *p);
// Copies the axes of |g|, with a maximum of 1 each, and its variables into |p|, which has none yet.
void program_declare(program *p, const graph *g);
// Computes the extents of all parts from those of the other axes. Fails, with a report, if one of these is too short.
rnnc_status program_bind_parts(const program *p, int64_t *extents, diag_sink *d);
// How many items of the body come before the first that reads a given gradient (passes/gradients.h): all, if none does.
// Outputs that depend on none are computed by them.
uint32_t program_first_half(const program *p);
// Whether |v| is a given gradient (of an output, as an input), or one that is wanted (of an input, as an output).
bool program_is_gradient(const program_value *v);
// The smallest extent of |axis| in a run: 1, or what the bounds of its parts need.
int64_t program_least_extent(const program *p, int axis);
// The axis whose lengths of rows |v| has, an input called "T.lengths"; NO_AXIS if it is something else.
int program_lengths_axis(const program *p, const program_value *v);
// As text, which can be read back (passes/program_text.h).
void program_print(const program *p, strbuf *out);

#endif
