// The update pass over several steps of training, each rule against its equations written down once more in C.
#include "tests/unit/cell_graphs.h"

enum { BATCH = 2, LENGTH = 3, POSITIONS = BATCH * LENGTH, ROWS = TOKENS + 2, WIDTH = 2, STEPS = 8 };

static const graph_extents extents = {.batch = BATCH, .sequence = LENGTH};
static const tolerance near = {1e-12, 1e-11};

// y = E[token] W + b; the loss is the sum of (y - target)^2 / 2. F is frozen.
static const char model_text[] = "graph \"model\" f64\n"
                                 "axis T sequence\n"
                                 "variable $E : f64[5,2] weight default\n"
                                 "variable $W : f64[2,1] weight default\n"
                                 "variable $b : f64[1] weight default\n"
                                 "variable $F : f64[1] frozen default\n"
                                 "%0 = input {name = \"token\", role = \"data\"} : i32<T,B>[1]\n"
                                 "%1 = input {name = \"target\", role = \"data\"} : f64<T,B>[1]\n"
                                 "%2 = variable {name = \"E\"} : f64[5,2]\n"
                                 "%3 = variable {name = \"W\"} : f64[2,1]\n"
                                 "%4 = variable {name = \"b\"} : f64[1]\n"
                                 "%5 = variable {name = \"F\"} : f64[1]\n"
                                 "%6 = gather %2, %0 : f64<T,B>[2]\n"
                                 "%7 = matmul %6, %3 {transposed = 0} : f64<T,B>[1]\n"
                                 "%8 = add %7, %4 : f64<T,B>[1]\n"
                                 "%9 = mul %8, %5 : f64<T,B>[1]\n"
                                 "%10 = sub %9, %1 : f64<T,B>[1]\n"
                                 "%11 = mul %10, %10 : f64<T,B>[1]\n"
                                 "%12 = const {value = 0.5} : f64[1]\n"
                                 "%13 = mul %11, %12 : f64<T,B>[1]\n"
                                 "%14 = sum %13 {over = <T,B>, columns = 1} : f64[1]\n"
                                 "output loss \"loss\" %14\n";

// ---- The same in C ----

enum { E_AT = 0, W_AT = ROWS * WIDTH, B_AT = W_AT + WIDTH, WEIGHTS = B_AT + 1 };

typedef struct reference {
    double w[WEIGHTS], g[WEIGHTS], m[WEIGHTS], v[WEIGHTS];
    double f;
    double norm;    // before any clipping
    double clipped; // after clipping by value
    int steps;
} reference;

static void reference_gradients(reference *r, const double *tokens, const double *targets) {
    memset(r->g, 0, sizeof r->g);
    for (int i = 0; i < POSITIONS; i++) {
        int row = (int)tokens[i] * WIDTH;
        double y = r->w[B_AT];
        for (int k = 0; k < WIDTH; k++) {
            y += r->w[row + k] * r->w[W_AT + k];
        }
        double d = (y * r->f - targets[i]) * r->f;
        r->g[B_AT] += d;
        for (int k = 0; k < WIDTH; k++) {
            r->g[row + k] += d * r->w[W_AT + k];
            r->g[W_AT + k] += d * r->w[row + k];
        }
    }
}

static void reference_clip(reference *r, const update_options *o) {
    r->norm = r->clipped = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        r->norm += r->g[i] * r->g[i];
        if (o->clip_value > 0) {
            r->g[i] = fmax(-o->clip_value, fmin(o->clip_value, r->g[i]));
        }
        r->clipped += r->g[i] * r->g[i];
    }
    r->norm = sqrt(r->norm);
    r->clipped = sqrt(r->clipped);
    for (int i = 0; i < WEIGHTS && o->clip_norm > 0; i++) {
        r->g[i] *= r->clipped > o->clip_norm ? o->clip_norm / r->clipped : 1;
    }
}

static double reference_rate(const update_options *o, int64_t epoch, int64_t step) {
    double rate = o->rate;
    for (uint32_t i = 0; i < o->schedule_count; i++) {
        const rate_rule *rule = &o->schedule[i];
        int64_t beyond = rule->steps ? (step - rule->after) / rule->length : epoch - rule->after;
        for (int64_t n = 0; n < beyond; n++) {
            rate *= rule->factor;
        }
    }
    return rate;
}

static void reference_step(reference *r, const update_options *o, double rate) {
    r->steps++;
    for (int i = 0; i < WEIGHTS; i++) {
        double change = rate * r->g[i];
        if (o->rule == UPDATE_ADAM) {
            r->m[i] = o->beta1 * r->m[i] + (1 - o->beta1) * r->g[i];
            r->v[i] = o->beta2 * r->v[i] + (1 - o->beta2) * r->g[i] * r->g[i];
            double m = r->m[i] / (1 - pow(o->beta1, r->steps)), v = r->v[i] / (1 - pow(o->beta2, r->steps));
            change = rate * m / (sqrt(v) + o->epsilon);
        }
        r->w[i] -= change;
    }
}

// ---- The comparison ----

static void start_slots(interpreter *in, const graph *g) {
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        if (v->role == VARIABLE_SLOT) {
            assert_int_equal(v->parts.at[0].init.kind, INIT_CONSTANT);
            double *values = interpreter_variable(in, v->name, NULL);
            for (int64_t k = 0; k < type_columns(v->type); k++) {
                values[k] = v->parts.at[0].init.a;
            }
        }
    }
}

// Given as an input in the one case, as a constant in the others.
static const double base_rate = 0.05;

static void give_data(interpreter *in, int step, double *tokens, double *targets) {
    for (int i = 0; i < POSITIONS; i++) {
        tokens[i] = (double)(name_hash("token", step * POSITIONS + i) % ROWS);
        targets[i] = 3 * plain_number("target", step * POSITIONS + i);
    }
    tokens[1] = tokens[0]; // one row at least is read twice
    interpreter_set_input(in, "token", tokens, POSITIONS);
    interpreter_set_input(in, "target", targets, POSITIONS);
    double epoch = 1 + step / 3, number = step;
    interpreter_set_input(in, UPDATE_EPOCH, &epoch, 1);
    interpreter_set_input(in, UPDATE_STEP, &number, 1);
    interpreter_set_input(in, UPDATE_BASE_RATE, &base_rate, 1);
}

static void compare(interpreter *in, const char *name, const double *expected, int count, int step) {
    const double *found = interpreter_variable(in, name, NULL);
    for (int i = 0; i < count; i++) {
        if (!is_near(found[i], expected[i], near)) {
            fail_msg("step %d: %s[%d] is %.17g, expected %.17g", step, name, i, found[i], expected[i]);
        }
    }
}

static void check_steps(const graph *g, const update_options *o) {
    interpreter *in = prepare_run(g, extents, plain_number);
    start_slots(in, g);
    reference r = {.f = *interpreter_variable(in, "F", NULL)};
    memcpy(r.w + E_AT, interpreter_variable(in, "E", NULL), ROWS * WIDTH * sizeof(double));
    memcpy(r.w + W_AT, interpreter_variable(in, "W", NULL), WIDTH * sizeof(double));
    memcpy(r.w + B_AT, interpreter_variable(in, "b", NULL), sizeof(double));
    bool clipped = false, whole = false;
    for (int step = 0; step < STEPS; step++) {
        double tokens[POSITIONS], targets[POSITIONS];
        give_data(in, step, tokens, targets);
        run_prepared(in);
        reference_gradients(&r, tokens, targets);
        reference_clip(&r, o);
        reference_step(&r, o, reference_rate(o, 1 + step / 3, step));
        compare(in, "E", r.w + E_AT, ROWS * WIDTH, step);
        compare(in, "W", r.w + W_AT, WIDTH, step);
        compare(in, "b", r.w + B_AT, 1, step);
        compare(in, "F", &r.f, 1, step);
        if (o->clip_norm > 0) {
            double norm = *interpreter_value(in, graph_find_output(g, UPDATE_NORM), NULL);
            assert_true(is_near(norm, r.norm, near));
            clipped |= r.clipped > o->clip_norm;
            whole |= r.clipped < o->clip_norm;
        }
    }
    assert_true(o->clip_norm <= 0 || (clipped && whole)); // both cases were met
    interpreter_destroy(in);
}

static uint32_t count_op(const graph *g, op_id op) {
    uint32_t count = 0;
    for (node_id n = 0; n < g->nodes.count; n++) {
        count += graph_node(g, n)->op == op;
    }
    return count;
}

static graph *updated(const char *pipeline, const update_options *o) {
    graph *g = parse_graph(model_text);
    run_passes(g, pipeline, o);
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        assert_true(strncmp(g->outputs.at[i].name, "gradient.", 9) != 0);
    }
    return g;
}

static void check_update(update_options o) {
    static const char *const pipelines[] = {
        "differentiate, update",
        "simplify, fuse-gates, simplify, differentiate, update, simplify, batch-time, simplify, lower, "
        "pack-weights",
    };
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        graph *g = updated(pipelines[i], &o);
        check_steps(g, &o);
        // The table's gradient is never made where touched rows are all that changes.
        bool sgd = o.rule == UPDATE_SGD;
        assert_int_equal(count_op(g, OP_ADD_ROWS), sgd ? 1 : 0);
        assert_int_equal(count_op(g, OP_SCATTER), sgd ? 0 : 1);
        assert_int_equal(count_op(g, OP_ASSIGN), sgd ? 2 : 3 + 2 * 3 + 2);
        graph_destroy(g);
    }
}

static const rate_rule schedule[] = {{.factor = 0.5, .after = 1},
                                     {.factor = 0.9, .after = 2, .steps = true, .length = 3}};

static void sgd(void **state) {
    (void)state;
    check_update((update_options){.rule = UPDATE_SGD, .rate = 0.05});
}

static void sgd_with_clipped_norm(void **state) {
    (void)state;
    check_update((update_options){.rule = UPDATE_SGD, .rate = 0.05, .clip_norm = 2});
}

static void sgd_with_clipped_values(void **state) {
    (void)state;
    check_update((update_options){.rule = UPDATE_SGD, .rate = 0.05, .clip_value = 0.3});
}

static void sgd_with_both_and_a_schedule(void **state) {
    (void)state;
    check_update((update_options){.rule = UPDATE_SGD,
                                  .rate = 0.05,
                                  .clip_value = 0.8,
                                  .clip_norm = 1,
                                  .schedule = schedule,
                                  .schedule_count = 2});
}

static const update_options with_rate = {
    .rule = UPDATE_SGD, .rate_is_input = true, .schedule = schedule, .schedule_count = 2};

static void a_rate_that_is_an_input(void **state) {
    (void)state;
    update_options o = with_rate;
    o.rate = base_rate; // for the reference alone
    check_update(o);
}

// As a constant and as an input the rate makes the same bits.
static void rates_have_the_same_bits(void **state) {
    (void)state;
    double found[2][ROWS * WIDTH];
    for (int k = 0; k < 2; k++) {
        update_options o = with_rate;
        o.rate = base_rate;
        o.rate_is_input = k;
        graph *g = updated("simplify, differentiate, update, simplify", &o);
        interpreter *in = prepare_run(g, extents, plain_number);
        for (int step = 0; step < STEPS; step++) {
            double tokens[POSITIONS], targets[POSITIONS];
            give_data(in, step, tokens, targets);
            run_prepared(in);
        }
        memcpy(found[k], interpreter_variable(in, "E", NULL), sizeof found[k]);
        interpreter_destroy(in);
        graph_destroy(g);
    }
    assert_memory_equal(found[0], found[1], sizeof found[0]);
}

static void gradients_that_are_kept(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_SGD, .rate = base_rate, .clip_norm = 1, .keeps_gradients = true};
    graph *g = parse_graph(model_text);
    run_passes(g, "differentiate, update", &o);
    assert_int_not_equal(graph_find_output(g, "gradient.W"), NO_NODE);
    assert_int_not_equal(graph_find_output(g, "gradient.E"), NO_NODE);
    check_steps(g, &o);
    graph_destroy(g);
}

static void adam(void **state) {
    (void)state;
    check_update(
        (update_options){.rule = UPDATE_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8});
}

static void adam_with_all(void **state) {
    (void)state;
    check_update((update_options){.rule = UPDATE_ADAM,
                                  .rate = 0.02,
                                  .beta1 = 0.8,
                                  .beta2 = 0.9,
                                  .epsilon = 1e-3,
                                  .clip_norm = 2,
                                  .clip_value = 1.5,
                                  .schedule = schedule,
                                  .schedule_count = 2});
}

// A step of SGD is the weight less the rate times its gradient, for every weight of a recurrent model by name, whatever
// was joined before.
static void check_model_step(const char *pipeline) {
    const cell_model m = {"lstm", cell_lstm, OP_PREVIOUS, true};
    graph *plain = cell_model_create(&m), *g = cell_model_create(&m);
    run_passes(plain, "differentiate", NULL);
    part_list gradients = computed_gradients(plain, extents, plain_number);
    run_passes(g, pipeline, &(update_options){.rule = UPDATE_SGD, .rate = 0.25});
    interpreter *in = prepare_run(g, extents, plain_number);
    run_prepared(in);
    part_list found = {0};
    arena_init(&found.memory);
    for (uint32_t i = 0; i < g->variables.count; i++) {
        add_parts(&found, &g->variables.at[i], interpreter_variable(in, g->variables.at[i].name, NULL));
    }
    for (uint32_t i = 0; i < gradients.parts.count; i++) {
        part_values *part = &gradients.parts.at[i];
        for (int64_t k = 0; k < part->count; k++) {
            part->values[k] = plain_number(part->name, k) - 0.25 * part->values[k];
        }
    }
    strbuf why = {0};
    if (count_differences(&found, &gradients, near, &why)) {
        fail_msg("\"%s\": %s", pipeline, strbuf_text(&why));
    }
    interpreter_destroy(in);
    part_list_deinit(&gradients);
    part_list_deinit(&found);
    graph_destroy(plain);
    graph_destroy(g);
}

static void a_model_takes_a_step(void **state) {
    (void)state;
    check_model_step("differentiate, update");
    check_model_step(
        "simplify, fuse-gates, simplify, differentiate, update, simplify, batch-time, simplify, lower");
}

// A table that is read twice: rows of both readers, and of a product with it, add up.
static void tables_with_several_readers(void **state) {
    (void)state;
    graph *g = parse_graph("graph \"tied\" f64\n"
                           "axis T sequence\n"
                           "variable $E : f64[5,2] weight default\n"
                           "%0 = input {name = \"a\", role = \"data\"} : i32<T,B>[1]\n"
                           "%1 = input {name = \"b\", role = \"data\"} : i32<B>[1]\n"
                           "%2 = variable {name = \"E\"} : f64[5,2]\n"
                           "%3 = gather %2, %0 : f64<T,B>[2]\n"
                           "%4 = gather %2, %1 : f64<B>[2]\n"
                           "%5 = mul %3, %4 : f64<T,B>[2]\n"
                           "%6 = matmul %5, %2 {transposed = 1} : f64<T,B>[5]\n"
                           "%7 = sum %6 {over = <T,B>, columns = 1} : f64[1]\n"
                           "output loss \"loss\" %7\n");
    part_list slopes = numeric_gradients(g, extents, plain_number);
    run_passes(g, "simplify, differentiate, update, simplify",
               &(update_options){.rule = UPDATE_SGD, .rate = 1, .clip_norm = 1e6});
    interpreter *in = prepare_run(g, extents, plain_number);
    run_prepared(in);
    const double *changed = interpreter_variable(in, "E", NULL);
    for (int64_t k = 0; k < ROWS * WIDTH; k++) {
        assert_true(is_near(changed[k], plain_number("E", k) - slopes.parts.at[0].values[k],
                            (tolerance){1e-8, 1e-6}));
    }
    interpreter_destroy(in);
    part_list_deinit(&slopes);
    graph_destroy(g);
}

// Without a recipe nothing is trained; without weights a recipe is refused.
static void what_cannot_be_updated(void **state) {
    (void)state;
    graph *g = parse_graph(model_text);
    run_passes(g, "differentiate, update", NULL);
    assert_int_not_equal(graph_find_output(g, "gradient.W"), NO_NODE);
    graph_destroy(g);
    g = parse_graph(model_text);
    diag_sink d;
    diag_init(&d);
    pass_context cx = {
        .d = &d, .update = &(update_options){.rule = UPDATE_SGD, .rate = 1}, .shape = {32, 16}};
    assert_int_not_equal(pass_run_pipeline(g, &cx, "update", NULL), RNNC_OK);
    assert_int_equal(d.error_count, 1);
    diag_deinit(&d);
    graph_destroy(g);
}

// A gradient that is not a number is not hidden by clipping.
static void clipping_keeps_nan(void **state) {
    (void)state;
    graph *g =
        updated("differentiate, update", &(update_options){.rule = UPDATE_SGD, .rate = 1, .clip_value = 1});
    interpreter *in = prepare_run(g, extents, plain_number);
    interpreter_variable(in, "b", NULL)[0] = NAN;
    double tokens[POSITIONS], targets[POSITIONS];
    give_data(in, 0, tokens, targets);
    run_prepared(in);
    assert_true(isnan(interpreter_variable(in, "W", NULL)[0]));
    interpreter_destroy(in);
    graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd),
        cmocka_unit_test(sgd_with_clipped_norm),
        cmocka_unit_test(sgd_with_clipped_values),
        cmocka_unit_test(sgd_with_both_and_a_schedule),
        cmocka_unit_test(a_rate_that_is_an_input),
        cmocka_unit_test(rates_have_the_same_bits),
        cmocka_unit_test(gradients_that_are_kept),
        cmocka_unit_test(adam),
        cmocka_unit_test(adam_with_all),
        cmocka_unit_test(a_model_takes_a_step),
        cmocka_unit_test(tables_with_several_readers),
        cmocka_unit_test(what_cannot_be_updated),
        cmocka_unit_test(clipping_keeps_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
