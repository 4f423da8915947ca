// Reading of a recipe's sources, and the checks of their values.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/csv.h"
#include "runtime/data/idx.h"
#include "runtime/data/npy.h"
#include "runtime/data/npz.h"
#include "runtime/train/dataset.h"

const char *data_option(const dataset_request *request) {
    return request->by_library ? "paths" : request->given_only ? "--in" : "--data";
}

const char *data_find_path(const dataset_request *request, const char *key) {
    for (uint32_t i = 0; i < request->path_count; i++) {
        if (strcmp(request->paths[i].key, key) == 0) {
            return request->paths[i].path;
        }
    }
    return NULL;
}

static rnnc_status read_series(const data_binding *b, data_source *s, diag_sink *d) {
    TRY(array_create(ARRAY_F64, 1, &b->value_count, s->label, d, &s->values));
    memcpy(s->values.data, b->values, (size_t)b->value_count * sizeof *b->values);
    return RNNC_OK;
}

static rnnc_status read_idx(data_source *s, diag_sink *d) {
    s->divisor = 255;
    return idx_map(s->label, d, &s->values);
}

static rnnc_status read_csv(const data_binding *b, data_source *s, diag_sink *d) {
    static const csv_missing rules[] = {[MISSING_IS_ERROR] = CSV_MISSING_IS_ERROR,
                                        [MISSING_FILL] = CSV_MISSING_FILL,
                                        [MISSING_PREVIOUS] = CSV_MISSING_PREVIOUS};
    csv_request columns = {.columns = (const char *const *)b->columns,
                           .count = b->column_count,
                           .missing = b->kind == DATA_PRESENT ? CSV_MISSING_MARK : rules[b->missing],
                           .fill = b->fill};
    return csv_read(s->label, &columns, d, &s->values);
}

static rnnc_status read_kind(const dataset_request *request, const data_binding *b, data_source *s,
                             diag_sink *d, arena *memory) {
    switch (b->kind) {
    case DATA_NPY:
        return b->member ? npz_read(s->label, b->member, d, &s->values) : npy_map(s->label, d, &s->values);
    case DATA_IDX: return read_idx(s, d);
    case DATA_CSV:
    case DATA_PRESENT: return read_csv(b, s, d);
    case DATA_CATEGORY:
    case DATA_CHARACTERS:
    case DATA_WORDS:
    case DATA_LINES:
    case DATA_LABELS:
    case DATA_COLUMN:
    case DATA_FILE_OF: return data_text_read(request, b, d, memory, s);
    case DATA_SERIES: return read_series(b, s, d);
    case DATA_RANDOM:
    case DATA_AHEAD: break;
    }
    return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "%s: not a source", s->label);
}

static const char *recipe_words(const dataset_request *request, arena *memory) {
    const recipe *r = request->model->recipe;
    return r ? arena_printf(memory, "the recipe '%s'", r->name) : "the model";
}

// The paths of all keys, or an error.
static rnnc_status make_label(const dataset_request *request, const data_binding *b, diag_sink *d,
                              arena *memory, const char **out_label) {
    *out_label = b->key ? NULL : arena_printf(memory, "the series of '%s'", b->input);
    uint32_t count = b->key_count ? b->key_count : b->key != NULL;
    for (uint32_t i = 0; i < count; i++) {
        const char *key = b->key_count ? b->keys[i] : b->key;
        const char *path = data_find_path(request, key);
        if (!path) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s needs a file for '%s': %s %s=FILE",
                             recipe_words(request, memory), b->input, data_option(request), key);
        }
        *out_label = i ? arena_printf(memory, "%s, %s", *out_label, path) : path;
    }
    return RNNC_OK;
}

rnnc_status data_source_read(const dataset_request *request, const data_binding *b, diag_sink *d,
                             arena *memory, data_source *out_source) {
    data_source *s = out_source;
    *s = (data_source){.input = b->input, .key = b->key, .divisor = 1};
    TRY(make_label(request, b, d, memory, &s->label));
    TRY(read_kind(request, b, s, d, memory));
    if (s->values.rank == 0 || array_count(&s->values) == 0) {
        strbuf shape = {0};
        array_describe(&s->values, &shape);
        rnnc_status status = diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: there is no data in it: %s", s->label,
                                       strbuf_text(&shape));
        strbuf_deinit(&shape);
        return status;
    }
    s->rows = s->starts ? s->rows : s->values.dim[0];
    return RNNC_OK;
}

// ---- Checks ----

// Appends "row 3, column 0" of element |index|, or "[3, 0, 7]" where there are more dimensions.
static void add_place(const array *a, int64_t index, strbuf *out) {
    int64_t at[ARRAY_MAX_RANK] = {0};
    for (int i = a->rank; i-- > 0;) {
        at[i] = index % a->dim[i];
        index /= a->dim[i];
    }
    if (a->rank <= 2) {
        strbuf_addf(out, "row %lld", (long long)at[0]);
        if (a->rank == 2) {
            strbuf_addf(out, ", column %lld", (long long)at[1]);
        }
        strbuf_add(out, " (counted from 0)");
        return;
    }
    for (int i = 0; i < a->rank; i++) {
        strbuf_addf(out, "%s%lld", i ? ", " : "element [", (long long)at[i]);
    }
    strbuf_add(out, "]");
}

static rnnc_status refuse_value(const data_source *s, int64_t index, const char *expected, diag_sink *d) {
    strbuf place = {0};
    add_place(&s->values, index, &place);
    rnnc_status status = diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: %s is %.10g; %s", s->label,
                                   strbuf_text(&place), array_to_double(&s->values, index), expected);
    strbuf_deinit(&place);
    return status;
}

static rnnc_status convert_values(data_source *s, array_kind kind, diag_sink *d) {
    array converted;
    TRY(array_convert(&s->values, kind, s->label, d, &converted));
    array_deinit(&s->values);
    s->values = converted;
    return RNNC_OK;
}

// "vocab", the parameter of the model that says how many tokens |input| has.
static const char *token_parameter_of(const dataset *data, const data_input *input) {
    for (uint32_t i = 0; i < data->model->token_parameters.count; i++) {
        const token_parameter *at = &data->model->token_parameters.at[i];
        if (strcmp(at->input, input->name) == 0) {
            return at->parameter;
        }
    }
    return "NAME";
}

static rnnc_status check_vocabulary(const dataset *data, const data_source *s, const data_input *input,
                                    diag_sink *d) {
    uint32_t count = s->words ? s->words->count : s->characters ? s->characters->count : 0;
    if (!input->classes || count <= input->classes) {
        return RNNC_OK;
    }
    return diag_fail(
        d, RNNC_TYPE, NO_SPAN,
        "%s: the text has %u different %s, '%s' is token(%lld); give the model's parameter for it "
        "that value: %s%s=%u",
        s->label, count, s->words ? "words" : "characters", input->name, (long long)input->classes,
        data->model->settings, token_parameter_of(data, input), count);
}

static rnnc_status check_tokens(const dataset *data, data_source *s, const data_input *input, diag_sink *d) {
    if (array_kind_is_float(s->values.kind)) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: '%s' takes whole numbers, found %s", s->label,
                         input->name, array_kind_name(s->values.kind));
    }
    if (s->values.kind == ARRAY_I64) {
        TRY(convert_values(s, ARRAY_I32, d));
    }
    int64_t count = array_count(&s->values);
    for (int64_t i = 0; i < count; i++) {
        double token = array_to_double(&s->values, i);
        bool outside = token < 0 || (input->classes && token >= (double)input->classes);
        if (outside && !data_is_padding(data, input, i)) {
            char expected[96];
            snprintf(expected, sizeof expected, "'%.40s' is a %s of 0 to %lld", input->name,
                     input->classes ? "token" : "number",
                     (long long)(input->classes ? input->classes - 1 : INT32_MAX));
            return refuse_value(s, i, expected, d);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_reals(const dataset *data, data_source *s, const data_input *input, diag_sink *d) {
    bool narrow = s->values.kind == ARRAY_F16 || s->values.kind == ARRAY_BF16;
    if (narrow || s->values.kind == ARRAY_I64) {
        TRY(convert_values(s, narrow ? ARRAY_F32 : ARRAY_F64, d));
    }
    double largest = input->type.elem == DT_F32 ? (double)FLT_MAX : DBL_MAX;
    int64_t count = array_kind_is_float(s->values.kind) ? array_count(&s->values) : 0;
    for (int64_t i = 0; i < count; i++) {
        double value = array_to_double(&s->values, i);
        if (!(fabs(value) <= largest) && !data_is_padding(data, input, i)) {
            return refuse_value(
                s, i, isfinite(value) ? "it does not fit in f32" : "data must be finite numbers", d);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_lengths(const data_source *s, const char *axis, int64_t extent, diag_sink *d) {
    char expected[96];
    snprintf(expected, sizeof expected, "sequences have 0 to %lld steps of %.40s", (long long)extent, axis);
    int64_t count = array_count(&s->values);
    for (int64_t i = 0; i < count; i++) {
        if (array_to_double(&s->values, i) > (double)extent) {
            return refuse_value(s, i, expected, d);
        }
    }
    return RNNC_OK;
}

rnnc_status data_lengths_check(const dataset *data, diag_sink *d) {
    const graph *g = data->model->graph;
    for (uint32_t axis = 1; axis < g->axes.count; axis++) {
        const data_source *lengths = data->has_lengths[axis] ? data_lengths_of_axis(data, (int)axis) : NULL;
        TRY(lengths ? check_lengths(lengths, g->axes.at[axis].name, data->extents[axis], d) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status data_source_check(const dataset *data, data_source *s, const data_input *input, diag_sink *d) {
    bool tokens = !dtype_is_float(input->type.elem);
    if (!tokens && (s->words || s->characters)) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: '%s' is real, the data are tokens: declare %s: token(k)",
                         s->label, input->name, input->name);
    }
    TRY(tokens ? check_vocabulary(data, s, input, d) : RNNC_OK);
    if (s->values.kind == ARRAY_BOOL) {
        s->values.kind = ARRAY_U8;
    }
    return tokens ? check_tokens(data, s, input, d) : check_reals(data, s, input, d);
}
