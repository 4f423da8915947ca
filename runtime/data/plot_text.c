#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/plot_scale.h"

enum { LEAST_WIDTH = 24, LEAST_HEIGHT = 8, MOST_SIZE = 1000, DOT_COLUMNS = 2, DOT_ROWS = 4, NOBODY = 0 };

// The drawing area. A cell has eight Braille dots and belongs to the series that drew in it last.
typedef struct canvas {
    int columns, rows; // cells
    int across, down;  // dots in a cell: 2 by 4, or 1 by 1 in ASCII
    uint8_t *dots;     // by cell, bit 4 * column + row
    uint8_t *owner;    // by cell, number of the series from 1, or NOBODY
} canvas;

typedef struct layout {
    const plot *p;
    const plot_text_options *options;
    plot_axes axes;
    canvas cells;
    int gutter; // characters left of the y axis
} layout;

typedef struct pen {
    uint8_t series;
    plot_style style;
    int drawn; // dots since the line began, for dashes
} pen;

static void set_dot(canvas *c, int x, int y, uint8_t series) {
    if (x < 0 || y < 0 || x >= c->columns * c->across || y >= c->rows * c->down) {
        return;
    }
    size_t cell = (size_t)(y / c->down) * (size_t)c->columns + (size_t)(x / c->across);
    int bit = 4 * (x % c->across) + y % c->down;
    c->dots[cell] = (uint8_t)(c->dots[cell] | 1u << bit);
    c->owner[cell] = series;
}

static void draw_point(canvas *c, const pen *hand, int x, int y) {
    set_dot(c, x, y, hand->series);
    if (hand->style == PLOT_POINTS && c->across > 1) {
        set_dot(c, x + 1, y, hand->series);
        set_dot(c, x, y + 1, hand->series);
        set_dot(c, x + 1, y + 1, hand->series);
    }
}

// The dots from (x0, y0), which is drawn already, to (x1, y1).
static void draw_line(canvas *c, pen *hand, const int *from, const int *to) {
    enum { DASH = 6, PERIOD = 12 };
    int dx = to[0] - from[0], dy = to[1] - from[1];
    int steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
    for (int i = 1; i <= steps; i++) {
        hand->drawn++;
        if (hand->style == PLOT_DASHED && c->across > 1 && hand->drawn % PERIOD >= DASH) {
            continue;
        }
        int x = from[0] + (int)lround((double)dx * i / steps),
            y = from[1] + (int)lround((double)dy * i / steps);
        set_dot(c, x, y, hand->series);
    }
}

static void locate(const layout *l, double x, double y, int *out_place) {
    int last_x = l->cells.columns * l->cells.across - 1, last_y = l->cells.rows * l->cells.down - 1;
    out_place[0] = (int)lround(plot_fraction(&l->axes.x, x) * last_x);
    out_place[1] = last_y - (int)lround(plot_fraction(&l->axes.y, y) * last_y);
}

static void draw_series(layout *l, size_t index) {
    const plot_series *s = &l->p->series[index];
    pen hand = {.series = (uint8_t)(1 + index % 254), .style = s->style};
    int last[2] = {0, 0};
    bool connected = false;
    for (size_t i = 0; i < s->count; i++) {
        double x, y;
        if (!plot_point(l->p, s, i, &x, &y)) {
            connected = false;
            continue;
        }
        int place[2];
        locate(l, x, y, place);
        if (connected && s->style != PLOT_POINTS) {
            draw_line(&l->cells, &hand, last, place);
        } else {
            draw_point(&l->cells, &hand, place[0], place[1]);
        }
        memcpy(last, place, sizeof last);
        connected = true;
    }
}

static char series_letter(uint8_t series) {
    static const char letters[] = "*o+x#@%&";
    return letters[(series - 1) % 8];
}

// Blue, yellow, magenta, cyan, green, red: neighbours differ in brightness too.
static void start_colour(const layout *l, uint8_t series, strbuf *out) {
    static const int codes[] = {94, 33, 95, 36, 32, 31};
    if (l->options->colour) {
        strbuf_addf(out, "\x1b[%dm", codes[(series - 1) % 6]);
    }
}

static void end_colour(const layout *l, strbuf *out) {
    strbuf_add(out, l->options->colour ? "\x1b[0m" : "");
}

static const char *choose(const layout *l, const char *unicode, const char *ascii) {
    return l->options->ascii ? ascii : unicode;
}

static void add_repeated(strbuf *out, const char *text, int times) {
    for (int i = 0; i < times; i++) {
        strbuf_add(out, text);
    }
}

// At most |most| characters of |text|; returns how many.
static int add_cut(const layout *l, const char *text, int most, strbuf *out) {
    int length = (int)plot_text_length(text);
    int kept = length <= most ? length : most - 1;
    int seen = 0;
    for (; *text && (seen < kept || ((unsigned char)*text & 0xC0) == 0x80); text++) {
        strbuf_add_bytes(out, (unsigned char)*text < ' ' ? " " : text, 1);
        seen += ((unsigned char)text[1] & 0xC0) != 0x80;
    }
    if (length > most) {
        strbuf_add(out, choose(l, "…", "~"));
    }
    return length <= most ? length : most;
}

static void add_centred(const layout *l, const char *text, strbuf *out) {
    int width = l->cells.columns, length = (int)plot_text_length(text);
    int indent = l->gutter + 1 + (length < width ? (width - length) / 2 : 0);
    add_repeated(out, " ", indent);
    add_cut(l, text, width, out);
    strbuf_add(out, "\n");
}

// The Braille patterns number their dots 1 2 3 7 down the left and 4 5 6 8 down the right (Unicode U+2800).
static void add_braille(uint8_t dots, strbuf *out) {
    static const uint8_t bit_of[8] = {0, 1, 2, 6, 3, 4, 5, 7};
    unsigned pattern = 0;
    for (int i = 0; i < 8; i++) {
        pattern |= (dots >> i & 1u) << bit_of[i];
    }
    const char bytes[3] = {'\xE2', (char)(0xA0 | pattern >> 6), (char)(0x80 | (pattern & 0x3F))};
    strbuf_add_bytes(out, bytes, 3);
}

static int mark_column(const layout *l) {
    double fraction = l->p->has_mark ? plot_fraction(&l->axes.x, l->p->mark) : -1;
    return fraction >= 0 && fraction <= 1 ? (int)lround(fraction * (l->cells.columns - 1)) : -1;
}

static void add_cells(const layout *l, int row, strbuf *out) {
    const uint8_t *owner = l->cells.owner + (size_t)row * (size_t)l->cells.columns;
    const uint8_t *dots = l->cells.dots + (size_t)row * (size_t)l->cells.columns;
    int mark = mark_column(l), end = l->cells.columns;
    while (end > 0 && owner[end - 1] == NOBODY && end - 1 != mark) {
        end--;
    }
    uint8_t current = NOBODY;
    for (int i = 0; i < end; i++) {
        if (owner[i] != current) {
            if (current != NOBODY) {
                end_colour(l, out);
            }
            if (owner[i] != NOBODY) {
                start_colour(l, owner[i], out);
            }
            current = owner[i];
        }
        if (current == NOBODY) {
            strbuf_add(out, i == mark ? choose(l, "┊", ":") : " ");
        } else if (l->options->ascii) {
            strbuf_addf(out, "%c", series_letter(current));
        } else {
            add_braille(dots[i], out);
        }
    }
    if (current != NOBODY) {
        end_colour(l, out);
    }
}

// The tick of the y axis that stands in |row|, or -1.
static int tick_in_row(const layout *l, int row) {
    for (int i = 0; i < l->axes.y.tick_count; i++) {
        int last = l->cells.rows - 1;
        int at = last - (int)lround(plot_fraction(&l->axes.y, l->axes.y.tick[i]) * last);
        if (at == row) {
            return i;
        }
    }
    return -1;
}

static void add_row(const layout *l, int row, strbuf *out) {
    char label[PLOT_LABEL_SPACE] = "";
    int tick = tick_in_row(l, row);
    if (tick >= 0) {
        plot_label(&l->axes.y, l->axes.y.tick[tick], label);
    }
    bool empty_here = l->axes.empty && row == l->cells.rows / 2;
    strbuf_addf(out, "%*s%s", l->gutter, label, tick >= 0 ? choose(l, "┤", "+") : choose(l, "│", "|"));
    if (empty_here) {
        strbuf_add(out, " no finite values");
    } else {
        add_cells(l, row, out);
    }
    strbuf_add(out, "\n");
}

static int tick_column(const layout *l, int tick) {
    return (int)lround(plot_fraction(&l->axes.x, l->axes.x.tick[tick]) * (l->cells.columns - 1));
}

static void add_x_axis(const layout *l, strbuf *out) {
    strbuf_addf(out, "%*s%s", l->gutter, "", choose(l, "└", "+"));
    for (int i = 0, tick = 0; i < l->cells.columns; i++) {
        bool here = tick < l->axes.x.tick_count && tick_column(l, tick) == i;
        strbuf_add(out, here ? choose(l, "┬", "+") : choose(l, "─", "-"));
        tick += here;
    }
    strbuf_add(out, "\n");
}

// Labels centred under their ticks; one that would touch its neighbour or leave the chart is left out.
static void add_x_labels(const layout *l, strbuf *out) {
    int at = 0, width = l->gutter + 1 + l->cells.columns;
    for (int i = 0; i < l->axes.x.tick_count; i++) {
        char label[PLOT_LABEL_SPACE];
        plot_label(&l->axes.x, l->axes.x.tick[i], label);
        int length = (int)strlen(label);
        int begin = l->gutter + 1 + tick_column(l, i) - (length - 1) / 2;
        begin = begin + length > width ? width - length : begin;
        if (begin < at + (at > 0)) {
            continue;
        }
        strbuf_addf(out, "%*s%s", begin - at, "", label);
        at = begin + length;
    }
    strbuf_add(out, "\n");
}

static void add_sample(const layout *l, size_t index, strbuf *out) {
    static const char *const samples[] = {[PLOT_LINE] = "──", [PLOT_DASHED] = "╌╌", [PLOT_POINTS] = "∷∷"};
    uint8_t number = (uint8_t)(1 + index % 254);
    start_colour(l, number, out);
    if (l->options->ascii) {
        strbuf_addf(out, "%c%c", series_letter(number), series_letter(number));
    } else {
        strbuf_add(out, samples[l->p->series[index].style]);
    }
    end_colour(l, out);
}

// One line for all series with names, wrapped where it is full. With |out| NULL it only counts the lines.
static int add_legend(const layout *l, strbuf *out) {
    int indent = l->gutter + 1, at = 0, lines = 0;
    for (size_t i = 0; i < l->p->count; i++) {
        const char *name = l->p->series[i].name;
        if (!name || !*name) {
            continue;
        }
        int needed = 3 + (int)plot_text_length(name), room = l->cells.columns;
        bool fresh = lines == 0 || at + 3 + needed > room;
        lines += fresh;
        at = fresh ? needed : at + 3 + needed;
        if (out) {
            strbuf_add(out, fresh && lines > 1 ? "\n" : "");
            add_repeated(out, " ", fresh ? indent : 3);
            add_sample(l, i, out);
            strbuf_add(out, " ");
            add_cut(l, name, room - 3, out);
        }
    }
    if (out && lines) {
        strbuf_add(out, "\n");
    }
    return lines;
}

static int widest_label(const plot_axis *a) {
    int widest = 1;
    for (int i = 0; i < a->tick_count; i++) {
        char label[PLOT_LABEL_SPACE];
        plot_label(a, a->tick[i], label);
        int length = (int)strlen(label);
        widest = length > widest ? length : widest;
    }
    return widest;
}

static int bounded(int value, int least) {
    return value < least ? least : value > MOST_SIZE ? MOST_SIZE : value;
}

static void arrange(layout *l) {
    int width = bounded(l->options->width, LEAST_WIDTH), height = bounded(l->options->height, LEAST_HEIGHT);
    // The labels come from the ticks, the ticks from the size, the size from the labels: so measure twice.
    plot_axes rough = plot_measure(l->p, width / 10, height / 4);
    l->gutter = widest_label(&rough.y) + 1;
    l->cells.columns = width - l->gutter - 1;
    if (l->cells.columns < LEAST_WIDTH / 2) {
        l->cells.columns = LEAST_WIDTH / 2;
    }
    int other =
        2 + (l->p->title != NULL) + (l->p->x_label != NULL) + (l->p->y_label != NULL) + add_legend(l, NULL);
    l->cells.rows = height - other < 3 ? 3 : height - other;
    l->axes = plot_measure(l->p, l->cells.columns / 9, height / 4);
    l->gutter = widest_label(&l->axes.y) + 1;
}

static void add_everything(layout *l, strbuf *out) {
    for (size_t i = 0; i < l->p->count; i++) {
        draw_series(l, i);
    }
    if (l->p->title) {
        add_centred(l, l->p->title, out);
    }
    if (l->p->y_label) {
        add_cut(l, l->p->y_label, l->gutter + 1 + l->cells.columns, out);
        strbuf_add(out, "\n");
    }
    for (int row = 0; row < l->cells.rows; row++) {
        add_row(l, row, out);
    }
    add_x_axis(l, out);
    add_x_labels(l, out);
    if (l->p->x_label) {
        add_centred(l, l->p->x_label, out);
    }
    add_legend(l, out);
}

void plot_text(const plot *p, const plot_text_options *options, strbuf *out) {
    layout l = {.p = p, .options = options};
    l.cells.across = options->ascii ? 1 : DOT_COLUMNS;
    l.cells.down = options->ascii ? 1 : DOT_ROWS;
    arrange(&l);
    size_t cells = (size_t)l.cells.columns * (size_t)l.cells.rows;
    l.cells.dots = calloc(cells, 1);
    l.cells.owner = calloc(cells, 1);
    if (l.cells.dots && l.cells.owner) {
        add_everything(&l, out);
    } else {
        out->failed = true;
    }
    free(l.cells.dots);
    free(l.cells.owner);
}
