#include "codegen/frame.h"

#include <string.h>

#include "codegen/chunk.h"

void frame_begin(frame *f) {
    emitter *e = f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef function = l_function(e, f->symbol, parameters, 4, false);
    f->args = LLVMGetParam(function, 0);
    f->ints = LLVMGetParam(function, 1);
    f->begin = LLVMGetParam(function, 2);
    f->end = LLVMGetParam(function, 3);
    frame_load(f);
}

LLVMValueRef frame_int(frame *f, int index) {
    return l_load(f->e, f->e->i64, l_offset(f->e, f->e->i64, f->ints, index));
}

void frame_load(frame *f) {
    const kernel_desc *k = f->k;
    memset(f->stride, 0, sizeof f->stride);
    for (int d = 0; d < k->dims; d++) {
        f->extent[d] = frame_int(f, d);
    }
    for (uint32_t i = 0; i <= k->arg_count; i++) {
        f->arg[i] = l_load(f->e, f->e->pointer, l_offset(f->e, f->e->pointer, f->args, i));
    }
    for (uint32_t i = 0; i < k->arg_count; i++) {
        for (int d = 0; d < k->dims && !k->args[i].uniform; d++) {
            f->stride[i][d] = frame_int(f, KERNEL_STRIDES + 4 * (int)i + d);
        }
    }
}

frame_rows frame_first_rows(const frame *f) {
    frame_rows rows;
    memcpy(rows.at, f->arg, sizeof rows.at);
    return rows;
}

frame_rows frame_move(frame *f, const frame_rows *rows, int d, LLVMValueRef index) {
    frame_rows moved = *rows;
    for (uint32_t i = 0; i < f->k->arg_count; i++) {
        if (f->stride[i][d]) {
            LLVMTypeRef element = l_dtype(f->e, (dtype)f->k->args[i].elem);
            moved.at[i] = l_at(f->e, element, rows->at[i], l_mul(f->e, index, f->stride[i][d]));
        }
    }
    return moved;
}

void frame_loops_begin(frame_loops *loops) {
    frame *f = loops->f;
    for (int d = loops->from; d < loops->to; d++) {
        bool outermost = d == loops->from;
        LLVMValueRef first = outermost && loops->first ? loops->first : l_i64(f->e, 0);
        LLVMValueRef last = outermost && loops->last ? loops->last : f->extent[d];
        l_loop_begin(f->e, &loops->loop[d], first, last, 1, loops->value, loops->carried);
        memcpy(loops->value, loops->loop[d].value, loops->carried * sizeof *loops->value);
        loops->rows = frame_move(f, &loops->rows, d, loops->loop[d].index);
    }
}

void frame_loops_end(frame_loops *loops, const LLVMValueRef *next) {
    if (loops->carried) {
        memcpy(loops->value, next, loops->carried * sizeof *loops->value);
    }
    for (int d = loops->to - 1; d >= loops->from; d--) {
        l_loop_end(&loops->loop[d], loops->value);
        memcpy(loops->value, loops->loop[d].value, loops->carried * sizeof *loops->value);
    }
}
