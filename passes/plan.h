// The plan: what becomes a kernel call, in which loop, in which order, and where every value lives.
//
// Made by fuse-pointwise for a lowered graph (passes/lower.c) and completed by schedule and plan-buffers. Nodes
// keep their ids throughout; side tables are indexed by them. At each stage a plan can be printed behind its graph
// and read back (passes/plan_text.h).
#ifndef RNNC_PASSES_PLAN_H
#define RNNC_PASSES_PLAN_H

#include "passes/kernel.h"

#define NO_GROUP UINT32_MAX
#define NO_LOOP UINT32_MAX

// A recurrence, or what was sunk into it: the steps of |axis| in order of |direction|.
typedef struct plan_loop {
    int axis;
    int direction;
} plan_loop;

// Nodes that one kernel call computes together.
typedef struct plan_group {
    kernel_kind kind;
    uint32_t loop;  // NO_LOOP: over all indices at once
    axis_set axes;  // of its rows, without the loop's axis
    uint8_t rank;   // 2: over the elements of matrices
    int32_t dim[2]; // rank 1: columns in dim[0]; rank 2: the matrices' shape
    node_id root;   // PRODUCT, FOLD and the ops with kernels of their own; else NO_NODE
    int32_t gates;  // PRODUCT: the root's columns are gates * dim[0]
    node_id
        boundary; // a delay node: the group copies its boundary into the delayed value's block; else NO_NODE
    bool prepare; // reads variables only: run when they have changed
    bool merged;  // its nodes have moved to another group; of no group that fuse-pointwise leaves
    VEC(node_id) nodes; // ascending in the order of evaluation
} plan_group;

// The block of memory that a value is in.
typedef struct plan_block {
    node_id owner;        // computed node, concat, stack or pack
    uint32_t loop;        // NO_LOOP: it outlives steps; else local to a step of that loop
    int slot_axis;        // the axis of its slots, if it has extra ones or is written in a loop; else NO_AXIS
    uint8_t front, back;  // extra slots before and after those of the axis: boundaries
    int64_t bytes;        // for the maxima
    int64_t offset;       // in the arena
    uint32_t first, last; // ticks of the schedule, one a call in order, from and to which it is live
} plan_block;

// A call, a loop or a set. Sets hold calls and loops, loops hold calls. The members of a set (calls, loops with their
// bodies) do not depend on one another, and threads may run them side by side.
typedef struct plan_item {
    uint32_t loop; // the loop that starts here, or NO_LOOP
    uint32_t
        length;     // loop: the groups of its body, which follow; set: the items of all members, which follow
    uint32_t group; // without a loop: the call; NO_GROUP: a set
} plan_item;

static inline bool plan_is_set(const plan_item *item) {
    return item->loop == NO_LOOP && item->group == NO_GROUP;
}

// How far a plan has come: what the passes have done so far.
typedef enum plan_stage {
    PLAN_NONE,    // there is no plan
    PLAN_GROUPED, // fuse-pointwise: loops and groups
    PLAN_ORDERED, // schedule: items
    PLAN_PLACED,  // plan-buffers: blocks
} plan_stage;

typedef struct plan {
    arena *memory;
    plan_stage stage;
    target_shape shape;       // that it is for
    int64_t maxima[MAX_AXES]; // extents that it is for, the largest of any run
    VEC(plan_loop) loops;
    VEC(plan_group) groups;
    VEC(plan_item) items; // by schedule
    VEC(plan_item) prepare;
    VEC(plan_block) blocks; // by plan-buffers
    uint32_t *loop_of;      // by node
    uint32_t *group_of;     // by node; NO_GROUP: leaves and views
    node_id *whole_of;      // by node: the concat or stack it is computed into, or NO_NODE
    uint32_t *block_of;     // by node: the block it owns, or UINT32_MAX
    bool *stored;           // by node: something reads it through memory
    int64_t arena_bytes, live_bytes;
} plan;

// A plan for |g|, in its memory, without loops and groups. |maxima|: by axis; of fixed axes unused.
plan *plan_create(graph *g, target_shape shape, const int64_t *maxima);
// Undoes plan-buffers.
void plan_forget_blocks(plan *p, uint32_t nodes);

// Where a value is found: the node that owns its block (or an input or variable), and how to get there.
typedef struct value_place {
    node_id owner;
    int32_t column; // first column in the owner's rows
    int slot_axis;  // NO_AXIS: as the owner
    int32_t shift;  // slots from the index of the loop (or from index 0 outside)
    int part;       // what the reader's rows or loop call the slot axis: a part of it; 0: nothing else
    bool pinned;    // one index only: number |shift|, whatever the loop
    bool from_end;  // |shift| counts from the extent of the axis: -1 is the last index
} value_place;

// Follows views down to the owner. A part of a concat or stack is found in the whole.
value_place plan_locate(const graph *g, const plan *p, node_id n);
// A node that group |x| computes, or whose boundary it copies.
node_id plan_group_node(const plan *p, uint32_t x);
// Calls |visit| for every group whose results node |n|'s reader (in loop |loop|) waits for when it reads |n|.
typedef void plan_visitor(void *user, uint32_t group);
void plan_visit_sources(const graph *g, const plan *p, node_id n, uint32_t loop, plan_visitor *visit,
                        void *user);

#endif
