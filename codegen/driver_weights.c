// Weights in the caller's memory: checked when an arena is made ready, and found there in a run. Those that training
// changes are copied into the arena instead.
#include <string.h>

#include "codegen/driver.h"

// Whether runs read the caller's memory.
static bool are_read_there(const driver *w) {
    return w->r->weights_apart && !w->used;
}

// ---- Checking ----

unsigned driver_weights_parameters(const driver *w, LLVMTypeRef out_types[3]) {
    out_types[0] = out_types[1] = w->e->pointer;
    out_types[2] = w->e->i64;
    return w->r->weights_apart ? 3 : 1;
}

static LLVMValueRef u64(emitter *e, uint64_t value) {
    return LLVMConstInt(e->i64, value, false);
}

static LLVMValueRef equal(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildICmp(e->builder, LLVMIntEQ, a, b, "");
}

static LLVMValueRef word_at(emitter *e, LLVMValueRef weights, int64_t word) {
    return l_load(e, e->i64, l_offset(e, e->i64, weights, word));
}

// As ahead_weights_sum, over the words behind the head.
static LLVMValueRef sum_of(emitter *e, LLVMValueRef weights, int64_t bytes) {
    LLVMValueRef sum = u64(e, AHEAD_SUM_BEGIN), words = l_i64(e, bytes / 8);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, AHEAD_ALIGN / 8), words, 1, &sum, 1);
    LLVMValueRef word = l_load(e, e->i64, l_at(e, e->i64, weights, loop.index));
    LLVMValueRef mixed = LLVMBuildXor(e->builder, loop.value[0], word, "");
    mixed = LLVMBuildMul(e->builder, mixed, u64(e, AHEAD_SUM_FACTOR), "");
    LLVMValueRef high = LLVMBuildLShr(e->builder, mixed, u64(e, AHEAD_SUM_SHIFT), "");
    mixed = LLVMBuildXor(e->builder, mixed, high, "");
    l_loop_end(&loop, &mixed);
    return loop.value[0];
}

// The head is looked at first: it says quickly that the weights are another model's.
static void check(const driver *w, LLVMValueRef weights, LLVMValueRef bytes) {
    emitter *e = w->e;
    const ahead_request *stored = ahead_stored(w->r);
    int64_t whole_bytes = ahead_weights_bytes(stored);
    uint64_t magic = 0, wanted = ahead_weights_sum(stored);
    for (int b = 0; b < 8; b++) {
        magic |= (uint64_t)(unsigned char)AHEAD_WEIGHTS_MAGIC[b] << 8 * b;
    }
    LLVMValueRef address = LLVMBuildPtrToInt(e->builder, weights, e->i64, "");
    LLVMValueRef rest = LLVMBuildAnd(e->builder, address, l_i64(e, AHEAD_ALIGN - 1), "");
    LLVMValueRef aligned = equal(e, rest, l_i64(e, 0));
    LLVMValueRef there = LLVMBuildIsNotNull(e->builder, weights, "");
    LLVMValueRef whole = equal(e, bytes, l_i64(e, whole_bytes));
    there = LLVMBuildAnd(e->builder, LLVMBuildAnd(e->builder, there, aligned, ""), whole, "");
    driver_require(w, there, AHEAD_BAD_WEIGHTS);
    LLVMValueRef known = equal(e, word_at(e, weights, 0), u64(e, magic));
    LLVMValueRef stated = equal(e, word_at(e, weights, 1), u64(e, wanted));
    driver_require(w, LLVMBuildAnd(e->builder, known, stated, ""), AHEAD_BAD_WEIGHTS);
    driver_require(w, equal(e, sum_of(e, weights, whole_bytes), u64(e, wanted)), AHEAD_BAD_WEIGHTS);
}

void driver_check_weights(const driver *w) {
    if (w->r->weights_apart) {
        check(w, LLVMGetParam(w->function, 1), LLVMGetParam(w->function, 2));
    }
}

// ---- Keeping and finding ----

void driver_keep_weights(const driver *w) {
    if (are_read_there(w)) {
        l_store(w->e, LLVMGetParam(w->function, 1), driver_arena(w, w->layout.weights));
    }
}

static void find(driver *w) {
    emitter *e = w->e;
    LLVMValueRef weights = l_load(e, e->pointer, driver_arena(w, w->layout.weights));
    driver_require_pointer(w, weights, AHEAD_BAD_WEIGHTS);
    for (uint32_t i = 0; i < w->r->block_count; i++) {
        w->blocks[i] = l_offset(e, e->i8, weights, ahead_weights_block(w->r, i));
    }
    for (uint32_t i = 0; i < w->p->variables.count; i++) {
        int64_t offset = ahead_weights_variable(w->r, i);
        w->variables[i] = offset < 0 ? NULL : l_offset(e, e->i8, weights, offset);
    }
}

void driver_find_weights(driver *w) {
    if (are_read_there(w)) {
        find(w);
    } else if (w->used && w->used->weights_apart) {
        driver_require(w, driver_has_begun(w), AHEAD_BAD_WEIGHTS);
    }
}
