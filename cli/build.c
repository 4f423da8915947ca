// rnnc build: a trained model as an object file, or what is made of one, and a header for C.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/build.h"
#include "codegen/ahead_target.h"
#include "ir/stream.h"
#include "runtime/ahead.h"
#include "runtime/data/atomic_file.h"

typedef struct build_job {
    const command_line *line;
    diag_sink *d;
    build_kind kind;
    loaded source;
    model *model;
    compiler compiler;
    machine machine;
    ahead_parts parts;
    build_text text;
    int32_t axis_order[MAX_AXES];
    strbuf name, object, header;
} build_job;

// ---- What is asked for ----

static rnnc_status check_request(build_job *job) {
    const command_line *line = job->line;
    diag_sink *d = job->d;
    if (!line->weights) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "build needs --weights F.safetensors");
    }
    if (!line->output) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "say what to write: -o NAME.o --header NAME.h");
    }
    TRY(choose_kind(line, d, &job->kind));
    if (line->interpret || (line->cpu && strcmp(line->cpu, "interpret") == 0)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "build makes machine code: it does not interpret");
    }
    TRY(check_writable(line->output, d));
    return line->header ? check_writable(line->header, d) : RNNC_OK;
}

static rnnc_status choose_name(build_job *job) {
    const char *name = job->line->prefix ? job->line->prefix : job->model->graph->name;
    bool good = !isdigit((unsigned char)*name);
    for (const char *c = name; *c; c++) {
        good &= isalnum((unsigned char)*c) || *c == '_';
    }
    if (!good) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--name takes a name for C, found '%s'",
                         name);
    }
    strbuf_add(&job->name, name);
    return job->name.failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
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
    int64_t extents[MAX_AXES];
    int axis = 0;
    if (!choose_extents(job->line, job->model, NULL, extents, &axis)) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "say how long sequences along %s may be: --length T",
                         job->model->graph->axes.at[axis].name);
    }
    TRY(build_machine(&job->compiler, job->model->graph, NULL, extents, job->d, &job->machine));
    return load_weights(job->line->weights, false, &job->machine, job->d);
}

// The axes as arrays in files have them.
static void fill_order(const graph *g, int32_t *out_order) {
    out_order[0] = AXIS_BATCH;
    for (uint32_t place = 1; place < g->axes.count; place++) {
        out_order[place] = graph_declared_axis(g, place);
    }
}

static rnnc_status make_object(build_job *job) {
    graph_keep_outputs(job->model->graph, is_value_or_state, NULL);
    TRY(check_outputs(job));
    bool streams = graph_streams(job->model->graph);
    TRY(make_machine(job));
    TRY(ahead_parts_create(job->machine.engine, strbuf_text(&job->name), streams, (uint64_t)job->line->seed,
                           job->d, &job->parts));
    build_text_attach(&job->text, job->machine.engine, &job->parts.request);
    if (job->kind == BUILD_PROGRAM) {
        fill_order(job->model->graph, job->axis_order);
        job->parts.request.axis_order = job->axis_order;
    }
    const target_facts *facts = &job->compiler.facts;
    TRY(build_in_child(job->compiler.codegen, facts, &job->parts.request, job->d, &job->object));
    ahead_print_header(&job->parts.request, facts, &job->header);
    TRY(job->header.failed ? RNNC_OUT_OF_MEMORY : RNNC_OK);
    return finish_object(job->line, job->kind, &job->header, job->d, &job->object);
}

// Both appear, or neither: what can fail for want of room has been done when the first one is named.
static rnnc_status write_both(const build_job *job) {
    const command_line *line = job->line;
    atomic_file object, header;
    TRY(atomic_file_open(line->output, job->d, &object));
    TRY(atomic_file_add(&object, job->object.text, job->object.length, job->d));
    TRY(job->kind == BUILD_PROGRAM ? atomic_file_make_program(&object, job->d) : RNNC_OK);
    rnnc_status status = RNNC_OK;
    if (line->header) {
        status = atomic_file_open(line->header, job->d, &header);
        status = status == RNNC_OK ? atomic_file_add(&header, job->header.text, job->header.length, job->d)
                                   : status;
        status = status == RNNC_OK ? atomic_file_commit(&header, job->d) : status;
    }
    if (status != RNNC_OK) {
        atomic_file_abandon(&object);
        return status;
    }
    return atomic_file_commit(&object, job->d);
}

static rnnc_status run_build(build_job *job) {
    TRY(check_request(job));
    TRY(load_source(job->line, job->d, &job->source));
    TRY(load_model(&job->source, false, job->d, &job->model));
    TRY(choose_name(job));
    TRY(build_text_load(job->line, job->model, job->d, &job->text));
    TRY(open_compiler(job->line, job->d, &job->compiler));
    TRY(make_object(job));
    return write_both(job);
}

static rnnc_status list_targets(void) {
    strbuf text = {0};
    ahead_target_list(&text);
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
    return RNNC_OK;
}

rnnc_status command_build(const command_line *line, diag_sink *d) {
    if (line->target && strcmp(line->target, "list") == 0) {
        return list_targets();
    }
    build_job job = {.line = line, .d = d};
    rnnc_status status = run_build(&job);
    ahead_parts_deinit(&job.parts);
    build_text_deinit(&job.text);
    machine_destroy(&job.machine);
    close_compiler(&job.compiler);
    model_destroy(job.model);
    unload_source(&job.source);
    strbuf_deinit(&job.name);
    strbuf_deinit(&job.object);
    strbuf_deinit(&job.header);
    return status;
}
