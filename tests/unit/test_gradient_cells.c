// Gradients through time: whole models of recurrent cells, every weight against central differences, before and after
// the passes that change recurrences.
#include "tests/unit/cell_graphs.h"

static const tolerance usual = {1e-8, 1e-6};

// Larger weights than plain ones would be saturated less; these keep all gates at work.
static double cell_number(const char *name, int64_t i) {
    return 0.9 * plain_number(name, i);
}

static const char *const pipelines[] = {
    "differentiate",
    "simplify, fuse-gates, simplify, differentiate, simplify",
    "simplify, fuse-gates, simplify, differentiate, simplify, batch-time, simplify, lower, pack-weights",
    "fuse-gates, batch-time, differentiate, batch-time, lower",
};

static void check_pipelines(const cell_model *m, graph_extents extents) {
    graph *forward = cell_model_create(m);
    part_list expected = numeric_gradients(forward, extents, cell_number);
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        graph *g = cell_model_create(m);
        run_passes(g, pipelines[i], NULL);
        part_list found = computed_gradients(g, extents, cell_number);
        strbuf why = {0};
        if (count_differences(&found, &expected, usual, &why)) {
            fail_msg("%s, %d steps, \"%s\": %s", m->name, (int)extents.sequence, pipelines[i],
                     strbuf_text(&why));
        }
        part_list_deinit(&found);
        graph_destroy(g);
    }
    part_list_deinit(&expected);
    graph_destroy(forward);
}

static void check_lengths(cell_model m) {
    const int64_t lengths[] = {1, 2, 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        m.shared = false;
        check_pipelines(&m, (graph_extents){3, lengths[i]});
    }
    m.shared = true;
    check_pipelines(&m, (graph_extents){3, 2});
}

static void check_cell(const char *name, cell_maker *make) {
    check_lengths((cell_model){name, make, OP_PREVIOUS, false});
    check_lengths((cell_model){name, make, OP_FOLLOWING, false});
}

static void rnn(void **state) {
    (void)state;
    check_cell("rnn", cell_rnn);
}

static void lstm(void **state) {
    (void)state;
    check_cell("lstm", cell_lstm);
}

static void lstm_with_peepholes(void **state) {
    (void)state;
    check_cell("lstm_peephole", cell_peephole);
}

static void gru_with_reset_before(void **state) {
    (void)state;
    check_cell("gru_before", cell_gru_before);
}

static void gru_with_reset_after(void **state) {
    (void)state;
    check_cell("gru_after", cell_gru_after);
}

// A recurrence of order two, h[t] = tanh(x + a h[t-1] + b h[t-2]), and one that only its last step is read of.
static const char order_two[] = "graph \"two\" f64\n"
                                "axis T sequence\n"
                                "variable $U : f64[2,2] weight default\n"
                                "variable $b : f64[2] weight default\n"
                                "variable $h0 : f64[2] weight default\n"
                                "%0 = input {name = \"x\", role = \"data\"} : f64<T,B>[2] @\"x\"\n"
                                "%1 = variable {name = \"U\"} : f64[2,2] @\"U\"\n"
                                "%2 = variable {name = \"b\"} : f64[2] @\"b\"\n"
                                "%3 = variable {name = \"h0\"} : f64[2] @\"h0\"\n"
                                "%4 = broadcast %3 : f64<B>[2] @\"h0\"\n"
                                "%5 = previous %11, %4 {axis = T} : f64<T,B>[2] @\"h\"\n"
                                "%6 = previous %5, %4 {axis = T} : f64<T,B>[2] @\"h\"\n"
                                "%7 = matmul %5, %1 {transposed = 0} : f64<T,B>[2] @\"h\"\n"
                                "%8 = mul %6, %2 : f64<T,B>[2] @\"h\"\n"
                                "%9 = add %7, %8 : f64<T,B>[2] @\"h\"\n"
                                "%10 = add %9, %0 : f64<T,B>[2] @\"h\"\n"
                                "%11 = tanh %10 : f64<T,B>[2] @\"h\"\n"
                                "%12 = last %11 {axis = T} : f64<B>[2] @\"l\"\n"
                                "%13 = mul %12, %12 : f64<B>[2] @\"l\"\n"
                                "%14 = sum %13 {over = <B>, columns = 1} : f64[1] @\"l\"\n"
                                "output loss \"loss\" %14\n";

static void recurrence_of_order_two(void **state) {
    (void)state;
    for (int64_t steps = 1; steps < 5; steps++) {
        graph_extents extents = {3, steps};
        graph *forward = parse_graph(order_two);
        part_list expected = numeric_gradients(forward, extents, cell_number);
        for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
            graph *g = parse_graph(order_two);
            run_passes(g, pipelines[i], NULL);
            part_list found = computed_gradients(g, extents, cell_number);
            assert_int_equal(count_differences(&found, &expected, usual, NULL), 0);
            part_list_deinit(&found);
            graph_destroy(g);
        }
        part_list_deinit(&expected);
        graph_destroy(forward);
    }
}

// ---- Planted errors ----

static op_id with_other_sign(op_id op) {
    return op == OP_NEG ? OP_COPY : op == OP_SUB ? OP_ADD : op == OP_ADD ? OP_SUB : OP_COUNT;
}

// One additive sign of the gradient of an LSTM turned at a time: the comparison must find each. What the loss itself
// needs is left as it is.
static void turned_signs_are_found(void **state) {
    (void)state;
    const cell_model m = {"lstm", cell_lstm, OP_PREVIOUS, false};
    graph_extents extents = {3, 4};
    graph *g = cell_model_create(&m);
    uint32_t forward_count = g->nodes.count;
    run_passes(g, "differentiate", NULL);
    part_list expected = computed_gradients(g, extents, cell_number);
    int planted = 0;
    for (node_id n = forward_count; n < g->nodes.count; n++) {
        op_id was = graph_node(g, n)->op;
        if (with_other_sign(was) == OP_COUNT) {
            continue;
        }
        graph_node(g, n)->op = with_other_sign(was);
        part_list found = computed_gradients(g, extents, cell_number);
        if (!count_differences(&found, &expected, usual, NULL)) {
            fail_msg("the sign of node %u, %s, does not matter", n, op_get(was)->mnemonic);
        }
        part_list_deinit(&found);
        graph_node(g, n)->op = was;
        planted++;
    }
    assert_true(planted > 20);
    part_list_deinit(&expected);
    graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rnn),
        cmocka_unit_test(lstm),
        cmocka_unit_test(lstm_with_peepholes),
        cmocka_unit_test(gru_with_reset_before),
        cmocka_unit_test(gru_with_reset_after),
        cmocka_unit_test(recurrence_of_order_two),
        cmocka_unit_test(turned_signs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
