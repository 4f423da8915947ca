// Compiled products and weight packing against the rule of arithmetic written out: bit for bit on targets
// with fused multiply-add (and, as multiply and add, without), for all shapes of rows, inner length, columns
// and gates, both layouts of A, B packed or plain, whatever way the units are split.
//     test_product [--full]     all combinations; else a part that meets every value of every parameter
#include "tests/unit/kernel_fixture.h"

#include <math.h>

typedef struct product_case {
    dtype elem;
    int gates;
    int32_t columns;
    int64_t rows, inner;
    bool packed, transposed;
} product_case;

static bool full_run;

// ---- The rule ----

static double multiply_add(dtype elem, bool fused, double a, double b, double c) {
    if (elem == DT_F32) {
        float x = (float)a, y = (float)b, z = (float)c;
        return fused ? fmaf(x, y, z) : x * y + z;
    }
    return fused ? fma(a, b, c) : a * b + c;
}

static double product_rule(const product_case *p, bool fused, const hand_array *a, const hand_array *b,
                           int64_t m, int64_t column) {
    int64_t width = (int64_t)p->gates * p->columns;
    double total = 0;
    for (int64_t from = 0; from < p->inner; from += PRODUCT_BLOCK) {
        double part = 0;
        for (int64_t k = from; k < p->inner && k < from + PRODUCT_BLOCK; k++) {
            double x = array_get(a, p->transposed ? k * p->rows + m : m * p->inner + k);
            part = multiply_add(p->elem, fused, x, array_get(b, k * width + column), part);
        }
        total = p->elem == DT_F32 ? (float)total + (float)part : total + part;
    }
    return total;
}

// ---- One case ----

typedef struct product_arrays {
    hand_array a, b, packed, bias, sums, out, row_out;
} product_arrays;

// The epilogue stores each gate's sums; out[c] = the sum over gates of (gate + 1) * P plus a bias; row_out:
// 2.
static void make_product(hand_kernel *h, const product_case *p) {
    hand_init(h, KERNEL_PRODUCT, p->elem, p->columns);
    h->k.gates = p->gates;
    h->k.packed = p->packed;
    h->k.transposed = p->transposed;
    h->k.inner = p->packed ? (int32_t)p->inner : 0;
    hand_arg(h, p->elem, false, (int32_t)(p->transposed ? p->rows : p->inner));
    hand_uniform(h, p->elem, false, p->gates * p->columns);
    int16_t sums = hand_arg(h, p->elem, true, p->gates * p->columns);
    int16_t bias = hand_uniform(h, p->elem, false, p->columns), out = hand_arg(h, p->elem, true, p->columns);
    int16_t row_out = hand_arg(h, p->elem, true, 1);
    int16_t value = hand_load(h, bias, true, 0), two = hand_const(h, p->elem, 2);
    for (int g = 0; g < p->gates; g++) {
        int16_t gate = hand_gate(h, g);
        hand_store(h, sums, true, g * p->columns, gate);
        int16_t factor = hand_const(h, p->elem, g + 1);
        int16_t scaled = hand_op(h, OP_MUL, p->elem, true, gate, factor, -1);
        value = hand_op(h, OP_ADD, p->elem, true, value, scaled, -1);
    }
    hand_store(h, out, true, 0, value);
    hand_store(h, row_out, false, 0, two);
}

static product_arrays make_arrays(const product_case *p, const backend_case *c) {
    int64_t width = (int64_t)p->gates * p->columns;
    product_tiling t = product_tile(c->backend.shape, p->elem, p->gates, p->columns);
    product_arrays s = {
        array_new(p->elem, p->rows * p->inner),
        array_new(p->elem, p->inner * width),
        array_new(p->elem, product_packed_elements(t, p->gates, (int32_t)p->inner)),
        array_new(p->elem, p->columns),
        array_new(p->elem, p->rows * width),
        array_new(p->elem, p->rows * p->columns),
        array_new(p->elem, p->rows),
    };
    array_fill(&s.a, 1);
    array_fill(&s.b, 2);
    array_fill(&s.bias, 3);
    return s;
}

static void free_arrays(product_arrays *s) {
    hand_array *all[] = {&s->a, &s->b, &s->packed, &s->bias, &s->sums, &s->out, &s->row_out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        array_free(all[i]);
    }
}

// B by the layout that kernel.h states.
static void pack_by_hand(const product_case *p, const backend_case *c, product_arrays *s) {
    product_tiling t = product_tile(c->backend.shape, p->elem, p->gates, p->columns);
    for (int64_t i = 0; i < s->packed.count; i++) {
        int64_t u = i % t.unit_columns, g = i / t.unit_columns % p->gates;
        int64_t k = i / t.unit_columns / p->gates % p->inner,
                panel = i / t.unit_columns / p->gates / p->inner;
        int64_t column = panel * t.unit_columns + u;
        bool inside = column < p->columns;
        array_set(&s->packed, i, inside ? array_get(&s->b, (k * p->gates + g) * p->columns + column) : 0);
    }
}

static void check(const product_case *p, const backend_case *c, const product_arrays *s) {
    int64_t width = (int64_t)p->gates * p->columns;
    for (int64_t m = 0; m < p->rows; m++) {
        for (int64_t column = 0; column < p->columns; column++) {
            double value = array_get(&s->bias, column);
            for (int g = 0; g < p->gates; g++) {
                double sum = product_rule(p, c->fused, &s->a, &s->b, m, g * p->columns + column);
                double found = array_get(&s->sums, m * width + g * p->columns + column);
                if (sum != found) {
                    fail_msg("%s %s gates %d columns %d rows %ld inner %ld packed %d transposed %d: at %ld, "
                             "%ld gate %d: "
                             "%.17g, not %.17g",
                             c->cpu, dtype_name(p->elem), p->gates, p->columns, (long)p->rows, (long)p->inner,
                             p->packed, p->transposed, (long)m, (long)column, g, found, sum);
                }
                double term = p->elem == DT_F32 ? (float)sum * (float)(g + 1) : sum * (g + 1);
                value = p->elem == DT_F32 ? (float)value + (float)term : value + term;
            }
            assert_true(array_get(&s->out, m * p->columns + column) == value);
        }
        assert_true(array_get(&s->row_out, m) == 2);
    }
}

static void run_case(backends *b, const backend_case *c, const hand_kernel *h, kernel_function *function,
                     const product_case *p) {
    (void)b;
    product_arrays s = make_arrays(p, c);
    pack_by_hand(p, c, &s);
    hand_ints ints = hand_rows(h, p->rows);
    int64_t *a = &ints.at[KERNEL_STRIDES];
    ints.at[KERNEL_INNER] = p->inner;
    a[0] = p->transposed ? 1 : p->inner;
    a[3] = p->transposed ? p->rows : 1;
    ints.at[KERNEL_STRIDES + 4 + 3] = (int64_t)p->gates * p->columns;
    void *args[] = {s.a.at, p->packed ? s.packed.at : s.b.at, s.sums.at, s.bias.at, s.out.at, s.row_out.at};
    for (int64_t pieces = 1; pieces <= 3; pieces += 2) {
        array_fill(&s.sums, 9);
        array_fill(&s.out, 9);
        hand_run(c, h, function, args, &ints, pieces);
        if (pieces == 1 || p->rows * p->inner < 50000) {
            check(p, c, &s);
        }
    }
    free_arrays(&s);
}

// All row counts of one kernel; a kernel with packed B has a static inner length.
static void run_kernel(backends *b, const backend_case *c, product_case p, const int64_t *rows,
                       int row_count) {
    hand_kernel h;
    make_product(&h, &p);
    kernel_code_set code = hand_compile(b, c, &h);
    for (int i = 0; i < row_count; i++) {
        p.rows = rows[i];
        hand_kernel own;
        make_product(&own, &p); // only the arguments' row lengths differ
        run_case(b, c, &own, code.functions[0], &p);
    }
    c->backend.release(c->backend.self, &code);
}

// ---- Tests ----

static const int64_t all_rows[] = {1, 2, 3, 7, 20, 33, 150};
static const int64_t all_inner[] = {0, 1, 7, 100, 512, 513, 1100};
static const int32_t all_columns[] = {1, 7, 16, 32, 100, 200};
enum { ROWS = 7, INNER = 7, COLUMNS = 6, GATES = 4 };

// In the short run each kernel meets one inner length and two row counts, all of them in turn.
static void run_shape(backends *b, const backend_case *c, product_case p, unsigned turn) {
    if (full_run) {
        for (int i = 0; i < INNER; i++) {
            p.inner = all_inner[i];
            run_kernel(b, c, p, all_rows, ROWS);
        }
        return;
    }
    p.inner = all_inner[turn % INNER];
    int64_t rows[] = {all_rows[turn % (ROWS - 1)], all_rows[(turn / 3 + 2) % (ROWS - 1)]};
    run_kernel(b, c, p, rows, p.inner > 600 ? 1 : 2);
}

static void test_products(void **state) {
    backends *b = *state;
    unsigned turn = 0;
    for (int t = 0; t < b->count; t++) {
        for (int form = 0; form < 8; form++) {
            for (int shape = 0; shape < GATES * COLUMNS; shape++) {
                product_case p = {.elem = form & 1 ? DT_F64 : DT_F32,
                                  .gates = shape % GATES + 1,
                                  .columns = all_columns[shape / GATES],
                                  .packed = (form & 2) != 0,
                                  .transposed = (form & 4) != 0};
                turn++;
                if (full_run || (shape + form + t) % 8 == 0) {
                    run_shape(b, &b->at[t], p, turn);
                }
            }
        }
    }
}

// Many rows in several row blocks, and a large product of many panels.
static void test_large(void **state) {
    backends *b = *state;
    product_case cases[] = {
        {DT_F32, 1, 100, 150, 513, true, false}, {DT_F32, 2, 75, 211, 64, false, true},
        {DT_F64, 3, 30, 97, 520, false, false},  {DT_F32, 1, 1000, 13, 20, true, false},
        {DT_F32, 4, 130, 130, 100, true, false}, // large enough to turn
    };
    for (int t = 0; t < b->count; t++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            run_kernel(b, &b->at[t], cases[i], &cases[i].rows, 1);
        }
    }
}

// ---- Packing ----

static void run_pack(backends *b, const backend_case *c, const product_case *p) {
    hand_kernel h;
    int32_t width = p->gates * p->columns;
    hand_init(&h, KERNEL_PACK, p->elem, p->columns);
    h.k.gates = p->gates;
    h.k.inner = (int32_t)p->inner;
    h.k.transposed = p->transposed;
    hand_uniform(&h, p->elem, false, p->transposed ? (int32_t)p->inner : width);
    hand_uniform(&h, p->elem, true, 1);
    product_arrays s = make_arrays(p, c);
    pack_by_hand(p, c, &s);
    hand_array source = array_new(p->elem, p->inner * width), found = array_new(p->elem, s.packed.count);
    for (int64_t k = 0; k < p->inner; k++) {
        for (int64_t column = 0; column < width; column++) {
            array_set(&source, p->transposed ? column * p->inner + k : k * width + column,
                      array_get(&s.b, k * width + column));
        }
    }
    kernel_code_set code = hand_compile(b, c, &h);
    hand_ints ints = {{0}};
    hand_run(c, &h, code.functions[0], (void *[]){source.at, found.at}, &ints, 2);
    assert_memory_equal(found.at, s.packed.at, (size_t)found.count * (size_t)dtype_bytes(p->elem));
    c->backend.release(c->backend.self, &code);
    array_free(&source);
    array_free(&found);
    free_arrays(&s);
}

static void test_pack(void **state) {
    backends *b = *state;
    for (int t = 0; t < b->count; t++) {
        for (int form = 0; form < 4; form++) {
            for (int shape = 0; shape < GATES * COLUMNS; shape++) {
                product_case p = {.elem = form & 1 ? DT_F64 : DT_F32,
                                  .gates = shape % GATES + 1,
                                  .rows = 1,
                                  .columns = all_columns[shape / GATES],
                                  .transposed = (form & 2) != 0};
                p.inner = all_inner[1 + (shape + form) % (INNER - 1)];
                if (full_run || (shape + form + t) % 4 == 1) {
                    run_pack(b, &b->at[t], &p);
                }
            }
        }
    }
}

int main(int argc, char **argv) {
    full_run = argc > 1 && strcmp(argv[1], "--full") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests_name("product", tests, backends_setup, backends_teardown);
}
