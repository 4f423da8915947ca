#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "ir/build.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/unit/golden_text.h"

static void check_diagnostics(const golden_case *c) {
    print_message("%s\n", c->name);
    assert_non_null(c->expected);
    diag_sink d;
    diag_init(&d);
    graph *g;
    assert_int_not_equal(graph_parse(&d, diag_add_file(&d, c->name, c->input, strlen(c->input)), &g),
                         RNNC_OK);
    assert_null(g);
    strbuf out = {0};
    diag_render(&d, &out);
    assert_string_equal(strbuf_text(&out), c->expected);
    strbuf_deinit(&out);
    diag_deinit(&d);
}

static void goldens_are_refused_as_stored(void **state) {
    (void)state;
    assert_true(for_each_case("tests/golden/verify", check_diagnostics) >= 15);
}

// The nodes of the sound graph that the cases break.
enum { X, START, DELAY_NODE, SUM, TANH, WEIGHT, PRODUCT_NODE, ENDS, LOSS, BIAS, NEW_BIAS, ASSIGN };

static graph *build_sound(void) {
    graph *g = graph_create("sound", DT_F32);
    int t = graph_add_axis(g, "T", AXIS_IS_SEQUENCE, 0);
    graph_add_axis(g, "K", AXIS_IS_FIXED, 3);
    axis_set both = AXIS_BIT(AXIS_BATCH) | AXIS_BIT(t);
    value_type hidden = type_vector(DT_F32, both, 4);
    graph_add_variable(g, "w", type_matrix(DT_F32, 4, 4), VARIABLE_WEIGHT, (initializer){INIT_XAVIER, 0, 0});
    graph_add_variable(g, "b", type_vector(DT_F32, 0, 4), VARIABLE_WEIGHT, (initializer){0});
    node_id x = build_input(g, "x", "data", hidden);
    node_id start = build_input(g, "h", "state", type_vector(DT_F32, AXIS_BIT(AXIS_BATCH), 4));
    node_id before = build_delay(g, OP_PREVIOUS, NO_NODE, start, t, hidden);
    node_id h = build_unary(g, OP_TANH, build_binary(g, OP_ADD, before, x));
    graph_set_operand(g, before, 0, h);
    node_id y = build_matmul(g, h, build_variable(g, "w"), false);
    graph_add_output(g, "h", build_end(g, OP_LAST, h, t), OUTPUT_STATE);
    graph_add_output(g, "loss", build_reduce(g, OP_SUM, y, both, true), OUTPUT_LOSS);
    node_id b = build_variable(g, "b");
    build_assign(g, b, build_unary(g, OP_NEG, b));
    return g;
}

static void sound_graph_passes(void **state) {
    (void)state;
    graph *g = build_sound();
    diag_sink d;
    diag_init(&d);
    assert_int_equal(graph_verify(g, &d), RNNC_OK);
    assert_int_equal(d.entries.count, 0);
    assert_int_equal(graph_node(g, ASSIGN)->op, OP_ASSIGN);
    diag_deinit(&d);
    graph_destroy(g);
}

typedef struct breakage {
    const char *expected; // in the rendered diagnostics
    void (*damage)(graph *g);
} breakage;

static void no_batch(graph *g) {
    g->axes.at[0].kind = AXIS_IS_SEQUENCE;
}
static void two_batches(graph *g) {
    g->axes.at[1].kind = AXIS_IS_BATCH;
}
static void equal_axes(graph *g) {
    g->axes.at[2].name = "T";
}
static void empty_axis(graph *g) {
    g->axes.at[2].size = 0;
}
static void sized_sequence(graph *g) {
    g->axes.at[1].size = 5;
}
static void nameless_axis(graph *g) {
    g->axes.at[1].name = "";
}
static void no_axes(graph *g) {
    g->axes.count = 0;
}
static void real_is_integer(graph *g) {
    g->real = DT_I32;
}

static void equal_variables(graph *g) {
    g->variables.at[1].name = "w";
}
static void nameless_variable(graph *g) {
    g->variables.at[1].name = NULL;
}
static void variable_with_axes(graph *g) {
    g->variables.at[1].type.axes = 1;
}
static void variable_without_rank(graph *g) {
    g->variables.at[1].type.rank = 0;
}
static void variable_role_unknown(graph *g) {
    g->variables.at[1].role = (variable_role)9;
}
static void no_parts(graph *g) {
    g->variables.at[0].parts.count = 0;
}
static void part_too_small(graph *g) {
    g->variables.at[0].parts.at[0].size = 3;
}
static void part_too_large(graph *g) {
    g->variables.at[0].parts.at[0].size = INT32_MAX;
}
static void part_too_late(graph *g) {
    g->variables.at[0].parts.at[0].from = 1;
}
static void nameless_part(graph *g) {
    g->variables.at[0].parts.at[0].name = "";
}
static void equal_parts(graph *g) {
    g->variables.at[0].parts.at[0].name = "b";
}
static void nan_initializer(graph *g) {
    g->variables.at[0].parts.at[0].init.b = NAN;
}
static void unknown_initializer(graph *g) {
    g->variables.at[0].parts.at[0].init.kind = (init_kind)99;
}

static void unknown_op(graph *g) {
    graph_node(g, TANH)->op = (op_id)OP_COUNT;
}
static void no_dimension(graph *g) {
    graph_node(g, X)->type.dim[0] = 0;
}
static void matrix_with_axes(graph *g) {
    graph_node(g, X)->type.rank = 2;
}
static void undeclared_axis(graph *g) {
    graph_node(g, X)->type.axes |= 1u << 5;
}
static void unknown_element(graph *g) {
    graph_node(g, X)->type.elem = (dtype)7;
}
static void unknown_origin(graph *g) {
    graph_node(g, X)->origin = 100;
}
static void wrong_type(graph *g) {
    graph_node(g, TANH)->type.dim[0] = 5;
}
static void operand_missing(graph *g) {
    graph_node(g, SUM)->operands[1] = 1000;
}
static void operand_later(graph *g) {
    graph_set_operand(g, SUM, 1, TANH);
}
static void operand_itself(graph *g) {
    graph_set_operand(g, TANH, 0, TANH);
}
static void operands_too_few(graph *g) {
    graph_node(g, SUM)->operand_count = 1;
}
static void operand_unfit(graph *g) {
    graph_set_operand(g, PRODUCT_NODE, 0, WEIGHT);
}
static void delay_unset(graph *g) {
    graph_set_operand(g, DELAY_NODE, 0, NO_NODE);
}
static void boundary_unset(graph *g) {
    graph_set_operand(g, DELAY_NODE, 1, NO_NODE);
}
static void boundary_later(graph *g) {
    graph_set_operand(g, DELAY_NODE, 1, ENDS);
}
static void delay_of_other_type(graph *g) {
    graph_set_operand(g, DELAY_NODE, 0, START);
}
static void delay_on_unknown_axis(graph *g) {
    graph_node(g, DELAY_NODE)->attr[0].i = 77;
}
static void delay_on_no_axis(graph *g) {
    graph_node(g, DELAY_NODE)->attr[0].i = NO_AXIS;
}
static void unknown_variable(graph *g) {
    graph_node(g, WEIGHT)->attr[0].text = "v";
}
static void missing_text(graph *g) {
    graph_node(g, X)->attr[1].text = NULL;
}
static void folded_over_unknown(graph *g) {
    graph_node(g, LOSS)->attr[0].i = 1 << 6;
}
static void number_out_of_range(graph *g) {
    graph_node(g, LOSS)->attr[1].i = INT64_MIN;
}
static void effect_read(graph *g) {
    build_unary(g, OP_NEG, NEW_BIAS), graph_set_operand(g, ASSIGN + 1, 0, ASSIGN);
}
static void effect_output(graph *g) {
    graph_add_output(g, "a", ASSIGN, OUTPUT_VALUE);
}
static void assigned_no_variable(graph *g) {
    graph_set_operand(g, ASSIGN, 0, NEW_BIAS);
}
static void assigned_other_type(graph *g) {
    graph_set_operand(g, ASSIGN, 1, WEIGHT);
}
static void assigned_twice(graph *g) {
    build_assign(g, BIAS, NEW_BIAS);
}
static void inputs_disagree(graph *g) {
    build_input(g, "h", "state", type_vector(DT_F32, 0, 9));
}

static void output_missing(graph *g) {
    g->outputs.at[0].node = 1000;
}
static void output_unset(graph *g) {
    g->outputs.at[0].node = NO_NODE;
}
static void output_nameless(graph *g) {
    g->outputs.at[0].name = "";
}
static void output_role_unknown(graph *g) {
    g->outputs.at[0].role = (output_role)50;
}
static void two_losses(graph *g) {
    graph_add_output(g, "more", LOSS, OUTPUT_LOSS);
}
static void loss_of_axes(graph *g) {
    g->outputs.at[1].node = TANH;
}
static void metric_of_axes(graph *g) {
    graph_add_output(g, "m", TANH, OUTPUT_METRIC);
}
static void equal_outputs(graph *g) {
    graph_add_output(g, "h", TANH, OUTPUT_STATE);
}

static const breakage breakages[] = {
    {"axis 0 must be the batch", no_batch},
    {"axis 1 must not be the batch", two_batches},
    {"axes 1 and 2 are both named 'T'", equal_axes},
    {"axis 2 has extent 0", empty_axis},
    {"axis 1 has extent 5", sized_sequence},
    {"axis 1 has no name", nameless_axis},
    {"the graph has 0 axes", no_axes},
    {"lacks a name or a float type", real_is_integer},
    {"variables 0 and 1 are both named 'w'", equal_variables},
    {"variable 1 has no name", nameless_variable},
    {"variable 'b': the type is not valid", variable_with_axes},
    {"variable 'b': the type is not valid", variable_without_rank},
    {"variable 1: unknown role 9", variable_role_unknown},
    {"variable 'w': the parts cover 0 of 4 columns", no_parts},
    {"variable 'w': the parts cover 3 of 4 columns", part_too_small},
    {"variable 'w': the parts cover 2147483647 of 4 columns", part_too_large},
    {"variable 'w': part 0 has 4 columns from 1, expected them from 0", part_too_late},
    {"variable 'w': part 0 has no name", nameless_part},
    {"variables 'w' and 'b' have parts of one name", equal_parts},
    {"variable 'w': part 0 has no valid initialiser", nan_initializer},
    {"variable 'w': part 0 has no valid initialiser", unknown_initializer},
    {"%4 ?: there is no op number", unknown_op},
    {"%0 input: the type is not valid: rank 1, dimensions 0 and 1", no_dimension},
    {"%0 input: the type is not valid: rank 2", matrix_with_axes},
    {"%0 input: the type is not valid", undeclared_axis},
    {"%0 input: the type is not valid", unknown_element},
    {"%0 input: there is no origin number 100", unknown_origin},
    {"%4 tanh: the type is f32<T,B>[5], but the operands give f32<T,B>[4]", wrong_type},
    {"%3 add: operand 1 is %1000, which does not exist", operand_missing},
    {"%3 add: operand 1 is %4, which does not come before it", operand_later},
    {"%4 tanh: operand 0 is %4, which does not come before it", operand_itself},
    {"%3 add: has 1 operands, expected 2", operands_too_few},
    {"%6 matmul: needs vectors and a matrix of one real type", operand_unfit},
    {"%2 previous: operand 0 was never set", delay_unset},
    {"%2 previous: operand 1 was never set", boundary_unset},
    {"%2 previous: operand 1 is %7, which does not come before it", boundary_later},
    {"%2 previous: the type is f32<T,B>[4], operand 0 is f32<B>[4]", delay_of_other_type},
    {"%2 previous: attribute 'axis' is not an axis of the graph", delay_on_unknown_axis},
    {"%2 previous: attribute 'axis' is not an axis of the graph", delay_on_no_axis},
    {"%5 variable: no variable is named \"v\"", unknown_variable},
    {"%0 input: attribute 'role' is missing", missing_text},
    {"%8 sum: attribute 'over' has axes that the graph lacks", folded_over_unknown},
    {"%8 sum: attribute 'columns' is out of range", number_out_of_range},
    {"%12 neg: operand 0 is an effect", effect_read},
    {"%11 assign: output 'a' is an effect", effect_output},
    {"%11 assign: operand 0 must be a variable", assigned_no_variable},
    {"%11 assign: the variable is f32[4], the value f32[4,4]", assigned_other_type},
    {"%12 assign: the variable is assigned by %11 already", assigned_twice},
    {"%12 input: input 'h' is f32[9] here and f32<B>[4] in %1", inputs_disagree},
    {"output 'h' is %1000, which does not exist", output_missing},
    {"output 'h' is %4294967295, which does not exist", output_unset},
    {"output 0 has no name", output_nameless},
    {"output 'h': unknown role 50", output_role_unknown},
    {"the graph has 2 losses", two_losses},
    {"%4 tanh: the loss 'loss' must be a single real number, found f32<T,B>[4]", loss_of_axes},
    {"%4 tanh: the metric 'm' must be a single number", metric_of_axes},
    {"outputs 0 and 2 are both named 'h'", equal_outputs},
};

static void check_breakage(const breakage *b) {
    graph *g = build_sound();
    b->damage(g);
    diag_sink d;
    diag_init(&d);
    assert_int_not_equal(graph_verify(g, &d), RNNC_OK);
    strbuf out = {0};
    diag_render(&d, &out);
    if (!strstr(strbuf_text(&out), b->expected)) {
        fail_msg("expected: %s\nfound: %s", b->expected, strbuf_text(&out));
    }
    strbuf_deinit(&out);
    diag_deinit(&d);
    graph_destroy(g);
}

static void every_breakage_is_reported(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++) {
        check_breakage(&breakages[i]);
    }
}

static void all_breakages_are_reported(void **state) {
    (void)state;
    graph *g = build_sound();
    unknown_variable(g);
    operand_missing(g);
    two_losses(g);
    assigned_no_variable(g);
    diag_sink d;
    diag_init(&d);
    assert_int_not_equal(graph_verify(g, &d), RNNC_OK);
    assert_int_equal(d.error_count, 4);
    diag_deinit(&d);
    graph_destroy(g);
}

static void errors_stand_at_the_origin(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    graph *g = graph_create("g", DT_F32);
    uint32_t file = diag_add_file(&d, "model.rnn", "one\ny = tanh(x)\n", 16);
    g->current_origin = graph_add_origin(g, (span){file, 8, 15}, "y");
    build_unary(g, OP_TANH, build_real(g, 1));
    graph_node(g, 1)->type.dim[0] = 2;
    assert_int_not_equal(graph_verify(g, &d), RNNC_OK);
    strbuf out = {0};
    diag_render(&d, &out);
    assert_string_equal(strbuf_text(&out),
                        "model.rnn:2:5: error: %1 tanh: the type is f32[2], but the operands give f32[1]\n"
                        "    y = tanh(x)\n"
                        "        ^~~~~~~\n");
    strbuf_deinit(&out);
    graph_destroy(g);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_are_refused_as_stored), cmocka_unit_test(sound_graph_passes),
        cmocka_unit_test(every_breakage_is_reported),    cmocka_unit_test(all_breakages_are_reported),
        cmocka_unit_test(errors_stand_at_the_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
