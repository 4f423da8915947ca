// The public collection of diagnostics.
#include "api/parts.h"

struct rnnc_diagnostics {
    arena memory;
    VEC(rnnc_diagnostic) entries;
    VEC(char) text; // ends with a zero, unless there is none
};

rnnc_status rnnc_diagnostics_create(rnnc_diagnostics **out_diagnostics) {
    return rnnc_diagnostics_create_with(NULL, out_diagnostics);
}

rnnc_status rnnc_diagnostics_create_with(const rnnc_allocator *given, rnnc_diagnostics **out_diagnostics) {
    if (!out_diagnostics) {
        return RNNC_INVALID_ARGUMENT;
    }
    *out_diagnostics = NULL;
    allocator memory;
    TRY(api_take_allocator(given, NULL, &memory));
    rnnc_diagnostics *made = allocator_array(&memory, 1, sizeof *made);
    if (!made) {
        return RNNC_OUT_OF_MEMORY;
    }
    arena_init_in(&made->memory, &memory);
    *out_diagnostics = made;
    return RNNC_OK;
}

void rnnc_diagnostics_clear(rnnc_diagnostics *diagnostics) {
    if (diagnostics) {
        arena memory = diagnostics->memory;
        arena_deinit(&memory);
        *diagnostics = (rnnc_diagnostics){.memory = memory};
    }
}

void rnnc_diagnostics_destroy(rnnc_diagnostics *diagnostics) {
    if (diagnostics) {
        allocator from = diagnostics->memory.from;
        rnnc_diagnostics_clear(diagnostics);
        allocator_free(&from, diagnostics);
    }
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
    return diagnostics && diagnostics->text.count ? diagnostics->text.at : "";
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

// Goes on behind the last byte, over the zero there.
static void add_text(rnnc_diagnostics *to, const char *text) {
    uint32_t last = to->text.count ? to->text.count - 1 : 0;
    for (to->text.count = last; *text; text++) {
        vec_push(&to->memory, to->text, *text);
    }
    vec_push(&to->memory, to->text, 0);
}

// Without memory, comes back with what was added so far.
static void add_all(rnnc_diagnostics *to, const diag_sink *from, const char *text) {
    jmp_buf exhausted;
    if (!setjmp(exhausted)) {
        to->memory.exhausted = &exhausted;
        for (uint32_t i = 0; i < from->entries.count; i++) {
            add(to, from, &from->entries.at[i]);
        }
        add_text(to, text);
    }
    to->memory.exhausted = NULL;
    if (to->text.count) {
        to->text.at[to->text.count - 1] = 0; // also of a text that broke off
    }
}

static void hand_on(rnnc_diagnostics *to, const diag_sink *from) {
    strbuf text = {0};
    diag_render(from, &text);
    add_all(to, from, strbuf_text(&text));
    strbuf_deinit(&text);
}

// An error that |from| had no memory for has at least its status's words, in the system's.
static void hand_on_status(rnnc_diagnostics *to, rnnc_status status) {
    diag_sink sink;
    diag_init(&sink);
    diag_fail(&sink, status, NO_SPAN, "%s", status_text(status));
    hand_on(to, &sink);
    diag_deinit(&sink);
}

rnnc_status api_report(rnnc_diagnostics *to, diag_sink *from, rnnc_status status) {
    if (to && from->entries.count) {
        hand_on(to, from);
    } else if (to && from->error_count) {
        hand_on_status(to, status);
    }
    diag_forget(from);
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
