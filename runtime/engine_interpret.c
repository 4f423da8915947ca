// The engine that runs a graph by the reference interpreter. Values cross over as doubles.
#include <stdlib.h>
#include <string.h>

#include "runtime/engine_parts.h"
#include "runtime/kernel_row.h"

static rnnc_status check_axis(const graph *g, int axis, int64_t extent, diag_sink *d) {
    const axis_info *a = &g->axes.at[axis];
    if (extent < 1 || (a->kind == AXIS_IS_FIXED && extent != a->size)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "axis %s cannot have %lld members", a->name,
                         (long long)extent);
    }
    return RNNC_OK;
}

// More elements than this in one value cannot be meant; the limit keeps products of extents within 64 bits.
#define LARGEST_VALUE 0x1p40

static bool is_too_large(const engine *e, const engine_slot *s) {
    double elements = (double)type_columns(s->info.type);
    for (uint32_t i = 0; i < e->axis_count; i++) {
        elements *= s->info.type.axes & AXIS_BIT(i) ? (double)e->extents[i] : 1;
    }
    return elements > LARGEST_VALUE;
}

static rnnc_status interpret_set_extents(engine *e, diag_sink *d) {
    for (uint32_t i = 0; i < e->axis_count; i++) {
        TRY(check_axis(e->graph, (int)i, e->extents[i], d));
    }
    for (uint32_t i = 0; i < e->output_count; i++) {
        if (is_too_large(e, &e->outputs[i])) {
            return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for output %s",
                             e->outputs[i].info.name);
        }
    }
    for (uint32_t i = 0; i < e->input_count; i++) {
        if (is_too_large(e, &e->inputs[i])) {
            return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for input %s",
                             e->inputs[i].info.name);
        }
        TRY(engine_slot_reserve(e, &e->inputs[i], engine_slot_count(e, &e->inputs[i]), d));
    }
    for (uint32_t i = 0; i < e->axis_count; i++) {
        interpreter_set_extent(e->interpreter, (int)i, e->extents[i]);
    }
    return RNNC_OK;
}

static rnnc_status give_input(engine *e, uint32_t index, diag_sink *d) {
    const engine_slot *s = &e->inputs[index];
    walk_rows w;
    const void *from = engine_input_values(e, index, &w);
    int64_t columns = type_columns(s->info.type), at = 0;
    int64_t count = engine_slot_count(e, s);
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    if (!values) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for input %s", s->info.name);
    }
    do {
        for (int64_t i = 0; i < columns; i++) {
            values[at++] = element_get(from, s->info.type.elem, w.at[0] + i);
        }
    } while (walk_next(&w));
    bool fits = interpreter_set_input(e->interpreter, s->info.name, values, count);
    free(values);
    // Its name and its count are those that the graph says, so only memory can be missing.
    return fits ? RNNC_OK : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for input %s", s->info.name);
}

static rnnc_status interpret_run(engine *e, uint64_t seed, uint64_t step, diag_sink *d) {
    for (uint32_t i = 0; i < e->input_count; i++) {
        TRY(give_input(e, i, d));
    }
    interpreter_set_random(e->interpreter, seed, step);
    TRY(interpreter_run(e->interpreter, d));
    for (uint32_t i = 0; i < e->output_count; i++) {
        engine_slot *s = &e->outputs[i];
        int64_t count = engine_slot_count(e, s), computed = 0;
        TRY(engine_slot_reserve(e, s, count, d));
        const double *values = interpreter_value(e->interpreter, e->graph->outputs.at[i].node, &computed);
        for (int64_t j = 0; values && j < count && j < computed; j++) {
            element_set(s->data, s->info.type.elem, j, values[j]);
        }
    }
    return RNNC_OK;
}

static const void *interpret_output(engine *e, uint32_t index) {
    return e->outputs[index].data;
}

static void interpret_doubles(engine *e, uint32_t index, int64_t count, double *out_values) {
    int64_t there = 0;
    const double *values = interpreter_value(e->interpreter, e->graph->outputs.at[index].node, &there);
    for (int64_t i = 0; i < count; i++) {
        out_values[i] = values && i < there ? values[i] : 0;
    }
}

static void interpret_destroy(engine *e) {
    interpreter_destroy(e->interpreter);
}

static const engine_kind interpret_kind = {interpret_set_extents, interpret_run, interpret_output,
                                           interpret_doubles, interpret_destroy};

static const char *output_role_name(output_role role) {
    static const char *const names[] = {"value", "loss", "state", "metric"};
    return names[role];
}

// Lists the graph's inputs, each name once, and its outputs.
static rnnc_status list_graph_values(engine *e, diag_sink *d) {
    const graph *g = e->graph;
    e->inputs = allocator_array(&e->memory, g->nodes.count + (size_t)1, sizeof *e->inputs);
    e->outputs = allocator_array(&e->memory, g->outputs.count + (size_t)1, sizeof *e->outputs);
    if (!e->inputs || !e->outputs) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the lists of inputs and outputs");
    }
    for (uint32_t i = 0; i < g->nodes.count; i++) {
        const node *n = &g->nodes.at[i];
        if (n->op == OP_INPUT && engine_find_input(e, n->attr[0].text) < 0) {
            e->inputs[e->input_count++].info = (engine_value){n->attr[0].text, n->attr[1].text, n->type};
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const graph_output *o = &g->outputs.at[i];
        e->outputs[e->output_count++].info =
            (engine_value){o->name, output_role_name(o->role), graph_type(g, o->node)};
    }
    return RNNC_OK;
}

// The engine's variables are the interpreter's own arrays.
static rnnc_status borrow_weights(engine *e, diag_sink *d) {
    const graph *g = e->graph;
    double **data = (double **)calloc(g->variables.count + (size_t)1, sizeof *data);
    if (!data) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of variables");
    }
    for (uint32_t i = 0; i < g->variables.count; i++) {
        int64_t count = 0;
        data[i] = interpreter_variable(e->interpreter, g->variables.at[i].name, &count);
    }
    rnnc_status status = weights_borrow(g->variables.at, g->variables.count, data, d, &e->weights);
    e->owns_weights = status == RNNC_OK;
    free((void *)data);
    return status;
}

static rnnc_status fill_interpreter_engine(engine *e, interpret_precision precision, diag_sink *d) {
    TRY(interpreter_create(e->graph, precision, d, &e->interpreter));
    TRY(list_graph_values(e, d));
    e->axis_count = e->graph->axes.count;
    for (uint32_t i = 0; i < e->axis_count; i++) {
        const axis_info *a = &e->graph->axes.at[i];
        e->axis_names[i] = a->name;
        e->parts[i] = a->part;
        e->extents[i] = a->kind == AXIS_IS_FIXED ? a->size : graph_least_extent(e->graph, (int)i);
    }
    TRY(graph_bind_parts(e->graph, e->extents, d));
    TRY(borrow_weights(e, d));
    return interpret_set_extents(e, d);
}

rnnc_status engine_create_interpreter(const graph *g, interpret_precision precision, diag_sink *d,
                                      engine **out_engine) {
    engine *e = allocator_array(&(allocator){NULL, NULL, NULL}, 1, sizeof *e);
    if (!e) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an engine");
    }
    e->kind = &interpret_kind;
    e->graph = g;
    rnnc_status status = fill_interpreter_engine(e, precision, d);
    if (status != RNNC_OK) {
        engine_destroy(e);
        return status;
    }
    *out_engine = e;
    return RNNC_OK;
}
