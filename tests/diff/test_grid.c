// Every standard cell in every form of layer, compiled in f32 and f64, against the interpreter in f64: outputs, final
// states and gradients.
//
//   test_grid quick                      a handful of cases, by both backends
//   test_grid pairs                      cases in which any two settings meet
//   test_grid full                       all of them
//   test_grid case CELL FORM HIDDEN T BATCH DTYPE BACKEND
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

enum { LONGEST = 50, LARGEST = 20 };

static const int64_t lengths[] = {1, 2, 7, LONGEST};
static const int64_t batches[] = {1, 3, LARGEST};
static const int32_t sizes[] = {1, 7, 32, 100};
static const dtype types[] = {DT_F32, DT_F64};

enum { LENGTHS = 4, BATCHES = 3, SIZES = 4, TYPES = 2 };

// Where the limits are not the usual ones, and why. An empty name and a size of 0 fit all; the first row that fits
// decides.
typedef struct exception {
    const char *cell, *form;
    int32_t hidden;
    dtype real;
    value_limits limits;
    const char *reason;
} exception;

static const char single_unit[] =
    "the tensors of a single unit are single numbers: where one nearly cancels (a state near 0, h - g of a "
    "gate) "
    "there is no larger one beside it that its error could be measured by, so the largest of its kind serves";

static const exception exceptions[] = {
    {"", "", 1, DT_F64, {1e-12, 1e-12, true}, single_unit},
    {"", "", 1, DT_F32, {1e-5, 5e-5, true}, single_unit},
    {"", "", 0, DT_F64, {1e-12, 1e-12, false}, "the usual limits of f64"},
    {"", "", 0, DT_F32, {1e-5, 5e-5, false}, "the usual limits of f32"},
};

typedef struct grid_case {
    diff_model model;
    int64_t sequence, batch;
} grid_case;

typedef struct grid {
    const char *mode;
    char **arguments; // of a single case
    diff_backend *backend;
    uint32_t failed, ran;
    double worst[TYPES]; // the largest part of a limit that was taken up
} grid;

static value_limits limits_of(const diff_model *m) {
    const exception *e = exceptions;
    while (e->real != m->real || (e->hidden && e->hidden != m->hidden) ||
           (*e->cell && strcmp(e->cell, diff_cells[m->cell].name) != 0) ||
           (*e->form && strcmp(e->form, diff_forms[m->form].name) != 0)) {
        e++;
    }
    return e->limits;
}

static void report(grid *g, const grid_case *c, const char *why) {
    g->failed++;
    print_error("%s\n  again: test_grid case %s %s %d %lld %lld %s %s\n", why, diff_cells[c->model.cell].name,
                diff_forms[c->model.form].name, c->model.hidden, (long long)c->sequence, (long long)c->batch,
                dtype_name(c->model.real), g->backend->name);
}

static bool make(grid *g, const grid_case *c, const subject_options *o, subject *out) {
    strbuf why = {0};
    bool made = subject_create(diff_model_graph(&c->model), o, &why, out) == RNNC_OK;
    if (!made) {
        report(g, c, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return made;
}

// What is looked at of one model: the interpreter, the program with gradients, the program without.
typedef struct subjects {
    subject reference, gradients, inference;
} subjects;

static bool is_near(grid *g, const grid_case *c, const run_values *expected, subject *s, value_limits limits,
                    strbuf *why) {
    run_values found;
    if (subject_execute(s, (subject_run){c->sequence, c->batch, 0}, why, &found) != RNNC_OK) {
        return false;
    }
    bool near = values_near(expected, &found, limits, why, &g->worst[c->model.real == DT_F64]);
    run_values_deinit(&found);
    return near;
}

static bool compare(grid *g, const grid_case *c, subjects *s, strbuf *why) {
    run_values expected;
    if (subject_execute(&s->reference, (subject_run){c->sequence, c->batch, 0}, why, &expected) != RNNC_OK) {
        return false;
    }
    value_limits limits = limits_of(&c->model);
    bool near = is_near(g, c, &expected, &s->gradients, limits, why);
    limits.gradients = 0;
    near = near && is_near(g, c, &expected, &s->inference, limits, why);
    run_values_deinit(&expected);
    return near;
}

static void check(grid *g, const grid_case *c, subjects *s) {
    strbuf why = {0};
    g->ran++;
    if (!compare(g, c, s, &why)) {
        report(g, c, strbuf_text(&why));
    }
    strbuf_deinit(&why);
}

static bool make_all(grid *g, const grid_case *c, subjects *s) {
    subject_options interpreted = {.pipeline = "differentiate"};
    subject_options compiled = {.backend = g->backend, .longest = LONGEST, .largest = LARGEST};
    if (!make(g, c, &interpreted, &s->reference) || !make(g, c, &compiled, &s->inference)) {
        return false;
    }
    compiled.pipeline = diff_gradient_pipeline;
    return make(g, c, &compiled, &s->gradients);
}

// All lengths and batches of one model in programs compiled for the largest, or |only| one of them.
static void check_model(grid *g, grid_case c, bool only) {
    subjects s = {0};
    if (make_all(g, &c, &s)) {
        for (int i = 0; i < LENGTHS * BATCHES && !only; i++) {
            grid_case one = {c.model, lengths[i / BATCHES], batches[i % BATCHES]};
            check(g, &one, &s);
        }
        if (only) {
            check(g, &c, &s);
        }
    }
    subject_destroy(&s.reference);
    subject_destroy(&s.gradients);
    subject_destroy(&s.inference);
}

// ---- Which cases ----

static void run_full(grid *g) {
    for (uint32_t i = 0; i < diff_cell_count * diff_form_count; i++) {
        for (int k = 0; k < SIZES * TYPES; k++) {
            diff_model m = {i / diff_form_count, i % diff_form_count, sizes[k % SIZES], types[k / SIZES],
                            false};
            check_model(g, (grid_case){m, 0, 0}, false);
        }
    }
}

enum { FACTORS = 6, MOST_LEVELS = 20 };

// A case as a choice among the levels of each factor: cell, form, hidden, T, batch, type.
typedef struct choice {
    int level[FACTORS];
} choice;

typedef struct coverage {
    bool pair[FACTORS][MOST_LEVELS][FACTORS][MOST_LEVELS];
} coverage;

static int cover(coverage *c, const choice *at, bool mark) {
    int fresh = 0;
    for (int i = 0; i < FACTORS; i++) {
        for (int k = i + 1; k < FACTORS; k++) {
            bool *pair = &c->pair[i][at->level[i]][k][at->level[k]];
            fresh += !*pair;
            *pair |= mark;
        }
    }
    return fresh;
}

// Of all settings for one cell and form the one that brings most pairs not met before.
static choice most_fresh(coverage *c, uint32_t cell, uint32_t form) {
    choice best = {0};
    int most = -1;
    for (int i = 0; i < SIZES * LENGTHS * BATCHES * TYPES; i++) {
        choice at = {{(int)cell, (int)form, i % SIZES, i / SIZES % LENGTHS, i / SIZES / LENGTHS % BATCHES,
                      i / SIZES / LENGTHS / BATCHES}};
        int fresh = cover(c, &at, false);
        if (fresh > most) {
            most = fresh;
            best = at;
        }
    }
    return best;
}

static grid_case case_of(const choice *at) {
    diff_model m = {(uint32_t)at->level[0], (uint32_t)at->level[1], sizes[at->level[2]], types[at->level[5]],
                    false};
    return (grid_case){m, lengths[at->level[3]], batches[at->level[4]]};
}

static void all_pairs_are_met(const coverage *c) {
    const int levels[FACTORS] = {(int)diff_cell_count, (int)diff_form_count, SIZES, LENGTHS, BATCHES, TYPES};
    for (int i = 0; i < FACTORS; i++) {
        for (int k = i + 1; k < FACTORS; k++) {
            for (int pair = 0; pair < levels[i] * levels[k]; pair++) {
                assert_true(c->pair[i][pair / levels[k]][k][pair % levels[k]]);
            }
        }
    }
}

// Every cell in every form, each once, the other settings so that any two of all settings meet somewhere.
static void run_pairs(grid *g) {
    coverage *c = calloc(1, sizeof *c);
    assert_non_null(c);
    assert_true(diff_cell_count <= MOST_LEVELS && diff_form_count <= MOST_LEVELS);
    for (uint32_t i = 0; i < diff_cell_count * diff_form_count; i++) {
        choice at = most_fresh(c, i / diff_form_count, i % diff_form_count);
        cover(c, &at, true);
        check_model(g, case_of(&at), true);
    }
    all_pairs_are_met(c);
    free(c);
}

static void run_case(grid *g) {
    char **a = g->arguments;
    diff_model m = {diff_find(diff_cells, diff_cell_count, a[0]),
                    diff_find(diff_forms, diff_form_count, a[1]), atoi(a[2]),
                    strcmp(a[5], "f64") == 0 ? DT_F64 : DT_F32, false};
    assert_true(m.cell < diff_cell_count && m.form < diff_form_count && m.hidden > 0);
    strbuf text = {0};
    diff_model_text(&m, &text);
    print_message("%s", strbuf_text(&text));
    strbuf_deinit(&text);
    check_model(g, (grid_case){m, atoll(a[3]), atoll(a[4])}, true);
}

// Small, so that interpreting is quick; machine code takes its time to be made, so only every fourth cell gets it.
static void run_quick(grid *g) {
    for (uint32_t cell = 0; cell < diff_cell_count; cell += g->backend->codegen ? 4 : 1) {
        diff_model m = {cell, cell % diff_form_count, sizes[cell % 2], types[cell / 2 % 2], false};
        check_model(g, (grid_case){m, lengths[cell % 3], batches[cell / 2 % 2]}, true);
    }
}

static void compiled_is_near_the_interpreter(void **state) {
    grid *g = *state;
    diff_backend backend;
    bool single = strcmp(g->mode, "case") == 0;
    diff_backend_open(single ? g->arguments[6] : "llvm", &backend);
    g->backend = &backend;
    (single                          ? run_case
     : strcmp(g->mode, "full") == 0  ? run_full
     : strcmp(g->mode, "pairs") == 0 ? run_pairs
                                     : run_quick)(g);
    diff_backend_close(&backend);
    print_message("%u cases; at most %.0f %% of the limits in f32, %.0f %% in f64\n", g->ran,
                  100 * g->worst[0], 100 * g->worst[1]);
    assert_true(g->ran > 0);
    assert_int_equal(g->failed, 0);
}

static void interpreted_kernels_are_near_the_interpreter(void **state) {
    grid g = *(grid *)*state;
    if (strcmp(g.mode, "quick") != 0) {
        skip();
    }
    diff_backend backend;
    diff_backend_open("interpret", &backend);
    g.backend = &backend;
    g.failed = 0;
    run_quick(&g);
    diff_backend_close(&backend);
    assert_int_equal(g.failed, 0);
}

int main(int count, char **arguments) {
    bool fits = (count == 2 && strcmp(arguments[1], "case") != 0) ||
                (count == 9 && strcmp(arguments[1], "case") == 0);
    if (!fits) {
        fprintf(stderr,
                "usage: test_grid quick|pairs|full, or case CELL FORM HIDDEN T BATCH DTYPE BACKEND\n");
        return 2;
    }
    grid g = {.mode = arguments[1], .arguments = arguments + 2};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(compiled_is_near_the_interpreter, &g),
        cmocka_unit_test_prestate(interpreted_kernels_are_near_the_interpreter, &g),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
