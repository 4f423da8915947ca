// Variables and loops with a condition, for code that is more easily written so than with phis. LLVM's pass mem2reg makes
// values of the variables: without it they would lie on the stack.
#ifndef RNNC_CODEGEN_VARIABLES_H
#define RNNC_CODEGEN_VARIABLES_H

#include "codegen/loops.h"

// An i32. Made in a function's first block.
LLVMValueRef l_variable(emitter *e, LLVMValueRef initial);
LLVMValueRef l_get(emitter *e, LLVMValueRef variable);
void l_set(emitter *e, LLVMValueRef variable, LLVMValueRef value);
// The same with a constant, and variable += value.
void l_set_int(emitter *e, LLVMValueRef variable, int64_t value);
void l_step(emitter *e, LLVMValueRef variable, int64_t value);

// l_while_begin; the condition; l_while_test; the body; l_while_end.
typedef struct l_while {
    emitter *e;
    LLVMBasicBlockRef test, after;
} l_while;

void l_while_begin(emitter *e, l_while *loop);
void l_while_test(l_while *loop, LLVMValueRef condition);
void l_while_end(l_while *loop);

// i32 constants, comparisons of i32s with constants, and logic of i1s.
LLVMValueRef l_i32(emitter *e, int64_t value);
LLVMValueRef l_is(emitter *e, LLVMValueRef value, int64_t constant);
LLVMValueRef l_within(emitter *e, LLVMValueRef value, int64_t from,
                      int64_t to); // from <= value <= to, unsigned
LLVMValueRef l_and(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_or(emitter *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef l_not(emitter *e, LLVMValueRef a);
// Element |index| (i32, not negative) of an array of i32s, or of bytes as i32.
LLVMValueRef l_item(emitter *e, LLVMValueRef array, LLVMValueRef index);
LLVMValueRef l_byte(emitter *e, LLVMValueRef array, LLVMValueRef index);

#endif
