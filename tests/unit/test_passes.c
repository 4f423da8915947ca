// What every pass must keep: the values of all outputs, the gradients, the weights by name, the origins of nodes, and
// the rules of the verifier; on random graphs and on recurrent models. A failing graph is made smaller and printed.
// RNNC_SEED=N looks at one seed.
#include <stdio.h>

#include "tests/unit/cell_graphs.h"
#include "tests/unit/random_graph.h"

static const tolerance equal_values = {1e-12, 1e-12};
// Sums of gradients may be in another order, and differences of large ones cancel.
static const tolerance equal_gradients = {1e-9, 1e-9};
static const graph_extents extents = {.batch = 2, .sequence = 4};

typedef struct comparison {
    const char *before, *after; // pipelines
    int64_t limit;              // of rewrites in |after|
    bool gradients;
    strbuf why;
} comparison;

static bool reject(comparison *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool reject(comparison *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    strbuf_deinit(&c->why);
    c->why = (strbuf){0};
    strbuf_vaddf(&c->why, format, args);
    va_end(args);
    return false;
}

static bool passes_run(comparison *c, graph *g, const char *pipeline, int64_t limit) {
    diag_sink d;
    diag_init(&d);
    pass_context cx = {.d = &d, .shape = {32, 16}};
    pass_hooks hooks = {.verify_each = true, .bisect_limit = limit};
    bool ran = pass_run_pipeline(g, &cx, pipeline, &hooks) == RNNC_OK;
    if (!ran) {
        strbuf text = {0};
        diag_render(&d, &text);
        reject(c, "%s", strbuf_text(&text));
        strbuf_deinit(&text);
    }
    diag_deinit(&d);
    return ran;
}

static bool origins_are_kept(comparison *c, const graph *g) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (!graph_origin(g, n)->path[0]) {
            return reject(c, "%%%u %s comes from nowhere", n, op_get(graph_node(g, n)->op)->mnemonic);
        }
    }
    return true;
}

static const variable_part *find_part_of(const graph *g, const char *name,
                                         const graph_variable **out_variable) {
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        for (uint32_t p = 0; p < v->parts.count; p++) {
            if (strcmp(v->parts.at[p].name, name) == 0) {
                *out_variable = v;
                return &v->parts.at[p];
            }
        }
    }
    return NULL;
}

static bool same_part(const graph_variable *v, const variable_part *a, const graph_variable *w,
                      const variable_part *b) {
    return v->role == w->role && v->type.rank == w->type.rank && v->type.elem == w->type.elem &&
           a->size == b->size && (v->type.rank == 1 || v->type.dim[0] == w->type.dim[0]) &&
           a->regular == b->regular && a->init.kind == b->init.kind && a->init.a == b->init.a &&
           a->init.b == b->init.b;
}

static bool parts_are_kept(comparison *c, const graph *before, const graph *after) {
    for (uint32_t i = 0; i < before->variables.count; i++) {
        const graph_variable *v = &before->variables.at[i], *w;
        for (uint32_t p = 0; p < v->parts.count; p++) {
            const variable_part *a = &v->parts.at[p], *b = find_part_of(after, a->name, &w);
            if (!b || !same_part(v, a, w, b)) {
                return reject(c, "weight %s is lost or changed", a->name);
            }
        }
    }
    return true;
}

static bool same_output(comparison *c, const graph *g, interpreter *in, const graph *h, interpreter *other,
                        uint32_t i) {
    const graph_output *output = &g->outputs.at[i];
    node_id n = graph_find_output(h, output->name);
    if (n == NO_NODE || !type_equal(graph_type(g, output->node), graph_type(h, n))) {
        return strncmp(output->name, "gradient.", 9) == 0 ||
               reject(c, "output %s is lost or changed", output->name);
    }
    int64_t count;
    const double *a = interpreter_value(in, output->node, &count), *b = interpreter_value(other, n, NULL);
    for (int64_t k = 0; k < count; k++) {
        if (!is_near(a[k], b[k], equal_values) && !(isnan(a[k]) && isnan(b[k]))) {
            return reject(c, "%s[%lld] was %.17g and is %.17g", output->name, (long long)k, a[k], b[k]);
        }
    }
    return true;
}

static bool outputs_are_kept(comparison *c, const graph *g, const graph *h) {
    interpreter *in = prepare_run(g, extents, plain_number), *other = prepare_run(h, extents, plain_number);
    run_prepared(in);
    run_prepared(other);
    bool same = true;
    for (uint32_t i = 0; i < g->outputs.count && same; i++) {
        same = same_output(c, g, in, h, other, i);
    }
    interpreter_destroy(in);
    interpreter_destroy(other);
    return same;
}

static bool gradients_are_kept(comparison *c, const graph *g, const graph *h) {
    part_list a = computed_gradients(g, extents, plain_number),
              b = computed_gradients(h, extents, plain_number);
    strbuf why = {0};
    bool same =
        count_differences(&b, &a, equal_gradients, &why) == 0 || reject(c, "gradient %s", strbuf_text(&why));
    strbuf_deinit(&why);
    part_list_deinit(&a);
    part_list_deinit(&b);
    return same;
}

// Whether the graph of |text| means the same after either pipeline.
static bool means_the_same(void *user, const char *text) {
    comparison *c = user;
    graph *g = parse_graph(text), *h = parse_graph(text);
    bool same = passes_run(c, g, c->before, -1) && passes_run(c, h, c->after, c->limit) &&
                origins_are_kept(c, h) && parts_are_kept(c, g, h) && outputs_are_kept(c, g, h) &&
                (!c->gradients || gradients_are_kept(c, g, h));
    graph_destroy(g);
    graph_destroy(h);
    return same;
}

static void check_text(comparison c, char *text, const char *name) {
    if (!means_the_same(&c, text)) {
        text = shrink_graph(text, means_the_same, &c);
        means_the_same(&c, text);
        print_error("%s\n", text);
        fail_msg("%s, \"%s\" against \"%s\", limit %lld: %s", name, c.after, c.before, (long long)c.limit,
                 strbuf_text(&c.why));
    }
    free(text);
}

static void check_seed(comparison c, uint64_t seed) {
    graph *g = random_graph_create(seed);
    strbuf text = {0};
    graph_print(g, &text);
    graph_destroy(g);
    char name[64];
    snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
    if (getenv("RNNC_SEED")) {
        print_message("%s\n%s", c.after, text.text);
    }
    check_text(c, text.text, name);
}

static void check_seeds(comparison c, uint64_t count) {
    const char *only = getenv("RNNC_SEED");
    for (uint64_t seed = only ? strtoull(only, NULL, 10) : 0; only || seed < count; seed++) {
        check_seed(c, seed);
        if (only) {
            return;
        }
    }
}

enum { SEEDS = 150 };

static const char *const value_pipelines[] = {
    "simplify",
    "fuse-gates",
    "batch-time",
    "lower",
    "pack-weights",
    "simplify, fuse-gates, simplify",
    "simplify, fuse-gates, simplify, batch-time, simplify, lower, pack-weights",
};

static void values_are_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof value_pipelines / sizeof *value_pipelines; i++) {
        check_seeds((comparison){.before = "", .after = value_pipelines[i], .limit = -1}, SEEDS);
    }
}

static const char *const gradient_pipelines[] = {
    "simplify, differentiate",
    "fuse-gates, differentiate",
    "differentiate, simplify",
    "differentiate, batch-time",
    "differentiate, lower",
    "simplify, fuse-gates, simplify, differentiate, simplify, batch-time, simplify, lower, pack-weights",
};

static void gradients_are_kept_too(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof gradient_pipelines / sizeof *gradient_pipelines; i++) {
        comparison c = {
            .before = "differentiate", .after = gradient_pipelines[i], .limit = -1, .gradients = true};
        check_seeds(c, SEEDS);
    }
}

// Wherever rewriting stops, the graph means what it meant.
static void any_number_of_rewrites_is_right(void **state) {
    (void)state;
    const char *pipeline =
        "simplify, fuse-gates, simplify, differentiate, simplify, batch-time, simplify, lower";
    for (int64_t limit = 0; limit < 40; limit += 3) {
        comparison c = {.before = "differentiate", .after = pipeline, .limit = limit, .gradients = true};
        check_seeds(c, 12);
    }
}

static void check_model(const cell_model *m) {
    for (size_t i = 0; i < sizeof gradient_pipelines / sizeof *gradient_pipelines; i++) {
        graph *g = cell_model_create(m);
        strbuf text = {0};
        graph_print(g, &text);
        graph_destroy(g);
        comparison c = {
            .before = "differentiate", .after = gradient_pipelines[i], .limit = -1, .gradients = true};
        check_text(c, text.text, m->name);
    }
}

static void models_are_kept(void **state) {
    (void)state;
    static const cell_model models[] = {
        {"rnn", cell_rnn, OP_PREVIOUS, false},
        {"rnn", cell_rnn, OP_FOLLOWING, true},
        {"lstm", cell_lstm, OP_PREVIOUS, false},
        {"lstm", cell_lstm, OP_FOLLOWING, true},
        {"peephole", cell_peephole, OP_PREVIOUS, false},
        {"gru_before", cell_gru_before, OP_PREVIOUS, false},
        {"gru_after", cell_gru_after, OP_FOLLOWING, false},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_model(&models[i]);
    }
}

// A model's gates are one product for the input and one for the state, and one bias, forward; backward the gradient of
// each joined weight is one product, and nothing is left of the single ones.
static void gates_of_a_cell_are_joined(void **state) {
    (void)state;
    graph *g = cell_model_create(&(cell_model){"lstm", cell_lstm, OP_PREVIOUS, false});
    run_passes(g, "simplify, fuse-gates, simplify", NULL);
    uint32_t products = 0;
    for (node_id n = 0; n < g->nodes.count; n++) {
        products += graph_node(g, n)->op == OP_MATMUL;
    }
    assert_int_equal(products, 5);
    run_passes(g, "differentiate, simplify, batch-time, simplify", NULL);
    uint32_t outer = 0, pads = 0;
    for (node_id n = 0; n < g->nodes.count; n++) {
        outer += graph_node(g, n)->op == OP_OUTER;
        pads += graph_node(g, n)->op == OP_PAD;
    }
    assert_int_equal(outer, 5);
    assert_int_equal(pads, 0);
    graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(gradients_are_kept_too),
        cmocka_unit_test(any_number_of_rewrites_is_right),
        cmocka_unit_test(models_are_kept),
        cmocka_unit_test(gates_of_a_cell_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
