#include "ir/part.h"

bool part_is_sound(axis_part p) {
    bool in_range = p.from > -PART_BOUND_LIMIT && p.from < PART_BOUND_LIMIT && p.to > -PART_BOUND_LIMIT &&
                    p.to < PART_BOUND_LIMIT;
    bool backwards = p.from < 0 && p.to > 0;
    return in_range && !backwards && (!part_is_counted(p) || p.from < p.to);
}

int64_t part_extent(axis_part p, int64_t of_extent) {
    int64_t begin = p.from < 0 ? of_extent + p.from : p.from;
    int64_t end = p.to <= 0 ? of_extent + p.to : p.to;
    return end - begin;
}

int64_t part_least(axis_part p) {
    if (p.from < 0) {
        return -p.from;
    }
    return p.to > 0 ? p.to : p.from - p.to + 1;
}

rnnc_status part_bind(axis_part p, int axis, const char *of_name, int64_t *extents, diag_sink *d) {
    if (extents[p.of] >= part_least(p)) {
        extents[axis] = part_extent(p, extents[p.of]);
        return RNNC_OK;
    }
    char from[24] = "", to[24] = "";
    if (p.from) {
        snprintf(from, sizeof from, "%lld", (long long)p.from);
    }
    if (p.to) {
        snprintf(to, sizeof to, "%lld", (long long)p.to);
    }
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                     "axis %s has %lld indices in this run; the slice [%s: %s..%s] needs at least %lld",
                     of_name, (long long)extents[p.of], of_name, from, to, (long long)part_least(p));
}
