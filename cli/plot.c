// rnnc plot: the curves of one or several runs, from their metrics files.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "runtime/data/metrics.h"

static const char default_metric[] = "loss";

typedef struct plot_job {
    const command_line *line;
    diag_sink *d;
    arena memory;
    metrics_table *runs;
    uint32_t read; // runs
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
        for (uint32_t i = 0; i < job->read && fits; i++) {
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
        job->read > 1 ? arena_printf(&job->memory, "%s: %s", run_name(job, job->line->files.at[run]), key)
                      : key;
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
                                   job->line->files.at[run], key, strbuf_text(&known));
    strbuf_deinit(&known);
    return status;
}

// The metric of each run, and beside it the same on the held-out data, dashed.
static rnnc_status collect(plot_job *job, const char *axis, const char *key) {
    const char *held_out = arena_printf(&job->memory, "validation_%s", key);
    for (uint32_t i = 0; i < job->read; i++) {
        bool found = add_series(job, i, axis, key, PLOT_LINE);
        found |= add_series(job, i, axis, held_out, PLOT_DASHED);
        TRY(found ? RNNC_OK : report_missing(job, i, key));
    }
    return RNNC_OK;
}

static rnnc_status draw(plot_job *job) {
    const command_line *line = job->line;
    job->runs = arena_new_array(&job->memory, metrics_table, line->files.count);
    for (; job->read < line->files.count; job->read++) {
        TRY(metrics_read(line->files.at[job->read], job->d, &job->runs[job->read]));
    }
    const char *key = line->metric ? line->metric : default_metric, *axis = common_axis(job);
    TRY(collect(job, axis, key));
    plot p = {
        .title = key, .x_label = axis ? axis : "line", .series = job->series.at, .count = job->series.count};
    p.log_y = line->log_scale;
    draw_plot(&p);
    if (line->plot) {
        TRY(plot_svg_write(line->plot, &p, job->d));
        printf("drawn into %s\n", line->plot);
    }
    return RNNC_OK;
}

rnnc_status command_plot(const command_line *line, diag_sink *d) {
    plot_job job = {.line = line, .d = d};
    arena_init(&job.memory);
    rnnc_status status = draw(&job);
    for (uint32_t i = 0; i < job.read; i++) {
        metrics_table_deinit(&job.runs[i]);
    }
    arena_deinit(&job.memory);
    return status;
}
