#include <string.h>

#include "runtime/train/trainer_parts.h"
#include "support/memory.h"

// ---- Progress ----

void report_start(trainer *r) {
    const training *t = r->t;
    if (!t->progress) {
        return;
    }
    bool by_steps = trainer_by_steps(r);
    // The count of an epoch begins with its first batch, also if that was in another run.
    r->bar_begin = by_steps ? 0 : r->at.step - r->at.batch;
    int64_t total = by_steps ? t->max_steps : feed_steps(r->feed);
    int64_t allowed = t->max_steps ? t->max_steps - r->bar_begin : total;
    if (by_steps) {
        snprintf(r->title, sizeof r->title, "training");
    } else {
        snprintf(r->title, sizeof r->title, "epoch %lld/%lld", (long long)r->at.epoch, (long long)t->epochs);
    }
    progress_init(&r->bar, t->progress, r->title, total < allowed ? total : allowed);
    r->bar.first = r->at.step - r->bar_begin;
    // Many epochs make a line each, few make several.
    r->bar.plain_interval = !by_steps && t->epochs > 10 ? 2 : 0.1;
    r->busy = r->speed.seconds = 0;
    r->places = 0;
}

enum { MOST_FIELDS = 2 * (MEASURES_MOST + 3) + UPDATE_METRICS + 2 };

// A line is short: "rate", "norm", "skipped".
static const char *update_label(const char *key) {
    return strcmp(key, "learning_rate") == 0   ? "rate"
           : strcmp(key, "gradient_norm") == 0 ? "norm"
                                               : "skipped";
}

static uint32_t progress_fields(const trainer *r, const measures *trained, const measures *validation,
                                progress_field *out_fields) {
    metric values[2 * (MEASURES_MOST + 3)];
    uint32_t count = trained ? measures_values(trained, values) : 0, first = count;
    count += validation ? measures_values(validation, values + count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = values[i].key;
        bool percent = strcmp(name, "accuracy") == 0;
        if (i >= first) {
            name = strcmp(name, "loss") == 0 ? "validation loss" : name;
        }
        out_fields[i] = (progress_field){name, values[i].value, percent ? PROGRESS_PERCENT : PROGRESS_VALUE};
    }
    metric updates[UPDATE_METRICS];
    uint32_t update_count = update_watch_values(&r->watch, &r->at.updates, updates);
    for (uint32_t i = 0; i < update_count; i++) {
        const char *label = update_label(updates[i].key);
        bool counts = strcmp(label, "skipped") == 0;
        out_fields[count++] =
            (progress_field){label, updates[i].value, counts ? PROGRESS_COUNT : PROGRESS_VALUE};
    }
    bool streams = r->t->data->batching == BATCH_STREAMS;
    const char *unit = streams ? dataset_unit(r->t->data) : "examples/s";
    double epoch = r->speed.seconds > 0 ? r->speed.seconds : trainer_now() - r->speed.begin;
    double seconds = r->busy + epoch; // validation is not in them
    out_fields[count++] = (progress_field){unit, seconds > 0 ? r->places / seconds : 0, PROGRESS_RATE};
    return count;
}

// By steps the numbers are those of the last whole epoch: an epoch may be a few steps.
static const measures *shown_measures(const trainer *r) {
    bool last = trainer_by_steps(r) && r->at.last.rows > 0;
    return last ? &r->at.last : &r->at.sums;
}

void report_step(trainer *r) {
    progress_field fields[MOST_FIELDS];
    if (r->t->progress) {
        uint32_t count = progress_fields(r, shown_measures(r), NULL, fields);
        progress_update(&r->bar, r->at.step - r->bar_begin, fields, count);
    }
}

void report_finish(trainer *r, bool stopped) {
    progress_field fields[MOST_FIELDS];
    if (r->t->progress) {
        const measures *trained = stopped ? shown_measures(r) : &r->at.last;
        const measures *validation = r->t->validation && !stopped ? &r->at.validation : NULL;
        uint32_t count = progress_fields(r, trained, validation, fields);
        fields[count++] = (progress_field){"memory", (double)memory_peak(), PROGRESS_BYTES};
        progress_finish(&r->bar, r->at.step - r->bar_begin, fields, count);
    }
}

// ---- Metrics ----

// Of a sequence's classes those that count are counted, and of streams all steps; else there are only examples.
static metric measured_speed(const trainer *r) {
    const measures *m = &r->at.sums;
    bool streams = r->t->data->batching == BATCH_STREAMS, classes = m->has_classes && m->along_steps;
    double done = classes && !streams ? m->count - r->speed.counted : r->speed.places;
    const char *key = classes || streams ? "tokens_per_second" : "examples_per_second";
    return (metric){key, r->speed.seconds > 0 ? done / r->speed.seconds : 0};
}

rnnc_status report_metrics(trainer *r, const measures *validation) {
    if (!r->writes && !r->t->curves) {
        return RNNC_OK;
    }
    metric values[2 * (MEASURES_MOST + 3) + UPDATE_METRICS + 5];
    uint32_t count = 0;
    values[count++] = (metric){"epoch", (double)r->at.epoch};
    values[count++] = (metric){"step", (double)r->at.step};
    count += measures_values(&r->at.sums, values + count);
    uint32_t first = count;
    count += validation ? measures_values(validation, values + count) : 0;
    for (uint32_t i = first; i < count; i++) {
        values[i].key = arena_printf(&r->memory, "validation_%s", values[i].key);
    }
    count += update_watch_values(&r->watch, &r->at.updates, values + count);
    // What is of this machine and this run comes last.
    values[count++] = (metric){"seconds", r->seconds_before + trainer_now() - r->begin};
    values[count++] = measured_speed(r);
    values[count++] = (metric){"peak_memory", (double)memory_peak()};
    if (r->t->curves) {
        metrics_add(r->t->curves, values, count);
    }
    return r->writes ? metrics_write(&r->writer, values, count, r->d) : RNNC_OK;
}

// ---- Whoever watches ----

void report_news(const trainer *r, const measures *validation) {
    if (!r->t->watch) {
        return;
    }
    metric trained[MEASURES_MOST + 3 + UPDATE_METRICS], validated[MEASURES_MOST + 3];
    uint32_t count = measures_values(&r->at.sums, trained);
    count += update_watch_values(&r->watch, &r->at.updates, trained + count);
    training_news news = {
        .epoch = r->at.epoch,
        .step = r->at.step,
        .batch = r->at.batch,
        .batches = feed_steps(r->feed),
        .epoch_over = validation != NULL,
        .trained = trained,
        .trained_count = count,
        .validation = validated,
        .validation_count = validation ? measures_values(validation, validated) : 0,
    };
    r->t->watch(r->t->user, &news);
}
