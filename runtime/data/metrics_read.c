// Reading of metrics files.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/gzfile.h"
#include "runtime/data/metrics.h"

static uint32_t column_of(metrics_table *t, const char *key) {
    for (uint32_t i = 0; i < t->columns.count; i++) {
        if (strcmp(t->columns.at[i].key, key) == 0) {
            return i;
        }
    }
    metrics_column added = {.key = arena_strdup(&t->memory, key)};
    vec_push(&t->memory, t->columns, added);
    return t->columns.count - 1;
}

// Lines that said nothing of the key count as NaN.
static void fill_up(metrics_table *t, metrics_column *c) {
    while (c->values.count < t->rows) {
        vec_push(&t->memory, c->values, (double)NAN);
    }
}

static void put(metrics_table *t, uint32_t column, double value) {
    metrics_column *c = &t->columns.at[column];
    fill_up(t, c);
    vec_push(&t->memory, c->values, value);
}

static bool number_of(const json_t *value, double *out) {
    const char *text = json_string_value(value);
    bool above = text && strcmp(text, "inf") == 0, below = text && strcmp(text, "-inf") == 0;
    *out = above ? INFINITY : below ? -INFINITY : json_number_value(value);
    return above || below || json_is_number(value);
}

static void add_row(metrics_table *t, json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        double number;
        if (number_of(value, &number)) {
            put(t, column_of(t, key), number);
        }
    }
    t->rows++;
}

void metrics_table_init(metrics_table *out_table) {
    *out_table = (metrics_table){0};
    arena_init(&out_table->memory);
}

static void fill_all(metrics_table *t) {
    for (uint32_t i = 0; i < t->columns.count; i++) {
        fill_up(t, &t->columns.at[i]);
    }
}

void metrics_add(metrics_table *t, const metric *metrics, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isnan(metrics[i].value)) {
            put(t, column_of(t, metrics[i].key), metrics[i].value);
        }
    }
    t->rows++;
    fill_all(t);
}

// Empty lines are passed over.
static rnnc_status add_line(metrics_table *t, const char *text, size_t length, const char *path, size_t line,
                            diag_sink *d) {
    if (!length) {
        return RNNC_OK;
    }
    json_error_t error;
    json_t *object = json_loadb(text, length, 0, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return diag_fail(
            d, RNNC_CORRUPT, NO_SPAN,
            "%s: line %zu is not a JSON object; metrics have one a line, as `rnnc train --metrics` writes",
            path, line);
    }
    add_row(t, object);
    json_decref(object);
    return RNNC_OK;
}

static rnnc_status add_lines(metrics_table *t, const char *text, size_t length, const char *path,
                             diag_sink *d) {
    size_t line = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t count = end ? (size_t)(end - (text + at)) : length - at;
        TRY(add_line(t, text + at, count, path, ++line, d));
        at += count + 1;
    }
    fill_all(t);
    return t->rows ? RNNC_OK : diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: there are no metrics in it", path);
}

rnnc_status metrics_read(const char *path, diag_sink *d, metrics_table *out_table) {
    *out_table = (metrics_table){0};
    file_bytes bytes = {0};
    TRY(gzfile_read(path, 0, d, &bytes));
    metrics_table_init(out_table);
    rnnc_status status = add_lines(out_table, (const char *)bytes.data, bytes.size, path, d);
    file_bytes_deinit(&bytes);
    if (status != RNNC_OK) {
        metrics_table_deinit(out_table);
    }
    return status;
}

void metrics_table_deinit(metrics_table *t) {
    arena_deinit(&t->memory);
    *t = (metrics_table){0};
}

const double *metrics_find(const metrics_table *t, const char *key) {
    for (uint32_t i = 0; i < t->columns.count; i++) {
        if (strcmp(t->columns.at[i].key, key) == 0) {
            return t->columns.at[i].values.at;
        }
    }
    return NULL;
}
