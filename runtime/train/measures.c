#include "runtime/train/measures.h"

#include <math.h>
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
