#include "codegen/reduce.h"

#include <math.h>

#include "codegen/body_ops.h"
#include "codegen/vmath.h"

enum { KIND_SUM, KIND_MAXIMUM, KIND_ARGMAX, KIND_POWERS };

LLVMValueRef reduce_lowest(emitter *e, LLVMTypeRef type) {
    return l_element(type) == e->i32 ? l_int(e, type, INT32_MIN) : l_float(e, type, -INFINITY);
}

LLVMValueRef reduce_base(emitter *e, LLVMValueRef maximum) {
    LLVMTypeRef type = LLVMTypeOf(maximum);
    LLVMValueRef zero = l_float(e, type, 0), limit = l_float(e, type, INFINITY);
    LLVMValueRef below = LLVMBuildFCmp(e->builder, LLVMRealOLT, maximum, limit, "");
    LLVMValueRef above =
        LLVMBuildFCmp(e->builder, LLVMRealOGT, maximum, LLVMBuildFNeg(e->builder, limit, ""), "");
    return l_select(e, LLVMBuildAnd(e->builder, below, above, ""), maximum, zero);
}

// ---- Steps: a chunk into the lanes ----

static void step_sum(body *b, const chunk *c, reduction *r, LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    r->state[0] = l_sum(b->e, r->state[0], chunk_mask(b->e, c, value, LLVMConstNull(type)));
}

static void step_maximum(body *b, const chunk *c, reduction *r, LLVMValueRef value) {
    LLVMValueRef v = chunk_mask(b->e, c, value, reduce_lowest(b->e, LLVMTypeOf(value)));
    r->state[0] = l_select(b->e, l_exceeds(b->e, v, r->state[0]), v, r->state[0]);
}

// Columns ascend, so of equal values a lane keeps the first; so it does of NaNs.
static void step_argmax(body *b, const chunk *c, reduction *r, LLVMValueRef value) {
    LLVMValueRef v = chunk_mask(b->e, c, value, reduce_lowest(b->e, LLVMTypeOf(value)));
    LLVMValueRef exceeds = l_exceeds(b->e, v, r->state[0]);
    r->state[0] = l_select(b->e, exceeds, v, r->state[0]);
    r->state[1] = l_select(b->e, exceeds, chunk_columns(b->e, c), r->state[1]);
}

// The maximum of a log-sum-exp is its value until the powers have been summed.
static void step_powers(body *b, const chunk *c, reduction *r, LLVMValueRef value) {
    LLVMValueRef base = l_splat(b->e, reduce_base(b->e, b->value[r->instr]), c->lanes);
    LLVMValueRef power = vmath_exp(b->e, LLVMBuildFSub(b->e->builder, value, base, ""));
    step_sum(b, c, r, power);
}

// ---- Ends: the lanes into one ----

// Halves |value|: its upper half goes to |out_upper|.
static LLVMValueRef halve(emitter *e, LLVMValueRef value, LLVMValueRef *out_upper) {
    unsigned half = l_lanes(LLVMTypeOf(value)) / 2;
    *out_upper = l_lanes_of(e, value, half, half);
    return l_lanes_of(e, value, 0, half);
}

static LLVMValueRef join_sum(emitter *e, LLVMValueRef lanes) {
    while (l_lanes(LLVMTypeOf(lanes)) > 1) {
        LLVMValueRef upper, lower = halve(e, lanes, &upper);
        lanes = l_sum(e, lower, upper);
    }
    return lanes;
}

static LLVMValueRef end_sum(body *b, reduction *r) {
    return join_sum(b->e, r->state[0]);
}

static LLVMValueRef end_maximum(body *b, reduction *r) {
    LLVMValueRef lanes = r->state[0];
    while (l_lanes(LLVMTypeOf(lanes)) > 1) {
        LLVMValueRef upper, lower = halve(b->e, lanes, &upper);
        lanes = l_select(b->e, l_exceeds(b->e, upper, lower), upper, lower);
    }
    return lanes;
}

static LLVMValueRef end_argmax(body *b, reduction *r) {
    emitter *e = b->e;
    LLVMValueRef value = r->state[0], column = r->state[1];
    while (l_lanes(LLVMTypeOf(value)) > 1) {
        LLVMValueRef upper, upper_column;
        LLVMValueRef lower = halve(e, value, &upper), lower_column = halve(e, column, &upper_column);
        // Of equal values the one in the earlier column: neither exceeds the other, and the column before.
        LLVMValueRef equal = LLVMBuildNot(e->builder, l_exceeds(e, lower, upper), "");
        LLVMValueRef before = LLVMBuildICmp(e->builder, LLVMIntSLT, upper_column, lower_column, "");
        LLVMValueRef take = LLVMBuildOr(e->builder, l_exceeds(e, upper, lower),
                                        LLVMBuildAnd(e->builder, equal, before, ""), "");
        value = l_select(e, take, upper, lower);
        column = l_select(e, take, upper_column, lower_column);
    }
    return column;
}

static LLVMValueRef end_powers(body *b, reduction *r) {
    LLVMValueRef base = reduce_base(b->e, b->value[r->instr]);
    return LLVMBuildFAdd(b->e->builder, base, vmath_log(b->e, end_sum(b, r)), "");
}

// ---- Kinds ----

typedef struct reduction_kind {
    unsigned states;
    void (*step)(body *b, const chunk *c, reduction *r, LLVMValueRef value);
    LLVMValueRef (*end)(body *b, reduction *r);
} reduction_kind;

static const reduction_kind kinds[] = {
    [KIND_SUM] = {1, step_sum, end_sum},
    [KIND_MAXIMUM] = {1, step_maximum, end_maximum},
    [KIND_ARGMAX] = {2, step_argmax, end_argmax},
    [KIND_POWERS] = {1, step_powers, end_powers},
};

// The kind of instruction |i| in its first pass (0) or second (1).
static int kind_of(const kernel_desc *k, uint32_t i, int turn) {
    switch (k->instrs[i].code) {
    case OP_SUM: return KIND_SUM;
    case OP_ARGMAX: return KIND_ARGMAX;
    case OP_LSE: return turn ? KIND_POWERS : KIND_MAXIMUM;
    default: return KIND_MAXIMUM;
    }
}

static reduction start(body *b, uint32_t i, int kind) {
    const kernel_instr *in = &b->k->instrs[i];
    LLVMTypeRef element = l_dtype(b->e, (dtype)b->k->instrs[in->a].elem);
    LLVMTypeRef type = l_vector_type(element, REDUCTION_LANES);
    reduction r = {.instr = i, .kind = kind, .states = kinds[kind].states};
    bool zero = kind == KIND_SUM || kind == KIND_POWERS;
    r.state[0] = zero ? LLVMConstNull(type) : reduce_lowest(b->e, type);
    r.state[1] = LLVMConstNull(l_vector_type(b->e->i32, REDUCTION_LANES));
    return r;
}

void reductions_begin(body *b, int pass, reductions *out_reductions) {
    out_reductions->count = 0;
    for (uint32_t i = 0; i < b->k->instr_count; i++) {
        if (!kernel_reduces(b->k, i)) {
            continue;
        }
        int turn = pass - kernel_reduction_pass(b->k, b->phases, i);
        if (turn == 0 || (turn == 1 && b->k->instrs[i].code == OP_LSE)) {
            out_reductions->at[out_reductions->count++] = start(b, i, kind_of(b->k, i, turn));
        }
    }
}

void reductions_step(body *b, const chunk *c, reductions *r) {
    for (unsigned i = 0; i < r->count; i++) {
        reduction *at = &r->at[i];
        kinds[at->kind].step(b, c, at, body_value(b, c, b->k->instrs[at->instr].a));
    }
}

void reductions_end(body *b, reductions *r) {
    for (unsigned i = 0; i < r->count; i++) {
        b->value[r->at[i].instr] = kinds[r->at[i].kind].end(b, &r->at[i]);
    }
}
