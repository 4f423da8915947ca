#include "codegen/body.h"

#include "codegen/body_ops.h"
#include "codegen/loops.h"

enum { SLOT_BYTES = 8 }; // ORDER: passes/tiling.c

// ---- Instructions that know their place ----

// Where the row's values that start at the instruction's first column are.
static LLVMValueRef place_of(body *b, const kernel_instr *in) {
    return l_offset(b->e, l_dtype(b->e, (dtype)b->k->args[in->arg].elem), b->row[in->arg], in->column);
}

static LLVMValueRef load_at(body *b, const chunk *c, dtype elem, LLVMValueRef address) {
    LLVMTypeRef type = l_dtype(b->e, elem);
    return c ? chunk_load(b->e, c, type, address) : l_load(b->e, type, address);
}

static LLVMValueRef emit_load(body *b, const chunk *c, const kernel_instr *in) {
    return load_at(b, c, (dtype)b->k->args[in->arg].elem, place_of(b, in));
}

static LLVMValueRef emit_product(body *b, const chunk *c, const kernel_instr *in) {
    dtype elem = (dtype)b->k->elem;
    LLVMValueRef sums =
        l_offset(b->e, l_dtype(b->e, elem), b->product, (int64_t)in->column * b->product_columns);
    if (!c) {
        return load_at(b, NULL, elem, sums);
    }
    // Sums are there for all lanes; columns count from the panel's first.
    chunk whole = {l_sub(b->e, c->column, b->product_column), c->lanes, c->lanes, NULL};
    return load_at(b, &whole, elem, sums);
}

static LLVMValueRef emit_const(body *b, const chunk *c, const kernel_instr *in) {
    (void)c;
    LLVMTypeRef type = l_dtype(b->e, (dtype)in->elem);
    return in->elem == DT_I32 ? l_int(b->e, type, (int64_t)in->f) : l_float(b->e, type, in->f);
}

static LLVMValueRef emit_column(body *b, const chunk *c, const kernel_instr *in) {
    LLVMValueRef columns = c ? chunk_columns(b->e, c) : l_int(b->e, b->e->i32, 0);
    return l_convert(b->e, columns, (dtype)in->elem);
}

// The index that a ONE value holds, as i64.
static LLVMValueRef index_of(body *b, int16_t instr) {
    return LLVMBuildSExt(b->e->builder, l_number(b->e, b->value[instr]), b->e->i64, "");
}

static LLVMValueRef emit_gather(body *b, const chunk *c, const kernel_instr *in) {
    const kernel_arg *table = &b->k->args[in->arg];
    LLVMValueRef element = l_mul(b->e, index_of(b, in->a), l_i64(b->e, table->columns));
    LLVMValueRef row = l_at(b->e, l_dtype(b->e, (dtype)table->elem), place_of(b, in), element);
    return load_at(b, c, (dtype)table->elem, row);
}

static LLVMValueRef emit_pick(body *b, const chunk *c, const kernel_instr *in) {
    (void)c;
    dtype elem = (dtype)b->k->args[in->arg].elem;
    LLVMValueRef address = l_at(b->e, l_dtype(b->e, elem), place_of(b, in), index_of(b, in->a));
    return load_at(b, NULL, elem, address);
}

// |c|: NULL for a ONE value.
typedef LLVMValueRef place_emitter(body *b, const chunk *c, const kernel_instr *in);

static place_emitter *const place_emitters[KI_PRODUCT + 1] = {
    [OP_CONST] = emit_const, [OP_COLUMN] = emit_column, [OP_GATHER] = emit_gather,
    [OP_PICK] = emit_pick,   [KI_LOAD] = emit_load,     [KI_PRODUCT] = emit_product,
};

// ---- Values ----

// A value as an operand: as it is in its own row or chunk, or spread over the chunk's lanes.
static LLVMValueRef operand(body *b, const chunk *c, int16_t instr) {
    if (instr < 0) {
        return NULL;
    }
    LLVMValueRef value = b->value[instr];
    return c && !b->phases->full[instr] ? l_splat(b->e, value, c->lanes) : value;
}

static LLVMValueRef compute(body *b, const chunk *c, uint32_t i) {
    const kernel_instr *in = &b->k->instrs[i];
    if (place_emitters[in->code]) {
        return place_emitters[in->code](b, c, in);
    }
    op_operands o = {operand(b, c, in->a), operand(b, c, in->b), operand(b, c, in->c), (dtype)in->elem};
    return emit_op(b->e, (op_id)in->code, &o);
}

// A reduction over a single column is that column's value; of a maximum's place, column 0.
static LLVMValueRef reduce_single(body *b, uint32_t i) {
    const kernel_instr *in = &b->k->instrs[i];
    if (in->code == OP_ARGMAX) {
        return l_int(b->e, b->e->i32, 0);
    }
    return l_convert(b->e, b->value[in->a], (dtype)in->elem);
}

void body_ones(body *b, int pass) {
    for (uint32_t i = 0; i < b->k->instr_count; i++) {
        bool reduces = kernel_reduces(b->k, i), single = b->k->columns == 1 && !b->k->flat;
        if (b->phases->full[i] || b->k->instrs[i].code == KI_STORE || b->phases->pass[i] != pass) {
            continue;
        }
        if (!reduces) {
            b->value[i] = compute(b, NULL, i);
        } else if (single) {
            b->value[i] = reduce_single(b, i);
        }
    }
}

// Where chunk |c| of a value kept between passes is.
static LLVMValueRef slot_row(body *b, uint32_t i) {
    int64_t columns = (b->k->columns + 15) / 16 * 16;
    return l_offset(b->e, b->e->i8, b->scratch, b->phases->slot[i] * columns * SLOT_BYTES);
}

// Slots have room for all lanes, so their chunks are always whole.
static chunk whole_chunk(const chunk *c) {
    return (chunk){c->column, c->lanes, c->lanes, NULL};
}

void body_chunk(body *b, const chunk *c, int pass, const bool *needed) {
    chunk whole = whole_chunk(c);
    for (uint32_t i = 0; i < b->k->instr_count; i++) {
        if (!needed[i]) {
            continue;
        }
        bool slot = b->phases->slot[i] >= 0;
        if (slot && b->phases->pass[i] < pass) {
            b->value[i] =
                chunk_load(b->e, &whole, l_dtype(b->e, (dtype)b->k->instrs[i].elem), slot_row(b, i));
            continue;
        }
        b->value[i] = compute(b, c, i);
        if (slot) {
            chunk_store(b->e, &whole, b->value[i], slot_row(b, i));
        }
    }
}

LLVMValueRef body_value(body *b, const chunk *c, int16_t instr) {
    return l_number(b->e, operand(b, c, instr));
}

static void store_instr(body *b, const chunk *c, const kernel_instr *in) {
    LLVMValueRef value = l_convert(b->e, operand(b, c, in->a), (dtype)b->k->args[in->arg].elem);
    if (c) {
        chunk_store(b->e, c, value, place_of(b, in));
    } else {
        l_store(b->e, value, place_of(b, in));
    }
}

static void store_all(body *b, const chunk *c) {
    for (uint32_t i = 0; i < b->k->instr_count; i++) {
        if (b->k->instrs[i].code == KI_STORE && (b->phases->full[i] != 0) == (c != NULL)) {
            store_instr(b, c, &b->k->instrs[i]);
        }
    }
}

void body_store_chunk(body *b, const chunk *c) {
    store_all(b, c);
}

void body_store_ones(body *b) {
    store_all(b, NULL);
}

bool body_has_one_stores(const body *b) {
    for (uint32_t i = 0; i < b->k->instr_count; i++) {
        if (b->k->instrs[i].code == KI_STORE && !b->phases->full[i]) {
            return true;
        }
    }
    return false;
}

unsigned body_lanes(const emitter *e, const kernel_desc *k) {
    int bytes = 4;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        if (kernel_reduces(k, i)) {
            return REDUCTION_LANES;
        }
        int own = dtype_bytes((dtype)k->instrs[i].elem);
        bytes = own > bytes ? own : bytes;
    }
    return (unsigned)(e->target->vector_bytes / bytes);
}
