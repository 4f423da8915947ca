// The gradient of every op of the table, with central differences in f64. An op with a gradient rule and without a
// case here fails the test, and so does a rule whose sign is turned.
#include "tests/unit/graph_runs.h"

// Errors of central differences at a step of 1e-5, for functions whose third derivative is not large.
static const tolerance usual = {1e-8, 1e-6};

static const struct {
    op_id op;
    tolerance t;
} tolerances[] = {
    {OP_DIV, {1e-7, 1e-5}}, // 6 / b^4 where b is near 0.2
};

static tolerance tolerance_of(op_id op) {
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
        if (tolerances[i].op == op) {
            return tolerances[i].t;
        }
    }
    return usual;
}

// A graph around one op. Operands are made in order and numbered; each is a weight "vN", spread over axes by an
// input "xN" that is added to it, or, if its number is |given|, the input alone.
typedef struct bench {
    graph *g;
    int t;
    axis_set batch, time, both;
    int made, given;
} bench;

static bench bench_create(int given) {
    bench b = {.g = graph_create("bench", DT_F64), .given = given};
    b.t = graph_add_axis(b.g, "T", AXIS_IS_SEQUENCE, 0);
    b.batch = AXIS_BIT(AXIS_BATCH);
    b.time = AXIS_BIT(b.t);
    b.both = b.batch | b.time;
    b.g->current_origin = graph_add_origin(b.g, NO_SPAN, "bench");
    return b;
}

static node_id typed_operand(bench *b, value_type type) {
    char weight[] = "v0", input[] = "x0";
    int number = b->made++;
    weight[1] = input[1] = (char)('0' + number);
    if (number == b->given) {
        return build_input(b->g, input, "data", type);
    }
    value_type bare = type;
    bare.axes = 0;
    graph_add_variable(b->g, weight, bare, VARIABLE_WEIGHT, (initializer){0});
    node_id v = build_variable(b->g, weight);
    return type.axes ? build_binary(b->g, OP_ADD, build_input(b->g, input, "data", type), v) : v;
}

static node_id vectors(bench *b, axis_set axes, int32_t n) {
    return typed_operand(b, type_vector(DT_F64, axes, n));
}

static node_id matrix(bench *b, int32_t rows, int32_t columns) {
    return typed_operand(b, type_matrix(DT_F64, rows, columns));
}

static node_id tokens(bench *b, axis_set axes) {
    return build_input(b->g, "tokens", "data", type_vector(DT_I32, axes, 1));
}

// Away from kinks: operands lie on grids of step 0.5, one shifted against the other, so that no element is within 0.08
// of 0 or of the other operand's. Weights are off the grid by a little, so that no two are equal.
static double shifted_number(const char *name, int64_t i) {
    if (name[0] != 'v' && name[0] != 'x') {
        return plain_number(name, i);
    }
    double step = 0.5 * ((double)(name_hash(name, i) % 5) - 2);
    double shift = name[0] == 'x' ? 0 : name[1] == '0' ? 0.1 : name[1] == '1' ? 0.25 : 0.4;
    return step + shift + (name[0] == 'x' ? 0 : 0.01 * plain_number(name, i));
}

static double positive_number(const char *name, int64_t i) {
    bool operand = name[0] == 'v' || name[0] == 'x';
    return operand ? 0.3 + 0.5 * fabs(plain_number(name, i)) : plain_number(name, i);
}

// ---- Element-wise: all ops of one or two operands, by themselves ----

typedef struct shape {
    bool batch, time;
    int32_t rows, columns; // rows 0: vectors
} shape;

static node_id shaped(bench *b, shape s) {
    if (s.rows) {
        return matrix(b, s.rows, s.columns);
    }
    return vectors(b, (axis_set)((s.batch ? b->batch : 0) | (s.time ? b->time : 0)), s.columns);
}

// Pairs that meet; the first alone is the operand of a unary op.
static const shape pairs[][2] = {
    {{1, 1, 0, 3}, {1, 1, 0, 3}}, {{1, 1, 0, 3}, {0, 0, 0, 3}}, {{0, 0, 0, 3}, {1, 1, 0, 3}},
    {{1, 0, 0, 3}, {1, 1, 0, 1}}, {{0, 1, 0, 1}, {1, 0, 0, 3}}, {{1, 0, 0, 1}, {0, 1, 0, 1}},
    {{0, 0, 0, 1}, {1, 1, 0, 3}}, {{0, 0, 2, 3}, {0, 0, 2, 3}}, {{0, 0, 2, 3}, {0, 0, 0, 1}},
    {{0, 0, 0, 1}, {0, 0, 2, 3}}, {{0, 0, 1, 1}, {0, 0, 0, 1}}, {{0, 0, 0, 1}, {0, 0, 1, 1}},
};

enum { PAIRS = sizeof pairs / sizeof *pairs };

static node_id make_pointwise(bench *b, op_id op, int variant) {
    node_id x = shaped(b, pairs[variant][0]);
    return op_get(op)->operands == 1 ? build_unary(b->g, op, x)
                                     : build_binary(b->g, op, x, shaped(b, pairs[variant][1]));
}

// ---- All others ----

static node_id make_broadcast(bench *b, op_id op, int variant) {
    (void)op;
    value_type wide = type_vector(DT_F64, b->both, 3);
    switch (variant) {
    case 0: return build_broadcast(b->g, vectors(b, 0, 3), wide);
    case 1: return build_broadcast(b->g, vectors(b, b->time, 1), wide);
    case 2: return build_broadcast(b->g, vectors(b, b->batch, 3), wide);
    default: return build_broadcast(b->g, vectors(b, 0, 1), type_matrix(DT_F64, 2, 3));
    }
}

static node_id make_select(bench *b, op_id op, int variant) {
    (void)op;
    axis_set mask_axes = variant == 0 ? b->both : b->batch;
    node_id mask = tokens(b, mask_axes);
    node_id y = vectors(b, variant == 1 ? b->both : b->batch, variant == 2 ? 1 : 3);
    return build_select(b->g, mask, y, vectors(b, variant == 0 ? 0 : b->batch, 3));
}

static node_id make_matmul(bench *b, op_id op, int variant) {
    (void)op;
    bool transposed = variant % 2;
    axis_set axes = variant / 2 == 0 ? b->both : variant / 2 == 1 ? b->time : 0;
    node_id x = vectors(b, axes, 3);
    return build_matmul(b->g, x, transposed ? matrix(b, 2, 3) : matrix(b, 3, 2), transposed);
}

static node_id make_outer(bench *b, op_id op, int variant) {
    (void)op;
    axis_set axes = variant == 0 ? b->both : variant == 1 ? b->batch : 0;
    node_id x = vectors(b, axes, 3);
    return build_outer(b->g, x, vectors(b, axes, variant == 1 ? 1 : 2));
}

// Six positions and three tokens, so that rows are read several times, and one row never.
static node_id make_gather(bench *b, op_id op, int variant) {
    (void)op;
    node_id table = matrix(b, TOKENS + 1, 2);
    table = variant == 2 ? build_unary(b->g, OP_TANH, table) : table;
    node_id rows = build_gather(b->g, table, tokens(b, variant == 1 ? 0 : b->both));
    return variant == 3 ? build_binary(b->g, OP_MUL, rows, build_gather(b->g, table, tokens(b, b->both)))
                        : rows;
}

static node_id make_pick(bench *b, op_id op, int variant) {
    (void)op;
    node_id x = vectors(b, b->both, TOKENS);
    return build_pick(b->g, x, tokens(b, variant == 0 ? b->both : variant == 1 ? b->batch : 0));
}

static node_id make_reduce(bench *b, op_id op, int variant) {
    if (variant == 7) {
        return build_reduce(b->g, op, matrix(b, 2, 3), 0, true);
    }
    if (variant == 8) { // one column that is asked to be folded
        attr_value attrs[MAX_ATTRS] = {{.i = b->time}, {.i = 1}};
        node_id x = vectors(b, b->both, 1);
        return graph_add_node(b->g, NULL, op, (value_type){0}, &x, 1, attrs);
    }
    const axis_set over[] = {0, b->batch, b->time, b->both, b->batch, b->time, b->both};
    return build_reduce(b->g, op, vectors(b, b->both, 3), over[variant], variant < 4);
}

static node_id make_concat(bench *b, op_id op, int variant) {
    (void)op;
    axis_set axes = variant == 0 ? b->both : 0;
    node_id x = vectors(b, axes, 2), y = vectors(b, axes, 1);
    return build_concat(b->g, (node_id[]){x, y, x}, 3);
}

static node_id make_slice(bench *b, op_id op, int variant) {
    (void)op;
    return build_slice(b->g, vectors(b, b->both, 4), variant, 2);
}

static node_id make_pad(bench *b, op_id op, int variant) {
    (void)op;
    return build_pad(b->g, vectors(b, b->both, 2), variant, 4);
}

static node_id make_delay(bench *b, op_id op, int variant) {
    axis_set others = variant == 0 ? b->batch : 0;
    value_type type = type_vector(DT_F64, others | b->time, 3);
    node_id x = typed_operand(b, type);
    return build_delay(b->g, op, x, vectors(b, others, 3), b->t, type);
}

static node_id make_end(bench *b, op_id op, int variant) {
    return build_end(b->g, op, vectors(b, variant == 0 ? b->both : b->time, 3), b->t);
}

static node_id make_convert(bench *b, op_id op, int variant) {
    (void)op;
    node_id x = variant == 2   ? matrix(b, 2, 3)
                : variant == 1 ? typed_operand(b, type_vector(DT_F32, b->both, 3))
                               : vectors(b, b->both, 3);
    return build_convert(b->g, x, variant == 1 ? DT_F64 : DT_F32);
}

static node_id make_stack(bench *b, op_id op, int variant) {
    attr_value attrs[MAX_ATTRS] = {{.i = b->t}};
    axis_set axes = variant == 0 ? b->batch : 0;
    node_id x = vectors(b, axes, 2), y = vectors(b, axes, 2);
    return graph_add_node(b->g, NULL, op, (value_type){0}, (node_id[]){x, y, x}, 3, attrs);
}

static node_id make_at(bench *b, op_id op, int variant) {
    attr_value attrs[MAX_ATTRS] = {{.i = b->t}, {.i = variant}};
    node_id x = vectors(b, variant == 1 ? b->time : b->both, 3);
    return graph_add_node(b->g, NULL, op, (value_type){0}, &x, 1, attrs);
}

static const int64_t section_from[] = {1, 0, -2, 1};

// A section of three indices, or what is spread over them: from 1 on, up to the last, the last two, the middle one.
static node_id make_section(bench *b, op_id op, int variant) {
    const axis_part parts[] = {{b->t, 1, 0}, {b->t, 0, -1}, {b->t, -2, 0}, {b->t, 1, 2}};
    int part = graph_add_part(b->g, "U", parts[variant]);
    axis_set axes = (variant % 2 ? 0 : b->batch) | (op == OP_SECTION ? b->time : AXIS_BIT(part));
    node_id x = vectors(b, axes, 3);
    return op == OP_SECTION ? build_section(b->g, x, b->t, part, section_from[variant])
                            : build_spread(b->g, x, b->t, part, section_from[variant]);
}

typedef node_id op_maker(bench *b, op_id op, int variant);

static const struct op_case {
    op_id op;
    op_maker *make;
    int variants;
} cases[] = {
    {OP_BROADCAST, make_broadcast, 4},
    {OP_SELECT, make_select, 3},
    {OP_MATMUL, make_matmul, 6},
    {OP_OUTER, make_outer, 3},
    {OP_GATHER, make_gather, 4},
    {OP_PICK, make_pick, 3},
    {OP_SUM, make_reduce, 9},
    {OP_MAXIMUM, make_reduce, 9},
    {OP_LSE, make_reduce, 9},
    {OP_CONCAT, make_concat, 2},
    {OP_SLICE, make_slice, 3},
    {OP_PAD, make_pad, 3},
    {OP_PREVIOUS, make_delay, 2},
    {OP_FOLLOWING, make_delay, 2},
    {OP_FIRST, make_end, 2},
    {OP_LAST, make_end, 2},
    {OP_CONVERT, make_convert, 3},
    {OP_STACK, make_stack, 2},
    {OP_AT, make_at, 3},
    {OP_SECTION, make_section, 4},
    {OP_SPREAD, make_section, 4},
};

static struct op_case case_of(op_id op) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].op == op) {
            return cases[i];
        }
    }
    bool plain = op_has(op, POINTWISE) && op_get(op)->operands <= 2;
    return plain ? (struct op_case){op, make_pointwise, PAIRS} : (struct op_case){op, NULL, 0};
}

// The sum of all elements of |y|, each times a fixed number of its own, is the loss.
static void add_loss(bench *b, node_id y) {
    value_type type = graph_type(b->g, y);
    node_id weighted = build_binary(b->g, OP_MUL, y, build_input(b->g, "weights", "data", type));
    graph_add_output(b->g, "loss", build_reduce(b->g, OP_SUM, weighted, type.axes, true), OUTPUT_LOSS);
}

static const graph_extents extents = {.batch = 2, .sequence = 3};

static number_rule *numbers_of(op_id op) {
    if (op_has(op, REDUCE)) {
        return plain_number; // grids would have equal maxima
    }
    return op == OP_LOG || op == OP_SQRT ? positive_number : shifted_number;
}

static void check_pipeline(const struct op_case *c, int variant, int given, const char *pipeline) {
    bench b = bench_create(given);
    add_loss(&b, c->make(&b, c->op, variant));
    if (!b.g->variables.count) {
        graph_destroy(b.g);
        return; // what was the only operand is given
    }
    part_list expected = numeric_gradients(b.g, extents, numbers_of(c->op));
    run_passes(b.g, pipeline, NULL);
    part_list found = computed_gradients(b.g, extents, numbers_of(c->op));
    strbuf why = {0};
    if (count_differences(&found, &expected, tolerance_of(c->op), &why)) {
        fail_msg("%s, variant %d, given %d, \"%s\": %s", op_get(c->op)->mnemonic, variant, given, pipeline,
                 strbuf_text(&why));
    }
    part_list_deinit(&found);
    part_list_deinit(&expected);
    graph_destroy(b.g);
}

static void check_op(op_id op) {
    struct op_case c = case_of(op);
    if (!c.make) {
        fail_msg("%s has a gradient rule and no case in this test", op_get(op)->mnemonic);
    }
    for (int variant = 0; variant < c.variants; variant++) {
        for (int given = -1; given < 3; given++) {
            check_pipeline(&c, variant, given, "differentiate");
            check_pipeline(&c, variant, given, "simplify, differentiate, simplify, lower");
        }
    }
}

static const char *const gradient_names[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, ...) [OP_##id] = #gradient,
#include "ir/ops.def"
#undef OP
};

static bool has_gradient(op_id op) {
    return strcmp(gradient_names[op], "none") != 0;
}

static void every_gradient_is_that_of_the_loss(void **state) {
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        if (has_gradient((op_id)op)) {
            check_op((op_id)op);
        }
    }
}

// Elements that share the maximum share its gradient; at a tie of two operands the second is taken.
static void conventions_at_kinks(void **state) {
    (void)state;
    graph *g = parse_graph("graph \"g\" f64\n"
                           "variable $v : f64[4] weight constant(2)\n"
                           "variable $w : f64[1] weight constant(0)\n"
                           "%0 = variable {name = \"v\"} : f64[4]\n"
                           "%1 = variable {name = \"w\"} : f64[1]\n"
                           "%2 = maximum %0 {columns = 1} : f64[1]\n"
                           "%3 = abs %1 : f64[1]\n"
                           "%4 = add %2, %3 : f64[1]\n"
                           "output loss \"loss\" %4\n");
    run_passes(g, "differentiate", NULL);
    interpreter *in = prepare_run(g, extents, plain_number);
    memcpy(interpreter_variable(in, "v", NULL), (double[]){1, 5, 2, 5}, 4 * sizeof(double));
    interpreter_variable(in, "w", NULL)[0] = 0;
    run_prepared(in);
    const double *v = interpreter_value(in, graph_find_output(g, "gradient.v"), NULL);
    assert_true(v[0] == 0 && v[1] == 0.5 && v[2] == 0 && v[3] == 0.5);
    assert_true(interpreter_value(in, graph_find_output(g, "gradient.w"), NULL)[0] == 0);
    interpreter_destroy(in);
    graph_destroy(g);
}

// Weights that are frozen, or that the loss does not see, have no gradient; the same weight read by several nodes has
// one, their sum.
static void which_weights_have_gradients(void **state) {
    (void)state;
    graph *g = parse_graph("graph \"g\" f64\n"
                           "variable $frozen : f64[1] frozen default\n"
                           "variable $unseen : f64[1] weight default\n"
                           "variable $seen : f64[1] weight default\n"
                           "%0 = variable {name = \"frozen\"} : f64[1]\n"
                           "%1 = variable {name = \"unseen\"} : f64[1]\n"
                           "%2 = variable {name = \"seen\"} : f64[1]\n"
                           "%3 = variable {name = \"seen\"} : f64[1]\n"
                           "%4 = mul %2, %3 : f64[1]\n"
                           "%5 = mul %4, %0 : f64[1]\n"
                           "%6 = neg %1 : f64[1]\n"
                           "output loss \"loss\" %5\n"
                           "output value \"other\" %6\n");
    run_passes(g, "differentiate", NULL);
    assert_int_equal(graph_find_output(g, "gradient.frozen"), NO_NODE);
    assert_int_equal(graph_find_output(g, "gradient.unseen"), NO_NODE);
    interpreter *in = prepare_run(g, extents, plain_number);
    run_prepared(in);
    double seen = *interpreter_variable(in, "seen", NULL), frozen = *interpreter_variable(in, "frozen", NULL);
    double found = *interpreter_value(in, graph_find_output(g, "gradient.seen"), NULL);
    assert_true(is_near(found, 2 * seen * frozen, usual));
    interpreter_destroy(in);
    graph_destroy(g);
}

static void refuse(const char *text, const char *expected) {
    graph *g = parse_graph(text);
    diag_sink d;
    diag_init(&d);
    pass_context cx = {.d = &d, .shape = {32, 16}};
    assert_int_not_equal(pass_run_pipeline(g, &cx, "differentiate", NULL), RNNC_OK);
    strbuf out = {0};
    diag_render(&d, &out);
    if (!strstr(strbuf_text(&out), expected)) {
        fail_msg("expected: %s\nfound: %s", expected, strbuf_text(&out));
    }
    strbuf_deinit(&out);
    diag_deinit(&d);
    graph_destroy(g);
}

// No gradient is ever taken for zero because nobody wrote its rule.
static void what_cannot_be_differentiated_is_refused(void **state) {
    (void)state;
    refuse("graph \"g\" f64\n%0 = const {value = 1} : f64[1]\noutput value \"y\" %0\n", "has no loss");
    refuse("graph \"g\" f64\n"
           "variable $v : f64[2] weight default\n"
           "%0 = variable {name = \"v\"} : f64[2]\n"
           "%1 = const {value = 0} : i32[1]\n"
           "%2 = segment %1, %0 : f64[2] @\"model.y\"\n"
           "%3 = sum %2 {columns = 1} : f64[1]\n"
           "output loss \"loss\" %3\n",
           "segment");
}

// ---- Planted errors ----

// Turns the sign of what node |n| computes; false for ops that this is not done to.
static bool plant_error(graph *g, node_id n) {
    node *at = graph_node(g, n);
    switch (at->op) {
    case OP_NEG: at->op = OP_COPY; return true;
    case OP_SUB: at->op = OP_ADD; return true;
    default: return false;
    }
}

// Each sign in the gradient of |op|, turned, must be found. Returns how many there were.
static int count_planted(op_id op) {
    struct op_case c = case_of(op);
    int planted = 0;
    bool more = true;
    for (node_id n = 0; more; n++) {
        bench b = bench_create(-1);
        add_loss(&b, c.make(&b, op, 0));
        node_id forward = b.g->nodes.count + n;
        part_list expected = numeric_gradients(b.g, extents, numbers_of(op));
        run_passes(b.g, "differentiate", NULL);
        more = forward < b.g->nodes.count;
        if (more && plant_error(b.g, forward)) {
            part_list found = computed_gradients(b.g, extents, numbers_of(op));
            assert_true(count_differences(&found, &expected, tolerance_of(op), NULL) > 0);
            part_list_deinit(&found);
            planted++;
        }
        part_list_deinit(&expected);
        graph_destroy(b.g);
    }
    return planted;
}

static void turned_signs_are_found(void **state) {
    (void)state;
    const op_id ops[] = {OP_NEG, OP_SUB, OP_DIV, OP_TANH, OP_SIGMOID, OP_ERF, OP_ABS, OP_LSE};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        assert_true(count_planted(ops[i]) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_is_that_of_the_loss),
        cmocka_unit_test(conventions_at_kinks),
        cmocka_unit_test(which_weights_have_gradients),
        cmocka_unit_test(what_cannot_be_differentiated_is_refused),
        cmocka_unit_test(turned_signs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
