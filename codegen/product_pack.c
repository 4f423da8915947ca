#include <stdio.h>

#include "codegen/chunk.h"
#include "codegen/product.h"

typedef struct packing {
    const product_panel *p;
    emitter *e;
    LLVMTypeRef type;
    LLVMValueRef column;  // the panel's first
    LLVMValueRef columns; // of a gate of B
    LLVMValueRef mask;    // of the vector being copied; NULL: by |active|
    unsigned active;
} packing;

// Finds out which lanes of vector |v| of a gate are columns.
static void choose_lanes(packing *s, unsigned v) {
    const product_panel *p = s->p;
    int64_t first = (int64_t)v * p->lanes, left = p->columns - first;
    s->active = left <= 0 ? 0 : left < p->lanes ? (unsigned)left : p->lanes;
    s->mask = NULL;
    if (p->any) {
        LLVMValueRef end = l_sub(s->e, s->columns, l_i64(s->e, first));
        s->mask = l_first_lanes(s->e, l_sub(s->e, end, s->column), p->lanes);
    }
}

static LLVMValueRef load_lanes(const packing *s, LLVMValueRef from) {
    if (s->mask) {
        chunk c = {l_i64(s->e, 0), s->p->lanes, s->p->lanes, s->mask};
        return chunk_load(s->e, &c, s->p->element, from);
    }
    return s->active ? chunk_load_part(s->e, s->type, s->active, from) : LLVMConstNull(s->type);
}

LLVMValueRef product_pack(const product_panel *p) {
    emitter *e = p->f->e;
    char name[128];
    snprintf(name, sizeof name, "pack.%s.%ux%u.gates%d.%d%s.%d", dtype_name((dtype)p->f->k->elem), p->lanes,
             p->vectors, p->gates, p->tiling.unit_columns, p->any ? ".any" : "", p->any ? 0 : p->columns);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) {
        return function;
    }
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->i64, e->pointer, e->i64, e->i64};
    function = l_function(e, name, parameters, 6, true);
    LLVMValueRef b = LLVMGetParam(function, 0), stride = LLVMGetParam(function, 1);
    packing s = {.p = p,
                 .e = e,
                 .type = l_vector_type(p->element, p->lanes),
                 .column = LLVMGetParam(function, 4),
                 .columns = LLVMGetParam(function, 5)};
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), LLVMGetParam(function, 2), 1, NULL, 0);
    LLVMValueRef from = l_at(e, p->element, b, l_mul(e, loop.index, stride));
    LLVMValueRef to =
        l_at(e, p->element, LLVMGetParam(function, 3), l_mul(e, loop.index, l_i64(e, product_width(p))));
    for (unsigned v = 0; v < p->vectors; v++) {
        choose_lanes(&s, v);
        for (int g = 0; g < p->gates; g++) {
            LLVMValueRef gate = l_at(e, p->element, from, l_mul(e, s.columns, l_i64(e, g)));
            LLVMValueRef value = load_lanes(&s, l_offset(e, p->element, gate, v * p->lanes));
            int64_t column = (int64_t)g * p->tiling.unit_columns + v * p->lanes;
            l_store(e, value, l_offset(e, p->element, to, column));
        }
    }
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}

// The elements [from, end) of a row that are fewer than a vector.
static void gather_rest(const product_panel *p, LLVMValueRef row, LLVMValueRef to, LLVMValueRef from,
                        LLVMValueRef end) {
    emitter *e = p->f->e;
    l_loop loop;
    if (!l_has_masks(e) || p->lanes == 1) {
        l_loop_begin(e, &loop, from, end, 1, NULL, 0);
        l_store(e, l_load(e, p->element, l_at(e, p->element, row, loop.index)),
                l_at(e, p->element, to, loop.index));
        l_loop_end(&loop, NULL);
        return;
    }
    l_if some;
    l_if_begin(e, &some, l_less(e, from, end));
    chunk c = {from, p->lanes, p->lanes, l_first_lanes(e, l_sub(e, end, from), p->lanes)};
    chunk_store(e, &c, chunk_load(e, &c, p->element, row), to);
    l_if_end(&some);
}

LLVMValueRef product_gather(const product_panel *p) {
    emitter *e = p->f->e;
    char name[128];
    snprintf(name, sizeof name, "gather.%s.%u", dtype_name((dtype)p->f->k->elem), p->lanes);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) {
        return function;
    }
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->i64, e->pointer, e->i64},
                type = l_vector_type(p->element, p->lanes);
    function = l_function(e, name, parameters, 5, true);
    LLVMValueRef rows = LLVMGetParam(function, 4), zero = l_i64(e, 0);
    LLVMValueRef whole = LLVMBuildAnd(e->builder, rows, l_i64(e, -(int64_t)p->lanes), "");
    l_loop inner, row;
    l_loop_begin_sure(e, &inner, zero, LLVMGetParam(function, 2), 1, NULL, 0);
    LLVMValueRef from =
        l_at(e, p->element, LLVMGetParam(function, 0), l_mul(e, inner.index, LLVMGetParam(function, 1)));
    LLVMValueRef to =
        l_at(e, p->element, LLVMGetParam(function, 3), l_mul(e, inner.index, l_i64(e, p->tiling.row_block)));
    l_loop_begin(e, &row, zero, whole, p->lanes, NULL, 0);
    l_store(e, l_load(e, type, l_at(e, p->element, from, row.index)), l_at(e, p->element, to, row.index));
    l_loop_end(&row, NULL);
    gather_rest(p, from, to, whole, rows);
    l_loop_end(&inner, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}
