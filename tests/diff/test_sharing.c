// A user's cell of the same equations as a standard one becomes the same graph and the same kernels. Names of nodes'
// origins and of weights may differ, nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/backend.h"
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

static graph *cell_graph(const char *cell) {
    strbuf source = {0};
    model_text(cell, &source);
    graph *g = diff_graph_of_text(strbuf_text(&source), true);
    strbuf_deinit(&source);
    return g;
}

// Batches of up to 20 rows and sequences of up to |longest| steps.
static program *compile_model(graph *g, const char *pipeline, int64_t longest, diag_sink *d) {
    compile_options o = {.pipeline = pipeline, .shape = {64, 32}};
    for (int a = 0; a < MAX_AXES; a++) {
        o.maxima[a] = a == 0 ? 20 : longest;
    }
    program *p = NULL;
    assert_int_equal(compile_graph(g, &o, d, &p), RNNC_OK);
    return p;
}

static compiled_text compile_cell(const char *cell, const char *pipeline) {
    graph *g = cell_graph(cell);
    diag_sink d;
    diag_init(&d);
    program *p = compile_model(g, pipeline, 20, &d);
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

// The hashes of the object files of all kernels of an LSTM's training step, by malloc.
static uint64_t *machine_code_of(int64_t longest, const codegen *c, diag_sink *d, uint32_t *out_count) {
    graph *g = cell_graph("lstm");
    program *p = compile_model(g, diff_gradient_pipeline, longest, d);
    uint64_t *hashes = calloc(p->kernels.count + (size_t)1, sizeof *hashes);
    assert_non_null(hashes);
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        assert_int_equal(codegen_object_hash(c, &p->kernels.at[i], d, &hashes[i]), RNNC_OK);
    }
    *out_count = p->kernels.count;
    program_destroy(p);
    graph_destroy(g);
    return hashes;
}

static void machine_code_does_not_know_the_length(void **state) {
    (void)state;
    static const int64_t lengths[] = {1000, 10000};
    diag_sink d;
    diag_init(&d);
    codegen *c = NULL;
    assert_int_equal(codegen_create(NULL, &d, &c), RNNC_OK);
    uint32_t count = 0;
    uint64_t *expected = machine_code_of(20, c, &d, &count);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint32_t other_count = 0;
        uint64_t *other = machine_code_of(lengths[i], c, &d, &other_count);
        assert_int_equal(other_count, count);
        assert_memory_equal(other, expected, count * sizeof *expected);
        free(other);
    }
    free(expected);
    codegen_destroy(c);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_code_does_not_know_the_length),
        cmocka_unit_test(cells_of_the_same_equations_share_kernels),
        cmocka_unit_test(other_equations_are_other_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
