// Source texts, places in them, and the sink that collects errors and notes about them.
#ifndef RNNC_SUPPORT_DIAG_H
#define RNNC_SUPPORT_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "support/arena.h"
#include "support/status.h"
#include "support/strbuf.h"
#include "support/vec.h"

// A text that diagnostics can point into. The sink that it was added to owns it.
typedef struct source_file {
    const char *name; // as the user wrote it, or "<standard cells>" and the like
    const char *text; // zero-terminated
    uint32_t length;
} source_file;

// A range of bytes [begin, end) of file number |file| of a sink; file 0 is "nowhere".
typedef struct span {
    uint32_t file;
    uint32_t begin;
    uint32_t end;
} span;

#define NO_SPAN ((span){0})

typedef enum severity { SEVERITY_ERROR, SEVERITY_NOTE, SEVERITY_WARNING } severity;

typedef struct diagnostic {
    severity severity;
    span where;
    const char *message; // one line, no full stop
} diagnostic;

enum { DIAG_ERROR_LIMIT = 20 };

// Collects diagnostics in order. Not safe for use by two threads at once.
typedef struct diag_sink {
    arena memory;
    VEC(source_file) files; // files.at[0] is a placeholder for "nowhere"
    VEC(diagnostic) entries;
    uint32_t error_count; // all errors, also those over DIAG_ERROR_LIMIT, which are counted but not kept
} diag_sink;

// Nothing is allocated before something is added or reported. A report that there is no memory for is lost.
void diag_init(diag_sink *d);
void diag_init_in(diag_sink *d, const allocator *from);
// A sink in the system's memory that knows the files of |other|, which must outlive it.
void diag_init_beside(diag_sink *d, const diag_sink *other);
void diag_deinit(diag_sink *d);
// As if nothing had been reported. Files stay; without any, so does no memory.
void diag_forget(diag_sink *d);

// Copies |length| bytes of |text| and returns the file's number.
uint32_t diag_add_file(diag_sink *d, const char *name, const char *text, size_t length);

// Reports at |where|. Each returns |status|-like constants so that `return diag_error(…)` reads well:
// diag_error always returns RNNC_TYPE unless another code is given by diag_fail.
rnnc_status diag_error(diag_sink *d, span where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
rnnc_status diag_fail(diag_sink *d, rnnc_status status, span where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(diag_sink *d, span where, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_warning(diag_sink *d, span where, const char *format, ...) __attribute__((format(printf, 3, 4)));

// One-based line and column (in bytes) of the begin of |where|.
void diag_position(const diag_sink *d, span where, uint32_t *out_line, uint32_t *out_column);

// Appends all entries as text: `file:line:col: error: message`, the source line, a caret line.
void diag_render(const diag_sink *d, strbuf *out);

// The candidate nearest to |name| by edit distance (insert, delete, replace, swap neighbours), or NULL
// where none is near enough to be what was meant.
const char *nearest_name(const char *name, const char *const *candidates, size_t count);

#endif
