// Arrays of the caller's that lie in all ways, for tests of what is read and written there; and cells of the tests' own.
#ifndef RNNC_TESTS_API_SPREAD_H
#define RNNC_TESTS_API_SPREAD_H

#include "tests/api/fixture.h"

enum { INPUTS = 3, UNITS = 5, MOST_ROWS = 17, MOST_STEPS = 40, GAP = 2 };
enum { ROOM = (MOST_ROWS + 1) * (MOST_STEPS + 1) * (2 * UNITS + GAP) + GAP };

static const char own_cells[] = "cell own(n) {\n"
                                "    input x\n"
                                "    state h[n], c[n]\n"
                                "    i = sigmoid(linear(n, x, h))\n"
                                "    next c = (1 - i) * c + i * tanh(linear(n, x))\n"
                                "    next h = next c * sigmoid(linear(n, next c))\n"
                                "    output next h\n"
                                "}\n"
                                "cell leak(n) {\n"
                                "    input x\n"
                                "    state h[n]\n"
                                "    v = linear(n, x)\n"
                                "    next h = 0.75 * h + tanh(v)\n"
                                "    output next h\n"
                                "}\n"
                                "cell scaled(n) {\n"
                                "    input x\n"
                                "    state h[n]\n"
                                "    weight u[n]\n"
                                "    next h = tanh(linear(n, x) + u * h)\n"
                                "    output next h\n"
                                "}\n";

typedef enum arrangement {
    STEPS_DENSE,
    ROWS_DENSE,
    STEPS_APART,
    ROWS_PADDED,
    ROWS_FIRST_PADDED,
    KINDS
} arrangement;

static inline rnnc_strides strides_of(arrangement kind, int64_t rows, int64_t steps, int64_t columns) {
    int64_t padded = columns + GAP;
    switch (kind) {
    case ROWS_DENSE: return (rnnc_strides){{columns}, steps * columns, 1};
    case STEPS_APART: return (rnnc_strides){{rows * columns + GAP}, columns, 1};
    case ROWS_PADDED: return (rnnc_strides){{rows * padded}, padded, 1};
    case ROWS_FIRST_PADDED: return (rnnc_strides){{padded}, steps * padded + GAP, 1};
    default: return (rnnc_strides){{rows * columns}, columns, 1};
    }
}

// An array of a value, in one arrangement, with guards in all places that it does not use.
typedef struct spread {
    rnnc_strides strides;
    int64_t rows, steps, columns;
    float at[ROOM];
} spread;

static const float guard = -77;

static inline void clear(spread *s) {
    for (int i = 0; i < ROOM; i++) {
        s->at[i] = guard;
    }
}

static inline void arrange(spread *s, arrangement kind, int64_t rows, int64_t steps, int64_t columns) {
    s->rows = rows;
    s->steps = steps;
    s->columns = columns;
    s->strides = strides_of(kind, rows, steps, columns);
    clear(s);
}

static inline float *element(spread *s, int64_t t, int64_t row, int64_t column) {
    return &s->at[t * s->strides.axes[0] + row * s->strides.batch + column];
}

static inline void scatter(spread *s, const float *dense) {
    for (int64_t t = 0; t < s->steps; t++) {
        for (int64_t r = 0; r < s->rows; r++) {
            memcpy(element(s, t, r, 0), dense + (t * s->rows + r) * s->columns,
                   (size_t)s->columns * sizeof(float));
        }
    }
}

// The elements must be those of |dense|, and the rest guards. Leaves guards everywhere.
static inline void check_spread(spread *s, const float *dense, const char *what) {
    for (int64_t t = 0; t < s->steps; t++) {
        for (int64_t r = 0; r < s->rows; r++) {
            for (int64_t i = 0; i < s->columns; i++) {
                float *found = element(s, t, r, i);
                float wanted = dense[(t * s->rows + r) * s->columns + i];
                if (memcmp(found, &wanted, sizeof wanted) != 0) {
                    fail_msg("%s: step %lld of %lld, row %lld of %lld, column %lld: %g, not %g", what,
                             (long long)t, (long long)s->steps, (long long)r, (long long)s->rows,
                             (long long)i, (double)*found, (double)wanted);
                }
                *found = guard;
            }
        }
    }
    for (int i = 0; i < ROOM; i++) {
        assert_true(s->at[i] == guard);
    }
}

#endif
