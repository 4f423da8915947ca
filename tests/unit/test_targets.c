// Machines that objects are made for: what the list says of them, and what LLVM has none of.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/ahead_target.h"

static void llvm_says_what_it_makes(void **state) {
    (void)state;
    diag_sink d;
    codegen *c = NULL;
    bool makes = false;
    diag_init(&d);
    assert_int_equal(codegen_create(NULL, &d, &c), RNNC_OK);
    assert_int_equal(codegen_makes(c, "aarch64-unknown-linux-gnu", &d, &makes), RNNC_OK);
    assert_true(makes);
    assert_int_equal(codegen_makes(c, "pdp11-unknown-linux-gnu", &d, &makes), RNNC_OK);
    assert_false(makes);
    codegen_destroy(c);
    diag_deinit(&d);
}

static void the_list_has_what_can_be_chosen(void **state) {
    (void)state;
    diag_sink d;
    codegen *c = NULL;
    strbuf list = {0};
    diag_init(&d);
    assert_int_equal(codegen_create(NULL, &d, &c), RNNC_OK);
    assert_int_equal(ahead_target_list(c, &d, &list), RNNC_OK);
    assert_non_null(strstr(strbuf_text(&list), "\nwasm32 "));
    assert_null(strstr(strbuf_text(&list), "not with this LLVM"));
    strbuf_deinit(&list);
    codegen_destroy(c);
    diag_deinit(&d);
}

static void a_name_has_facts(void **state) {
    (void)state;
    diag_sink d;
    target_facts facts = {0};
    diag_init(&d);
    assert_int_equal(ahead_target_choose("riscv64-v-linux-gnu", "the list", &d, &facts), RNNC_OK);
    assert_true(facts.has_fma);
    assert_int_equal(ahead_target_choose("wasm64", "the list", &d, &facts), RNNC_INVALID_ARGUMENT);
    assert_non_null(strstr(d.entries.at[0].message, "did you mean \"wasm32\"?"));
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llvm_says_what_it_makes),
        cmocka_unit_test(the_list_has_what_can_be_chosen),
        cmocka_unit_test(a_name_has_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
