// Parts of axes: what a slice along a sequence runs along.
//
// A part of an axis has the indices |from| … |to| - 1 of it, numbered from 0. Its extent follows from the axis's own
// in each run. Bounds may count from the end: |from| does if it is negative, |to| if it is 0 (the end) or negative.
#ifndef RNNC_IR_PART_H
#define RNNC_IR_PART_H

#include "ir/type.h"
#include "support/diag.h"

typedef struct axis_part {
    int of; // the number of the axis; it is no part itself
    int64_t from, to;
} axis_part;

enum { PART_BOUND_LIMIT = 1 << 30 };

// Whether some axis is long enough for the bounds: from the end to the beginning (-3..2) none is.
bool part_is_sound(axis_part p);
// Whether both bounds count from the same end, so that the extent is always |to| - |from|; else it is by so much more
// (less, mostly: the difference is negative) than the axis' own.
static inline bool part_is_counted(axis_part p) {
    return (p.from < 0) == (p.to <= 0);
}
// The extent of the part in a run in which the axis has |of_extent| indices; below 1 if the axis is too short.
int64_t part_extent(axis_part p, int64_t of_extent);
// The smallest extent of the axis that the bounds fit into.
int64_t part_least(axis_part p);

// Computes extents[axis], which is a part, from the extent of what it is a part of. If that is too short, reports it
// with its name and the bounds and changes nothing.
rnnc_status part_bind(axis_part p, int axis, const char *of_name, int64_t *extents, diag_sink *d);

#endif
