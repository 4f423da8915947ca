#include "codegen/chunk.h"
#include "codegen/product.h"

// Columns in use of vector |v| of a gate.
static unsigned active_lanes(const product_panel *p, unsigned v) {
    unsigned left = (unsigned)p->columns - v * p->lanes;
    return left < p->lanes ? left : p->lanes;
}

LLVMValueRef product_pack(product_panel *p) {
    emitter *e = p->f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->i64, e->pointer};
    LLVMValueRef function = l_function(e, "pack", parameters, 4, true);
    LLVMValueRef b = LLVMGetParam(function, 0), stride = LLVMGetParam(function, 1);
    LLVMTypeRef type = l_vector_type(p->element, p->lanes);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), LLVMGetParam(function, 2), 1, NULL, 0);
    LLVMValueRef from = l_at(e, p->element, b, l_mul(e, loop.index, stride));
    LLVMValueRef to = l_at(e, p->element, LLVMGetParam(function, 3),
                           l_mul(e, loop.index, l_i64(e, product_width(p))));
    for (int g = 0; g < p->gates; g++) {
        for (unsigned v = 0; v < p->vectors; v++) {
            LLVMValueRef at = l_offset(e, p->element, from, (int64_t)g * p->f->k->columns + v * p->lanes);
            LLVMValueRef value = chunk_load_part(e, type, active_lanes(p, v), at);
            l_store(e, value, l_offset(e, p->element, to, (int64_t)g * p->tiling.unit_columns + v * p->lanes));
        }
    }
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}
