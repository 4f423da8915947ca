#include "runtime/train/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static rnnc_status refuse(diag_sink *d, const char *why) {
    return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                     "only a model with one input and one output of real numbers along one sequence can be "
                     "continued; %s",
                     why);
}

static bool is_sequence(value_type t, axis_set without_batch) {
    return dtype_is_float(t.elem) && (t.axes & AXIS_BIT(AXIS_BATCH)) &&
           (axis_set)(t.axes & ~AXIS_BIT(AXIS_BATCH)) == without_batch;
}

static rnnc_status find_input(engine *e, diag_sink *d, forecaster *f) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        engine_value info = engine_input_info(e, i);
        if (strcmp(info.role, "data") == 0) {
            f->input = i;
            found++;
        }
    }
    if (found != 1) {
        return refuse(d, "this one has not one input");
    }
    value_type t = engine_input_info(e, f->input).type;
    axis_set axes = (axis_set)(t.axes & ~AXIS_BIT(AXIS_BATCH));
    if (axis_count(axes) != 1 || !is_sequence(t, axes)) {
        return refuse(d, "the input of this one is something else");
    }
    f->axis = __builtin_ctz(axes);
    f->columns = type_columns(t);
    return RNNC_OK;
}

static rnnc_status find_output(engine *e, diag_sink *d, forecaster *f) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        engine_value info = engine_output_info(e, i);
        bool fits = strcmp(info.role, "value") == 0 && is_sequence(info.type, AXIS_BIT(f->axis)) &&
                    type_columns(info.type) == f->columns;
        if (fits) {
            f->output = i;
            found++;
        }
    }
    return found == 1
               ? RNNC_OK
               : refuse(d, found ? "this one has several such outputs" : "this one has no such output");
}

rnnc_status forecast_find(engine *e, diag_sink *d, forecaster *out_forecaster) {
    *out_forecaster = (forecaster){.engine = e};
    TRY(find_input(e, d, out_forecaster));
    return find_output(e, d, out_forecaster);
}

static void put_window(const forecaster *f, const double *values) {
    int64_t count = 0;
    void *to = engine_input(f->engine, f->input, &count);
    bool wide = engine_input_info(f->engine, f->input).type.elem == DT_F64;
    for (int64_t i = 0; i < count; i++) {
        if (wide) {
            ((double *)to)[i] = values[i];
        } else {
            ((float *)to)[i] = (float)values[i];
        }
    }
}

rnnc_status forecast_continue(const forecaster *f, double *values, int64_t window, int64_t steps,
                              diag_sink *d) {
    int64_t extents[MAX_AXES];
    for (uint32_t a = 0; a < engine_axis_count(f->engine); a++) {
        extents[a] = engine_extents(f->engine)[a];
    }
    extents[AXIS_BATCH] = 1;
    extents[f->axis] = window;
    TRY(engine_set_extents(f->engine, extents, d));
    int64_t count = window * f->columns;
    double *out = calloc((size_t)count, sizeof *out);
    if (!out) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a forecast");
    }
    rnnc_status status = RNNC_OK;
    for (int64_t step = 0; step < steps && status == RNNC_OK; step++) {
        double *at = values + step * f->columns;
        put_window(f, at);
        status = f->run ? f->run(f->user, d) : engine_run(f->engine, 0, 0, d);
        if (status == RNNC_OK) {
            engine_output_doubles(f->engine, f->output, out);
            memcpy(at + count, out + count - f->columns, (size_t)f->columns * sizeof *out);
        }
    }
    free(out);
    return status;
}
