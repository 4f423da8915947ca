// Functions, counted loops and branches, written as control flow with phis, so that the code needs no pass
// that would find values in memory.
#ifndef RNNC_CODEGEN_LOOPS_H
#define RNNC_CODEGEN_LOOPS_H

#include "codegen/emit.h"

enum { LOOP_MAX_CARRIED = 64 };

// Adds a function that returns nothing, with the attributes that all our code has, and sets the builder at
// its begin. |internal|: callable from this module only.
LLVMValueRef l_function(emitter *e, const char *name, LLVMTypeRef *parameters, unsigned count, bool internal);
// Gives |function| the attributes that all our code has.
void l_add_attributes(emitter *e, LLVMValueRef function);
// Calls |function|, made by l_function with these parameter types.
void l_call(emitter *e, LLVMValueRef function, LLVMValueRef *args, unsigned count);

// The address of element |index| (i64) of an array of |element|s.
LLVMValueRef l_at(emitter *e, LLVMTypeRef element, LLVMValueRef array, LLVMValueRef index);
// The address |index| elements of |element| behind |array|; a constant index.
LLVMValueRef l_offset(emitter *e, LLVMTypeRef element, LLVMValueRef array, int64_t index);
// Loads and stores of any value, aligned as its elements are.
LLVMValueRef l_load(emitter *e, LLVMTypeRef type, LLVMValueRef address);
void l_store(emitter *e, LLVMValueRef value, LLVMValueRef address);

// for (index = from; index < to; index += step), with |carried| values that each turn replaces.
typedef struct l_loop {
    emitter *e;
    LLVMValueRef index; // i64, in the body
    LLVMValueRef to, step;
    unsigned carried;
    LLVMValueRef value[LOOP_MAX_CARRIED]; // in the body; after l_loop_end: what they are in the end
    LLVMValueRef initial[LOOP_MAX_CARRIED];
    LLVMBasicBlockRef before, body, after;
    bool sure;
} l_loop;

// Puts the builder into the body. |initial|: the carried values before the first turn; |step| is positive.
void l_loop_begin(emitter *e, l_loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                  const LLVMValueRef *initial, unsigned carried);
// The same for a loop of at least one turn.
void l_loop_begin_sure(emitter *e, l_loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                       const LLVMValueRef *initial, unsigned carried);
// Ends the body, |next| being the carried values for the next turn, and puts the builder behind the loop.
void l_loop_end(l_loop *loop, const LLVMValueRef *next);

// if (condition) { … } else { … }: l_if_begin puts the builder into the first part, l_if_else into the
// second, l_if_end behind both.
typedef struct l_if {
    emitter *e;
    LLVMBasicBlockRef otherwise, after;
    bool has_else;
} l_if;

void l_if_begin(emitter *e, l_if *branch, LLVMValueRef condition);
void l_if_else(l_if *branch);
void l_if_end(l_if *branch);

// Arithmetic on i64 values; sums and products of constants are folded.
LLVMValueRef l_add(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_sub(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_mul(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_min_i64(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_less(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_truth_i64(emitter *e, LLVMValueRef value); // value != 0
// Quotient and remainder of small numbers (below 2^31, not negative) as i64: 64-bit division is slow, and a
// library call on some targets.
LLVMValueRef l_quotient(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_remainder(emitter *e, LLVMValueRef a, LLVMValueRef b);

#endif
