#include "runtime/data/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 10 };

static const double redraw_seconds = 0.1;
// Before this much time has passed an estimate of the rest is noise.
static const double estimate_seconds = 0.5;

// What the line is made of at one moment.
typedef struct moment {
    int64_t done;
    const progress_field *fields;
    size_t count;
    bool final;
    double elapsed;
} moment;

static double monotonic_seconds(void *context) {
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_terminal(FILE *stream) {
    const char *kind = getenv("TERM");
    int descriptor = fileno(stream);
    return descriptor >= 0 && isatty(descriptor) && !(kind && strcmp(kind, "dumb") == 0);
}

void progress_init(progress *p, FILE *stream, const char *title, int64_t total) {
    *p = (progress){
        .stream = stream,
        .title = title ? title : "",
        .total = total,
        .terminal = is_terminal(stream),
        .plain_interval = 0.1,
        .now = monotonic_seconds,
        .begin = monotonic_seconds(NULL),
    };
}

static int line_width(const progress *p) {
    struct winsize size;
    if (p->width > 0) {
        return p->width;
    }
    bool known = ioctl(fileno(p->stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST_WIDTH;
    return known ? size.ws_col : DEFAULT_WIDTH;
}

// About four digits, and always as many, so that the line does not tremble.
static void add_value(strbuf *out, double value) {
    double size = fabs(value);
    if (!isfinite(value)) {
        strbuf_add(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    } else if (size >= 1e7 || (size > 0 && size < 1e-3)) {
        strbuf_addf(out, "%.3e", value);
    } else {
        strbuf_addf(out, "%.*f", size < 1 ? 4 : size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0, value);
    }
}

static void add_rate(strbuf *out, double value) {
    static const char *const units[] = {"", "k", "M", "G", "T"};
    int unit = 0;
    while (value >= 999.5 && unit < 4) {
        value /= 1000;
        unit++;
    }
    strbuf_addf(out, "%.*f%s", value < 99.95 ? 1 : 0, value, units[unit]);
}

static void add_bytes(strbuf *out, double value) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (value >= 1023.5 && unit < 4) {
        value /= 1024;
        unit++;
    }
    strbuf_addf(out, "%.*f %s",
                unit && value < 9.995   ? 2
                : unit && value < 99.95 ? 1
                                        : 0,
                value, units[unit]);
}

static void add_field(strbuf *out, const progress_field *field) {
    switch (field->form) {
    case PROGRESS_VALUE:
        strbuf_addf(out, "  %s ", field->name);
        add_value(out, field->value);
        break;
    case PROGRESS_COUNT: strbuf_addf(out, "  %s %.0f", field->name, field->value); break;
    case PROGRESS_PERCENT: strbuf_addf(out, "  %s %.2f %%", field->name, 100 * field->value); break;
    case PROGRESS_RATE:
        strbuf_add(out, "  ");
        add_rate(out, field->value);
        strbuf_addf(out, " %s", field->name);
        break;
    case PROGRESS_BYTES:
        strbuf_addf(out, "  %s ", field->name);
        add_bytes(out, field->value);
        break;
    }
}

static void add_duration(strbuf *out, double seconds, const char *word) {
    const double longest = 3600.0 * 24 * 1000;
    long whole = lround(fmin(fmax(seconds, 0), longest));
    if (whole >= 3600) {
        strbuf_addf(out, "  %ld:%02ld:%02ld%s", whole / 3600, whole / 60 % 60, whole % 60, word);
    } else {
        strbuf_addf(out, "  %ld:%02ld%s", whole / 60, whole % 60, word);
    }
}

static void add_time(const progress *p, const moment *m, strbuf *out) {
    int64_t done_here = m->done - p->first;
    if (m->final) {
        add_duration(out, m->elapsed, "");
    } else if (p->total > 0 && done_here > 0 && m->elapsed >= estimate_seconds) {
        add_duration(out, m->elapsed / (double)done_here * (double)(p->total - m->done), " left");
    }
}

static double fraction_done(const progress *p, int64_t done) {
    double fraction = p->total > 0 ? (double)done / (double)p->total : 0;
    return fmin(fmax(fraction, 0), 1);
}

static void add_bar(double fraction, int width, strbuf *out) {
    int filled = (int)(fraction * width);
    strbuf_add(out, "  [");
    for (int i = 0; i < width; i++) {
        strbuf_add(out, i < filled ? "#" : ".");
    }
    strbuf_add(out, "]");
}

// The line with a bar of |bar| characters and the first |fields| fields.
static void compose(const progress *p, const moment *m, int bar, size_t fields, strbuf *out) {
    out->length = 0;
    strbuf_add(out, p->title);
    if (bar > 0 && p->total > 0) {
        add_bar(fraction_done(p, m->done), bar, out);
    }
    strbuf_addf(out, "%s%lld", out->length ? "  " : "", (long long)m->done);
    if (p->total > 0) {
        strbuf_addf(out, "/%lld", (long long)p->total);
    }
    for (size_t i = 0; i < fields; i++) {
        add_field(out, &m->fields[i]);
    }
    add_time(p, m, out);
}

// Columns of a UTF-8 text, each character counted as one.
static int columns_of(const strbuf *line) {
    int columns = 0;
    for (size_t i = 0; i < line->length; i++) {
        columns += ((unsigned char)line->text[i] & 0xC0) != 0x80;
    }
    return columns;
}

static void cut(strbuf *line, int most) {
    int columns = 0;
    for (size_t i = 0; i < line->length; i++) {
        columns += ((unsigned char)line->text[i] & 0xC0) != 0x80;
        if (columns > most) {
            line->length = i;
            line->text[i] = '\0';
        }
    }
}

// A narrow terminal first loses the bar, then fields from the last on, then the end of the line.
static void compose_to_fit(const progress *p, const moment *m, int most, strbuf *out) {
    for (int bar = 24; bar >= 0; bar -= 8) {
        compose(p, m, bar, m->count, out);
        if (columns_of(out) <= most) {
            return;
        }
    }
    for (size_t fields = m->count; fields > 0 && columns_of(out) > most; fields--) {
        compose(p, m, 0, fields - 1, out);
    }
    cut(out, most);
}

static void show_in_place(progress *p, const moment *m) {
    strbuf line = {0}, output = {0};
    // The last column stays free: some terminals move to the next line when it is written.
    compose_to_fit(p, m, line_width(p) - 1, &line);
    strbuf_addf(&output, "\r%s\x1b[K%s", strbuf_text(&line), m->final ? "\n" : "");
    fwrite(strbuf_text(&output), 1, output.length, p->stream);
    fflush(p->stream);
    p->line_shown = !m->final;
    strbuf_deinit(&line);
    strbuf_deinit(&output);
}

static void show_plain(progress *p, const moment *m) {
    strbuf line = {0};
    compose(p, m, 0, m->count, &line);
    strbuf_add(&line, "\n");
    fwrite(strbuf_text(&line), 1, line.length, p->stream);
    fflush(p->stream);
    strbuf_deinit(&line);
}

// The seconds since the first update, or since progress_init where the clock was not exchanged in between.
static double elapsed(progress *p) {
    double now = p->now(p->context);
    if (!p->started) {
        p->started = true;
        p->begin = p->now == monotonic_seconds ? p->begin : now;
        p->drawn_at = now - 2 * redraw_seconds;
        p->plain_next = fraction_done(p, p->first) + p->plain_interval;
    }
    return now - p->begin;
}

static bool plain_due(progress *p, int64_t done) {
    double fraction = fraction_done(p, done);
    const double slack = 1e-9; // three tenths are not quite 0.3
    if (fraction + slack < p->plain_next || done >= p->total || p->plain_interval <= 0) {
        return false;
    }
    while (p->plain_next <= fraction + slack) {
        p->plain_next += p->plain_interval;
    }
    return true;
}

void progress_update(progress *p, int64_t done, const progress_field *fields, size_t count) {
    moment m = {.done = done, .fields = fields, .count = count, .elapsed = elapsed(p)};
    if (!p->terminal) {
        if (plain_due(p, done)) {
            show_plain(p, &m);
        }
        return;
    }
    double now = p->begin + m.elapsed;
    if (now - p->drawn_at >= redraw_seconds) {
        p->drawn_at = now;
        show_in_place(p, &m);
    }
}

void progress_finish(progress *p, int64_t done, const progress_field *fields, size_t count) {
    moment m = {.done = done, .fields = fields, .count = count, .final = true, .elapsed = elapsed(p)};
    if (p->terminal) {
        show_in_place(p, &m);
    } else {
        show_plain(p, &m);
    }
}

void progress_clear(progress *p) {
    if (p->line_shown) {
        fputs("\r\x1b[K", p->stream);
        fflush(p->stream);
        p->line_shown = false;
        p->drawn_at = p->begin - 1; // at once again
    }
}
