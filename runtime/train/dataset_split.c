// Which examples, windows or places a part of the data has.
#include "runtime/train/dataset.h"

static rnnc_status too_few(const dataset *s, const char *what, int64_t found, int64_t needed, diag_sink *d) {
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: %s; it has %lld, at least %lld are needed",
                     s->sources.count ? s->sources.at[0].label : "the data", what, (long long)found,
                     (long long)needed);
}

// How many units at the end of the data are held out by one who asks for |part|.
static int64_t held_for_test(const dataset *s, data_part part) {
    return part == DATA_ALL ? 0 : s->test_last;
}

static int64_t held_for_validation(const dataset *s, data_part part) {
    return part == DATA_ALL ? 0 : s->validation_last;
}

static rnnc_status range_of_examples(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t tested = held_for_test(s, part), validated = held_for_validation(s, part);
    if (tested + validated >= s->places) {
        return too_few(s, "with the examples that are held out none is left to train on", s->places,
                       tested + validated + 1, d);
    }
    int64_t test = s->places - tested, validation = test - validated;
    *out = (data_range){0, validation, s->batch, 0};
    if (part == DATA_VALIDATION || part == DATA_TEST) {
        out->begin = part == DATA_TEST ? test : validation;
        out->end = part == DATA_TEST ? s->places : test;
    }
    return RNNC_OK;
}

// How many windows end before the first place of window number |n|; negative or 0 if none does.
static int64_t windows_before(const dataset *s, int64_t n, int64_t whole) {
    return n * s->stride < whole ? 0 : (n * s->stride - whole) / s->stride + 1;
}

static rnnc_status range_of_windows(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t steps = s->extents[s->step_axis], whole = steps + s->reach;
    if (s->places < whole) {
        return too_few(s, "a window, with its targets, is longer than the data", s->places, whole, d);
    }
    int64_t windows = (s->places - whole) / s->stride + 1;
    int64_t tested = held_for_test(s, part), validated = held_for_validation(s, part);
    // The windows of a part end before the first place of those of the next.
    int64_t seen = tested ? windows_before(s, windows - tested, whole) : windows;
    int64_t trained = validated ? windows_before(s, seen - validated, whole) : seen;
    if (trained < 1) {
        int64_t gap = (whole + s->stride - 1) / s->stride;
        return too_few(s, "with the windows that are held out none is left to train on", windows,
                       tested + validated + (tested ? gap : 0) + (validated ? gap : 0), d);
    }
    *out = (data_range){0, trained, s->batch, 0};
    if (part == DATA_VALIDATION || part == DATA_TEST) {
        out->begin = part == DATA_TEST ? windows - tested : seen - validated;
        out->end = part == DATA_TEST ? windows : seen;
    }
    return RNNC_OK;
}

static rnnc_status range_of_streams(const dataset *s, data_part part, diag_sink *d, data_range *out) {
    int64_t test = s->places - held_for_test(s, part), validation = test - held_for_validation(s, part);
    int64_t begin = part == DATA_TEST ? test : part == DATA_VALIDATION ? validation : 0;
    int64_t end = part == DATA_TRAINING ? validation : part == DATA_VALIDATION ? test : s->places;
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

data_part dataset_evaluated(const dataset *s) {
    return s->test_last ? DATA_TEST : DATA_ALL;
}

rnnc_status dataset_range(const dataset *s, data_part part, diag_sink *d, data_range *out_range) {
    if (part == DATA_VALIDATION && s->validation) {
        return dataset_range(s->validation, DATA_ALL, d, out_range);
    }
    bool none = part == DATA_VALIDATION ? s->validation_last == 0 : part == DATA_TEST && s->test_last == 0;
    if (none) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "nothing is held out for %s",
                         part == DATA_TEST ? "a test" : "validation");
    }
    switch (s->batching) {
    case BATCH_EXAMPLES: return range_of_examples(s, part, d, out_range);
    case BATCH_WINDOWS:
    case BATCH_RANDOM_WINDOWS: return range_of_windows(s, part, d, out_range);
    case BATCH_STREAMS: return range_of_streams(s, part, d, out_range);
    }
    return RNNC_INTERNAL;
}

int64_t dataset_left_over(const dataset *s, const data_range *range) {
    return range->end - range->begin - s->reach - range->rows * range->length;
}
