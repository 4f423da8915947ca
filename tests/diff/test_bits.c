// What must be equal bit for bit: any number of threads; rows of a batch and the same rows alone; short runs in a large
// program and in one of their size; time rolled and unrolled.
//
//   test_bits quick | default | full     how many models and sizes
//   test_bits case CELL FORM HIDDEN DTYPE BACKEND
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/diff/models.h"
#include "tests/diff/subject.h"

typedef struct bits {
    const char *mode;
    char **arguments;
    diff_backend *backend;
    diff_model model; // being looked at
    uint32_t failed, ran;
} bits;

static void report(bits *b, const char *what, const char *why) {
    b->failed++;
    print_error("%s: %s\n  again: test_bits case %s %s %d %s %s\n", what, why, diff_cells[b->model.cell].name,
                diff_forms[b->model.form].name, b->model.hidden, dtype_name(b->model.real), b->backend->name);
}

static const update_options adam = {.rule = UPDATE_ADAM,
                                    .rate = 0.01,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .weight_decay = 0.01,
                                    .clip_norm = 0.1,
                                    .guarded = true};

static subject_options plain_options(const bits *b, int64_t longest, int64_t largest) {
    return (subject_options){
        .backend = b->backend, .pipeline = diff_gradient_pipeline, .longest = longest, .largest = largest};
}

// The values of a run of a program of its own; false after a report.
static bool values_of(bits *b, const char *what, const subject_options *o, subject_run run, run_values *out) {
    strbuf why = {0};
    subject s;
    bool ran = subject_create(diff_model_graph(&b->model), o, &why, &s) == RNNC_OK;
    if (ran) {
        ran = subject_execute(&s, run, &why, out) == RNNC_OK;
        subject_destroy(&s);
    }
    if (!ran) {
        report(b, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return ran;
}

static void check_equal(bits *b, const char *what, const run_values *expected, const run_values *found) {
    strbuf why = {0};
    b->ran++;
    if (!values_equal(expected, found, &why)) {
        report(b, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
}

// Compares runs of two programs.
static void check_programs(bits *b, const char *what, const subject_options *o, const subject_options *other,
                           subject_run run) {
    run_values expected, found;
    if (!values_of(b, what, o, run, &expected)) {
        return;
    }
    if (values_of(b, what, other, run, &found)) {
        check_equal(b, what, &expected, &found);
        run_values_deinit(&found);
    }
    run_values_deinit(&expected);
}

// ---- The properties ----

// Compares what several threads give with |expected|, which one thread gave.
static void check_team(bits *b, const subject_options *one, int threads, set_choice sets,
                       const run_values *expected) {
    char what[64];
    snprintf(what, sizeof what, "%d threads, sets %s", threads,
             sets == SETS_BESIDE ? "side by side" : "split");
    subject_options several = *one;
    several.threads = threads;
    several.split_all = true;
    several.sets = sets;
    run_values found;
    if (values_of(b, what, &several, (subject_run){7, 20, 0}, &found)) {
        check_equal(b, what, expected, &found);
        run_values_deinit(&found);
    }
}

static void check_teams(bits *b, const subject_options *one) {
    run_values expected;
    if (!values_of(b, "1 thread", one, (subject_run){7, 20, 0}, &expected)) {
        return;
    }
    check_team(b, one, 2, SETS_SPLIT, &expected);
    check_team(b, one, 3, SETS_SPLIT, &expected);
    // Only layers of two directions have sets.
    bool has_sets = diff_layers_both_ways(b->model.form) > 0;
    for (int threads = 2; threads <= 4 && has_sets; threads++) {
        check_team(b, one, threads, SETS_BESIDE, &expected);
    }
    run_values_deinit(&expected);
}

static void check_threads(bits *b) {
    subject_options one = plain_options(b, 7, 20);
    check_teams(b, &one);
    // A whole training step: the norm of all gradients, and the weights afterwards.
    one.pipeline = NULL;
    one.update = &adam;
    check_teams(b, &one);
}

// Keeps row |row| of |rows| of a value whose innermost axis is the batch; false if the batch is not among its axes.
static bool take_row(const run_value *v, int64_t row, int64_t rows, int64_t blocks, run_value *out) {
    if (!(v->axes & AXIS_BIT(AXIS_BATCH))) {
        return false;
    }
    bool stepped = v->axes != AXIS_BIT(AXIS_BATCH);
    int64_t steps = stepped ? blocks : 1, columns = v->count / rows / steps;
    *out = (run_value){v->name, v->role, v->axes, steps * columns, NULL};
    out->values = malloc((size_t)out->count * sizeof *out->values + 1);
    assert_non_null(out->values);
    for (int64_t t = 0; t < steps; t++) {
        memcpy(out->values + t * columns, v->values + (t * rows + row) * columns,
               (size_t)columns * sizeof(double));
    }
    return true;
}

static void check_row(bits *b, const run_values *all, const run_values *alone, subject_run run, int64_t row) {
    for (uint32_t i = 0; i < all->at.count; i++) {
        run_value part;
        if (!take_row(&all->at.at[i], row, run.batch, run.sequence, &part)) {
            continue;
        }
        const run_value *found = run_values_find(alone, part.name);
        b->ran++;
        if (!found || found->count != part.count ||
            memcmp(found->values, part.values, (size_t)part.count * sizeof(double)) != 0) {
            char what[32];
            snprintf(what, sizeof what, "row %lld alone", (long long)row);
            report(b, what, part.name);
        }
        free(part.values);
    }
}

static void check_rows(bits *b) {
    subject_run run = {7, 20, 0};
    subject_options many = plain_options(b, 7, 20), single = plain_options(b, 7, 1);
    many.pipeline = single.pipeline = NULL;
    strbuf why = {0};
    run_values all, alone;
    subject one;
    if (!values_of(b, "a batch", &many, run, &all)) {
        return;
    }
    if (subject_create(diff_model_graph(&b->model), &single, &why, &one) == RNNC_OK) {
        for (int64_t row = 0; row < run.batch; row++) {
            if (subject_execute(&one, (subject_run){7, 1, row}, &why, &alone) == RNNC_OK) {
                check_row(b, &all, &alone, run, row);
                run_values_deinit(&alone);
            }
        }
        subject_destroy(&one);
    }
    if (why.length) {
        report(b, "a row alone", strbuf_text(&why));
    }
    strbuf_deinit(&why);
    run_values_deinit(&all);
}

static void check_maxima(bits *b) {
    subject_options large = plain_options(b, 50, 20), exact = plain_options(b, 7, 3);
    check_programs(b, "T = 7 of 50", &large, &exact, (subject_run){7, 3, 0});
}

static void check_unrolled(bits *b, int64_t longest) {
    for (int64_t steps = 1; steps <= longest; steps++) {
        char what[32];
        snprintf(what, sizeof what, "%lld steps unrolled", (long long)steps);
        subject_options rolled = plain_options(b, 12, 3), unrolled = plain_options(b, steps, 3);
        unrolled.pipeline = diff_unrolled_gradient_pipeline;
        unrolled.unroll = steps;
        check_programs(b, what, &rolled, &unrolled, (subject_run){steps, 3, 0});
    }
    // And a whole training step, by the default pipelines.
    subject_options rolled = plain_options(b, 12, 3), unrolled = plain_options(b, 3, 3);
    rolled.pipeline = unrolled.pipeline = NULL;
    rolled.update = unrolled.update = &adam;
    unrolled.unroll = 3;
    check_programs(b, "3 training steps unrolled", &rolled, &unrolled, (subject_run){3, 3, 0});
}

// ---- Which models ----

static void check_model(bits *b, const char *cell, const char *form, int32_t hidden, dtype real) {
    b->model = (diff_model){diff_find(diff_cells, diff_cell_count, cell),
                            diff_find(diff_forms, diff_form_count, form), hidden, real, false};
    assert_true(b->model.cell < diff_cell_count && b->model.form < diff_form_count && hidden > 0);
    check_threads(b);
    b->model.inference = true; // what is dropped depends on the row's number
    check_rows(b);
    b->model.inference = false;
    check_maxima(b);
    check_unrolled(b, strcmp(b->mode, "quick") == 0 ? 3 : 12);
}

// Every cell, in each form or in one of them: small, kernels interpreted.
static void check_interpreted(bits *b, bool all_forms) {
    for (uint32_t i = 0; i < diff_cell_count * diff_form_count; i++) {
        uint32_t cell = i / diff_form_count, form = i % diff_form_count;
        if (all_forms || cell % diff_form_count == form) {
            check_model(b, diff_cells[cell].name, diff_forms[form].name, 7, i % 2 ? DT_F64 : DT_F32);
        }
    }
}

static void check_compiled(bits *b) {
    check_model(b, "lstm", "two", 7, DT_F32);
    check_model(b, "gru_cho", "both", 7, DT_F64);
    check_model(b, "dropout", "lengths", 7, DT_F32);
    check_model(b, "lstm_peephole", "both", 100, DT_F32);
    check_model(b, "rnn", "one", 650, DT_F32);
    check_model(b, "lstm", "two", 650, DT_F32);
    for (uint32_t cell = 0; cell < diff_cell_count && strcmp(b->mode, "full") == 0; cell++) {
        check_model(b, diff_cells[cell].name, diff_forms[cell % diff_form_count].name, 100, DT_F32);
    }
    if (strcmp(b->mode, "full") == 0) {
        check_model(b, "gru_cho_after", "both", 650, DT_F32);
        check_model(b, "gru_cho", "lengths", 650, DT_F64);
    }
}

static void with_backend(bits *b, const char *name) {
    diff_backend backend;
    diff_backend_open(name, &backend);
    b->backend = &backend;
    if (strcmp(b->mode, "case") == 0) {
        dtype real = strcmp(b->arguments[3], "f64") == 0 ? DT_F64 : DT_F32;
        check_model(b, b->arguments[0], b->arguments[1], atoi(b->arguments[2]), real);
    } else if (strcmp(name, "interpret") == 0) {
        check_interpreted(b, strcmp(b->mode, "full") == 0);
    } else {
        check_compiled(b);
    }
    diff_backend_close(&backend);
}

static void bits_are_equal(void **state) {
    bits *b = *state;
    if (strcmp(b->mode, "case") == 0) {
        with_backend(b, b->arguments[4]);
    } else {
        with_backend(b, "interpret");
        if (strcmp(b->mode, "quick") != 0) {
            with_backend(b, "llvm");
        }
    }
    print_message("%u comparisons\n", b->ran);
    assert_true(b->ran > 0);
    assert_int_equal(b->failed, 0);
}

int main(int count, char **arguments) {
    bool single = count == 7 && strcmp(arguments[1], "case") == 0;
    if (!single && (count != 2 || strcmp(arguments[1], "case") == 0)) {
        fprintf(stderr, "usage: test_bits quick|default|full, or case CELL FORM HIDDEN DTYPE BACKEND\n");
        return 2;
    }
    bits b = {.mode = arguments[1], .arguments = arguments + 2};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(bits_are_equal, &b)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
