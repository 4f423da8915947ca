// The register tile: a few rows of A by a panel's vectors, one accumulator each, one chain of multiply-adds
// per element from inner index to inner index.
#include "codegen/product.h"

#include <stdio.h>
#include <string.h>

#include "codegen/chunk.h"
#include "passes/tiling.h"

enum { MOST_VECTORS = 32 };

product_panel product_describe(frame *f, int columns) {
    const kernel_desc *k = f->k;
    dtype elem = (dtype)k->elem;
    product_tiling tiling = product_tile(f->layout, elem, k->gates, k->columns);
    product_panel p = {
        .f = f, .tiling = tiling, .element = l_dtype(f->e, elem), .gates = k->gates, .columns = columns};
    p.lanes = (unsigned)product_lanes(f->shape, elem, tiling.unit_columns);
    p.vectors = ((unsigned)columns + p.lanes - 1) / p.lanes;
    p.max_rows = product_tile_rows(f->shape, k->gates * (int32_t)p.vectors);
    return p;
}

typedef struct micro {
    const product_panel *p;
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

static void add_product(const micro *m, LLVMValueRef a, LLVMValueRef b, int row, int vector,
                        LLVMValueRef *sums) {
    LLVMValueRef *sum = &sums[row * m->vectors + vector];
    *sum = l_fma(m->e, a, b, *sum);
}

// One inner index for all accumulators. What there is less of, rows of A or vectors of B, is loaded first and
// stays in registers; the others pass through one.
static void step(const micro *m, LLVMValueRef k, LLVMValueRef *sums) {
    LLVMValueRef kept[MOST_VECTORS];
    bool keep_b = m->vectors < m->rows;
    for (int i = 0; i < (keep_b ? m->vectors : m->rows); i++) {
        kept[i] = keep_b ? load_b(m, i, k) : load_a(m, i, k);
    }
    for (int r = 0; keep_b && r < m->rows; r++) {
        LLVMValueRef a = load_a(m, r, k);
        for (int v = 0; v < m->vectors; v++) {
            add_product(m, a, kept[v], r, v, sums);
        }
    }
    for (int v = 0; !keep_b && v < m->vectors; v++) {
        LLVMValueRef b = load_b(m, v, k);
        for (int r = 0; r < m->rows; r++) {
            add_product(m, kept[r], b, r, v, sums);
        }
    }
}

static LLVMValueRef sums_at(const micro *m, LLVMValueRef sums, int row, int vector) {
    const product_panel *p = m->p;
    int gate = vector / (int)p->vectors, part = vector % (int)p->vectors;
    int64_t column = (int64_t)gate * p->tiling.unit_columns + (int64_t)part * p->lanes;
    return l_offset(m->e, p->element, sums, row * product_width(p) + column);
}

// Without gaps between the gates' vectors, they are as one gate's.
static void tile_name(char *name, size_t size, const product_panel *p, int rows) {
    bool dense = (int)(p->vectors * p->lanes) == p->tiling.unit_columns;
    int gates = dense ? 1 : p->gates, vectors = (int)p->vectors * (p->gates / gates);
    int64_t unit = dense ? product_width(p) : p->tiling.unit_columns;
    snprintf(name, size, "tile.%s.%dx%ux%d.gates%d.%ld%s", dtype_name((dtype)p->f->k->elem), rows, p->lanes,
             vectors, gates, (long)unit, p->f->k->transposed ? ".transposed" : "");
}

static void begin_tile(micro *m, LLVMValueRef function) {
    m->a[0] = LLVMGetParam(function, 0);
    m->a_stride = LLVMGetParam(function, 1);
    m->b = LLVMGetParam(function, 2);
    for (int r = 0; r < m->rows && !m->p->f->k->transposed; r++) {
        m->a[r] =
            l_at(m->e, m->p->element, LLVMGetParam(function, 0), l_mul(m->e, l_i64(m->e, r), m->a_stride));
    }
}

LLVMValueRef product_micro(const product_panel *p, int rows) {
    emitter *e = p->f->e;
    char name[128];
    tile_name(name, sizeof name, p, rows);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function) {
        return function;
    }
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->pointer, e->i64, e->pointer};
    function = l_function(e, name, parameters, 5, true);
    micro m = {.p = p,
               .e = e,
               .rows = rows,
               .vectors = p->gates * (int)p->vectors,
               .type = l_vector_type(p->element, p->lanes)};
    begin_tile(&m, function);
    LLVMValueRef sums[LOOP_MAX_CARRIED];
    int count = rows * m.vectors;
    for (int i = 0; i < count; i++) {
        sums[i] = LLVMConstNull(m.type);
    }
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), LLVMGetParam(function, 3), 1, sums, (unsigned)count);
    memcpy(sums, loop.value, (size_t)count * sizeof *sums);
    step(&m, loop.index, sums);
    l_loop_end(&loop, sums);
    for (int i = 0; i < count; i++) {
        l_store(e, sums[i], sums_at(&m, LLVMGetParam(function, 4), i / m.vectors, i % m.vectors));
    }
    LLVMBuildRetVoid(e->builder);
    return function;
}

// Begins a helper that goes over the vectors of some rows of sums; NULL if the module has it already.
static LLVMValueRef begin_helper(const product_panel *p, const char *kind, LLVMTypeRef *parameters,
                                 unsigned count, LLVMValueRef *out_function) {
    char name[128];
    snprintf(name, sizeof name, "%s.%s.%u.%ld", kind, dtype_name((dtype)p->f->k->elem), p->lanes,
             (long)product_width(p));
    LLVMValueRef known = LLVMGetNamedFunction(p->f->e->module, name);
    *out_function = known ? known : l_function(p->f->e, name, parameters, count, true);
    return known ? NULL : *out_function;
}

LLVMValueRef product_add(const product_panel *p) {
    emitter *e = p->f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64}, type = l_vector_type(p->element, p->lanes);
    LLVMValueRef function;
    if (!begin_helper(p, "add", parameters, 3, &function)) {
        return function;
    }
    LLVMValueRef count = l_mul(e, LLVMGetParam(function, 2), l_i64(e, product_width(p)));
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), count, p->lanes, NULL, 0);
    LLVMValueRef to = l_at(e, p->element, LLVMGetParam(function, 0), loop.index);
    LLVMValueRef part = l_load(e, type, l_at(e, p->element, LLVMGetParam(function, 1), loop.index));
    l_store(e, LLVMBuildFAdd(e->builder, l_load(e, type, to), part, ""), to);
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}

LLVMValueRef product_zero(const product_panel *p) {
    emitter *e = p->f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->i64}, type = l_vector_type(p->element, p->lanes);
    LLVMValueRef function;
    if (!begin_helper(p, "zero", parameters, 2, &function)) {
        return function;
    }
    LLVMValueRef count = l_mul(e, LLVMGetParam(function, 1), l_i64(e, product_width(p)));
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, 0), count, p->lanes, NULL, 0);
    l_store(e, LLVMConstNull(type), l_at(e, p->element, LLVMGetParam(function, 0), loop.index));
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}
