// Products by the written rule of summation: blocks of 512 inner indices from index 0, each a chain in ascending
// order from 0, the blocks' sums added in ascending order. In doubles, with separate multiplication and addition;
// f32 results are rounded once at the end, so they are nearer to the truth than f32 arithmetic is.
#include <string.h>

#include "ir/eval.h"

enum { BLOCK = 512, TILE = 4 };

// The numbers m(k, i) of a matrix: at + k * k_stride + i * i_stride, or with a table of offsets in place of either
// product.
typedef struct factor {
    const double *at;
    const int64_t *k_offset, *i_offset; // NULL: strides
    int64_t k_stride, i_stride;
    int64_t count; // of i
} factor;

// TILE doubles as one value of the machine: the compilers do the rest on any target.
typedef double lanes __attribute__((vector_size(TILE * sizeof(double)), aligned(sizeof(double)), may_alias));

static int64_t tiles(int64_t count) {
    return (count + TILE - 1) / TILE;
}

// Copies m(k, i) for k in [k0, k0 + size) and the TILE i from |i0| to panel[k * TILE + i]; beyond the end zeros.
static void pack_panel(const factor *m, int64_t k0, int64_t size, int64_t i0, double *panel) {
    for (int64_t i = 0; i < TILE; i++) {
        if (i0 + i >= m->count) {
            for (int64_t k = 0; k < size; k++) {
                panel[k * TILE + i] = 0;
            }
            continue;
        }
        const double *from = m->at + (m->i_offset ? m->i_offset[i0 + i] : (i0 + i) * m->i_stride);
        for (int64_t k = 0; k < size; k++) {
            panel[k * TILE + i] = from[m->k_offset ? m->k_offset[k0 + k] : (k0 + k) * m->k_stride];
        }
    }
}

// sum[i] = the sum over k of a(k, i) b(k, ·).
static void multiply_panels(const double *a, const double *b, int64_t size, lanes sum[TILE]) {
    lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t k = 0; k < size; k++, a += TILE, b += TILE) {
        lanes row = *(const lanes *)b;
        s0 += a[0] * row;
        s1 += a[1] * row;
        s2 += a[2] * row;
        s3 += a[3] * row;
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

// Where the result goes: row i at + (row_offset[i] or i * row_stride), columns side by side.
typedef struct product_target {
    double *at;
    const int64_t *row_offset;
    int64_t row_stride;
} product_target;

static void store_tile(const product_target *to, const factor *a, const factor *b, int64_t i0, int64_t j0,
                       bool first, const lanes sum[TILE]) {
    int64_t columns = b->count - j0 < TILE ? b->count - j0 : TILE;
    for (int64_t i = 0; i < TILE && i0 + i < a->count; i++) {
        double *row = to->at + (to->row_offset ? to->row_offset[i0 + i] : (i0 + i) * to->row_stride) + j0;
        for (int64_t j = 0; j < columns; j++) {
            row[j] = first ? sum[i][j] : row[j] + sum[i][j];
        }
    }
}

static size_t panels_bytes(int64_t count_a, int64_t inner) {
    int64_t block = inner < BLOCK ? inner : BLOCK;
    return (size_t)((tiles(count_a) + 1) * TILE * block) * sizeof(double);
}

// to(i, j) = the sum over |inner| indices k of a(k, i) b(k, j). |panels| has panels_bytes.
static void multiply(const factor *a, const factor *b, int64_t inner, const product_target *to,
                     double *panels) {
    for (int64_t k0 = 0; k0 < inner; k0 += BLOCK) {
        int64_t size = inner - k0 < BLOCK ? inner - k0 : BLOCK;
        double *b_panel = panels + tiles(a->count) * TILE * size;
        for (int64_t i = 0; i < tiles(a->count); i++) {
            pack_panel(a, k0, size, i * TILE, panels + i * TILE * size);
        }
        for (int64_t j0 = 0; j0 < b->count; j0 += TILE) {
            pack_panel(b, k0, size, j0, b_panel);
            for (int64_t i = 0; i < tiles(a->count); i++) {
                lanes sum[TILE];
                multiply_panels(panels + i * TILE * size, b_panel, size, sum);
                store_tile(to, a, b, i * TILE, j0, k0 == 0, sum);
            }
        }
    }
}

// Two tables of |rows| offsets followed by the panels, in the run's scratch memory.
static int64_t *allocate(const eval_call *c, int64_t rows, int64_t count_a, int64_t inner,
                         double **out_panels) {
    size_t tables = (size_t)rows * 2 * sizeof(int64_t);
    int64_t *offsets = eval_scratch(c->run, tables + panels_bytes(count_a, inner));
    if (offsets) {
        *out_panels = (double *)(offsets + rows * 2);
    }
    return offsets;
}

rnnc_status eval_MATMUL(eval_call *c) {
    eval_place x = eval_operand(c, 0), w = eval_operand(c, 1);
    value_type table = eval_operand_type(c, 1);
    bool transposed = c->n->attr[0].i;
    int64_t inner = table.dim[transposed], columns = table.dim[!transposed];
    eval_box rows = eval_rows_of(&c->box);
    int64_t count = eval_box_count(&rows);
    double *panels;
    int64_t *x_rows = allocate(c, count, count, inner, &panels);
    if (!x_rows) {
        return eval_fail(c, RNNC_OUT_OF_MEMORY, "no memory left");
    }
    int64_t *out_rows = x_rows + count;
    eval_row_offsets(&rows, &x, x_rows);
    eval_row_offsets(&rows, &c->out, out_rows);
    factor a = {.at = x.at, .k_stride = 1, .i_offset = x_rows, .count = count};
    factor b = {.at = w.at, .k_stride = columns, .i_stride = 1, .count = columns};
    if (transposed) {
        b.k_stride = 1;
        b.i_stride = inner;
    }
    product_target to = {.at = c->out.at, .row_offset = out_rows};
    multiply(&a, &b, inner, &to, panels);
    return RNNC_OK;
}

rnnc_status eval_OUTER(eval_call *c) {
    eval_place x = eval_operand(c, 0), y = eval_operand(c, 1);
    eval_box all = eval_box_of(c->run, eval_operand_type(c, 0)), rows = eval_rows_of(&all);
    int64_t inner = eval_box_count(&rows);
    int64_t m = type_columns(eval_operand_type(c, 0)), n = type_columns(eval_operand_type(c, 1));
    double *panels;
    int64_t *x_rows = allocate(c, inner, m, inner, &panels);
    if (!x_rows) {
        return eval_fail(c, RNNC_OUT_OF_MEMORY, "no memory left");
    }
    int64_t *y_rows = x_rows + inner;
    eval_row_offsets(&rows, &x, x_rows);
    eval_row_offsets(&rows, &y, y_rows);
    factor a = {.at = x.at, .k_offset = x_rows, .i_stride = 1, .count = m};
    factor b = {.at = y.at, .k_offset = y_rows, .i_stride = 1, .count = n};
    product_target to = {.at = c->out.at, .row_stride = n};
    multiply(&a, &b, inner, &to, panels);
    return RNNC_OK;
}
