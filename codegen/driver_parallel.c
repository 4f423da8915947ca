// Runs on several threads: what a call of a kernel has to do is shared out by the caller's own parallel loop,
//
//     parallel_for(user, count, task, context)   calls task(context, i) for 0 <= i < count, in any order, on any threads,
//                                                and returns when all have returned.
//
// One call after the other, so that the end of the loop is the barrier. Shares are cut as the executor cuts them, at
// multiples of a grain, so values do not depend on their number.
//
// A head, written anew for every call, says what the shares are of. Behind it every thread has a part for itself: the
// processor's mode, the kernel's pointers, scratch.
#include "codegen/driver.h"
#include "passes/cost.h"

// The head. Pointers have 8 bytes, which is as large as they get.
enum {
    HEAD_KERNEL = 0,
    HEAD_ARGS = 8,
    HEAD_INTS = 16,
    HEAD_ARG_COUNT = 24,
    HEAD_UNITS = 32,
    HEAD_GRAIN = 40,
    HEAD_SHARES = 48,
    HEAD_TURNS = 56 // from the last unit to the first
};

// Below this many nanoseconds, to wake threads takes longer than to do without.
enum { LEAST_COST = 20000, PER_NANOSECOND = 100 };

static int64_t scratch_bytes(const driver *w) {
    return w->layout.shares - w->layout.scratch;
}

static LLVMValueRef at(const driver *w, LLVMValueRef head, int64_t offset) {
    return l_offset(w->e, w->e->i8, head, offset);
}

static LLVMValueRef number(const driver *w, LLVMValueRef head, int64_t offset) {
    return l_load(w->e, w->e->i64, at(w, head, offset));
}

static LLVMValueRef pointer(const driver *w, LLVMValueRef head, int64_t offset) {
    return l_load(w->e, w->e->pointer, at(w, head, offset));
}

// ---- A share ----

// Units [*out_begin, *out_end) of share |index|.
static void cut(const driver *w, LLVMValueRef head, LLVMValueRef index, LLVMValueRef *out_begin,
                LLVMValueRef *out_end) {
    emitter *e = w->e;
    LLVMValueRef units = number(w, head, HEAD_UNITS), grain = number(w, head, HEAD_GRAIN), one = l_i64(e, 1);
    LLVMValueRef shares = number(w, head, HEAD_SHARES);
    LLVMValueRef blocks = l_quotient(e, l_sub(e, l_add(e, units, grain), one), grain);
    LLVMValueRef each = l_quotient(e, l_sub(e, l_add(e, blocks, shares), one), shares);
    each = l_mul(e, each, grain);
    *out_begin = l_min_i64(e, l_mul(e, index, each), units);
    *out_end = l_min_i64(e, l_add(e, *out_begin, each), units);
}

// The kernel's pointers, and behind them this thread's scratch.
static LLVMValueRef copy_args(const driver *w, LLVMValueRef head, LLVMValueRef own) {
    emitter *e = w->e;
    LLVMValueRef args = at(w, own, SHARE_ARGS), from = pointer(w, head, HEAD_ARGS);
    LLVMValueRef count = number(w, head, HEAD_ARG_COUNT);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), count, 1, NULL, 0);
    LLVMValueRef arg = l_load(e, e->pointer, l_at(e, e->pointer, from, loop.index));
    l_store(e, arg, l_at(e, e->pointer, args, loop.index));
    l_loop_end(&loop, NULL);
    l_store(e, at(w, own, ahead_share_scratch()), l_at(e, e->pointer, args, count));
    return args;
}

static void call_kernel(const driver *w, LLVMValueRef head, LLVMValueRef own, LLVMValueRef index) {
    emitter *e = w->e;
    LLVMValueRef begin, end;
    cut(w, head, index, &begin, &end);
    LLVMTypeRef types[] = {e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef values[] = {copy_args(w, head, own), pointer(w, head, HEAD_INTS), begin, end};
    LLVMTypeRef type = LLVMFunctionType(e->nothing, types, 4, false);
    LLVMValueRef turns = l_less(e, l_i64(e, 0), number(w, head, HEAD_TURNS));
    values[2] = l_select(e, turns, end, begin);
    values[3] = l_select(e, turns, begin, end);
    l_if branch;
    l_if_begin(e, &branch, l_less(e, begin, end));
    LLVMBuildCall2(e->builder, type, pointer(w, head, HEAD_KERNEL), values, 4, "");
    l_if_end(&branch);
}

void driver_emit_share(driver *w) {
    emitter *e = w->e;
    char name[DRIVER_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", w->r->name, w->r->trains ? "train.share" : "share");
    LLVMTypeRef types[] = {e->pointer, e->i32};
    w->share = l_function(e, name, types, 2, true);
    LLVMValueRef head = LLVMGetParam(w->share, 0);
    LLVMValueRef index = LLVMBuildZExt(e->builder, LLVMGetParam(w->share, 1), e->i64, "");
    LLVMValueRef step = l_i64(e, ahead_share_bytes(scratch_bytes(w)));
    LLVMValueRef own = l_at(e, e->i8, at(w, head, SHARE_HEAD), l_mul(e, index, step));
    // The mode is a thread's own.
    driver thread = *w;
    thread.arena = own;
    thread.layout.mode = SHARE_MODE;
    LLVMValueRef saved = driver_emit_flush(&thread);
    call_kernel(w, head, own, index);
    driver_emit_restore(&thread, saved);
    LLVMBuildRetVoid(e->builder);
}

// ---- Calls ----

// In hundredths of a nanosecond.
static LLVMValueRef scaled(const driver *w, double nanoseconds) {
    return l_i64(w->e, (int64_t)(nanoseconds * PER_NANOSECOND + 0.5));
}

static LLVMValueRef cost_of(const driver *w, const program_call *call) {
    emitter *e = w->e;
    const kernel_desc *k = &w->p->kernels.at[call->kernel];
    extent_term terms[KERNEL_MAX_INTS];
    call_int_terms(k, call, terms);
    LLVMValueRef rows = l_i64(e, 1), inner = driver_term(w, terms[KERNEL_INNER]);
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        rows = l_mul(e, rows, driver_term(w, terms[d]));
    }
    kernel_cost cost = kernel_estimate_cost(k);
    LLVMValueRef of_inner =
        l_add(e, scaled(w, cost.per_inner), l_mul(e, rows, scaled(w, cost.per_inner_row)));
    LLVMValueRef of_rows = l_add(e, scaled(w, cost.fixed), l_mul(e, rows, scaled(w, cost.per_row)));
    return l_add(e, of_rows, l_mul(e, inner, of_inner));
}

static void share_out(const driver *w, const program_call *call, LLVMValueRef *values, int64_t grain) {
    emitter *e = w->e;
    LLVMValueRef head = driver_arena(w, w->layout.shares), threads = w->parallel[0];
    l_store(e, w->kernels[call->kernel], at(w, head, HEAD_KERNEL));
    l_store(e, values[0], at(w, head, HEAD_ARGS));
    l_store(e, values[1], at(w, head, HEAD_INTS));
    l_store(e, l_i64(e, call->arg_count), at(w, head, HEAD_ARG_COUNT));
    // Of where the units begin and end, one is 0, and the other how many they are.
    l_store(e, l_add(e, values[2], values[3]), at(w, head, HEAD_UNITS));
    l_store(e, values[2], at(w, head, HEAD_TURNS));
    l_store(e, l_i64(e, grain), at(w, head, HEAD_GRAIN));
    l_store(e, LLVMBuildZExt(e->builder, threads, e->i64, ""), at(w, head, HEAD_SHARES));
    LLVMTypeRef types[] = {e->pointer, e->i32, e->pointer, e->pointer};
    LLVMValueRef given[] = {w->parallel[2], threads, w->share, head};
    LLVMTypeRef type = LLVMFunctionType(e->nothing, types, 4, false);
    LLVMBuildCall2(e->builder, type, w->parallel[1], given, 4, "");
}

void driver_emit_shared(const driver *w, const program_call *call, LLVMValueRef *values) {
    emitter *e = w->e;
    int64_t grain = w->p->kernels.at[call->kernel].flat ? 16 : 1;
    if (call->alone) {
        l_call(e, w->kernels[call->kernel], values, 4);
        return;
    }
    LLVMValueRef several = l_less(e, l_i64(e, grain), l_add(e, values[2], values[3]));
    LLVMValueRef dear = l_less(e, l_i64(e, (int64_t)LEAST_COST * PER_NANOSECOND), cost_of(w, call));
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntNE, w->parallel[0], l_int(e, e->i32, 1), "");
    several = LLVMBuildAnd(e->builder, several, LLVMBuildAnd(e->builder, dear, more, ""), "");
    l_if branch;
    l_if_begin(e, &branch, several);
    share_out(w, call, values, grain);
    l_if_else(&branch);
    l_call(e, w->kernels[call->kernel], values, 4);
    l_if_end(&branch);
}
