// Training steps, and what they count by.
#include <math.h>

#include "api/parts.h"

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

rnnc_status rnnc_context_position(const rnnc_context *c, int64_t *out_epoch, int64_t *out_step) {
    if (!c || !out_epoch || !out_step) {
        return RNNC_INVALID_ARGUMENT;
    }
    *out_epoch = c->epoch;
    *out_step = c->step;
    return RNNC_OK;
}

rnnc_status rnnc_context_set_plateaus(rnnc_context *c, int64_t plateaus) {
    if (!c || plateaus < 0) {
        return RNNC_INVALID_ARGUMENT;
    }
    c->plateaus = plateaus;
    return RNNC_OK;
}

rnnc_status rnnc_context_set_rate(rnnc_context *c, double rate) {
    if (!c || c->program->purpose != RNNC_TRAIN || !isfinite(rate) || rate < 0) {
        return RNNC_INVALID_ARGUMENT;
    }
    c->rate = rate;
    return RNNC_OK;
}

double rnnc_context_rate(const rnnc_context *c) {
    return c ? c->rate : 0;
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

void api_begin_training(rnnc_context *c) {
    const rnnc_program *p = c->program;
    if (!p->model->recipe->carry_state) {
        api_clear_states(c);
    }
    put_number(c, p->epoch, (double)c->epoch);
    put_number(c, p->step, (double)(c->step - 1));
    put_number(c, p->plateaus, (double)c->plateaus);
    put_number(c, p->base_rate, c->rate);
}

static rnnc_status run_step(rnnc_context *c, rnnc_diagnostics *diagnostics) {
    if (c->program->waits) {
        return api_run_back(c, diagnostics);
    }
    api_begin_training(c);
    return api_run(c, diagnostics);
}

rnnc_status rnnc_train_step(rnnc_context *c, rnnc_diagnostics *diagnostics, rnnc_training *out_training) {
    if (!c || c->program->purpose != RNNC_TRAIN) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "rnnc_train_step needs a context of a program for RNNC_TRAIN");
    }
    const rnnc_program *p = c->program;
    TRY(api_check_free(c, diagnostics));
    TRY(run_step(c, diagnostics));
    if (out_training) {
        *out_training = (rnnc_training){.loss = get_number(c, p->loss, 0),
                                        .rate = get_number(c, p->rate, c->rate),
                                        .gradient_norm = get_number(c, p->norm, -1),
                                        .updated = get_number(c, p->skipped, 0) == 0,
                                        .step = c->step};
    }
    c->step++;
    return RNNC_OK;
}
