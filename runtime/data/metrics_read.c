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

typedef struct reading {
    metrics_table *table;
    const char *path;
    diag_sink *d;
    json_t *object; // of the line that is being read
} reading;

static rnnc_status parse_line(reading *r, const char *text, size_t length, size_t line) {
    json_error_t error;
    r->object = json_loadb(text, length, 0, &error);
    if (json_is_object(r->object)) {
        return RNNC_OK;
    }
    if (!r->object && json_error_code(&error) == json_error_out_of_memory) {
        return diag_fail(r->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: no memory for line %zu", r->path, line);
    }
    return diag_fail(
        r->d, RNNC_CORRUPT, NO_SPAN,
        "%s: line %zu is not a JSON object; metrics have one a line, as `rnnc train --metrics` writes",
        r->path, line);
}

static void forget_line(reading *r) {
    json_decref(r->object);
    r->object = NULL;
}

// Empty lines are passed over.
static rnnc_status add_line(reading *r, const char *text, size_t length, size_t line) {
    if (!length) {
        return RNNC_OK;
    }
    TRY(parse_line(r, text, length, line));
    add_row(r->table, r->object);
    forget_line(r);
    return RNNC_OK;
}

static rnnc_status add_lines(reading *r, const char *text, size_t length) {
    size_t line = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t count = end ? (size_t)(end - (text + at)) : length - at;
        TRY(add_line(r, text + at, count, ++line));
        at += count + 1;
    }
    fill_all(r->table);
    return r->table->rows ? RNNC_OK
                          : diag_fail(r->d, RNNC_CORRUPT, NO_SPAN, "%s: there are no metrics in it", r->path);
}

// The table's arena comes back here without memory.
static rnnc_status add_guarded(reading *r, const char *text, size_t length) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(r->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: no memory for its metrics", r->path);
    }
    r->table->memory.exhausted = &exhausted;
    rnnc_status status = add_lines(r, text, length);
    r->table->memory.exhausted = NULL;
    return status;
}

rnnc_status metrics_read(const char *path, diag_sink *d, metrics_table *out_table) {
    *out_table = (metrics_table){0};
    file_bytes bytes = {0};
    TRY(gzfile_read(path, 0, d, &bytes));
    metrics_table_init(out_table);
    reading r = {.table = out_table, .path = path, .d = d};
    rnnc_status status = add_guarded(&r, (const char *)bytes.data, bytes.size);
    forget_line(&r);
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
