// Which examples, windows or places a part of the data has.
#include "runtime/train/dataset.h"

static const char *part_words(data_part part) {
    return part == DATA_TRAINING ? "training" : part == DATA_VALIDATION ? "validation" : "the data";
}

static rnnc_status too_few(const dataset *s, const char *what, int64_t found, int64_t needed, diag_sink *d) {
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: %s; it has %lld, at least %lld are needed",
                     s->sources.count ? s->sources.at[0].label : "the data", what, (long long)found,
                     (long long)needed);
}

static rnnc_status range_of_examples(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t held = part == DATA_ALL ? 0 : s->validation_last;
    if (held >= s->places) {
        return too_few(s, "with the examples held out for validation none is left to train on", s->places,
                       held + 1, d);
    }
    *out = (data_range){0, s->places - held, s->batch, 0};
    if (part == DATA_VALIDATION) {
        *out = (data_range){s->places - held, s->places, s->batch, 0};
    }
    return RNNC_OK;
}

static rnnc_status range_of_windows(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t steps = s->extents[s->step_axis], whole = steps + s->reach;
    if (s->places < whole) {
        return too_few(s, "a window, with its targets, is longer than the data", s->places, whole, d);
    }
    int64_t windows = (s->places - whole) / s->stride + 1;
    int64_t held = part == DATA_ALL ? 0 : s->validation_last;
    // Training windows end before the first place of the held out ones.
    int64_t trained = held ? ((windows - held) * s->stride - whole) / s->stride + 1 : windows;
    bool none = held && (held >= windows || (windows - held) * s->stride < whole);
    if (none) {
        return too_few(s, "with the windows held out for validation none is left to train on", windows,
                       held + (whole + s->stride - 1) / s->stride, d);
    }
    *out = (data_range){0, trained, s->batch, 0};
    if (part == DATA_VALIDATION) {
        *out = (data_range){windows - held, windows, s->batch, 0};
    }
    return RNNC_OK;
}

static rnnc_status range_of_streams(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t held = part == DATA_ALL ? 0 : s->validation_last;
    int64_t begin = part == DATA_VALIDATION ? s->places - held : 0;
    int64_t end = part == DATA_TRAINING ? s->places - held : s->places;
    int64_t rows = s->batch, whole = (end - begin - s->reach) / s->extents[s->step_axis];
    // What is only looked at may be short: then there are fewer streams, each of a whole window if that can be.
    if (part != DATA_TRAINING && whole < rows) {
        rows = whole > 0 ? whole : 1;
    }
    if (begin < 0 || rows < 1 || end - begin - s->reach < rows) {
        return too_few(s,
                       part == DATA_TRAINING ? "not every stream gets a value to train on"
                                             : "nothing is left to be read in streams",
                       end - begin, s->reach + (part == DATA_TRAINING ? s->batch : 1), d);
    }
    *out = (data_range){begin, end, rows, (end - begin - s->reach) / rows};
    return RNNC_OK;
}

rnnc_status dataset_range(const dataset *s, data_part part, diag_sink *d, data_range *out_range) {
    if (part == DATA_VALIDATION && s->validation) {
        return dataset_range(s->validation, DATA_ALL, d, out_range);
    }
    if (part == DATA_VALIDATION && s->validation_last == 0) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "nothing is held out for %s", part_words(part));
    }
    switch (s->batching) {
    case BATCH_EXAMPLES: return range_of_examples(s, part, d, out_range);
    case BATCH_WINDOWS:
    case BATCH_RANDOM_WINDOWS: return range_of_windows(s, part, d, out_range);
    case BATCH_STREAMS: return range_of_streams(s, part, d, out_range);
    }
    return RNNC_INTERNAL;
}
