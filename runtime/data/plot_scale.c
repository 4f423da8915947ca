#include "runtime/data/plot_scale.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/number.h"

// Beyond this the difference of two values might not be finite.
static const double largest_value = 1e300;
// Below this quotients might not be; smaller differences are none.
static const double smallest_value = 1e-300;
static const double margin = 0.04;

bool plot_point(const plot *p, const plot_series *s, size_t i, double *out_x, double *out_y) {
    *out_x = s->x ? s->x[i] : (double)i;
    *out_y = s->y[i];
    bool drawable = fabs(*out_x) <= largest_value && fabs(*out_y) <= largest_value;
    return drawable && (!p->log_y || *out_y >= smallest_value);
}

static void include(plot_axis *a, double value) {
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

// Makes room around a value that stands alone, or around values that differ in their last digits only.
static void widen(plot_axis *a) {
    double size = fmax(fabs(a->low), fabs(a->high));
    if (a->high - a->low > fmax(1e-12 * size, smallest_value)) {
        return;
    }
    double room = size > smallest_value ? 0.1 * size : 1;
    a->low -= a->logarithmic ? a->low / 2 : room;
    a->high += a->logarithmic ? a->high : room;
}

// How many times |low| is |high|, as a logarithm: the quotient itself might not be finite.
static double log_range(const plot_axis *a) {
    return log(a->high) - log(a->low);
}

static void add_margin(plot_axis *a) {
    if (a->logarithmic) {
        double factor = exp(margin * log_range(a));
        a->low = fmax(a->low / factor, DBL_MIN);
        a->high = fmin(a->high * factor, DBL_MAX);
        return;
    }
    double room = margin * (a->high - a->low);
    a->low -= room;
    a->high += room;
}

// The smallest of 1, 2, 5 times a power of ten that is at least |raw|.
static double round_step(double raw) {
    double power = pow(10, floor(log10(raw)));
    double ratio = raw / power;
    return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

static void add_tick(plot_axis *a, double value) {
    double slack = 1e-9 * (a->high - a->low);
    bool inside = a->logarithmic ? value >= a->low && value <= a->high
                                 : value >= a->low - slack && value <= a->high + slack;
    if (inside && a->tick_count < PLOT_MOST_TICKS) {
        a->tick[a->tick_count++] = value;
    }
}

static void place_linear_ticks(plot_axis *a, int wanted) {
    a->step = round_step((a->high - a->low) / wanted);
    a->step = a->whole && a->step < 1 ? 1 : a->step;
    double first = ceil(a->low / a->step - 1e-9);
    for (int i = 0; i <= wanted + 1; i++) {
        add_tick(a, (first + i) * a->step + 0.0); // + 0.0 turns -0 into 0
    }
}

// Powers of ten, all or every n-th; with the values 2 and 5 between them where there is room for them.
static void place_logarithmic_ticks(plot_axis *a, int wanted) {
    int first = (int)floor(log10(a->low)), last = (int)ceil(log10(a->high));
    double decades = log_range(a) / log(10);
    bool between = decades * 3 <= wanted + 1;
    int stride = (int)ceil(decades / wanted);
    for (int power = first; power <= last; power += stride > 1 ? stride : 1) {
        add_tick(a, pow(10, power));
        if (between) {
            add_tick(a, 2 * pow(10, power));
            add_tick(a, 5 * pow(10, power));
        }
    }
    if (a->tick_count < 2) { // less than a decade: linear steps say more
        a->tick_count = 0;
        place_linear_ticks(a, wanted);
    }
}

static void finish_axis(plot_axis *a, int wanted) {
    int most = wanted < 2 ? 2 : wanted > PLOT_MOST_TICKS - 2 ? PLOT_MOST_TICKS - 2 : wanted;
    if (a->logarithmic) {
        place_logarithmic_ticks(a, most);
    } else {
        place_linear_ticks(a, most);
    }
}

plot_axes plot_measure(const plot *p, int x_ticks, int y_ticks) {
    plot_axes axes = {
        .x = {.low = largest_value, .high = -largest_value, .whole = p->whole_x},
        .y = {.low = largest_value, .high = -largest_value, .logarithmic = p->log_y},
        .empty = true,
    };
    for (size_t s = 0; s < p->count; s++) {
        for (size_t i = 0; i < p->series[s].count; i++) {
            double x, y;
            if (plot_point(p, &p->series[s], i, &x, &y)) {
                include(&axes.x, x);
                include(&axes.y, y);
                axes.empty = false;
            }
        }
    }
    if (axes.empty) {
        axes.x = axes.y = (plot_axis){.low = 0, .high = 1};
    }
    widen(&axes.x);
    widen(&axes.y);
    add_margin(&axes.y);
    finish_axis(&axes.x, x_ticks);
    finish_axis(&axes.y, y_ticks);
    return axes;
}

double plot_fraction(const plot_axis *a, double value) {
    if (a->logarithmic) {
        return (log(value) - log(a->low)) / log_range(a);
    }
    return (value - a->low) / (a->high - a->low);
}

static int exponent_of(double value) {
    return (int)floor(log10(fabs(value)) + 1e-9);
}

// "1.5e-7" rather than "1.5e-07".
static void scientific(double value, int decimals, char *out) {
    char text[PLOT_LABEL_SPACE];
    number_printf(text, sizeof text, "%.*e", decimals, value);
    char *e = strchr(text, 'e');
    int exponent = e ? atoi(e + 1) : 0;
    snprintf(out, PLOT_LABEL_SPACE, "%.*se%d", e ? (int)(e - text) : 0, text, exponent);
}

void plot_label(const plot_axis *a, double tick, char *out) {
    double largest = fmax(fabs(a->low), fabs(a->high));
    bool by_step = a->step > 0;
    int step_exponent = exponent_of(by_step ? a->step : tick);
    if (tick == 0 || fabs(tick) < 1e-9 * a->step) {
        snprintf(out, PLOT_LABEL_SPACE, "0");
    } else if (by_step ? largest >= 1e6 || largest < 1e-3 : tick >= 1e6 || tick < 1e-4) {
        int decimals = exponent_of(tick) - step_exponent;
        scientific(tick, decimals < 0 ? 0 : decimals > 15 ? 15 : decimals, out);
    } else {
        number_printf(out, PLOT_LABEL_SPACE, "%.*f", step_exponent < 0 ? -step_exponent : 0, tick);
    }
}

size_t plot_text_length(const char *text) {
    size_t length = 0;
    for (; *text; text++) {
        length += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return length;
}
