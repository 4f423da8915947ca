// The public collection of diagnostics.
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"

struct rnnc_diagnostics {
    arena memory;
    VEC(rnnc_diagnostic) entries;
    strbuf text;
};

rnnc_status rnnc_diagnostics_create(rnnc_diagnostics **out_diagnostics) {
    if (!out_diagnostics) {
        return RNNC_INVALID_ARGUMENT;
    }
    *out_diagnostics = calloc(1, sizeof **out_diagnostics);
    return *out_diagnostics ? RNNC_OK : RNNC_OUT_OF_MEMORY;
}

void rnnc_diagnostics_clear(rnnc_diagnostics *diagnostics) {
    if (diagnostics) {
        arena_deinit(&diagnostics->memory);
        strbuf_deinit(&diagnostics->text);
        memset(diagnostics, 0, sizeof *diagnostics);
    }
}

void rnnc_diagnostics_destroy(rnnc_diagnostics *diagnostics) {
    rnnc_diagnostics_clear(diagnostics);
    free(diagnostics);
}

size_t rnnc_diagnostics_count(const rnnc_diagnostics *diagnostics) {
    return diagnostics ? diagnostics->entries.count : 0;
}

rnnc_status rnnc_diagnostics_get(const rnnc_diagnostics *diagnostics, size_t index,
                                 rnnc_diagnostic *out_diagnostic) {
    if (!diagnostics || !out_diagnostic || index >= diagnostics->entries.count) {
        return RNNC_INVALID_ARGUMENT;
    }
    *out_diagnostic = diagnostics->entries.at[index];
    return RNNC_OK;
}

const char *rnnc_diagnostics_text(const rnnc_diagnostics *diagnostics) {
    return diagnostics ? strbuf_text(&diagnostics->text) : "";
}

static void add(rnnc_diagnostics *to, const diag_sink *from, const diagnostic *what) {
    static const rnnc_severity severities[] = {
        [SEVERITY_ERROR] = RNNC_ERROR, [SEVERITY_NOTE] = RNNC_NOTE, [SEVERITY_WARNING] = RNNC_WARNING};
    rnnc_diagnostic e = {.severity = severities[what->severity]};
    e.message = arena_strdup(&to->memory, what->message);
    if (what->where.file) {
        e.file = arena_strdup(&to->memory, from->files.at[what->where.file].name);
        e.begin = what->where.begin;
        e.end = what->where.end;
        diag_position(from, what->where, &e.line, &e.column);
    }
    vec_push(&to->memory, to->entries, e);
}

rnnc_status api_report(rnnc_diagnostics *to, diag_sink *from, rnnc_status status) {
    if (to && from->entries.count) {
        for (uint32_t i = 0; i < from->entries.count; i++) {
            add(to, from, &from->entries.at[i]);
        }
        diag_render(from, &to->text);
    }
    from->entries.count = 0;
    from->error_count = 0;
    return status;
}

rnnc_status api_fail(rnnc_diagnostics *to, rnnc_status status, const char *format, ...) {
    if (!to) {
        return status;
    }
    strbuf message = {0};
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&message, format, args);
    va_end(args);
    diag_sink sink;
    diag_init(&sink);
    diag_fail(&sink, status, NO_SPAN, "%s", strbuf_text(&message));
    strbuf_deinit(&message);
    api_report(to, &sink, status);
    diag_deinit(&sink);
    return status;
}

const char *rnnc_status_text(rnnc_status status) {
    return status_text(status);
}
