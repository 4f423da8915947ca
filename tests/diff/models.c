#include "tests/diff/models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/model.h"

const named_text diff_cells[] = {
    {"rnn", "rnn"},
    {"rnn_relu", "rnn(activation = relu)"},
    {"rnn_sigmoid", "rnn(activation = sigmoid)"},
    {"rnn_without_bias", "rnn(bias = false)"},
    {"lstm", "lstm"},
    {"lstm_peephole", "lstm_peephole"},
    {"lstm_coupled", "lstm_coupled"},
    {"gru_cho", "gru_cho"},
    {"gru_chung", "gru_chung"},
    {"gru_cho_after", "gru_cho_after"},
    {"gru_chung_after", "gru_chung_after"},
    {"gru_chosen", "gru(reset_after = true, update_keeps = false)"},
    {"stack", "stack(layers = 2, inner = gru_cho)"},
    {"dropout", "stack(layers = 2, inner = lstm, keep = 0.75)"},
    {"projected", "projected(inner = lstm, width = 9)"},
    {"residual", "embedded_residual"},
    {"joined", "joined"},
    {"highway", "highway"},
};
const uint32_t diff_cell_count = sizeof diff_cells / sizeof *diff_cells;

const named_text diff_forms[] = {
    {"one", "cell(n, x)"},
    {"two", "cell(n, cell(n, x))"},
    {"backward", "backward cell(n, x)"},
    {"both", "concat(cell(n, x), backward cell(n, x))"},
    {"sum", "cell(n, x) + backward cell(n, x)"},
    {"lengths", "concat(cell(n, x), backward cell(n, x))"},
    {"stacks", "concat(cell(n, cell(n, x)), backward cell(n, backward cell(n, x)))"},
    {"fed", "both_ways(n, cell, both_ways(n, cell, x))"},
};
const uint32_t diff_form_count = sizeof diff_forms / sizeof *diff_forms;

uint32_t diff_layers_both_ways(uint32_t form) {
    const char *text = diff_forms[form].text;
    if (strcmp(diff_forms[form].name, "stacks") == 0 || strcmp(diff_forms[form].name, "fed") == 0) {
        return 2;
    }
    return strstr(text, "+ backward") || strstr(text, ", backward");
}

uint32_t diff_find(const named_text *table, uint32_t count, const char *name) {
    uint32_t i = 0;
    while (i < count && strcmp(table[i].name, name) != 0) {
        i++;
    }
    return i;
}

const char diff_own_cells[] =
    "cell embedded_residual(n) {\n"
    "    input x\n"
    "    output residual(n, lstm, linear(n, x))\n"
    "}\n"
    "cell joined(n) {\n"
    "    input x\n"
    "    state h[n]\n"
    "    next h = tanh(linear(n, concat(x, h, 0.5 * x)))\n"
    "    output next h\n"
    "}\n"
    "cell highway(n) {\n"
    "    input x\n"
    "    state h[n]\n"
    "    s = tanh(linear(n, x, h))\n"
    "    t = sigmoid(linear(n, s))\n"
    "    next h = t * tanh(linear(n, s)) + (1 - t) * s\n"
    "    output next h\n"
    "}\n"
    "function both_ways(n, cell, x) { output concat(cell(n, x), backward cell(n, x)) }\n";

// A loss with a part for all steps and one for the last, so that gradients begin at both.
void diff_model_text(const diff_model *m, strbuf *out) {
    bool lengths = strcmp(diff_forms[m->form].name, "lengths") == 0;
    strbuf_add(out, diff_own_cells);
    strbuf_addf(out, "model case(n = %d, cell = %s) {\n", m->hidden, diff_cells[m->cell].text);
    strbuf_addf(out, "    float = %s\n", dtype_name(m->real));
    strbuf_addf(out, "    input x: real(5)[T%s]\n", lengths ? " lengths" : "");
    strbuf_addf(out, "    target wanted: real(3)[T%s]\n", lengths ? " lengths" : "");
    strbuf_add(out, "    target kind: token(4)\n");
    strbuf_addf(out, "    y = %s\n", diff_forms[m->form].text);
    strbuf_add(
        out, "    p = linear(3, y)\n"
             "    k = linear(4, last[T](y))\n"
             "    loss = mean[T, batch] mean squared_error(p, wanted) + mean[batch] cross_entropy(k, kind)\n"
             "    output y\n"
             "    output p\n"
             "    output kinds = softmax(k)\n"
             "}\n");
}

graph *diff_graph_of_text(const char *text, bool training) {
    diag_sink d;
    diag_init(&d);
    source_unit *unit = NULL;
    model *m = NULL;
    rnnc_status status = source_parse(&d, "case.rnn", text, strlen(text), &unit);
    if (status == RNNC_OK) {
        status = model_build(&d, unit, &(model_options){.training = training}, &m);
    }
    if (status != RNNC_OK) {
        strbuf errors = {0};
        diag_render(&d, &errors);
        print_error("%s%s", text, strbuf_text(&errors));
        strbuf_deinit(&errors);
        fail_msg("the model does not build");
    }
    graph *g = m->graph;
    m->graph = NULL;
    model_destroy(m);
    source_destroy(unit);
    // Spans point into a text that goes away with |d|.
    for (uint32_t i = 0; i < g->origins.count; i++) {
        g->origins.at[i].where = NO_SPAN;
    }
    diag_deinit(&d);
    return g;
}

graph *diff_model_graph(const diff_model *m) {
    strbuf text = {0};
    diff_model_text(m, &text);
    graph *g = diff_graph_of_text(strbuf_text(&text), !m->inference);
    strbuf_deinit(&text);
    return g;
}
