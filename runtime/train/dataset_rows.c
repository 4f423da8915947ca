// Examples of their own lengths, and examples of several files.
#include <stdlib.h>
#include <string.h>

#include "runtime/train/dataset.h"

static int64_t length_of(const data_source *s, int64_t row) {
    return s->starts[row + 1] - s->starts[row];
}

// The sequence axis of |input|, or NO_AXIS if it has none or several, or columns.
static int only_axis(const dataset *s, const data_input *input) {
    const graph *g = s->model->graph;
    int found = NO_AXIS, count = 0;
    for (uint32_t a = 1; a < g->axes.count; a++) {
        bool has = input->type.axes & AXIS_BIT(a);
        found = has ? (int)a : found;
        count += has;
    }
    bool sequence = count == 1 && g->axes.at[found].kind == AXIS_IS_SEQUENCE;
    return sequence && type_columns(input->type) == 1 ? found : NO_AXIS;
}

// Inputs along the same axis have rows of the same lengths: |source|'s are compared with those of an earlier one.
static rnnc_status agree_on_rows(const dataset *s, const data_input *input, int axis, diag_sink *d) {
    const data_source *source = &s->sources.at[input->source];
    for (const data_input *other = s->inputs.at; other < input; other++) {
        const data_source *theirs = other->source == UINT32_MAX ? NULL : &s->sources.at[other->source];
        if (!theirs || !theirs->starts || only_axis(s, other) != axis) {
            continue;
        }
        for (int64_t row = 0; row < source->rows; row++) {
            if (length_of(source, row) != length_of(theirs, row)) {
                return diag_fail(
                    d, RNNC_TYPE, NO_SPAN,
                    "%s: row %lld of '%s' has %lld tokens, that of '%s' has %lld (rows count from 0)",
                    source->label, (long long)row, input->name, (long long)length_of(source, row),
                    other->name, (long long)length_of(theirs, row));
            }
        }
        return RNNC_OK;
    }
    return RNNC_OK;
}

static bool rows_differ(const data_source *s) {
    for (int64_t row = 0; row < s->rows; row++) {
        if (length_of(s, row) != s->longest) {
            return true;
        }
    }
    return false;
}

static bool is_stated(const dataset *s, int axis) {
    for (uint32_t i = 0; s->recipe && i < s->recipe->step_axis_count; i++) {
        if (s->recipe->steps[i].axis == axis) {
            return true;
        }
    }
    return false;
}

rnnc_status data_rows_fit(dataset *s, const data_input *input, diag_sink *d) {
    const data_source *source = &s->sources.at[input->source];
    int axis = only_axis(s, input);
    if (axis == NO_AXIS) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN,
                         "%s: a row has as many tokens as its line; '%s' must have one sequence axis: %s: "
                         "token(k)[T lengths]",
                         source->label, input->name, input->name);
    }
    const char *name = s->model->graph->axes.at[axis].name;
    if (!s->has_lengths[axis] && rows_differ(source)) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN,
                         "%s: its rows are not equally long; declare the lengths: %s: token(k)[%s lengths]",
                         source->label, input->name, name);
    }
    if (is_stated(s, axis) && source->longest > s->extents[axis]) {
        return diag_fail(
            d, RNNC_TYPE, NO_SPAN,
            "%s: the longest row has %lld tokens, the recipe says steps %s = %lld; leave that out, "
            "or cut rows: longest = %lld",
            source->label, (long long)source->longest, name, (long long)s->extents[axis],
            (long long)s->extents[axis]);
    }
    s->extents[axis] = source->longest > s->extents[axis] ? source->longest : s->extents[axis];
    return agree_on_rows(s, input, axis, d);
}

const data_source *data_lengths_of_axis(const dataset *s, int axis) {
    const char *name = s->model->graph->axes.at[axis].name;
    size_t length = strlen(name);
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        const data_input *at = &s->inputs.at[i];
        bool fits = strncmp(at->name, name, length) == 0 && strcmp(at->name + length, ".lengths") == 0;
        if (fits && at->source != UINT32_MAX) {
            return &s->sources.at[at->source];
        }
    }
    return NULL;
}

bool data_is_padding(const dataset *s, const data_input *input, int64_t index) {
    const array *values = &s->sources.at[input->source].values;
    uint32_t place = 1;
    while (place < s->model->graph->axes.count &&
           !(input->type.axes & AXIS_BIT(graph_declared_axis(s->model->graph, place)))) {
        place++;
    }
    bool along = s->batching == BATCH_EXAMPLES && place < s->model->graph->axes.count && values->rank > 1;
    const data_source *lengths =
        along ? data_lengths_of_axis(s, graph_declared_axis(s->model->graph, place)) : NULL;
    if (!lengths) {
        return false;
    }
    int64_t inner = 1;
    for (int i = 2; i < values->rank; i++) {
        inner *= values->dim[i];
    }
    int64_t position = index / inner % values->dim[1], example = index / inner / values->dim[1];
    return example < array_count(&lengths->values) &&
           (double)position >= array_to_double(&lengths->values, example);
}

const data_source *data_rows_of_axis(const dataset *s, int axis) {
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        const data_input *input = &s->inputs.at[i];
        const data_source *source = input->source == UINT32_MAX ? NULL : &s->sources.at[input->source];
        if (source && source->starts && (input->type.axes & AXIS_BIT(axis))) {
            return source;
        }
    }
    return NULL;
}

// ---- Several files ----

static const data_source *source_of_files(const dataset *s) {
    const data_source *most = NULL;
    for (uint32_t i = 0; i < s->sources.count; i++) {
        const data_source *at = &s->sources.at[i];
        most = at->file_rows && (!most || at->file_count > most->file_count) ? at : most;
    }
    return most;
}

static rnnc_status check_files(const data_source *files, int64_t each, diag_sink *d) {
    for (uint32_t i = 0; i < files->file_count; i++) {
        if (files->file_rows[i] <= each) {
            return diag_fail(
                d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                "%s: file %u has %lld lines; with %lld of each held out none is left to train on",
                files->label, i + 1, (long long)files->file_rows[i], (long long)each);
        }
    }
    return RNNC_OK;
}

rnnc_status data_rows_order(dataset *s, diag_sink *d) {
    const data_source *files = source_of_files(s);
    int64_t validated = s->recipe->validation_of_each ? s->validation_last : 0;
    int64_t tested = s->recipe->test_of_each ? s->test_last : 0, each = validated + tested;
    if (s->batching != BATCH_EXAMPLES || !files) {
        return diag_fail(
            d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "'last n of each' needs lines, labels or file_of, whose files' last lines are held out");
    }
    TRY(check_files(files, each, d));
    s->order = calloc((size_t)s->places, sizeof *s->order);
    if (!s->order) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the order of %lld examples",
                         (long long)s->places);
    }
    s->validation_last = validated * files->file_count;
    s->test_last = tested * files->file_count;
    int64_t test = s->places - s->test_last, held = test - s->validation_last, trained = 0, begin = 0;
    for (uint32_t i = 0; i < files->file_count; i++) {
        int64_t rows = files->file_rows[i];
        for (int64_t row = 0; row < rows; row++) {
            bool trains = row < rows - each, tests = row >= rows - tested;
            s->order[trains ? trained++ : tests ? test++ : held++] = begin + row;
        }
        begin += rows;
    }
    return RNNC_OK;
}
