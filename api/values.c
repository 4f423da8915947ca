// Which inputs, outputs and states a program shows, and their shapes.
#include <string.h>

#include "api/parts.h"
#include "passes/update.h"

static int find(const program_value *values, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

// The output with the state |name| after the last step; an equation may be an output of the same name.
static int find_final(const program_value *outputs, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(outputs[i].name, name) == 0 && strcmp(outputs[i].role, "state") == 0) {
            return (int)i;
        }
    }
    return -1;
}

// Gradients are read by the names of weights, and what updates say of themselves by rnnc_train_step.
static bool is_shown(const rnnc_program *p, const program_value *output) {
    bool hidden = strncmp(output->name, "gradient.", 9) == 0 || strncmp(output->name, "training.", 9) == 0;
    bool differentiated = p->purpose >= RNNC_GRADIENTS;
    return strcmp(output->role, "state") != 0 &&
           !(differentiated && hidden && strcmp(output->role, "value") == 0);
}

void api_list_values(rnnc_program *p) {
    const program *compiled = p->program;
    const program_value *outputs = compiled->outputs.at;
    uint32_t output_count = compiled->outputs.count;
    p->inputs = arena_new_array(&p->memory, api_value, compiled->inputs.count + 1);
    p->states = arena_new_array(&p->memory, api_value, compiled->inputs.count + 1);
    p->outputs = arena_new_array(&p->memory, api_value, output_count + 1);
    for (uint32_t i = 0; i < compiled->inputs.count; i++) {
        const program_value *v = &compiled->inputs.at[i];
        if (strcmp(v->role, "state") == 0) {
            p->states[p->state_count++] = (api_value){i, find_final(outputs, output_count, v->name)};
        } else if (strcmp(v->role, "setting") != 0) {
            p->inputs[p->input_count++] = (api_value){i, -1};
        }
    }
    for (uint32_t i = 0; i < output_count; i++) {
        if (is_shown(p, &outputs[i])) {
            p->outputs[p->output_count++] = (api_value){i, -1};
        }
    }
    p->epoch = find(compiled->inputs.at, compiled->inputs.count, UPDATE_EPOCH);
    p->step = find(compiled->inputs.at, compiled->inputs.count, UPDATE_STEP);
    p->plateaus = find(compiled->inputs.at, compiled->inputs.count, UPDATE_PLATEAUS);
    p->base_rate = find(compiled->inputs.at, compiled->inputs.count, UPDATE_BASE_RATE);
    p->loss = find(outputs, output_count, "loss");
    p->rate = find(outputs, output_count, UPDATE_RATE);
    p->norm = find(outputs, output_count, UPDATE_NORM);
    p->skipped = find(outputs, output_count, UPDATE_SKIPPED_LAST);
}

// ---- Shapes ----

static rnnc_role role_of(const program_value *v) {
    static const struct {
        const char *name;
        rnnc_role role;
    } roles[] = {{"data", RNNC_ROLE_DATA},           {"target", RNNC_ROLE_TARGET},
                 {"lengths", RNNC_ROLE_LENGTHS},     {"state", RNNC_ROLE_STATE},
                 {"loss", RNNC_ROLE_LOSS},           {"metric", RNNC_ROLE_METRIC},
                 {GRADIENT_ROLE, RNNC_ROLE_GRADIENT}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].name, v->role) == 0) {
            return roles[i].role;
        }
    }
    return program_is_gradient(v) ? RNNC_ROLE_GRADIENT : RNNC_ROLE_OUTPUT;
}

static rnnc_status show(const rnnc_program *p, const program_value *v, rnnc_value *out_value) {
    static const rnnc_type types[] = {[DT_F32] = RNNC_F32, [DT_F64] = RNNC_F64, [DT_I32] = RNNC_I32};
    const graph *g = p->model->graph;
    *out_value = (rnnc_value){.name = v->name,
                              .role = role_of(v),
                              .type = types[v->type.elem],
                              .columns = type_columns(v->type),
                              .has_batch = (v->type.axes & AXIS_BIT(AXIS_BATCH)) != 0};
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (v->type.axes & AXIS_BIT(axis)) {
            out_value->axes[out_value->axis_count++] = g->axes.at[axis].name;
        }
    }
    return RNNC_OK;
}

static int find_listed(const api_value *list, uint32_t count, const program_value *values, const char *name) {
    for (uint32_t i = 0; name && i < count; i++) {
        if (strcmp(values[list[i].index].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t rnnc_program_input_count(const rnnc_program *p) {
    return p ? p->input_count : 0;
}

rnnc_status rnnc_program_input(const rnnc_program *p, uint32_t index, rnnc_value *out_value) {
    if (!p || !out_value || index >= p->input_count) {
        return RNNC_INVALID_ARGUMENT;
    }
    return show(p, &p->program->inputs.at[p->inputs[index].index], out_value);
}

int rnnc_program_find_input(const rnnc_program *p, const char *name) {
    return p ? find_listed(p->inputs, p->input_count, p->program->inputs.at, name) : -1;
}

uint32_t rnnc_program_output_count(const rnnc_program *p) {
    return p ? p->output_count : 0;
}

rnnc_status rnnc_program_output(const rnnc_program *p, uint32_t index, rnnc_value *out_value) {
    if (!p || !out_value || index >= p->output_count) {
        return RNNC_INVALID_ARGUMENT;
    }
    return show(p, &p->program->outputs.at[p->outputs[index].index], out_value);
}

int rnnc_program_find_output(const rnnc_program *p, const char *name) {
    return p ? find_listed(p->outputs, p->output_count, p->program->outputs.at, name) : -1;
}

uint32_t rnnc_program_state_count(const rnnc_program *p) {
    return p ? p->state_count : 0;
}

rnnc_status rnnc_program_state(const rnnc_program *p, uint32_t index, rnnc_value *out_value) {
    if (!p || !out_value || index >= p->state_count) {
        return RNNC_INVALID_ARGUMENT;
    }
    return show(p, &p->program->inputs.at[p->states[index].index], out_value);
}

int rnnc_program_find_state(const rnnc_program *p, const char *name) {
    return p ? find_listed(p->states, p->state_count, p->program->inputs.at, name) : -1;
}
