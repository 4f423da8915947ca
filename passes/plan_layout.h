// Offsets in the arena for the blocks of a plan.
#ifndef RNNC_PASSES_PLAN_LAYOUT_H
#define RNNC_PASSES_PLAN_LAYOUT_H

#include "passes/plan.h"

// What a tick of the schedule is a part of, in ticks. Outside of sets: itself alone, both times.
typedef struct plan_moment {
    uint32_t set_first, set_last;
    uint32_t member_first, member_last; // the member of the set
} plan_moment;

// Whether one member of a set (outside of sets: one call) is all that uses |block|.
bool plan_is_of_one_member(const plan_moment *moments, const plan_block *block);

// Gives |p|'s blocks, whose bytes and ticks are known, their offsets; sets the arena's size and the largest sum of
// live bytes. |moments|: one for each of |ticks| ticks, and one for the end of the run.
void plan_lay_out(plan *p, const plan_moment *moments, uint32_t ticks, arena *scratch);

#endif
