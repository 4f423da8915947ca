// The rows of a block of A or B where inner indices count several dimensions of an array of the caller's (passes/kernel.h):
// run by run, each of rows at one distance.
#include <stdio.h>

#include "codegen/product.h"

enum { ARRAY, INTS, FROM, LENGTH, BLOCK, REST, MOST_ARGS = REST + 2 };

typedef struct run_copier {
    const product_panel *p;
    emitter *e;
    int operand;       // 0: A, 1: B
    int64_t width;     // elements from row to row of the block
    LLVMValueRef copy; // of rows at one distance
    unsigned count;    // parameters
    LLVMValueRef parameter[MOST_ARGS];
    LLVMValueRef stride[4]; // along the dimensions 1 to 3 of the inner index
    LLVMValueRef runs, run;
} run_copier;

static LLVMValueRef load_int(const run_copier *c, int index) {
    return l_load(c->e, c->e->i64, l_offset(c->e, c->e->i64, c->parameter[INTS], index));
}

// Rows of the array at one distance.
typedef struct row_run {
    LLVMValueRef offset; // of the first, in elements
    LLVMValueRef stride;
} row_run;

// Copies |length| rows to the block's row |to|.
static void copy_rows(const run_copier *c, row_run rows, LLVMValueRef length, LLVMValueRef to) {
    emitter *e = c->e;
    LLVMTypeRef element = c->p->element;
    LLVMValueRef block = l_at(e, element, c->parameter[BLOCK], l_mul(e, to, l_i64(e, c->width)));
    // Not l_at: where the rows of one k0 are moved, the others may lie apart from index 0.
    LLVMValueRef first = LLVMBuildGEP2(e->builder, element, c->parameter[ARRAY], &rows.offset, 1, "");
    LLVMValueRef args[MOST_ARGS] = {first, rows.stride, length, block};
    for (unsigned i = REST; i < c->count; i++) {
        args[i - 1] = c->parameter[i];
    }
    l_call(e, c->copy, args, c->count - 1);
}

// The rows of run |number|.
static row_run find_run(const run_copier *c, LLVMValueRef number) {
    emitter *e = c->e;
    LLVMValueRef outer = l_quotient(e, number, c->runs), inner = l_remainder(e, number, c->runs);
    LLVMValueRef offset = l_add(e, l_mul(e, outer, c->stride[1]), l_mul(e, inner, c->stride[2]));
    if (c->operand) {
        return (row_run){offset, c->stride[3]};
    }
    LLVMValueRef moved = load_int(c, KERNEL_MOVED);
    LLVMValueRef distance = LLVMBuildLShr(e->builder, moved, l_i64(e, 32), "");
    LLVMValueRef index = LLVMBuildAnd(e->builder, moved, l_i64(e, INT32_MAX), "");
    LLVMValueRef rows = l_mul(e, l_mul(e, inner, c->run), distance);
    LLVMValueRef is_moved = LLVMBuildAnd(e->builder, l_truth_i64(e, distance),
                                         LLVMBuildICmp(e->builder, LLVMIntEQ, outer, index, ""), "");
    return (row_run){l_select(e, is_moved, l_add(e, load_int(c, KERNEL_MOVE), rows), offset),
                     l_select(e, is_moved, distance, c->stride[3])};
}

static void copy_runs(const run_copier *c) {
    emitter *e = c->e;
    LLVMValueRef from = c->parameter[FROM], one = l_i64(e, 1), to = l_add(e, from, c->parameter[LENGTH]);
    LLVMValueRef last = l_quotient(e, l_sub(e, to, one), c->run);
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_quotient(e, from, c->run), l_add(e, last, one), 1, NULL, 0);
    LLVMValueRef first = l_mul(e, loop.index, c->run), end = l_min_i64(e, to, l_add(e, first, c->run));
    LLVMValueRef begin = l_select(e, l_less(e, first, from), from, first);
    row_run rows = find_run(c, loop.index);
    rows.offset = l_add(e, rows.offset, l_mul(e, l_sub(e, begin, first), rows.stride));
    copy_rows(c, rows, l_sub(e, end, begin), l_sub(e, begin, from));
    l_loop_end(&loop, NULL);
}

static void find_parameters(run_copier *c, LLVMValueRef function) {
    LLVMGetParams(function, c->parameter);
    for (int d = 1; d <= 3; d++) {
        c->stride[d] = load_int(c, KERNEL_STRIDES + 4 * c->operand + d);
    }
    c->runs = load_int(c, KERNEL_RUNS);
    c->run = load_int(c, KERNEL_RUN);
}

static LLVMValueRef emit_copier(run_copier *c) {
    emitter *e = c->e = c->p->f->e;
    char name[160];
    size_t length;
    snprintf(name, sizeof name, "%s.runs", LLVMGetValueName2(c->copy, &length));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) {
        return function;
    }
    LLVMTypeRef parameters[MOST_ARGS] = {e->pointer, e->pointer, e->i64, e->i64, e->pointer, e->i64, e->i64};
    function = l_function(e, name, parameters, c->count, true);
    find_parameters(c, function);
    l_if several;
    l_if_begin(e, &several, l_truth_i64(e, c->run));
    copy_runs(c);
    l_if_else(&several);
    row_run all = {l_mul(e, c->parameter[FROM], c->stride[3]), c->stride[3]};
    copy_rows(c, all, c->parameter[LENGTH], l_i64(e, 0));
    l_if_end(&several);
    LLVMBuildRetVoid(e->builder);
    return function;
}

LLVMValueRef product_copy_b(const product_panel *p) {
    run_copier c = {
        .p = p, .operand = 1, .width = product_width(p), .copy = product_pack(p), .count = REST + 2};
    return emit_copier(&c);
}

LLVMValueRef product_copy_a(const product_panel *p) {
    run_copier c = {.p = p, .width = p->tiling.row_block, .copy = product_gather(p), .count = REST + 1};
    return emit_copier(&c);
}
