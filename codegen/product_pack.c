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
    snprintf(name, sizeof name, "pack.%s.%ux%u.gates%d.%d%s.%d", dtype_name((dtype)p->f->k->elem), p->lanes, p->vectors,
             p->gates, p->tiling.unit_columns, p->any ? ".any" : "", p->any ? 0 : p->columns);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) {
        return function;
    }
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->i64, e->pointer, e->i64, e->i64};
    function = l_function(e, name, parameters, 6, true);
    LLVMValueRef b = LLVMGetParam(function, 0), stride = LLVMGetParam(function, 1);
    packing s = {.p = p, .e = e, .type = l_vector_type(p->element, p->lanes), .column = LLVMGetParam(function, 4),
                 .columns = LLVMGetParam(function, 5)};
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), LLVMGetParam(function, 2), 1, NULL, 0);
    LLVMValueRef from = l_at(e, p->element, b, l_mul(e, loop.index, stride));
    LLVMValueRef to = l_at(e, p->element, LLVMGetParam(function, 3),
                           l_mul(e, loop.index, l_i64(e, product_width(p))));
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
