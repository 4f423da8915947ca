// Which words of a text training sees, before the text has become data: its vocabulary is theirs.
#include <string.h>

#include "runtime/train/dataset.h"

static bool has_rows(const data_binding *b) {
    return b->kind != DATA_WORDS;
}

static const data_binding *find_binding(const recipe *r, const char *input) {
    for (uint32_t i = 0; i < r->data.count; i++) {
        if (strcmp(r->data.at[i].input, input) == 0) {
            return &r->data.at[i];
        }
    }
    return NULL;
}

// How far ahead the recipe's inputs look.
static int64_t reach_of(const recipe *r) {
    int64_t reach = 0;
    for (uint32_t i = 0; i < r->data.count; i++) {
        const data_binding *at = &r->data.at[i];
        int64_t shift = at->by;
        for (uint32_t jumps = 0; at && at->kind == DATA_AHEAD && jumps < r->data.count; jumps++) {
            at = find_binding(r, at->of);
            shift += at ? at->by : 0;
        }
        reach = shift > reach ? shift : reach;
    }
    return reach;
}

// As much of a dataset of |places| lines or words as dataset_range looks at.
static dataset outline_of(const dataset_request *request, int64_t places) {
    const recipe *r = request->model->recipe;
    dataset s = {.model = request->model,
                 .recipe = r,
                 .batching = r->batching,
                 .batch = r->batch,
                 .stride = r->batching == BATCH_WINDOWS ? r->stride : 1,
                 .validation_last = r->validation_keys.count ? 0 : r->validation_last,
                 .test_last = request->no_test ? 0 : r->test_last,
                 .step_axis = NO_AXIS,
                 .places = places};
    if (s.batching != BATCH_EXAMPLES) {
        s.step_axis = r->steps[0].axis;
        s.extents[s.step_axis] = r->steps[0].extent;
        s.reach = reach_of(r);
    }
    return s;
}

// The first lines or words, which are the training part.
static int64_t trained_places(const dataset_request *request, int64_t places) {
    dataset s = outline_of(request, places);
    data_range range;
    diag_sink unheard; // what does not fit is told when the data is there
    diag_init(&unheard);
    rnnc_status status = dataset_range(&s, DATA_TRAINING, &unheard, &range);
    diag_deinit(&unheard);
    if (status != RNNC_OK) {
        return places;
    }
    bool windows = s.batching == BATCH_WINDOWS || s.batching == BATCH_RANDOM_WINDOWS;
    return windows ? (range.end - 1) * s.stride + s.extents[s.step_axis] + s.reach : range.end;
}

// The first lines of each file.
static uint32_t trained_of_each(const dataset_request *request, const data_source *s, const word_text *t,
                                word_range *out) {
    dataset outline = outline_of(request, (int64_t)t->lines);
    int64_t held = outline.validation_last + outline.test_last, begin = 0;
    for (uint32_t i = 0; i < s->file_count; i++) {
        int64_t rows = s->file_rows[i], trained = rows > held ? rows - held : rows;
        out[i] = (word_range){t->line[begin], t->line[begin + trained]};
        begin += rows;
    }
    return s->file_count;
}

uint32_t data_trained_words(const dataset_request *request, const data_binding *b, const data_source *s,
                            const word_text *t, arena *memory, word_range **out_ranges) {
    const recipe *r = request->given_only ? NULL : request->model->recipe;
    *out_ranges = NULL;
    bool held = r && (r->validation_last || r->test_last);
    if (!held || (r->batching != BATCH_EXAMPLES && r->step_axis_count != 1)) {
        return 0;
    }
    word_range *ranges = arena_new_array(memory, word_range, s->file_count + 1);
    *out_ranges = ranges;
    bool each = r->batching == BATCH_EXAMPLES && (r->validation_of_each || r->test_of_each);
    if (each && has_rows(b)) {
        return trained_of_each(request, s, t, ranges);
    }
    int64_t places = (int64_t)(has_rows(b) ? t->lines : t->count), trained = trained_places(request, places);
    ranges[0] = (word_range){0, has_rows(b) ? t->line[trained] : (size_t)trained};
    return 1;
}
