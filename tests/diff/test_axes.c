// Models with two sequence axes, declared in either order: recurrences along the inner one of the declaration are
// compiled as well as those along the outer one, forward and gradient.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ir/text.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 6, LARGEST = 3 };

// Letters of each word, then words; %s: the axes.
static const char *const bodies[] = {
    // The last state of each word.
    "    c = embedding(7, 3, spelling)\n    h, end = lstm(5, c) along S\n    y = lstm(4, end.h) along T\n",
    // Both directions of both.
    ("    c = embedding(7, 3, spelling)\n"
     "    w = max[S](concat(gru_cho(4, c) along S, backward gru_cho(4, c) along S))\n"
     "    y = concat(rnn(3, w) along T, backward rnn(3, w) along T)\n"),
    // One layer on the other along the same inner axis, and what depends on neither.
    ("    c = dropout(0.75, embedding(7, 3, spelling))\n"
     "    h = lstm(5, lstm(4, c) along S) along S\n    y = gru_cho(4, mean[S](h)) along T\n"),
    // Nothing along T at all.
    "    c = embedding(7, 3, spelling)\n    h, end = lstm(5, c) along S\n    y = end.h\n",
};
enum { BODIES = sizeof bodies / sizeof *bodies };

static graph *make_graph(const char *body, const char *axes) {
    strbuf text = {0};
    strbuf_addf(&text,
                "model words() {\n    input spelling: token(7)[%s]\n    target tag: token(3)[T]\n%s"
                "    logits = linear(3, y)\n    loss = sum[T] mean[batch] cross_entropy(logits, tag)\n"
                "    output p = softmax(logits)\n}\n",
                axes, body);
    graph *g = diff_graph_of_text(strbuf_text(&text), true);
    strbuf_deinit(&text);
    return g;
}

static void run_or_fail(subject *s, subject_run run, run_values *out) {
    strbuf why = {0};
    if (subject_execute(s, run, &why, out) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    strbuf_deinit(&why);
}

static void make_or_fail(graph *g, const subject_options *o, subject *out) {
    strbuf why = {0};
    if (subject_create(g, o, &why, out) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    strbuf_deinit(&why);
}

// Takes both graphs, which are alike: the interpreter's numbers and gradients are those of compiled code.
static void compare_graphs(graph *reference_graph, graph *compiled_graph, const char *backend_name,
                           const char *what) {
    diff_backend backend;
    subject reference, compiled;
    diff_backend_open(backend_name, &backend);
    subject_options interpreted = {.pipeline = "differentiate"};
    subject_options gradients = {.backend = &backend,
                                 .pipeline = diff_gradient_pipeline,
                                 .longest = LONGEST,
                                 .largest = LARGEST,
                                 .threads = 2};
    make_or_fail(reference_graph, &interpreted, &reference);
    make_or_fail(compiled_graph, &gradients, &compiled);
    static const subject_run runs[] = {{1, 1, 0}, {2, 3, 0}, {5, 2, 0}, {LONGEST, LARGEST, 0}};
    for (int i = 0; i < 4; i++) {
        run_values expected, found;
        strbuf why = {0};
        run_or_fail(&reference, runs[i], &expected);
        run_or_fail(&compiled, runs[i], &found);
        if (!values_near(&expected, &found, (value_limits){1e-5, 5e-5, false}, &why, NULL)) {
            fail_msg("%s, %lld steps: %s", what, (long long)runs[i].sequence, strbuf_text(&why));
        }
        run_values_deinit(&expected);
        run_values_deinit(&found);
        strbuf_deinit(&why);
    }
    subject_destroy(&reference);
    subject_destroy(&compiled);
    diff_backend_close(&backend);
}

static void compare(const char *body, const char *axes, const char *backend_name) {
    char what[1024];
    snprintf(what, sizeof what, "%s over [%s]", body, axes);
    compare_graphs(make_graph(body, axes), make_graph(body, axes), backend_name, what);
}

static void test_compiled(void **state) {
    (void)state;
    static const char *const axes[] = {"T, S", "S, T", "T, S = 4"};
    for (int i = 0; i < BODIES; i++) {
        for (int a = 0; a < 3; a++) {
            compare(bodies[i], axes[a], "interpret");
            compare(bodies[i], axes[a], "llvm");
        }
    }
}

// Either order of the declaration gives the same graph.
static void test_same_graph(void **state) {
    (void)state;
    for (int i = 0; i < BODIES; i++) {
        graph *a = make_graph(bodies[i], "T, S"), *b = make_graph(bodies[i], "S, T");
        strbuf first = {0}, second = {0};
        graph_print(a, &first);
        graph_print(b, &second);
        assert_string_equal(strbuf_text(&first), strbuf_text(&second));
        int s = graph_find_axis(a, "S"), t = graph_find_axis(a, "T");
        assert_true(s < t && a->axes.at[s].declared == 2 && a->axes.at[t].declared == 1);
        assert_true(b->axes.at[s].declared == 1 && b->axes.at[t].declared == 2);
        strbuf_deinit(&first);
        strbuf_deinit(&second);
        graph_destroy(a);
        graph_destroy(b);
    }
}

// A state along T alone, whose steps look at all of S: T has to lie outside of S, in whatever order they are declared.
static const char attention[] = "cell attend(n) {\n"
                                "    input x, memory[S]\n"
                                "    state h[n]\n"
                                "    a = softmax[S](sum(linear(n, h) * memory))\n"
                                "    next h = tanh(linear(n, x, sum[S](a * memory), h))\n"
                                "    output next h\n"
                                "}\n"
                                "model answer() {\n"
                                "    input %s\n"
                                "    input %s\n"
                                "    target tag: token(3)[T]\n"
                                "    memory = concat(gru_cho(3, seen), backward gru_cho(3, seen))\n"
                                "    logits = linear(3, attend(6, asked, memory))\n"
                                "    loss = mean[T, batch] cross_entropy(logits, tag)\n"
                                "    output p = softmax(logits)\n"
                                "}\n";

static graph *make_attention(bool seen_first) {
    static const char *const inputs[] = {"seen: real(2)[S lengths]", "asked: real(2)[T lengths]"};
    strbuf text = {0};
    strbuf_addf(&text, attention, inputs[!seen_first], inputs[seen_first]);
    graph *g = diff_graph_of_text(strbuf_text(&text), true);
    strbuf_deinit(&text);
    return g;
}

static void test_attention(void **state) {
    (void)state;
    for (int first = 0; first < 2; first++) {
        graph *g = make_attention(first);
        assert_true(graph_find_axis(g, "T") < graph_find_axis(g, "S"));
        graph_destroy(g);
        compare_graphs(make_attention(first), make_attention(first), "interpret", "attention");
        compare_graphs(make_attention(first), make_attention(first), "llvm", "attention");
    }
}

// A grid: each axis would have to be the outer one.
static void test_conflict(void **state) {
    (void)state;
    graph *g = make_graph("    c = embedding(7, 3, spelling)\n    h = lstm(5, c) along S\n"
                          "    y = mean[S](lstm(4, h) along T)\n",
                          "T, S");
    assert_true(graph_find_axis(g, "T") == 1 && graph_find_axis(g, "S") == 2);
    diff_backend backend;
    subject s;
    strbuf why = {0};
    diff_backend_open("interpret", &backend);
    subject_options o = {.backend = &backend, .longest = LONGEST, .largest = LARGEST};
    assert_int_not_equal(subject_create(g, &o, &why, &s), RNNC_OK);
    assert_non_null(strstr(strbuf_text(&why), "inner axis"));
    strbuf_deinit(&why);
    diff_backend_close(&backend);
}

static void test_positions(void **state) {
    (void)state;
    graph *g = make_graph(bodies[0], "T, S");
    int s = graph_find_axis(g, "S"), t = graph_find_axis(g, "T");
    int64_t extents[MAX_AXES] = {9, 0};
    extents[s] = 3;
    extents[t] = 5;
    axis_set both = (axis_set)(AXIS_BIT(s) | AXIS_BIT(t) | AXIS_BIT(AXIS_BATCH));
    for (int64_t i = 0; i < 15; i++) {
        assert_int_equal(graph_declared_position(g, both, extents, i), i % 5 * 3 + i / 5);
        assert_int_equal(graph_declared_position(g, AXIS_BIT(t), extents, i), i);
    }
    graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_graph), cmocka_unit_test(test_positions), cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_attention),  cmocka_unit_test(test_compiled),
    };
    return cmocka_run_group_tests_name("axes", tests, NULL, NULL);
}
