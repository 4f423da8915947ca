#include "report/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char default_metric[] = "loss";

typedef struct plot_job {
    diag_sink *d;
    arena memory;
    const metrics_table *runs;
    const char *const *paths; // of the runs, for their names
    uint32_t count;
    VEC(plot_series) series;
} plot_job;

// "runs/small.jsonl" is called "small".
static const char *run_name(plot_job *job, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strchr(name, '.');
    return dot && dot > name ? arena_strndup(&job->memory, name, (size_t)(dot - name)) : name;
}

static bool is_ascending(const double *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        bool after = i == 0 || values[i] > values[i - 1];
        if (!isfinite(values[i]) || !after) {
            return false;
        }
    }
    return true;
}

// What all runs can be drawn over: epochs, else steps, else the lines themselves (NULL).
static const char *common_axis(const plot_job *job) {
    static const char *const keys[] = {"epoch", "step"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        bool fits = true;
        for (uint32_t i = 0; i < job->count && fits; i++) {
            const double *x = metrics_find(&job->runs[i], keys[k]);
            fits = x && is_ascending(x, job->runs[i].rows);
        }
        if (fits) {
            return keys[k];
        }
    }
    return NULL;
}

static bool add_series(plot_job *job, uint32_t run, const char *axis, const char *key, plot_style style) {
    const metrics_table *t = &job->runs[run];
    const double *y = metrics_find(t, key);
    if (!y) {
        return false;
    }
    const char *name =
        job->count > 1 ? arena_printf(&job->memory, "%s: %s", run_name(job, job->paths[run]), key) : key;
    plot_series s = {name, axis ? metrics_find(t, axis) : NULL, y, t->rows, style};
    vec_push(&job->memory, job->series, s);
    return true;
}

static rnnc_status report_missing(const plot_job *job, uint32_t run, const char *key) {
    const metrics_table *t = &job->runs[run];
    strbuf known = {0};
    for (uint32_t i = 0; i < t->columns.count; i++) {
        strbuf_addf(&known, "%s%s", i ? ", " : "", t->columns.at[i].key);
    }
    rnnc_status status = diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s has no metric '%s'; it has %s",
                                   job->paths[run], key, strbuf_text(&known));
    strbuf_deinit(&known);
    return status;
}

// The metric of each run, and beside it the same on the held-out data, dashed.
static rnnc_status collect(plot_job *job, const char *axis, const char *key) {
    const char *held_out = arena_printf(&job->memory, "validation_%s", key);
    for (uint32_t i = 0; i < job->count; i++) {
        bool found = add_series(job, i, axis, key, PLOT_LINE);
        found |= add_series(job, i, axis, held_out, PLOT_DASHED);
        TRY(found ? RNNC_OK : report_missing(job, i, key));
    }
    return RNNC_OK;
}

static rnnc_status draw(plot_job *job, const curves_options *options, curves_drawer *drawer, void *self) {
    const char *key = options->metric ? options->metric : default_metric, *axis = common_axis(job);
    TRY(collect(job, axis, key));
    plot p = {.title = key,
              .x_label = axis ? axis : "line",
              .series = job->series.at,
              .count = job->series.count,
              .whole_x = true,
              .log_y = options->log_scale};
    return drawer(self, &p, job->d);
}

// The arena with names and series comes back here without memory.
static rnnc_status draw_guarded(plot_job *job, const curves_options *options, curves_drawer *drawer,
                                void *self) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for curves");
    }
    job->memory.exhausted = &exhausted;
    rnnc_status status = draw(job, options, drawer, self);
    job->memory.exhausted = NULL;
    return status;
}

rnnc_status curves_draw(const curves_options *options, diag_sink *d, curves_drawer *drawer, void *self) {
    plot_job job = {.d = d, .runs = options->runs, .paths = options->paths, .count = options->count};
    arena_init(&job.memory);
    rnnc_status status = draw_guarded(&job, options, drawer, self);
    arena_deinit(&job.memory);
    return status;
}

rnnc_status curves_draw_files(const curves_options *options, diag_sink *d, curves_drawer *drawer,
                              void *self) {
    uint32_t read = 0;
    metrics_table *runs = calloc(options->count + (size_t)1, sizeof *runs);
    if (!runs) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %u tables", options->count);
    }
    rnnc_status status = RNNC_OK;
    while (read < options->count && status == RNNC_OK) {
        status = metrics_read(options->paths[read], d, &runs[read]);
        read += status == RNNC_OK;
    }
    if (status == RNNC_OK) {
        curves_options all = *options;
        all.runs = runs;
        status = curves_draw(&all, d, drawer, self);
    }
    for (uint32_t i = 0; i < read; i++) {
        metrics_table_deinit(&runs[i]);
    }
    free(runs);
    return status;
}
