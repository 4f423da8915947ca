#include "runtime/train/standardise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The values of one input that training sees.
typedef struct walk {
    const dataset *data;
    const data_input *input;
    const data_source *source;
    const data_source *lengths; // of rows; NULL: all are whole
    int64_t begin, end;         // examples, or places
    int64_t columns;
    int64_t positions; // of an example, each with its columns; 1 of a place
    int64_t inner;     // positions for each step of the axis with lengths
} walk;

// Axes lie in the order of their numbers: the lengths bound to the first one that has them are those that count.
static void find_lengths(walk *w) {
    const graph *g = w->data->model->graph;
    int64_t inner = w->positions;
    for (uint32_t a = 1; a < g->axes.count && !w->lengths; a++) {
        if (!(w->input->type.axes & AXIS_BIT(a))) {
            continue;
        }
        inner /= w->data->extents[a];
        char name[128];
        snprintf(name, sizeof name, "%.100s.lengths", g->axes.at[a].name);
        const data_input *lengths = dataset_find_input(w->data, name);
        bool outermost = inner * w->data->extents[a] == w->positions;
        if (lengths && lengths->source != UINT32_MAX && outermost) {
            w->lengths = &w->data->sources.at[lengths->source];
            w->inner = inner;
        }
    }
}

static rnnc_status start_walk(const dataset *s, const char *name, diag_sink *d, walk *out) {
    data_range range;
    const data_input *input = dataset_find_input(s, name);
    if (!input || input->source == UINT32_MAX) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "'standardise' needs data for '%s'", name);
    }
    TRY(dataset_range(s, DATA_TRAINING, d, &range));
    *out = (walk){.data = s,
                  .input = input,
                  .source = &s->sources.at[input->source],
                  .begin = range.begin,
                  .end = range.end,
                  .columns = type_columns(input->type),
                  .positions = 1};
    if (s->batching == BATCH_EXAMPLES) {
        for (uint32_t a = 1; a < s->model->graph->axes.count; a++) {
            out->positions *= input->type.axes & AXIS_BIT(a) ? s->extents[a] : 1;
        }
        find_lengths(out);
        return RNNC_OK;
    }
    bool steps = input->type.axes & AXIS_BIT(s->step_axis);
    int64_t extent = s->extents[s->step_axis];
    if (s->batching != BATCH_STREAMS) {
        out->begin = range.begin * s->stride;
        out->end = (range.end - 1) * s->stride + extent;
    } else {
        out->end -= s->reach;
    }
    out->begin += input->shift + (steps ? 0 : extent - 1);
    out->end += input->shift;
    return RNNC_OK;
}

// How many positions of example |unit| are valid.
static int64_t valid_positions(const walk *w, int64_t row) {
    int64_t length = w->lengths ? (int64_t)array_to_double(&w->lengths->values, row) : 0;
    int64_t valid = w->lengths ? length * w->inner : w->positions;
    return valid < w->positions ? valid : w->positions;
}

// Adds (value - |centre|)^|power| of column |column| over all that training sees.
static double add_up(const void *user, int64_t column, double centre, bool squares, int64_t *out_count) {
    const walk *w = user;
    double sum = 0;
    *out_count = 0;
    for (int64_t unit = w->begin; unit < w->end; unit++) {
        int64_t row = w->data->order ? w->data->order[unit] : unit, valid = valid_positions(w, row);
        for (int64_t p = 0; p < valid; p++) {
            int64_t at = (row * w->positions + p) * w->columns + column;
            double x = array_to_double(&w->source->values, at) / w->source->divisor - centre;
            sum += squares ? x * x : x;
        }
        *out_count += valid;
    }
    return sum;
}

static rnnc_status measure_column(const standardise_source *s, int64_t column, weight_part *mean,
                                  weight_part *deviation, diag_sink *d) {
    int64_t count;
    double sum = s->add_up(s->user, column, 0, false, &count);
    if (count == 0) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: 'standardise' has no value of '%s' to measure in the training part", s->label,
                         s->input);
    }
    double centre = sum / (double)count;
    double spread = sqrt(s->add_up(s->user, column, centre, true, &count) / (double)count);
    weight_set(mean, 0, column, centre);
    weight_set(deviation, 0, column, spread > 0 ? spread : 1);
    bool held = isfinite(weight_get(mean, 0, column)) && isfinite(weight_get(deviation, 0, column)) &&
                weight_get(deviation, 0, column) > 0;
    return held ? RNNC_OK
                : diag_fail(d, RNNC_TYPE, NO_SPAN,
                            "%s: column %lld of '%s' has mean %g and deviation %g, which the model's reals "
                            "cannot hold",
                            s->label, (long long)column, s->input, centre, spread);
}

rnnc_status standardise_columns(const standardise_source *s, weight_part *mean, weight_part *deviation,
                                diag_sink *d) {
    for (int64_t column = 0; column < mean->columns; column++) {
        TRY(measure_column(s, column, mean, deviation, d));
    }
    return RNNC_OK;
}

static rnnc_status measure(const dataset *data, const measured_data *m, weights *w, diag_sink *d) {
    walk values;
    weight_part mean, deviation;
    if (!weights_find_part(w, m->mean, &mean) || !weights_find_part(w, m->deviation, &deviation)) {
        return RNNC_OK; // no use of it is left in the program
    }
    TRY(start_walk(data, m->input, d, &values));
    standardise_source source = {add_up, &values, values.source->label, values.input->name};
    return standardise_columns(&source, &mean, &deviation, d);
}

rnnc_status standardise_measure(const dataset *data, weights *w, diag_sink *d) {
    for (uint32_t i = 0; i < data->model->measured.count; i++) {
        TRY(measure(data, &data->model->measured.at[i], w, d));
    }
    weights_changed(w);
    return RNNC_OK;
}
