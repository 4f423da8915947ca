// Measurements of a run as JSON lines: one object a line, the keys in the order given.
#ifndef RNNC_RUNTIME_DATA_METRICS_H
#define RNNC_RUNTIME_DATA_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"
#include "support/status.h"
#include "support/vec.h"

typedef struct metric {
    const char *key; // UTF-8
    double value;
} metric;

typedef struct metrics_writer {
    const char *path; // borrowed
    int descriptor;
} metrics_writer;

// Opens |path| for lines; |append| keeps those that are there, else they are lost.
rnnc_status metrics_open(const char *path, bool append, diag_sink *d, metrics_writer *out_writer);
// Opens |path| to go on behind its first |bytes| bytes, which end with a whole line: what is behind them is taken away.
// With a negative number, or where the path leads to no regular file, nothing is. A file that is shorter, or that has
// no line end there, is left as it is: lines follow its last one, and a note says so.
rnnc_status metrics_reopen(const char *path, int64_t bytes, diag_sink *d, metrics_writer *out_writer);
// Brings what was written to the disk. The file's length now, for metrics_reopen; -1 if it is no regular file.
rnnc_status metrics_sync(const metrics_writer *m, diag_sink *d, int64_t *out_bytes);
// Adds a line with |count| pairs. Numbers are written with as many digits as it takes to read the same double
// back (at most 17), whole numbers without a point. JSON lacks the others: infinities become
// the texts "inf" and "-inf", NaN becomes null.
// The line is with the system when the call returns. A line that could be written only in part is taken away
// again, so that the file always holds whole lines.
rnnc_status metrics_write(metrics_writer *m, const metric *metrics, size_t count, diag_sink *d);
// Reports what the system noticed only now. No effect on a closed writer.
rnnc_status metrics_close(metrics_writer *m, diag_sink *d);

// The line alone, with its line end, for other outputs.
void metrics_render(const metric *metrics, size_t count, strbuf *out);

// ---- metrics_read.c ----

typedef struct metrics_column {
    const char *key;
    VEC(double) values; // as many as the table has rows; NaN where a line has no number for the key
} metrics_column;

typedef struct metrics_table {
    arena memory;
    VEC(metrics_column) columns; // in the order in which keys appear
    uint32_t rows;
} metrics_table;

// An empty table, to be filled by metrics_add; only in memory.
void metrics_table_init(metrics_table *out_table);
// Adds a row. NaN is as no number.
void metrics_add(metrics_table *t, const metric *metrics, size_t count);

// Reads a file of JSON lines; gzip too. The texts "inf" and "-inf" are numbers; what is none is passed over.
// Errors: a file that cannot be read; a line that is no object; no line at all.
rnnc_status metrics_read(const char *path, diag_sink *d, metrics_table *out_table);
void metrics_table_deinit(metrics_table *t);

// The values of a key, one per row, or NULL.
const double *metrics_find(const metrics_table *t, const char *key);

#endif
