// Random graphs with their gradients: compiled against the interpreter, with all passes and with each optional one left
// out; and rolled against unrolled, bit for bit. A failing graph is made smaller and printed.
//
//   test_random quick | default | full             how many graphs
//   test_random case SEED BACKEND [PASS]           one; PASS is left out, or "unroll", or "all"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/diff/subject.h"
#include "tests/unit/random_graph.h"

enum { SEQUENCE = 4, BATCH = 3, LONGEST = 6, LARGEST = 5 };

// Sums of gradients may be in another order, and differences of large ones cancel.
static const value_limits limits = {1e-10, 1e-8, false};

typedef struct random_test {
    const char *mode;
    int count;
    char **arguments;
    diff_backend *backend;
    const char *dropped; // a pass that is left out; "": none; "all": all optional ones; "unroll": see below
    strbuf why;
    uint32_t ran, unsupported, failed;
} random_test;

// The values of |text|'s graph; a status other than RNNC_OK with the reason in t->why.
static rnnc_status values_of(random_test *t, const char *text, const subject_options *o, run_values *out) {
    subject s;
    strbuf_deinit(&t->why);
    t->why = (strbuf){0};
    TRY(subject_create(parse_graph(text), o, &t->why, &s));
    rnnc_status status = subject_execute(&s, (subject_run){SEQUENCE, BATCH, 0}, &t->why, out);
    subject_destroy(&s);
    return status;
}

typedef bool comparison(const run_values *expected, const run_values *found, strbuf *why);

static bool are_near(const run_values *expected, const run_values *found, strbuf *why) {
    return values_near(expected, found, limits, why, NULL);
}

// What cannot be compiled is not wrong.
static bool agree(random_test *t, const char *text, const subject_options *o, const subject_options *other,
                  comparison *compare) {
    run_values expected, found;
    t->ran++;
    rnnc_status status = values_of(t, text, o, &expected);
    if (status != RNNC_OK) {
        t->unsupported += status == RNNC_UNSUPPORTED;
        return status == RNNC_UNSUPPORTED;
    }
    status = values_of(t, text, other, &found);
    t->unsupported += status == RNNC_UNSUPPORTED;
    bool agreed = status == RNNC_UNSUPPORTED;
    if (status == RNNC_OK) {
        agreed = compare(&expected, &found, &t->why);
        run_values_deinit(&found);
    }
    run_values_deinit(&expected);
    return agreed;
}

static bool compiles_right(void *user, const char *text) {
    random_test *t = user;
    strbuf pipeline = {0};
    diff_pipeline_without(t->dropped, &pipeline);
    subject_options reference = {.pipeline = "differentiate"};
    subject_options compiled = {
        .backend = t->backend, .pipeline = strbuf_text(&pipeline), .longest = LONGEST, .largest = LARGEST};
    bool right = agree(t, text, &reference, &compiled, are_near);
    strbuf_deinit(&pipeline);
    return right;
}

static bool unrolls_right(void *user, const char *text) {
    random_test *t = user;
    subject_options rolled = {
        .backend = t->backend, .pipeline = diff_gradient_pipeline, .longest = LONGEST, .largest = LARGEST};
    subject_options unrolled = rolled;
    unrolled.longest = unrolled.unroll = SEQUENCE;
    unrolled.pipeline = diff_unrolled_gradient_pipeline;
    return agree(t, text, &rolled, &unrolled, values_equal);
}

static void check_seed(random_test *t, uint64_t seed, const char *dropped) {
    graph *g = random_graph_create(seed);
    strbuf text = {0};
    graph_print(g, &text);
    graph_destroy(g);
    t->dropped = dropped;
    graph_property *property = strcmp(dropped, "unroll") == 0 ? unrolls_right : compiles_right;
    if (strcmp(t->mode, "case") == 0) {
        fputs(text.text, stdout);
    }
    if (!property(t, text.text)) {
        t->failed++;
        text.text = shrink_graph(text.text, property, t);
        property(t, text.text);
        // Graphs are longer than what cmocka prints.
        fprintf(stderr, "%s%s\n  again: test_random case %llu %s %s\n", text.text, strbuf_text(&t->why),
                (unsigned long long)seed, t->backend->name, dropped);
    }
    free(text.text);
}

static void check_variants(random_test *t, uint64_t seed) {
    check_seed(t, seed, "");
    check_seed(t, seed, "all");
    for (const pass_info *p = pass_registry(); p->name; p++) {
        if (p->optional) {
            check_seed(t, seed, p->name);
        }
    }
}

static void random_graphs(random_test *t, const char *backend, uint64_t count, bool variants) {
    diff_backend b;
    diff_backend_open(backend, &b);
    t->backend = &b;
    for (uint64_t seed = 0; seed < count; seed++) {
        if (variants) {
            check_variants(t, seed);
        } else {
            check_seed(t, seed, "");
        }
    }
    diff_backend_close(&b);
}

static void passes_keep_what_graphs_mean(void **state) {
    random_test *t = *state;
    if (strcmp(t->mode, "case") == 0) {
        diff_backend b;
        diff_backend_open(t->arguments[1], &b);
        t->backend = &b;
        check_seed(t, strtoull(t->arguments[0], NULL, 10), t->count > 2 ? t->arguments[2] : "");
        diff_backend_close(&b);
    } else {
        uint64_t scale = strcmp(t->mode, "quick") == 0 ? 1 : strcmp(t->mode, "default") == 0 ? 5 : 50;
        random_graphs(t, "interpret", 60 * scale, true);
        random_graphs(t, "llvm", 10 * scale, false);
    }
    print_message("%u comparisons, %u of them with what is not supported\n", t->ran, t->unsupported);
    strbuf_deinit(&t->why);
    assert_int_equal(t->failed, 0);
    // A test that skips nearly everything tests nothing.
    assert_true(t->unsupported * 2 < t->ran || strcmp(t->mode, "case") == 0);
}

int main(int count, char **arguments) {
    bool single = count > 3 && count < 6 && strcmp(arguments[1], "case") == 0;
    if (!single && (count != 2 || strcmp(arguments[1], "case") == 0)) {
        fprintf(stderr, "usage: test_random quick|default|full, or case SEED BACKEND [PASS]\n");
        return 2;
    }
    random_test t = {.mode = arguments[1], .count = count - 2, .arguments = arguments + 2};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(passes_keep_what_graphs_mean, &t)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
