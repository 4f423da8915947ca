#include "runtime/train/measures.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

// The classes' counts have names of their own; all other metrics are averaged.
static double *class_sum(measures *m, const char *name) {
    return strcmp(name, "correct") == 0 ? &m->correct
           : strcmp(name, "count") == 0 ? &m->count
           : strcmp(name, "nats") == 0  ? &m->nats
                                        : NULL;
}

static void add_other(measures *m, const char *name, double value) {
    uint32_t i = 0;
    while (i < m->other_count && strcmp(m->names[i], name) != 0) {
        i++;
    }
    if (i == m->other_count) {
        if (i == MEASURES_MOST) {
            return;
        }
        m->names[m->other_count++] = name;
    }
    m->sums[i] += value;
}

static bool has_target_along_steps(const engine *e) {
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        engine_value info = engine_input_info(e, i);
        if (strcmp(info.role, "target") == 0 && (info.type.axes & ~AXIS_BIT(AXIS_BATCH))) {
            return true;
        }
    }
    return false;
}

double measures_add(measures *m, engine *e, int64_t rows) {
    bool classes = engine_find_output(e, "correct") >= 0 && engine_find_output(e, "count") >= 0 &&
                   engine_find_output(e, "nats") >= 0;
    double loss = 0;
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        engine_value info = engine_output_info(e, i);
        bool is_loss = strcmp(info.role, "loss") == 0;
        if (!is_loss && strcmp(info.role, "metric") != 0) {
            continue;
        }
        double value = engine_output_number(e, i), *sum = classes ? class_sum(m, info.name) : NULL;
        if (is_loss) {
            loss = value;
            m->loss += value * (double)rows;
            m->has_loss = true;
        } else if (sum) {
            *sum += value;
        } else {
            add_other(m, info.name, value * (double)rows);
        }
    }
    m->has_classes = m->has_classes || classes;
    m->along_steps = has_target_along_steps(e);
    m->rows += (double)rows;
    return loss;
}

double measures_loss(const measures *m) {
    return m->rows > 0 ? m->loss / m->rows : 0;
}

uint32_t measures_values(const measures *m, metric *out_values) {
    uint32_t count = 0;
    if (m->has_loss) {
        out_values[count++] = (metric){"loss", measures_loss(m)};
    }
    if (m->has_classes && m->count > 0) {
        out_values[count++] = (metric){"accuracy", m->correct / m->count};
    }
    if (m->has_classes && m->count > 0 && m->along_steps) {
        out_values[count++] = (metric){"perplexity", exp(m->nats / m->count)};
    }
    for (uint32_t i = 0; i < m->other_count; i++) {
        out_values[count++] = (metric){m->names[i], m->rows > 0 ? m->sums[i] / m->rows : 0};
    }
    return count;
}

// ---- In checkpoints ----

typedef struct sum_row {
    const char *key;
    size_t offset;
} sum_row;

static const sum_row sum_rows[] = {
    {"rows", offsetof(measures, rows)},       {"loss", offsetof(measures, loss)},
    {"correct", offsetof(measures, correct)}, {"count", offsetof(measures, count)},
    {"nats", offsetof(measures, nats)},
};

static const sum_row flag_rows[] = {
    {"has_loss", offsetof(measures, has_loss)},
    {"has_classes", offsetof(measures, has_classes)},
    {"along_steps", offsetof(measures, along_steps)},
};

enum { SUM_ROWS = sizeof sum_rows / sizeof *sum_rows, FLAG_ROWS = sizeof flag_rows / sizeof *flag_rows };

void measures_save(const measures *m, const char *prefix, record *r) {
    for (int i = 0; i < SUM_ROWS; i++) {
        double value;
        memcpy(&value, (const char *)m + sum_rows[i].offset, sizeof value);
        record_real(r, record_key(r, prefix, sum_rows[i].key), value);
    }
    for (int i = 0; i < FLAG_ROWS; i++) {
        bool value;
        memcpy(&value, (const char *)m + flag_rows[i].offset, sizeof value);
        record_whole(r, record_key(r, prefix, flag_rows[i].key), value);
    }
    for (uint32_t i = 0; i < m->other_count; i++) {
        record_real(r, record_key(r, record_key(r, prefix, "metric."), m->names[i]), m->sums[i]);
    }
}

// The metrics that have names of their own, in the order in which the engine gives them.
static rnnc_status restore_others(measures *m, const char *prefix, const safetensors *file, engine *e,
                                  record *keys, diag_sink *d) {
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        const char *name = engine_output_info(e, i).name;
        const char *key = record_key(keys, record_key(keys, prefix, "metric."), name);
        bool kept = m->other_count < MEASURES_MOST && safetensors_metadata(file, key);
        double sum = 0;
        TRY(kept ? record_read_real(file, key, d, &sum) : RNNC_OK);
        if (kept) {
            m->names[m->other_count] = name;
            m->sums[m->other_count++] = sum;
        }
    }
    return RNNC_OK;
}

rnnc_status measures_restore(measures *m, const char *prefix, const safetensors *file, engine *e,
                             record *keys, diag_sink *d) {
    *m = (measures){0};
    for (int i = 0; i < SUM_ROWS; i++) {
        double value;
        TRY(record_read_real(file, record_key(keys, prefix, sum_rows[i].key), d, &value));
        memcpy((char *)m + sum_rows[i].offset, &value, sizeof value);
    }
    for (int i = 0; i < FLAG_ROWS; i++) {
        int64_t value;
        TRY(record_read_whole(file, record_key(keys, prefix, flag_rows[i].key), d, &value));
        bool flag = value != 0;
        memcpy((char *)m + flag_rows[i].offset, &flag, sizeof flag);
    }
    return restore_others(m, prefix, file, e, keys, d);
}
