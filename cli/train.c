// rnnc train
#include "cli/checkpoints.h"
#include "cli/signals.h"
#include "runtime/train/overlap.h"
#include "runtime/train/standardise.h"
#include "runtime/train/trainer.h"
#include "support/clock.h"

typedef struct training_job {
    const command_line *line;
    diag_sink *d;
    loaded source;
    model *model; // as it is trained
    model *plain; // as it is used: for validation and forecasts
    dataset *data;
    compiler compiler;
    machine machine, plain_machine;
    carried_data carried;
    kept_training kept;
    metrics_table curves;
    double begin; // seconds
    int signal;   // that the training was stopped by; 0: none
} training_job;

static double seconds_now(void) {
    return 1e-9 * (double)clock_nanoseconds();
}

static rnnc_status check_outputs(const command_line *line, diag_sink *d) {
    if (line->partial && !line->weights) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--partial needs weights to take: --weights F");
    }
    TRY(line->weights_out ? check_writable(line->weights_out, d) : RNNC_OK);
    return line->plot ? check_writable(line->plot, d) : RNNC_OK;
}

static rnnc_status initialize(training_job *job) {
    weights *first = engine_weights(job->machine.engine);
    TRY(recipe_begin_weights(job->model->recipe, first, (uint64_t)job->line->seed, job->d));
    TRY(standardise_measure(job->data, first, job->d));
    bool given = job->line->weights && !job->kept.resumes;
    return given ? load_weights(job->line->weights, job->line->partial, &job->machine, job->d) : RNNC_OK;
}

static rnnc_status build_machines(training_job *job) {
    const recipe *r = job->model->recipe;
    update_options update = recipe_update(r, &job->source.memory);
    graph_keep_measured(job->model->graph);
    TRY(model_overlap(job->model, job->d));
    TRY(build_machine(&job->compiler, job->model->graph, &update, job->data->extents, job->d, &job->machine));
    if (!dataset_has_validation(job->data) && !job->line->continue_steps) {
        return RNNC_OK;
    }
    TRY(load_model(&job->source, false, job->d, &job->plain));
    if (!job->line->continue_steps) {
        graph_keep_measured(job->plain->graph);
    }
    return build_machine(&job->compiler, job->plain->graph, NULL, job->data->extents, job->d,
                         &job->plain_machine);
}

static void print_start(const training_job *job) {
    arena memory;
    arena_init(&memory);
    const recipe *r = job->model->recipe;
    const weights *w = engine_weights(job->machine.engine);
    int64_t parameters = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        bool trained = w->arrays[i].variable->role == VARIABLE_WEIGHT;
        parameters += trained ? weights_count(&w->arrays[i]) : 0;
    }
    fprintf(stderr, "%s by %s: %s parameters, %s, seed %lld\n", job->model->graph->name, r->name,
            describe_count(parameters, &memory),
            graph_extents_text(job->model->graph, job->data->extents, &memory), (long long)job->line->seed);
    print_streams(job->data, DATA_TRAINING, &memory);
    if (job->kept.resumes) {
        fprintf(stderr, "goes on from %s\n", job->kept.from.name);
    }
    arena_deinit(&memory);
}

static void print_end(const training_job *job, const training_result *result) {
    metric values[2 * (MEASURES_MOST + 3) + 5];
    uint32_t count = 0;
    values[count++] = (metric){"epoch", (double)result->epochs};
    values[count++] = (metric){"step", (double)result->steps};
    count += measures_values(&result->last, values + count);
    uint32_t first = count;
    count += dataset_has_validation(job->data) ? measures_values(&result->validation, values + count) : 0;
    strbuf text = {0};
    if (job->line->json) {
        for (uint32_t i = first; i < count; i++) {
            values[i].key = arena_printf((arena *)&job->source.memory, "validation_%s", values[i].key);
        }
        values[count++] = (metric){"skipped_updates", (double)result->skipped};
        values[count++] = (metric){"seconds", result->seconds};
        metrics_render(values, count, &text);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            strbuf_addf(&text, "%s%s%s %.6g", i ? ", " : "", i >= first ? "validation " : "", values[i].key,
                        values[i].value);
        }
        strbuf_addf(&text, ", %.1f seconds\n", result->seconds);
        if (result->skipped) {
            strbuf_addf(&text, "%lld updates were left out: the loss or a gradient was not finite\n",
                        (long long)result->skipped);
        }
        if (result->best_epoch) {
            strbuf_addf(&text, "kept the weights of epoch %lld\n", (long long)result->best_epoch);
        }
    }
    fputs(strbuf_text(&text), stdout);
    fflush(stdout);
    strbuf_deinit(&text);
}

// The loss of the final weights over all training windows, and what the model makes of them by itself.
static rnnc_status show_trained(training_job *job) {
    machine *plain = &job->plain_machine;
    weights_copy(engine_weights(plain->engine), engine_weights(job->machine.engine));
    weights_changed(engine_weights(plain->engine));
    measures all;
    TRY(training_evaluate(plain, job->data, DATA_TRAINING, (uint64_t)job->line->seed, job->d, &all));
    printf("the trained model's loss over all of its %.0f training windows: %.4g\n", all.rows,
           measures_loss(&all));
    return show_forecast(job->line, plain, job->data, job->d);
}

// ---- A training that was stopped ----

static bool is_stop_asked(void *user) {
    (void)user;
    return signals_noted() != 0;
}

static const char *stop_words(const training_job *job, training_end end) {
    return end == TRAINING_STOPPED       ? signals_name(job->signal)
           : end == TRAINING_OUT_OF_TIME ? "--max-time"
                                         : "--max-steps";
}

static void print_stop(const training_job *job, const training_result *result) {
    const command_line *line = job->line;
    fprintf(stderr, "stopped by %s after step %lld, in epoch %lld\n", stop_words(job, result->end),
            (long long)result->steps, (long long)result->epochs + 1);
    if (job->kept.folder.path) {
        arena memory;
        arena_init(&memory);
        fprintf(stderr, "checkpoint %s\ngo on with: ",
                checkpoint_path(&memory, job->kept.folder.path, result->steps));
        print_resuming(line, &job->kept, stderr);
        arena_deinit(&memory);
    } else if (line->weights_out) {
        fprintf(stderr,
                "the weights so far are in %s; with --checkpoint DIR the training could have gone on\n",
                line->weights_out);
    } else {
        fputs("nothing is kept of it: see --checkpoint and --weights-out\n", stderr);
    }
}

static rnnc_status save_trained(const training_job *job) {
    training_subject subject = subject_of(job->line, &job->source, job->data);
    return save_weights(&job->machine, &subject, job->line->weights_out, job->d);
}

// Weights that are not what the training aims at are written only where they would be lost.
static rnnc_status end_stopped(training_job *job, const training_result *result) {
    job->signal = result->end == TRAINING_STOPPED ? signals_noted() : 0;
    if (!job->kept.folder.path && job->line->weights_out) {
        TRY(save_trained(job));
    }
    print_stop(job, result);
    return RNNC_OK;
}

// ---- All of it ----

static bool draws_curves(const command_line *line) {
    return line->plot && !line->continue_steps;
}

static training training_of(training_job *job) {
    const command_line *line = job->line;
    training t = {
        .machine = &job->machine,
        .validation = dataset_has_validation(job->data) ? &job->plain_machine : NULL,
        .data = job->data,
        .seed = (uint64_t)line->seed,
        .metrics_path = line->metrics,
        .curves = draws_curves(line) ? &job->curves : NULL,
        .progress = line->quiet ? NULL : stderr,
        .checkpoints = kept_checkpoints(&job->kept, line->checkpoint_every, line->checkpoint_keep),
        .stop = is_stop_asked,
        .slot_steps = line->max_steps,
    };
    training_set_end(&t, job->model->recipe, line->epochs, line->steps);
    return t;
}

// What is left of --max-time after compiling; a time that is already over still stops only after a question.
static double slot_seconds(const training_job *job) {
    double left = job->line->max_seconds - (seconds_now() - job->begin);
    return job->line->max_seconds <= 0 ? 0 : left > 1e-9 ? left : 1e-9;
}

static rnnc_status run_training(training_job *job) {
    const command_line *line = job->line;
    training t = training_of(job);
    training_result result;
    print_start(job);
    signals_watch();
    t.slot_seconds = slot_seconds(job);
    TRY(training_run(&t, job->d, &result));
    TRY(draws_curves(line) ? draw_training(line, &job->curves, job->d) : RNNC_OK);
    if (result.end != TRAINING_DONE) {
        return end_stopped(job, &result);
    }
    if (line->weights_out) {
        TRY(save_trained(job));
        TRY(save_vocabularies(line->weights_out, job->data, job->d));
    }
    print_end(job, &result);
    return line->continue_steps ? show_trained(job) : RNNC_OK;
}

// Vocabularies of weights to begin with; a training that goes on has them in its checkpoint.
static rnnc_status load_carried(training_job *job) {
    const char *path = job->kept.resumes ? job->kept.from.name : job->line->weights;
    return job->line->weights ? load_vocabularies(path, job->d, &job->carried) : RNNC_OK;
}

static rnnc_status run_job(training_job *job) {
    TRY(load_source(job->line, job->d, &job->source));
    TRY(load_model_with_recipe(&job->source, true, job->d, &job->model));
    TRY(open_compiler(job->line, job->d, &job->compiler));
    TRY(check_outputs(job->line, job->d));
    kept_request request = {job->line->checkpoint, job->line->resume, job->line->checkpoint_every, false};
    TRY(kept_open(&request, job->d, &job->kept));
    TRY(load_carried(job));
    const carried_data *carried = job->line->weights ? &job->carried : NULL;
    TRY(load_data(job->line, job->model, carried, true, job->d, &job->data));
    training_subject subject = subject_of(job->line, &job->source, job->data);
    TRY(kept_identify(&job->kept, &subject, job->d));
    TRY(build_machines(job));
    TRY(initialize(job));
    show_diagnostics(job->d);
    return run_training(job);
}

rnnc_status command_train(const command_line *line, diag_sink *d) {
    training_job job = {.line = line, .d = d, .begin = seconds_now()};
    metrics_table_init(&job.curves);
    rnnc_status status = run_job(&job);
    machine_destroy(&job.machine);
    machine_destroy(&job.plain_machine);
    close_compiler(&job.compiler);
    dataset_destroy(job.data);
    carried_deinit(&job.carried);
    model_destroy(job.model);
    model_destroy(job.plain);
    unload_source(&job.source);
    kept_close(&job.kept);
    metrics_table_deinit(&job.curves);
    if (status == RNNC_OK && job.signal) {
        fflush(stdout);
        show_diagnostics(d);
        signals_end(job.signal);
    }
    return status;
}
