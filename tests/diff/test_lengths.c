// Lengths per row, for every cell, forward and backward in one layer: what a row of a batch gives is what it gives alone,
// in a run as long as it is, of a model that knows no lengths. Interpreted and compiled.
//
//   test_lengths quick | default     kernels interpreted, or compiled too
#include <math.h>
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
#include "tests/unit/graph_runs.h"

enum { STEPS = 6, ROWS = 14 };

typedef struct lengths_test {
    bool with_llvm;
    diff_backend *backend; // NULL: the interpreter of graphs
    uint32_t cell;
    dtype real;
    uint32_t failed, ran;
} lengths_test;

static void report(lengths_test *t, const char *what, const char *why) {
    t->failed++;
    print_error("%s, %s, %s, %s: %s\n", diff_cells[t->cell].name, dtype_name(t->real),
                t->backend ? t->backend->name : "graph", what, why);
}

// Sums, not means: the gradient of a batch is then the sum of its rows'. Without dropout, which knows a row's number.
static graph *graph_of(const lengths_test *t, bool lengths) {
    const char *axis = lengths ? "T lengths" : "T";
    strbuf text = {0};
    strbuf_addf(&text,
                "%smodel case(n = 5, cell = %s) {\n"
                "    float = %s\n"
                "    input x: real(5)[%s]\n"
                "    target wanted: real(3)[%s]\n"
                "    y = concat(cell(n, x), backward cell(n, x))\n"
                "    p = linear(3, y)\n"
                "    ends = sum[batch] sum square(last[T](y)) + sum[batch] sum first[T](y)\n"
                "    loss = sum[T, batch] sum squared_error(p, wanted) + ends\n"
                "    output y\n"
                "    output p\n"
                "}\n",
                diff_own_cells, diff_cells[t->cell].text, dtype_name(t->real), axis, axis);
    graph *g = diff_graph_of_text(strbuf_text(&text), false);
    strbuf_deinit(&text);
    return g;
}

// ---- Runs ----

static bool make(lengths_test *t, const char *what, bool lengths, bool nan_padding, subject *out) {
    subject_options o = {.backend = t->backend,
                         .pipeline = t->backend ? diff_gradient_pipeline : "differentiate",
                         .longest = STEPS + 2,
                         .largest = ROWS,
                         .nan_padding = nan_padding};
    strbuf why = {0};
    bool made = subject_create(graph_of(t, lengths), &o, &why, out) == RNNC_OK;
    if (!made) {
        report(t, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return made;
}

static bool execute(lengths_test *t, const char *what, subject *s, subject_run run, run_values *out) {
    strbuf why = {0};
    bool ran = subject_execute(s, run, &why, out) == RNNC_OK;
    if (!ran) {
        report(t, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return ran;
}

static bool execute_once(lengths_test *t, const char *what, bool nan_padding, run_values *out) {
    subject s;
    if (!make(t, what, true, nan_padding, &s)) {
        return false;
    }
    bool ran = execute(t, what, &s, (subject_run){STEPS, ROWS, 0}, out);
    subject_destroy(&s);
    return ran;
}

// ---- A row ----

static bool agrees(const lengths_test *t, double found, double expected, double scale) {
    return fabs(found - expected) <= (t->real == DT_F64 ? 1e-12 : 1e-5) * fmax(scale, 1);
}

static void check(lengths_test *t, int64_t row, const run_value *v, int64_t at, double found, double expected,
                  bool exact) {
    t->ran++;
    if (exact ? found == expected : agrees(t, found, expected, fabs(expected))) {
        return;
    }
    char what[48], why[160];
    snprintf(what, sizeof what, "row %lld of length %lld", (long long)row,
             (long long)subject_length(row, STEPS));
    snprintf(why, sizeof why, "%s[%lld] is %.17g, expected %.17g", v->name, (long long)at, found, expected);
    report(t, what, why);
}

// An output along the steps: as alone, then zeros.
static void check_steps(lengths_test *t, const run_value *v, const run_values *alone, int64_t row) {
    int64_t length = subject_length(row, STEPS), columns = v->count / STEPS / ROWS;
    const run_value *expected = length ? run_values_find(alone, v->name) : NULL;
    for (int64_t i = 0; i < STEPS * columns; i++) {
        int64_t step = i / columns, at = (step * ROWS + row) * columns + i % columns;
        bool valid = step < length;
        check(t, row, v, at, v->values[at], valid ? expected->values[i] : 0, !valid);
    }
}

// A final state: as alone; of a row without steps the initial one, an input of the same name.
static void check_state(lengths_test *t, const run_value *v, const run_values *alone, int64_t row) {
    int64_t columns = v->count / ROWS;
    bool empty = subject_length(row, STEPS) == 0;
    const run_value *expected = empty ? NULL : run_values_find(alone, v->name);
    for (int64_t i = 0; i < columns; i++) {
        int64_t at = row * columns + i;
        double initial = (float)plain_number(v->name, at);
        check(t, row, v, at, v->values[at], empty ? initial : expected->values[i], empty);
    }
}

static void check_row(lengths_test *t, const run_values *all, const run_values *alone, int64_t row) {
    for (uint32_t i = 0; i < all->at.count; i++) {
        const run_value *v = &all->at.at[i];
        if (strcmp(v->role, "state") == 0) {
            check_state(t, v, alone, row);
        } else if (v->axes & AXIS_BIT(AXIS_BATCH)) {
            check_steps(t, v, alone, row);
        }
    }
}

// ---- Sums over the rows: the loss, gradients ----

typedef struct row_sums {
    double *at[400];
} row_sums;

static void add_sums(row_sums *sums, const run_values *all, const run_values *alone) {
    assert_true(all->at.count <= sizeof sums->at / sizeof *sums->at);
    for (uint32_t i = 0; i < all->at.count; i++) {
        const run_value *v = &all->at.at[i], *part = run_values_find(alone, v->name);
        if (v->axes) {
            continue;
        }
        sums->at[i] = sums->at[i] ? sums->at[i] : calloc((size_t)v->count, sizeof(double));
        assert_true(sums->at[i] && part && part->count == v->count);
        for (int64_t k = 0; k < v->count; k++) {
            sums->at[i][k] += part->values[k];
        }
    }
}

static void check_sums(lengths_test *t, row_sums *sums, const run_values *all) {
    for (uint32_t i = 0; i < all->at.count; i++) {
        const run_value *v = &all->at.at[i];
        double largest = 0;
        for (int64_t k = 0; sums->at[i] && k < v->count; k++) {
            largest = fmax(largest, fabs(sums->at[i][k]));
        }
        for (int64_t k = 0; sums->at[i] && k < v->count; k++) {
            t->ran++;
            if (!agrees(t, v->values[k], sums->at[i][k], largest)) {
                report(t, "the sum over the rows", v->name);
                break;
            }
        }
        free(sums->at[i]);
    }
}

// ---- All of it ----

static void compare_with_rows_alone(lengths_test *t, const run_values *all) {
    row_sums sums = {0};
    subject plain;
    if (!make(t, "without lengths", false, false, &plain)) {
        return;
    }
    for (int64_t row = 0; row < ROWS; row++) {
        run_values alone = {0};
        int64_t length = subject_length(row, STEPS);
        if (length && execute(t, "a row alone", &plain, (subject_run){length, 1, row}, &alone)) {
            add_sums(&sums, all, &alone);
            check_row(t, all, &alone, row);
            run_values_deinit(&alone);
        } else if (!length) {
            check_row(t, all, NULL, row);
        }
    }
    check_sums(t, &sums, all);
    subject_destroy(&plain);
}

static void check_cell(lengths_test *t) {
    run_values all, hidden;
    if (!execute_once(t, "a batch", false, &all)) {
        return;
    }
    compare_with_rows_alone(t, &all);
    if (execute_once(t, "NaN in the padding", true, &hidden)) {
        strbuf why = {0};
        t->ran++;
        if (!values_equal(&all, &hidden, &why)) {
            report(t, "NaN in the padding", strbuf_text(&why));
        }
        strbuf_deinit(&why);
        run_values_deinit(&hidden);
    }
    run_values_deinit(&all);
}

static void with_backend(lengths_test *t, const char *name) {
    diff_backend backend;
    if (name) {
        diff_backend_open(name, &backend);
    }
    t->backend = name ? &backend : NULL;
    for (t->cell = 0; t->cell < diff_cell_count; t->cell++) {
        t->real = t->cell % 2 ? DT_F64 : DT_F32;
        check_cell(t);
    }
    if (name) {
        diff_backend_close(&backend);
    }
}

static void rows_are_as_alone(void **state) {
    lengths_test *t = *state;
    with_backend(t, NULL);
    with_backend(t, "interpret");
    if (t->with_llvm) {
        with_backend(t, "llvm");
    }
    print_message("%u comparisons\n", t->ran);
    assert_int_equal(t->failed, 0);
}

// The rows have every length from none to all steps.
static void all_lengths_are_there(void **state) {
    (void)state;
    bool seen[STEPS + 1] = {false};
    for (int64_t row = 0; row < ROWS; row++) {
        seen[subject_length(row, STEPS)] = true;
    }
    assert_true(seen[0] && seen[1] && seen[STEPS]);
}

// The comparison with NaN can fail: a model without lengths reads what stands in the padding.
static void nan_is_there(void **state) {
    lengths_test t = *(lengths_test *)*state;
    subject s;
    run_values all;
    t.real = DT_F64;
    assert_true(make(&t, "without lengths", false, true, &s));
    assert_true(execute(&t, "without lengths", &s, (subject_run){STEPS, ROWS, 0}, &all));
    assert_true(isnan(run_values_find(&all, "loss")->values[0]));
    run_values_deinit(&all);
    subject_destroy(&s);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: test_lengths quick|default\n");
        return 2;
    }
    lengths_test t = {.with_llvm = strcmp(arguments[1], "quick") != 0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_lengths_are_there),
        cmocka_unit_test_prestate(nan_is_there, &t),
        cmocka_unit_test_prestate(rows_are_as_alone, &t),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
