// Training steps and gradients.
#include <math.h>
#include <string.h>

#include "api/parts.h"

static const char gradient_prefix[] = "gradient.";

rnnc_status rnnc_context_set_seed(rnnc_context *c, uint64_t seed) {
    if (!c) {
        return RNNC_INVALID_ARGUMENT;
    }
    c->seed = seed;
    return RNNC_OK;
}

rnnc_status rnnc_context_set_position(rnnc_context *c, int64_t epoch, int64_t step) {
    if (!c || epoch < 1 || step < 1) {
        return RNNC_INVALID_ARGUMENT;
    }
    c->epoch = epoch;
    c->step = step;
    return RNNC_OK;
}

static void put_number(const rnnc_context *c, int input, double value) {
    int64_t count = 0;
    if (input >= 0) {
        *(double *)engine_input(c->engine, (uint32_t)input, &count) = value;
    }
}

static double get_number(const rnnc_context *c, int output, double otherwise) {
    return output < 0 ? otherwise : engine_output_number(c->engine, (uint32_t)output);
}

rnnc_status rnnc_train_step(rnnc_context *c, rnnc_diagnostics *diagnostics, rnnc_training *out_training) {
    if (!c || c->program->purpose != RNNC_TRAIN) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "rnnc_train_step needs a context of a program for RNNC_TRAIN");
    }
    const rnnc_program *p = c->program;
    if (!p->model->recipe->carry_state) {
        api_clear_states(c);
    }
    put_number(c, p->epoch, (double)c->epoch);
    put_number(c, p->step, (double)(c->step - 1));
    put_number(c, p->plateaus, 0);
    TRY(api_run(c, diagnostics));
    if (out_training) {
        *out_training = (rnnc_training){.loss = get_number(c, p->loss, 0),
                                        .rate = get_number(c, p->rate, p->model->recipe->rate),
                                        .gradient_norm = get_number(c, p->norm, -1),
                                        .updated = get_number(c, p->skipped, 0) == 0,
                                        .step = c->step};
    }
    c->step++;
    return RNNC_OK;
}

// ---- Gradients ----

static rnnc_status check_gradients(const rnnc_context *c, rnnc_diagnostics *d) {
    if (!c || c->program->purpose != RNNC_GRADIENTS || !c->has_run) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "gradients are read after a run of a program for RNNC_GRADIENTS");
    }
    return RNNC_OK;
}

// The output with the gradient of a variable; -1: the loss does not depend on it.
static int find_gradient(const rnnc_context *c, const char *variable) {
    for (uint32_t i = 0; i < engine_output_count(c->engine); i++) {
        const char *name = engine_output_info(c->engine, i).name;
        size_t prefix = sizeof gradient_prefix - 1;
        if (strncmp(name, gradient_prefix, prefix) == 0 && strcmp(name + prefix, variable) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static double element(const void *values, dtype elem, int64_t index) {
    return elem == DT_F64 ? ((const double *)values)[index] : (double)((const float *)values)[index];
}

static void copy_gradient(const rnnc_context *c, const weight_part *part, rnnc_type type, void *data) {
    int output = find_gradient(c, part->array->variable->name);
    int64_t count = 0;
    const void *from = output < 0 ? NULL : engine_output(c->engine, (uint32_t)output, &count);
    dtype elem = part->array->variable->type.elem;
    for (int64_t i = 0; i < part->rows * part->columns; i++) {
        int64_t at = i / part->columns * part->stride + part->part->from + i % part->columns;
        double x = from ? element(from, elem, at) : 0;
        if (type == RNNC_F32) {
            ((float *)data)[i] = (float)x;
        } else {
            ((double *)data)[i] = x;
        }
    }
}

rnnc_status rnnc_context_read_gradient(const rnnc_context *c, const char *name, rnnc_type type, void *data,
                                       size_t count, rnnc_diagnostics *diagnostics) {
    TRY(check_gradients(c, diagnostics));
    weight_part part;
    if (!name || !data || (type != RNNC_F32 && type != RNNC_F64) ||
        !weights_find_part(&c->view, name, &part)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a gradient needs a weight's name, an array, and RNNC_F32 or RNNC_F64");
    }
    if (count != (size_t)(part.rows * part.columns)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "the weight '%s' has %lld x %lld elements, found %zu", name, (long long)part.rows,
                        (long long)part.columns, count);
    }
    copy_gradient(c, &part, type, data);
    return RNNC_OK;
}

rnnc_status rnnc_context_gradient_norm(const rnnc_context *c, rnnc_diagnostics *diagnostics,
                                       double *out_norm) {
    TRY(check_gradients(c, diagnostics));
    if (!out_norm) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "the norm needs a place to be put");
    }
    double sum = 0;
    for (uint32_t i = 0; i < c->view.count; i++) {
        const graph_variable *v = c->view.arrays[i].variable;
        int output = find_gradient(c, v->name);
        int64_t count = 0;
        const void *from = output < 0 ? NULL : engine_output(c->engine, (uint32_t)output, &count);
        for (int64_t k = 0; from && k < count; k++) {
            double x = element(from, v->type.elem, k);
            sum += x * x;
        }
    }
    *out_norm = sqrt(sum);
    return RNNC_OK;
}
