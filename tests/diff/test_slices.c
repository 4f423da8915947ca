// Models with slices along their sequences: compiled against the interpreter in f64 for many lengths in one program,
// rolled against unrolled, by any number of threads, and what a sequence that is too short for the bounds gives.
//
//   test_slices quick | default     kernels interpreted, or compiled too
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 12, LARGEST = 4 };

typedef struct slice_model {
    const char *name;
    int64_t least;     // the shortest sequence that the bounds fit into
    const char *error; // what a shorter one gives
    bool rolled_only;  // unrolled, a step's axes lie in another order, which is refused
    const char *body;
} slice_model;

static const slice_model models[] = {
    {"neighbours", 2, "axis T has 1 indices in this run; the slice [T: 1..] needs at least 2", false,
     "    d = x[T: 1..] - x[T: ..-1]\n"
     "    y = lstm(n, d)\n"
     "    p = linear(3, y)\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: 1..])\n"},
    {"ends", 5, "axis T has 4 indices in this run; the slice [T: 2..5] needs at least 5", false,
     "    h = gru_cho(n, x)\n"
     "    y = concat(h[T: -3..], h[T: 2..5], h[T: ..3])\n"
     "    p = linear(3, y)\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: -3..])\n"},
    // The gradient of h comes from a slice, from what runs over another one, and from the last step.
    {"states", 4, "axis T has 3 indices in this run; the slice [T: 3..] needs at least 4", false,
     "    h = lstm(n, x)\n"
     "    y = backward rnn(n, h[T: 1..-1] * h[T: ..-2])\n"
     "    output tail = h[T: -2..]\n"
     "    output given = x[T: 1..]\n"
     "    p = linear(3, h[T: 3..])\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: 3..]) + mean[T, batch] mean square(y)"
     " + mean[batch] sum(last[T](h[T: ..-2]) * first[T](y))\n"},
    {"nested", 6, "axis T has 5 indices in this run; the slice [T: 2..-3] needs at least 6", false,
     "    h = rnn(n, x)\n"
     "    a = h[T: 1..][T: ..-2][T: -2..]\n"
     "    b = tanh(h[T: 2..][T: ..-3])\n"
     "    y = concat(a, shift[T](a, 1))\n"
     "    p = linear(3, y)\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: ..2]) + sum[T] mean[batch] sum b\n"},
    {"lengths", 3, "axis T has 2 indices in this run; the slice [T: 2..] needs at least 3", false,
     "    h = lstm(n, x)\n"
     "    y = rnn(n, h[T: 2..])\n"
     "    p = linear(3, y)\n"
     "    q = last[T](linear(3, h[T: 1..3]))\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: 2..]) + mean[batch] mean square(q)\n"},
    // Every step of T looks at a slice of S.
    {"two_axes", 3, "axis S has 2 indices in this run; the slice [S: 2..] needs at least 3", false,
     "    h = rnn(n, x)\n"
     "    m = rnn(n, z)\n"
     "    e = linear(n, m)[S: 1..] + h\n"
     "    w = softmax[S](linear(1, tanh(e), bias = false))\n"
     "    y = h + sum[S](w * m[S: ..-1])\n"
     "    p = linear(3, y) + sum[S] linear(3, z)[S: 2..]\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted)\n"},
    // Slices of what runs along two axes lie in another order than other values along the same axes.
    {"outer_axis", 3, "axis T has 2 indices in this run; the slice [T: 2..] needs at least 3", false,
     "    e = tanh(linear(n, rnn(n, x)) + linear(n, z))\n"
     "    d = e[T: 1..] - e[T: ..-1]\n"
     "    y = sum[S](d * linear(n, z)) + sum[S](e[T: 1..])\n"
     "    p = linear(3, y[T: 1..]) + sum[S] linear(3, d[T: 1..])\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted[T: 2..])\n"},
    {"inner_axis", 3, "axis S has 2 indices in this run; the slice [S: 2..] needs at least 3", false,
     "    h = rnn(n, x)\n"
     "    e = tanh(linear(n, z) + h)\n"
     "    y = h + sum[S](e[S: 1..] * linear(n, z)[S: ..-1])\n"
     "    p = linear(3, y)\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted) + sum[S] mean[T, batch] sum e[S: 2..]\n"},
    {"tokens", 3, "axis T has 2 indices in this run; the slice [T: 2..] needs at least 3", false,
     "    e = embedding(4, n, kind[T: 2..])\n"
     "    y = rnn(n, e)\n"
     "    p = linear(4, y)\n"
     "    t = number(T[T: 1..-1] > 1)\n"
     "    loss = mean[T, batch] cross_entropy(p, kind[T: 1..-1]) + mean[T, batch] mean square(t * x[T: ..-2])"
     " + mean[T, batch] mean square(linear(3, x) * wanted)\n"},
    {"fixed", 1, NULL, false,
     "    s = f[K: 1..] - f[K: ..-1]\n"
     "    y = rnn(n, x + sum[K] linear(5, s))\n"
     "    p = linear(3, y)\n"
     "    loss = mean[T, batch] mean squared_error(p, wanted) + mean[K, batch] mean square(linear(n, f[K: "
     "-2..]))\n"},
};

enum { MODELS = sizeof models / sizeof *models };

static graph *graph_of(const slice_model *m, dtype real) {
    strbuf text = {0};
    bool lengths = strcmp(m->name, "lengths") == 0, two = strstr(m->body, "[S]") != NULL;
    bool tokens = strcmp(m->name, "tokens") == 0, fixed = strcmp(m->name, "fixed") == 0;
    strbuf_addf(&text, "model case(n = 7) {\n    float = %s\n    input x: real(5)[T%s]\n", dtype_name(real),
                lengths ? " lengths" : "");
    strbuf_add(&text, two ? "    input z: real(5)[S]\n" : "");
    strbuf_add(&text, tokens ? "    input kind: token(4)[T]\n" : "");
    strbuf_add(&text, fixed ? "    input f: real(2)[K = 4]\n" : "");
    strbuf_addf(&text, "    target wanted: real(3)[T]\n%s    output y\n    output p\n}\n", m->body);
    graph *g = diff_graph_of_text(strbuf_text(&text), true);
    strbuf_deinit(&text);
    return g;
}

typedef struct slices {
    bool with_llvm;
    diff_backend *backend;
    const slice_model *model;
    dtype real;
    uint32_t failed, ran;
} slices;

static void report(slices *s, const char *what, const char *why) {
    s->failed++;
    print_error("%s, %s, %s, %s: %s\n", s->model->name, dtype_name(s->real), s->backend->name, what, why);
}

static bool make(slices *s, const char *what, const subject_options *o, subject *out) {
    strbuf why = {0};
    bool made = subject_create(graph_of(s->model, s->real), o, &why, out) == RNNC_OK;
    if (!made) {
        report(s, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return made;
}

static bool execute(slices *s, const char *what, subject *of, subject_run run, run_values *out) {
    strbuf why = {0};
    bool ran = subject_execute(of, run, &why, out) == RNNC_OK;
    if (!ran) {
        report(s, what, strbuf_text(&why));
    }
    strbuf_deinit(&why);
    return ran;
}

static subject_options compiled(const slices *s) {
    return (subject_options){
        .backend = s->backend, .pipeline = diff_gradient_pipeline, .longest = LONGEST, .largest = LARGEST};
}

// ---- Against the interpreter ----

static void compare(slices *s, subject *reference, subject *found, subject_run run, value_limits limits) {
    strbuf why = {0};
    run_values expected, values;
    char what[64];
    snprintf(what, sizeof what, "%lld steps of %lld rows", (long long)run.sequence, (long long)run.batch);
    s->ran++;
    if (!execute(s, what, reference, run, &expected)) {
        return;
    }
    if (execute(s, what, found, run, &values)) {
        if (!values_near(&expected, &values, limits, &why, NULL)) {
            report(s, what, strbuf_text(&why));
        }
        run_values_deinit(&values);
    }
    run_values_deinit(&expected);
    strbuf_deinit(&why);
}

static void compare_with_interpreter(slices *s) {
    static const int64_t lengths[] = {LONGEST, 6, 9, 7};
    subject_options interpreted = {.pipeline = "differentiate"}, options = compiled(s);
    value_limits limits =
        s->real == DT_F64 ? (value_limits){1e-12, 1e-12, false} : (value_limits){1e-5, 1e-4, false};
    subject reference, machine;
    if (!make(s, "interpreted", &interpreted, &reference)) {
        return;
    }
    if (make(s, "compiled", &options, &machine)) {
        compare(s, &reference, &machine, (subject_run){s->model->least, 1, 0}, limits);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            compare(s, &reference, &machine, (subject_run){lengths[i], i % 2 ? 3 : LARGEST, 0}, limits);
        }
        subject_destroy(&machine);
    }
    subject_destroy(&reference);
}

// ---- Bit for bit ----

static void check_equal(slices *s, const char *what, const subject_options *a, const subject_options *b,
                        subject_run run) {
    strbuf why = {0};
    subject x, y;
    run_values expected, found;
    s->ran++;
    if (!make(s, what, a, &x)) {
        return;
    }
    if (execute(s, what, &x, run, &expected)) {
        if (make(s, what, b, &y)) {
            if (execute(s, what, &y, run, &found)) {
                if (!values_equal(&expected, &found, &why)) {
                    report(s, what, strbuf_text(&why));
                }
                run_values_deinit(&found);
            }
            subject_destroy(&y);
        }
        run_values_deinit(&expected);
    }
    subject_destroy(&x);
    strbuf_deinit(&why);
}

static void compare_bits(slices *s) {
    subject_options one = compiled(s), several = one, exact = one, unrolled = one;
    several.threads = 3;
    several.split_all = true;
    exact.longest = 7;
    exact.largest = 3;
    check_equal(s, "3 threads", &one, &several, (subject_run){7, 3, 0});
    check_equal(s, "7 steps of 12", &one, &exact, (subject_run){7, 3, 0});
    unrolled.pipeline = diff_unrolled_gradient_pipeline;
    for (int64_t steps = s->model->least; steps <= 7 && !s->model->rolled_only; steps += 2) {
        unrolled.unroll = unrolled.longest = steps;
        check_equal(s, "unrolled", &one, &unrolled, (subject_run){steps, 3, 0});
    }
}

// ---- Too short ----

static void refuse_short_run(slices *s, const char *what, const subject_options *o) {
    strbuf why = {0};
    subject of;
    run_values none;
    s->ran++;
    if (!make(s, what, o, &of)) {
        return;
    }
    subject_run run = {s->model->least - 1, 2, 0};
    if (subject_execute(&of, run, &why, &none) == RNNC_OK) {
        report(s, what, "a run that is too short is taken");
        run_values_deinit(&none);
    } else if (!strstr(strbuf_text(&why), s->model->error)) {
        report(s, what, strbuf_text(&why));
    }
    subject_destroy(&of);
    strbuf_deinit(&why);
}

static void refuse_what_is_short(slices *s) {
    subject_options interpreted = {.pipeline = "differentiate"}, options = compiled(s);
    strbuf why = {0};
    subject none;
    if (!s->model->error) {
        return;
    }
    refuse_short_run(s, "interpreted, too short", &interpreted);
    refuse_short_run(s, "compiled, too short", &options);
    options.longest = s->model->least - 1;
    if (subject_create(graph_of(s->model, s->real), &options, &why, &none) == RNNC_OK) {
        report(s, "compiled for too short runs", "is taken");
        subject_destroy(&none);
    } else if (!strstr(strbuf_text(&why), s->model->error)) {
        report(s, "compiled for too short runs", strbuf_text(&why));
    }
    strbuf_deinit(&why);
}

static void with_backend(slices *s, const char *name) {
    diff_backend backend;
    diff_backend_open(name, &backend);
    s->backend = &backend;
    for (int i = 0; i < MODELS; i++) {
        s->model = &models[i];
        s->real = i % 2 ? DT_F32 : DT_F64;
        compare_with_interpreter(s);
        compare_bits(s);
        refuse_what_is_short(s);
    }
    diff_backend_close(&backend);
}

static void slices_are_what_they_say(void **state) {
    slices *s = *state;
    with_backend(s, "interpret");
    if (s->with_llvm) {
        with_backend(s, "llvm");
    }
    print_message("%u comparisons\n", s->ran);
    assert_int_equal(s->failed, 0);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: test_slices quick|default\n");
        return 2;
    }
    slices s = {.with_llvm = strcmp(arguments[1], "quick") != 0};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(slices_are_what_they_say, &s)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
