// Sums, maxima and the like over a row's columns, by 16 interleaved lanes and a fixed tree, so that their
// bits are the same for every width of vectors. Maxima pass NaNs over; a log-sum-exp of a NaN is NaN.
#ifndef RNNC_CODEGEN_REDUCE_H
#define RNNC_CODEGEN_REDUCE_H

#include "codegen/body.h"

enum { REDUCTION_STATES = 2 };

// What one instruction folds in one pass. A log-sum-exp has two: its maximum, then the sum of powers.
typedef struct reduction {
    uint32_t instr;
    int kind;        // of reduce.c
    unsigned states; // vectors carried from chunk to chunk
    LLVMValueRef state[REDUCTION_STATES];
} reduction;

typedef struct reductions {
    unsigned count;
    reduction at[KERNEL_MAX_INSTRS];
} reductions;

// The reductions that read their operands in |pass|, with their states before the first column.
void reductions_begin(body *b, int pass, reductions *out_reductions);
// Takes chunk |c|, whose values are in |b|, into the states.
void reductions_step(body *b, const chunk *c, reductions *r);
// Joins the lanes: sets body.value of what is known now.
void reductions_end(body *b, reductions *r);

// The parts that folds over rows use too: the neutral element of a maximum, and base of the powers in a
// log-sum-exp.
LLVMValueRef reduce_lowest(emitter *e, LLVMTypeRef type);
// |maximum| where it is finite, else 0: ln(sum(e^(x - base))) + base then is right for infinities and NaN,
// too.
LLVMValueRef reduce_base(emitter *e, LLVMValueRef maximum);

#endif
