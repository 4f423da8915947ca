#include "codegen/body.h"
#include "codegen/product.h"

static void emit_chunks(product_panel *p, body *b, LLVMValueRef column) {
    emitter *e = p->f->e;
    bool needed[KERNEL_MAX_INSTRS];
    kernel_pass_needs(b->k, b->phases, 0, needed);
    unsigned whole = (unsigned)p->columns / p->lanes * p->lanes, rest = (unsigned)p->columns - whole;
    if (whole) {
        l_loop loop;
        l_loop_begin(e, &loop, column, l_add(e, column, l_i64(e, whole)), p->lanes, NULL, 0);
        chunk c = {loop.index, p->lanes, p->lanes, NULL};
        body_chunk(b, &c, 0, needed);
        body_store_chunk(b, &c);
        l_loop_end(&loop, NULL);
    }
    if (rest) {
        chunk c = {l_add(e, column, l_i64(e, whole)), p->lanes, rest, NULL};
        body_chunk(b, &c, 0, needed);
        body_store_chunk(b, &c);
    }
}

// The first panel's unit performs the stores of a row's single values.
static void emit_one_stores(product_panel *p, body *b, LLVMValueRef column) {
    emitter *e = p->f->e;
    if (!body_has_one_stores(b)) {
        return;
    }
    l_if first;
    l_if_begin(e, &first, LLVMBuildICmp(e->builder, LLVMIntEQ, column, l_i64(e, 0), ""));
    body_store_ones(b);
    l_if_end(&first);
}

LLVMValueRef product_epilogue(product_panel *p) {
    frame *f = p->f;
    emitter *e = f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64, e->i64, e->pointer};
    LLVMValueRef function = l_function(e, "body", parameters, 6, true);
    f->args = LLVMGetParam(function, 0);
    f->ints = LLVMGetParam(function, 1);
    frame_load(f);
    LLVMValueRef first = LLVMGetParam(function, 2), column = LLVMGetParam(function, 4);
    frame_rows rows = frame_first_rows(f);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), LLVMGetParam(function, 3), 1, NULL, 0);
    if (f->k->dims) {
        rows = frame_move(f, &rows, 0, l_add(e, first, loop.index));
    }
    body b = {.e = e, .k = f->k, .phases = &f->phases, .product_column = column,
              .product_columns = p->tiling.unit_columns};
    b.product = l_at(e, p->element, LLVMGetParam(function, 5), l_mul(e, loop.index, l_i64(e, product_width(p))));
    for (uint32_t i = 0; i < f->k->arg_count; i++) {
        b.row[i] = rows.at[i];
    }
    body_ones(&b, 0);
    if (f->phases.passes) {
        emit_chunks(p, &b, column);
    }
    emit_one_stores(p, &b, column);
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}
