// Places, calls and loops of a program as code.
#include "codegen/driver.h"

// ---- Addresses ----

LLVMValueRef driver_term(const driver *w, extent_term t) {
    LLVMValueRef product = l_i64(w->e, t.factor);
    for (int a = 0; a < MAX_AXES && t.factor; a++) {
        if (t.axes & AXIS_BIT(a)) {
            product = l_mul(w->e, product, w->extents[a]);
        }
    }
    return product;
}

// Not l_at: a place whose first slot is never read may begin before its block.
static LLVMValueRef bytes_on(const driver *w, LLVMValueRef from, LLVMValueRef offset) {
    return LLVMBuildGEP2(w->e->builder, w->e->i8, from, &offset, 1, "");
}

static LLVMValueRef moved(const driver *w, LLVMValueRef from, int64_t offset) {
    return offset ? bytes_on(w, from, l_i64(w->e, offset)) : from;
}

LLVMValueRef driver_arena(const driver *w, int64_t offset) {
    return moved(w, w->arena, offset);
}

static LLVMValueRef base_of(const driver *w, const program_place *p) {
    int64_t column = (int64_t)p->first_column * dtype_bytes(p->elem);
    if (p->base == PLACE_INPUT) {
        return moved(w, w->inputs[p->index], p->offset + column);
    }
    if (p->base == PLACE_VARIABLE) {
        LLVMValueRef variable = w->used ? driver_learned(w, p->index) : w->variables[p->index];
        return moved(w, variable, p->offset + column);
    }
    const ahead_block *block;
    int64_t at = ahead_map(w->r, p->offset, &block);
    return block ? moved(w, w->blocks[block - w->r->blocks], at + column)
                 : driver_arena(w, w->layout.arena + at + column);
}

LLVMValueRef driver_address(const driver *w, const program_place *p, LLVMValueRef t) {
    emitter *e = w->e;
    LLVMValueRef base = base_of(w, p);
    if (p->slot_axis == NO_AXIS) {
        return base;
    }
    LLVMValueRef slot = l_i64(e, p->shift);
    slot = p->from_end ? l_add(e, slot, w->extents[p->slot_axis]) : slot;
    slot = t && !p->pinned ? l_add(e, slot, t) : slot;
    slot = p->modulus ? LLVMBuildAnd(e->builder, slot, l_i64(e, p->modulus - 1), "") : slot;
    return bytes_on(w, base, l_mul(e, slot, driver_term(w, place_slot_term(p))));
}

// ---- Binding ----

static void bind_call(const driver *w, uint32_t index) {
    const program_call *call = &w->p->calls.at[index];
    extent_term terms[KERNEL_MAX_INTS];
    call_int_terms(&w->p->kernels.at[call->kernel], call, terms);
    LLVMValueRef to = driver_arena(w, w->ints[index]);
    for (uint32_t i = 0; i < KERNEL_STRIDES + 4 * call->arg_count; i++) {
        // The arena was zeros when the first run began.
        if (terms[i].factor) {
            l_store(w->e, driver_term(w, terms[i]), l_offset(w->e, w->e->i64, to, i));
        }
    }
}

static LLVMValueRef run_value(const driver *w, int64_t offset) {
    const ahead_block *block;
    return driver_arena(w, w->layout.arena + ahead_map(w->r, offset, &block));
}

static void number_indices(const driver *w, const program_axis *a) {
    emitter *e = w->e;
    LLVMValueRef to = run_value(w, a->index_offset);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), l_i64(e, a->maximum), 1, NULL, 0);
    l_store(e, LLVMBuildTrunc(e->builder, loop.index, e->i32, ""), l_at(e, e->i32, to, loop.index));
    l_loop_end(&loop, NULL);
}

static void bind_axis(const driver *w, int axis) {
    emitter *e = w->e;
    const program_axis *a = &w->p->axes.at[axis];
    if (a->index_offset >= 0) {
        number_indices(w, a);
    }
    LLVMValueRef extent = LLVMBuildTrunc(e->builder, w->extents[axis], e->i32, "");
    if (a->extent_offset[DT_F32] >= 0) {
        l_store(e, LLVMBuildSIToFP(e->builder, extent, e->f32, ""), run_value(w, a->extent_offset[DT_F32]));
    }
    if (a->extent_offset[DT_F64] >= 0) {
        l_store(e, LLVMBuildSIToFP(e->builder, extent, e->f64, ""), run_value(w, a->extent_offset[DT_F64]));
    }
    if (a->extent_offset[DT_I32] >= 0) {
        l_store(e, extent, run_value(w, a->extent_offset[DT_I32]));
    }
}

void driver_emit_binding(const driver *w) {
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        bind_axis(w, (int)axis);
    }
    for (uint32_t i = 0; i < w->p->calls.count; i++) {
        if (w->ints[i]) {
            bind_call(w, i);
        }
    }
}

// ---- Calls ----

// Rows that a call runs over, and its units, as kernel_units has them.
static LLVMValueRef call_units(const driver *w, const kernel_desc *k, const program_call *call) {
    emitter *e = w->e;
    extent_term terms[KERNEL_MAX_INTS];
    call_int_terms(k, call, terms);
    bool outer = k->kind == KERNEL_PRODUCT ? k->dims > 0
                 : k->kind == KERNEL_FOLD  ? k->kept_dims > 0
                                           : k->dims || k->flat;
    LLVMValueRef rows = outer ? driver_term(w, terms[0]) : l_i64(e, 1);
    const int64_t one[KERNEL_MAX_INTS] = {1};
    switch (k->kind) {
    case KERNEL_PRODUCT: {
        product_tiling t = product_tile(w->p->shape, (dtype)k->elem, k->gates, k->columns);
        rows = l_quotient(e, l_add(e, rows, l_i64(e, t.row_block - 1)), l_i64(e, t.row_block));
        return l_mul(e, rows, l_i64(e, t.panels));
    }
    case KERNEL_FOLD: return l_mul(e, rows, l_i64(e, kernel_units(k, w->p->shape, one)));
    case KERNEL_MAP:
    case KERNEL_RANDOM: return rows;
    default: return l_i64(e, kernel_units(k, w->p->shape, one));
    }
}

// Every other iteration does its units from the last to the first.
static void turn(emitter *e, LLVMValueRef t, LLVMValueRef *begin_end) {
    LLVMValueRef odd = LLVMBuildTrunc(e->builder, t, e->i1, ""), units = begin_end[1], zero = l_i64(e, 0);
    begin_end[0] = l_select(e, odd, units, zero);
    begin_end[1] = l_select(e, odd, zero, units);
}

// |first|: whether this is the first iteration of the loop; NULL: outside of loops.
static void emit_call(const driver *w, uint32_t index, LLVMValueRef t, LLVMValueRef first) {
    emitter *e = w->e;
    const program_call *call = &w->p->calls.at[index];
    const kernel_desc *k = &w->p->kernels.at[call->kernel];
    LLVMValueRef ints = driver_arena(w, w->ints[index]), args = driver_arena(w, w->layout.args);
    if (call->skip_inner_first && first) {
        extent_term inner =
            call->inner_axes ? (extent_term){call->inner_axes, 1} : (extent_term){0, call->inner};
        l_store(e, l_select(e, first, l_i64(e, 0), driver_term(w, inner)),
                l_offset(e, e->i64, ints, KERNEL_INNER));
    }
    for (uint32_t i = 0; i < call->arg_count; i++) {
        l_store(e, driver_address(w, &call->args[i], t), l_offset(e, e->pointer, args, i));
    }
    l_store(e, driver_arena(w, w->layout.scratch), l_offset(e, e->pointer, args, call->arg_count));
    LLVMValueRef values[] = {args, ints, l_i64(e, 0), call_units(w, k, call)};
    if (t && kernel_turns(k, w->p->shape)) {
        turn(e, t, values + 2);
    }
    if (w->parallel) {
        driver_emit_shared(w, call, values);
    } else {
        l_call(e, w->kernels[call->kernel], values, 4);
    }
}

static void emit_loop(const driver *w, const program_item *item) {
    emitter *e = w->e;
    LLVMValueRef extent = w->extents[item->axis];
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), extent, 1, NULL, 0);
    LLVMValueRef t = loop.index, first = LLVMBuildICmp(e->builder, LLVMIntEQ, t, l_i64(e, 0), "");
    if (item->direction < 0) {
        t = l_sub(e, l_sub(e, extent, l_i64(e, 1)), t);
    }
    for (uint32_t i = 1; i <= item->length; i++) {
        emit_call(w, item[i].call, t, first);
    }
    l_loop_end(&loop, NULL);
}

// The members of a set follow it; on one thread they run one after the other.
void driver_emit_items(const driver *w, const program_item *items, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const program_item *item = &items[i];
        if (item->kind == ITEM_CALL) {
            emit_call(w, item->call, NULL, NULL);
        } else if (item->kind == ITEM_LOOP) {
            emit_loop(w, item);
            i += item->length;
        }
    }
}
