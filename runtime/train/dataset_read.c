// Reading of a recipe's sources, and the checks of their values.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/csv.h"
#include "runtime/data/idx.h"
#include "runtime/data/npy.h"
#include "runtime/train/dataset.h"

static const char *find_path(const dataset_request *request, const char *key) {
    for (uint32_t i = 0; i < request->path_count; i++) {
        if (strcmp(request->paths[i].key, key) == 0) {
            return request->paths[i].path;
        }
    }
    return NULL;
}

static const vocabulary *find_vocabulary(const dataset_request *request, const char *key) {
    for (uint32_t i = 0; i < request->vocabulary_count; i++) {
        if (strcmp(request->vocabularies[i].key, key) == 0) {
            return request->vocabularies[i].vocabulary;
        }
    }
    return NULL;
}

// Takes tokens made for |codes| over into an array.
static rnnc_status wrap_tokens(int32_t *tokens, size_t count, const char *label, diag_sink *d, array *out) {
    int64_t dim[1] = {(int64_t)count};
    rnnc_status status = array_create(ARRAY_I32, 1, dim, label, d, out);
    if (status == RNNC_OK && count) {
        memcpy(out->data, tokens, count * sizeof *tokens);
    }
    free(tokens);
    return status;
}

static rnnc_status read_characters(const dataset_request *request, data_source *s, diag_sink *d) {
    text_codes codes = {0};
    int32_t *tokens = NULL;
    TRY(text_read(s->label, d, &codes));
    const vocabulary *known = find_vocabulary(request, s->key);
    rnnc_status status = RNNC_OK;
    if (codes.count == 0) {
        status = diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: the text is empty", s->label);
    }
    if (status == RNNC_OK && !known) {
        status = vocabulary_build(&codes, s->label, d, &s->characters);
        known = &s->characters;
    }
    if (status == RNNC_OK) {
        status = vocabulary_encode(known, &codes, s->label, d, &tokens);
    }
    if (status == RNNC_OK) {
        status = wrap_tokens(tokens, codes.count, s->label, d, &s->values);
    }
    text_codes_deinit(&codes);
    return status;
}

static rnnc_status read_series(const data_binding *b, data_source *s, diag_sink *d) {
    TRY(array_create(ARRAY_F64, 1, &b->value_count, s->label, d, &s->values));
    memcpy(s->values.data, b->values, (size_t)b->value_count * sizeof *b->values);
    return RNNC_OK;
}

static rnnc_status read_idx(data_source *s, diag_sink *d) {
    s->divisor = 255;
    return idx_read(s->label, d, &s->values);
}

static rnnc_status read_csv(const data_binding *b, data_source *s, diag_sink *d) {
    csv_request columns = {.columns = (const char *const *)b->columns, .count = b->column_count};
    return csv_read(s->label, &columns, d, &s->values);
}

static rnnc_status read_kind(const dataset_request *request, const data_binding *b, data_source *s,
                             diag_sink *d) {
    switch (b->kind) {
    case DATA_NPY: return npy_read(s->label, d, &s->values);
    case DATA_IDX: return read_idx(s, d);
    case DATA_CSV: return read_csv(b, s, d);
    case DATA_CHARACTERS: return read_characters(request, s, d);
    case DATA_SERIES: return read_series(b, s, d);
    case DATA_AHEAD: break;
    }
    return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "%s: not a source", s->label);
}

static const char *recipe_words(const dataset_request *request, arena *memory) {
    const recipe *r = request->model->recipe;
    return r ? arena_printf(memory, "the recipe '%s'", r->name) : "the model";
}

rnnc_status data_source_read(const dataset_request *request, const data_binding *b, diag_sink *d,
                             arena *memory, data_source *out_source) {
    data_source *s = out_source;
    *s = (data_source){.input = b->input, .key = b->key, .divisor = 1};
    s->label = b->key ? find_path(request, b->key) : arena_printf(memory, "the series of '%s'", b->input);
    if (!s->label) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s needs a file for '%s': --data %s=FILE",
                         recipe_words(request, memory), b->input, b->key);
    }
    TRY(read_kind(request, b, s, d));
    if (s->values.rank == 0 || array_count(&s->values) == 0) {
        strbuf shape = {0};
        array_describe(&s->values, &shape);
        rnnc_status status = diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: there is no data in it: %s", s->label,
                                       strbuf_text(&shape));
        strbuf_deinit(&shape);
        return status;
    }
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

static rnnc_status check_tokens(data_source *s, const data_input *input, diag_sink *d) {
    if (array_kind_is_float(s->values.kind)) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: '%s' takes whole numbers, found %s", s->label,
                         input->name, array_kind_name(s->values.kind));
    }
    if (s->characters.count && input->classes && s->characters.count > input->classes) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN,
                         "%s: the text has %u different characters, '%s' is token(%lld); give the model's "
                         "parameter for it that value with --set NAME=%u",
                         s->label, s->characters.count, input->name, (long long)input->classes,
                         s->characters.count);
    }
    if (s->values.kind == ARRAY_I64) {
        TRY(convert_values(s, ARRAY_I32, d));
    }
    int64_t count = array_count(&s->values);
    for (int64_t i = 0; i < count; i++) {
        double token = array_to_double(&s->values, i);
        if (token < 0 || (input->classes && token >= (double)input->classes)) {
            char expected[96];
            snprintf(expected, sizeof expected, "'%.40s' is a token of 0 to %lld", input->name,
                     (long long)(input->classes ? input->classes - 1 : INT32_MAX));
            return refuse_value(s, i, expected, d);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_reals(data_source *s, const data_input *input, diag_sink *d) {
    bool narrow = s->values.kind == ARRAY_F16 || s->values.kind == ARRAY_BF16;
    if (narrow || s->values.kind == ARRAY_I64) {
        TRY(convert_values(s, narrow ? ARRAY_F32 : ARRAY_F64, d));
    }
    int64_t bad = array_find_non_finite(&s->values);
    if (bad >= 0) {
        return refuse_value(s, bad, "data must be finite numbers", d);
    }
    int64_t count = s->values.kind == ARRAY_F64 && input->type.elem == DT_F32 ? array_count(&s->values) : 0;
    for (int64_t i = 0; i < count; i++) {
        if (fabs(((const double *)s->values.data)[i]) > (double)FLT_MAX) {
            return refuse_value(s, i, "it does not fit in f32", d);
        }
    }
    return RNNC_OK;
}

rnnc_status data_source_check(data_source *s, const data_input *input, diag_sink *d) {
    if (s->values.kind == ARRAY_BOOL) {
        s->values.kind = ARRAY_U8;
    }
    return dtype_is_float(input->type.elem) ? check_reals(s, input, d) : check_tokens(s, input, d);
}
