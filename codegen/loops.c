#include "codegen/loops.h"

#include <llvm-c/Target.h>
#include <string.h>

static void add_text_attribute(emitter *e, LLVMValueRef function, const char *key, const char *value) {
    LLVMAttributeRef attribute =
        LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

static const char *vector_width(const target_facts *target) {
    return target->vector_bytes == 64 ? "512" : target->vector_bytes == 32 ? "256" : "128";
}

// Without nounwind, code for some targets wants an unwinder; without no-builtins, loops become calls of
// memset and memcpy.
void l_add_attributes(emitter *e, LLVMValueRef function) {
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, nounwind, 0));
    add_text_attribute(e, function, "no-builtins", "");
    add_text_attribute(e, function, "target-cpu", e->target->cpu);
    add_text_attribute(e, function, "target-features", e->target->features);
    // Some processors' tuning keeps to half of their widest vectors.
    add_text_attribute(e, function, "prefer-vector-width", vector_width(e->target));
}

LLVMValueRef l_function(emitter *e, const char *name, LLVMTypeRef *parameters, unsigned count,
                        bool internal) {
    LLVMTypeRef type = LLVMFunctionType(e->nothing, parameters, count, false);
    LLVMValueRef function = LLVMAddFunction(e->module, name, type);
    if (internal) {
        LLVMSetLinkage(function, LLVMInternalLinkage);
    } else {
        LLVMSetVisibility(function, LLVMHiddenVisibility);
    }
    l_add_attributes(e, function);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, function, ""));
    return function;
}

void l_call(emitter *e, LLVMValueRef function, LLVMValueRef *args, unsigned count) {
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, count, "");
}

LLVMValueRef l_at(emitter *e, LLVMTypeRef element, LLVMValueRef array, LLVMValueRef index) {
    return LLVMBuildInBoundsGEP2(e->builder, element, array, &index, 1, "");
}

LLVMValueRef l_offset(emitter *e, LLVMTypeRef element, LLVMValueRef array, int64_t index) {
    return index ? l_at(e, element, array, l_i64(e, index)) : array;
}

static unsigned alignment_of(emitter *e, LLVMTypeRef type) {
    LLVMTypeRef element = l_element(type);
    if (element == e->pointer) {
        return LLVMABIAlignmentOfType(LLVMGetModuleDataLayout(e->module), element);
    }
    return element == e->f64 || element == e->i64 ? 8 : element == e->i8 ? 1 : 4;
}

LLVMValueRef l_load(emitter *e, LLVMTypeRef type, LLVMValueRef address) {
    LLVMValueRef value = LLVMBuildLoad2(e->builder, type, address, "");
    LLVMSetAlignment(value, alignment_of(e, type));
    return value;
}

void l_store(emitter *e, LLVMValueRef value, LLVMValueRef address) {
    LLVMSetAlignment(LLVMBuildStore(e->builder, value, address), alignment_of(e, LLVMTypeOf(value)));
}

static LLVMBasicBlockRef add_block(emitter *e) {
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(e->builder));
    return LLVMAppendBasicBlockInContext(e->context, function, "");
}

static void begin_body(l_loop *loop, LLVMValueRef from, const LLVMValueRef *initial) {
    emitter *e = loop->e;
    LLVMPositionBuilderAtEnd(e->builder, loop->body);
    loop->index = LLVMBuildPhi(e->builder, e->i64, "");
    LLVMAddIncoming(loop->index, &from, &loop->before, 1);
    for (unsigned i = 0; i < loop->carried; i++) {
        loop->initial[i] = initial[i];
        loop->value[i] = LLVMBuildPhi(e->builder, LLVMTypeOf(initial[i]), "");
        LLVMAddIncoming(loop->value[i], &loop->initial[i], &loop->before, 1);
    }
}

static void begin_loop(emitter *e, l_loop *loop, LLVMValueRef to, int64_t step, unsigned carried) {
    loop->e = e;
    loop->to = to;
    loop->step = l_i64(e, step);
    loop->carried = carried;
    loop->before = LLVMGetInsertBlock(e->builder);
    loop->body = add_block(e);
    loop->after = add_block(e);
}

// The test stands at the end of the body, behind a guard for loops of no turn.
void l_loop_begin(emitter *e, l_loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                  const LLVMValueRef *initial, unsigned carried) {
    loop->sure = LLVMIsConstant(from) && LLVMIsConstant(to) &&
                 LLVMConstIntGetSExtValue(from) < LLVMConstIntGetSExtValue(to);
    if (loop->sure) {
        l_loop_begin_sure(e, loop, from, to, step, initial, carried);
        return;
    }
    begin_loop(e, loop, to, step, carried);
    LLVMBuildCondBr(e->builder, l_less(e, from, to), loop->body, loop->after);
    begin_body(loop, from, initial);
}

void l_loop_begin_sure(emitter *e, l_loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                       const LLVMValueRef *initial, unsigned carried) {
    loop->sure = true;
    begin_loop(e, loop, to, step, carried);
    LLVMBuildBr(e->builder, loop->body);
    begin_body(loop, from, initial);
}

void l_loop_end(l_loop *loop, const LLVMValueRef *next) {
    emitter *e = loop->e;
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMValueRef index = l_add(e, loop->index, loop->step);
    LLVMAddIncoming(loop->index, &index, &last, 1);
    LLVMBuildCondBr(e->builder, l_less(e, index, loop->to), loop->body, loop->after);
    LLVMMoveBasicBlockAfter(loop->after, last);
    LLVMPositionBuilderAtEnd(e->builder, loop->after);
    for (unsigned i = 0; i < loop->carried; i++) {
        LLVMValueRef value = next[i];
        LLVMAddIncoming(loop->value[i], &value, &last, 1);
        if (loop->sure) {
            loop->value[i] = value;
            continue;
        }
        loop->value[i] = LLVMBuildPhi(e->builder, LLVMTypeOf(value), "");
        LLVMAddIncoming(loop->value[i], (LLVMValueRef[]){loop->initial[i], value},
                        (LLVMBasicBlockRef[]){loop->before, last}, 2);
    }
}

void l_if_begin(emitter *e, l_if *branch, LLVMValueRef condition) {
    LLVMBasicBlockRef then = add_block(e);
    *branch = (l_if){.e = e, .otherwise = add_block(e), .after = add_block(e)};
    LLVMBuildCondBr(e->builder, condition, then, branch->otherwise);
    LLVMPositionBuilderAtEnd(e->builder, then);
}

void l_if_else(l_if *branch) {
    emitter *e = branch->e;
    LLVMBuildBr(e->builder, branch->after);
    LLVMMoveBasicBlockAfter(branch->otherwise, LLVMGetInsertBlock(e->builder));
    LLVMPositionBuilderAtEnd(e->builder, branch->otherwise);
    branch->has_else = true;
}

void l_if_end(l_if *branch) {
    if (!branch->has_else) {
        l_if_else(branch);
    }
    emitter *e = branch->e;
    LLVMBuildBr(e->builder, branch->after);
    LLVMMoveBasicBlockAfter(branch->after, LLVMGetInsertBlock(e->builder));
    LLVMPositionBuilderAtEnd(e->builder, branch->after);
}

LLVMValueRef l_add(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAdd(e->builder, a, b, "");
}

LLVMValueRef l_sub(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSub(e->builder, a, b, "");
}

LLVMValueRef l_mul(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildMul(e->builder, a, b, "");
}

LLVMValueRef l_less(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildICmp(e->builder, LLVMIntSLT, a, b, "");
}

LLVMValueRef l_truth_i64(emitter *e, LLVMValueRef value) {
    return LLVMBuildICmp(e->builder, LLVMIntNE, value, l_i64(e, 0), "");
}

LLVMValueRef l_min_i64(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return l_select(e, l_less(e, a, b), a, b);
}

static LLVMValueRef divide(emitter *e, LLVMOpcode operation, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef small_a = LLVMBuildTrunc(e->builder, a, e->i32, "");
    LLVMValueRef small_b = LLVMBuildTrunc(e->builder, b, e->i32, "");
    return LLVMBuildZExt(e->builder, LLVMBuildBinOp(e->builder, operation, small_a, small_b, ""), e->i64, "");
}

LLVMValueRef l_quotient(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return divide(e, LLVMUDiv, a, b);
}

LLVMValueRef l_remainder(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return divide(e, LLVMURem, a, b);
}
