#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ir/build.h"
#include "ir/text.h"
#include "tests/unit/golden_text.h"

static graph *parse(diag_sink *d, const char *text, size_t length) {
    diag_init(d);
    graph *g;
    rnnc_status status = graph_parse(d, diag_add_file(d, "test.ir", text, length), &g);
    assert_int_equal(status == RNNC_OK, g != NULL);
    assert_int_equal(status == RNNC_OK, d->error_count == 0);
    return g;
}

// The text of the graph that |text| describes; fails with the diagnostics if it describes none.
static char *reprint(const char *text) {
    diag_sink d;
    graph *g = parse(&d, text, strlen(text));
    strbuf out = {0}, errors = {0};
    diag_render(&d, &errors);
    if (!g) {
        fail_msg("%s", strbuf_text(&errors));
    }
    graph_print(g, &out);
    assert_false(out.failed);
    graph_destroy(g);
    strbuf_deinit(&errors);
    diag_deinit(&d);
    return out.text;
}

static void assert_prints(const char *text, const char *expected) {
    char *printed = reprint(text);
    assert_string_equal(printed, expected);
    free(printed);
}

static void check_roundtrip(const golden_case *c) {
    print_message("%s\n", c->name);
    assert_non_null(c->expected);
    assert_prints(c->input, c->expected);
    assert_prints(c->expected, c->expected);
}

static void goldens_print_as_stored_and_read_back(void **state) {
    (void)state;
    assert_true(for_each_case("tests/golden/roundtrip", check_roundtrip) >= 8);
}

static void assert_same_when_reread(const graph *g) {
    strbuf out = {0};
    graph_print(g, &out);
    assert_prints(strbuf_text(&out), strbuf_text(&out));
    strbuf_deinit(&out);
}

static graph *build_recurrence(void) {
    graph *g = graph_create("built", DT_F64);
    int t = graph_add_axis(g, "T", AXIS_IS_SEQUENCE, 0);
    value_type hidden = type_vector(DT_F64, AXIS_BIT(AXIS_BATCH) | AXIS_BIT(t), 3);
    graph_add_variable(g, "w", type_matrix(DT_F64, 3, 3), VARIABLE_WEIGHT,
                       (initializer){INIT_ORTHOGONAL, 1, 0});
    g->current_origin = graph_add_origin(g, NO_SPAN, "cell.h");
    node_id start = build_input(g, "h", "state", type_vector(DT_F64, AXIS_BIT(AXIS_BATCH), 3));
    node_id before = build_delay(g, OP_PREVIOUS, NO_NODE, start, t, hidden);
    node_id h = build_unary(g, OP_TANH, build_matmul(g, before, build_variable(g, "w"), true));
    graph_set_operand(g, before, 0, h);
    graph_add_output(g, "h", build_end(g, OP_LAST, h, t), OUTPUT_STATE);
    return g;
}

static void built_graph_reads_back(void **state) {
    (void)state;
    graph *g = build_recurrence();
    assert_same_when_reread(g);
    graph_destroy(g);
}

// A generator of Marsaglia (2003), so that every run tests the same numbers.
static uint64_t next_bits(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

static graph *build_numbers(const double *values, int count) {
    graph *g = graph_create("numbers", DT_F64);
    for (int i = 0; i < count; i++) {
        build_real(g, values[i]);
    }
    return g;
}

static void floats_read_back_bit_for_bit(void **state) {
    (void)state;
    enum { COUNT = 4000 };
    static double values[COUNT];
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < COUNT; i++) {
        uint64_t bits = next_bits(&x);
        float single = (float)((double)(bits >> 40) / 1000);
        memcpy(&values[i], &bits, sizeof bits);
        values[i] = values[i] != values[i] || i % 2 ? (double)single : values[i];
    }
    graph *g = build_numbers(values, COUNT);
    strbuf out = {0};
    graph_print(g, &out);
    diag_sink d;
    graph *back = parse(&d, strbuf_text(&out), out.length);
    assert_non_null(back);
    for (int i = 0; i < COUNT; i++) {
        assert_memory_equal(&graph_node(back, (node_id)i)->attr[0].f, &values[i], sizeof values[i]);
    }
    strbuf_deinit(&out);
    graph_destroy(g);
    graph_destroy(back);
    diag_deinit(&d);
}

static void texts_of_any_bytes_read_back(void **state) {
    (void)state;
    char bytes[256];
    for (int i = 0; i < 255; i++) {
        bytes[i] = (char)(i + 1);
    }
    bytes[255] = '\0';
    graph *g = graph_create(bytes, DT_F32);
    g->current_origin = graph_add_origin(g, NO_SPAN, bytes);
    build_input(g, bytes, bytes, type_vector(DT_F32, 0, 1));
    graph_add_variable(g, bytes, type_vector(DT_F32, 0, 2), VARIABLE_SLOT, (initializer){0});
    graph_add_axis(g, bytes, AXIS_IS_FIXED, 2);
    graph_add_output(g, bytes, 0, OUTPUT_VALUE);
    strbuf out = {0};
    graph_print(g, &out);
    diag_sink d;
    graph *back = parse(&d, strbuf_text(&out), out.length);
    assert_non_null(back);
    assert_string_equal(back->name, bytes);
    assert_string_equal(back->axes.at[1].name, bytes);
    assert_string_equal(back->variables.at[0].name, bytes);
    assert_string_equal(graph_node(back, 0)->attr[1].text, bytes);
    assert_string_equal(graph_origin(back, 0)->path, bytes);
    assert_string_equal(back->outputs.at[0].name, bytes);
    strbuf_deinit(&out);
    graph_destroy(g);
    graph_destroy(back);
    diag_deinit(&d);
}

static void variables_keep_everything(void **state) {
    (void)state;
    static const char text[] =
        "graph \"v\" f32\n"
        "variable $w : f32[2,5] frozen parts(a 0 2 uniform(-0.25, 1e-3) exempt, b 2 3 he)\n";
    diag_sink d;
    graph *g = parse(&d, text, strlen(text));
    assert_non_null(g);
    const graph_variable *v = &g->variables.at[0];
    assert_int_equal(v->role, VARIABLE_FROZEN);
    assert_int_equal(v->parts.count, 2);
    assert_string_equal(v->parts.at[0].name, "a");
    assert_int_equal(v->parts.at[0].init.kind, INIT_UNIFORM);
    assert_true(v->parts.at[0].init.a == -0.25 && v->parts.at[0].init.b == 1e-3);
    assert_false(v->parts.at[0].regular);
    assert_int_equal(v->parts.at[1].from, 2);
    assert_int_equal(v->parts.at[1].size, 3);
    assert_int_equal(v->parts.at[1].init.kind, INIT_HE);
    assert_true(v->parts.at[1].regular);
    graph_destroy(g);
    diag_deinit(&d);
}

static void nodes_know_their_lines(void **state) {
    (void)state;
    static const char text[] = "graph \"g\" f32\n"
                               "%7 = const {value = 1} : f32[1] @\"one\"\n"
                               "  %9 = neg %7 : f32[1]  # minus one\n";
    diag_sink d;
    graph *g = parse(&d, text, strlen(text));
    assert_non_null(g);
    uint32_t line, column;
    diag_position(&d, graph_origin(g, 1)->where, &line, &column);
    assert_int_equal(line, 3);
    assert_int_equal(column, 3);
    span where = graph_origin(g, 1)->where;
    assert_memory_equal(text + where.begin, "%9 = neg %7 : f32[1]", where.end - where.begin);
    assert_int_equal(where.end - where.begin, 20);
    assert_string_equal(graph_origin(g, 0)->path, "one");
    assert_int_equal(graph_node(g, 1)->operands[0], 0);
    graph_destroy(g);
    diag_deinit(&d);
}

static void foreign_line_ends_are_read(void **state) {
    (void)state;
    assert_prints("\r\n# comment\r\ngraph \"g\" f32\r\n%0 = column : i32[3]\r\n",
                  "graph \"g\" f32\naxis B batch\n%0 = column : i32[3]\n");
    assert_prints("graph \"g\" f32\n%0 = column : i32[3]",
                  "graph \"g\" f32\naxis B batch\n%0 = column : i32[3]\n");
}

static void try_text(const char *text, size_t length) {
    diag_sink d;
    graph *g = parse(&d, text, length);
    if (g) {
        assert_same_when_reread(g);
    }
    graph_destroy(g);
    diag_deinit(&d);
}

static void every_prefix_is_read_or_refused(void **state) {
    (void)state;
    char *text = read_text("tests/golden/roundtrip/every_op.ir");
    assert_non_null(text);
    for (size_t length = 0; length < strlen(text) / 2; length++) {
        try_text(text, length);
    }
    free(text);
}

static void every_broken_byte_is_read_or_refused(void **state) {
    (void)state;
    static const char replacements[] = "\0 \n\"%{<9-";
    char *text = read_text("tests/golden/roundtrip/language_model.ir");
    assert_non_null(text);
    size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++) {
        char original = text[i];
        text[i] = replacements[i % (sizeof replacements - 1)];
        try_text(text, length);
        text[i] = original;
    }
    free(text);
}

static void errors_are_counted_to_the_end(void **state) {
    (void)state;
    strbuf text = {0};
    strbuf_add(&text, "graph \"g\" f32\n");
    for (int i = 0; i < 100; i++) {
        strbuf_addf(&text, "%%%d = column : i32[0]\n", i);
    }
    diag_sink d;
    assert_null(parse(&d, strbuf_text(&text), text.length));
    assert_int_equal(d.error_count, 100);
    assert_int_equal(d.entries.count, DIAG_ERROR_LIMIT);
    strbuf_deinit(&text);
    diag_deinit(&d);
}

// A long chain: neither deep recursion nor a search per operand.
static void long_texts_are_read_quickly(void **state) {
    (void)state;
    enum { COUNT = 50000 };
    strbuf text = {0};
    strbuf_add(&text, "graph \"long\" f32\n%0 = const {value = 1} : f32[1]\n");
    for (int i = 1; i < COUNT; i++) {
        strbuf_addf(&text, "%%%d = neg %%%d : f32[1]\n", i, i - 1);
    }
    strbuf_addf(&text, "output value \"y\" %%%d\n", COUNT - 1);
    diag_sink d;
    graph *g = parse(&d, strbuf_text(&text), text.length);
    assert_non_null(g);
    assert_int_equal(g->nodes.count, COUNT);
    strbuf_deinit(&text);
    graph_destroy(g);
    diag_deinit(&d);
}

static void golden_holds_each_op(void **state) {
    (void)state;
    char *text = read_text("tests/golden/roundtrip/every_op.ir");
    assert_non_null(text);
    for (int op = 0; op < OP_COUNT; op++) {
        char use[64];
        snprintf(use, sizeof use, " = %s ", op_get((op_id)op)->mnemonic);
        if (!strstr(text, use)) {
            fail_msg("tests/golden/roundtrip/every_op.ir lacks %s", op_get((op_id)op)->mnemonic);
        }
    }
    free(text);
}

static bool row_names_attributes(const char *row, op_id op) {
    const char *end = strchr(row, '\n');
    for (int i = 0; i < op_attr_count(op); i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "`%s`", op_get(op)->attr[i].name);
        const char *found = strstr(row, quoted);
        if (!found || (end && found > end)) {
            return false;
        }
    }
    return true;
}

static void documentation_has_a_row_for_each_op(void **state) {
    (void)state;
    char *text = read_text("docs/ir.md");
    assert_non_null(text);
    for (int op = 0; op < OP_COUNT; op++) {
        char cell[64];
        snprintf(cell, sizeof cell, "\n| `%s` |", op_get((op_id)op)->mnemonic);
        const char *row = strstr(text, cell);
        if (!row || strstr(row + 1, cell) || !row_names_attributes(row + 1, (op_id)op)) {
            fail_msg("docs/ir.md lacks the row of %s, or has it twice, or not all of its attributes",
                     op_get((op_id)op)->mnemonic);
        }
    }
    free(text);
}

static void documentation_has_no_other_rows(void **state) {
    (void)state;
    char *text = read_text("docs/ir.md");
    assert_non_null(text);
    for (const char *row = text; (row = strstr(row, "\n| `")) != NULL; row++) {
        char mnemonic[64] = "";
        sscanf(row, "\n| `%63[^`]`", mnemonic);
        if (op_by_mnemonic(mnemonic) == OP_COUNT) {
            fail_msg("docs/ir.md has a row of an unknown op: %s", mnemonic);
        }
    }
    free(text);
}

static void documentation_example_reads_back(void **state) {
    (void)state;
    char *text = read_text("docs/ir.md");
    assert_non_null(text);
    char *begin = strstr(text, "```\ngraph \"small\"");
    assert_non_null(begin);
    begin += 4;
    char *end = strstr(begin, "```");
    assert_non_null(end);
    *end = '\0';
    assert_prints(begin, begin);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_print_as_stored_and_read_back),
        cmocka_unit_test(built_graph_reads_back),
        cmocka_unit_test(floats_read_back_bit_for_bit),
        cmocka_unit_test(texts_of_any_bytes_read_back),
        cmocka_unit_test(variables_keep_everything),
        cmocka_unit_test(nodes_know_their_lines),
        cmocka_unit_test(foreign_line_ends_are_read),
        cmocka_unit_test(every_prefix_is_read_or_refused),
        cmocka_unit_test(every_broken_byte_is_read_or_refused),
        cmocka_unit_test(errors_are_counted_to_the_end),
        cmocka_unit_test(long_texts_are_read_quickly),
        cmocka_unit_test(golden_holds_each_op),
        cmocka_unit_test(documentation_has_a_row_for_each_op),
        cmocka_unit_test(documentation_has_no_other_rows),
        cmocka_unit_test(documentation_example_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
