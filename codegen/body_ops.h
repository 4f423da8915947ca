// The element-wise ops as instructions: one row per op that may stand in a kernel's body.
#ifndef RNNC_CODEGEN_BODY_OPS_H
#define RNNC_CODEGEN_BODY_OPS_H

#include "codegen/emit.h"
#include "ir/graph.h"

// Operands are scalars, or vectors of the same number of lanes; a truth value may be i1 in registers.
typedef struct op_operands {
    LLVMValueRef a, b, c; // NULL: the op has fewer
    dtype elem;           // of the result
} op_operands;

typedef LLVMValueRef op_emitter(emitter *e, const op_operands *o);

// Emits pointwise op |op|; NULL if no body may hold it.
LLVMValueRef emit_op(emitter *e, op_id op, const op_operands *o);

// A truth value i1 as the i32 number that memory holds; any other value as it is.
LLVMValueRef l_number(emitter *e, LLVMValueRef value);
// Whether |a| takes the place of the largest so far, |b|: if it is greater, or the first NaN.
LLVMValueRef l_exceeds(emitter *e, LLVMValueRef a, LLVMValueRef b);
// a + b of floats, or of i32, which ends at the limits of the range.
LLVMValueRef l_sum(emitter *e, LLVMValueRef a, LLVMValueRef b);
// |value| as a number of type |elem|; to i32: cut towards zero, at the ends of the range where it is outside,
// 0 for NaN.
LLVMValueRef l_convert(emitter *e, LLVMValueRef value, dtype elem);

#endif
