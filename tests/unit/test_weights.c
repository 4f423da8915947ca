// Initialisers, parts, and weights in files.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/initialize.h"
#include "runtime/weights_file.h"
#include "support/pattern.h"

enum { IN = 60, OUT = 40 };

// Two fused matrices "a.x" and "b.x" in one variable, their biases in another, a frozen table and a slot.
typedef struct fixture {
    graph *g;
    diag_sink d;
    weights *w;
} fixture;

static variable_part part(const char *name, int32_t from, int32_t size, bool regular) {
    return (variable_part){name, from, size, {INIT_DEFAULT, 0, 0}, regular};
}

static void split(graph *g, const char *variable, const char *first, const char *second, bool regular) {
    graph_variable *v = graph_find_variable(g, variable);
    v->parts.count = 0;
    vec_push(&g->memory, v->parts, part(first, 0, OUT, regular));
    vec_push(&g->memory, v->parts, part(second, OUT, OUT, regular));
}

static void start(fixture *f, dtype real) {
    initializer unstated = {INIT_DEFAULT, 0, 0};
    f->g = graph_create("test", real);
    diag_init(&f->d);
    graph_add_variable(f->g, "w", type_matrix(real, IN, 2 * OUT), VARIABLE_WEIGHT, unstated);
    graph_add_variable(f->g, "bias", type_vector(real, 0, 2 * OUT), VARIABLE_WEIGHT, unstated);
    graph_add_variable(f->g, "table", type_matrix(real, 3, 4), VARIABLE_FROZEN, unstated);
    graph_add_variable(f->g, "w.m", type_matrix(real, IN, 2 * OUT), VARIABLE_SLOT, unstated);
    split(f->g, "w", "a.x", "b.x", true);
    split(f->g, "bias", "a.b", "b.b", false);
    assert_int_equal(weights_create(f->g->variables.at, f->g->variables.count, &f->d, &f->w), RNNC_OK);
}

static void stop(fixture *f) {
    weights_destroy(f->w);
    diag_deinit(&f->d);
    graph_destroy(f->g);
}

typedef struct moments {
    double mean, deviation, least, most;
} moments;

static moments measure(const weights *w, const char *name) {
    weight_part p;
    assert_true(weights_find_part(w, name, &p));
    double sum = 0, squares = 0, count = (double)(p.rows * p.columns);
    moments m = {0, 0, INFINITY, -INFINITY};
    for (int64_t i = 0; i < p.rows * p.columns; i++) {
        double v = weight_get(&p, i / p.columns, i % p.columns);
        sum += v;
        squares += v * v;
        m.least = fmin(m.least, v);
        m.most = fmax(m.most, v);
    }
    m.mean = sum / count;
    m.deviation = sqrt(squares / count - m.mean * m.mean);
    return m;
}

static moments fill(fixture *f, initializer how, const char *name) {
    weight_part p;
    assert_true(weights_find_part(f->w, name, &p));
    assert_int_equal(weight_part_initialize(&p, how, 7, &f->d), RNNC_OK);
    return measure(f->w, name);
}

static void test_moments(void **state) {
    (void)state;
    fixture f;
    start(&f, DT_F32);
    moments m = fill(&f, (initializer){INIT_CONSTANT, 2.5, 0}, "a.x");
    assert_true(m.least == 2.5 && m.most == 2.5);
    m = fill(&f, (initializer){INIT_UNIFORM, -1, 3}, "a.x");
    assert_true(m.least >= -1 && m.most < 3 && fabs(m.mean - 1) < 0.06 &&
                fabs(m.deviation - 4 / sqrt(12)) < 0.03);
    m = fill(&f, (initializer){INIT_NORMAL, 1, 2}, "a.x");
    assert_true(fabs(m.mean - 1) < 0.1 && fabs(m.deviation - 2) < 0.1 && m.most > 5.5);
    m = fill(&f, (initializer){INIT_TRUNCATED, 1, 2}, "a.x");
    assert_true(fabs(m.mean - 1) < 0.1 && fabs(m.deviation - 2 * 0.8796) < 0.06 && m.most <= 5 &&
                m.least >= -3);
    m = fill(&f, (initializer){INIT_XAVIER, 0, 0}, "a.x");
    double limit = sqrt(6.0 / (IN + OUT));
    assert_true(m.most <= limit && m.most > limit * 0.98 && m.least < -limit * 0.98);
    m = fill(&f, (initializer){INIT_HE, 0, 0}, "a.x");
    assert_true(fabs(m.mean) < 0.01 && fabs(m.deviation - sqrt(2.0 / IN)) < 0.01);
    m = fill(&f, (initializer){INIT_HE, 0, 0}, "a.b");
    assert_true(m.least == 0 && m.most == 0);
    stop(&f);
}

// Q'Q = gain^2 of the short side's vectors, for tall and wide parts.
static void check_orthogonal(fixture *f, const char *name, double gain) {
    fill(f, (initializer){INIT_ORTHOGONAL, gain, 0}, name);
    weight_part p;
    weights_find_part(f->w, name, &p);
    bool wide = p.columns > p.rows;
    int64_t vectors = wide ? p.rows : p.columns, length = wide ? p.columns : p.rows;
    for (int64_t i = 0; i < vectors; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t k = 0; k < length; k++) {
                dot += wide ? weight_get(&p, i, k) * weight_get(&p, j, k)
                            : weight_get(&p, k, i) * weight_get(&p, k, j);
            }
            assert_true(fabs(dot - (i == j ? gain * gain : 0)) < 1e-12);
        }
    }
}

static void test_orthogonal(void **state) {
    (void)state;
    fixture f;
    start(&f, DT_F64);
    check_orthogonal(&f, "a.x", 1);
    check_orthogonal(&f, "b.x", 0.5);
    check_orthogonal(&f, "table", 1);
    stop(&f);
}

static double element(const weights *w, const char *name, int64_t row, int64_t column) {
    weight_part p;
    assert_true(weights_find_part(w, name, &p));
    return weight_get(&p, row, column);
}

// The default, rules, what the model states, and slots.
static void test_rules(void **state) {
    (void)state;
    fixture f;
    start(&f, DT_F32);
    assert_int_equal(weights_initialize(f.w, NULL, 0, 1, &f.d), RNNC_OK);
    assert_true(measure(f.w, "a.x").deviation > 0.1 && measure(f.w, "a.b").most == 0);
    assert_true(measure(f.w, "w.m").most == 0);
    const weight_rule rules[] = {
        {"*", {INIT_CONSTANT, 3, 0}}, {"a.*", {INIT_CONSTANT, 4, 0}}, {"*.b", {INIT_CONSTANT, 5, 0}}};
    f.g->variables.at[0].parts.at[1].init = (initializer){INIT_CONSTANT, 9, 0};
    assert_int_equal(weights_initialize(f.w, rules, 3, 1, &f.d), RNNC_OK);
    assert_true(element(f.w, "a.x", 3, 3) == 4);
    assert_true(element(f.w, "b.x", 3, 3) == 9);
    assert_true(element(f.w, "a.b", 0, 0) == 5);
    assert_true(element(f.w, "table", 0, 0) == 3);
    assert_true(measure(f.w, "w.m").most == 0);
    stop(&f);
}

// Values depend on the seed and the part's name, not on how parts are joined.
static void test_fusion_changes_nothing(void **state) {
    (void)state;
    fixture f;
    start(&f, DT_F32);
    weights_initialize(f.w, NULL, 0, 11, &f.d);
    graph *g = graph_create("apart", DT_F32);
    initializer unstated = {INIT_DEFAULT, 0, 0};
    graph_add_variable(g, "b.x", type_matrix(DT_F32, IN, OUT), VARIABLE_WEIGHT, unstated);
    weights *apart = NULL;
    assert_int_equal(weights_create(g->variables.at, 1, &f.d, &apart), RNNC_OK);
    weights_initialize(apart, NULL, 0, 11, &f.d);
    for (int64_t i = 0; i < IN * OUT; i++) {
        assert_true(element(apart, "b.x", i / OUT, i % OUT) == element(f.w, "b.x", i / OUT, i % OUT));
    }
    assert_true(element(f.w, "b.x", 0, 0) != element(f.w, "a.x", 0, 0));
    weights_initialize(apart, NULL, 0, 12, &f.d);
    assert_true(element(apart, "b.x", 0, 0) != element(f.w, "b.x", 0, 0));
    assert_int_equal(weights_copy(apart, f.w), 0);
    assert_true(element(apart, "b.x", 5, 6) == element(f.w, "b.x", 5, 6));
    assert_int_equal(weights_copy(f.w, apart), 5);
    weights_destroy(apart);
    graph_destroy(g);
    stop(&f);
}

static void test_patterns(void **state) {
    (void)state;
    assert_true(pattern_fits("*", "") && pattern_fits("*", "abc") && pattern_fits("lstm.*.b", "lstm.0.b"));
    assert_true(pattern_fits("*b*b", "abbb") && pattern_fits("a**", "a") && pattern_fits("", ""));
    assert_false(pattern_fits("lstm.*.b", "lstm.0.bias") || pattern_fits("a", "ab") ||
                 pattern_fits("*c", "abcd"));
}

static const char *scratch_path(char *buffer, size_t size, const char *name) {
    const char *folder = getenv("RNNC_SCRATCH");
    snprintf(buffer, size, "%s/%s", folder ? folder : "/tmp", name);
    return buffer;
}

static void test_round_trip(void **state) {
    (void)state;
    const dtype types[] = {DT_F32, DT_F64};
    for (int i = 0; i < 2; i++) {
        fixture f, g;
        char path[512];
        scratch_path(path, sizeof path, "weights.safetensors");
        start(&f, types[i]);
        start(&g, types[i]);
        weight_rule rule = {"*", {INIT_NORMAL, 0, 1}};
        weights_initialize(f.w, &rule, 1, 5, &f.d);
        weights_initialize(g.w, &rule, 1, 6, &g.d);
        text_pair note = {"epoch", "3"};
        assert_int_equal(weights_save(f.w, SELECT_WEIGHTS, &note, 1, path, &f.d), RNNC_OK);
        uint64_t version = g.w->version;
        assert_int_equal(weights_load(g.w, SELECT_WEIGHTS, path, &g.d), RNNC_OK);
        assert_true(g.w->version > version);
        for (uint32_t v = 0; v < 3; v++) {
            size_t bytes = (size_t)weights_count(&f.w->arrays[v]) * (size_t)dtype_bytes(types[i]);
            assert_memory_equal(f.w->arrays[v].data, g.w->arrays[v].data, bytes);
        }
        assert_int_equal(weights_save(f.w, SELECT_WEIGHTS | SELECT_SLOTS, NULL, 0, path, &f.d), RNNC_OK);
        assert_int_equal(weights_load(g.w, SELECT_WEIGHTS | SELECT_SLOTS, path, &g.d), RNNC_OK);
        unlink(path);
        stop(&f);
        stop(&g);
    }
}

static void expect_message(diag_sink *d, const char *text) {
    assert_int_equal(d->entries.count, 1);
    assert_non_null(strstr(d->entries.at[0].message, text));
    diag_deinit(d);
    diag_init(d);
}

// One error for many names: ten of them, and how many more there are.
static void test_many_names(void **state) {
    (void)state;
    enum { MANY = 103 };
    fixture f, g;
    char path[512], name[16];
    scratch_path(path, sizeof path, "many.safetensors");
    start(&f, DT_F32);
    start(&g, DT_F32);
    weights_destroy(g.w);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "x%d", i);
        graph_add_variable(g.g, name, type_vector(DT_F32, 0, 1), VARIABLE_WEIGHT, (initializer){0});
    }
    weights_create(g.g->variables.at, g.g->variables.count, &g.d, &g.w);
    assert_int_equal(weights_save(f.w, SELECT_WEIGHTS, NULL, 0, path, &f.d), RNNC_OK);
    assert_int_equal(weights_load(g.w, SELECT_WEIGHTS, path, &g.d), RNNC_TYPE);
    expect_message(&g.d, ", x98, x99 and 3 more");
    assert_int_equal(weights_save(g.w, SELECT_WEIGHTS, NULL, 0, path, &g.d), RNNC_OK);
    assert_int_equal(weights_load(f.w, SELECT_WEIGHTS, path, &f.d), RNNC_TYPE);
    expect_message(&f.d, "; 103 of the file's tensors unknown to the model: x");
    unlink(path);
    stop(&f);
    stop(&g);
}

// Missing, unknown and ill-shaped tensors: one error, and nothing changed.
static void test_foreign_files(void **state) {
    (void)state;
    fixture f, g;
    char path[512];
    scratch_path(path, sizeof path, "foreign.safetensors");
    start(&f, DT_F32);
    start(&g, DT_F32);
    split(g.g, "bias", "a.b", "c.b", false);
    weight_rule rule = {"*", {INIT_CONSTANT, 8, 0}};
    weights_initialize(g.w, &rule, 1, 0, &g.d);
    assert_int_equal(weights_save(g.w, SELECT_WEIGHTS, NULL, 0, path, &g.d), RNNC_OK);
    assert_int_equal(weights_load(f.w, SELECT_WEIGHTS, path, &f.d), RNNC_TYPE);
    expect_message(&f.d,
                   "does not fit the model; 1 of the model's tensors missing: b.b; 1 of the file's tensors "
                   "unknown to the model: c.b");
    assert_true(measure(f.w, "a.x").most == 0);
    split(g.g, "bias", "a.b", "b.b", false);
    g.g->variables.at[1].type = type_vector(DT_F32, 0, 2 * OUT);
    g.g->variables.at[2].type = type_matrix(DT_F32, 4, 3);
    g.g->variables.at[2].parts.at[0].size = 3;
    assert_int_equal(weights_save(g.w, SELECT_WEIGHTS, NULL, 0, path, &g.d), RNNC_OK);
    assert_int_equal(weights_load(f.w, SELECT_WEIGHTS, path, &f.d), RNNC_TYPE);
    expect_message(&f.d,
                   "1 of the file's tensors of another shape: table is f32[4,3], the model's is f32[3,4]");
    assert_true(measure(f.w, "a.x").most == 0);
    unlink(path);
    assert_int_equal(weights_load(f.w, SELECT_WEIGHTS, path, &f.d), RNNC_IO);
    expect_message(&f.d, "foreign.safetensors");
    stop(&f);
    stop(&g);
}

// A model in f32 takes a file in f64 where the values fit.
static void test_other_precision(void **state) {
    (void)state;
    fixture f, g;
    char path[512];
    scratch_path(path, sizeof path, "double.safetensors");
    start(&f, DT_F32);
    start(&g, DT_F64);
    weight_rule rule = {"*", {INIT_NORMAL, 0, 1}};
    weights_initialize(g.w, &rule, 1, 0, &g.d);
    assert_int_equal(weights_save(g.w, SELECT_WEIGHTS, NULL, 0, path, &g.d), RNNC_OK);
    assert_int_equal(weights_load(f.w, SELECT_WEIGHTS, path, &f.d), RNNC_OK);
    assert_true(element(f.w, "a.x", 2, 3) == (float)element(g.w, "a.x", 2, 3));
    weight_part p;
    weights_find_part(g.w, "a.x", &p);
    weight_set(&p, 0, 0, 1e300);
    assert_int_equal(weights_save(g.w, SELECT_WEIGHTS, NULL, 0, path, &g.d), RNNC_OK);
    assert_true(weights_load(f.w, SELECT_WEIGHTS, path, &f.d) != RNNC_OK);
    expect_message(&f.d, "tensor a.x");
    unlink(path);
    stop(&f);
    stop(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),       cmocka_unit_test(test_orthogonal),
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_fusion_changes_nothing),
        cmocka_unit_test(test_patterns),      cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_foreign_files), cmocka_unit_test(test_other_precision),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
