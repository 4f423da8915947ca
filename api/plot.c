// Curves, drawn as text or as SVG.
#include <stdlib.h>

#include "api/parts.h"
#include "report/curves.h"

static const rnnc_plot_options nothing_chosen = RNNC_PLOT_OPTIONS;

enum { USUAL_WIDTH = 80, USUAL_HEIGHT = 16, MOST_CHARACTERS = 10000 };

typedef struct drawing {
    const rnnc_plot_options *o;
    strbuf text;
} drawing;

static rnnc_status draw(void *self, const plot *p, diag_sink *d) {
    drawing *how = self;
    const rnnc_plot_options *o = how->o;
    (void)d; // memory that cannot be had shows in the text
    if (o->svg) {
        plot_svg(p, &how->text);
        return RNNC_OK;
    }
    plot_text_options options = {.width = o->width ? o->width : USUAL_WIDTH,
                                 .height = o->height ? o->height : USUAL_HEIGHT,
                                 .ascii = o->ascii,
                                 .colour = o->colour};
    plot_text(p, &options, &how->text);
    strbuf_add(&how->text, "\n");
    return RNNC_OK;
}

static rnnc_status check(const rnnc_plot_options *o, rnnc_diagnostics *d, allocator *out_memory) {
    bool sized =
        o->width >= 0 && o->width <= MOST_CHARACTERS && o->height >= 0 && o->height <= MOST_CHARACTERS;
    if (o->struct_size != sizeof *o || !sized) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "options of plots begin with RNNC_PLOT_OPTIONS; width and height are 0 to %d",
                        MOST_CHARACTERS);
    }
    return api_take_allocator(o->allocator, d, out_memory);
}

// Hands out what was drawn, if |status| says that it was.
// ---- Any curves ----

static rnnc_status draw_curves(drawing *how, const rnnc_curve *curves, size_t count, diag_sink *d) {
    static const plot_style styles[] = {
        [RNNC_CURVE_LINE] = PLOT_LINE, [RNNC_CURVE_DASHED] = PLOT_DASHED, [RNNC_CURVE_POINTS] = PLOT_POINTS};
    plot_series *series = calloc(count + 1, sizeof *series);
    if (!series) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %zu curves", count);
    }
    for (size_t i = 0; i < count; i++) {
        const rnnc_curve *c = &curves[i];
        series[i] = (plot_series){c->name, c->x, c->y, c->count, styles[c->style]};
    }
    const rnnc_plot_options *o = how->o;
    plot p = {.title = o->title,
              .x_label = o->x_label,
              .y_label = o->y_label,
              .series = series,
              .count = count,
              .whole_x = o->whole_x,
              .log_y = o->log_scale,
              .has_mark = o->has_mark,
              .mark = o->mark,
              .mark_label = o->mark_label};
    rnnc_status status = draw(how, &p, d);
    free(series);
    return status;
}

static bool are_curves(const rnnc_curve *curves, size_t count) {
    bool good = curves && count && count < INT32_MAX;
    for (size_t i = 0; good && i < count; i++) {
        good = (curves[i].y || !curves[i].count) && curves[i].style >= RNNC_CURVE_LINE &&
               curves[i].style <= RNNC_CURVE_POINTS;
    }
    return good;
}

rnnc_status rnnc_plot(const rnnc_curve *curves, size_t count, const rnnc_plot_options *options,
                      rnnc_diagnostics *diagnostics, rnnc_bytes **out_drawing) {
    if (!are_curves(curves, count) || !out_drawing) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a plot needs curves, each with values and a style, and a place to be put");
    }
    *out_drawing = NULL;
    drawing how = {.o = options ? options : &nothing_chosen};
    allocator memory;
    TRY(check(how.o, diagnostics, &memory));
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = draw_curves(&how, curves, count, &sink);
    return api_give_text(&memory, status, &how.text, &sink, diagnostics, out_drawing);
}

// ---- Metrics ----

static bool are_paths(const char *const *paths, size_t count) {
    bool good = paths && count && count < INT32_MAX;
    for (size_t i = 0; good && i < count; i++) {
        good = paths[i] && *paths[i];
    }
    return good;
}

rnnc_status rnnc_plot_metrics(const char *const *paths, size_t count, const rnnc_plot_options *options,
                              rnnc_diagnostics *diagnostics, rnnc_bytes **out_drawing) {
    if (!are_paths(paths, count) || !out_drawing) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a plot needs paths of metrics and a place to be put");
    }
    *out_drawing = NULL;
    drawing how = {.o = options ? options : &nothing_chosen};
    allocator memory;
    TRY(check(how.o, diagnostics, &memory));
    curves_options wanted = {
        .paths = paths, .count = (uint32_t)count, .metric = how.o->metric, .log_scale = how.o->log_scale};
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = curves_draw_files(&wanted, &sink, draw, &how);
    return api_give_text(&memory, status, &how.text, &sink, diagnostics, out_drawing);
}
