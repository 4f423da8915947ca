// A user's cell of the same equations as a standard one becomes the same graph and the same kernels. Names of nodes'
// origins and of weights may differ, nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/text.h"
#include "passes/compile.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

static const char user_cells[] = "cell my_lstm(units, bias_of_forget = 1) {\n"
                                 "    input value\n"
                                 "    state y[units], memory[units]\n"
                                 "    write = sigmoid(linear(units, value, y))\n"
                                 "    keep = sigmoid(linear(units, value, y) + bias_of_forget)\n"
                                 "    candidate = tanh(linear(units, value, y))\n"
                                 "    show = sigmoid(linear(units, value, y))\n"
                                 "    next memory = keep * memory + write * candidate\n"
                                 "    next y = show * tanh(next memory)\n"
                                 "    output next y\n"
                                 "}\n"
                                 "cell my_gru(units) {\n"
                                 "    input value\n"
                                 "    state y[units]\n"
                                 "    update = sigmoid(linear(units, value, y))\n"
                                 "    reset = sigmoid(linear(units, value, y))\n"
                                 "    candidate = tanh(linear(units, value, reset * y))\n"
                                 "    next y = update * y + (1 - update) * candidate\n"
                                 "    output next y\n"
                                 "}\n"
                                 "cell my_rnn(units) {\n"
                                 "    input value\n"
                                 "    state y[units]\n"
                                 "    next y = tanh(linear(units, value, y))\n"
                                 "    output next y\n"
                                 "}\n"
                                 // Not the same: no bias of the forget gate.
                                 "cell other_lstm(units) {\n"
                                 "    input value\n"
                                 "    state y[units], memory[units]\n"
                                 "    write = sigmoid(linear(units, value, y))\n"
                                 "    keep = sigmoid(linear(units, value, y))\n"
                                 "    candidate = tanh(linear(units, value, y))\n"
                                 "    show = sigmoid(linear(units, value, y))\n"
                                 "    next memory = keep * memory + write * candidate\n"
                                 "    next y = show * tanh(next memory)\n"
                                 "    output next y\n"
                                 "}\n";

// The texts of a model's graph after the passes, with names normalised, and of its kernels.
typedef struct compiled_text {
    strbuf graph;
    uint64_t *hashes;
    uint32_t kernel_count;
} compiled_text;

static void model_text(const char *cell, strbuf *out) {
    strbuf_addf(out,
                "%smodel m(n = 33) {\n"
                "    input x: real(5)[T]\n"
                "    target wanted: real(3)[T]\n"
                "    p = linear(3, %s(n, %s(n, x)))\n"
                "    loss = mean[T, batch] mean squared_error(p, wanted)\n"
                "    output p\n"
                "}\n",
                user_cells, cell, cell);
}

static const char *numbered(graph *g, const char *kind, uint32_t number) {
    return arena_printf(&g->memory, "%s%u", kind, number);
}

static void rename_nodes(graph *g, op_id op, const char *from, const char *to) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        node *at = graph_node(g, n);
        if (at->op == op && strcmp(at->attr[0].text, from) == 0) {
            at->attr[0].text = to;
        }
    }
}

static void rename_variable(graph *g, uint32_t i) {
    graph_variable *v = &g->variables.at[i];
    const char *name = numbered(g, "v", i);
    rename_nodes(g, OP_VARIABLE, v->name, name);
    v->name = name;
    for (uint32_t p = 0; p < v->parts.count; p++) {
        v->parts.at[p].name = v->parts.count > 1 ? arena_printf(&g->memory, "%s.%u", name, p) : name;
    }
}

// Gives everything that a user names a number in the order of appearance, and forgets where nodes came from.
static void normalise(graph *g) {
    for (uint32_t i = 0; i < g->variables.count; i++) {
        rename_variable(g, i);
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (graph_node(g, n)->op == OP_INPUT) {
            rename_nodes(g, OP_INPUT, graph_node(g, n)->attr[0].text, numbered(g, "input", n));
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        g->outputs.at[i].name = numbered(g, "output", i);
    }
    for (uint32_t i = 0; i < g->origins.count; i++) {
        g->origins.at[i].path = "";
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static compiled_text compile_cell(const char *cell, const char *pipeline) {
    strbuf source = {0};
    model_text(cell, &source);
    graph *g = diff_graph_of_text(strbuf_text(&source), true);
    diag_sink d;
    diag_init(&d);
    compile_options o = {.pipeline = pipeline, .shape = {64, 32}};
    for (int a = 0; a < MAX_AXES; a++) {
        o.maxima[a] = 20;
    }
    program *p = NULL;
    assert_int_equal(compile_graph(g, &o, &d, &p), RNNC_OK);
    compiled_text text = {.kernel_count = p->kernels.count};
    text.hashes = calloc(p->kernels.count + (size_t)1, sizeof *text.hashes);
    assert_non_null(text.hashes);
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        text.hashes[i] = kernel_hash(&p->kernels.at[i]);
    }
    qsort(text.hashes, text.kernel_count, sizeof *text.hashes, by_value);
    normalise(g);
    graph_print(g, &text.graph);
    program_destroy(p);
    graph_destroy(g);
    diag_deinit(&d);
    strbuf_deinit(&source);
    return text;
}

static void compiled_text_deinit(compiled_text *t) {
    strbuf_deinit(&t->graph);
    free(t->hashes);
}

static bool same_kernels(const compiled_text *a, const compiled_text *b) {
    return a->kernel_count == b->kernel_count &&
           memcmp(a->hashes, b->hashes, a->kernel_count * sizeof *a->hashes) == 0;
}

static void check_same(const char *cell, const char *standard, const char *pipeline) {
    compiled_text mine = compile_cell(cell, pipeline), theirs = compile_cell(standard, pipeline);
    assert_string_equal(strbuf_text(&mine.graph), strbuf_text(&theirs.graph));
    assert_true(same_kernels(&mine, &theirs));
    compiled_text_deinit(&mine);
    compiled_text_deinit(&theirs);
}

static void cells_of_the_same_equations_share_kernels(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"my_lstm", "lstm"}, {"my_gru", "gru_cho"}, {"my_rnn", "rnn"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check_same(pairs[i][0], pairs[i][1], NULL);
        check_same(pairs[i][0], pairs[i][1], diff_gradient_pipeline);
    }
}

// The comparison can tell cells apart.
static void other_equations_are_other_kernels(void **state) {
    (void)state;
    compiled_text mine = compile_cell("other_lstm", NULL), theirs = compile_cell("lstm", NULL);
    assert_string_not_equal(strbuf_text(&mine.graph), strbuf_text(&theirs.graph));
    assert_false(same_kernels(&mine, &theirs));
    compiled_text_deinit(&mine);
    compiled_text_deinit(&theirs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_the_same_equations_share_kernels),
        cmocka_unit_test(other_equations_are_other_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
