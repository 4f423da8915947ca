#include "codegen/chunk.h"

#include "codegen/loops.h"

enum { MOST_LANES = 64 };

LLVMTypeRef l_dtype(emitter *e, dtype elem) {
    return elem == DT_F32 ? e->f32 : elem == DT_F64 ? e->f64 : e->i32;
}

static LLVMValueRef lane_numbers(emitter *e, unsigned from, unsigned count) {
    LLVMValueRef numbers[MOST_LANES];
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = LLVMConstInt(e->i32, from + i, false);
    }
    return LLVMConstVector(numbers, count);
}

LLVMValueRef l_lanes_of(emitter *e, LLVMValueRef value, unsigned from, unsigned count) {
    if (count == 1) {
        return LLVMBuildExtractElement(e->builder, value, LLVMConstInt(e->i32, from, false), "");
    }
    LLVMValueRef poison = LLVMGetPoison(LLVMTypeOf(value));
    return LLVMBuildShuffleVector(e->builder, value, poison, lane_numbers(e, from, count), "");
}

LLVMValueRef l_first_lanes(emitter *e, LLVMValueRef count, unsigned lanes) {
    LLVMValueRef small = LLVMBuildTrunc(e->builder, count, e->i32, "");
    return LLVMBuildICmp(e->builder, LLVMIntSLT, lane_numbers(e, 0, lanes), l_splat(e, small, lanes), "");
}

static LLVMValueRef constant_mask(emitter *e, unsigned active, unsigned lanes) {
    LLVMValueRef bits[MOST_LANES];
    for (unsigned i = 0; i < lanes; i++) {
        bits[i] = LLVMConstInt(e->i1, i < active, false);
    }
    return lanes == 1 ? bits[0] : LLVMConstVector(bits, lanes);
}

static LLVMValueRef active_mask(emitter *e, const chunk *c) {
    return c->mask ? c->mask : constant_mask(e, c->active, c->lanes);
}

static bool is_whole(const chunk *c) {
    return !c->mask && c->active == c->lanes;
}

bool l_has_masks(const emitter *e) {
    return e->target->has_masked_memory;
}

static LLVMValueRef alignment(emitter *e, LLVMTypeRef element) {
    return LLVMConstInt(e->i32, element == e->f64 ? 8 : 4, false);
}

static LLVMValueRef masked_load(emitter *e, LLVMTypeRef type, LLVMValueRef mask, LLVMValueRef address) {
    LLVMValueRef args[] = {address, alignment(e, l_element(type)), mask, LLVMConstNull(type)};
    return l_intrinsic(e, "llvm.masked.load", (LLVMTypeRef[]){type, e->pointer}, 2, args, 4);
}

static void masked_store(emitter *e, LLVMValueRef value, LLVMValueRef mask, LLVMValueRef address) {
    LLVMTypeRef type = LLVMTypeOf(value);
    LLVMValueRef args[] = {value, address, alignment(e, l_element(type)), mask};
    l_intrinsic(e, "llvm.masked.store", (LLVMTypeRef[]){type, e->pointer}, 2, args, 4);
}

// The largest power of two that is at most |count|.
static unsigned piece_of(unsigned count) {
    unsigned piece = 1;
    while (piece * 2 <= count) {
        piece *= 2;
    }
    return piece;
}

// |whole| with the lanes of |part| put in at lane |from|.
static LLVMValueRef insert_lanes(emitter *e, LLVMValueRef whole, LLVMValueRef part, unsigned from) {
    unsigned count = l_lanes(LLVMTypeOf(part)), lanes = l_lanes(LLVMTypeOf(whole));
    if (count == 1) {
        return LLVMBuildInsertElement(e->builder, whole, part, LLVMConstInt(e->i32, from, false), "");
    }
    LLVMValueRef wide[MOST_LANES], pick[MOST_LANES];
    for (unsigned i = 0; i < lanes; i++) {
        wide[i] = i < count ? LLVMConstInt(e->i32, i, false) : LLVMGetPoison(e->i32);
        pick[i] = LLVMConstInt(e->i32, i >= from && i < from + count ? lanes + i - from : i, false);
    }
    LLVMValueRef poison = LLVMGetPoison(LLVMTypeOf(part));
    LLVMValueRef widened = LLVMBuildShuffleVector(e->builder, part, poison, LLVMConstVector(wide, lanes), "");
    return LLVMBuildShuffleVector(e->builder, whole, widened, LLVMConstVector(pick, lanes), "");
}

// Without masks a part of a vector goes in pieces of 8, 4, 2 and 1 lanes.
static LLVMValueRef load_pieces(emitter *e, LLVMTypeRef type, unsigned active, LLVMValueRef address) {
    LLVMValueRef value = LLVMConstNull(type);
    LLVMTypeRef element = l_element(type);
    for (unsigned from = 0; from < active;) {
        unsigned piece = piece_of(active - from);
        LLVMValueRef part = l_load(e, l_vector_type(element, piece), l_offset(e, element, address, from));
        value = insert_lanes(e, value, part, from);
        from += piece;
    }
    return value;
}

static void store_pieces(emitter *e, LLVMValueRef value, unsigned active, LLVMValueRef address) {
    LLVMTypeRef element = l_element(LLVMTypeOf(value));
    for (unsigned from = 0; from < active;) {
        unsigned piece = piece_of(active - from);
        l_store(e, l_lanes_of(e, value, from, piece), l_offset(e, element, address, from));
        from += piece;
    }
}

LLVMValueRef chunk_load_part(emitter *e, LLVMTypeRef type, unsigned active, LLVMValueRef address) {
    unsigned lanes = l_lanes(type);
    if (active == lanes) {
        return l_load(e, type, address);
    }
    return l_has_masks(e) ? masked_load(e, type, constant_mask(e, active, lanes), address)
                          : load_pieces(e, type, active, address);
}

LLVMValueRef chunk_load(emitter *e, const chunk *c, LLVMTypeRef element, LLVMValueRef row) {
    LLVMTypeRef type = l_vector_type(element, c->lanes);
    LLVMValueRef address = l_at(e, element, row, c->column);
    return c->mask ? masked_load(e, type, c->mask, address) : chunk_load_part(e, type, c->active, address);
}

void chunk_store(emitter *e, const chunk *c, LLVMValueRef value, LLVMValueRef row) {
    LLVMValueRef address = l_at(e, l_element(LLVMTypeOf(value)), row, c->column);
    if (is_whole(c)) {
        l_store(e, value, address);
    } else if (c->mask || l_has_masks(e)) {
        masked_store(e, value, active_mask(e, c), address);
    } else {
        store_pieces(e, value, c->active, address);
    }
}

LLVMValueRef chunk_mask(emitter *e, const chunk *c, LLVMValueRef value, LLVMValueRef other) {
    return is_whole(c) ? value : l_select(e, active_mask(e, c), value, other);
}

LLVMValueRef chunk_columns(emitter *e, const chunk *c) {
    LLVMValueRef first = LLVMBuildTrunc(e->builder, c->column, e->i32, "");
    if (c->lanes == 1) {
        return first;
    }
    return LLVMBuildAdd(e->builder, l_splat(e, first, c->lanes), lane_numbers(e, 0, c->lanes), "");
}
