#include <math.h>
#include <string.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/plot_scale.h"

enum { WIDTH = 900, HEIGHT = 420, RIGHT = 24, LABEL_SIZE = 12, LEGEND_LINE = 20 };

// Okabe and Ito's colours (Color Universal Design, 2008), those that stand out from white first; they can be
// told apart with each of the common kinds of colour blindness.
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};

typedef struct frame {
    const plot *p;
    plot_axes axes;
    double left, top, right, bottom; // the drawing area
} frame;

static double place_x(const frame *f, double x) {
    return f->left + plot_fraction(&f->axes.x, x) * (f->right - f->left);
}

static double place_y(const frame *f, double y) {
    return f->bottom - plot_fraction(&f->axes.y, y) * (f->bottom - f->top);
}

static void add_escaped(strbuf *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&': strbuf_add(out, "&amp;"); break;
        case '<': strbuf_add(out, "&lt;"); break;
        case '>': strbuf_add(out, "&gt;"); break;
        case '"': strbuf_add(out, "&quot;"); break;
        default: strbuf_add_bytes(out, (unsigned char)*text < ' ' ? " " : text, 1);
        }
    }
}

// A tick's label with the true minus sign.
static void add_number(strbuf *out, const plot_axis *a, double tick) {
    char label[PLOT_LABEL_SPACE];
    plot_label(a, tick, label);
    for (const char *c = label; *c; c++) {
        if (*c == '-') {
            strbuf_add(out, "−");
        } else {
            strbuf_add_bytes(out, c, 1);
        }
    }
}

// The average width of a character of the sans-serif faces, for texts whose face is not known here.
static double text_width(const char *text, double size) {
    return 0.56 * size * (double)plot_text_length(text);
}

static double widest_label(const plot_axis *a) {
    double widest = 0;
    for (int i = 0; i < a->tick_count; i++) {
        char label[PLOT_LABEL_SPACE];
        plot_label(a, a->tick[i], label);
        widest = fmax(widest, text_width(label, LABEL_SIZE));
    }
    return widest;
}

static const char *colour_of(size_t series) {
    return colours[series % (sizeof colours / sizeof *colours)];
}

static void add_stroke(strbuf *out, const plot_series *s, size_t index) {
    strbuf_addf(out, "fill=\"none\" stroke=\"%s\" stroke-linecap=\"round\" stroke-linejoin=\"round\" ",
                colour_of(index));
    switch (s->style) {
    case PLOT_LINE: strbuf_add(out, "stroke-width=\"1.8\""); break;
    case PLOT_DASHED: strbuf_add(out, "stroke-width=\"1.8\" stroke-dasharray=\"5 4.5\""); break;
    case PLOT_POINTS: strbuf_add(out, "stroke-width=\"4.4\""); break;
    }
}

// Consecutive points of a line in the same half unit of width. Its first, lowest, highest and last
// point draw the same as all of them.
typedef struct bucket {
    long column;
    size_t count, low_at, high_at; // |..._at| number the points from the bucket's first
    double first[2], low[2], high[2], last[2];
} bucket;

static void add_place(strbuf *out, char verb, const double *at) {
    strbuf_addf(out, "%c%.2f %.2f", verb, at[0], at[1]);
}

static void flush_bucket(bucket *b, bool *connected, strbuf *out) {
    if (b->count == 0) {
        return;
    }
    add_place(out, *connected ? 'L' : 'M', b->first);
    bool low_first = b->low_at < b->high_at;
    const double *one = low_first ? b->low : b->high, *other = low_first ? b->high : b->low;
    size_t one_at = low_first ? b->low_at : b->high_at, other_at = low_first ? b->high_at : b->low_at;
    if (one_at > 0 && one_at + 1 < b->count) {
        add_place(out, 'L', one);
    }
    if (other_at > one_at && other_at + 1 < b->count) {
        add_place(out, 'L', other);
    }
    if (b->count > 1) {
        add_place(out, 'L', b->last);
    }
    *connected = true;
    b->count = 0;
}

static void add_to_bucket(bucket *b, const double *at) {
    if (b->count == 0 || at[1] < b->low[1]) {
        memcpy(b->low, at, sizeof b->low);
        b->low_at = b->count;
    }
    if (b->count == 0 || at[1] > b->high[1]) {
        memcpy(b->high, at, sizeof b->high);
        b->high_at = b->count;
    }
    memcpy(b->count ? b->last : b->first, at, sizeof b->last);
    b->count++;
}

// A circle around a point that no line leads to; a dot would not be seen.
static const char alone[] = "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0";

static void add_line(const frame *f, const plot_series *s, strbuf *out) {
    bucket b = {0};
    bool connected = false;
    size_t run = 0; // points since the last gap
    for (size_t i = 0; i <= s->count; i++) {
        double x, y;
        if (i == s->count || !plot_point(f->p, s, i, &x, &y)) {
            flush_bucket(&b, &connected, out);
            strbuf_add(out, run == 1 ? alone : "");
            connected = false;
            run = 0;
            continue;
        }
        const double at[2] = {place_x(f, x), place_y(f, y)};
        long column = lround(floor(2 * at[0]));
        if (b.count && column != b.column) {
            flush_bucket(&b, &connected, out);
        }
        b.column = column;
        add_to_bucket(&b, at);
        run++;
    }
}

static void add_points(const frame *f, const plot_series *s, strbuf *out) {
    for (size_t i = 0; i < s->count; i++) {
        double x, y;
        if (plot_point(f->p, s, i, &x, &y)) {
            add_place(out, 'M', (const double[]){place_x(f, x), place_y(f, y)});
            strbuf_add(out, "h0");
        }
    }
}

static void add_series(const frame *f, strbuf *out) {
    for (size_t i = 0; i < f->p->count; i++) {
        const plot_series *s = &f->p->series[i];
        strbuf_add(out, "<path ");
        add_stroke(out, s, i);
        strbuf_add(out, " d=\"");
        if (s->style == PLOT_POINTS) {
            add_points(f, s, out);
        } else {
            add_line(f, s, out);
        }
        strbuf_add(out, "\"/>\n");
    }
}

static void add_grid(const frame *f, strbuf *out) {
    strbuf_add(out, "<path fill=\"none\" stroke=\"#e5e7eb\" d=\"");
    for (int i = 0; i < f->axes.x.tick_count; i++) {
        strbuf_addf(out, "M%.2f %.2fV%.2f", place_x(f, f->axes.x.tick[i]), f->top, f->bottom);
    }
    for (int i = 0; i < f->axes.y.tick_count; i++) {
        strbuf_addf(out, "M%.2f %.2fH%.2f", f->left, place_y(f, f->axes.y.tick[i]), f->right);
    }
    strbuf_addf(out, "\"/>\n<path fill=\"none\" stroke=\"#9ca3af\" d=\"M%.2f %.2fV%.2fH%.2f\"/>\n", f->left,
                f->top, f->bottom, f->right);
}

static void add_tick_labels(const frame *f, strbuf *out) {
    strbuf_add(out, "<g fill=\"#4b5563\" text-anchor=\"middle\">\n");
    for (int i = 0; i < f->axes.x.tick_count; i++) {
        strbuf_addf(out, "<text x=\"%.2f\" y=\"%.2f\">", place_x(f, f->axes.x.tick[i]), f->bottom + 18);
        add_number(out, &f->axes.x, f->axes.x.tick[i]);
        strbuf_add(out, "</text>\n");
    }
    strbuf_add(out, "</g>\n<g fill=\"#4b5563\" text-anchor=\"end\">\n");
    for (int i = 0; i < f->axes.y.tick_count; i++) {
        strbuf_addf(out, "<text x=\"%.2f\" y=\"%.2f\">", f->left - 8, place_y(f, f->axes.y.tick[i]) + 4);
        add_number(out, &f->axes.y, f->axes.y.tick[i]);
        strbuf_add(out, "</text>\n");
    }
    strbuf_add(out, "</g>\n");
}

static void add_titles(const frame *f, strbuf *out) {
    if (f->p->title) {
        strbuf_addf(out, "<text x=\"%.2f\" y=\"28\" font-size=\"16\" font-weight=\"600\" fill=\"#111827\">",
                    f->left);
        add_escaped(out, f->p->title);
        strbuf_add(out, "</text>\n");
    }
    if (f->p->x_label) {
        strbuf_addf(out, "<text x=\"%.2f\" y=\"%d\" fill=\"#374151\" text-anchor=\"middle\">",
                    (f->left + f->right) / 2, HEIGHT - 12);
        add_escaped(out, f->p->x_label);
        strbuf_add(out, "</text>\n");
    }
    if (f->p->y_label) {
        strbuf_addf(
            out,
            "<text transform=\"translate(20 %.2f) rotate(-90)\" fill=\"#374151\" text-anchor=\"middle\">",
            (f->top + f->bottom) / 2);
        add_escaped(out, f->p->y_label);
        strbuf_add(out, "</text>\n");
    }
    if (f->axes.empty) {
        strbuf_addf(
            out,
            "<text x=\"%.2f\" y=\"%.2f\" fill=\"#6b7280\" text-anchor=\"middle\">no finite values</text>\n",
            (f->left + f->right) / 2, (f->top + f->bottom) / 2);
    }
}

static void add_mark(const frame *f, strbuf *out) {
    double at = f->p->has_mark ? plot_fraction(&f->axes.x, f->p->mark) : -1;
    if (!(at >= 0 && at <= 1)) {
        return;
    }
    double x = place_x(f, f->p->mark);
    strbuf_addf(out,
                "<path fill=\"none\" stroke=\"#6b7280\" stroke-dasharray=\"2 3\" d=\"M%.2f %.2fV%.2f\"/>\n",
                x, f->top, f->bottom);
    if (f->p->mark_label) {
        bool before = at > 0.7; // the label stands where there is room for it
        strbuf_addf(out,
                    "<text x=\"%.2f\" y=\"%.2f\" font-size=\"11\" fill=\"#4b5563\" text-anchor=\"%s\" "
                    "stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">",
                    x + (before ? -6 : 6), f->top + 12, before ? "end" : "start");
        add_escaped(out, f->p->mark_label);
        strbuf_add(out, "</text>\n");
    }
}

// From |top| on; returns how many lines it takes. With |out| NULL it only counts them.
static int add_legend(const frame *f, double top, strbuf *out) {
    const double sample = 26, gap = 22;
    double x = f->left;
    int lines = 0;
    for (size_t i = 0; i < f->p->count; i++) {
        const char *name = f->p->series[i].name;
        if (!name || !*name) {
            continue;
        }
        double needed = sample + 6 + text_width(name, LABEL_SIZE);
        if (lines == 0 || x + needed > f->right) {
            x = f->left;
            lines++;
        }
        if (out) {
            double y = top + (lines - 1) * LEGEND_LINE;
            bool points = f->p->series[i].style == PLOT_POINTS;
            strbuf_add(out, "<path ");
            add_stroke(out, &f->p->series[i], i);
            strbuf_addf(out, points ? " d=\"M%.2f %.2fm4 0h0m9 0h0m9 0h0\"/>" : " d=\"M%.2f %.2fh%.0f\"/>", x,
                        y - 4, sample);
            strbuf_addf(out, "<text x=\"%.2f\" y=\"%.2f\" fill=\"#374151\">", x + sample + 6, y);
            add_escaped(out, name);
            strbuf_add(out, "</text>\n");
        }
        x += needed + gap;
    }
    return lines;
}

static frame arrange(const plot *p) {
    frame f = {.p = p, .axes = plot_measure(p, 10, 6)};
    f.left = fmax(28, 20 + widest_label(&f.axes.y)) + (p->y_label ? 20 : 0);
    f.right = WIDTH - RIGHT;
    f.bottom = HEIGHT - 32 - (p->x_label ? 20 : 0);
    f.top = 18 + (p->title ? 26 : 0) + LEGEND_LINE * add_legend(&f, 0, NULL);
    f.top = fmin(f.top, f.bottom - 100);
    return f;
}

void plot_svg(const plot *p, strbuf *out) {
    frame f = arrange(p);
    strbuf_addf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                "font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\" "
                "font-size=\"%d\">\n<rect width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#ffffff\"/>\n",
                WIDTH, HEIGHT, WIDTH, HEIGHT, LABEL_SIZE, WIDTH, HEIGHT);
    add_grid(&f, out);
    add_series(&f, out);
    add_mark(&f, out);
    add_tick_labels(&f, out);
    add_legend(&f, p->title ? 50 : 24, out);
    add_titles(&f, out);
    strbuf_add(out, "</svg>\n");
}

rnnc_status plot_svg_write(const char *path, const plot *p, diag_sink *d) {
    strbuf text = {0};
    plot_svg(p, &text);
    rnnc_status status = text.failed
                             ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory", path)
                             : atomic_file_write(path, text.text, text.length, d);
    strbuf_deinit(&text);
    return status;
}
