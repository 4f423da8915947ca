// KERNEL_PACK: a weight, or its transpose, into the panels of products.
#include "codegen/chunk.h"
#include "codegen/kernels.h"
#include "codegen/product.h"

enum { MOST_TILE = 8 };

// Rows of the source are rows of panels: copied vector by vector.
static void emit_plain(frame *f) {
    emitter *e = f->e;
    const kernel_desc *k = f->k;
    product_panel whole = product_describe(f, k->columns);
    int32_t unit = whole.tiling.unit_columns, rest = k->columns % unit;
    whole.columns = unit;
    whole.vectors = (unsigned)unit / whole.lanes;
    product_panel last = whole;
    last.columns = rest ? rest : unit;
    LLVMValueRef copy_whole = whole.tiling.panels > 1 ? product_pack(&whole) : NULL,
                 copy_last = product_pack(&last);
    frame_begin(f);
    l_loop loop;
    l_loop_begin(e, &loop, f->begin, f->end, 1, NULL, 0);
    LLVMValueRef from = l_at(e, whole.element, f->arg[0], l_mul(e, loop.index, l_i64(e, unit)));
    LLVMValueRef to =
        l_at(e, whole.element, f->arg[1], l_mul(e, loop.index, l_i64(e, product_width(&whole) * k->inner)));
    LLVMValueRef args[] = {from, l_i64(e, k->args[0].columns),         l_i64(e, k->inner),
                           to,   l_mul(e, loop.index, l_i64(e, unit)), l_i64(e, k->columns)};
    l_if inside;
    l_if_begin(e, &inside, l_less(e, loop.index, l_i64(e, whole.tiling.panels - 1)));
    if (copy_whole) {
        l_call(e, copy_whole, args, 6);
    }
    l_if_else(&inside);
    l_call(e, copy_last, args, 6);
    l_if_end(&inside);
    l_loop_end(&loop, NULL);
}

// A square of the transposed source, some rows by as many inner indices.
typedef struct square {
    frame *f;
    emitter *e;
    LLVMTypeRef element, type;
    unsigned size;
    LLVMValueRef row[MOST_TILE];  // the source's rows; beyond the columns: the last one again
    LLVMValueRef used[MOST_TILE]; // i1: a column of the weight, not padding
    LLVMValueRef to;              // where the row of inner index 0 goes
    int64_t to_step;
} square;

// Transposes in place: in each turn, blocks of |half| by |half| values change places across the diagonal.
static void transpose(const square *s, LLVMValueRef *rows) {
    emitter *e = s->e;
    for (unsigned half = s->size / 2; half; half /= 2) {
        LLVMValueRef low[MOST_TILE], high[MOST_TILE];
        for (unsigned i = 0; i < s->size; i++) {
            unsigned block = i & half;
            low[i] = LLVMConstInt(e->i32, block ? s->size + i - half : i, false);
            high[i] = LLVMConstInt(e->i32, block ? s->size + i : i + half, false);
        }
        LLVMValueRef low_mask = LLVMConstVector(low, s->size), high_mask = LLVMConstVector(high, s->size);
        for (unsigned i = 0; i < s->size; i++) {
            if (i & half) {
                continue;
            }
            LLVMValueRef a = rows[i], b = rows[i + half];
            rows[i] = LLVMBuildShuffleVector(e->builder, a, b, low_mask, "");
            rows[i + half] = LLVMBuildShuffleVector(e->builder, a, b, high_mask, "");
        }
    }
}

// |count| inner indices from |k| on.
static void copy_square(const square *s, LLVMValueRef k, unsigned count) {
    emitter *e = s->e;
    LLVMValueRef rows[MOST_TILE], zero = LLVMConstNull(s->type);
    for (unsigned i = 0; i < s->size; i++) {
        LLVMValueRef value = chunk_load_part(e, s->type, count, l_at(e, s->element, s->row[i], k));
        rows[i] = l_select(e, s->used[i], value, zero);
    }
    transpose(s, rows);
    LLVMValueRef to = l_at(e, s->element, s->to, l_mul(e, k, l_i64(e, s->to_step)));
    for (unsigned i = 0; i < count; i++) {
        l_store(e, rows[i], l_offset(e, s->element, to, i * s->to_step));
    }
}

// The source's rows for columns from |column| on of gate |gate|.
static void find_rows(square *s, LLVMValueRef gate, LLVMValueRef column) {
    emitter *e = s->e;
    const kernel_desc *k = s->f->k;
    LLVMValueRef gate_row = l_mul(e, gate, l_i64(e, k->columns));
    for (unsigned i = 0; i < s->size; i++) {
        LLVMValueRef own = l_add(e, column, l_i64(e, i));
        LLVMValueRef row = l_add(e, gate_row, l_min_i64(e, own, l_i64(e, k->columns - 1)));
        s->used[i] = l_less(e, own, l_i64(e, k->columns));
        s->row[i] = l_at(e, s->element, s->f->arg[0], l_mul(e, row, l_i64(e, k->args[0].columns)));
    }
}

static void copy_rows(const square *s) {
    emitter *e = s->e;
    unsigned rest = (unsigned)s->f->k->inner % s->size;
    LLVMValueRef whole = l_i64(e, s->f->k->inner - (int64_t)rest);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), whole, s->size, NULL, 0);
    copy_square(s, loop.index, s->size);
    l_loop_end(&loop, NULL);
    if (rest) {
        copy_square(s, whole, rest);
    }
}

static void emit_transposed(frame *f) {
    emitter *e = f->e;
    product_panel p = product_describe(f, f->k->columns);
    square s = {.f = f,
                .e = e,
                .element = p.element,
                .size = p.lanes < MOST_TILE ? p.lanes : MOST_TILE,
                .to_step = product_width(&p)};
    s.type = l_vector_type(p.element, s.size);
    int64_t unit = p.tiling.unit_columns;
    frame_begin(f);
    l_loop panels, gates, columns;
    l_loop_begin(e, &panels, f->begin, f->end, 1, NULL, 0);
    LLVMValueRef panel =
        l_at(e, p.element, f->arg[1], l_mul(e, panels.index, l_i64(e, s.to_step * f->k->inner)));
    LLVMValueRef first = l_mul(e, panels.index, l_i64(e, unit));
    l_loop_begin(e, &gates, l_i64(e, 0), l_i64(e, p.gates), 1, NULL, 0);
    l_loop_begin(e, &columns, l_i64(e, 0), l_i64(e, unit), s.size, NULL, 0);
    find_rows(&s, gates.index, l_add(e, first, columns.index));
    s.to = l_at(e, p.element, panel, l_add(e, l_mul(e, gates.index, l_i64(e, unit)), columns.index));
    copy_rows(&s);
    l_loop_end(&columns, NULL);
    l_loop_end(&gates, NULL);
    l_loop_end(&panels, NULL);
}

void emit_pack(frame *f) {
    if (f->k->transposed) {
        emit_transposed(f);
    } else {
        emit_plain(f);
    }
    LLVMBuildRetVoid(f->e->builder);
}
