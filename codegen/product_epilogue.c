#include <stdio.h>

#include "codegen/body.h"
#include "codegen/product.h"
#include "codegen/symbol.h"

static void emit_chunk(body *b, const chunk *c, const bool *needed) {
    body_chunk(b, c, 0, needed);
    body_store_chunk(b, c);
}

// The columns from |column| to |end| (i64), whole chunks but for a mask where the row's last may be a part.
static void emit_loop(const product_panel *p, body *b, LLVMValueRef column, LLVMValueRef end,
                      const bool *needed) {
    emitter *e = p->f->e;
    l_loop loop;
    l_loop_begin_sure(e, &loop, column, end, p->lanes, NULL, 0);
    chunk c = {loop.index, p->lanes, p->lanes, NULL};
    if (p->any && p->f->k->columns % (int)p->lanes) {
        c.mask = l_first_lanes(e, l_sub(e, l_i64(e, p->f->k->columns), loop.index), p->lanes);
    }
    emit_chunk(b, &c, needed);
    l_loop_end(&loop, NULL);
}

static void emit_chunks(const product_panel *p, body *b, LLVMValueRef column) {
    emitter *e = p->f->e;
    bool needed[KERNEL_MAX_INSTRS];
    kernel_pass_needs(b->k, b->phases, 0, needed);
    unsigned rest = p->any ? 0 : (unsigned)p->columns % p->lanes, whole = (unsigned)p->columns - rest;
    LLVMValueRef end = l_add(e, column, l_i64(e, whole));
    if (p->any) {
        end = l_min_i64(e, end, l_i64(e, p->f->k->columns));
    }
    if (whole == p->lanes && (!p->any || p->f->k->columns % (int)p->lanes == 0)) {
        emit_chunk(b, &(chunk){column, p->lanes, p->lanes, NULL}, needed);
    } else if (whole == p->lanes) {
        LLVMValueRef left = l_sub(e, l_i64(e, p->f->k->columns), column);
        emit_chunk(b, &(chunk){column, p->lanes, p->lanes, l_first_lanes(e, left, p->lanes)}, needed);
    } else if (whole) {
        emit_loop(p, b, column, end, needed);
    }
    if (rest) {
        emit_chunk(b, &(chunk){l_add(e, column, l_i64(e, whole)), p->lanes, rest, NULL}, needed);
    }
}

// The first panel's unit performs the stores of a row's single values.
static void emit_one_stores(const product_panel *p, body *b, LLVMValueRef column) {
    emitter *e = p->f->e;
    if (!body_has_one_stores(b)) {
        return;
    }
    l_if first;
    l_if_begin(e, &first, LLVMBuildICmp(e->builder, LLVMIntEQ, column, l_i64(e, 0), ""));
    body_store_ones(b);
    l_if_end(&first);
}

LLVMValueRef product_epilogue(const product_panel *p) {
    frame *f = p->f;
    emitter *e = f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64, e->i64, e->pointer};
    char
        name[KERNEL_SYMBOL_SIZE + sizeof ".body"]; // by which a profiler tells it from those of other kernels
    snprintf(name, sizeof name, "%s.body", f->symbol);
    LLVMValueRef function = l_function(e, name, parameters, 6, true);
    f->args = LLVMGetParam(function, 0);
    f->ints = LLVMGetParam(function, 1);
    frame_load(f);
    LLVMValueRef first = LLVMGetParam(function, 2), column = LLVMGetParam(function, 4);
    frame_rows rows = frame_first_rows(f);
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), LLVMGetParam(function, 3), 1, NULL, 0);
    if (f->k->dims) {
        rows = frame_move(f, &rows, 0, l_add(e, first, loop.index));
    }
    body b = {.e = e,
              .k = f->k,
              .phases = &f->phases,
              .product_column = column,
              .product_columns = p->tiling.unit_columns};
    b.product =
        l_at(e, p->element, LLVMGetParam(function, 5), l_mul(e, loop.index, l_i64(e, product_width(p))));
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
