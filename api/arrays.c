// Inputs and outputs as arrays of the caller's.
#include "api/parts.h"

// Whether memory has the axes of |type| in the declared order.
static bool is_in_order(const rnnc_context *c, value_type type) {
    const graph *g = c->program->model->graph;
    int before = 0;
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (type.axes & AXIS_BIT(axis)) {
            if (axis < before) {
                return false;
            }
            before = axis;
        }
    }
    return true;
}

const program_value *api_input_of(const rnnc_context *c, uint32_t index) {
    return c && index < c->program->input_count
               ? &c->program->program->inputs.at[c->program->inputs[index].index]
               : NULL;
}

const program_value *api_output_of(const rnnc_context *c, uint32_t index) {
    return c && index < c->program->output_count
               ? &c->program->program->outputs.at[c->program->outputs[index].index]
               : NULL;
}

size_t rnnc_context_input_elements(const rnnc_context *c, uint32_t index) {
    const program_value *v = api_input_of(c, index);
    return v ? (size_t)api_elements(c, v->type) : 0;
}

size_t rnnc_context_output_elements(const rnnc_context *c, uint32_t index) {
    const program_value *v = api_output_of(c, index);
    return v ? (size_t)api_elements(c, v->type) : 0;
}

static rnnc_status check(const rnnc_context *c, const program_value *v, const void *data, size_t count,
                         rnnc_diagnostics *d) {
    if (!v || !data) {
        return api_fail(
            d, RNNC_INVALID_ARGUMENT,
            "an array needs a context, the number of an input or output, and a place that is not NULL");
    }
    TRY(api_check_free(c, d));
    if (count != (size_t)api_elements(c, v->type)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "'%s' has %lld elements in a run as it is set, found %zu",
                        v->name, (long long)api_elements(c, v->type), count);
    }
    return RNNC_OK;
}

static rnnc_status check_layout(rnnc_layout layout, rnnc_diagnostics *d) {
    bool known = layout == RNNC_STEPS_FIRST || layout == RNNC_ROWS_FIRST;
    return known ? RNNC_OK : api_fail(d, RNNC_INVALID_ARGUMENT, "there is no layout %d", (int)layout);
}

// With other inputs, the second half of a run does not go with the first.
void api_change_input(rnnc_context *c, uint32_t index, const program_value *v) {
    c->waiting &= program_is_gradient(v);
    c->given[index] = true;
    c->inputs[index] = (api_binding){.begin = NULL};
    c->settled = false;
}

rnnc_status rnnc_context_write_input(rnnc_context *c, uint32_t index, rnnc_layout layout, const void *data,
                                     size_t count, rnnc_diagnostics *diagnostics) {
    const program_value *v = api_input_of(c, index);
    TRY(check(c, v, data, count, diagnostics));
    TRY(check_layout(layout, diagnostics));
    api_change_input(c, index, v);
    uint32_t number = c->program->inputs[index].index;
    int64_t elements = 0;
    engine_bind_input(c->engine, number, NULL, NULL);
    void *to = engine_input(c->engine, number, &elements);
    api_copy_values(c, v->type, layout, to, (void *)(uintptr_t)data, true);
    return RNNC_OK;
}

rnnc_status rnnc_context_bind_input(rnnc_context *c, uint32_t index, const void *data, size_t count,
                                    rnnc_diagnostics *diagnostics) {
    const program_value *v = api_input_of(c, index);
    TRY(check(c, v, data, count, diagnostics));
    return rnnc_context_bind_input_strided(c, index, data, count, NULL, diagnostics);
}

static rnnc_status check_has_run(const rnnc_context *c, const program_value *v, rnnc_diagnostics *d) {
    if (!c->has_run) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "there is no output before a run with these extents");
    }
    return c->has_gradients || !program_is_gradient(v)
               ? RNNC_OK
               : api_fail(d, RNNC_INVALID_ARGUMENT, "there is no '%s' before the backward pass", v->name);
}

rnnc_status rnnc_context_read_output(const rnnc_context *c, uint32_t index, rnnc_layout layout, void *data,
                                     size_t count, rnnc_diagnostics *diagnostics) {
    const program_value *v = api_output_of(c, index);
    TRY(check(c, v, data, count, diagnostics));
    TRY(check_layout(layout, diagnostics));
    TRY(check_has_run(c, v, diagnostics));
    int64_t elements = 0;
    const void *from = engine_output(c->engine, c->program->outputs[index].index, &elements);
    api_copy_values(c, v->type, layout, (void *)(uintptr_t)from, data, false);
    return RNNC_OK;
}

rnnc_status rnnc_context_output(const rnnc_context *c, uint32_t index, rnnc_diagnostics *diagnostics,
                                const void **out_data) {
    const program_value *v = api_output_of(c, index);
    if (!v || !out_data) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "an output needs a context, its number and a place to be put");
    }
    TRY(check_has_run(c, v, diagnostics));
    if (!is_in_order(c, v->type)) {
        return api_fail(diagnostics, RNNC_UNSUPPORTED,
                        "the program has '%s' in another order of its axes: use rnnc_context_read_output",
                        v->name);
    }
    int64_t elements = 0;
    *out_data = engine_output(c->engine, c->program->outputs[index].index, &elements);
    return RNNC_OK;
}
