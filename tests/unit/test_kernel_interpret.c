// The interpreting backend, each kind of kernel against a formula written out here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel_interpret.h"
#include "support/philox.h"

enum { ROWS = 37, INNER = 1100, COLUMNS = 21, GATES = 3, WIDE = GATES * COLUMNS };

static const target_shape shape = {32, 16};

static float wave(int64_t i) {
    return (float)sin((double)i * 0.37);
}

static void fill(float *data, int64_t count, int64_t phase) {
    for (int64_t i = 0; i < count; i++) {
        data[i] = wave(i + phase);
    }
}

// Runs all units, in an odd number of pieces.
static void run(const kernel_desc *k, void *const *args, const int64_t *ints) {
    int64_t units = kernel_units(k, shape, ints), grain = k->flat ? 16 : 1;
    for (int64_t begin = 0; begin < units; begin += 3 * grain) {
        int64_t end = begin + 3 * grain;
        kernel_interpret(k, shape, args, ints, begin, end < units ? end : units);
    }
}

static int16_t add(kernel_desc *k, uint16_t code, bool full, int16_t a, int16_t arg) {
    k->instrs[k->instr_count] = (kernel_instr){code, DT_F32, full, a, -1, -1, arg, 0, 0};
    return (int16_t)k->instr_count++;
}

static void arg(kernel_desc *k, dtype elem, bool written, int32_t columns) {
    k->args[k->arg_count++] = (kernel_arg){(uint8_t)elem, written, 0, columns};
}

// The rule of arithmetic: chains of 512 multiply-adds, their sums added in order.
static float product(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t inner) {
    float sum = 0;
    for (int64_t from = 0; from < inner; from += PRODUCT_BLOCK) {
        float part = 0;
        for (int64_t i = from; i < inner && i < from + PRODUCT_BLOCK; i++) {
            part = fmaf(a[i * a_step], b[i * b_step], part);
        }
        sum += part;
    }
    return sum;
}

// out = P of gate 2 - P of gate 0, with B in panels and in plain rows; two lengths of the inner index.
static void test_product(void **state) {
    (void)state;
    static float a[ROWS * INNER], b[INNER * WIDE], packed[INNER * GATES * 64], out[ROWS * COLUMNS];
    fill(a, ROWS * INNER, 0);
    fill(b, INNER * WIDE, 5);
    kernel_instr instrs[8];
    kernel_desc pack = {
        .kind = KERNEL_PACK, .elem = DT_F32, .columns = COLUMNS, .gates = GATES, .inner = INNER};
    arg(&pack, DT_F32, false, WIDE);
    arg(&pack, DT_F32, true, 1);
    int64_t ints[KERNEL_MAX_INTS] = {0};
    run(&pack, (void *[]){b, packed, NULL}, ints);
    kernel_desc k = {.kind = KERNEL_PRODUCT,
                     .elem = DT_F32,
                     .dims = 1,
                     .columns = COLUMNS,
                     .gates = GATES,
                     .instrs = instrs,
                     .inner = INNER};
    arg(&k, DT_F32, false, INNER);
    arg(&k, DT_F32, false, WIDE);
    arg(&k, DT_F32, true, COLUMNS);
    int16_t first = add(&k, KI_PRODUCT, true, -1, -1), last = add(&k, KI_PRODUCT, true, -1, -1);
    instrs[last].column = 2;
    int16_t difference = add(&k, OP_SUB, true, last, -1);
    instrs[difference].b = first;
    add(&k, KI_STORE, true, difference, 2);
    ints[0] = ROWS;
    ints[KERNEL_STRIDES] = INNER;
    ints[KERNEL_STRIDES + 3] = 1;
    ints[KERNEL_STRIDES + 4 + 3] = WIDE;
    ints[KERNEL_STRIDES + 8] = COLUMNS;
    for (int form = 0; form < 4; form++) {
        k.packed = form & 1;
        ints[KERNEL_INNER] = form & 2 ? 0 : INNER;
        memset(out, 0x55, sizeof out);
        run(&k, (void *[]){a, k.packed ? packed : b, out, NULL}, ints);
        for (int64_t m = 0; m < ROWS; m++) {
            for (int64_t c = 0; c < COLUMNS; c++) {
                float p0 = product(a + m * INNER, 1, b + c, WIDE, ints[KERNEL_INNER]);
                float p2 = product(a + m * INNER, 1, b + 2 * COLUMNS + c, WIDE, ints[KERNEL_INNER]);
                assert_true(out[m * COLUMNS + c] == p2 - p0);
            }
        }
    }
}

// The sum over rows of outer products: A is given as A[k, m].
static void test_outer(void **state) {
    (void)state;
    enum { K = 600, M = 9, C = 5 };
    static float a[K * M], b[K * C], out[M * C];
    fill(a, K * M, 0);
    fill(b, K * C, 3);
    kernel_instr instrs[8];
    kernel_desc k = {.kind = KERNEL_PRODUCT,
                     .elem = DT_F32,
                     .dims = 1,
                     .columns = C,
                     .gates = 1,
                     .transposed = 1,
                     .instrs = instrs};
    arg(&k, DT_F32, false, M);
    arg(&k, DT_F32, false, C);
    arg(&k, DT_F32, true, C);
    add(&k, KI_STORE, true, add(&k, KI_PRODUCT, true, -1, -1), 2);
    int64_t ints[KERNEL_MAX_INTS] = {M, 0, 0, K, 1, 0, 0, M, 0, 0, 0, C, C};
    run(&k, (void *[]){a, b, out, NULL}, ints);
    for (int m = 0; m < M; m++) {
        for (int c = 0; c < C; c++) {
            assert_true(out[m * C + c] == product(a + m, M, b + c, C, K));
        }
    }
}

// Column sums, maxima, log-sum-exp, largest column and a picked element of each row.
static void test_row_reductions(void **state) {
    (void)state;
    static float x[ROWS * COLUMNS], out[ROWS * 4], softmax[ROWS * COLUMNS];
    static int32_t which[ROWS], largest[ROWS];
    fill(x, ROWS * COLUMNS, 0);
    for (int r = 0; r < ROWS; r++) {
        which[r] = (r * 5) % COLUMNS;
    }
    kernel_instr instrs[24];
    kernel_desc k = {
        .kind = KERNEL_MAP, .elem = DT_F32, .dims = 1, .columns = COLUMNS, .gates = 1, .instrs = instrs};
    arg(&k, DT_F32, false, COLUMNS);
    arg(&k, DT_I32, false, 1);
    arg(&k, DT_F32, true, 4);
    arg(&k, DT_I32, true, 1);
    arg(&k, DT_F32, true, COLUMNS);
    int16_t load = add(&k, KI_LOAD, true, -1, 0), token = add(&k, KI_LOAD, false, -1, 1);
    instrs[token].elem = DT_I32;
    const uint16_t codes[] = {OP_SUM, OP_MAXIMUM, OP_LSE};
    int16_t value[3];
    for (int i = 0; i < 3; i++) {
        value[i] = add(&k, codes[i], false, load, -1);
        add(&k, KI_STORE, false, value[i], 2);
        instrs[k.instr_count - 1].column = i;
    }
    add(&k, KI_STORE, false, add(&k, OP_PICK, false, token, 0), 2);
    instrs[k.instr_count - 1].column = 3;
    int16_t place = add(&k, OP_ARGMAX, false, load, -1);
    instrs[place].elem = DT_I32;
    add(&k, KI_STORE, false, place, 3);
    int16_t less = add(&k, OP_SUB, true, load, -1);
    instrs[less].b = value[2];
    add(&k, KI_STORE, true, add(&k, OP_EXP, true, less, -1), 4);
    int64_t ints[KERNEL_MAX_INTS] = {ROWS, 0, 0, 0, COLUMNS, 0, 0, 0, 1, 0,      0,
                                     0,    4, 0, 0, 0,       1, 0, 0, 0, COLUMNS};
    run(&k, (void *[]){x, which, out, largest, softmax, NULL}, ints);
    for (int r = 0; r < ROWS; r++) {
        const float *row = x + r * COLUMNS;
        double sum = 0, powers = 0, total = 0;
        int best = 0;
        for (int c = 0; c < COLUMNS; c++) {
            sum += row[c];
            powers += exp(row[c]);
            total += softmax[r * COLUMNS + c];
            best = row[c] > row[best] ? c : best;
        }
        assert_true(fabs(out[r * 4] - sum) < 1e-5);
        assert_true(out[r * 4 + 1] == row[best]);
        assert_true(fabs(out[r * 4 + 2] - log(powers)) < 1e-5);
        assert_true(out[r * 4 + 3] == row[which[r]]);
        assert_int_equal(largest[r], best);
        assert_true(fabs(total - 1) < 1e-5);
    }
}

static void test_gather(void **state) {
    (void)state;
    static float table[11 * COLUMNS], out[ROWS * COLUMNS];
    static int32_t tokens[ROWS];
    fill(table, 11 * COLUMNS, 0);
    for (int r = 0; r < ROWS; r++) {
        tokens[r] = (r * 7) % 11;
    }
    kernel_instr instrs[4];
    kernel_desc k = {
        .kind = KERNEL_MAP, .elem = DT_F32, .dims = 1, .columns = COLUMNS, .gates = 1, .instrs = instrs};
    arg(&k, DT_F32, false, COLUMNS);
    arg(&k, DT_I32, false, 1);
    arg(&k, DT_F32, true, COLUMNS);
    int16_t token = add(&k, KI_LOAD, false, -1, 1);
    instrs[token].elem = DT_I32;
    add(&k, KI_STORE, true, add(&k, OP_GATHER, true, token, 0), 2);
    int64_t ints[KERNEL_MAX_INTS] = {ROWS, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, COLUMNS};
    run(&k, (void *[]){table, tokens, out, NULL}, ints);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        assert_true(out[i] == table[tokens[i / COLUMNS] * COLUMNS + i % COLUMNS]);
    }
}

// Folds dimension 1 of [4, 9] rows, and both dimensions.
static void test_fold(void **state) {
    (void)state;
    enum { KEPT = 4, FOLDED = 9 };
    static float x[KEPT * FOLDED * COLUMNS], out[KEPT * COLUMNS];
    fill(x, KEPT * FOLDED * COLUMNS, 0);
    kernel_instr instrs[4];
    kernel_desc k = {
        .kind = KERNEL_FOLD, .elem = DT_F32, .dims = 2, .columns = COLUMNS, .gates = 1, .instrs = instrs};
    arg(&k, DT_F32, false, COLUMNS);
    arg(&k, DT_F32, true, COLUMNS);
    add(&k, KI_LOAD, true, -1, 0);
    const uint16_t folds[] = {OP_SUM, OP_MAXIMUM, OP_LSE};
    for (int form = 0; form < 6; form++) {
        k.fold = folds[form % 3];
        k.kept_dims = form < 3;
        int64_t step = k.kept_dims ? COLUMNS : 0;
        int64_t ints[KERNEL_MAX_INTS] = {KEPT, FOLDED, 0, 0, FOLDED * COLUMNS, COLUMNS, 0, 0, step};
        run(&k, (void *[]){x, out, NULL}, ints);
        int rows = k.kept_dims ? FOLDED : KEPT * FOLDED;
        for (int i = 0; i < (k.kept_dims ? KEPT : 1) * COLUMNS; i++) {
            const float *first = x + i / COLUMNS * FOLDED * COLUMNS + i % COLUMNS;
            double sum = 0, most = -INFINITY, powers = 0;
            for (int r = 0; r < rows; r++) {
                sum += first[r * COLUMNS];
                most = fmax(most, first[r * COLUMNS]);
                powers += exp(first[r * COLUMNS]);
            }
            double expected = k.fold == OP_SUM ? sum : k.fold == OP_MAXIMUM ? most : log(powers);
            assert_true(fabs(out[i] - expected) < 1e-5);
        }
    }
}

static void test_pack_transposed(void **state) {
    (void)state;
    enum { IN = 7, C = 10, G = 2 };
    static float w[G * C * IN], packed[G * 64 * IN];
    fill(w, G * C * IN, 0);
    kernel_desc k = {
        .kind = KERNEL_PACK, .elem = DT_F32, .columns = C, .gates = G, .inner = IN, .transposed = 1};
    arg(&k, DT_F32, false, IN);
    arg(&k, DT_F32, true, 1);
    int64_t ints[KERNEL_MAX_INTS] = {0};
    memset(packed, 0x55, sizeof packed);
    run(&k, (void *[]){w, packed, NULL}, ints);
    product_tiling t = product_tile(shape, DT_F32, G, C);
    for (int64_t i = 0; i < product_packed_elements(t, G, IN); i++) {
        int64_t u = i % t.unit_columns, g = i / t.unit_columns % G, inner = i / t.unit_columns / G % IN;
        int64_t c = i / (t.unit_columns * G * IN) * t.unit_columns + u;
        assert_true(packed[i] == (c < C ? w[(g * C + c) * IN + inner] : 0));
    }
}

// Sums of equal tokens, whatever the marks held before.
static void test_rows_by_number(void **state) {
    (void)state;
    enum { V = 6, C = 3, R = 8 };
    const int32_t numbers[R] = {4, 1, 4, 0, 1, 4, 5, 0};
    int32_t tokens[R], marks[V] = {3, 0, -7, 100, 2, 6};
    memcpy(tokens, numbers, sizeof tokens);
    float values[R * C], sums[R * C], table[V * C], other[V * C];
    fill(values, R * C, 0);
    fill(other, V * C, 9);
    kernel_desc k = {.kind = KERNEL_SEGMENT, .elem = DT_F32, .dims = 1, .columns = C, .gates = 1};
    arg(&k, DT_I32, false, 1);
    arg(&k, DT_F32, false, C);
    arg(&k, DT_F32, true, C);
    int64_t ints[KERNEL_MAX_INTS] = {R, 0, 0, 0, 1, 0, 0, 0, C, 0, 0, 0, C};
    run(&k, (void *[]){tokens, values, sums, marks, NULL}, ints);
    k.kind = KERNEL_SCATTER;
    k.inner = V;
    run(&k, (void *[]){tokens, values, table, NULL}, ints);
    k.kind = KERNEL_ADD_ROWS;
    run(&k, (void *[]){tokens, sums, other, NULL}, ints);
    for (int i = 0; i < V * C; i++) {
        float expected = 0;
        int first = -1;
        for (int r = R - 1; r >= 0; r--) {
            first = tokens[r] == i / C ? r : first;
        }
        for (int r = 0; r < R; r++) {
            expected += tokens[r] == i / C ? values[r * C + i % C] : 0;
        }
        assert_true(table[i] == expected);
        assert_true(fabsf(other[i] - (wave(i + 9) + expected)) < 1e-6f);
        if (first >= 0) {
            assert_true(sums[first * C + i % C] == expected);
        }
    }
    assert_true(sums[2 * C] == 0 && sums[4 * C + 1] == 0 && sums[5 * C] == 0 && sums[7 * C + 2] == 0);
}

static void test_random(void **state) {
    (void)state;
    enum { T = 3, B = 5, C = 6 };
    float out[T * B * C];
    int32_t settings[4] = {0x1234, 0x77, 9, 0};
    kernel_desc k = {.kind = KERNEL_RANDOM,
                     .elem = DT_F32,
                     .dims = 2,
                     .columns = C,
                     .gates = 1,
                     .batched = 1,
                     .site = "drop.1"};
    arg(&k, DT_F32, true, C);
    arg(&k, DT_I32, false, 4);
    int64_t ints[KERNEL_MAX_INTS] = {T, B, 0, 0, B * C, C};
    run(&k, (void *[]){out, settings, NULL}, ints);
    for (int i = 0; i < T * B * C; i++) {
        uint32_t key[2] = {0x1234 ^ philox_site("drop.1"), 0x77}, words[4];
        uint32_t e = (uint32_t)(i % C), counter[4] = {e / 4, (uint32_t)(i / C % B), (uint32_t)(i / C / B), 9};
        philox4x32(key, counter, words);
        assert_true(out[i] == (float)philox_uniform(words[e % 4]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),        cmocka_unit_test(test_outer),
        cmocka_unit_test(test_row_reductions), cmocka_unit_test(test_gather),
        cmocka_unit_test(test_fold),           cmocka_unit_test(test_pack_transposed),
        cmocka_unit_test(test_rows_by_number), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
