// Offsets in the arena for the blocks of a plan.
#ifndef RNNC_PASSES_PLAN_LAYOUT_H
#define RNNC_PASSES_PLAN_LAYOUT_H

#include "passes/plan.h"

enum { PLAN_ALIGNMENT = 64 }; // of a block's offset

// What a tick of the schedule is a part of, in ticks. Outside of sets: itself alone, both times.
typedef struct plan_moment {
    uint32_t set_first, set_last;
    uint32_t member_first, member_last; // the member of the set
} plan_moment;

// Whether one member of a set (outside of sets: one call) is all that uses |block|.
bool plan_is_of_one_member(const plan_moment *moments, const plan_block *block);

// Whether two blocks are live at one time.
bool plan_live_together(const plan_moment *moments, const plan_block *x, const plan_block *y);
// The largest sum of bytes live at one time, the peaks of a set's members coming together: no arena for this schedule
// can be smaller.
int64_t plan_live_sum(const plan *p, const plan_moment *moments, uint32_t ticks, arena *scratch);
// The bytes that a block takes up.
int64_t plan_rounded(int64_t bytes);

// Gives |p|'s blocks, whose bytes and ticks are known, their offsets; sets the arena's size and the largest sum of
// live bytes. |moments|: one for each of |ticks| ticks, and one for the end of the run.
void plan_lay_out(plan *p, const plan_moment *moments, uint32_t ticks, arena *scratch);

#endif
