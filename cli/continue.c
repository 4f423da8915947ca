// --continue: the model goes on by itself, from a window of the data and from zeros, drawn against the truth.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "runtime/train/forecast.h"

typedef struct forecast_run {
    forecaster forecaster;
    const data_source *source;
    int64_t window, steps, known; // places; known: in the data
    double *truth;                // first columns
    double *seen, *zeros;         // [window + steps, columns]
} forecast_run;

static rnnc_status find_source(const dataset *data, diag_sink *d, forecast_run *f) {
    const char *name = engine_input_info(f->forecaster.engine, f->forecaster.input).name;
    if (data->step_axis == NO_AXIS) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "--continue needs a recipe whose data is a series in windows");
    }
    const data_input *input = dataset_find_input(data, name);
    if (!input || input->source == UINT32_MAX) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no data for '%s' to continue", name);
    }
    f->source = &data->sources.at[input->source];
    f->window = data->extents[data->step_axis];
    f->known = f->source->values.dim[0];
    return RNNC_OK;
}

static double *new_values(int64_t places, int64_t columns) {
    int64_t count;
    bool fits = !__builtin_mul_overflow(places, columns, &count) && count < INT64_MAX / 16;
    return fits ? calloc((size_t)count + 1, sizeof(double)) : NULL;
}

static rnnc_status fill(forecast_run *f, diag_sink *d) {
    int64_t columns = f->forecaster.columns, places = f->window + f->steps;
    f->truth = new_values(f->known, 1);
    f->seen = new_values(places, columns);
    f->zeros = new_values(places, columns);
    if (!f->truth || !f->seen || !f->zeros) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a forecast of %lld steps",
                         (long long)f->steps);
    }
    for (int64_t i = 0; i < f->window * columns; i++) {
        f->seen[i] = array_to_double(&f->source->values, i) / f->source->divisor;
    }
    for (int64_t i = 0; i < f->known; i++) {
        f->truth[i] = array_to_double(&f->source->values, i * columns) / f->source->divisor;
    }
    TRY(forecast_continue(&f->forecaster, f->seen, f->window, f->steps, d));
    return forecast_continue(&f->forecaster, f->zeros, f->window, f->steps, d);
}

// The first columns, in place.
static void keep_first_columns(double *values, int64_t places, int64_t columns) {
    for (int64_t i = 0; i < places; i++) {
        values[i] = values[i * columns];
    }
}

static void draw(const char *title, const plot_series *series, size_t count, double mark) {
    draw_plot(&(plot){.title = title, .series = series, .count = count, .has_mark = true, .mark = mark});
}

static void print_error(const forecast_run *f) {
    int64_t end = f->known < f->window + f->steps ? f->known : f->window + f->steps;
    double sum = 0;
    for (int64_t i = f->window; i < end; i++) {
        sum += (f->seen[i] - f->truth[i]) * (f->seen[i] - f->truth[i]);
    }
    if (end > f->window) {
        printf("continued from %lld values: mean squared error %.4g over the next %lld\n\n",
               (long long)f->window, sum / (double)(end - f->window), (long long)(end - f->window));
    }
}

static rnnc_status draw_all(const forecast_run *f, const char *path, diag_sink *d) {
    size_t places = (size_t)(f->window + f->steps);
    char window_title[96], zero_title[96];
    snprintf(window_title, sizeof window_title, "%lld steps continued from %lld values", (long long)f->steps,
             (long long)f->window);
    snprintf(zero_title, sizeof zero_title, "%lld steps continued from %lld zeros", (long long)f->steps,
             (long long)f->window);
    const plot_series lines[] = {
        {"truth", NULL, f->truth, (size_t)f->known, PLOT_LINE},
        {"continued from a window", NULL, f->seen, places, PLOT_LINE},
        {"continued from zeros", NULL, f->zeros, places, PLOT_DASHED},
    };
    draw(window_title, lines, 2, (double)f->window);
    draw(zero_title, (plot_series[]){lines[0], lines[2]}, 2, (double)f->window);
    if (!path) {
        return RNNC_OK;
    }
    plot p = {.title = window_title,
              .x_label = "step",
              .series = lines,
              .count = 3,
              .has_mark = true,
              .mark = (double)f->window,
              .mark_label = "the model goes on by itself"};
    TRY(plot_svg_write(path, &p, d));
    printf("drawn into %s\n", path);
    return RNNC_OK;
}

rnnc_status show_forecast(const command_line *line, machine *m, const dataset *data, diag_sink *d) {
    forecast_run f = {.steps = line->continue_steps};
    rnnc_status status = forecast_find(m->engine, d, &f.forecaster);
    status = status == RNNC_OK ? find_source(data, d, &f) : status;
    status = status == RNNC_OK ? fill(&f, d) : status;
    if (status == RNNC_OK) {
        keep_first_columns(f.seen, f.window + f.steps, f.forecaster.columns);
        keep_first_columns(f.zeros, f.window + f.steps, f.forecaster.columns);
        print_error(&f);
        status = draw_all(&f, line->plot, d);
    }
    free(f.truth);
    free(f.seen);
    free(f.zeros);
    return status;
}
