// Texts of plans and programs that are refused, each with the errors as stored; and passes that do not find what they
// need. `test_stage_text update` writes what comes out in place of what was expected.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "passes/pass.h"
#include "passes/stage_text.h"
#include "tests/unit/golden_text.h"

static const char folder[] = "tests/golden/verify-stages";

// for_each_case takes no context; this is what main was asked for.
static bool *updates(void) {
    static bool wish;
    return &wish;
}

static void write_case(const golden_case *c, const char *errors) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, c->name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s# ----\n%s", c->input, errors);
    assert_int_equal(fclose(file), 0);
}

static void check_refused(const golden_case *c) {
    print_message("%s\n", c->name);
    diag_sink d;
    diag_init(&d);
    stage_text t;
    assert_int_not_equal(stage_parse(&d, diag_add_file(&d, c->name, c->input, strlen(c->input)), &t),
                         RNNC_OK);
    assert_true(!t.g && !t.p && !t.program);
    strbuf out = {0};
    diag_render(&d, &out);
    if (*updates()) {
        write_case(c, strbuf_text(&out));
    } else {
        assert_non_null(c->expected);
        assert_string_equal(strbuf_text(&out), c->expected);
    }
    strbuf_deinit(&out);
    diag_deinit(&d);
}

static void texts_are_refused_as_stored(void **state) {
    (void)state;
    assert_true(for_each_case(folder, check_refused) >= 30);
}

// ---- What passes need ----

static const char lowered[] = "graph \"g\" f32\n"
                              "%0 = input {name = \"x\", role = \"data\"} : f32<B>[8]\n"
                              "%1 = tanh %0 : f32<B>[8]\n"
                              "output value \"y\" %1\n";

// Runs |pipeline| over |text|; its error must hold |expected|, or be none where that is NULL.
static void check_pipeline(const char *text, const char *pipeline, const char *expected) {
    diag_sink d;
    diag_init(&d);
    stage_text t;
    assert_int_equal(stage_parse(&d, diag_add_file(&d, "g.ir", text, strlen(text)), &t), RNNC_OK);
    pass_context cx = {.d = &d, .shape = {32, 16}, .plan = t.p};
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    rnnc_status status = pass_run_pipeline(t.g, &cx, pipeline, &hooks);
    strbuf out = {0};
    diag_render(&d, &out);
    assert_int_equal(status == RNNC_OK, expected == NULL);
    if (expected && (!strstr(strbuf_text(&out), expected) || d.error_count != 1)) {
        fail_msg("%s: expected one error with '%s', found\n%s", pipeline, expected, strbuf_text(&out));
    }
    strbuf_deinit(&out);
    stage_text_deinit(&t);
    diag_deinit(&d);
}

static void passes_say_what_they_need(void **state) {
    (void)state;
    check_pipeline(lowered, "schedule", "schedule needs fuse-pointwise before it");
    check_pipeline(lowered, "fuse-pointwise, plan-buffers", "plan-buffers needs schedule before it");
    check_pipeline(lowered, "fuse-pointwise, simplify", "simplify rewrites the graph");
    check_pipeline(lowered, "fuse-pointwise, schedule, plan-buffers", NULL);
    // What was done may be done again; what follows it is forgotten.
    check_pipeline(lowered, "fuse-pointwise, schedule, plan-buffers, plan-buffers, schedule", NULL);
    check_pipeline(lowered, "fuse-pointwise, schedule, fuse-pointwise, plan-buffers",
                   "plan-buffers needs schedule before it");
    check_pipeline("graph \"g\" f32\n"
                   "%0 = input {name = \"x\", role = \"data\"} : f32<B>[8]\n"
                   "output value \"y\" %0\n",
                   "fuse-pointwise", "fuse-pointwise needs lower before it");
}

// A plan in which two groups wait for each other has no order.
static void waiting_groups_are_refused(void **state) {
    (void)state;
    check_pipeline("graph \"g\" f32\n"
                   "%0 = input {name = \"x\", role = \"data\"} : f32<B>[8]\n"
                   "%1 = tanh %0 : f32<B>[8]\n"
                   "%2 = neg %0 : f32<B>[8]\n"
                   "%3 = exp %2 : f32<B>[8]\n"
                   "%4 = exp %1 : f32<B>[8]\n"
                   "output value \"y\" %3\n"
                   "output value \"z\" %4\n"
                   "plan grouped vectors 32 registers 16\n"
                   "extent B 4\n"
                   "group 0 map rows <B> columns [8] of %1, %3\n"
                   "group 1 map rows <B> columns [8] of %2, %4\n",
                   "schedule", "the groups of the plan wait for each other");
}

int main(int count, char **arguments) {
    *updates() = count > 1 && strcmp(arguments[1], "update") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_refused_as_stored),
        cmocka_unit_test(passes_say_what_they_need),
        cmocka_unit_test(waiting_groups_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
