#include "runtime/walk.h"

#include <string.h>

void walk_add(walk_rows *w, int64_t extent, int64_t first_stride, int64_t second_stride) {
    w->extent[w->count] = extent;
    w->stride[0][w->count] = first_stride;
    w->stride[1][w->count] = second_stride;
    w->count++;
}

bool walk_next(walk_rows *w) {
    for (int d = w->count - 1; d >= 0; d--) {
        bool wraps = ++w->index[d] == w->extent[d];
        int64_t steps = wraps ? 1 - w->extent[d] : 1;
        w->at[0] += steps * w->stride[0][d];
        w->at[1] += steps * w->stride[1][d];
        if (!wraps) {
            return true;
        }
        w->index[d] = 0;
    }
    return false;
}

walk_rows walk_value(axis_set axes, const int64_t *extents, const int64_t *first, const int64_t *second) {
    walk_rows w = {.count = 0};
    for (int axis = AXIS_BATCH + 1; axis < MAX_AXES; axis++) {
        if (axes & AXIS_BIT(axis)) {
            walk_add(&w, extents[axis], first[axis], second[axis]);
        }
    }
    if (axes & AXIS_BIT(AXIS_BATCH)) {
        walk_add(&w, extents[AXIS_BATCH], first[AXIS_BATCH], second[AXIS_BATCH]);
    }
    return w;
}

void walk_dense(axis_set axes, const int64_t *extents, int64_t columns, int64_t *out_strides) {
    int64_t stride = columns;
    memset(out_strides, 0, MAX_AXES * sizeof *out_strides);
    if (axes & AXIS_BIT(AXIS_BATCH)) {
        out_strides[AXIS_BATCH] = stride;
        stride *= extents[AXIS_BATCH];
    }
    for (int axis = MAX_AXES - 1; axis > AXIS_BATCH; axis--) {
        if (axes & AXIS_BIT(axis)) {
            out_strides[axis] = stride;
            stride *= extents[axis];
        }
    }
}
