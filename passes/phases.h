// How a body's instructions are spread over passes through a row's columns. A reduction over the columns is
// known after a whole pass; what depends on it needs another. Shared by codegen/, which writes the passes,
// and by kernel_scratch_bytes, which makes room for what one pass keeps for the next.
#ifndef RNNC_PASSES_PHASES_H
#define RNNC_PASSES_PHASES_H

#include "passes/kernel.h"

typedef struct kernel_phases {
    int passes; // through the columns: 0 if nothing is FULL
    int slots;  // rows of values kept in scratch, each of |columns| rounded up to 16 elements of 8 bytes
    // FULL as the body is run: with one column all values are ONE, and whatever reads a FULL value without
    // reducing it is FULL.
    uint8_t full[KERNEL_MAX_INSTRS];
    // FULL: the first pass that can compute it; ONE: how many passes must be over before it is known.
    int16_t pass[KERNEL_MAX_INSTRS];
    // FULL and dear to compute, but needed in several passes: kept in this slot by pass |pass| for the later
    // ones; -1: computed again in each pass.
    int16_t slot[KERNEL_MAX_INSTRS];
} kernel_phases;

void kernel_phases_find(const kernel_desc *k, kernel_phases *out_phases);

// Whether instruction |i| folds the columns of its operand into one value.
bool kernel_reduces(const kernel_desc *k, uint32_t i);
// The pass in which a reduction reads its operand; a log-sum-exp reads it in the next pass too.
int kernel_reduction_pass(const kernel_desc *k, const kernel_phases *phases, uint32_t i);

// Sets needed[i] for the FULL instructions that pass |pass| must have values of, and clears the others:
// operands of its reductions; in the last pass what is stored (all FULL stores happen there, so that results
// may lie where operands lay); and what those are computed from, unless it comes from a slot.
void kernel_pass_needs(const kernel_desc *k, const kernel_phases *phases, int pass, bool *needed);
// The same for a single value |root| of a body without reductions.
void kernel_value_needs(const kernel_desc *k, const kernel_phases *phases, uint32_t root, bool *needed);

#endif
