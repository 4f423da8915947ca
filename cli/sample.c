// rnnc sample: a language model goes on with a text.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "ir/classes.h"
#include "runtime/train/sampler.h"

enum { DEFAULT_LENGTH = 500 };

typedef struct sample_job {
    const command_line *line;
    diag_sink *d;
    loaded source;
    model *model;
    carried_data carried;
    speller speller;
    int64_t classes;
    compiler compiler;
    machine machine;
    sampler *sampler;
    int32_t *prompt; // tokens
    size_t prompt_count;
} sample_job;

// ---- What the model reads, and how it is spelt ----

static rnnc_status choose_speller(sample_job *job) {
    if (find_speller(job->model, &job->carried, &job->speller)) {
        return RNNC_OK;
    }
    return diag_fail(
        job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
        "%s: there is no vocabulary for '%s' in it; sample goes on with texts, whose characters or "
        "words are numbered by training",
        job->line->weights, find_data_input(job->model->graph));
}

// A model that looks ahead cannot go on with what it has not written yet.
static rnnc_status check_direction(const sample_job *job) {
    const graph *g = job->model->graph;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_FOLLOWING) {
            return diag_fail(
                job->d, RNNC_UNSUPPORTED, NO_SPAN,
                "the model '%s' looks ahead (in '%s'), so there is nothing to draw its next token from",
                g->name, graph_origin(g, n)->path);
        }
    }
    return RNNC_OK;
}

// The most tokens that scores are given to: the model's token(k).
static int64_t find_classes(const sample_job *job) {
    const graph *g = job->model->graph;
    node_id input = graph_find_input(g, find_data_input(g));
    return input == NO_NODE ? 0 : graph_token_classes(g, input);
}

// ---- The text ----

static rnnc_status read_prompt(sample_job *job) {
    const char *text = job->line->prompt ? job->line->prompt : "";
    file_view view = {"the prompt", (const uint8_t *)text, strlen(text)};
    return speller_read(&job->speller, view, job->d, &job->prompt, &job->prompt_count);
}

static rnnc_status feed_prompt(sample_job *job, strbuf *text, int32_t *out_previous) {
    for (size_t i = 0; i < job->prompt_count; i++) {
        TRY(sampler_feed(job->sampler, job->prompt[i], job->d));
    }
    if (job->prompt_count) {
        strbuf_add(text, job->line->prompt);
        *out_previous = job->prompt[job->prompt_count - 1];
        return RNNC_OK;
    }
    *out_previous = -1;
    return sampler_feed(job->sampler, speller_begin(&job->speller), job->d);
}

// What is written is shown at once.
static rnnc_status show(strbuf *text, diag_sink *d) {
    bool failed = fputs(strbuf_text(text), stdout) == EOF || fflush(stdout) != 0;
    strbuf_deinit(text);
    return failed ? diag_fail(d, RNNC_IO, NO_SPAN, "standard output cannot be written") : RNNC_OK;
}

static rnnc_status write_text(sample_job *job) {
    const command_line *line = job->line;
    draw_rules how = {line->temperature, line->top_k, (uint64_t)line->seed};
    int64_t length = line->length ? line->length : DEFAULT_LENGTH;
    int32_t previous;
    strbuf text = {0};
    TRY(feed_prompt(job, &text, &previous));
    for (int64_t i = 0; i < length; i++) {
        int32_t token = sampler_draw(job->sampler, &how);
        speller_write(&job->speller, token, previous, &text);
        TRY(show(&text, job->d));
        previous = token;
        TRY(i + 1 < length ? sampler_feed(job->sampler, token, job->d) : RNNC_OK);
    }
    strbuf_add(&text, "\n");
    return show(&text, job->d);
}

// ---- The command ----

static bool is_value_or_state(const graph_output *output, const void *user) {
    (void)user;
    return output->role == OUTPUT_VALUE || output->role == OUTPUT_STATE;
}

// A step of one row: the program in which states go from step to step.
static rnnc_status build_step(sample_job *job) {
    int64_t extents[MAX_AXES];
    const graph *g = job->model->graph;
    for (uint32_t a = 0; a < MAX_AXES; a++) {
        bool fixed = a < g->axes.count && g->axes.at[a].kind == AXIS_IS_FIXED;
        extents[a] = fixed ? g->axes.at[a].size : 1;
    }
    graph_keep_outputs(job->model->graph, is_value_or_state, NULL);
    TRY(build_machine(&job->compiler, job->model->graph, NULL, extents, job->d, &job->machine));
    return load_weights(job->line->weights, job->line->partial, &job->machine, job->d);
}

static rnnc_status run_sample(sample_job *job) {
    const command_line *line = job->line;
    if (!line->weights) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "sample needs --weights F.safetensors");
    }
    TRY(load_source(line, job->d, &job->source));
    TRY(load_model(&job->source, false, job->d, &job->model));
    TRY(check_direction(job));
    TRY(load_vocabularies(line->weights, job->d, &job->carried));
    TRY(choose_speller(job));
    TRY(read_prompt(job));
    job->classes = find_classes(job);
    TRY(open_compiler(line, job->d, &job->compiler));
    TRY(build_step(job));
    TRY(sampler_create(job->machine.engine, job->classes, job->d, &job->sampler));
    sampler_limit(job->sampler, speller_count(&job->speller));
    show_diagnostics(job->d);
    engine_begin(job->machine.engine);
    rnnc_status status = write_text(job);
    engine_end(job->machine.engine);
    return status;
}

rnnc_status command_sample(const command_line *line, diag_sink *d) {
    sample_job job = {.line = line, .d = d};
    rnnc_status status = run_sample(&job);
    free(job.prompt);
    sampler_destroy(job.sampler);
    machine_destroy(&job.machine);
    close_compiler(&job.compiler);
    carried_deinit(&job.carried);
    model_destroy(job.model);
    unload_source(&job.source);
    return status;
}
