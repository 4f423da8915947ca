// What is drawn by seed, step, site and place: masks of dropout and random values, against the rule of support/philox.h
// in plain C; with all passes, with each optional one left out and with none, by several threads, rolled and unrolled.
//
//   test_drawn quick | default     kernels interpreted, or compiled too
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/philox.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

// As subject_execute runs.
enum { SEED = 7, STEP = 3 };

enum { STEPS = 5, ROWS = 3, COLUMNS = 6 };

// |one| is 1 at each place: a mask is what dropout makes of it.
static const char text[] = "model case(n = 6) {\n"
                           "    input x: real(6)[T]\n"
                           "    target wanted: real(6)[T]\n"
                           "    one = x * 0 + 1\n"
                           "    output mask = dropout(0.75, one)\n"
                           "    output same = dropout[T](0.5, one)\n"
                           "    output flat = random_uniform(6)\n"
                           "    output wide = random_uniform[T](6, -2, 3)\n"
                           "    output bell = random_normal[T](6)\n"
                           "    h = lstm(n, dropout(0.75, x)) from (h = random_normal(n, 0, 0.1))\n"
                           "    y = dropout(0.5, stack(n, 2, gru_cho, h, keep = 0.75))\n"
                           "    loss = mean[T, batch] mean squared_error(y, wanted)\n"
                           "    output y\n"
                           "}\n";

typedef struct drawn_test {
    bool with_llvm;
    diff_backend *backend;
    uint32_t failed, ran;
} drawn_test;

static void report(drawn_test *t, const char *what, const char *why) {
    t->failed++;
    print_error("%s, %s: %s\n", t->backend ? t->backend->name : "graph", what, why);
}

static double uniform(const char *site, int step, int row, int column) {
    uint32_t key[2] = {SEED ^ philox_site(site), 0}, out[4];
    uint32_t counter[4] = {(uint32_t)column / 4, (uint32_t)row, (uint32_t)step, STEP};
    philox4x32(key, counter, out);
    return philox_uniform(out[column % 4]);
}

typedef bool rule(double uniform, double found);

static bool keeps_three_quarters(double u, double found) {
    return fabs(found - (u < 0.75 ? 1 / 0.75 : 0)) < 1e-6;
}

static bool keeps_half(double u, double found) {
    return found == (u < 0.5 ? 2 : 0);
}

static bool is_itself(double u, double found) {
    return found == u;
}

static bool is_stretched(double u, double found) {
    return fabs(found - (5 * u - 2)) < 1e-6;
}

// The distribution function of what was found is what was drawn.
static bool is_normal(double u, double found) {
    return fabs(0.5 * erfc(-found / sqrt(2)) - u) < 1e-6;
}

static const struct {
    const char *output, *site;
    bool stepped; // drawn for each step
    rule *follows;
} rules[] = {
    {"mask", "mask.dropout", true, keeps_three_quarters},
    {"same", "same.dropout", false, keeps_half},
    {"flat", "flat.random", false, is_itself},
    {"wide", "wide.random", true, is_stretched},
    {"bell", "bell.random", true, is_normal},
};

static void check_rule(drawn_test *t, const char *what, const run_values *values, size_t which) {
    const run_value *v = run_values_find(values, rules[which].output);
    assert_non_null(v);
    t->ran++;
    for (int64_t i = 0; i < v->count; i++) {
        int column = (int)(i % COLUMNS), row = (int)(i / COLUMNS % ROWS), step = (int)(i / COLUMNS / ROWS);
        double u = uniform(rules[which].site, rules[which].stepped ? step : 0, row, column);
        if (!rules[which].follows(u, v->values[i])) {
            char why[128];
            snprintf(why, sizeof why, "%s[%lld] is %.9g, drawn was %.9g", v->name, (long long)i, v->values[i],
                     u);
            report(t, what, why);
            return;
        }
    }
}

static bool values_of(drawn_test *t, const char *what, const subject_options *o, run_values *out) {
    strbuf why = {0};
    subject s;
    bool ran = subject_create(diff_graph_of_text(text, true), o, &why, &s) == RNNC_OK;
    if (ran) {
        ran = subject_execute(&s, (subject_run){STEPS, ROWS, 0}, &why, out) == RNNC_OK;
        subject_destroy(&s);
    }
    if (!ran) {
        report(t, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return ran;
}

// By the rules, and everything near |reference|, which may be NULL.
static void check(drawn_test *t, const char *what, const subject_options *o, const run_values *reference) {
    run_values values;
    if (!values_of(t, what, o, &values)) {
        return;
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        check_rule(t, what, &values, i);
    }
    strbuf why = {0};
    t->ran++;
    if (reference && !values_near(reference, &values, (value_limits){1e-5, 1e-4, false}, &why, NULL)) {
        report(t, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    run_values_deinit(&values);
}

static void without_passes(drawn_test *t, const subject_options *all, const run_values *reference) {
    subject_options o = *all;
    strbuf pipeline = {0};
    for (const pass_info *p = pass_registry(); p->name; p++) {
        if (p->optional && strstr(diff_gradient_pipeline, p->name)) {
            pipeline.length = 0;
            diff_pipeline_without(p->name, &pipeline);
            o.pipeline = strbuf_text(&pipeline);
            check(t, p->name, &o, reference);
        }
    }
    pipeline.length = 0;
    diff_pipeline_without("all", &pipeline);
    o.pipeline = strbuf_text(&pipeline);
    check(t, "no optional pass", &o, reference);
    strbuf_deinit(&pipeline);
}

static void with_backend(drawn_test *t, const char *name, const run_values *reference) {
    diff_backend backend;
    diff_backend_open(name, &backend);
    t->backend = &backend;
    subject_options all = {
        .backend = &backend, .pipeline = diff_gradient_pipeline, .longest = STEPS + 4, .largest = ROWS + 2};
    check(t, "all passes", &all, reference);
    without_passes(t, &all, reference);
    subject_options o = all;
    o.split_all = true;
    for (o.threads = 2; o.threads <= 4; o.threads++) {
        check(t, "several threads", &o, reference);
    }
    o = all;
    o.longest = o.unroll = STEPS;
    o.pipeline = diff_unrolled_gradient_pipeline;
    check(t, "unrolled", &o, reference);
    diff_backend_close(&backend);
}

static void what_is_drawn_follows_the_rule(void **state) {
    drawn_test *t = *state;
    run_values reference;
    subject_options interpreted = {.pipeline = "differentiate"};
    check(t, "interpreted", &interpreted, NULL);
    assert_true(values_of(t, "interpreted", &interpreted, &reference));
    with_backend(t, "interpret", &reference);
    if (t->with_llvm) {
        with_backend(t, "llvm", &reference);
    }
    run_values_deinit(&reference);
    print_message("%u comparisons\n", t->ran);
    assert_int_equal(t->failed, 0);
}

// In use nothing is dropped; random numbers are drawn all the same.
static void dropout_is_of_training(void **state) {
    drawn_test t = *(drawn_test *)*state;
    run_values values;
    subject s;
    strbuf why = {0};
    subject_options o = {.pipeline = ""};
    assert_int_equal(subject_create(diff_graph_of_text(text, false), &o, &why, &s), RNNC_OK);
    assert_int_equal(subject_execute(&s, (subject_run){STEPS, ROWS, 0}, &why, &values), RNNC_OK);
    const run_value *mask = run_values_find(&values, "mask");
    for (int64_t i = 0; i < mask->count; i++) {
        assert_true(mask->values[i] == 1);
    }
    check_rule(&t, "in use", &values, 2);
    check_rule(&t, "in use", &values, 4);
    assert_int_equal(t.failed, 0);
    run_values_deinit(&values);
    subject_destroy(&s);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: test_drawn quick|default\n");
        return 2;
    }
    drawn_test t = {.with_llvm = strcmp(arguments[1], "quick") != 0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(dropout_is_of_training, &t),
        cmocka_unit_test_prestate(what_is_drawn_follows_the_rule, &t),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
