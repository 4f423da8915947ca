// A model that goes on with a series.
#include <stdlib.h>

#include "api/parts.h"
#include "runtime/train/forecast.h"

// A forecast under way.
typedef struct forecast_run {
    rnnc_context *context;
    rnnc_diagnostics *diagnostics;
} forecast_run;

// Reports to the public collection, so nothing is said twice.
static rnnc_status run_from_zeros(void *user, diag_sink *d) {
    const forecast_run *r = user;
    (void)d;
    api_clear_states(r->context);
    return api_run(r->context, r->diagnostics);
}

static rnnc_status find(rnnc_context *c, rnnc_diagnostics *d, forecaster *out_forecaster) {
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(d, &sink, forecast_find(c->engine, &sink, out_forecaster));
    diag_deinit(&sink);
    return status;
}

// The context as the forecast has it: so many steps of one row, all of them counting whatever lengths an earlier run had,
// and the input its own array.
static rnnc_status prepare(rnnc_context *c, const forecaster *f, int64_t window, rnnc_diagnostics *d) {
    const rnnc_length length = {c->program->program->axes.at[f->axis].name, window};
    TRY(rnnc_context_set_lengths(c, 1, &length, 1, d));
    api_forget_inputs(c);
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        if (c->program->inputs[i].index == f->input) {
            api_change_input(c, i, api_input_of(c, i));
        }
    }
    return RNNC_OK;
}

static rnnc_status forecast_values(const forecaster *f, double *values, int64_t window, int64_t steps,
                                   rnnc_diagnostics *d) {
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = forecast_continue(f, values, window, steps, &sink);
    api_report(d, &sink, status);
    diag_deinit(&sink);
    return status;
}

// What is given and what comes of it: |count| numbers.
static void to_doubles(const void *from, dtype elem, size_t count, double *to) {
    for (size_t i = 0; i < count; i++) {
        to[i] = elem == DT_F64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
    }
}

static void from_doubles(const double *from, dtype elem, size_t count, void *to) {
    for (size_t i = 0; i < count; i++) {
        if (elem == DT_F64) {
            ((double *)to)[i] = from[i];
        } else {
            ((float *)to)[i] = (float)from[i];
        }
    }
}

static rnnc_status check_counts(const forecaster *f, size_t value_count, size_t forecast_count,
                                rnnc_diagnostics *d) {
    size_t columns = (size_t)f->columns, most = API_MOST_MEMBERS;
    if (value_count > most || forecast_count > most) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "a forecast takes and makes up to %zu numbers", most);
    }
    return value_count && value_count % columns == 0 && forecast_count % columns == 0
               ? RNNC_OK
               : api_fail(d, RNNC_INVALID_ARGUMENT,
                          "a forecast begins with vectors of %lld numbers and goes on with such, found %zu "
                          "and %zu numbers",
                          (long long)f->columns, value_count, forecast_count);
}

rnnc_status rnnc_forecast(rnnc_context *c, const void *values, size_t value_count, void *forecast,
                          size_t forecast_count, rnnc_diagnostics *diagnostics) {
    forecaster f;
    if (!c || !values || !forecast || c->program->purpose != RNNC_FORWARD) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a forecast needs a context of a program for RNNC_FORWARD, and two arrays");
    }
    TRY(find(c, diagnostics, &f));
    TRY(check_counts(&f, value_count, forecast_count, diagnostics));
    double *room = calloc(value_count + forecast_count, sizeof *room);
    if (!room) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a forecast of %zu numbers",
                        forecast_count);
    }
    dtype elem = engine_input_info(c->engine, f.input).type.elem;
    forecast_run run = {c, diagnostics};
    f.run = run_from_zeros;
    f.user = &run;
    to_doubles(values, elem, value_count, room);
    int64_t window = (int64_t)value_count / f.columns, steps = (int64_t)forecast_count / f.columns;
    rnnc_status status = prepare(c, &f, window, diagnostics);
    status = status == RNNC_OK ? forecast_values(&f, room, window, steps, diagnostics) : status;
    if (status == RNNC_OK) {
        from_doubles(room + value_count, elem, forecast_count, forecast);
    }
    free(room);
    return status;
}
