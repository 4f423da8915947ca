#include "ir/interpret.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "ir/eval.h"
#include "ir/order.h"

struct interpreter {
    eval_run run;
    graph_order order;
    arena memory;            // of |order|
    int64_t *capacity;       // by node: elements that run.values has room for
    int64_t *variable_count; // by variable: elements
};

static uint32_t distinct_input(const interpreter *in, const char *name) {
    uint32_t i = 0;
    while (i < in->run.input_count && strcmp(in->run.inputs[i].name, name) != 0) {
        i++;
    }
    return i;
}

static rnnc_status list_inputs(interpreter *in) {
    const graph *g = in->run.g;
    uint32_t count = 0;
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        count += graph_node(g, n)->op == OP_INPUT;
    }
    in->run.inputs = calloc((size_t)count + 1, sizeof *in->run.inputs);
    if (!in->run.inputs) {
        return RNNC_OUT_OF_MEMORY;
    }
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        const node *input = graph_node(g, n);
        if (input->op == OP_INPUT && distinct_input(in, input->attr[0].text) == in->run.input_count) {
            in->run.inputs[in->run.input_count++] = (eval_input){.name = input->attr[0].text, .node = n};
        }
    }
    return RNNC_OK;
}

static rnnc_status allocate_variables(interpreter *in) {
    const graph *g = in->run.g;
    in->run.variables = (double **)calloc((size_t)g->variables.count + 1, sizeof *in->run.variables);
    in->variable_count = calloc((size_t)g->variables.count + 1, sizeof *in->variable_count);
    if (!in->run.variables || !in->variable_count) {
        return RNNC_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < g->variables.count; i++) {
        in->variable_count[i] = type_columns(g->variables.at[i].type);
        in->run.variables[i] = calloc((size_t)in->variable_count[i], sizeof(double));
        if (!in->run.variables[i]) {
            return RNNC_OUT_OF_MEMORY;
        }
    }
    return RNNC_OK;
}

// The order's memory is an arena, which leaves by longjmp when there is none.
static rnnc_status compute_order(interpreter *in, diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        in->memory.exhausted = NULL;
        return RNNC_OUT_OF_MEMORY;
    }
    in->memory.exhausted = &exhausted;
    rnnc_status status = graph_order_compute(in->run.g, &in->memory, d, &in->order);
    in->memory.exhausted = NULL;
    return status;
}

static rnnc_status prepare(interpreter *in, diag_sink *d) {
    const graph *g = in->run.g;
    for (uint32_t axis = 0; axis < g->axes.count; axis++) {
        const axis_info *info = &g->axes.at[axis];
        in->run.extent[axis] =
            info->kind == AXIS_IS_PART ? part_extent(info->part, in->run.extent[info->part.of]) : info->size;
    }
    in->run.values = (double **)calloc((size_t)g->nodes.count + 1, sizeof *in->run.values);
    in->capacity = calloc((size_t)g->nodes.count + 1, sizeof *in->capacity);
    if (!in->run.values || !in->capacity) {
        return RNNC_OUT_OF_MEMORY;
    }
    TRY(list_inputs(in));
    TRY(allocate_variables(in));
    return compute_order(in, d);
}

rnnc_status interpreter_create(const graph *g, interpret_precision precision, diag_sink *d,
                               interpreter **out_interpreter) {
    *out_interpreter = NULL;
    interpreter *in = calloc(1, sizeof *in);
    if (!in) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an interpreter");
    }
    arena_init(&in->memory);
    in->run.g = g;
    in->run.f64 = precision == INTERPRET_F64;
    rnnc_status status = prepare(in, d);
    if (status != RNNC_OK) {
        interpreter_destroy(in);
        return status == RNNC_OUT_OF_MEMORY ? diag_fail(d, status, NO_SPAN, "no memory for an interpreter")
                                            : status;
    }
    *out_interpreter = in;
    return RNNC_OK;
}

void interpreter_destroy(interpreter *in) {
    if (!in) {
        return;
    }
    for (uint32_t n = 0; in->run.values && n < in->run.g->nodes.count; n++) {
        free(in->run.values[n]);
    }
    for (uint32_t i = 0; in->run.variables && i < in->run.g->variables.count; i++) {
        free(in->run.variables[i]);
    }
    for (uint32_t i = 0; i < in->run.input_count; i++) {
        free(in->run.inputs[i].values);
    }
    free((void *)in->run.values);
    free((void *)in->run.variables);
    free(in->run.inputs);
    free(in->run.scratch);
    free(in->capacity);
    free(in->variable_count);
    arena_deinit(&in->memory);
    free(in);
}

void interpreter_set_extent(interpreter *in, int axis, int64_t extent) {
    const graph *g = in->run.g;
    if (g->axes.at[axis].kind == AXIS_IS_FIXED || g->axes.at[axis].kind == AXIS_IS_PART) {
        return;
    }
    in->run.extent[axis] = extent;
    for (uint32_t i = 0; i < g->axes.count; i++) {
        bool own = g->axes.at[i].kind == AXIS_IS_PART && g->axes.at[i].part.of == axis;
        in->run.extent[i] = own ? part_extent(g->axes.at[i].part, extent) : in->run.extent[i];
    }
}

void interpreter_set_random(interpreter *in, uint64_t seed, uint64_t step) {
    in->run.seed = seed;
    in->run.step = step;
}

bool interpreter_set_input(interpreter *in, const char *name, const double *values, int64_t count) {
    uint32_t i = distinct_input(in, name);
    if (i == in->run.input_count ||
        count != eval_count(&in->run, graph_type(in->run.g, in->run.inputs[i].node)) || count < 1) {
        return false;
    }
    eval_input *input = &in->run.inputs[i];
    double *copy =
        input->count == count ? input->values : realloc(input->values, (size_t)count * sizeof *copy);
    if (!copy) {
        return false;
    }
    memcpy(copy, values, (size_t)count * sizeof *copy);
    input->values = copy;
    input->count = count;
    return true;
}

double *interpreter_variable(interpreter *in, const char *name, int64_t *out_count) {
    const graph_variable *v = graph_find_variable(in->run.g, name);
    if (!v) {
        return NULL;
    }
    size_t index = (size_t)(v - in->run.g->variables.at);
    if (out_count) {
        *out_count = in->variable_count[index];
    }
    return in->run.variables[index];
}

// --- Running.

static rnnc_status check_extents(const interpreter *in, axis_set used, diag_sink *d) {
    for (uint32_t axis = 0; axis < in->run.g->axes.count; axis++) {
        if ((used & AXIS_BIT(axis)) && in->run.extent[axis] < 1) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "axis %s has extent %lld in this run; at least 1 is needed",
                             in->run.g->axes.at[axis].name, (long long)in->run.extent[axis]);
        }
    }
    return RNNC_OK;
}

static bool has_value(const interpreter *in, node_id n) {
    return in->order.step_of[n] != UINT32_MAX && !op_has(graph_node(in->run.g, n)->op, EFFECT);
}

// Room for the value of |n| in this run, if it has one; kept for the next run if it is as large.
static rnnc_status allocate_value(interpreter *in, node_id n, diag_sink *d) {
    int64_t count = eval_count(&in->run, graph_type(in->run.g, n));
    if (!has_value(in, n) || (count >= 0 && count <= in->capacity[n])) {
        return RNNC_OK;
    }
    free(in->run.values[n]);
    in->capacity[n] = 0;
    in->run.values[n] = count < 0 ? NULL : calloc((size_t)count, sizeof(double));
    if (!in->run.values[n]) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, graph_origin(in->run.g, n)->where,
                         "no memory for the value of node %u", n);
    }
    in->capacity[n] = count;
    return RNNC_OK;
}

static rnnc_status allocate_values(interpreter *in, diag_sink *d) {
    const graph *g = in->run.g;
    axis_set used = 0;
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        used |= has_value(in, n) ? graph_type(g, n).axes : 0;
    }
    TRY(check_extents(in, used, d));
    TRY(graph_bind_parts(g, in->run.extent, d));
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        TRY(allocate_value(in, n, d));
    }
    return RNNC_OK;
}

static rnnc_status run_nodes(interpreter *in, const graph_step *s, int64_t index) {
    for (uint32_t i = 0; i < s->count; i++) {
        TRY(eval_node(&in->run, s->nodes[i], s->axis, index));
    }
    return RNNC_OK;
}

static rnnc_status run_step(interpreter *in, const graph_step *s) {
    int64_t count = s->axis == NO_AXIS ? 1 : in->run.extent[s->axis];
    for (int64_t i = 0; i < count; i++) {
        TRY(run_nodes(in, s, s->direction < 0 ? count - 1 - i : i));
    }
    return RNNC_OK;
}

static bool is_effect(const interpreter *in, const graph_step *s) {
    return op_has(graph_node(in->run.g, s->nodes[0])->op, EFFECT);
}

// Runs the effects, or all steps but the effects.
static rnnc_status run_steps(interpreter *in, bool effects) {
    for (uint32_t i = 0; i < in->order.count; i++) {
        const graph_step *s = &in->order.steps[i];
        TRY(is_effect(in, s) == effects ? run_step(in, s) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status interpreter_run(interpreter *in, diag_sink *d) {
    in->run.d = d;
    TRY(allocate_values(in, d));
    TRY(run_steps(in, false));
    in->run.check_only = true;
    rnnc_status status = run_steps(in, true);
    in->run.check_only = false;
    return status == RNNC_OK ? run_steps(in, true) : status;
}

const double *interpreter_value(const interpreter *in, node_id n, int64_t *out_count) {
    if (n >= in->run.g->nodes.count || !has_value(in, n) || !in->run.values[n]) {
        return NULL;
    }
    if (out_count) {
        *out_count = eval_count(&in->run, graph_type(in->run.g, n));
    }
    return in->run.values[n];
}
