#include "runtime/train/trainer.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "runtime/data/progress.h"
#include "runtime/train/state.h"

typedef struct trainer {
    const training *t;
    diag_sink *d;
    engine *engine;
    feed *feed;
    state_carrier *states;
    bool carry;
    weights *best; // a copy of the best weights so far
    double best_judged;
    measures best_validation;
    metrics_writer writer;
    bool writes;
    arena memory;
    progress bar;
    char title[48];
    int64_t bar_begin;  // step at which the bar began
    double bar_seconds; // when it did
    double places;      // since then
    training_result *result;
    measures epoch; // the epoch so far
    double begin;
} trainer;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---- Runs ----

// Schedules are nodes that read these: the epoch from 1, the step from 0.
static void put_setting(engine *e, const char *name, double value) {
    int input = engine_find_input(e, name);
    if (input < 0 || strcmp(engine_input_info(e, (uint32_t)input).role, "setting") != 0) {
        return;
    }
    int64_t count = 0;
    void *to = engine_input(e, (uint32_t)input, &count);
    if (engine_input_info(e, (uint32_t)input).type.elem == DT_F64) {
        *(double *)to = value;
    } else {
        *(float *)to = (float)value;
    }
}

static rnnc_status run_step(trainer *r, int64_t epoch) {
    int64_t step = r->result->steps;
    put_setting(r->engine, "epoch", (double)epoch);
    put_setting(r->engine, "step", (double)step);
    if (r->carry) {
        state_put(r->states);
    }
    TRY(engine_run(r->engine, r->t->seed, (uint64_t)step, r->d));
    if (r->carry) {
        state_take(r->states);
    }
    return RNNC_OK;
}

rnnc_status training_evaluate(machine *m, const dataset *data, data_part part, uint64_t seed, diag_sink *d,
                              measures *out_measures) {
    *out_measures = (measures){0};
    bool carry = data->recipe && data->recipe->carry_state;
    feed *f = NULL;
    state_carrier *states = NULL;
    TRY(feed_create(data, part, FEED_IN_ORDER, seed, d, &f));
    rnnc_status status = state_carrier_create(m->engine, data->batch, d, &states);
    feed_batch batch = {0};
    engine_begin(m->engine);
    while (status == RNNC_OK && (status = feed_next(f, m->engine, d, &batch)) == RNNC_OK && batch.rows) {
        if (carry) {
            state_put(states);
        }
        status = engine_run(m->engine, seed, 0, d);
        if (status == RNNC_OK) {
            measures_add(out_measures, m->engine, batch.rows);
        }
        if (carry && status == RNNC_OK) {
            state_take(states);
        }
    }
    engine_end(m->engine);
    state_carrier_destroy(states);
    feed_destroy(f);
    return status;
}

// ---- Progress ----

static bool by_steps(const trainer *r) {
    return r->t->epochs == 0;
}

static void start_bar(trainer *r, int64_t epoch) {
    const training *t = r->t;
    int64_t total = by_steps(r) ? t->max_steps : feed_steps(r->feed);
    int64_t allowed = t->max_steps ? t->max_steps - r->result->steps : total;
    if (by_steps(r)) {
        snprintf(r->title, sizeof r->title, "training");
    } else {
        snprintf(r->title, sizeof r->title, "epoch %lld/%lld", (long long)epoch, (long long)t->epochs);
    }
    progress_init(&r->bar, t->progress, r->title, total < allowed ? total : allowed);
    // Many epochs make a line each, few make several.
    r->bar.plain_interval = !by_steps(r) && t->epochs > 10 ? 2 : 0.1;
    r->bar_begin = r->result->steps;
    r->bar_seconds = seconds_now();
    r->places = 0;
}

static uint32_t progress_fields(const trainer *r, const measures *trained, const measures *validation,
                                progress_field *out_fields) {
    metric values[2 * (MEASURES_MOST + 3)];
    uint32_t count = trained ? measures_values(trained, values) : 0, first = count;
    count += validation ? measures_values(validation, values + count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = values[i].key;
        bool percent = strcmp(name, "accuracy") == 0;
        if (i >= first) {
            name = strcmp(name, "loss") == 0 ? "validation loss" : name;
        }
        out_fields[i] = (progress_field){name, values[i].value, percent ? PROGRESS_PERCENT : PROGRESS_VALUE};
    }
    const char *unit = r->t->data->batching != BATCH_STREAMS ? "examples/s"
                       : dataset_text(r->t->data)            ? "characters/s"
                                                             : "values/s";
    double seconds = seconds_now() - r->bar_seconds;
    out_fields[count++] = (progress_field){unit, seconds > 0 ? r->places / seconds : 0, PROGRESS_RATE};
    return count;
}

// By steps the numbers are those of the last whole epoch: an epoch may be a few steps.
static const measures *shown_measures(const trainer *r) {
    bool last = by_steps(r) && r->result->last.rows > 0;
    return last ? &r->result->last : &r->epoch;
}

static void update_bar(trainer *r) {
    progress_field fields[2 * (MEASURES_MOST + 3) + 1];
    if (r->t->progress) {
        uint32_t count = progress_fields(r, shown_measures(r), NULL, fields);
        progress_update(&r->bar, r->result->steps - r->bar_begin, fields, count);
    }
}

static void finish_bar(trainer *r) {
    progress_field fields[2 * (MEASURES_MOST + 3) + 1];
    if (r->t->progress) {
        const measures *validation = r->t->validation ? &r->result->validation : NULL;
        uint32_t count = progress_fields(r, &r->result->last, validation, fields);
        progress_finish(&r->bar, r->result->steps - r->bar_begin, fields, count);
    }
}

// ---- Epochs ----

static bool is_over(const trainer *r, int64_t epoch) {
    const training *t = r->t;
    return (t->epochs && epoch > t->epochs) || (t->max_steps && r->result->steps >= t->max_steps);
}

static rnnc_status train_batches(trainer *r, int64_t epoch) {
    feed_batch batch;
    feed_start_epoch(r->feed, epoch);
    state_clear(r->states);
    while (!r->t->max_steps || r->result->steps < r->t->max_steps) {
        TRY(feed_next(r->feed, r->engine, r->d, &batch));
        if (!batch.rows) {
            break;
        }
        TRY(run_step(r, epoch));
        double loss = measures_add(&r->epoch, r->engine, batch.rows);
        if (!isfinite(loss)) {
            return diag_fail(r->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "the loss is %g at step %lld (epoch %lld); a smaller rate or clip_norm may help",
                             loss, (long long)r->result->steps, (long long)epoch);
        }
        r->result->steps++;
        r->places += (double)batch.places;
        update_bar(r);
    }
    return RNNC_OK;
}

static rnnc_status keep_if_best(trainer *r, int64_t epoch, const measures *validation) {
    const recipe *how = r->t->data->recipe;
    r->result->validation = *validation;
    if (!how || how->keep == KEEP_LAST) {
        return RNNC_OK;
    }
    if (how->keep == KEEP_BEST_ACCURACY && !validation->has_classes) {
        return diag_fail(
            r->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "keep best accuracy: the model has no cross_entropy against classes to count right ones by");
    }
    // What is least is best: the loss, or the share of wrong classes.
    double judged =
        how->keep == KEEP_BEST_LOSS ? measures_loss(validation) : 1 - validation->correct / validation->count;
    if (r->best && !(judged < r->best_judged)) {
        return RNNC_OK;
    }
    if (!r->best) {
        TRY(weights_create(r->t->machine->variables, r->t->machine->variable_count, r->d, &r->best));
    }
    weights_copy(r->best, engine_weights(r->engine));
    r->best_judged = judged;
    r->result->best_epoch = epoch;
    r->best_validation = *validation;
    return RNNC_OK;
}

static rnnc_status write_metrics(trainer *r, int64_t epoch, const measures *validation) {
    metric values[2 * (MEASURES_MOST + 3) + 3];
    uint32_t count = 0;
    values[count++] = (metric){"epoch", (double)epoch};
    values[count++] = (metric){"step", (double)r->result->steps};
    count += measures_values(&r->epoch, values + count);
    uint32_t first = count;
    count += validation ? measures_values(validation, values + count) : 0;
    for (uint32_t i = first; i < count; i++) {
        values[i].key = arena_printf(&r->memory, "validation_%s", values[i].key);
    }
    values[count++] = (metric){"seconds", seconds_now() - r->begin};
    return metrics_write(&r->writer, values, count, r->d);
}

static rnnc_status validate(trainer *r, int64_t epoch, measures *out) {
    machine *m = r->t->validation;
    weights_copy(engine_weights(m->engine), engine_weights(r->engine));
    weights_changed(engine_weights(m->engine));
    TRY(training_evaluate(m, r->t->data, DATA_VALIDATION, r->t->seed, r->d, out));
    return keep_if_best(r, epoch, out);
}

static rnnc_status train_epoch(trainer *r, int64_t epoch) {
    bool validates = r->t->validation != NULL;
    measures validation = {0};
    r->epoch = (measures){0};
    engine_begin(r->engine);
    rnnc_status status = train_batches(r, epoch);
    engine_end(r->engine);
    TRY(status);
    if (validates) {
        TRY(validate(r, epoch, &validation));
    }
    // A last epoch that the steps cut short says less than the whole one before it.
    if (r->result->last.rows <= r->epoch.rows || !by_steps(r)) {
        r->result->last = r->epoch;
    }
    r->result->epochs = epoch;
    if (r->writes) {
        TRY(write_metrics(r, epoch, validates ? &validation : NULL));
    }
    return RNNC_OK;
}

static rnnc_status train_all(trainer *r) {
    const training *t = r->t;
    if (t->progress && by_steps(r)) {
        start_bar(r, 1);
    }
    int64_t epoch = 1;
    for (; !is_over(r, epoch); epoch++) {
        if (t->progress && !by_steps(r)) {
            start_bar(r, epoch);
        }
        rnnc_status status = train_epoch(r, epoch);
        if (status != RNNC_OK && t->progress) {
            progress_clear(&r->bar);
        }
        TRY(status);
        if (!by_steps(r) || is_over(r, epoch + 1)) {
            finish_bar(r);
        }
    }
    if (r->best) {
        weights_copy(engine_weights(r->engine), r->best);
        weights_changed(engine_weights(r->engine));
        r->result->validation = r->best_validation;
    }
    r->result->seconds = seconds_now() - r->begin;
    return RNNC_OK;
}

static rnnc_status prepare(trainer *r) {
    const training *t = r->t;
    if (!t->epochs && !t->max_steps) {
        return diag_fail(r->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "the recipe says neither epochs nor max_steps: --epochs N or --steps N");
    }
    if (t->metrics_path) {
        TRY(metrics_open(t->metrics_path, false, r->d, &r->writer));
        r->writes = true;
    }
    TRY(feed_create(t->data, DATA_TRAINING, FEED_SHUFFLED, t->seed, r->d, &r->feed));
    return state_carrier_create(r->engine, t->data->batch, r->d, &r->states);
}

rnnc_status training_run(const training *t, diag_sink *d, training_result *out_result) {
    *out_result = (training_result){0};
    trainer r = {.t = t, .d = d, .engine = t->machine->engine, .result = out_result, .begin = seconds_now()};
    r.carry = t->data->recipe && t->data->recipe->carry_state;
    arena_init(&r.memory);
    rnnc_status status = prepare(&r);
    status = status == RNNC_OK ? train_all(&r) : status;
    if (r.writes) {
        rnnc_status closed = metrics_close(&r.writer, d);
        status = status == RNNC_OK ? closed : status;
    }
    weights_destroy(r.best);
    state_carrier_destroy(r.states);
    feed_destroy(r.feed);
    arena_deinit(&r.memory);
    return status;
}
