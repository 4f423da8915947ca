// A model as it is trained, for an object that learns.
#include "ahead/build_parts.h"

// The caller's weights, or first ones; the optimiser's memory as before the first step.
static rnnc_status begin_weights(const build_request *r, learner_job *job, diag_sink *d) {
    if (r->host.load_weights) {
        return r->host.load_weights(r->host.user, &job->machine, d);
    }
    return recipe_begin_weights(job->model->recipe, engine_weights(job->machine.engine), r->seed, d);
}

// The rate is an input of the steps, so that NAME_set_rate can change it.
static rnnc_status choose_update(learner_job *job, diag_sink *d, update_options *out_update) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the rules of a recipe");
    }
    job->memory.exhausted = &exhausted;
    *out_update = recipe_update(job->model->recipe, &job->memory);
    out_update->rate_is_input = true;
    job->memory.exhausted = NULL;
    return RNNC_OK;
}

static rnnc_status make_machine(const build_request *r, const build_target *t, learner_job *job,
                                diag_sink *d) {
    int64_t extents[MAX_AXES];
    update_options update;
    TRY(choose_update(job, d, &update));
    graph_keep_measured(job->model->graph);
    TRY(build_maxima(r, job->model, d, extents));
    build_wish wish = {job->model->graph, &t->backend, t->codegen, &update, extents};
    return r->host.make_machine(r->host.user, &wish, d, &job->machine);
}

rnnc_status learner_create(const build_request *r, const build_target *t, engine *used,
                           const learner_options *o, diag_sink *d, learner_job *out_job) {
    learner_job *job = out_job;
    model_options options = *r->options;
    options.training = true;
    TRY(model_build(d, r->unit, &options, &job->model));
    TRY(model_check_trained(job->model, d));
    TRY(make_machine(r, t, job, d));
    TRY(begin_weights(r, job, d));
    learner_recipe how = {job->model->recipe->rate, job->model->recipe->carry_state};
    return learner_parts_create(used, job->machine.engine, o, &how, d, &job->parts);
}

void learner_destroy(learner_job *job) {
    learner_parts_deinit(&job->parts);
    machine_destroy(&job->machine);
    model_destroy(job->model);
    arena_deinit(&job->memory);
}
