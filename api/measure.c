// What the model's `standardise` divides by, measured on the caller's data.
#include <string.h>

#include "api/parts.h"
#include "runtime/train/standardise.h"

typedef struct measured_rows {
    rnnc_type type;
    const void *data;
    int64_t rows, columns;
} measured_rows;

static double add_up(const void *user, int64_t column, double centre, bool squares, int64_t *out_count) {
    const measured_rows *m = user;
    double sum = 0;
    for (int64_t row = 0; row < m->rows; row++) {
        int64_t at = row * m->columns + column;
        double x = m->type == RNNC_F32 ? (double)((const float *)m->data)[at] : ((const double *)m->data)[at];
        sum += squares ? (x - centre) * (x - centre) : x - centre;
    }
    *out_count = m->rows;
    return sum;
}

// Two uses of `standardise` on one input are measured alike.
static rnnc_status measure(const rnnc_weights *w, const char *input, measured_rows *rows, size_t count,
                           diag_sink *d) {
    const model *m = w->program->model;
    bool found = false;
    for (uint32_t i = 0; i < m->measured.count; i++) {
        weight_part mean, deviation;
        if (strcmp(m->measured.at[i].input, input) != 0 ||
            !weights_find_part(w->values, m->measured.at[i].mean, &mean) ||
            !weights_find_part(w->values, m->measured.at[i].deviation, &deviation)) {
            continue;
        }
        rows->columns = mean.columns;
        rows->rows = (int64_t)count / mean.columns;
        if (count == 0 || count % (size_t)mean.columns) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "'%s' has vectors of %lld elements, and %zu are not one or more of them", input,
                             (long long)mean.columns, count);
        }
        standardise_source source = {add_up, rows, "the array", input};
        TRY(standardise_columns(&source, &mean, &deviation, d));
        found = true;
    }
    return found
               ? RNNC_OK
               : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the program does not standardise '%s'", input);
}

static void mark(rnnc_weights *w, const char *input) {
    const model *m = w->program->model;
    for (uint32_t i = 0; i < m->measured.count; i++) {
        if (strcmp(m->measured.at[i].input, input) == 0) {
            api_mark_set(w, rnnc_weights_find(w, m->measured.at[i].mean));
            api_mark_set(w, rnnc_weights_find(w, m->measured.at[i].deviation));
        }
    }
}

rnnc_status rnnc_weights_measure(rnnc_weights *w, const char *input, rnnc_type type, const void *data,
                                 size_t count, rnnc_diagnostics *diagnostics) {
    if (!w || !input || !data || (type != RNNC_F32 && type != RNNC_F64) || count > INT64_MAX / 16) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "measuring needs weights, an input's name, an array, and RNNC_F32 or RNNC_F64");
    }
    measured_rows rows = {.type = type, .data = data};
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, measure(w, input, &rows, count, &sink));
    diag_deinit(&sink);
    weights_changed(w->values);
    if (status == RNNC_OK) {
        mark(w, input);
    }
    return status;
}
