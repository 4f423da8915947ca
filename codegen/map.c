// KERNEL_MAP: every row on its own, in as many passes through its columns as its reductions need; or, flat, a
// range of elements.
#include "codegen/kernels.h"

#include "codegen/body.h"
#include "codegen/reduce.h"

static void init_body(frame *f, body *b, const frame_rows *rows) {
    *b = (body){.e = f->e, .k = f->k, .phases = &f->phases, .scratch = f->arg[f->k->arg_count]};
    for (uint32_t i = 0; i < f->k->arg_count; i++) {
        b->row[i] = rows->at[i];
    }
}

// ---- Flat ----

static void flat_chunk(body *b, const chunk *c, const bool *needed) {
    body_chunk(b, c, 0, needed);
    body_store_chunk(b, c);
}

// The elements [from, end) that are left, fewer than a chunk has.
static void flat_rest(frame *f, body *b, LLVMValueRef from, unsigned lanes, const bool *needed) {
    emitter *e = f->e;
    l_loop loop;
    if (!l_has_masks(e)) {
        l_loop_begin(e, &loop, from, f->end, 1, NULL, 0);
        flat_chunk(b, &(chunk){loop.index, 1, 1, NULL}, needed);
        l_loop_end(&loop, NULL);
        return;
    }
    l_if some;
    l_if_begin(e, &some, l_less(e, from, f->end));
    chunk c = {from, lanes, lanes, l_first_lanes(e, l_sub(e, f->end, from), lanes)};
    flat_chunk(b, &c, needed);
    l_if_end(&some);
}

static void emit_flat(frame *f) {
    emitter *e = f->e;
    body b;
    bool needed[KERNEL_MAX_INSTRS];
    frame_rows rows = frame_first_rows(f);
    init_body(f, &b, &rows);
    body_ones(&b, 0);
    kernel_pass_needs(f->k, &f->phases, 0, needed);
    unsigned lanes = body_lanes(e, f->k);
    LLVMValueRef count = l_sub(e, f->end, f->begin);
    LLVMValueRef whole = LLVMBuildAnd(e->builder, count, l_i64(e, -(int64_t)lanes), "");
    LLVMValueRef rest = l_add(e, f->begin, whole);
    l_loop loop;
    l_loop_begin(e, &loop, f->begin, rest, lanes, NULL, 0);
    flat_chunk(&b, &(chunk){loop.index, lanes, lanes, NULL}, needed);
    l_loop_end(&loop, NULL);
    flat_rest(f, &b, rest, lanes, needed);
    body_store_ones(&b);
}

// ---- Rows ----

// One pass through the columns, or what of it is being written.
typedef struct map_pass {
    body *b;
    int number;
    bool stores;
    unsigned lanes;
    bool needed[KERNEL_MAX_INSTRS];
    reductions reductions;
} map_pass;

static void pass_chunk(map_pass *p, const chunk *c) {
    body_chunk(p->b, c, p->number, p->needed);
    reductions_step(p->b, c, &p->reductions);
    if (p->stores) {
        body_store_chunk(p->b, c);
    }
}

static unsigned gather_states(const reductions *r, LLVMValueRef *out_states) {
    unsigned count = 0;
    for (unsigned i = 0; i < r->count; i++) {
        for (unsigned s = 0; s < r->at[i].states; s++) {
            out_states[count++] = r->at[i].state[s];
        }
    }
    return count;
}

static void scatter_states(reductions *r, const LLVMValueRef *states) {
    unsigned count = 0;
    for (unsigned i = 0; i < r->count; i++) {
        for (unsigned s = 0; s < r->at[i].states; s++) {
            r->at[i].state[s] = states[count++];
        }
    }
}

// The chunks before column |end|, in a loop if there are several. |masked|: the last of them is a part.
static void pass_chunks(map_pass *p, int64_t end, bool masked) {
    emitter *e = p->b->e;
    if (end <= p->lanes) {
        pass_chunk(p, &(chunk){l_i64(e, 0), p->lanes, p->lanes, NULL});
        return;
    }
    LLVMValueRef states[LOOP_MAX_CARRIED];
    unsigned count = gather_states(&p->reductions, states);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), l_i64(e, end), p->lanes, states, count);
    scatter_states(&p->reductions, loop.value);
    chunk c = {loop.index, p->lanes, p->lanes, NULL};
    if (masked) {
        c.mask = l_first_lanes(e, l_sub(e, l_i64(e, end), loop.index), p->lanes);
    }
    pass_chunk(p, &c);
    gather_states(&p->reductions, states);
    l_loop_end(&loop, states);
    scatter_states(&p->reductions, loop.value);
}

// With masks one piece of code does all chunks; else what is left after the whole ones has its own.
static void emit_pass(map_pass *p) {
    emitter *e = p->b->e;
    int64_t columns = p->b->k->columns, rest = columns % p->lanes, whole = columns - rest;
    kernel_pass_needs(p->b->k, p->b->phases, p->number, p->needed);
    reductions_begin(p->b, p->number, &p->reductions);
    if (whole && rest && l_has_masks(e)) {
        pass_chunks(p, columns, true);
    } else {
        if (whole) {
            pass_chunks(p, whole, false);
        }
        if (rest) {
            pass_chunk(p, &(chunk){l_i64(e, whole), p->lanes, (unsigned)rest, NULL});
        }
    }
    reductions_end(p->b, &p->reductions);
}

static void emit_row(frame *f, const frame_rows *rows) {
    body b;
    init_body(f, &b, rows);
    map_pass pass = {.b = &b, .lanes = body_lanes(f->e, f->k)};
    for (int p = 0; p < f->phases.passes; p++) {
        body_ones(&b, p);
        pass.number = p;
        pass.stores = p == f->phases.passes - 1;
        emit_pass(&pass);
    }
    body_ones(&b, f->phases.passes);
    body_store_ones(&b);
}

void emit_map(frame *f) {
    frame_begin(f);
    if (f->k->flat) {
        emit_flat(f);
    } else {
        // Without dimensions there is one row, and one unit.
        frame_loops loops = {.f = f,
                             .to = f->k->dims ? f->k->dims : 1,
                             .first = f->begin,
                             .last = f->end,
                             .rows = frame_first_rows(f)};
        frame_loops_begin(&loops);
        emit_row(f, &loops.rows);
        frame_loops_end(&loops, NULL);
    }
    LLVMBuildRetVoid(f->e->builder);
}
