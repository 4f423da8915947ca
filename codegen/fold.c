// KERNEL_FOLD: per kept row and column a sum, a maximum or a log-sum-exp over the folded rows. A unit is
// sixteen columns, but neighbouring units are done together: rows lie far apart, and whole cache lines of
// them should be used. A sum is made of partial sums over blocks of 512 folded rows, each in ascending order,
// added in order.
#include <math.h>

#include "codegen/body.h"
#include "codegen/body_ops.h"
#include "codegen/kernels.h"
#include "codegen/reduce.h"
#include "codegen/vmath.h"

enum { FOLD_COLUMNS = 16, FOLD_BLOCK = 512 };

typedef struct folder {
    frame *f;
    emitter *e;
    uint32_t source; // the instruction whose value is folded
    bool vector;     // false: the body's only column
    chunk chunk;
    frame_rows rows;  // of the kept row, at its first folded row
    LLVMTypeRef type; // of a value: a vector of the chunk's lanes or a scalar
    bool needed[KERNEL_MAX_INSTRS];
} folder;

// The last FULL instruction; with a single column, the last of all.
static uint32_t find_source(const kernel_desc *k, const kernel_phases *phases) {
    uint32_t i = k->instr_count - 1;
    while (i > 0 && (k->instrs[i].code == KI_STORE || (k->columns > 1 && !phases->full[i]))) {
        i--;
    }
    return i;
}

// The source's value in one row.
static LLVMValueRef row_value(const folder *d, const frame_rows *rows) {
    body b = {.e = d->e, .k = d->f->k, .phases = &d->f->phases};
    for (uint32_t i = 0; i < d->f->k->arg_count; i++) {
        b.row[i] = rows->at[i];
    }
    body_ones(&b, 0);
    if (!d->vector) {
        return l_number(d->e, b.value[d->source]);
    }
    body_chunk(&b, &d->chunk, 0, d->needed);
    return body_value(&b, &d->chunk, (int16_t)d->source);
}

// One walk over the folded rows with some carried values; |step| replaces them.
typedef void fold_step(const folder *d, LLVMValueRef value, LLVMValueRef base, LLVMValueRef *carried);

static void walk(const folder *d, fold_step *step, LLVMValueRef base, LLVMValueRef *values,
                 unsigned carried) {
    frame_loops loops = {
        .f = d->f, .from = d->f->k->kept_dims, .to = d->f->k->dims, .carried = carried, .rows = d->rows};
    for (unsigned i = 0; i < carried; i++) {
        loops.value[i] = values[i];
    }
    frame_loops_begin(&loops);
    for (unsigned i = 0; i < carried; i++) {
        values[i] = loops.value[i];
    }
    step(d, row_value(d, &loops.rows), base, values);
    frame_loops_end(&loops, values);
    for (unsigned i = 0; i < carried; i++) {
        values[i] = loops.value[i];
    }
}

enum { TOTAL, PART, COUNT, SUM_STATES };

// A full part goes to the total before the next value begins another.
static void step_sum(const folder *d, LLVMValueRef value, LLVMValueRef base, LLVMValueRef *s) {
    (void)base;
    emitter *e = d->e;
    LLVMValueRef full = LLVMBuildICmp(e->builder, LLVMIntEQ, s[COUNT], l_i64(e, FOLD_BLOCK), "");
    LLVMValueRef total = l_select(e, full, l_sum(e, s[TOTAL], s[PART]), s[TOTAL]);
    LLVMValueRef part = l_select(e, full, LLVMConstNull(d->type), s[PART]);
    s[TOTAL] = total;
    s[PART] = l_sum(e, part, value);
    s[COUNT] = l_add(e, l_select(e, full, l_i64(e, 0), s[COUNT]), l_i64(e, 1));
}

static void step_powers(const folder *d, LLVMValueRef value, LLVMValueRef base, LLVMValueRef *s) {
    LLVMValueRef difference = LLVMBuildFSub(d->e->builder, value, base, "");
    step_sum(d, vmath_exp(d->e, difference), NULL, s);
}

static void step_maximum(const folder *d, LLVMValueRef value, LLVMValueRef base, LLVMValueRef *s) {
    (void)base;
    s[0] = l_select(d->e, l_exceeds(d->e, value, s[0]), value, s[0]);
}

static LLVMValueRef fold_sum(const folder *d, fold_step *step, LLVMValueRef base) {
    LLVMValueRef states[SUM_STATES] = {LLVMConstNull(d->type), LLVMConstNull(d->type), l_i64(d->e, 0)};
    walk(d, step, base, states, SUM_STATES);
    return l_sum(d->e, states[TOTAL], states[PART]);
}

static LLVMValueRef fold_maximum(const folder *d) {
    LLVMValueRef best = reduce_lowest(d->e, d->type);
    walk(d, step_maximum, NULL, &best, 1);
    return best;
}

static LLVMValueRef fold_value(const folder *d) {
    if (d->f->k->fold == OP_SUM) {
        return fold_sum(d, step_sum, NULL);
    }
    LLVMValueRef best = fold_maximum(d);
    if (d->f->k->fold == OP_MAXIMUM) {
        return best;
    }
    LLVMValueRef base = reduce_base(d->e, best);
    return LLVMBuildFAdd(d->e->builder, base, vmath_log(d->e, fold_sum(d, step_powers, base)), "");
}

static void store_result(const folder *d, LLVMValueRef value, LLVMValueRef row) {
    const kernel_desc *k = d->f->k;
    LLVMValueRef result = l_convert(d->e, value, (dtype)k->args[k->arg_count - 1].elem);
    if (d->vector) {
        chunk_store(d->e, &d->chunk, result, row);
    } else {
        l_store(d->e, result, row);
    }
}

// A helper (args, ints, row, column): the columns [column, column + |active|) of all kept rows whose
// outermost index is |row|, in vectors of |lanes|.
static LLVMValueRef emit_columns(frame *f, unsigned lanes, unsigned active) {
    emitter *e = f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef function = l_function(e, "columns", parameters, 4, true);
    f->args = LLVMGetParam(function, 0);
    f->ints = LLVMGetParam(function, 1);
    frame_load(f);
    const kernel_desc *k = f->k;
    folder d = {.f = f, .e = e, .source = find_source(k, &f->phases), .vector = k->columns > 1};
    d.chunk = (chunk){LLVMGetParam(function, 3), lanes, active, NULL};
    d.type = l_vector_type(l_dtype(e, (dtype)k->instrs[d.source].elem), d.vector ? lanes : 1);
    kernel_value_needs(k, &f->phases, d.source, d.needed);
    LLVMValueRef row = LLVMGetParam(function, 2);
    frame_loops kept = {.f = f,
                        .to = k->kept_dims,
                        .first = row,
                        .last = l_add(e, row, l_i64(e, 1)),
                        .rows = frame_first_rows(f)};
    frame_loops_begin(&kept);
    d.rows = kept.rows;
    store_result(&d, fold_value(&d), kept.rows.at[k->arg_count - 1]);
    frame_loops_end(&kept, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}

// The code for one unit, for a row's last one, and for several neighbours (NULL: not in use).
typedef struct fold_code {
    LLVMValueRef whole, last, wide;
    int64_t blocks;     // units of a kept row
    int64_t wide_units; // done together: as many columns as four vectors of f32 hold
} fold_code;

static fold_code emit_code(frame *f) {
    unsigned columns = (unsigned)f->k->columns, rest = columns % FOLD_COLUMNS;
    fold_code c = {.blocks = (columns + FOLD_COLUMNS - 1) / FOLD_COLUMNS,
                   .wide_units = f->shape.vector_bytes / 16};
    unsigned wide_columns = (unsigned)c.wide_units * FOLD_COLUMNS;
    c.whole = columns >= FOLD_COLUMNS ? emit_columns(f, FOLD_COLUMNS, FOLD_COLUMNS) : NULL;
    c.last = rest ? emit_columns(f, FOLD_COLUMNS, rest) : c.whole;
    c.wide = c.wide_units > 1 && columns >= wide_columns ? emit_columns(f, wide_columns, wide_columns) : NULL;
    return c;
}

static void call_columns(frame *f, const fold_code *c, LLVMValueRef is_wide, LLVMValueRef is_last,
                         LLVMValueRef *args) {
    emitter *e = f->e;
    l_if wide, last;
    if (c->wide) {
        l_if_begin(e, &wide, is_wide);
        l_call(e, c->wide, args, 4);
        l_if_else(&wide);
    }
    if (c->whole && c->whole != c->last) {
        l_if_begin(e, &last, is_last);
        l_call(e, c->last, args, 4);
        l_if_else(&last);
        l_call(e, c->whole, args, 4);
        l_if_end(&last);
    } else {
        l_call(e, c->last, args, 4);
    }
    if (c->wide) {
        l_if_end(&wide);
    }
}

void emit_fold(frame *f) {
    emitter *e = f->e;
    fold_code c = emit_code(f);
    int64_t whole_blocks = f->k->columns / FOLD_COLUMNS;
    LLVMValueRef blocks = l_i64(e, c.blocks), one = l_i64(e, 1),
                 together = l_i64(e, c.wide ? c.wide_units : 1);
    frame_begin(f);
    // The carried value is the next unit to be done: those before it belong to a call for several.
    l_loop loop;
    l_loop_begin(e, &loop, f->begin, f->end, 1, &f->begin, 1);
    LLVMValueRef unit = loop.index, next = loop.value[0],
                 due = LLVMBuildICmp(e->builder, LLVMIntEQ, unit, next, "");
    LLVMValueRef row = l_quotient(e, unit, blocks), block = l_remainder(e, unit, blocks);
    LLVMValueRef in_row = l_less(e, l_add(e, block, together), l_i64(e, whole_blocks + 1));
    LLVMValueRef in_call = l_less(e, l_add(e, unit, together), l_add(e, f->end, one));
    LLVMValueRef is_wide = LLVMBuildAnd(e->builder, in_row, in_call, "");
    LLVMValueRef is_last = LLVMBuildICmp(e->builder, LLVMIntEQ, block, l_i64(e, c.blocks - 1), "");
    l_if doing;
    l_if_begin(e, &doing, due);
    LLVMValueRef args[] = {f->args, f->ints, row, l_mul(e, block, l_i64(e, FOLD_COLUMNS))};
    call_columns(f, &c, is_wide, is_last, args);
    l_if_end(&doing);
    LLVMValueRef after = l_add(e, unit, l_select(e, is_wide, together, one));
    LLVMValueRef then = l_select(e, due, after, next);
    l_loop_end(&loop, &then);
    LLVMBuildRetVoid(e->builder);
}
