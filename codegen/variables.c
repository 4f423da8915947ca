#include "codegen/variables.h"

static LLVMBasicBlockRef add_block(emitter *e) {
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(e->builder));
    return LLVMAppendBasicBlockInContext(e->context, function, "");
}

LLVMValueRef l_variable(emitter *e, LLVMValueRef initial) {
    LLVMValueRef variable = LLVMBuildAlloca(e->builder, e->i32, "");
    l_set(e, variable, initial);
    return variable;
}

LLVMValueRef l_get(emitter *e, LLVMValueRef variable) {
    return LLVMBuildLoad2(e->builder, e->i32, variable, "");
}

void l_set(emitter *e, LLVMValueRef variable, LLVMValueRef value) {
    LLVMBuildStore(e->builder, value, variable);
}

void l_set_int(emitter *e, LLVMValueRef variable, int64_t value) {
    l_set(e, variable, l_i32(e, value));
}

void l_step(emitter *e, LLVMValueRef variable, int64_t value) {
    l_set(e, variable, l_add(e, l_get(e, variable), l_i32(e, value)));
}

void l_while_begin(emitter *e, l_while *loop) {
    *loop = (l_while){.e = e, .test = add_block(e)};
    LLVMBuildBr(e->builder, loop->test);
    LLVMPositionBuilderAtEnd(e->builder, loop->test);
}

void l_while_test(l_while *loop, LLVMValueRef condition) {
    emitter *e = loop->e;
    LLVMBasicBlockRef body = add_block(e);
    loop->after = add_block(e);
    LLVMBuildCondBr(e->builder, condition, body, loop->after);
    LLVMPositionBuilderAtEnd(e->builder, body);
}

void l_while_end(l_while *loop) {
    emitter *e = loop->e;
    LLVMBuildBr(e->builder, loop->test);
    LLVMMoveBasicBlockAfter(loop->after, LLVMGetInsertBlock(e->builder));
    LLVMPositionBuilderAtEnd(e->builder, loop->after);
}

LLVMValueRef l_i32(emitter *e, int64_t value) {
    return l_int(e, e->i32, value);
}

LLVMValueRef l_is(emitter *e, LLVMValueRef value, int64_t constant) {
    return LLVMBuildICmp(e->builder, LLVMIntEQ, value, l_int(e, LLVMTypeOf(value), constant), "");
}

LLVMValueRef l_within(emitter *e, LLVMValueRef value, int64_t from, int64_t to) {
    LLVMValueRef shifted = l_sub(e, value, l_i32(e, from));
    return LLVMBuildICmp(e->builder, LLVMIntULE, shifted, l_i32(e, to - from), "");
}

LLVMValueRef l_and(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAnd(e->builder, a, b, "");
}

LLVMValueRef l_or(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildOr(e->builder, a, b, "");
}

LLVMValueRef l_not(emitter *e, LLVMValueRef a) {
    return LLVMBuildNot(e->builder, a, "");
}

static LLVMValueRef wide(emitter *e, LLVMValueRef index) {
    return LLVMBuildZExt(e->builder, index, e->i64, "");
}

LLVMValueRef l_item(emitter *e, LLVMValueRef array, LLVMValueRef index) {
    return l_load(e, e->i32, l_at(e, e->i32, array, wide(e, index)));
}

LLVMValueRef l_byte(emitter *e, LLVMValueRef array, LLVMValueRef index) {
    LLVMValueRef byte = l_load(e, e->i8, l_at(e, e->i8, array, wide(e, index)));
    return LLVMBuildZExt(e->builder, byte, e->i32, "");
}
