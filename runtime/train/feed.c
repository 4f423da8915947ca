#include "runtime/train/feed.h"

#include <stdlib.h>
#include <string.h>

#include "support/philox.h"

struct feed {
    const dataset *data;
    data_range range;
    feed_order order;
    uint64_t seed;
    int64_t epoch;
    int64_t at;           // batches given
    int64_t *permutation; // shuffled examples or windows, from the range's begin; else NULL
    int64_t *first;       // by row of a batch: its example or place
};

// ---- Random choices ----

// Word pair number |index| of the stream for (seed, what, epoch) as a 64-bit number.
static uint64_t draw(uint64_t seed, const char *what, int64_t epoch, int64_t index) {
    const uint32_t key[2] = {(uint32_t)seed ^ philox_site(what), (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)((uint64_t)index >> 32), (uint32_t)epoch, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return (uint64_t)word[1] << 32 | word[0];
}

// A number of [0, bound).
static int64_t below(uint64_t word, int64_t bound) {
    return (int64_t)(word % (uint64_t)bound);
}

// Fisher and Yates.
void shuffled_order(int64_t *order, int64_t count, uint64_t seed, int64_t epoch) {
    for (int64_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (int64_t i = count; i-- > 1;) {
        int64_t j = below(draw(seed, "feed.order", epoch, i), i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

// ---- Life ----

rnnc_status feed_create(const dataset *s, data_part part, feed_order order, uint64_t seed, diag_sink *d,
                        feed **out_feed) {
    data_range range;
    if (part == DATA_VALIDATION && s->validation) {
        return feed_create(s->validation, DATA_ALL, order, seed, d, out_feed);
    }
    TRY(dataset_range(s, part, d, &range));
    feed *f = calloc(1, sizeof *f);
    int64_t units = range.end - range.begin;
    bool permuted = order == FEED_SHUFFLED && (s->batching == BATCH_EXAMPLES || s->batching == BATCH_WINDOWS);
    int64_t *permutation = permuted ? calloc((size_t)units, sizeof *permutation) : NULL;
    int64_t rows = range.rows < units ? range.rows : units;
    int64_t *first = calloc((size_t)rows, sizeof *first);
    if (!f || !first || (permuted && !permutation)) {
        free(f);
        free(first);
        free(permutation);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the order of %lld examples",
                         (long long)units);
    }
    *f = (feed){
        .data = s, .range = range, .order = order, .seed = seed, .permutation = permutation, .first = first};
    f->range.rows = rows;
    feed_start_epoch(f, 1);
    *out_feed = f;
    return RNNC_OK;
}

void feed_destroy(feed *f) {
    if (f) {
        free(f->permutation);
        free(f->first);
        free(f);
    }
}

static bool in_streams(const feed *f) {
    return f->data->batching == BATCH_STREAMS;
}

static int64_t quotient_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

// Steps from one window of a stream to the next.
static int64_t advance_of(const feed *f) {
    bool overlaps = f->order == FEED_SHUFFLED && f->data->advance;
    return overlaps ? f->data->advance : f->data->extents[f->data->step_axis];
}

int64_t feed_steps(const feed *f) {
    if (in_streams(f)) {
        return quotient_up(f->range.length, advance_of(f));
    }
    return quotient_up(f->range.end - f->range.begin, f->range.rows);
}

void feed_start_epoch(feed *f, int64_t epoch) {
    f->epoch = epoch;
    f->at = 0;
    if (f->permutation) {
        shuffled_order(f->permutation, f->range.end - f->range.begin, f->seed, epoch);
    }
}

void feed_skip(feed *f, int64_t batches) {
    int64_t steps = feed_steps(f);
    f->at = batches < steps ? batches : steps;
}

// ---- Where the rows of a batch begin ----

static int64_t unit_of_row(const feed *f, int64_t number) {
    int64_t units = f->range.end - f->range.begin;
    if (f->permutation) {
        return f->range.begin + f->permutation[number];
    }
    bool drawn = f->order == FEED_SHUFFLED && f->data->batching == BATCH_RANDOM_WINDOWS;
    return f->range.begin + (drawn ? below(draw(f->seed, "feed.windows", f->epoch, number), units) : number);
}

// Where in its stream window number |i| begins, and where it ends.
static int64_t window_end(const feed *f, int64_t i) {
    int64_t end = (i + 1) * advance_of(f);
    return end < f->range.length ? end : f->range.length;
}

static int64_t window_begin(const feed *f, int64_t i) {
    int64_t begin = (i + 1) * advance_of(f) - f->data->extents[f->data->step_axis];
    return begin > 0 ? begin : 0;
}

static feed_batch place_streams(feed *f) {
    int64_t begin = window_begin(f, f->at), end = window_end(f, f->at), rows = f->range.rows;
    int64_t seen = f->at ? window_end(f, f->at - 1) : 0;
    for (int64_t row = 0; row < rows; row++) {
        f->first[row] = f->range.begin + row * f->range.length + begin;
    }
    return (feed_batch){
        .rows = rows,
        .places = rows * (end - seen),
        .steps = end - begin,
        .context = seen - begin,
        .carried = window_begin(f, f->at + 1) - begin,
    };
}

static int64_t example_of(const dataset *s, int64_t unit) {
    return s->order ? s->order[unit] : unit;
}

// Fills |first|: the next batch.
static feed_batch place_rows(feed *f) {
    const dataset *s = f->data;
    if (in_streams(f)) {
        return place_streams(f);
    }
    int64_t steps = s->step_axis == NO_AXIS ? 1 : s->extents[s->step_axis];
    int64_t done = f->at * f->range.rows, left = f->range.end - f->range.begin - done;
    int64_t rows = left < f->range.rows ? left : f->range.rows;
    for (int64_t row = 0; row < rows; row++) {
        int64_t unit = unit_of_row(f, done + row);
        f->first[row] = s->batching == BATCH_EXAMPLES ? example_of(s, unit) : unit * s->stride;
    }
    return (feed_batch){.rows = rows, .places = rows, .steps = steps, .carried = steps};
}

// ---- Copying ----

#define COPY(FROM, TO)                                                   \
    for (int64_t i = 0; i < count; i++) {                                \
        ((TO *)to)[to_at + i] = (TO)(((const FROM *)from)[from_at + i]); \
    }
#define COPY_DIVIDED(FROM, TO)                                                                  \
    for (int64_t i = 0; i < count; i++) {                                                       \
        ((TO *)to)[to_at + i] = (TO)((double)(((const FROM *)from)[from_at + i]) / s->divisor); \
    }
#define COPY_FROM(FROM)                            \
    switch (elem) {                                \
    case DT_F32: COPY_DIVIDED(FROM, float) break;  \
    case DT_F64: COPY_DIVIDED(FROM, double) break; \
    default: COPY(FROM, int32_t) break;            \
    }                                              \
    break;

// |count| elements of |s| from number |from_at| on to |to|, of type |elem|, from |to_at| on. Only values that fit
// come this far.
static void copy_elements(const data_source *s, int64_t from_at, int64_t count, dtype elem, void *to,
                          int64_t to_at) {
    const void *from = s->values.data;
    switch (s->values.kind) {
    case ARRAY_F32: COPY_FROM(float)
    case ARRAY_F64: COPY_FROM(double)
    case ARRAY_I32: COPY_FROM(int32_t)
    case ARRAY_U16: COPY_FROM(uint16_t)
    default: COPY_FROM(uint8_t)
    }
}

// Tokens of rows that have lengths of their own; zeros behind them.
static void fill_rows(const feed *f, const data_source *source, int64_t rows, const int64_t *extents,
                      axis_set axes, int32_t *to) {
    int64_t steps = 1; // of the one axis that there is
    for (int a = 1; a < MAX_AXES; a++) {
        steps *= axes & AXIS_BIT(a) ? extents[a] : 1;
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t begin = source->starts[f->first[row]], length = source->starts[f->first[row] + 1] - begin;
        for (int64_t p = 0; p < steps; p++) {
            int64_t at = p * rows + row;
            if (p < length) {
                copy_elements(source, begin + p, 1, DT_I32, to, at);
            } else {
                to[at] = 0;
            }
        }
    }
}

// Rows lie one after the other in the source and side by side at each position in the engine.
static void fill_input(const feed *f, const data_input *input, int64_t rows, int64_t steps,
                       const int64_t *extents, void *to) {
    const dataset *s = f->data;
    const graph *g = s->model->graph;
    const data_source *source = &s->sources.at[input->source];
    if (source->starts) {
        fill_rows(f, source, rows, extents, input->type.axes, to);
        return;
    }
    int64_t columns = type_columns(input->type), positions = 1, per_unit = 1, shift = input->shift;
    for (uint32_t a = 1; a < g->axes.count; a++) {
        bool has = input->type.axes & AXIS_BIT(a);
        positions *= !has ? 1 : (int)a == s->step_axis ? steps : s->extents[a];
    }
    if (s->batching == BATCH_EXAMPLES) {
        per_unit = positions;
    } else if (!(input->type.axes & AXIS_BIT(s->step_axis))) {
        shift += steps - 1;
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t from = (f->first[row] * per_unit + shift) * columns;
        for (int64_t p = 0; p < positions; p++) {
            int64_t place = graph_declared_position(g, input->type.axes, s->extents, p);
            copy_elements(source, from + place * columns, columns, input->type.elem, to,
                          (p * rows + row) * columns);
        }
    }
}

// ---- Rows of their own lengths ----

// A batch is as long as the longest of its rows, but where all runs are equally long.
static void fit_extents(const feed *f, const engine *e, int64_t rows, int64_t *extents) {
    const dataset *s = f->data;
    for (int a = 1; a < (int)s->model->graph->axes.count; a++) {
        const data_source *source = engine_is_fixed(e, a) ? NULL : data_rows_of_axis(s, a);
        int64_t longest = 1;
        for (int64_t row = 0; source && row < rows; row++) {
            int64_t length = source->starts[f->first[row] + 1] - source->starts[f->first[row]];
            longest = length > longest ? length : longest;
        }
        extents[a] = source ? longest : extents[a];
    }
}

// "T.lengths" belongs to the axis "T".
static void fill_lengths(const feed *f, const data_input *input, const engine *e, int32_t *to,
                         int64_t count) {
    const char *dot = strrchr(input->name, '.');
    char axis[64] = {0};
    size_t length = dot ? (size_t)(dot - input->name) : 0;
    memcpy(axis, input->name, length < sizeof axis ? length : sizeof axis - 1);
    int number = engine_find_axis(e, axis);
    const data_source *source = number == NO_AXIS ? NULL : data_rows_of_axis(f->data, number);
    int64_t full = number == NO_AXIS ? 1 : engine_extents(e)[number];
    for (int64_t i = 0; i < count; i++) {
        int64_t row = f->first[i];
        to[i] = (int32_t)(source ? source->starts[row + 1] - source->starts[row] : full);
    }
}

feed_batch feed_advance(feed *f, const engine *e, int64_t *out_extents) {
    const dataset *s = f->data;
    if (f->at == feed_steps(f)) {
        return (feed_batch){0};
    }
    feed_batch batch = place_rows(f);
    f->at++;
    memcpy(out_extents, s->extents, sizeof s->extents);
    out_extents[AXIS_BATCH] = batch.rows;
    if (s->step_axis != NO_AXIS) {
        out_extents[s->step_axis] = batch.steps;
    }
    fit_extents(f, e, batch.rows, out_extents);
    return batch;
}

void feed_fill(const feed *f, const feed_batch *batch, engine *e) {
    const dataset *s = f->data;
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        const data_input *input = &s->inputs.at[i];
        int number = input->is_unfilled ? -1 : engine_find_input(e, input->name);
        int64_t count;
        void *to = number < 0 ? NULL : engine_input(e, (uint32_t)number, &count);
        if (to && input->is_lengths) {
            fill_lengths(f, input, e, to, count);
        } else if (to) {
            fill_input(f, input, batch->rows, batch->steps, engine_extents(e), to);
        }
    }
}

rnnc_status feed_next(feed *f, engine *e, diag_sink *d, feed_batch *out_batch) {
    int64_t extents[MAX_AXES];
    *out_batch = feed_advance(f, e, extents);
    if (out_batch->rows) {
        TRY(engine_set_extents(e, extents, d));
        feed_fill(f, out_batch, e);
    }
    return RNNC_OK;
}
