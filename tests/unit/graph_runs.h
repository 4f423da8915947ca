// Graphs through passes and the interpreter, for tests. All numbers that go in depend on names alone: of a variable,
// on its parts' names, so that a model before and after its weights were joined computes with the same weights.
#ifndef RNNC_TESTS_UNIT_GRAPH_RUNS_H
#define RNNC_TESTS_UNIT_GRAPH_RUNS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"
#include "ir/interpret.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"

// Element number |index| of the input or part |name|.
typedef double number_rule(const char *name, int64_t index);

typedef struct graph_extents {
    int64_t batch, sequence; // all sequence axes have one extent
} graph_extents;

static inline uint64_t name_hash(const char *name, int64_t index) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    }
    hash = (hash ^ (uint64_t)index) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9u;
    return hash ^ (hash >> 32);
}

// In [-1, 1).
static inline double plain_number(const char *name, int64_t index) {
    return (double)(name_hash(name, index) >> 11) * 0x1p-52 - 1;
}

enum { TOKENS = 3 }; // i32 inputs are 0 … TOKENS - 1

static inline void print_diagnostics(const diag_sink *d) {
    strbuf text = {0};
    diag_render(d, &text);
    print_error("%s", strbuf_text(&text));
    strbuf_deinit(&text);
}

// Runs |pipeline| with the verifier after each pass; a failure fails the test.
static inline void run_passes(graph *g, const char *pipeline, const update_options *update) {
    diag_sink d;
    diag_init(&d);
    pass_context cx = {.d = &d, .update = update, .shape = {32, 16}};
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    if (pass_run_pipeline(g, &cx, pipeline, &hooks) != RNNC_OK) {
        strbuf text = {0};
        graph_print(g, &text);
        print_error("%s", strbuf_text(&text));
        strbuf_deinit(&text);
        print_diagnostics(&d);
        fail_msg("pipeline \"%s\" failed", pipeline);
    }
    diag_deinit(&d);
}

static inline graph *parse_graph(const char *text) {
    diag_sink d;
    diag_init(&d);
    graph *g = NULL;
    if (graph_parse(&d, diag_add_file(&d, "graph", text, strlen(text)), &g) != RNNC_OK) {
        print_diagnostics(&d);
        fail_msg("the graph does not parse");
    }
    // Spans point into a text that goes away with |d|.
    for (uint32_t i = 0; i < g->origins.count; i++) {
        g->origins.at[i].where = NO_SPAN;
    }
    diag_deinit(&d);
    return g;
}

static inline void fill_input(interpreter *in, const graph *g, node_id n, graph_extents extents,
                              number_rule *rule) {
    const node *input = graph_node(g, n);
    int64_t count = type_columns(input->type);
    for (uint32_t a = 0; a < g->axes.count; a++) {
        const axis_info *axis = &g->axes.at[a];
        int64_t extent = axis->kind == AXIS_IS_FIXED   ? axis->size
                         : axis->kind == AXIS_IS_BATCH ? extents.batch
                         : axis->kind == AXIS_IS_PART  ? part_extent(axis->part, extents.sequence)
                                                       : extents.sequence;
        count *= input->type.axes & AXIS_BIT(a) ? extent : 1;
    }
    double *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++) {
        const char *name = input->attr[0].text;
        values[i] = input->type.elem == DT_I32 ? (double)(name_hash(name, i) % TOKENS) : rule(name, i);
    }
    interpreter_set_input(in, input->attr[0].text, values, count);
    free(values);
}

static inline void fill_variable(interpreter *in, const graph_variable *v, number_rule *rule) {
    double *to = interpreter_variable(in, v->name, NULL);
    int32_t rows = v->type.rank == 2 ? v->type.dim[0] : 1, columns = v->type.dim[v->type.rank - 1];
    for (uint32_t p = 0; p < v->parts.count; p++) {
        const variable_part *part = &v->parts.at[p];
        for (int64_t i = 0; i < (int64_t)rows * part->size; i++) {
            to[i / part->size * columns + part->from + i % part->size] = rule(part->name, i);
        }
    }
}

// An interpreter in f64 with all inputs and variables but slots, which are zero, filled by |rule|.
static inline interpreter *prepare_run(const graph *g, graph_extents extents, number_rule *rule) {
    diag_sink d;
    diag_init(&d);
    interpreter *in;
    if (interpreter_create(g, INTERPRET_F64, &d, &in) != RNNC_OK) {
        print_diagnostics(&d);
        fail_msg("the graph cannot be interpreted");
    }
    for (uint32_t a = 0; a < g->axes.count; a++) {
        interpreter_set_extent(in, (int)a, a == AXIS_BATCH ? extents.batch : extents.sequence);
    }
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (graph_node(g, n)->op == OP_INPUT) {
            fill_input(in, g, n, extents, rule);
        }
    }
    for (uint32_t i = 0; i < g->variables.count; i++) {
        if (g->variables.at[i].role != VARIABLE_SLOT) {
            fill_variable(in, &g->variables.at[i], rule);
        }
    }
    diag_deinit(&d);
    return in;
}

static inline void run_prepared(interpreter *in) {
    diag_sink d;
    diag_init(&d);
    if (interpreter_run(in, &d) != RNNC_OK) {
        print_diagnostics(&d);
        fail_msg("the run failed");
    }
    diag_deinit(&d);
}

static inline node_id find_loss_node(const graph *g) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].role == OUTPUT_LOSS) {
            return g->outputs.at[i].node;
        }
    }
    return NO_NODE;
}

// The elements of one part of a variable, or of its gradient, row-major.
typedef struct part_values {
    const char *name;
    int64_t count;
    double *values;
} part_values;

typedef struct part_list {
    arena memory;
    VEC(part_values) parts;
} part_list;

static inline void part_list_deinit(part_list *list) {
    arena_deinit(&list->memory);
}

// Takes the parts of |v| out of |from|, which is laid out as the variable; NULL: zeros.
static inline void add_parts(part_list *list, const graph_variable *v, const double *from) {
    int32_t rows = v->type.rank == 2 ? v->type.dim[0] : 1, columns = v->type.dim[v->type.rank - 1];
    for (uint32_t p = 0; p < v->parts.count; p++) {
        const variable_part *part = &v->parts.at[p];
        part_values added = {arena_strdup(&list->memory, part->name), (int64_t)rows * part->size, NULL};
        added.values = arena_new_array(&list->memory, double, added.count);
        for (int64_t i = 0; from && i < added.count; i++) {
            added.values[i] = from[i / part->size * columns + part->from + i % part->size];
        }
        vec_push(&list->memory, list->parts, added);
    }
}

static inline const part_values *find_part(const part_list *list, const char *name) {
    for (uint32_t i = 0; i < list->parts.count; i++) {
        if (strcmp(list->parts.at[i].name, name) == 0) {
            return &list->parts.at[i];
        }
    }
    return NULL;
}

// What the outputs "gradient.NAME" of a graph after `differentiate` are, by part.
static inline part_list computed_gradients(const graph *g, graph_extents extents, number_rule *rule) {
    part_list list = {0};
    arena_init(&list.memory);
    interpreter *in = prepare_run(g, extents, rule);
    run_prepared(in);
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", v->name);
        node_id n = graph_find_output(g, name);
        if (v->role == VARIABLE_WEIGHT) {
            add_parts(&list, v, n == NO_NODE ? NULL : interpreter_value(in, n, NULL));
        }
    }
    interpreter_destroy(in);
    return list;
}

static inline double loss_at(interpreter *in, node_id loss, double *element, double value) {
    double was = *element;
    *element = value;
    run_prepared(in);
    *element = was;
    return interpreter_value(in, loss, NULL)[0];
}

// Central differences of the loss of |g|, by part.
static inline part_list numeric_gradients(const graph *g, graph_extents extents, number_rule *rule) {
    static const double h = 1e-5; // errors of h^2 and 1e-16 / h are of one size here
    part_list list = {0};
    arena_init(&list.memory);
    interpreter *in = prepare_run(g, extents, rule);
    node_id loss = find_loss_node(g);
    assert_int_not_equal(loss, NO_NODE);
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        if (v->role != VARIABLE_WEIGHT) {
            continue;
        }
        int64_t count;
        double *values = interpreter_variable(in, v->name, &count);
        double *slopes = arena_new_array(&list.memory, double, count);
        for (int64_t k = 0; k < count; k++) {
            double x = values[k];
            slopes[k] =
                (loss_at(in, loss, &values[k], x + h) - loss_at(in, loss, &values[k], x - h)) / (2 * h);
        }
        add_parts(&list, v, slopes);
    }
    interpreter_destroy(in);
    return list;
}

typedef struct tolerance {
    double absolute, relative;
} tolerance;

// Signed: a wrong sign is wrong. Not a number is never near.
static inline bool is_near(double a, double b, tolerance t) {
    return fabs(a - b) <= t.absolute + t.relative * fmax(fabs(a), fabs(b));
}

// The number of elements of |expected| that |found| lacks or has otherwise; says the first in |why| (may be NULL).
static inline int count_differences(const part_list *found, const part_list *expected, tolerance t,
                                    strbuf *why) {
    int count = 0;
    for (uint32_t i = 0; i < expected->parts.count; i++) {
        const part_values *e = &expected->parts.at[i], *f = find_part(found, e->name);
        if (!f || f->count != e->count) {
            if (why) {
                strbuf_addf(why, "%s is missing", e->name);
            }
            return count + 1;
        }
        for (int64_t k = 0; k < e->count; k++) {
            bool near = is_near(f->values[k], e->values[k], t);
            if (!near && count++ == 0 && why) {
                strbuf_addf(why, "%s[%lld] is %.17g, expected %.17g", e->name, (long long)k, f->values[k],
                            e->values[k]);
            }
        }
    }
    return count;
}

#endif
