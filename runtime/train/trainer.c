#include "runtime/train/trainer.h"

#include <math.h>
#include <string.h>

#include "runtime/train/overlap.h"
#include "runtime/train/trainer_parts.h"
#include "support/clock.h"

double trainer_now(void) {
    return 1e-9 * (double)clock_nanoseconds();
}

bool trainer_by_steps(const trainer *r) {
    return r->t->epochs == 0;
}

// ---- Evaluation ----

typedef struct evaluation {
    machine *machine;
    const dataset *data;
    uint64_t seed;
    const trainer *asks; // who may stop it; NULL: nobody
    feed *feed;
    state_carrier *states; // NULL: none are carried
} evaluation;

static bool is_told_to_stop(const trainer *r) {
    const training *t = r->t;
    bool told = t->stop && t->stop(t->user);
    r->result->end = told ? TRAINING_STOPPED : r->result->end;
    if (!told && t->slot_seconds > 0 && trainer_now() - r->begin >= t->slot_seconds) {
        r->result->end = TRAINING_OUT_OF_TIME;
    }
    return r->result->end != TRAINING_DONE;
}

static rnnc_status evaluate_batches(const evaluation *v, diag_sink *d, measures *m) {
    engine *e = v->machine->engine;
    feed_batch batch;
    while (!v->asks || !is_told_to_stop(v->asks)) {
        TRY(feed_next(v->feed, e, d, &batch));
        if (!batch.rows) {
            break;
        }
        if (v->states) {
            state_put(v->states);
        }
        TRY(engine_run(e, v->seed, 0, d));
        measures_add(m, e, batch.rows);
        if (v->states) {
            state_take(v->states);
        }
    }
    return RNNC_OK;
}

static rnnc_status evaluate(evaluation *v, data_part part, diag_sink *d, measures *out_measures) {
    *out_measures = (measures){0};
    bool carry = v->data->recipe && v->data->recipe->carry_state;
    TRY(feed_create(v->data, part, FEED_IN_ORDER, v->seed, d, &v->feed));
    rnnc_status status =
        carry ? state_carrier_create(v->machine->engine, v->data->batch, d, &v->states) : RNNC_OK;
    if (status == RNNC_OK) {
        engine_begin(v->machine->engine);
        status = evaluate_batches(v, d, out_measures);
        engine_end(v->machine->engine);
    }
    state_carrier_destroy(v->states);
    feed_destroy(v->feed);
    return status;
}

rnnc_status training_evaluate(machine *m, const dataset *data, data_part part, uint64_t seed, diag_sink *d,
                              measures *out_measures) {
    evaluation v = {.machine = m, .data = data, .seed = seed};
    return evaluate(&v, part, d, out_measures);
}

// ---- A step ----

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

static rnnc_status run_step(trainer *r, const feed_batch *batch) {
    overlap_put(r->engine, batch);
    put_setting(r->engine, UPDATE_EPOCH, (double)r->at.epoch);
    put_setting(r->engine, UPDATE_STEP, (double)r->at.step);
    put_setting(r->engine, UPDATE_PLATEAUS, (double)r->at.patience.plateaus);
    if (r->t->rate) {
        put_setting(r->engine, UPDATE_BASE_RATE, *r->t->rate);
    }
    if (r->carry) {
        state_put(r->states);
    }
    TRY(engine_run(r->engine, r->t->seed, (uint64_t)r->at.step, r->d));
    // The next batch may begin where this one did: with the state that is carried already.
    if (r->carry && batch->carried) {
        state_take(r->states);
    }
    return RNNC_OK;
}

// What the step was, which is counted already. An update that the guard has left out is not measured, and what its
// states have become is not carried on.
static rnnc_status measure_step(trainer *r, int64_t rows) {
    const recipe *how = r->t->data->recipe;
    measures before = r->at.sums;
    double loss = measures_add(&r->at.sums, r->engine, rows);
    bool made = update_watch_read(&r->watch, &r->at.updates, loss, r->at.step);
    if (!made) {
        r->at.sums = before;
        state_clear(r->states);
    }
    r->result->skipped = r->at.updates.skipped_in_all;
    bool over = made ? !isfinite(loss) : how && r->watch.skipped_in_a_row >= how->skip_limit;
    return over ? update_watch_diverged(&r->watch, r->t->data->model, r->at.step, r->at.epoch, r->d)
                : RNNC_OK;
}

// Trains on the next batch. |*out_whole|: there was none, the epoch is over.
static rnnc_status train_step(trainer *r, bool *out_whole) {
    feed_batch batch;
    TRY(feed_next(r->feed, r->engine, r->d, &batch));
    *out_whole = batch.rows == 0;
    if (*out_whole) {
        return RNNC_OK;
    }
    TRY(run_step(r, &batch));
    r->at.step++;
    TRY(measure_step(r, batch.rows));
    r->at.batch++;
    r->result->steps = r->at.step;
    r->places += (double)batch.places;
    r->speed.places += (double)batch.places;
    report_step(r);
    report_news(r, NULL);
    return RNNC_OK;
}

// ---- When to save and when to end ----

static bool are_steps_done(const trainer *r) {
    return r->t->max_steps && r->at.step >= r->t->max_steps;
}

static bool has_waited(const trainer *r) {
    const recipe *how = r->t->data->recipe;
    return how && how->patience && r->at.patience.waited >= how->patience;
}

// Between epochs. An epoch that the steps cut short has to be closed first.
static bool is_over(const trainer *r) {
    return (has_waited(r) && r->at.batch == 0) || (r->t->epochs && r->at.epoch > r->t->epochs) ||
           (are_steps_done(r) && r->at.batch == 0);
}

static bool must_stop(const trainer *r) {
    bool used_up = r->t->slot_steps && r->at.step - r->steps_before >= r->t->slot_steps;
    if (used_up) {
        r->result->end = TRAINING_OUT_OF_STEPS;
    }
    return used_up || is_told_to_stop(r);
}

// The workers sleep while the disk is busy.
static rnnc_status save_between_steps(trainer *r) {
    int64_t every = r->t->checkpoints.every;
    if (!every || r->at.step % every) {
        return RNNC_OK;
    }
    engine_end(r->engine);
    rnnc_status status = save_checkpoint(r);
    engine_begin(r->engine);
    return status;
}

// ---- An epoch ----

// Also of an epoch that was begun in an earlier run: there the states and sums are as they were.
static void begin_epoch(trainer *r) {
    feed_start_epoch(r->feed, r->at.epoch);
    feed_skip(r->feed, r->at.batch);
    if (r->at.batch == 0) {
        state_clear(r->states);
        r->at.sums = (measures){0};
        update_sums_start_epoch(&r->at.updates);
    }
    r->busy += r->speed.seconds;
    r->speed = (speed_count){.begin = trainer_now(), .counted = r->at.sums.count};
}

static rnnc_status train_batches(trainer *r) {
    bool whole = false;
    while (!are_steps_done(r) && !must_stop(r)) {
        TRY(train_step(r, &whole));
        if (whole) {
            break;
        }
        TRY(save_between_steps(r));
    }
    return RNNC_OK;
}

// What a validation is judged by. What is least is best: the loss, or the share of wrong classes.
static rnnc_status judge(const trainer *r, const measures *validation, double *out_judged) {
    const recipe *how = r->t->data->recipe;
    if (!how || how->keep != KEEP_BEST_ACCURACY) {
        *out_judged = measures_loss(validation);
        return RNNC_OK;
    }
    if (!validation->has_classes) {
        return diag_fail(
            r->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "keep best accuracy: the model has no cross_entropy against classes to count right ones by");
    }
    *out_judged = 1 - validation->correct / validation->count;
    return RNNC_OK;
}

static int64_t plateau_length(const recipe *how) {
    for (uint32_t i = 0; how && i < how->schedule.count; i++) {
        if (how->schedule.at[i].kind == SCHEDULE_PLATEAU) {
            return how->schedule.at[i].length;
        }
    }
    return 0;
}

static rnnc_status keep_if_best(trainer *r) {
    const recipe *how = r->t->data->recipe;
    bool keeps = how && how->keep != KEEP_LAST;
    double judged = 0;
    TRY(judge(r, &r->at.validation, &judged));
    if (!patience_judge(&r->at.patience, judged, plateau_length(how))) {
        return RNNC_OK;
    }
    if (keeps && !r->best) {
        TRY(weights_create(r->t->machine->variables, r->t->machine->variable_count, r->d, &r->best));
    }
    if (keeps) {
        weights_copy(r->best, engine_weights(r->engine));
    }
    r->at.best_epoch = r->at.epoch;
    r->at.best_validation = r->at.validation;
    return save_best(r);
}

static rnnc_status validate(trainer *r) {
    machine *m = r->t->validation;
    weights_copy(engine_weights(m->engine), engine_weights(r->engine));
    weights_changed(engine_weights(m->engine));
    evaluation v = {.machine = m, .data = r->t->data, .seed = r->t->seed, .asks = r};
    measures validation;
    TRY(evaluate(&v, DATA_VALIDATION, r->d, &validation));
    if (r->result->end != TRAINING_DONE) {
        return RNNC_OK; // told to stop in the midst of it: it is done again when the training goes on
    }
    r->at.validation = validation;
    r->result->validation = validation;
    return keep_if_best(r);
}

// What follows the last batch: validation, metrics, and the step into the next epoch.
static rnnc_status close_epoch(trainer *r) {
    const measures none = {0};
    bool validates = r->t->validation != NULL;
    TRY(validates ? validate(r) : RNNC_OK);
    if (r->result->end != TRAINING_DONE) {
        return RNNC_OK;
    }
    // A last epoch that the steps cut short says less than the whole one before it.
    if (r->at.last.rows <= r->at.sums.rows || !trainer_by_steps(r)) {
        r->at.last = r->at.sums;
    }
    r->result->last = r->at.last;
    r->result->epochs = r->at.epoch;
    TRY(report_metrics(r, validates ? &r->at.validation : NULL));
    report_news(r, validates ? &r->at.validation : &none);
    if (!trainer_by_steps(r) || are_steps_done(r) || has_waited(r)) {
        report_finish(r, false);
    }
    r->at.epoch++;
    r->at.batch = 0;
    return RNNC_OK;
}

// An epoch that the steps cut short is saved before it is closed: with more steps it goes on from there.
static rnnc_status train_epoch(trainer *r) {
    begin_epoch(r);
    engine_begin(r->engine);
    rnnc_status status = train_batches(r);
    engine_end(r->engine);
    r->speed.seconds = trainer_now() - r->speed.begin;
    TRY(status);
    bool cut = r->at.batch < feed_steps(r->feed);
    if (cut || r->result->end != TRAINING_DONE) {
        TRY(save_checkpoint(r));
    }
    if (r->result->end != TRAINING_DONE) {
        return RNNC_OK;
    }
    TRY(close_epoch(r));
    return cut ? RNNC_OK : save_checkpoint(r);
}

void training_set_end(training *t, const recipe *r, int64_t epochs, int64_t steps) {
    bool stated = epochs || steps;
    t->epochs = stated ? epochs : r->epochs;
    t->max_steps = stated ? steps : r->max_steps;
}

// ---- All of it ----

static void take_best(trainer *r) {
    weights_copy(engine_weights(r->engine), r->best);
    weights_changed(engine_weights(r->engine));
    r->result->validation = r->at.best_validation;
    r->result->best_epoch = r->at.best_epoch;
}

static rnnc_status train_all(trainer *r) {
    bool by_steps = trainer_by_steps(r);
    if (by_steps) {
        report_start(r);
    }
    while (!is_over(r) && r->result->end == TRAINING_DONE) {
        if (!by_steps) {
            report_start(r);
        }
        rnnc_status status = train_epoch(r);
        if (status != RNNC_OK && r->t->progress) {
            progress_clear(&r->bar);
        }
        TRY(status);
    }
    if (r->result->end != TRAINING_DONE) {
        report_finish(r, true);
    } else if (r->best) {
        take_best(r);
    }
    r->result->plateaus = r->at.patience.plateaus;
    r->result->seconds = r->seconds_before + trainer_now() - r->begin;
    return RNNC_OK;
}

static rnnc_status prepare(trainer *r) {
    const training *t = r->t;
    if (!t->epochs && !t->max_steps) {
        return diag_fail(r->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "the recipe says neither epochs nor max_steps: --epochs N or --steps N");
    }
    TRY(feed_create(t->data, DATA_TRAINING, FEED_SHUFFLED, t->seed, r->d, &r->feed));
    TRY(state_carrier_create(r->engine, t->data->batch, r->d, &r->states));
    bool resumes = t->checkpoints.resume_from != NULL;
    TRY(resumes ? restore_checkpoint(r) : RNNC_OK);
    if (t->metrics_path) {
        TRY(resumes ? metrics_reopen(t->metrics_path, r->at.metrics_bytes, r->d, &r->writer)
                    : metrics_open(t->metrics_path, false, r->d, &r->writer));
        r->writes = true;
    }
    return RNNC_OK;
}

// The trainer's arena comes back here without memory.
static rnnc_status run_guarded(trainer *r) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(r->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a training");
    }
    r->memory.exhausted = &exhausted;
    TRY(prepare(r));
    return train_all(r);
}

rnnc_status training_run(const training *t, diag_sink *d, training_result *out_result) {
    *out_result = (training_result){0};
    trainer r = {.t = t, .d = d, .engine = t->machine->engine, .result = out_result, .begin = trainer_now()};
    r.at = (training_position){.epoch = 1, .metrics_bytes = -1};
    r.carry = t->data->recipe && t->data->recipe->carry_state;
    arena_init(&r.memory);
    update_watch_init(&r.watch, t->machine);
    rnnc_status status = run_guarded(&r);
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
