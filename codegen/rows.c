// KERNEL_SEGMENT, KERNEL_SCATTER and KERNEL_ADD_ROWS: rows of values added to rows that tokens name, one
// after the other in ascending order.
#include "codegen/chunk.h"
#include "codegen/kernels.h"

typedef struct row_adder {
    frame *f;
    emitter *e;
    LLVMTypeRef element;
    unsigned lanes;
    LLVMValueRef token_stride, value_stride, to_stride; // in elements
} row_adder;

enum { TOKENS, VALUES, TARGET, MARKS }; // arguments

static row_adder begin(frame *f) {
    frame_begin(f);
    dtype elem = (dtype)f->k->elem;
    row_adder r = {.f = f, .e = f->e, .element = l_dtype(f->e, elem)};
    r.lanes = (unsigned)(f->shape.vector_bytes / dtype_bytes(elem));
    r.token_stride = frame_int(f, KERNEL_STRIDES + 4 * TOKENS);
    r.value_stride = frame_int(f, KERNEL_STRIDES + 4 * VALUES);
    r.to_stride = f->k->kind == KERNEL_SEGMENT ? frame_int(f, KERNEL_STRIDES + 4 * TARGET)
                                               : l_i64(f->e, f->k->args[TARGET].columns);
    return r;
}

static LLVMValueRef value_row(const row_adder *r, LLVMValueRef row) {
    return l_at(r->e, r->element, r->f->arg[VALUES], l_mul(r->e, row, r->value_stride));
}

static LLVMValueRef target_row(const row_adder *r, LLVMValueRef row) {
    return l_at(r->e, r->element, r->f->arg[TARGET], l_mul(r->e, row, r->to_stride));
}

static LLVMValueRef token_at(const row_adder *r, LLVMValueRef row) {
    emitter *e = r->e;
    LLVMValueRef at = l_at(e, e->i32, r->f->arg[TOKENS], l_mul(e, row, r->token_stride));
    return l_load(e, e->i32, at);
}

static LLVMValueRef widen(emitter *e, LLVMValueRef number) {
    return LLVMBuildSExt(e->builder, number, e->i64, "");
}

typedef void chunk_writer(const row_adder *r, const chunk *c, LLVMValueRef to, LLVMValueRef from);

static void add_chunk(const row_adder *r, const chunk *c, LLVMValueRef to, LLVMValueRef from) {
    emitter *e = r->e;
    LLVMValueRef sum =
        LLVMBuildFAdd(e->builder, chunk_load(e, c, r->element, to), chunk_load(e, c, r->element, from), "");
    chunk_store(e, c, sum, to);
}

static void copy_chunk(const row_adder *r, const chunk *c, LLVMValueRef to, LLVMValueRef from) {
    chunk_store(r->e, c, chunk_load(r->e, c, r->element, from), to);
}

static void clear_chunk(const row_adder *r, const chunk *c, LLVMValueRef to, LLVMValueRef from) {
    (void)from;
    chunk_store(r->e, c, LLVMConstNull(l_vector_type(r->element, c->lanes)), to);
}

// Writes a row chunk by chunk.
static void write_row(const row_adder *r, chunk_writer *write, LLVMValueRef to, LLVMValueRef from) {
    emitter *e = r->e;
    unsigned columns = (unsigned)r->f->k->columns, rest = columns % r->lanes;
    LLVMValueRef whole = l_i64(e, columns - rest);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), whole, r->lanes, NULL, 0);
    write(r, &(chunk){loop.index, r->lanes, r->lanes, NULL}, to, from);
    l_loop_end(&loop, NULL);
    if (rest) {
        write(r, &(chunk){whole, r->lanes, rest, NULL}, to, from);
    }
}

// Adds each row of values to the row of the table that its token names.
static void add_all(const row_adder *r) {
    emitter *e = r->e;
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), r->f->extent[0], 1, NULL, 0);
    LLVMValueRef to = target_row(r, widen(e, token_at(r, loop.index)));
    write_row(r, add_chunk, to, value_row(r, loop.index));
    l_loop_end(&loop, NULL);
}

void emit_add_rows(frame *f) {
    row_adder r = begin(f);
    add_all(&r);
    LLVMBuildRetVoid(f->e->builder);
}

void emit_scatter(frame *f) {
    row_adder r = begin(f);
    l_loop loop;
    l_loop_begin(f->e, &loop, l_i64(f->e, 0), l_i64(f->e, f->k->inner), 1, NULL, 0);
    write_row(&r, clear_chunk, target_row(&r, loop.index), NULL);
    l_loop_end(&loop, NULL);
    add_all(&r);
    LLVMBuildRetVoid(f->e->builder);
}

// Whether |first|, a mark with any contents, is a row before |row| that has |token|. Marks need no clearing
// so.
static LLVMValueRef was_seen(const row_adder *r, LLVMValueRef first, LLVMValueRef row, LLVMValueRef token) {
    emitter *e = r->e;
    // As unsigned numbers negative marks are large.
    LLVMValueRef before = LLVMBuildICmp(e->builder, LLVMIntULT, first, row, "");
    LLVMValueRef same = token_at(r, l_select(e, before, first, l_i64(e, 0)));
    return LLVMBuildAnd(e->builder, before, LLVMBuildICmp(e->builder, LLVMIntEQ, same, token, ""), "");
}

// A row whose token came before goes to the row of its first occurrence and leaves its own 0.
void emit_segment(frame *f) {
    row_adder r = begin(f);
    emitter *e = f->e;
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), f->extent[0], 1, NULL, 0);
    LLVMValueRef token = token_at(&r, loop.index), own = target_row(&r, loop.index);
    LLVMValueRef mark = l_at(e, e->i32, f->arg[MARKS], widen(e, token));
    LLVMValueRef first = widen(e, l_load(e, e->i32, mark));
    l_if seen;
    l_if_begin(e, &seen, was_seen(&r, first, loop.index, token));
    write_row(&r, clear_chunk, own, NULL);
    write_row(&r, add_chunk, target_row(&r, first), value_row(&r, loop.index));
    l_if_else(&seen);
    l_store(e, LLVMBuildTrunc(e->builder, loop.index, e->i32, ""), mark);
    write_row(&r, copy_chunk, own, value_row(&r, loop.index));
    l_if_end(&seen);
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
}
