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
    learner_job learner;
    strbuf name, object, header, weights, report;
} build_job;

// ---- What is asked for ----

static rnnc_status check_request(build_job *job) {
    const command_line *line = job->line;
    diag_sink *d = job->d;
    if (!line->weights && !line->train) {
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
    if (line->parallel > BUILD_MOST_THREADS) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--parallel takes up to %d threads",
                         BUILD_MOST_THREADS);
    }
    TRY(check_writable(line->output, d));
    TRY(line->weights_file ? check_writable(line->weights_file, d) : RNNC_OK);
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

rnnc_status choose_maxima(const command_line *line, const model *m, diag_sink *d, int64_t *out_extents) {
    int axis = 0;
    if (!choose_extents(line, m, NULL, out_extents, &axis)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "say how long sequences along %s may be: --length T", m->graph->axes.at[axis].name);
    }
    return RNNC_OK;
}

static rnnc_status make_machine(build_job *job) {
    int64_t extents[MAX_AXES];
    TRY(choose_maxima(job->line, job->model, job->d, extents));
    TRY(build_machine(&job->compiler, job->model->graph, NULL, extents, job->d, &job->machine));
    return job->line->train ? RNNC_OK : load_weights(job->line->weights, false, &job->machine, job->d);
}

// What the object is to be made of.
static rnnc_status make_request(build_job *job, bool streams, ahead_request **out_request) {
    const command_line *line = job->line;
    learner_options o = {strbuf_text(&job->name), streams, (uint64_t)line->seed, (int32_t)line->parallel};
    if (line->train) {
        TRY(learner_create(line, &job->source, &job->compiler, job->machine.engine, &o, job->d,
                           &job->learner));
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

static rnnc_status make_object(build_job *job) {
    graph_keep_outputs(job->model->graph, is_value_or_state, NULL);
    TRY(check_outputs(job));
    bool streams = graph_streams(job->model->graph);
    TRY(make_machine(job));
    ahead_request *request = NULL;
    TRY(make_request(job, streams, &request));
    build_text_attach(&job->text, job->machine.engine, request);
    if (job->kind == BUILD_PROGRAM) {
        fill_order(job->model->graph, job->axis_order);
        request->axis_order = job->axis_order;
    }
    const target_facts *facts = &job->compiler.facts;
    request->levels = job->compiler.levels.count ? &job->compiler.levels : NULL;
    request->weights_apart = job->line->weights_file != NULL;
    TRY(build_in_child(job->compiler.codegen, facts, request, job->d, &job->object));
    ahead_print_header(request, facts, &job->header);
    if (job->line->weights_file) {
        ahead_print_weights(ahead_stored(request), &job->weights);
    }
    if (job->line->size_report) {
        TRY(report_sizes(job->compiler.codegen, &job->object, job->d, &job->report));
    }
    TRY(job->header.failed || job->weights.failed ? RNNC_OUT_OF_MEMORY : RNNC_OK);
    return finish_object(job->line, job->kind, &job->header, job->d, &job->object);
}

enum { MOST_FILES = 3 };

typedef struct built_file {
    const char *path; // NULL: not wanted
    const strbuf *bytes;
    bool program; // it may be run
} built_file;

static rnnc_status fill_file(const built_file *from, diag_sink *d, atomic_file *to) {
    TRY(atomic_file_add(to, strbuf_text(from->bytes), from->bytes->length, d));
    return from->program ? atomic_file_make_program(to, d) : RNNC_OK;
}

// All appear, or none: what can fail for want of room has been done when the first one is named.
static rnnc_status write_files(const built_file *files, diag_sink *d) {
    atomic_file open[MOST_FILES];
    int count = 0;
    rnnc_status status = RNNC_OK;
    for (int i = 0; i < MOST_FILES && status == RNNC_OK; i++) {
        if (files[i].path) {
            status = atomic_file_open(files[i].path, d, &open[count]);
            status = status == RNNC_OK ? fill_file(&files[i], d, &open[count++]) : status;
        }
    }
    for (int i = 0; i < count; i++) {
        if (status == RNNC_OK) {
            status = atomic_file_commit(&open[i], d);
        } else {
            atomic_file_abandon(&open[i]);
        }
    }
    return status;
}

static rnnc_status write_all(const build_job *job) {
    const command_line *line = job->line;
    const built_file files[MOST_FILES] = {
        {.path = line->weights_file, .bytes = &job->weights},
        {.path = line->header, .bytes = &job->header},
        {.path = line->output, .bytes = &job->object, .program = job->kind == BUILD_PROGRAM},
    };
    TRY(write_files(files, job->d));
    fputs(strbuf_text(&job->report), stdout);
    return RNNC_OK;
}

// Levels of x86-64, by --cpu or --target, without a system: for Linux.
static rnnc_status name_levels(const command_line *line, diag_sink *d, command_line *out_named) {
    static const char linux_target[] = "x86_64-linux-gnu";
    bool native = !line->target || strcmp(line->target, "native") == 0;
    *out_named = *line;
    if (!native && levels_are_named(line->target)) {
        if (line->cpu) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "--target %s says for which processors: leave --cpu out", line->target);
        }
        out_named->cpu = line->target;
        out_named->target = linux_target;
    } else if (native && line->cpu && strchr(line->cpu, ',')) {
        out_named->target = linux_target;
    }
    return RNNC_OK;
}

static rnnc_status run_build(build_job *job) {
    TRY(check_request(job));
    TRY(load_source(job->line, job->d, &job->source));
    TRY(load_model(&job->source, false, job->d, &job->model));
    TRY(choose_name(job));
    TRY(job->line->weights ? build_text_load(job->line, job->model, job->d, &job->text) : RNNC_OK);
    command_line line;
    TRY(name_levels(job->line, job->d, &line));
    TRY(open_compiler(&line, job->d, &job->compiler));
    TRY(make_object(job));
    return write_all(job);
}

static rnnc_status list_targets(diag_sink *d) {
    codegen *c = NULL;
    strbuf text = {0};
    TRY(codegen_create(NULL, d, &c));
    rnnc_status status = ahead_target_list(c, d, &text);
    if (status == RNNC_OK) {
        fputs(strbuf_text(&text), stdout);
    }
    strbuf_deinit(&text);
    codegen_destroy(c);
    return status;
}

rnnc_status command_build(const command_line *line, diag_sink *d) {
    if (line->target && strcmp(line->target, "list") == 0) {
        return list_targets(d);
    }
    build_job job = {.line = line, .d = d};
    rnnc_status status = run_build(&job);
    learner_destroy(&job.learner);
    ahead_parts_deinit(&job.parts);
    build_text_deinit(&job.text);
    machine_destroy(&job.machine);
    close_compiler(&job.compiler);
    model_destroy(job.model);
    unload_source(&job.source);
    strbuf_deinit(&job.name);
    strbuf_deinit(&job.object);
    strbuf_deinit(&job.header);
    strbuf_deinit(&job.weights);
    strbuf_deinit(&job.report);
    return status;
}
