// The register tile: a few rows of A by a panel's vectors, one accumulator each, one chain of multiply-adds per element
// from inner index to inner index.
#include "codegen/product.h"

enum { MOST_VECTORS = 32, FEW_ACCUMULATORS = 8 };

typedef struct micro {
    product_panel *p;
    emitter *e;
    int rows;
    int vectors; // of all gates
    LLVMTypeRef type;
    LLVMValueRef a[MOST_VECTORS]; // the rows' first elements; transposed: only the first
    LLVMValueRef a_stride, b;
} micro;

static LLVMValueRef load_a(const micro *m, int row, LLVMValueRef k) {
    emitter *e = m->e;
    LLVMTypeRef element = m->p->element;
    LLVMValueRef at = m->p->f->k->transposed
                          ? l_offset(e, element, l_at(e, element, m->a[0], l_mul(e, k, m->a_stride)), row)
                          : l_at(e, element, m->a[row], k);
    return l_splat(e, l_load(e, element, at), m->p->lanes);
}

static LLVMValueRef load_b(const micro *m, int vector, LLVMValueRef k) {
    const product_panel *p = m->p;
    int gate = vector / (int)p->vectors, part = vector % (int)p->vectors;
    int64_t column = (int64_t)gate * p->tiling.unit_columns + (int64_t)part * p->lanes;
    LLVMValueRef row = l_at(m->e, p->element, m->b, l_mul(m->e, k, l_i64(m->e, product_width(p))));
    return l_load(m->e, m->type, l_offset(m->e, p->element, row, column));
}

// One inner index for all accumulators. What there is less of is loaded first and stays in registers.
static void step(const micro *m, LLVMValueRef k, LLVMValueRef *sums) {
    LLVMValueRef a[MOST_VECTORS], b[MOST_VECTORS];
    for (int r = 0; r < m->rows; r++) {
        a[r] = load_a(m, r, k);
    }
    for (int v = 0; v < m->vectors; v++) {
        b[v] = load_b(m, v, k);
        for (int r = 0; r < m->rows; r++) {
            LLVMValueRef *sum = &sums[r * m->vectors + v];
            *sum = l_fma(m->e, a[r], b[v], *sum);
        }
    }
}

// Inner indices [from, to) in turns of |unroll|.
static void run(const micro *m, LLVMValueRef from, LLVMValueRef to, int unroll, LLVMValueRef *sums) {
    unsigned count = (unsigned)(m->rows * m->vectors);
    l_loop loop;
    l_loop_begin(m->e, &loop, from, to, unroll, sums, count);
    for (unsigned i = 0; i < count; i++) {
        sums[i] = loop.value[i];
    }
    for (int u = 0; u < unroll; u++) {
        step(m, l_add(m->e, loop.index, l_i64(m->e, u)), sums);
    }
    l_loop_end(&loop, sums);
    for (unsigned i = 0; i < count; i++) {
        sums[i] = loop.value[i];
    }
}

static LLVMValueRef sums_at(const micro *m, LLVMValueRef sums, int row, int vector) {
    const product_panel *p = m->p;
    int gate = vector / (int)p->vectors, part = vector % (int)p->vectors;
    int64_t column = (int64_t)gate * p->tiling.unit_columns + (int64_t)part * p->lanes;
    return l_offset(m->e, p->element, sums, row * product_width(p) + column);
}

static void store_sums(const micro *m, const LLVMValueRef *sums, LLVMValueRef address, bool add) {
    for (int i = 0; i < m->rows * m->vectors; i++) {
        LLVMValueRef at = sums_at(m, address, i / m->vectors, i % m->vectors), sum = sums[i];
        if (add) {
            sum = LLVMBuildFAdd(m->e->builder, l_load(m->e, m->type, at), sum, "");
        }
        l_store(m->e, sum, at);
    }
}

static void load_row_pointers(micro *m, LLVMValueRef a) {
    for (int r = 0; r < m->rows; r++) {
        m->a[r] = l_at(m->e, m->p->element, a, l_mul(m->e, l_i64(m->e, r), m->a_stride));
    }
}

LLVMValueRef product_micro(product_panel *p, int rows) {
    emitter *e = p->f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->pointer, e->i64, e->pointer, e->i64};
    LLVMValueRef function = l_function(e, "tile", parameters, 6, true);
    micro m = {.p = p, .e = e, .rows = rows, .vectors = p->gates * (int)p->vectors,
               .type = l_vector_type(p->element, p->lanes), .a_stride = LLVMGetParam(function, 1),
               .b = LLVMGetParam(function, 2)};
    m.a[0] = LLVMGetParam(function, 0);
    if (!p->f->k->transposed) {
        load_row_pointers(&m, m.a[0]);
    }
    LLVMValueRef length = LLVMGetParam(function, 3), sums[LOOP_MAX_CARRIED];
    for (int i = 0; i < rows * m.vectors; i++) {
        sums[i] = LLVMConstNull(m.type);
    }
    int unroll = rows * m.vectors <= FEW_ACCUMULATORS ? 4 : 2;
    LLVMValueRef even = LLVMBuildAnd(e->builder, length, l_i64(e, -unroll), "");
    run(&m, l_i64(e, 0), even, unroll, sums);
    run(&m, even, length, 1, sums);
    l_if later;
    LLVMValueRef add = LLVMBuildICmp(e->builder, LLVMIntNE, LLVMGetParam(function, 5), l_i64(e, 0), "");
    l_if_begin(e, &later, add);
    store_sums(&m, sums, LLVMGetParam(function, 4), true);
    l_if_else(&later);
    store_sums(&m, sums, LLVMGetParam(function, 4), false);
    l_if_end(&later);
    LLVMBuildRetVoid(e->builder);
    return function;
}
