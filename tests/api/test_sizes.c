// Sizes of the public structs on 64-bit systems: programs that are there already were compiled with them.
#include "tests/api/fixture.h"

static void test_sizes(void **state) {
    (void)state;
    if (sizeof(void *) != 8) {
        skip();
    }
    assert_int_equal(sizeof(rnnc_diagnostic), 40);
    assert_int_equal(sizeof(rnnc_model_options), 48);
    assert_int_equal(sizeof(rnnc_recipe), 48);
    assert_int_equal(sizeof(rnnc_length), 16);
    assert_int_equal(sizeof(rnnc_compile_options), 152);
    assert_int_equal(sizeof(rnnc_pass_options), 72);
    assert_int_equal(sizeof(rnnc_report_options), 96);
    assert_int_equal(sizeof(rnnc_facts), 88);
    assert_int_equal(sizeof(rnnc_profile), 40);
    assert_int_equal(sizeof(rnnc_curve), 40);
    assert_int_equal(sizeof(rnnc_plot_options), 96);
    assert_int_equal(sizeof(rnnc_value), 96);
    assert_int_equal(sizeof(rnnc_allocator), 24);
    assert_int_equal(sizeof(rnnc_context_options), 40);
    assert_int_equal(sizeof(rnnc_strides), 80);
    assert_int_equal(sizeof(rnnc_weight), 40);
    assert_int_equal(sizeof(rnnc_sampling), 32);
    assert_int_equal(sizeof(rnnc_training), 40);
    assert_int_equal(sizeof(rnnc_build_options), 136);
    assert_int_equal(sizeof(rnnc_inspect_options), 32);
    assert_int_equal(sizeof(rnnc_data_options), 48);
    assert_int_equal(sizeof(rnnc_measure), 16);
    assert_int_equal(sizeof(rnnc_measures), 392);
    assert_int_equal(sizeof(rnnc_fit_report), 824);
    assert_int_equal(sizeof(rnnc_fit_options), 104);
    assert_int_equal(sizeof(rnnc_fit_result), 832);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
