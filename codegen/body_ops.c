#include "codegen/body_ops.h"

#include <assert.h>

#include "codegen/chunk.h"
#include "codegen/vmath.h"

static bool l_is_float(emitter *e, LLVMValueRef value) {
    LLVMTypeRef element = l_element(LLVMTypeOf(value));
    return element == e->f32 || element == e->f64;
}

static bool is_truth(emitter *e, LLVMValueRef value) {
    return l_element(LLVMTypeOf(value)) == e->i1;
}

LLVMValueRef l_number(emitter *e, LLVMValueRef value) {
    if (!is_truth(e, value)) {
        return value;
    }
    return LLVMBuildZExt(e->builder, value, l_vector_type(e->i32, l_lanes(LLVMTypeOf(value))), "");
}

// |value| != 0 as i1.
static LLVMValueRef l_truth(emitter *e, LLVMValueRef value) {
    if (is_truth(e, value)) {
        return value;
    }
    LLVMTypeRef type = LLVMTypeOf(value);
    return l_is_float(e, value) ? LLVMBuildFCmp(e->builder, LLVMRealUNE, value, l_float(e, type, 0), "")
                                : LLVMBuildICmp(e->builder, LLVMIntNE, value, l_int(e, type, 0), "");
}

static LLVMValueRef compare(emitter *e, LLVMRealPredicate real, LLVMIntPredicate integer, LLVMValueRef a,
                            LLVMValueRef b) {
    return l_is_float(e, a) ? LLVMBuildFCmp(e->builder, real, a, b, "")
                            : LLVMBuildICmp(e->builder, integer, a, b, "");
}

LLVMValueRef l_exceeds(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef above = compare(e, LLVMRealUGT, LLVMIntSGT, a, b);
    if (!l_is_float(e, a)) {
        return above;
    }
    LLVMValueRef number = LLVMBuildFCmp(e->builder, LLVMRealORD, b, b, "");
    return LLVMBuildAnd(e->builder, above, number, "");
}

// Of two i32 by an intrinsic that stops at the ends of the range.
static LLVMValueRef saturated(emitter *e, const char *intrinsic, LLVMValueRef a, LLVMValueRef b) {
    LLVMTypeRef type = LLVMTypeOf(a);
    return l_intrinsic(e, intrinsic, &type, 1, (LLVMValueRef[]){a, b}, 2);
}

LLVMValueRef l_sum(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return l_is_float(e, a) ? LLVMBuildFAdd(e->builder, a, b, "") : saturated(e, "llvm.sadd.sat", a, b);
}

// ---- Conversions ----

// Outside the range fptosi's result is poison, which the selects do not choose.
static LLVMValueRef float_to_int(emitter *e, LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value), to = l_vector_type(e->i32, l_lanes(type));
    LLVMValueRef cut = LLVMBuildFPToSI(e->builder, value, to, "");
    LLVMValueRef high = LLVMBuildFCmp(e->builder, LLVMRealOGE, value, l_float(e, type, 0x1p31), "");
    LLVMValueRef low = LLVMBuildFCmp(e->builder, LLVMRealOLE, value, l_float(e, type, -0x1p31), "");
    LLVMValueRef number = LLVMBuildFCmp(e->builder, LLVMRealORD, value, value, "");
    LLVMValueRef bounded = l_select(e, high, l_int(e, to, INT32_MAX), cut);
    bounded = l_select(e, low, l_int(e, to, INT32_MIN), bounded);
    return l_select(e, number, bounded, l_int(e, to, 0));
}

LLVMValueRef l_convert(emitter *e, LLVMValueRef value, dtype elem) {
    LLVMValueRef from = l_number(e, value);
    LLVMTypeRef type = LLVMTypeOf(from), to = l_vector_type(l_dtype(e, elem), l_lanes(type));
    if (type == to) {
        return from;
    }
    if (!l_is_float(e, from)) {
        return LLVMBuildSIToFP(e->builder, from, to, "");
    }
    if (elem == DT_I32) {
        return float_to_int(e, from);
    }
    return elem == DT_F64 ? LLVMBuildFPExt(e->builder, from, to, "")
                          : LLVMBuildFPTrunc(e->builder, from, to, "");
}

// ---- Ops ----

static LLVMValueRef negative(emitter *e, LLVMValueRef a) {
    return l_is_float(e, a) ? LLVMBuildFNeg(e->builder, a, "")
                            : saturated(e, "llvm.ssub.sat", LLVMConstNull(LLVMTypeOf(a)), a);
}

static LLVMValueRef emit_neg(emitter *e, const op_operands *o) {
    return negative(e, o->a);
}

static LLVMValueRef emit_exp(emitter *e, const op_operands *o) {
    return vmath_exp(e, o->a);
}

static LLVMValueRef emit_log(emitter *e, const op_operands *o) {
    return vmath_log(e, o->a);
}

static LLVMValueRef emit_tanh(emitter *e, const op_operands *o) {
    return vmath_tanh(e, o->a);
}

static LLVMValueRef emit_sigmoid(emitter *e, const op_operands *o) {
    return vmath_sigmoid(e, o->a);
}

static LLVMValueRef emit_erf(emitter *e, const op_operands *o) {
    return vmath_erf(e, o->a);
}

static LLVMValueRef emit_softplus(emitter *e, const op_operands *o) {
    return vmath_softplus(e, o->a);
}

static LLVMValueRef emit_sqrt(emitter *e, const op_operands *o) {
    LLVMTypeRef type = LLVMTypeOf(o->a);
    LLVMValueRef a = o->a;
    return l_intrinsic(e, "llvm.sqrt", &type, 1, &a, 1);
}

static LLVMValueRef emit_abs(emitter *e, const op_operands *o) {
    LLVMTypeRef type = LLVMTypeOf(o->a);
    LLVMValueRef a = o->a;
    if (l_is_float(e, a)) {
        return l_intrinsic(e, "llvm.fabs", &type, 1, &a, 1);
    }
    LLVMValueRef below = LLVMBuildICmp(e->builder, LLVMIntSLT, a, l_int(e, type, 0), "");
    return l_select(e, below, negative(e, a), a);
}

static LLVMValueRef emit_convert(emitter *e, const op_operands *o) {
    return l_convert(e, o->a, o->elem);
}

static LLVMValueRef emit_same(emitter *e, const op_operands *o) {
    (void)e;
    return o->a;
}

static LLVMValueRef emit_add(emitter *e, const op_operands *o) {
    return l_sum(e, o->a, o->b);
}

static LLVMValueRef emit_sub(emitter *e, const op_operands *o) {
    return l_is_float(e, o->a) ? LLVMBuildFSub(e->builder, o->a, o->b, "")
                               : saturated(e, "llvm.ssub.sat", o->a, o->b);
}

// A product or quotient of i32 in f64: there it is exact or beyond the range, quick in vectors, has an answer for 0,
// and the way back stops at the ends of the range.
static LLVMValueRef in_f64(emitter *e, LLVMOpcode op, const op_operands *o) {
    LLVMValueRef a = l_convert(e, o->a, DT_F64), b = l_convert(e, o->b, DT_F64);
    return l_convert(e, LLVMBuildBinOp(e->builder, op, a, b, ""), DT_I32);
}

static LLVMValueRef emit_mul(emitter *e, const op_operands *o) {
    return l_is_float(e, o->a) ? LLVMBuildFMul(e->builder, o->a, o->b, "") : in_f64(e, LLVMFMul, o);
}

static LLVMValueRef emit_div(emitter *e, const op_operands *o) {
    return l_is_float(e, o->a) ? LLVMBuildFDiv(e->builder, o->a, o->b, "") : in_f64(e, LLVMFDiv, o);
}

static LLVMValueRef emit_min(emitter *e, const op_operands *o) {
    return l_select(e, compare(e, LLVMRealOLT, LLVMIntSLT, o->a, o->b), o->a, o->b);
}

static LLVMValueRef emit_max(emitter *e, const op_operands *o) {
    return l_select(e, compare(e, LLVMRealOGT, LLVMIntSGT, o->a, o->b), o->a, o->b);
}

static LLVMValueRef emit_less(emitter *e, const op_operands *o) {
    return compare(e, LLVMRealOLT, LLVMIntSLT, o->a, o->b);
}

static LLVMValueRef emit_less_equal(emitter *e, const op_operands *o) {
    return compare(e, LLVMRealOLE, LLVMIntSLE, o->a, o->b);
}

static LLVMValueRef emit_equal(emitter *e, const op_operands *o) {
    return compare(e, LLVMRealOEQ, LLVMIntEQ, o->a, o->b);
}

static LLVMValueRef emit_select(emitter *e, const op_operands *o) {
    return l_select(e, l_truth(e, o->a), o->b, o->c);
}

static op_emitter *const emitters[OP_COUNT] = {
#define BODY_OP(id, name) [OP_##id] = emit_##name,
#include "codegen/body_ops.def"
#undef BODY_OP
};

// ORDER: every pointwise op of the op table has a row in body_ops.def, and no other.
enum {
    POINTWISE_OPS = 0
#define OP(id, mnemonic, operands, attributes, traits, ...) +(((traits) & POINTWISE) != 0)
#include "ir/ops.def"
#undef OP
    ,
    EMITTERS = 0
#define BODY_OP(id, name) +1
#include "codegen/body_ops.def"
#undef BODY_OP
};
static_assert((int)POINTWISE_OPS == (int)EMITTERS, "a pointwise op has no emitter");

// SELECT's first operand may stay a truth value, as may what is only passed on; others count with numbers.
static bool keeps_truth(op_id op) {
    return emitters[op] == emit_same || emitters[op] == emit_select;
}

LLVMValueRef emit_op(emitter *e, op_id op, const op_operands *o) {
    if ((unsigned)op >= OP_COUNT || !emitters[op]) {
        return NULL;
    }
    op_operands numbers = *o;
    if (!keeps_truth(op)) {
        numbers.a = l_number(e, o->a);
    }
    numbers.b = o->b ? l_number(e, o->b) : NULL;
    numbers.c = o->c ? l_number(e, o->c) : NULL;
    return emitters[op](e, &numbers);
}
