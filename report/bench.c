#include "report/bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ir/classes.h"
#include "passes/pass.h"
#include "report/kernels.h"
#include "support/clock.h"
#include "support/philox.h"

enum { LEAST_RUNS = 9, MOST_RUNS = 100000, WARM_RUNS = 3 };

static const double bench_seconds = 1;

typedef struct bench_job {
    const bench_request *request;
    diag_sink *d;
    strbuf *out;
    arena memory;
    int64_t extents[MAX_AXES];
    bool trains;
    double forward, both, step; // milliseconds; < 0: not measured
    int64_t runs;
    kernel_total *kernels; // of a step
    uint32_t kernel_count;
    // Of the phase that is measured.
    model *model;
    machine machine;
    double *times;
} bench_job;

// ---- Inputs ----

static double draw(uint32_t stream, int64_t index) {
    const uint32_t key[2] = {stream, 0}, counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), 0, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return philox_uniform(word[0]);
}

// Tokens in range, numbers in [-1, 1); states stay zero, settings are 1.
static void fill_input(engine *e, uint32_t input, int64_t classes) {
    engine_value info = engine_input_info(e, input);
    int64_t count = 0;
    void *to = engine_input(e, input, &count);
    bool setting = strcmp(info.role, "setting") == 0;
    for (int64_t i = 0; i < count && strcmp(info.role, "state") != 0; i++) {
        double u = draw(input, i), real = setting ? 1 : 2 * u - 1;
        switch (info.type.elem) {
        case DT_F32: ((float *)to)[i] = (float)real; break;
        case DT_F64: ((double *)to)[i] = real; break;
        default: ((int32_t *)to)[i] = (int32_t)(u * (double)classes); break;
        }
    }
}

static rnnc_status fill_inputs(const bench_job *job, engine *e, const int64_t *classes) {
    TRY(engine_set_extents(e, job->extents, job->d));
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        fill_input(e, i, classes[i]);
    }
    return RNNC_OK;
}

// How many values the tokens of each of the engine's inputs have; lengths are full.
static int64_t *find_classes(bench_job *job, const graph *g, const engine *e) {
    int64_t *classes = arena_new_array(&job->memory, int64_t, engine_input_count(e) + 1);
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        node_id n = graph_find_input(g, engine_input_info(e, i).name);
        classes[i] = n == NO_NODE ? 0 : graph_token_classes(g, n);
    }
    return classes;
}

// ---- Time ----

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static rnnc_status run_many(bench_job *job, engine *e, double *times, int64_t *out_runs) {
    double begin = clock_milliseconds();
    int64_t wanted = job->request->runs ? job->request->runs : MOST_RUNS, runs = 0;
    for (int64_t i = -WARM_RUNS; runs < wanted && runs < MOST_RUNS; i++) {
        double before = clock_milliseconds();
        TRY(engine_run(e, 1, (uint64_t)(i + WARM_RUNS), job->d));
        double after = clock_milliseconds();
        begin = i < 0 ? after : begin;
        if (i >= 0) {
            times[runs++] = after - before;
        }
        bool enough = !job->request->runs && runs >= LEAST_RUNS && after - begin > 1e3 * bench_seconds;
        if (enough) {
            break;
        }
    }
    *out_runs = runs;
    return RNNC_OK;
}

static rnnc_status median_time(bench_job *job, engine *e, double *out_median) {
    job->times = job->times ? job->times : malloc(MOST_RUNS * sizeof *job->times);
    if (!job->times) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the times");
    }
    int64_t runs = 0;
    engine_begin(e);
    rnnc_status status = run_many(job, e, job->times, &runs);
    engine_end(e);
    if (status == RNNC_OK) {
        qsort(job->times, (size_t)runs, sizeof *job->times, by_size);
        *out_median = (job->times[runs / 2] + job->times[(runs - 1) / 2]) / 2;
        job->runs = runs;
    }
    return status;
}

// ---- Kernels ----

static int by_time(const void *a, const void *b) {
    double x = ((const kernel_total *)a)->nanoseconds, y = ((const kernel_total *)b)->nanoseconds;
    return (x < y) - (x > y);
}

static void add_kernels(bench_job *job, const program *p, const call_time *times, int64_t steps) {
    job->kernels = arena_new_array(&job->memory, kernel_total, p->kernels.count + 1);
    job->kernel_count = p->kernels.count;
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        kernel_total *k = &job->kernels[i];
        *k = kernel_total_of(p, i, times, job->extents);
        k->name = arena_strdup(&job->memory, k->name);
        k->nanoseconds /= (double)steps;
        k->work /= (double)steps;
        k->calls = (int64_t)((double)k->calls / (double)steps + 0.5);
    }
    qsort(job->kernels, job->kernel_count, sizeof *job->kernels, by_time);
}

static rnnc_status time_kernels(bench_job *job, const machine *m) {
    context *c = engine_context(m->engine);
    if (!c) {
        return RNNC_OK; // the interpreter has no kernels
    }
    TRY(context_time_calls(c, true, job->d));
    int64_t steps = job->runs < LEAST_RUNS ? job->runs : LEAST_RUNS;
    engine_begin(m->engine);
    rnnc_status status = RNNC_OK;
    for (int64_t i = 0; i < steps && status == RNNC_OK; i++) {
        status = engine_run(m->engine, 1, (uint64_t)i, job->d);
    }
    engine_end(m->engine);
    TRY(status);
    add_kernels(job, m->program, context_times(c), steps);
    return context_time_calls(c, false, job->d);
}

// ---- Phases ----

// The default pipeline of training up to the gradients, which stay outputs.
static const char *gradient_pipeline(bench_job *job) {
    if (job->request->interpret) {
        return machine_interpreted_gradients;
    }
    const char *whole = pass_pipeline_training, *update = strstr(whole, "update, ");
    int before = (int)(update - whole);
    return arena_printf(&job->memory, "%.*s%s", before, whole, update + strlen("update, "));
}

typedef enum phase { PHASE_FORWARD, PHASE_GRADIENTS, PHASE_STEP } phase;

static rnnc_status time_machine(bench_job *job, phase phase_timed, const model *m, machine *made) {
    int64_t *classes = find_classes(job, m->graph, made->engine);
    double *medians[] = {&job->forward, &job->both, &job->step};
    TRY(recipe_begin_weights(m->recipe, engine_weights(made->engine), job->request->seed, job->d));
    TRY(fill_inputs(job, made->engine, classes));
    TRY(median_time(job, made->engine, medians[phase_timed]));
    return phase_timed == PHASE_STEP ? time_kernels(job, made) : RNNC_OK;
}

static rnnc_status build_model(bench_job *job) {
    model_options options = job->request->options;
    options.training = true;
    return model_build(job->d, job->request->source, &options, &job->model);
}

static rnnc_status build_and_time(bench_job *job, phase phase_timed) {
    const bench_request *request = job->request;
    TRY(build_model(job));
    const recipe *r = job->model->recipe;
    update_options update = {.rule = UPDATE_SGD, .rate = 0.01};
    update = r ? recipe_update(r, &job->memory) : update;
    const char *pipeline = phase_timed == PHASE_GRADIENTS ? gradient_pipeline(job) : request->pipeline;
    graph_keep_measured(job->model->graph);
    TRY(request->make(request->self, job->model->graph, pipeline, phase_timed == PHASE_STEP ? &update : NULL,
                      job->extents, job->d, &job->machine));
    return time_machine(job, phase_timed, job->model, &job->machine);
}

static void end_phase(bench_job *job) {
    machine_destroy(&job->machine);
    model_destroy(job->model);
    job->model = NULL;
}

static rnnc_status time_phase(bench_job *job, phase phase_timed) {
    rnnc_status status = build_and_time(job, phase_timed);
    end_phase(job);
    return status;
}

// ---- Results ----

static double rate_of(const kernel_total *row) {
    return row->nanoseconds > 0 ? row->work / row->nanoseconds : 0;
}

static double total_time(const bench_job *job) {
    double total = 0;
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        total += job->kernels[i].nanoseconds;
    }
    return total > 0 ? total : 1;
}

static void add_text(const bench_job *job) {
    strbuf_addf(job->out, "batch %" PRId64 ", %d threads, median of %" PRId64 " runs\n",
                job->extents[AXIS_BATCH], job->request->threads, job->runs);
    strbuf_addf(job->out, "forward  %10.3f ms\n", job->forward);
    if (job->trains) {
        strbuf_addf(job->out, "backward %10.3f ms\nupdate   %10.3f ms\nstep     %10.3f ms\n",
                    job->both - job->forward, job->step - job->both, job->step);
    }
    if (job->kernel_count) {
        strbuf_addf(job->out, "\n%6s  %10s  %6s  %14s  kernel\n", "share", "µs a step", "calls", "rate");
    }
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        const kernel_total *row = &job->kernels[i];
        strbuf_addf(job->out, "%5.1f%%  %9.1f  %6" PRId64 "  %7.1f %s  %s\n",
                    100 * row->nanoseconds / total_time(job), row->nanoseconds * 1e-3, row->calls,
                    rate_of(row), row->product ? "GFLOP/s" : "GB/s   ", row->name);
    }
}

static void add_json_text(strbuf *out, const char *text) {
    strbuf_add(out, "\"");
    for (; *text; text++) {
        bool escape = *text == '"' || *text == '\\';
        strbuf_addf(out, escape ? "\\%c" : (unsigned char)*text < 32 ? "?" : "%c", *text);
    }
    strbuf_add(out, "\"");
}

static void add_json(const bench_job *job) {
    strbuf *text = job->out;
    strbuf_addf(text, "{\"batch\":%" PRId64 ",\"threads\":%d,\"runs\":%" PRId64 ",\"forward_ms\":%.6g",
                job->extents[AXIS_BATCH], job->request->threads, job->runs, job->forward);
    if (job->trains) {
        strbuf_addf(text, ",\"backward_ms\":%.6g,\"update_ms\":%.6g,\"step_ms\":%.6g",
                    job->both - job->forward, job->step - job->both, job->step);
    }
    strbuf_add(text, ",\"kernels\":[");
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        const kernel_total *row = &job->kernels[i];
        strbuf_add(text, i ? ",{\"name\":" : "{\"name\":");
        add_json_text(text, row->name);
        strbuf_addf(text, ",\"share\":%.4g,\"us\":%.6g,\"calls\":%" PRId64 ",\"%s\":%.4g}",
                    row->nanoseconds / total_time(job), row->nanoseconds * 1e-3, row->calls,
                    row->product ? "gflop_s" : "gbyte_s", rate_of(row));
    }
    strbuf_add(text, "]}\n");
}

// ---- The whole ----

static rnnc_status find_extents(bench_job *job) {
    TRY(build_model(job));
    int unknown = NO_AXIS;
    job->trains = graph_find_output(job->model->graph, "loss") != NO_NODE;
    return model_extents(job->model, &job->request->wishes, job->extents, &unknown)
               ? RNNC_OK
               : diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "how long is %s? %slength T",
                           job->model->graph->axes.at[unknown].name, job->request->dashes);
}

static rnnc_status run_bench(bench_job *job) {
    TRY(find_extents(job));
    end_phase(job);
    TRY(time_phase(job, PHASE_FORWARD));
    if (job->trains) {
        TRY(time_phase(job, PHASE_GRADIENTS));
        TRY(time_phase(job, PHASE_STEP));
    }
    if (job->request->json) {
        add_json(job);
    } else {
        add_text(job);
    }
    return RNNC_OK;
}

// The bench's own arena comes back here without memory.
static rnnc_status run_guarded(bench_job *job) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a measurement");
    }
    job->memory.exhausted = &exhausted;
    rnnc_status status = run_bench(job);
    job->memory.exhausted = NULL;
    return status;
}

rnnc_status bench_report(const bench_request *request, diag_sink *d, strbuf *out) {
    bench_job job = {.request = request, .d = d, .out = out};
    arena_init(&job.memory);
    rnnc_status status = run_guarded(&job);
    end_phase(&job);
    free(job.times);
    arena_deinit(&job.memory);
    return status;
}
