// Batches of data, for loops of the caller's.
#include <stdlib.h>
#include <string.h>

#include "api/data.h"
#include "runtime/train/overlap.h"

struct rnnc_feed {
    rnnc_data *data;
    feed *feed;
    bool trains;         // its batches overlap where the recipe says so
    int64_t epoch, done; // batches of the epoch that were given
};

rnnc_status api_check_data(const rnnc_context *c, const rnnc_data *data, bool trains, rnnc_diagnostics *d) {
    const rnnc_program *p = c->program;
    TRY(api_check_free(c, d));
    if (p->source != data->model) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "the data were opened for another model");
    }
    if (trains && p->purpose == RNNC_TRAIN && data->set->advance && !p->overlaps) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "the recipe's windows overlap: compile the program with rnnc_compile_options::data");
    }
    return RNNC_OK;
}

rnnc_status rnnc_feed_create(rnnc_data *data, rnnc_part part, rnnc_order order, uint64_t seed,
                             rnnc_diagnostics *diagnostics, rnnc_feed **out_feed) {
    if (!data || !out_feed || (order != RNNC_IN_ORDER && order != RNNC_SHUFFLED)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a feed needs data, an order and a place to be put");
    }
    *out_feed = NULL;
    data_part wanted;
    TRY(api_part_of(data, part, diagnostics, &wanted));
    rnnc_feed *f = calloc(1, sizeof *f);
    if (!f) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a feed");
    }
    *f = (rnnc_feed){.data = data, .trains = order == RNNC_SHUFFLED, .epoch = 1};
    diag_sink sink;
    diag_init(&sink);
    feed_order how = f->trains ? FEED_SHUFFLED : FEED_IN_ORDER;
    rnnc_status status = feed_create(data->set, wanted, how, seed, &sink, &f->feed);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    if (status != RNNC_OK) {
        free(f);
        return status;
    }
    rnnc_data_retain(data);
    *out_feed = f;
    return RNNC_OK;
}

void rnnc_feed_destroy(rnnc_feed *f) {
    if (f) {
        feed_destroy(f->feed);
        rnnc_data_release(f->data);
        free(f);
    }
}

int64_t rnnc_feed_batches(const rnnc_feed *f) {
    return f ? feed_steps(f->feed) : 0;
}

static void place(rnnc_feed *f, int64_t epoch, int64_t done) {
    feed_start_epoch(f->feed, epoch);
    feed_skip(f->feed, done);
    f->epoch = epoch;
    f->done = done;
}

rnnc_status rnnc_feed_start(rnnc_feed *f, int64_t epoch, int64_t done) {
    if (!f || epoch < 1 || done < 0) {
        return RNNC_INVALID_ARGUMENT;
    }
    place(f, epoch, done);
    return RNNC_OK;
}

// ---- Into a context ----

static const data_input *find_data(const dataset *set, const char *name) {
    const data_input *at = dataset_find_input(set, name);
    return at && !at->is_unfilled ? at : NULL;
}

// What the data have is read from the engine's own arrays, which they are copied to.
static void take_inputs(rnnc_context *c, const dataset *set) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        const program_value *v = api_input_of(c, i);
        if (!find_data(set, v->name)) {
            continue;
        }
        if (c->inputs[i].begin) {
            api_change_input(c, i, v);
            engine_bind_input(c->engine, c->program->inputs[i].index, NULL, NULL);
        }
        c->given[i] = true;
    }
    c->waiting = false;
}

static void take_states(rnnc_context *c, const dataset *set) {
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        uint32_t number = c->program->states[i].index;
        const program_value *v = &c->program->program->inputs.at[number];
        if (find_data(set, v->name)) {
            int64_t count = 0;
            const void *from = engine_input(c->engine, number, &count);
            memcpy(c->states[i].data, from, (size_t)count * (size_t)dtype_bytes(v->type.elem));
        }
    }
}

rnnc_status rnnc_feed_next(rnnc_feed *f, rnnc_context *c, rnnc_diagnostics *diagnostics, int64_t *out_rows) {
    if (!f || !c || !out_rows) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "feeding needs a feed, a context and a place for rows");
    }
    *out_rows = 0;
    TRY(api_check_data(c, f->data, f->trains, diagnostics));
    const dataset *set = f->data->set;
    bool carries = set->recipe && set->recipe->carry_state;
    int64_t extents[MAX_AXES];
    feed_batch batch = feed_advance(f->feed, c->engine, extents);
    if (!batch.rows) {
        return RNNC_OK;
    }
    rnnc_status status = api_change_extents(c, extents, diagnostics);
    if (status != RNNC_OK) {
        place(f, f->epoch, f->done);
        return status;
    }
    c->stepping = false;
    take_inputs(c, set);
    feed_fill(f->feed, &batch, c->engine);
    overlap_put(c->engine, &batch);
    // Where overlapping windows begin at the same place, at the begin of a stream, the states of a run are zeros, too.
    if (!carries || f->done == 0) {
        api_clear_states(c);
    }
    take_states(c, set);
    f->done++;
    *out_rows = batch.rows;
    return RNNC_OK;
}
