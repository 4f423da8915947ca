// What the two kinds of charts share: the ranges of the axes, their ticks, and the labels of these.
#ifndef RNNC_RUNTIME_DATA_PLOT_SCALE_H
#define RNNC_RUNTIME_DATA_PLOT_SCALE_H

#include "runtime/data/plot.h"

enum { PLOT_MOST_TICKS = 24, PLOT_LABEL_SPACE = 32 };

typedef struct plot_axis {
    double low, high; // low < high; above 0 where |logarithmic|
    bool logarithmic;
    bool whole;  // no steps below 1
    double step; // between ticks, where not logarithmic
    double tick[PLOT_MOST_TICKS];
    int tick_count;
} plot_axis;

typedef struct plot_axes {
    plot_axis x, y;
    bool empty; // there is no point to draw; the ranges are 0 … 1
} plot_axes;

// The ranges that hold all points of |p|, y with a margin, and about |x_ticks| and |y_ticks| round numbers in
// them (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).
plot_axes plot_measure(const plot *p, int x_ticks, int y_ticks);

// Point |i| of |s|; false where there is a gap.
bool plot_point(const plot *p, const plot_series *s, size_t i, double *out_x, double *out_y);

// Where |value| stands on the axis, 0 at its low end, 1 at its high end.
double plot_fraction(const plot_axis *a, double value);

// The label of a tick, in |out| of PLOT_LABEL_SPACE bytes.
void plot_label(const plot_axis *a, double tick, char *out);

// Characters of a UTF-8 text.
size_t plot_text_length(const char *text);

#endif
