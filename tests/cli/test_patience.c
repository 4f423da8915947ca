// Waiting for a better validation.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/train/patience.h"

static void judge_all(patience *p, const double *values, int count, int64_t plateau) {
    for (int i = 0; i < count; i++) {
        patience_judge(p, values[i], plateau);
    }
}

static void the_least_is_the_best(void **state) {
    (void)state;
    patience p = {0};
    assert_true(patience_judge(&p, 3, 0));
    assert_false(patience_judge(&p, 3, 0)); // as good is not better
    assert_int_equal(p.waited, 1);
    assert_true(patience_judge(&p, -1, 0));
    assert_int_equal(p.waited, 0);
    assert_true(p.best == -1 && p.judged == 3);
}

static void plateaus_are_counted(void **state) {
    (void)state;
    patience p = {0};
    judge_all(&p, (double[]){5, 6, 6, 6, 6, 6}, 6, 2);
    assert_int_equal(p.plateaus, 2);
    assert_int_equal(p.waited, 5);
    assert_int_equal(p.flat, 1);
    judge_all(&p, (double[]){4, 5, 5}, 3, 2);
    assert_int_equal(p.plateaus, 3);
    assert_int_equal(p.waited, 2);
}

static void without_a_length_there_are_none(void **state) {
    (void)state;
    patience p = {0};
    judge_all(&p, (double[]){5, 6, 6, 6, 6, 6}, 6, 0);
    assert_int_equal(p.plateaus, 0);
    assert_int_equal(p.waited, 5);
}

static void what_is_not_a_number_is_worst(void **state) {
    (void)state;
    patience p = {0};
    assert_true(patience_judge(&p, NAN, 0)); // the first of all
    assert_false(patience_judge(&p, NAN, 0));
    assert_true(patience_judge(&p, 7, 0));
    assert_false(patience_judge(&p, NAN, 0));
    assert_true(p.best == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_is_the_best),
        cmocka_unit_test(plateaus_are_counted),
        cmocka_unit_test(without_a_length_there_are_none),
        cmocka_unit_test(what_is_not_a_number_is_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
