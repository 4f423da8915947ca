// The gradients of conversions, stacks and single steps, which no model of the language asks for by itself, compiled
// against the reference interpreter.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/diff/subject.h"
#include "tests/unit/graph_runs.h"

static const char *const texts[] = {
    "graph \"at\" f32\n"
    "axis T sequence\n"
    "variable $w : f32[4,3] weight default\n"
    "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[4]\n"
    "%1 = variable {name = \"w\"} : f32[4,3]\n"
    "%2 = matmul %0, %1 {transposed = 0} : f32<T,B>[3]\n"
    "%3 = tanh %2 : f32<T,B>[3]\n"
    "%4 = at %3 {axis = T, index = 2} : f32<B>[3]\n"
    "%5 = exp %4 : f32<B>[3]\n"
    "%6 = sum %5 {over = <B>, columns = 1} : f32[1]\n"
    "output loss \"loss\" %6\n",

    "graph \"stack\" f32\n"
    "axis T fixed 3\n"
    "variable $w : f32[4,3] weight default\n"
    "%0 = input {name = \"x\", role = \"data\"} : f32<B>[4]\n"
    "%1 = input {name = \"y\", role = \"data\"} : f32<T,B>[3]\n"
    "%2 = variable {name = \"w\"} : f32[4,3]\n"
    "%3 = matmul %0, %2 {transposed = 0} : f32<B>[3]\n"
    "%4 = tanh %3 : f32<B>[3]\n"
    "%5 = mul %4, %4 : f32<B>[3]\n"
    "%6 = stack %4, %5, %4 {axis = T} : f32<T,B>[3]\n"
    "%7 = mul %6, %1 : f32<T,B>[3]\n"
    "%8 = sum %7 {over = <T,B>, columns = 1} : f32[1]\n"
    "output loss \"loss\" %8\n",

    "graph \"convert\" f32\n"
    "variable $w : f32[4,3] weight default\n"
    "%0 = input {name = \"x\", role = \"data\"} : f32<B>[4]\n"
    "%1 = variable {name = \"w\"} : f32[4,3]\n"
    "%2 = matmul %0, %1 {transposed = 0} : f32<B>[3]\n"
    "%3 = convert %2 : f64<B>[3]\n"
    "%4 = exp %3 : f64<B>[3]\n"
    "%5 = convert %4 : f32<B>[3]\n"
    "%6 = sum %5 {over = <B>, columns = 1} : f32[1]\n"
    "output loss \"loss\" %6\n",
};

static run_values run_text(const char *text, const subject_options *o) {
    strbuf why = {0};
    subject s;
    if (subject_create(parse_graph(text), o, &why, &s) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    run_values found = {0};
    if (subject_execute(&s, (subject_run){.sequence = 3, .batch = 5}, &why, &found) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    subject_destroy(&s);
    strbuf_deinit(&why);
    return found;
}

static void gradients_agree(void **state) {
    (void)state;
    static const value_limits limits = {1e-5, 5e-5, false};
    static const char *const backends[] = {"interpret", "llvm"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        subject_options reference = {.pipeline = "differentiate"};
        run_values expected = run_text(texts[i], &reference);
        assert_non_null(run_values_find(&expected, "gradient.w"));
        for (int k = 0; k < 2; k++) {
            diff_backend b;
            diff_backend_open(backends[k], &b);
            subject_options compiled = {
                .backend = &b, .pipeline = diff_gradient_pipeline, .longest = 3, .largest = 5};
            run_values found = run_text(texts[i], &compiled);
            strbuf why = {0};
            if (!values_near(&expected, &found, limits, &why, NULL)) {
                fail_msg("%s: %s", backends[k], strbuf_text(&why));
            }
            run_values_deinit(&found);
            diff_backend_close(&b);
        }
        run_values_deinit(&expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
