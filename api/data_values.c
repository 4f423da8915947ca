// What data hold, for callers who look at it themselves, and the files of vocabularies that lie beside weights.
#include <string.h>

#include "api/data.h"

static const data_input *find_input(const rnnc_data *data, const char *name) {
    const data_input *at = dataset_find_input(data->set, name);
    return at && at->source != UINT32_MAX ? at : NULL;
}

// As they were read: feeds divide them and round them to the input's type.
static rnnc_status convert(const data_source *s, bool real, diag_sink *d, array *out_values) {
    array_kind kind = real ? ARRAY_F64 : ARRAY_I32;
    TRY(array_create(kind, s->values.rank, s->values.dim, s->label, d, out_values));
    for (int64_t i = 0; i < array_count(out_values); i++) {
        double x = array_to_double(&s->values, i);
        if (real) {
            ((double *)out_values->data)[i] = x / s->divisor;
        } else {
            ((int32_t *)out_values->data)[i] = (int32_t)x;
        }
    }
    return RNNC_OK;
}

static rnnc_status copy_values(const rnnc_data *data, const char *input, diag_sink *d,
                               rnnc_array **out_values) {
    const data_input *found = find_input(data, input);
    if (!found) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there are no data for '%s'", input);
    }
    const data_source *s = &data->set->sources.at[found->source];
    array values = {0};
    TRY(convert(s, dtype_is_float(found->type.elem), d, &values));
    const allocator memory = {0};
    rnnc_status status = api_array_create(&memory, &values, s->label, d, out_values);
    array_deinit(&values);
    return status;
}

rnnc_status rnnc_data_values(const rnnc_data *data, const char *input, rnnc_diagnostics *diagnostics,
                             rnnc_array **out_values) {
    if (!data || !input || !out_values) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "values are of data and one of their inputs, and need a place to be put");
    }
    *out_values = NULL;
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, copy_values(data, input, &sink, out_values));
    diag_deinit(&sink);
    return status;
}

rnnc_status rnnc_data_save_vocabularies(const rnnc_data *data, const char *weights_path,
                                        rnnc_diagnostics *diagnostics) {
    if (!data || !weights_path) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "vocabularies are of data, and lie beside a path");
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, save_vocabularies(weights_path, data->set, &sink));
    diag_deinit(&sink);
    return status;
}
