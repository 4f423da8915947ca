// rnnc bench: medians of a training step's time, split into forward, backward and update, and each kernel's share.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "ir/classes.h"
#include "passes/place.h"
#include "runtime/initialize.h"
#include "support/clock.h"
#include "support/philox.h"

enum { LEAST_RUNS = 9, MOST_RUNS = 100000, WARM_RUNS = 3 };

static const double bench_seconds = 1;

typedef struct kernel_row {
    const char *name;
    bool product;
    double nanoseconds; // of a step
    double work;        // of a step: floating-point operations of products, else bytes
    int64_t calls;      // of a step
} kernel_row;

typedef struct bench_job {
    const command_line *line;
    diag_sink *d;
    loaded source;
    compiler compiler;
    arena memory;
    int64_t extents[MAX_AXES];
    double forward, both, step; // milliseconds; < 0: not measured
    int64_t runs;
    kernel_row *kernels;
    uint32_t kernel_count;
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

static rnnc_status initialize(const bench_job *job, const model *m, machine *made) {
    const recipe *r = m->recipe;
    weight_rule *rules = arena_new_array((arena *)&job->memory, weight_rule, (r ? r->init.count : 0) + 1);
    for (uint32_t i = 0; r && i < r->init.count; i++) {
        rules[i] = (weight_rule){r->init.at[i].pattern, r->init.at[i].init};
    }
    uint32_t count = r ? r->init.count : 0;
    TRY(weights_initialize(engine_weights(made->engine), rules, count, (uint64_t)job->line->seed, job->d));
    return machine_reset_slots(made, job->d);
}

// ---- Time ----

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static rnnc_status run_many(bench_job *job, engine *e, double *times, int64_t *out_runs) {
    double begin = clock_milliseconds();
    int64_t wanted = job->line->runs ? job->line->runs : MOST_RUNS, runs = 0;
    for (int64_t i = -WARM_RUNS; runs < wanted && runs < MOST_RUNS; i++) {
        double before = clock_milliseconds();
        TRY(engine_run(e, 1, (uint64_t)(i + WARM_RUNS), job->d));
        double after = clock_milliseconds();
        begin = i < 0 ? after : begin;
        if (i >= 0) {
            times[runs++] = after - before;
        }
        bool enough = !job->line->runs && runs >= LEAST_RUNS && after - begin > 1e3 * bench_seconds;
        if (enough) {
            break;
        }
    }
    *out_runs = runs;
    return RNNC_OK;
}

static rnnc_status median_time(bench_job *job, engine *e, double *out_median) {
    double *times = malloc(MOST_RUNS * sizeof *times);
    if (!times) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the times");
    }
    int64_t runs = 0;
    engine_begin(e);
    rnnc_status status = run_many(job, e, times, &runs);
    engine_end(e);
    if (status == RNNC_OK) {
        qsort(times, (size_t)runs, sizeof *times, by_size);
        *out_median = (times[runs / 2] + times[(runs - 1) / 2]) / 2;
        job->runs = runs;
    }
    free(times);
    return status;
}

// ---- Kernels ----

static double call_rows(const program *p, const program_call *call, const int64_t *extents) {
    double rows = 1;
    const kernel_desc *k = &p->kernels.at[call->kernel];
    // A flat kernel's elements are counted like the rows of one dimension.
    for (int d = 0; d < (k->flat ? 1 : k->dims); d++) {
        rows *= (double)(call->row_axes[d] ? axes_extent(call->row_axes[d], extents) : call->row_extents[d]);
    }
    return rows;
}

// Floating-point operations of a product, bytes of anything else.
static double call_work(const program *p, const program_call *call, const int64_t *extents) {
    const kernel_desc *k = &p->kernels.at[call->kernel];
    double rows = call_rows(p, call, extents), bytes = 0;
    if (k->kind == KERNEL_PRODUCT) {
        double inner = (double)(call->inner_axes ? axes_extent(call->inner_axes, extents) : call->inner);
        return 2 * rows * inner * k->columns * k->gates;
    }
    for (uint32_t i = 0; i < k->arg_count; i++) {
        const program_place *place = &call->args[i];
        double elements = k->args[i].uniform ? 1 : rows;
        elements *= k->columns < place->columns ? k->columns : place->columns;
        bytes += elements * dtype_bytes(place->elem);
    }
    if (k->kind == KERNEL_PACK) {
        bytes = 2.0 * k->inner * k->columns * k->gates * dtype_bytes((dtype)k->elem);
    }
    return bytes;
}

static int by_time(const void *a, const void *b) {
    double x = ((const kernel_row *)a)->nanoseconds, y = ((const kernel_row *)b)->nanoseconds;
    return (x < y) - (x > y);
}

static void add_calls(bench_job *job, const program *p, const call_time *times, int64_t steps) {
    job->kernels = arena_new_array(&job->memory, kernel_row, p->kernels.count + 1);
    job->kernel_count = p->kernels.count;
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        job->kernels[i].name = arena_strdup(&job->memory, p->kernels.at[i].name);
        job->kernels[i].product = p->kernels.at[i].kind == KERNEL_PRODUCT;
    }
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        kernel_row *row = &job->kernels[call->kernel];
        double runs = (double)times[i].runs / (double)steps;
        row->nanoseconds += (double)times[i].nanoseconds / (double)steps;
        row->work += runs * call_work(p, call, job->extents);
        row->calls += (int64_t)(runs + 0.5);
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
    add_calls(job, m->program, context_times(c), steps);
    return context_time_calls(c, false, job->d);
}

// ---- Phases ----

// The default pipeline of training up to the gradients, which stay outputs.
static const char *gradient_pipeline(bench_job *job) {
    if (job->compiler.interpret) {
        return "simplify, differentiate, simplify";
    }
    const char *whole = pass_pipeline_training, *update = strstr(whole, "update, ");
    int before = (int)(update - whole);
    return arena_printf(&job->memory, "%.*s%s", before, whole, update + strlen("update, "));
}

typedef enum phase { PHASE_FORWARD, PHASE_GRADIENTS, PHASE_STEP } phase;

static rnnc_status time_machine(bench_job *job, phase phase_timed, const model *m, machine *made) {
    int64_t *classes = find_classes(job, m->graph, made->engine);
    double *medians[] = {&job->forward, &job->both, &job->step};
    TRY(initialize(job, m, made));
    TRY(fill_inputs(job, made->engine, classes));
    TRY(median_time(job, made->engine, medians[phase_timed]));
    return phase_timed == PHASE_STEP ? time_kernels(job, made) : RNNC_OK;
}

static rnnc_status time_phase(bench_job *job, phase phase_timed) {
    model *m = NULL;
    TRY(load_model(&job->source, true, job->d, &m));
    const recipe *r = m->recipe;
    update_options update = {.rule = UPDATE_SGD, .rate = 0.01};
    update = r ? recipe_update(r, &job->memory) : update;
    job->compiler.pipeline = phase_timed == PHASE_GRADIENTS ? gradient_pipeline(job) : job->line->passes;
    graph_keep_measured(m->graph);
    machine made = {0};
    rnnc_status status = build_machine(&job->compiler, m->graph, phase_timed == PHASE_STEP ? &update : NULL,
                                       job->extents, job->d, &made);
    if (status == RNNC_OK) {
        status = time_machine(job, phase_timed, m, &made);
    }
    machine_destroy(&made);
    model_destroy(m);
    return status;
}

// ---- Results ----

static double rate_of(const kernel_row *row) {
    return row->nanoseconds > 0 ? row->work / row->nanoseconds : 0;
}

static double total_time(const bench_job *job) {
    double total = 0;
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        total += job->kernels[i].nanoseconds;
    }
    return total > 0 ? total : 1;
}

static void print_text(const bench_job *job, bool trains) {
    printf("batch %" PRId64 ", %d threads, median of %" PRId64 " runs\n", job->extents[AXIS_BATCH],
           job->compiler.threads, job->runs);
    printf("forward  %10.3f ms\n", job->forward);
    if (trains) {
        printf("backward %10.3f ms\nupdate   %10.3f ms\nstep     %10.3f ms\n", job->both - job->forward,
               job->step - job->both, job->step);
    }
    if (job->kernel_count) {
        printf("\n%6s  %10s  %6s  %14s  kernel\n", "share", "µs a step", "calls", "rate");
    }
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        const kernel_row *row = &job->kernels[i];
        printf("%5.1f%%  %9.1f  %6" PRId64 "  %7.1f %s  %s\n", 100 * row->nanoseconds / total_time(job),
               row->nanoseconds * 1e-3, row->calls, rate_of(row), row->product ? "GFLOP/s" : "GB/s   ",
               row->name);
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

static void print_json(const bench_job *job, bool trains) {
    strbuf text = {0};
    strbuf_addf(&text, "{\"batch\":%" PRId64 ",\"threads\":%d,\"runs\":%" PRId64 ",\"forward_ms\":%.6g",
                job->extents[AXIS_BATCH], job->compiler.threads, job->runs, job->forward);
    if (trains) {
        strbuf_addf(&text, ",\"backward_ms\":%.6g,\"update_ms\":%.6g,\"step_ms\":%.6g",
                    job->both - job->forward, job->step - job->both, job->step);
    }
    strbuf_add(&text, ",\"kernels\":[");
    for (uint32_t i = 0; i < job->kernel_count; i++) {
        const kernel_row *row = &job->kernels[i];
        strbuf_add(&text, i ? ",{\"name\":" : "{\"name\":");
        add_json_text(&text, row->name);
        strbuf_addf(&text, ",\"share\":%.4g,\"us\":%.6g,\"calls\":%" PRId64 ",\"%s\":%.4g}",
                    row->nanoseconds / total_time(job), row->nanoseconds * 1e-3, row->calls,
                    row->product ? "gflop_s" : "gbyte_s", rate_of(row));
    }
    strbuf_add(&text, "]}\n");
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
}

static rnnc_status find_extents(bench_job *job, bool *out_trains) {
    model *m = NULL;
    TRY(load_model(&job->source, true, job->d, &m));
    int unknown = NO_AXIS;
    bool known = choose_extents(job->line, m, NULL, job->extents, &unknown);
    rnnc_status status = RNNC_OK;
    if (!known) {
        status = diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "how long is %s? --length T",
                           m->graph->axes.at[unknown].name);
    }
    *out_trains = graph_find_output(m->graph, "loss") != NO_NODE;
    model_destroy(m);
    return status;
}

static rnnc_status run_bench(bench_job *job) {
    bool trains = false;
    TRY(load_source(job->line, job->d, &job->source));
    TRY(find_extents(job, &trains));
    TRY(open_compiler(job->line, job->d, &job->compiler));
    TRY(time_phase(job, PHASE_FORWARD));
    if (trains) {
        TRY(time_phase(job, PHASE_GRADIENTS));
        TRY(time_phase(job, PHASE_STEP));
    }
    if (job->line->json) {
        print_json(job, trains);
    } else {
        print_text(job, trains);
    }
    return RNNC_OK;
}

rnnc_status command_bench(const command_line *line, diag_sink *d) {
    bench_job job = {.line = line, .d = d};
    arena_init(&job.memory);
    rnnc_status status = run_bench(&job);
    close_compiler(&job.compiler);
    unload_source(&job.source);
    arena_deinit(&job.memory);
    return status;
}
