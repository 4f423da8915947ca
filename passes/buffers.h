// The blocks that a plan needs. plan-buffers chooses which of them share memory, and where they lie; what is read from
// text is held against the same blocks.
#ifndef RNNC_PASSES_BUFFERS_H
#define RNNC_PASSES_BUFFERS_H

#include "passes/plan_layout.h"
#include "support/diag.h"

typedef struct buffering {
    const graph *g;
    plan *p;
    diag_sink *d;
    bool *stored;                    // by node: read through memory
    bool *across;                    // by owner: read at another index of its loop, or outside of it
    uint32_t *tick;                  // by group
    uint32_t *loop_begin, *loop_end; // by loop: its ticks
    uint32_t ticks;
    plan_moment *moments; // by tick, and one for the end of the run
} buffering;

// Counts the calls of an ordered plan: fills |tick|, |loop_begin|, |loop_end|, |ticks| and |moments|.
void buffers_count_ticks(const graph *g, plan *p, arena *scratch, buffering *out_buffering);
// Gives an ordered plan a block for every value that needs memory, each its own, without offsets. Memory: |scratch|.
rnnc_status buffers_find(const graph *g, plan *p, arena *scratch, diag_sink *d, buffering *out_buffering);
// Whether |r| can be written over |o|, an operand of its group, which is read there for the last time.
bool buffers_can_overwrite(const buffering *b, node_id o, node_id r);
// Puts |r| into |o|'s block, and its own block out of use (0 bytes).
void buffers_overwrite(buffering *b, node_id o, node_id r);
// Numbers the blocks in use anew, in their order.
void buffers_drop_shared(buffering *b, arena *scratch);

#endif
