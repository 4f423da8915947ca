#include "support/diag.h"

#include <string.h>

// File 0 of every sink. Lists of files are copied as they grow, so nobody writes here.
static const source_file nowhere = {.name = "", .text = ""};

void diag_init(diag_sink *d) {
    diag_init_in(d, &(allocator){NULL, NULL, NULL});
}

void diag_init_in(diag_sink *d, const allocator *from) {
    *d = (diag_sink){.files = {.at = (source_file *)&nowhere, .count = 1, .capacity = 1}};
    arena_init_in(&d->memory, from);
}

void diag_init_beside(diag_sink *d, const diag_sink *other) {
    diag_init(d);
    d->files.at = other->files.at;
    d->files.count = d->files.capacity = other->files.count;
}

void diag_deinit(diag_sink *d) {
    arena_deinit(&d->memory);
}

void diag_forget(diag_sink *d) {
    d->entries.count = d->error_count = 0;
    if (d->files.count == 1) {
        d->entries.at = NULL;
        d->entries.capacity = 0;
        arena_deinit(&d->memory);
    }
}

uint32_t diag_add_file(diag_sink *d, const char *name, const char *text, size_t length) {
    source_file file = {
        .name = arena_strdup(&d->memory, name),
        .text = arena_strndup(&d->memory, text, length),
        .length = (uint32_t)length,
    };
    vec_push(&d->memory, d->files, file);
    return d->files.count - 1;
}

// Reports are made where no arena may jump away from: the caller has a text that it has to free.
static void keep(diag_sink *d, severity kind, span where, const char *message) {
    jmp_buf exhausted, *outer = d->memory.exhausted;
    if (!setjmp(exhausted)) {
        d->memory.exhausted = &exhausted;
        diagnostic entry = {kind, where, arena_strdup(&d->memory, message)};
        vec_push(&d->memory, d->entries, entry);
    }
    d->memory.exhausted = outer;
}

static void report(diag_sink *d, severity kind, span where, const char *format, va_list args) {
    if (kind == SEVERITY_ERROR) {
        d->error_count++;
    }
    // A note belongs to the error before it and goes with it.
    if (d->error_count > DIAG_ERROR_LIMIT) {
        return;
    }
    strbuf message = {0};
    strbuf_vaddf(&message, format, args);
    keep(d, kind, where, strbuf_text(&message));
    strbuf_deinit(&message);
}

rnnc_status diag_error(diag_sink *d, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(d, SEVERITY_ERROR, where, format, args);
    va_end(args);
    return RNNC_TYPE;
}

rnnc_status diag_fail(diag_sink *d, rnnc_status status, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(d, SEVERITY_ERROR, where, format, args);
    va_end(args);
    return status;
}

void diag_note(diag_sink *d, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(d, SEVERITY_NOTE, where, format, args);
    va_end(args);
}

void diag_warning(diag_sink *d, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(d, SEVERITY_WARNING, where, format, args);
    va_end(args);
}

void diag_position(const diag_sink *d, span where, uint32_t *out_line, uint32_t *out_column) {
    const source_file *file = &d->files.at[where.file];
    uint32_t line = 1, line_begin = 0;
    for (uint32_t i = 0; i < where.begin && i < file->length; i++) {
        if (file->text[i] == '\n') {
            line++;
            line_begin = i + 1;
        }
    }
    *out_line = line;
    *out_column = where.begin - line_begin + 1;
}

static void render_source_line(const source_file *file, span where, strbuf *out) {
    uint32_t begin = where.begin > file->length ? file->length : where.begin;
    uint32_t line_begin = begin, line_end = begin;
    while (line_begin > 0 && file->text[line_begin - 1] != '\n') {
        line_begin--;
    }
    while (line_end < file->length && file->text[line_end] != '\n') {
        line_end++;
    }
    strbuf_add(out, "    ");
    for (uint32_t i = line_begin; i < line_end; i++) {
        // What a terminal would take for a command is not handed on to it.
        unsigned char c = (unsigned char)file->text[i];
        bool control = (c < ' ' && c != '\t') || c == 127;
        strbuf_add_bytes(out, control ? "?" : file->text + i, 1);
    }
    strbuf_add(out, "\n    ");
    // Tabs are repeated so that the caret stands under what it points at.
    for (uint32_t i = line_begin; i < begin; i++) {
        bool continues_character = ((unsigned char)file->text[i] & 0xC0) == 0x80;
        if (!continues_character) {
            strbuf_add(out, file->text[i] == '\t' ? "\t" : " ");
        }
    }
    strbuf_add(out, "^");
    uint32_t end = where.end < line_end ? where.end : line_end;
    for (uint32_t i = begin + 1; i < end; i++) {
        if (((unsigned char)file->text[i] & 0xC0) != 0x80) {
            strbuf_add(out, "~");
        }
    }
    strbuf_add(out, "\n");
}

void diag_render(const diag_sink *d, strbuf *out) {
    static const char *const words[] = {"error", "note", "warning"};
    for (uint32_t i = 0; i < d->entries.count; i++) {
        const diagnostic *entry = &d->entries.at[i];
        if (entry->where.file) {
            uint32_t line, column;
            diag_position(d, entry->where, &line, &column);
            strbuf_addf(out, "%s:%u:%u: ", d->files.at[entry->where.file].name, line, column);
        } else {
            strbuf_add(out, "rnnc: ");
        }
        strbuf_addf(out, "%s: %s\n", words[entry->severity], entry->message);
        if (entry->where.file) {
            render_source_line(&d->files.at[entry->where.file], entry->where, out);
        }
    }
    if (d->error_count > DIAG_ERROR_LIMIT) {
        strbuf_addf(out, "rnnc: note: %u more errors not shown\n", d->error_count - DIAG_ERROR_LIMIT);
    }
}

enum { LONGEST_COMPARED = 64 };

static char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// Optimal string alignment distance (Damerau 1964, adjacent swaps counted once). Capital letters are no mistake:
// LSTM is lstm.
static unsigned edit_distance(const char *a, size_t la, const char *b, size_t lb) {
    unsigned before[LONGEST_COMPARED + 1], last[LONGEST_COMPARED + 1], row[LONGEST_COMPARED + 1];
    for (size_t j = 0; j <= lb; j++) {
        last[j] = (unsigned)j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= la; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = last[j - 1] + (lower_case(a[i - 1]) != lower_case(b[j - 1]));
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            row[j] = best;
        }
        memcpy(before, last, sizeof before);
        memcpy(last, row, sizeof last);
    }
    return last[lb];
}

const char *nearest_name(const char *name, const char *const *candidates, size_t count) {
    size_t length = strlen(name);
    if (length > LONGEST_COMPARED) {
        return NULL;
    }
    const char *nearest = NULL;
    unsigned best = (unsigned)(length < 6 ? length / 2 : length / 3 + 1) + 1;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > LONGEST_COMPARED) {
            continue;
        }
        unsigned distance = edit_distance(name, length, candidates[i], other);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
