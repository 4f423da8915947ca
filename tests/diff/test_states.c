// Initial and final states of layers: numbers, learnt, drawn, handed on from another layer; forward and backward, with
// lengths and without. Compiled against the interpreter; and that what is handed on is what it should be.
//
//   test_states quick | default     kernels interpreted, or compiled too
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 9, LARGEST = 5 };

// |body| defines y from x.
static const struct {
    const char *name, *body;
    const char *gradient; // that there must be; NULL: none in particular
} forms[] = {
    {"given", "    y = lstm(n, x)\n", NULL},
    {"numbers", "    y = lstm(n, x) from (h = 0, c = 1.5)\n", NULL},
    {"learnt",
     "    weight start[n], end[n]\n"
     "    y = gru_cho(n, x) from (h = start) + backward lstm(n, x) from (c = end)\n",
     "gradient.start"},
    {"learnt_from_data", "    y = rnn(n, x) from (h = tanh(linear(n, first[T](x))))\n", "gradient.y.in1"},
    {"drawn", "    y = lstm(n, x) from (h = random_normal(n, 0, 0.5), c = random_uniform(n, -1, 1))\n", NULL},
    {"from_below", "    a, ends = lstm(n, x)\n    y = lstm(n, a) from ends\n", "gradient.lstm.0.g.b"},
    {"one_state",
     "    a, ends = lstm(n, x)\n"
     "    y = backward gru_chung(n, a) from (h = ends.c)\n"
     "    output top = ends.h\n",
     NULL},
    {"across_directions",
     "    a, ends = backward lstm(n, x)\n"
     "    y = lstm(n, x) from (h = ends.h, c = 2 * ends.c)\n",
     NULL},
    {"frozen",
     "    weight start[n] frozen\n"
     "    share frozen f = linear(n)\n"
     "    share frozen below = lstm(n)\n"
     "    y = rnn(n, f(below(x))) from (h = start)\n",
     "gradient.rnn.0.h.h"},
    {"layer_by_layer", "    y = stack(n, 3, lstm, x)\n", NULL},
};

enum { FORMS = sizeof forms / sizeof *forms };

typedef struct states_test {
    bool with_llvm, lengths;
    dtype real;
    diff_backend *backend;
    size_t form;
    uint32_t failed, ran;
} states_test;

static void report(states_test *t, const char *what, const char *why) {
    t->failed++;
    print_error("%s, %s, %s%s, %s: %s\n", forms[t->form].name, dtype_name(t->real), t->backend->name,
                t->lengths ? ", lengths" : "", what, why);
}

static graph *graph_of(const states_test *t) {
    strbuf text = {0};
    strbuf_addf(
        &text,
        "model case(n = 6) {\n    float = %s\n    input x: real(4)[T%s]\n    target wanted: real(6)[T]\n"
        "%s    loss = mean[T, batch] mean squared_error(y, wanted)\n    output y\n}\n",
        dtype_name(t->real), t->lengths ? " lengths" : "", forms[t->form].body);
    graph *g = diff_graph_of_text(strbuf_text(&text), true);
    strbuf_deinit(&text);
    return g;
}

static bool values_of(states_test *t, const subject_options *o, subject_run run, run_values *out) {
    strbuf why = {0};
    subject s;
    bool ran = subject_create(graph_of(t), o, &why, &s) == RNNC_OK;
    if (ran) {
        ran = subject_execute(&s, run, &why, out) == RNNC_OK;
        subject_destroy(&s);
    }
    if (!ran) {
        report(t, "a run", strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return ran;
}

static void compare(states_test *t, subject_run run) {
    subject_options interpreted = {.pipeline = "differentiate"};
    subject_options compiled = {
        .backend = t->backend, .pipeline = diff_gradient_pipeline, .longest = LONGEST, .largest = LARGEST};
    value_limits limits =
        t->real == DT_F64 ? (value_limits){1e-12, 1e-12, false} : (value_limits){1e-5, 5e-5, false};
    run_values expected, found;
    strbuf why = {0};
    t->ran++;
    if (!values_of(t, &interpreted, run, &expected)) {
        return;
    }
    if (forms[t->form].gradient && !run_values_find(&expected, forms[t->form].gradient)) {
        report(t, "there is no", forms[t->form].gradient);
    }
    if (values_of(t, &compiled, run, &found)) {
        if (!values_near(&expected, &found, limits, &why, NULL)) {
            report(t, "compiled", strbuf_text(&why));
        }
        run_values_deinit(&found);
    }
    run_values_deinit(&expected);
    strbuf_deinit(&why);
}

static void with_backend(states_test *t, const char *name) {
    diff_backend backend;
    diff_backend_open(name, &backend);
    t->backend = &backend;
    for (t->form = 0; t->form < FORMS; t->form++) {
        for (int i = 0; i < 2; i++) {
            t->lengths = i;
            t->real = (t->form + (size_t)i) % 2 ? DT_F64 : DT_F32;
            compare(t, (subject_run){7, 4, 0});
            compare(t, (subject_run){1, 1, 0});
        }
    }
    diff_backend_close(&backend);
}

static void compiled_states_are_those_of_the_graph(void **state) {
    states_test *t = *state;
    with_backend(t, "interpret");
    if (t->with_llvm) {
        with_backend(t, "llvm");
    }
    print_message("%u comparisons\n", t->ran);
    assert_int_equal(t->failed, 0);
}

static const double *values_named(const run_values *v, const char *name) {
    const run_value *found = run_values_find(v, name);
    if (!found) {
        fail_msg("there is no output '%s'", name);
    }
    return found->values;
}

static run_values interpreted_values(size_t form) {
    diff_backend none = {.name = "graph"};
    states_test t = {.real = DT_F64, .form = form, .backend = &none};
    subject_options interpreted = {.pipeline = "differentiate"};
    run_values values;
    assert_true(values_of(&t, &interpreted, (subject_run){7, 4, 0}, &values));
    return values;
}

// What is frozen, alone or shared, has no gradient; all else has.
static void frozen_weights_have_no_gradient(void **state) {
    (void)state;
    run_values v = interpreted_values(FORMS - 2);
    uint32_t gradients = 0;
    for (uint32_t i = 0; i < v.at.count; i++) {
        gradients += strcmp(v.at.at[i].role, "gradient") == 0;
    }
    assert_int_equal(gradients, 3);
    assert_non_null(run_values_find(&v, "gradient.rnn.0.h.b"));
    run_values_deinit(&v);
}

// Final states by name, layer by layer: that of the top one is its last output.
static void final_states_are_outputs(void **state) {
    (void)state;
    run_values v = interpreted_values(FORMS - 1);
    char name[32];
    for (int layer = 0; layer < 3; layer++) {
        snprintf(name, sizeof name, "stack.0.lstm.%d.h", layer);
        values_named(&v, name);
        snprintf(name, sizeof name, "stack.0.lstm.%d.c", layer);
        values_named(&v, name);
    }
    const double *top = values_named(&v, "stack.0.lstm.2.h"), *y = values_named(&v, "y") + 6 * 4 * 6;
    assert_memory_equal(top, y, 4 * 6 * sizeof *y);
    run_values_deinit(&v);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: test_states quick|default\n");
        return 2;
    }
    states_test t = {.with_llvm = strcmp(arguments[1], "quick") != 0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(final_states_are_outputs),
        cmocka_unit_test(frozen_weights_have_no_gradient),
        cmocka_unit_test_prestate(compiled_states_are_those_of_the_graph, &t),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
