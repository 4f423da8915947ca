// KERNEL_SEGMENT, KERNEL_SCATTER and KERNEL_ADD_ROWS: rows of values added to rows that tokens name, one
// after the other in ascending order. Rows are those of all dimensions; their numbers count through them.
#include "codegen/chunk.h"
#include "codegen/kernels.h"

typedef struct row_adder {
    frame *f;
    emitter *e;
    LLVMTypeRef element;
    unsigned lanes;
} row_adder;

enum { TOKENS, VALUES, TARGET, MARKS }; // arguments

static row_adder begin(frame *f) {
    frame_begin(f);
    dtype elem = (dtype)f->k->elem;
    row_adder r = {.f = f, .e = f->e, .element = l_dtype(f->e, elem)};
    r.lanes = (unsigned)(f->shape.vector_bytes / dtype_bytes(elem));
    return r;
}

// Row |row| of the table.
static LLVMValueRef table_row(const row_adder *r, LLVMValueRef row) {
    LLVMValueRef columns = l_i64(r->e, r->f->k->args[TARGET].columns);
    return l_at(r->e, r->element, r->f->arg[TARGET], l_mul(r->e, row, columns));
}

// The offset of row |number| of an argument, by its indices along the dimensions.
static LLVMValueRef spread_offset(const row_adder *r, int arg, LLVMValueRef number) {
    emitter *e = r->e;
    const frame *f = r->f;
    LLVMValueRef offset = l_i64(e, 0);
    for (int d = f->k->dims - 1; d > 0; d--) {
        LLVMValueRef index = l_remainder(e, number, f->extent[d]);
        offset = l_add(e, offset, l_mul(e, index, f->stride[arg][d]));
        number = l_quotient(e, number, f->extent[d]);
    }
    return l_add(e, offset, l_mul(e, number, f->stride[arg][0]));
}

// Where row |number| of an argument is. Without gaps the last dimension has all rows, and nothing is divided.
static LLVMValueRef numbered_row(const row_adder *r, int arg, LLVMTypeRef element, LLVMValueRef number) {
    emitter *e = r->e;
    const frame *f = r->f;
    int last = f->k->dims - 1;
    LLVMValueRef offset = l_mul(e, number, f->stride[arg][last]);
    if (last > 0) {
        l_if beyond;
        l_if_begin(e, &beyond, LLVMBuildICmp(e->builder, LLVMIntSGE, number, f->extent[last], ""));
        LLVMValueRef spread = spread_offset(r, arg, number), both[] = {spread, offset};
        LLVMBasicBlockRef from[] = {LLVMGetInsertBlock(e->builder), beyond.otherwise};
        l_if_end(&beyond);
        offset = LLVMBuildPhi(e->builder, e->i64, "");
        LLVMAddIncoming(offset, both, from, 2);
    }
    return l_at(e, element, f->arg[arg], offset);
}

static LLVMValueRef load_token(const row_adder *r, LLVMValueRef at) {
    return l_load(r->e, r->e->i32, at);
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

// Loops over all rows, with their number carried.
static frame_loops begin_rows(const row_adder *r) {
    frame_loops loops = {.f = r->f,
                         .to = r->f->k->dims,
                         .carried = 1,
                         .value = {l_i64(r->e, 0)},
                         .rows = frame_first_rows(r->f)};
    frame_loops_begin(&loops);
    return loops;
}

static void end_rows(const row_adder *r, frame_loops *loops) {
    LLVMValueRef next = l_add(r->e, loops->value[0], l_i64(r->e, 1));
    frame_loops_end(loops, &next);
}

// Adds each row of values to the row of the table that its token names.
static void add_all(const row_adder *r) {
    frame_loops loops = begin_rows(r);
    LLVMValueRef to = table_row(r, widen(r->e, load_token(r, loops.rows.at[TOKENS])));
    write_row(r, add_chunk, to, loops.rows.at[VALUES]);
    end_rows(r, &loops);
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
    write_row(&r, clear_chunk, table_row(&r, loop.index), NULL);
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
    LLVMValueRef number = l_select(e, before, first, l_i64(e, 0));
    LLVMValueRef same = load_token(r, numbered_row(r, TOKENS, e->i32, number));
    return LLVMBuildAnd(e->builder, before, LLVMBuildICmp(e->builder, LLVMIntEQ, same, token, ""), "");
}

// A row whose token came before goes to the row of its first occurrence and leaves its own 0.
void emit_segment(frame *f) {
    row_adder r = begin(f);
    emitter *e = f->e;
    frame_loops loops = begin_rows(&r);
    LLVMValueRef number = loops.value[0], values = loops.rows.at[VALUES], own = loops.rows.at[TARGET];
    LLVMValueRef token = load_token(&r, loops.rows.at[TOKENS]);
    LLVMValueRef mark = l_at(e, e->i32, f->arg[MARKS], widen(e, token));
    LLVMValueRef first = widen(e, l_load(e, e->i32, mark));
    l_if seen;
    l_if_begin(e, &seen, was_seen(&r, first, number, token));
    write_row(&r, clear_chunk, own, NULL);
    write_row(&r, add_chunk, numbered_row(&r, TARGET, r.element, first), values);
    l_if_else(&seen);
    l_store(e, LLVMBuildTrunc(e->builder, number, e->i32, ""), mark);
    write_row(&r, copy_chunk, own, values);
    l_if_end(&seen);
    end_rows(&r, &loops);
    LLVMBuildRetVoid(e->builder);
}
