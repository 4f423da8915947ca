// Whole trainings by data, and evaluation: the loops of runtime/train/trainer.h over contexts.
#include <string.h>

#include "api/data.h"
#include "runtime/train/trainer.h"
#include "runtime/train/update_watch.h"

_Static_assert(RNNC_MOST_MEASURES >= MEASURES_MOST + 3 + UPDATE_METRICS, "room for all measures");

// ---- Contexts that the loops run ----

// What the loops see of a context: inputs and states are the engine's own arrays, nothing is the caller's.
static machine lend(rnnc_context *c) {
    const rnnc_program *p = c->program;
    api_forget_inputs(c);
    c->lent = true;
    for (uint32_t i = 0; i < p->state_count; i++) {
        int64_t count = 0;
        engine_bind_input(c->engine, p->states[i].index, NULL, NULL);
        void *own = engine_input(c->engine, p->states[i].index, &count);
        memset(own, 0,
               (size_t)count * (size_t)dtype_bytes(p->program->inputs.at[p->states[i].index].type.elem));
    }
    c->view.version = c->weights->values->version;
    if (p->reference) {
        weights_copy(engine_weights(c->engine), &c->view);
    }
    return (machine){p->program, c->engine, p->program->variables.at, p->program->variables.count};
}

static void take_back(rnnc_context *c) {
    if (c->program->reference && c->program->purpose == RNNC_TRAIN) {
        weights_copy(&c->view, engine_weights(c->engine));
    }
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        engine_bind_input(c->engine, c->program->states[i].index, c->states[i].begin, NULL);
    }
    api_forget_inputs(c);
    api_clear_states(c);
    c->settled = c->stepping = c->lent = false;
    // Only after a training: weights that are merely read may be shared with other threads.
    weights *shared = c->weights->values;
    if (shared->version < c->view.version) {
        shared->version = c->view.version;
    }
}

static void take_measures(const metric *values, uint32_t count, rnnc_measures *out_measures) {
    out_measures->count = count;
    for (uint32_t i = 0; i < count; i++) {
        out_measures->at[i] = (rnnc_measure){values[i].key, values[i].value};
    }
}

static void take_sums(const measures *m, rnnc_measures *out_measures) {
    metric values[MEASURES_MOST + 3];
    take_measures(values, measures_values(m, values), out_measures);
}

// What the data were opened for, and whether the program has room for their batches: kernels find out by themselves.
static rnnc_status check_data(const rnnc_context *c, const rnnc_data *data, bool trains,
                              rnnc_diagnostics *d) {
    TRY(api_check_data(c, data, trains, d));
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(d, &sink, api_check_maxima(c, data->set->extents, &sink));
    diag_deinit(&sink);
    return status;
}

// ---- Evaluation ----

static rnnc_status check_evaluation(const rnnc_context *c, const rnnc_data *data, rnnc_diagnostics *d) {
    if (c->program->purpose != RNNC_EVALUATE) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "evaluation needs a context of a program for RNNC_EVALUATE");
    }
    return check_data(c, data, false, d);
}

rnnc_status rnnc_evaluate(rnnc_context *c, const rnnc_data *data, rnnc_part part, uint64_t seed,
                          rnnc_diagnostics *diagnostics, rnnc_measures *out_measures) {
    if (!c || !data || !out_measures) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "evaluation needs a context, data and a place for what is measured");
    }
    *out_measures = (rnnc_measures){0};
    data_part wanted;
    TRY(check_evaluation(c, data, diagnostics));
    TRY(api_part_of(data, part, diagnostics, &wanted));
    if (c->weights->unset) {
        return api_report_unset(c->weights, diagnostics);
    }
    measures sums;
    machine m = lend(c);
    rnnc_status status = training_evaluate(&m, data->set, wanted, seed, &c->sink, &sums);
    take_back(c);
    if (status == RNNC_OK) {
        take_sums(&sums, out_measures);
    }
    return api_report(diagnostics, &c->sink, status);
}

// ---- Training ----

typedef struct fit_job {
    rnnc_context *context, *validation; // the second may be NULL
    const rnnc_data *data;
    const rnnc_fit_options *options;
    diag_sink *d;
    kept_training kept;
    training_result result;
    bool stopped; // progress said so
} fit_job;

static bool is_stopped(void *user) {
    return ((const fit_job *)user)->stopped;
}

static void pass_on(void *user, const training_news *news) {
    fit_job *job = user;
    rnnc_fit_report report = {.epoch = news->epoch,
                              .step = news->step,
                              .batch = news->batch,
                              .batches = news->batches,
                              .epoch_over = news->epoch_over};
    take_measures(news->trained, news->trained_count, &report.training);
    take_measures(news->validation, news->validation_count, &report.validation);
    job->stopped |= job->options->progress(job->options->progress_user, &report) != 0;
}

static rnnc_status open_kept(fit_job *job) {
    const rnnc_fit_options *o = job->options;
    const rnnc_model *m = job->data->model;
    kept_request request = {o->checkpoint_folder, o->resume, o->checkpoint_every, true};
    training_subject subject = {RNNC_VERSION, m->unit, &m->options, job->data->set, (int64_t)o->seed};
    TRY(kept_open(&request, job->d, &job->kept));
    return kept_identify(&job->kept, &subject, job->d);
}

static rnnc_status open_kept_guarded(fit_job *job) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what a training keeps");
    }
    job->kept.memory.exhausted = job->kept.about.memory.exhausted = &exhausted;
    rnnc_status status = open_kept(job);
    job->kept.memory.exhausted = job->kept.about.memory.exhausted = NULL;
    return status;
}

static rnnc_status train(fit_job *job) {
    const rnnc_fit_options *o = job->options;
    const dataset *set = job->data->set;
    machine trained = lend(job->context);
    bool validates = job->validation && dataset_has_validation(set);
    machine validated = validates ? lend(job->validation) : (machine){0};
    training t = {
        .machine = &trained,
        .validation = validates ? &validated : NULL,
        .data = set,
        .seed = o->seed,
        .metrics_path = o->metrics_path,
        .checkpoints = kept_checkpoints(&job->kept, o->checkpoint_every, o->checkpoint_keep),
        .rate = &job->context->rate,
        .stop = is_stopped,
        .watch = o->progress ? pass_on : NULL,
        .user = job,
        .slot_seconds = o->call_seconds,
        .slot_steps = o->call_steps,
    };
    training_set_end(&t, set->recipe, o->epochs, o->max_steps);
    rnnc_status status = training_run(&t, job->d, &job->result);
    take_back(job->context);
    if (validates) {
        take_back(job->validation);
    }
    weights_changed(job->context->weights->values);
    return status;
}

// Weights of its own for the validation end as the trained ones, which may be those of an earlier epoch.
static void give_weights(const rnnc_weights *trained, rnnc_weights *own) {
    weights_copy(own->values, trained->values);
    for (uint32_t i = 0; i < own->count; i++) {
        if (rnnc_weights_find(trained, own->parts[i].part.part->name) >= 0) {
            api_mark_set(own, (int)i);
        }
    }
}

static void take_position(rnnc_context *c, const training_result *r) {
    c->epoch = r->epochs + 1;
    c->step = r->steps + 1;
    c->plateaus = r->plateaus;
}

static void take_result(const training_result *r, rnnc_fit_result *out) {
    static const rnnc_fit_end ends[] = {[TRAINING_DONE] = RNNC_FIT_DONE,
                                        [TRAINING_STOPPED] = RNNC_FIT_STOPPED,
                                        [TRAINING_OUT_OF_TIME] = RNNC_FIT_OUT_OF_TIME,
                                        [TRAINING_OUT_OF_STEPS] = RNNC_FIT_OUT_OF_STEPS};
    *out = (rnnc_fit_result){.end = ends[r->end],
                             .epochs = r->epochs,
                             .steps = r->steps,
                             .skipped = r->skipped,
                             .best_epoch = r->best_epoch,
                             .seconds = r->seconds};
    take_sums(&r->last, &out->training);
    take_sums(&r->validation, &out->validation);
}

// ---- What is asked for ----

static rnnc_status check_options(const rnnc_fit_options *o, rnnc_diagnostics *d) {
    bool sound = o->struct_size == sizeof *o && o->epochs >= 0 && o->max_steps >= 0 && o->call_steps >= 0 &&
                 o->call_seconds >= 0 && o->checkpoint_every >= 0 && o->checkpoint_keep >= 1;
    return sound ? RNNC_OK
                 : api_fail(d, RNNC_INVALID_ARGUMENT,
                            "the options of a training begin with RNNC_FIT_OPTIONS; checkpoint_keep is 1 or "
                            "more, and no other "
                            "number is negative");
}

// Whether the recipe waits for something that only a validation can say.
static bool needs_validation(const recipe *r) {
    bool needed = r->patience || r->keep != KEEP_LAST;
    for (uint32_t i = 0; i < r->schedule.count; i++) {
        needed |= r->schedule.at[i].kind == SCHEDULE_PLATEAU;
    }
    return needed;
}

static rnnc_status check_validation(const rnnc_context *c, const rnnc_context *v, const rnnc_data *data,
                                    rnnc_diagnostics *d) {
    if (v) {
        return v == c ? api_fail(d, RNNC_INVALID_ARGUMENT, "validation has a context of its own")
                      : check_evaluation(v, data, d);
    }
    bool missing = dataset_has_validation(data->set) && needs_validation(data->set->recipe);
    return missing ? api_fail(d, RNNC_INVALID_ARGUMENT,
                              "the recipe '%s' goes by a validation: it needs a context of a program for "
                              "RNNC_EVALUATE",
                              data->set->recipe->name)
                   : RNNC_OK;
}

static rnnc_status check_end(const recipe *r, const rnnc_fit_options *o, rnnc_diagnostics *d) {
    bool ends = r->epochs || r->max_steps || o->epochs || o->max_steps;
    return ends ? RNNC_OK
                : api_fail(d, RNNC_INVALID_ARGUMENT,
                           "neither the recipe '%s' nor rnnc_fit_options has epochs or max_steps", r->name);
}

static rnnc_status check_training(const rnnc_context *c, const rnnc_data *data, const rnnc_fit_options *o,
                                  rnnc_diagnostics *d) {
    if (c->program->purpose != RNNC_TRAIN || c->program->waits) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "rnnc_fit needs a context of a program for RNNC_TRAIN, without given gradients");
    }
    TRY(check_data(c, data, true, d));
    return data->set->recipe ? check_end(data->set->recipe, o, d)
                             : api_fail(d, RNNC_INVALID_ARGUMENT,
                                        "rnnc_fit needs data by the recipe, and these are by name");
}

// ---- All of it ----

static rnnc_status run_job(fit_job *job, rnnc_diagnostics *diagnostics) {
    rnnc_context *c = job->context;
    TRY(api_report(diagnostics, job->d, open_kept_guarded(job)));
    if (c->weights->unset && !job->kept.resumes) {
        return api_report_unset(c->weights, diagnostics);
    }
    TRY(rnnc_data_keep_vocabularies(job->data, c->weights, diagnostics));
    TRY(api_report(diagnostics, job->d, train(job)));
    api_mark_all_set(c->weights);
    if (job->validation && job->validation->weights != c->weights) {
        give_weights(c->weights, job->validation->weights);
    }
    take_position(c, &job->result);
    return RNNC_OK;
}

rnnc_status rnnc_fit(rnnc_context *c, rnnc_context *validation, rnnc_data *data,
                     const rnnc_fit_options *options, rnnc_diagnostics *diagnostics,
                     rnnc_fit_result *out_result) {
    const rnnc_fit_options none = RNNC_FIT_OPTIONS;
    if (!c || !data) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "rnnc_fit needs a context and data");
    }
    fit_job job = {
        .context = c, .validation = validation, .data = data, .options = options ? options : &none};
    TRY(check_options(job.options, diagnostics));
    TRY(check_training(c, data, job.options, diagnostics));
    TRY(check_validation(c, validation, data, diagnostics));
    diag_sink sink;
    diag_init_beside(&sink, &data->model->sink);
    job.d = &sink;
    rnnc_status status = run_job(&job, diagnostics);
    kept_close(&job.kept);
    diag_deinit(&sink);
    if (status == RNNC_OK && out_result) {
        take_result(&job.result, out_result);
    }
    return status;
}
