// rnnc build --train: the model as it is trained, for an object that learns.
#include "cli/build.h"
#include "runtime/initialize.h"

// Weights of a file, or first ones; the optimiser's memory as before the first step.
static rnnc_status begin_weights(const command_line *line, learner_job *job, diag_sink *d) {
    const recipe *r = job->model->recipe;
    weights *w = engine_weights(job->machine.engine);
    if (line->weights) {
        return load_weights(line->weights, false, &job->machine, d);
    }
    weight_rule *rules = arena_new_array(&job->memory, weight_rule, r->init.count + 1);
    for (uint32_t i = 0; i < r->init.count; i++) {
        rules[i] = (weight_rule){r->init.at[i].pattern, r->init.at[i].init};
    }
    TRY(weights_initialize(w, rules, r->init.count, (uint64_t)line->seed, d));
    return weights_reset_slots(w, d);
}

// The rate is an input of the steps, so that NAME_set_rate can change it.
static rnnc_status make_machine(const command_line *line, compiler *c, learner_job *job, diag_sink *d) {
    int64_t extents[MAX_AXES];
    update_options update = recipe_update(job->model->recipe, &job->memory);
    update.rate_is_input = true;
    graph_keep_measured(job->model->graph);
    TRY(choose_maxima(line, job->model, d, extents));
    return build_machine(c, job->model->graph, &update, extents, d, &job->machine);
}

rnnc_status learner_create(const command_line *line, const loaded *source, compiler *c, engine *used,
                           const learner_options *o, diag_sink *d, learner_job *out_job) {
    learner_job *job = out_job;
    TRY(load_model_with_recipe(source, true, d, &job->model));
    TRY(make_machine(line, c, job, d));
    TRY(begin_weights(line, job, d));
    const recipe *r = job->model->recipe;
    learner_recipe how = {r->rate, r->carry_state};
    return learner_parts_create(used, job->machine.engine, o, &how, d, &job->parts);
}

void learner_destroy(learner_job *job) {
    learner_parts_deinit(&job->parts);
    machine_destroy(&job->machine);
    model_destroy(job->model);
    arena_deinit(&job->memory);
}
