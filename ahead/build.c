#include "ahead/build.h"

#include <ctype.h>
#include <string.h>

#include "ahead/build_parts.h"
#include "ahead/child.h"
#include "ahead/inspect.h"
#include "ahead/parts.h"
#include "ir/stream.h"
#include "runtime/team.h"
#include "runtime/train/extents.h"

// Starts as all zeros.
typedef struct build_job {
    const build_request *r;
    diag_sink *d;
    model *model;
    const char *name;
    build_target target;
    machine machine;
    ahead_parts parts;
    build_text text;
    int32_t axis_order[MAX_AXES];
    learner_job learner;
} build_job;

// ---- What is asked for ----

rnnc_status build_check(const build_request *r, diag_sink *d) {
    TRY(build_check_kind(r, d));
    if (r->parallel > TEAM_MOST_MEMBERS) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s takes up to %d threads", r->terms->parallel,
                         TEAM_MOST_MEMBERS);
    }
    return RNNC_OK;
}

static rnnc_status choose_name(build_job *job) {
    const char *name = job->r->name ? job->r->name : job->model->graph->name;
    bool good = *name && !isdigit((unsigned char)*name);
    for (const char *c = name; *c; c++) {
        good &= isalnum((unsigned char)*c) || *c == '_';
    }
    if (!good) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s takes a name for C, found '%s'",
                         job->r->terms->name, name);
    }
    job->name = name;
    return RNNC_OK;
}

static rnnc_status find_lengths(const build_request *r, const graph *g, diag_sink *d, int64_t *out_lengths) {
    memset(out_lengths, 0, MAX_AXES * sizeof *out_lengths);
    for (size_t i = 0; i < r->length_count; i++) {
        const char *name = r->lengths[i].axis;
        int axis = name ? graph_find_axis(g, name) : NO_AXIS;
        if (axis == NO_AXIS || g->axes.at[axis].kind != AXIS_IS_SEQUENCE) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model has no sequence axis '%s'",
                             name ? name : "");
        }
        out_lengths[axis] = r->lengths[i].length;
    }
    return RNNC_OK;
}

rnnc_status build_maxima(const build_request *r, const model *m, diag_sink *d, int64_t *out_extents) {
    int axis = 0;
    int64_t lengths[MAX_AXES];
    TRY(find_lengths(r, m->graph, d, lengths));
    extent_wishes wishes = {.batch = r->batch, .length = r->length, .lengths = lengths};
    if (!model_extents(m, &wishes, out_extents, &axis)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "say how long sequences along %s may be: %s",
                         m->graph->axes.at[axis].name, r->terms->length);
    }
    return RNNC_OK;
}

// ---- Making it ----

static bool is_value_or_state(const graph_output *output, const void *user) {
    (void)user;
    return output->role == OUTPUT_VALUE || output->role == OUTPUT_STATE;
}

static rnnc_status check_outputs(const build_job *job) {
    const graph *g = job->model->graph;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].role == OUTPUT_VALUE) {
            return RNNC_OK;
        }
    }
    return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model '%s' has no output to compute",
                     g->name);
}

static rnnc_status make_machine(build_job *job) {
    const build_host *host = &job->r->host;
    int64_t extents[MAX_AXES];
    TRY(build_maxima(job->r, job->model, job->d, extents));
    build_wish wish = {job->model->graph, &job->target.backend, job->target.codegen, NULL, extents};
    TRY(host->make_machine(host->user, &wish, job->d, &job->machine));
    return job->r->train ? RNNC_OK : host->load_weights(host->user, &job->machine, job->d);
}

// What the object is to be made of.
static rnnc_status make_request(build_job *job, bool streams, ahead_request **out_request) {
    const build_request *r = job->r;
    learner_options o = {job->name, streams, r->seed, (int32_t)r->parallel};
    if (r->train) {
        TRY(learner_create(r, &job->target, job->machine.engine, &o, job->d, &job->learner));
        *out_request = &job->learner.parts.request;
        return RNNC_OK;
    }
    TRY(ahead_parts_create(job->machine.engine, o.name, streams, o.seed, job->d, &job->parts));
    job->parts.request.threads = o.threads;
    *out_request = &job->parts.request;
    return RNNC_OK;
}

// The axes as arrays in files have them.
static void fill_order(const graph *g, int32_t *out_order) {
    out_order[0] = AXIS_BATCH;
    for (uint32_t place = 1; place < g->axes.count; place++) {
        out_order[place] = graph_declared_axis(g, place);
    }
}

typedef struct object_work {
    const build_target *target;
    const ahead_request *request;
} object_work;

static rnnc_status make_code(void *user, diag_sink *d, strbuf *out) {
    const object_work *w = user;
    return codegen_build_ahead(w->target->codegen, &w->target->facts, w->request, d, out);
}

static rnnc_status make_object(build_job *job, const ahead_request *request, strbuf *out) {
    object_work work = {&job->target, request};
    if (job->r->in_this_process) {
        return make_code(&work, job->d, out);
    }
    char failure[256];
    const char *triple = job->target.facts.triple;
    snprintf(failure, sizeof failure, "LLVM cannot compile this model for %s",
             triple ? triple : "this machine");
    return run_in_child(make_code, &work, failure, CHILD_IDLE_SECONDS, job->d, out);
}

static rnnc_status make_files(build_job *job, const ahead_request *request, build_result *result) {
    const build_request *r = job->r;
    TRY(make_object(job, request, &result->binary));
    ahead_print_header(request, &job->target.facts, &result->header);
    if (r->weights_apart) {
        ahead_print_weights(ahead_stored(request), &result->weights);
    }
    if (r->sizes) {
        TRY(inspect_sizes(job->target.codegen, &result->binary, r->in_this_process, job->d, &result->sizes));
    }
    bool whole = !result->binary.failed && !result->header.failed && !result->weights.failed;
    TRY(whole ? RNNC_OK : RNNC_OUT_OF_MEMORY);
    return build_finish(r, &result->header, job->d, &result->binary);
}

static rnnc_status make_all(build_job *job, build_result *result) {
    const build_request *r = job->r;
    graph_keep_outputs(job->model->graph, is_value_or_state, NULL);
    TRY(check_outputs(job));
    bool streams = graph_streams(job->model->graph);
    TRY(make_machine(job));
    ahead_request *request = NULL;
    TRY(make_request(job, streams, &request));
    build_text_attach(&job->text, job->machine.engine, request);
    if (r->kind == BUILD_PROGRAM) {
        fill_order(job->model->graph, job->axis_order);
        request->axis_order = job->axis_order;
    }
    request->levels = job->target.levels.count ? &job->target.levels : NULL;
    request->weights_apart = r->weights_apart;
    return make_files(job, request, result);
}

static rnnc_status run_build(build_job *job, build_result *result) {
    model_options options = *job->r->options;
    options.training = false;
    TRY(model_build(job->d, job->r->unit, &options, &job->model));
    TRY(choose_name(job));
    TRY(build_text_load(job->r, job->model, job->d, &job->text));
    TRY(build_target_open(job->r, job->d, &job->target));
    return make_all(job, result);
}

rnnc_status build_make(const build_request *r, diag_sink *d, build_result *out_result) {
    build_job job = {.r = r, .d = d};
    rnnc_status status = run_build(&job, out_result);
    learner_destroy(&job.learner);
    ahead_parts_deinit(&job.parts);
    build_text_deinit(&job.text);
    machine_destroy(&job.machine);
    build_target_close(&job.target);
    model_destroy(job.model);
    return status;
}

void build_result_deinit(build_result *result) {
    strbuf_deinit(&result->binary);
    strbuf_deinit(&result->header);
    strbuf_deinit(&result->weights);
    strbuf_deinit(&result->sizes);
}
