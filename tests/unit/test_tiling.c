// How products are cut into panels: little of a weight is padding, and what one level's code reads another's
// can, too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/levels.h"
#include "passes/tiling.h"

static const target_shape shapes[] = {{16, 16}, {16, 32}, {32, 16}, {64, 32}, {16, 8}};
enum { SHAPES = sizeof shapes / sizeof *shapes, MOST_COLUMNS = 700 };

// Columns of whole vectors that |columns| need.
static int32_t whole_vectors(target_shape s, int32_t columns) {
    int32_t lanes = s.vector_bytes / 4;
    return (columns + lanes - 1) / lanes * lanes;
}

// Behind whole vectors at most a fifth is padding, and from 20 vectors on a seventh.
static void test_padding(void **state) {
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        for (int32_t columns = shapes[s].vector_bytes / 4; columns <= MOST_COLUMNS; columns++) {
            product_tiling t = product_tile(shapes[s], DT_F32, 1, columns);
            int32_t stored = t.panels * t.unit_columns, needed = whole_vectors(shapes[s], columns);
            int32_t vectors = needed * 4 / shapes[s].vector_bytes;
            assert_true(stored >= columns);
            assert_true((stored - needed) * (vectors < 20 ? 5 : 7) <= needed);
        }
    }
    // The digits' 150 columns: ten vectors of 64 bytes, no more.
    product_tiling digits = product_tile((target_shape){64, 32}, DT_F32, 1, 150);
    assert_int_equal(digits.panels * digits.unit_columns, 160);
    // Sizes that fit are cut as registers like it best.
    assert_int_equal(product_tile((target_shape){64, 32}, DT_F32, 1, 512).unit_columns, 64);
    assert_int_equal(product_tile((target_shape){32, 16}, DT_F32, 1, 512).unit_columns, 16);
}

// The accumulators of a tile fit into registers beside a vector of B and an element of A.
static void test_registers(void **state) {
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        for (int32_t gates = 1; gates <= product_max_gates(shapes[s]); gates++) {
            for (int32_t columns = 1; columns <= MOST_COLUMNS; columns += 7) {
                product_tiling t = product_tile(shapes[s], DT_F32, gates, columns);
                int32_t lanes = product_lanes(shapes[s], DT_F32, t.unit_columns);
                assert_int_equal(t.unit_columns % lanes, 0);
                int32_t used = t.max_rows * gates * (t.unit_columns / lanes);
                assert_true(used <= shapes[s].vector_registers);
                assert_true(t.max_rows >= 1);
            }
        }
    }
}

// The panels of several levels are the same, whole vectors for each.
static void test_levels(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    level_set set;
    assert_int_equal(levels_choose("x86-64-v4,x86-64-v2,x86-64-v3", "x86_64-unknown-linux-gnu", &d, &set),
                     RNNC_OK);
    assert_int_equal(set.count, 3);
    for (int i = 0; i < set.count; i++) {
        assert_int_equal(set.level[i], i + 2);
        target_shape own = target_shape_of(&set.facts[i]), panels = target_panels_of(&set.facts[i]);
        assert_int_equal(panels.vector_bytes, target_panels_of(&set.base).vector_bytes);
        for (int32_t columns = 1; columns <= MOST_COLUMNS; columns++) {
            product_tiling t = product_tile(panels, DT_F64, 1, columns);
            assert_int_equal(t.unit_columns % product_lanes(own, DT_F64, t.unit_columns), 0);
        }
    }
    assert_int_not_equal(levels_choose("x86-64-v2,x86-64-v2", "", &d, &set), RNNC_OK);
    assert_int_not_equal(levels_choose("x86-64-v2,", "", &d, &set), RNNC_OK);
    assert_int_not_equal(levels_choose("x86-64-v5", "", &d, &set), RNNC_OK);
    assert_int_equal(d.error_count, 3);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
