// Line charts: as text for a terminal and as SVG files.
#ifndef RNNC_RUNTIME_DATA_PLOT_H
#define RNNC_RUNTIME_DATA_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "support/diag.h"
#include "support/strbuf.h"

typedef enum plot_style { PLOT_LINE, PLOT_DASHED, PLOT_POINTS } plot_style;

// Points in order. One whose x or y is NaN, infinite or beyond 1e300 leaves a gap in the line.
typedef struct plot_series {
    const char *name; // for the legend
    const double *x;  // NULL: 0, 1, 2, …
    const double *y;
    size_t count;
    plot_style style;
} plot_series;

// Everything is borrowed. Texts are UTF-8 of one line; NULL leaves them out.
typedef struct plot {
    const char *title;
    const char *x_label;
    const char *y_label;
    const plot_series *series; // later ones are drawn over earlier ones
    size_t count;
    bool whole_x; // x are whole numbers, of epochs, say: no ticks between them
    bool log_y;   // a logarithmic y axis, on which values not above 0 are gaps
    // A vertical line at x = |mark|, where a forecast begins, say. Outside the data's range it is left out.
    bool has_mark;
    double mark;
    const char *mark_label; // in the SVG only
} plot;

typedef struct plot_text_options {
    int width, height; // characters and lines of everything; enlarged to at least 24 by 8
    bool ascii;        // only ASCII, each series with a letter of its own; else Braille dots
    bool colour;       // ANSI colours
} plot_text_options;

// Appends lines of at most |width| characters, without spaces at their ends. The texts of |p| are cut to fit.
// Memory that cannot be had shows in out->failed.
void plot_text(const plot *p, const plot_text_options *options, strbuf *out);

// Appends a complete SVG document, 900 by 420 units, with a white background of its own.
void plot_svg(const plot *p, strbuf *out);
// The same to a file, which appears complete or not at all.
rnnc_status plot_svg_write(const char *path, const plot *p, diag_sink *d);

#endif
