// rnnc run: inputs from .npy files, outputs to .npy files.
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "ir/classes.h"
#include "runtime/data/npy.h"
#include "runtime/train/feed.h"

// An output and its values for all rows, [rows, axes …, columns].
typedef struct collected {
    const char *name;
    const char *path;
    uint32_t output;
    value_type type;
    array values;
} collected;

typedef struct run_job {
    const command_line *line;
    diag_sink *d;
    loaded source;
    model *model;
    dataset *data;
    compiler compiler;
    machine machine;
    carried_data carried;
    feed *feed;
    collected *outputs;
} run_job;

// ---- Names ----

static bool is_wanted(const graph_output *output, const void *user) {
    const command_line *line = user;
    for (uint32_t i = 0; i < line->outputs.count; i++) {
        if (strcmp(line->outputs.at[i].key, output->name) == 0) {
            return true;
        }
    }
    return false;
}

static rnnc_status check_names(run_job *job) {
    const graph *g = job->model->graph;
    const char **known = arena_new_array(&job->source.memory, const char *, g->outputs.count + 1);
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        known[i] = g->outputs.at[i].name;
    }
    for (uint32_t i = 0; i < job->line->outputs.count; i++) {
        const char *name = job->line->outputs.at[i].key;
        if (graph_find_output(g, name) == NO_NODE) {
            const char *near = nearest_name(name, known, g->outputs.count);
            return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "--out %s: the model has no output of that name%s%s%s", name,
                             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        TRY(check_writable(job->line->outputs.at[i].value, job->d));
    }
    return RNNC_OK;
}

// What the wanted outputs read must have been given.
static rnnc_status check_given(const run_job *job) {
    for (uint32_t i = 0; i < job->data->inputs.count; i++) {
        const data_input *input = &job->data->inputs.at[i];
        int number = engine_find_input(job->machine.engine, input->name);
        if (number < 0 || !input->is_unfilled) {
            continue;
        }
        bool state = strcmp(engine_input_info(job->machine.engine, (uint32_t)number).role, "state") == 0;
        if (!state) {
            return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "the input '%s' is needed: --in %s=F.npy", input->name, input->name);
        }
    }
    return RNNC_OK;
}

static rnnc_status load_inputs(run_job *job) {
    const pair_list *given = &job->line->inputs;
    data_path *paths = arena_new_array(&job->source.memory, data_path, given->count + 1);
    for (uint32_t i = 0; i < given->count; i++) {
        paths[i] = (data_path){given->at[i].key, given->at[i].value};
    }
    dataset_request request = {
        .model = job->model, .paths = paths, .path_count = given->count, .given_only = true};
    return dataset_load(&request, job->d, &job->data);
}

// ---- Outputs ----

static array_kind kind_of(dtype elem) {
    return elem == DT_F32 ? ARRAY_F32 : elem == DT_F64 ? ARRAY_F64 : ARRAY_I32;
}

static rnnc_status make_output(run_job *job, uint32_t i) {
    collected *c = &job->outputs[i];
    *c = (collected){.name = job->line->outputs.at[i].key, .path = job->line->outputs.at[i].value};
    c->output = (uint32_t)engine_find_output(job->machine.engine, c->name);
    c->type = engine_output_info(job->machine.engine, c->output).type;
    int64_t dim[ARRAY_MAX_RANK];
    int rank = 0;
    if (c->type.axes & AXIS_BIT(AXIS_BATCH)) {
        dim[rank++] = job->data->places;
    }
    const graph *g = job->model->graph;
    for (uint32_t place = 1; place < g->axes.count && rank < ARRAY_MAX_RANK - 1; place++) {
        int a = graph_declared_axis(g, place);
        if (c->type.axes & AXIS_BIT(a)) {
            dim[rank++] = job->data->extents[a];
        }
    }
    if (type_columns(c->type) > 1) {
        dim[rank++] = type_columns(c->type);
    }
    return array_create(kind_of(c->type.elem), rank, dim, c->path, job->d, &c->values);
}

// Rows lie side by side at each position in the engine and one after the other in the file.
static void take_output(run_job *job, collected *c, int64_t first, int64_t rows) {
    int64_t count = 0;
    const char *from = engine_output(job->machine.engine, c->output, &count);
    size_t bytes = (size_t)type_columns(c->type) * (size_t)dtype_bytes(c->type.elem);
    bool batch = c->type.axes & AXIS_BIT(AXIS_BATCH);
    const int64_t *extents = engine_extents(job->machine.engine);
    int64_t members = count / type_columns(c->type);
    int64_t positions = batch ? members / rows : members;
    for (int64_t row = 0; row < (batch ? rows : 1); row++) {
        for (int64_t p = 0; p < positions; p++) {
            int64_t place = graph_declared_position(job->model->graph, c->type.axes, extents, p);
            int64_t to = batch ? (first + row) * positions + place : place;
            memcpy((char *)c->values.data + (size_t)to * bytes,
                   from + (size_t)(batch ? p * rows + row : p) * bytes, bytes);
        }
    }
}

static rnnc_status run_batches(run_job *job) {
    int64_t first = 0;
    feed_batch batch;
    for (;;) {
        TRY(feed_next(job->feed, job->machine.engine, job->d, &batch));
        if (!batch.rows) {
            return RNNC_OK;
        }
        TRY(engine_run(job->machine.engine, (uint64_t)job->line->seed, 0, job->d));
        for (uint32_t i = 0; i < job->line->outputs.count; i++) {
            take_output(job, &job->outputs[i], first, batch.rows);
        }
        first += batch.rows;
    }
}

static rnnc_status write_outputs(run_job *job) {
    for (uint32_t i = 0; i < job->line->outputs.count; i++) {
        const collected *c = &job->outputs[i];
        TRY(npy_write(c->path, &c->values, job->d));
        strbuf shape = {0};
        array_describe(&c->values, &shape);
        fprintf(stderr, "%s: %s into %s\n", c->name, strbuf_text(&shape), c->path);
        strbuf_deinit(&shape);
    }
    return RNNC_OK;
}

static rnnc_status run_arrays(run_job *job) {
    const command_line *line = job->line;
    TRY(check_names(job));
    TRY(load_inputs(job));
    graph_keep_outputs(job->model->graph, is_wanted, line);
    TRY(build_machine(&job->compiler, job->model->graph, NULL, job->data->extents, job->d, &job->machine));
    TRY(check_given(job));
    TRY(load_weights(line->weights, false, &job->machine, job->d));
    TRY(feed_create(job->data, DATA_ALL, FEED_IN_ORDER, 0, job->d, &job->feed));
    job->outputs = calloc(line->outputs.count, sizeof *job->outputs);
    if (!job->outputs) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the outputs");
    }
    for (uint32_t i = 0; i < line->outputs.count; i++) {
        TRY(make_output(job, i));
    }
    TRY(run_batches(job));
    return write_outputs(job);
}

static rnnc_status run_forecast(run_job *job) {
    const command_line *line = job->line;
    TRY(line->plot ? check_writable(line->plot, job->d) : RNNC_OK);
    TRY(load_vocabularies(line->weights, job->d, &job->carried));
    TRY(load_data(line, job->model, &job->carried, false, job->d, &job->data));
    TRY(build_machine(&job->compiler, job->model->graph, NULL, job->data->extents, job->d, &job->machine));
    TRY(load_weights(line->weights, false, &job->machine, job->d));
    return show_forecast(line, &job->machine, job->data, job->d);
}

static rnnc_status run_job_all(run_job *job) {
    const command_line *line = job->line;
    if (!line->weights) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "run needs --weights F.safetensors");
    }
    if (!line->outputs.count && !line->continue_steps) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "say what to write: --out NAME=F.npy, or --continue N");
    }
    TRY(load_source(line, job->d, &job->source));
    TRY(load_model(&job->source, false, job->d, &job->model));
    TRY(open_compiler(line, job->d, &job->compiler));
    return line->continue_steps ? run_forecast(job) : run_arrays(job);
}

rnnc_status command_run(const command_line *line, diag_sink *d) {
    run_job job = {.line = line, .d = d};
    rnnc_status status = run_job_all(&job);
    for (uint32_t i = 0; job.outputs && i < line->outputs.count; i++) {
        array_deinit(&job.outputs[i].values);
    }
    free(job.outputs);
    feed_destroy(job.feed);
    machine_destroy(&job.machine);
    close_compiler(&job.compiler);
    dataset_destroy(job.data);
    carried_deinit(&job.carried);
    model_destroy(job.model);
    unload_source(&job.source);
    return status;
}
