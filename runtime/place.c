#include "runtime/place.h"

int64_t axes_extent(axis_set axes, const int64_t *extents) {
    int64_t product = 1;
    for (int a = 0; a < MAX_AXES; a++) {
        product *= axes & AXIS_BIT(a) ? extents[a] : 1;
    }
    return product;
}

// The axes besides the slot axis.
static axis_set other_axes(const program_place *p) {
    return p->slot_axis == NO_AXIS ? p->axes : (axis_set)(p->axes & ~AXIS_BIT(p->slot_axis));
}

// The axes that rows can run along.
static axis_set seen_axes(const program_place *p) {
    return p->spans ? p->axes : other_axes(p);
}

int64_t place_elements(const program_place *p, const int64_t *extents) {
    return axes_extent(seen_axes(p), extents) * p->columns;
}

int64_t place_slot_bytes(const program_place *p, const int64_t *extents) {
    int64_t bytes = (int64_t)p->columns * dtype_bytes(p->elem);
    return p->slot_axis == NO_AXIS ? 0 : axes_extent(other_axes(p), extents) * bytes;
}

// The seen axes that lie inside of |axis|: nothing does in the batch, all others do in the slot axis, the
// batch and all later axes in the rest.
static axis_set axes_inside(const program_place *p, int axis) {
    if (axis == p->slot_axis) {
        return other_axes(p);
    }
    if (axis == AXIS_BATCH) {
        return 0;
    }
    axis_set later = (axis_set)(0xff << (axis + 1));
    return (axis_set)(other_axes(p) & (later | AXIS_BIT(AXIS_BATCH)));
}

static int innermost(const program_place *p, axis_set axes) {
    if (axes & AXIS_BIT(AXIS_BATCH) && p->slot_axis != AXIS_BATCH) {
        return AXIS_BATCH;
    }
    for (int axis = MAX_AXES - 1; axis >= 0; axis--) {
        if (axes & AXIS_BIT(axis) && axis != p->slot_axis) {
            return axis;
        }
    }
    return p->slot_axis;
}

int64_t place_stride(const program_place *p, axis_set over, const int64_t *extents) {
    axis_set shared = (axis_set)(seen_axes(p) & over);
    if (!shared) {
        return 0;
    }
    return axes_extent(axes_inside(p, innermost(p, shared)), extents) * p->columns;
}

bool place_walks(const program_place *p, axis_set over, const int64_t *extents) {
    axis_set shared = (axis_set)(seen_axes(p) & over);
    if (!shared) {
        // One picked member is the same along its axis.
        return p->slot_axis == NO_AXIS || p->pinned || p->from_end || !(over & AXIS_BIT(p->slot_axis));
    }
    if (shared != over) {
        return false;
    }
    // From the innermost outwards, each axis must begin where the ones within it end.
    int64_t expected = place_stride(p, over, extents);
    for (axis_set left = over; left;) {
        int axis = innermost(p, left);
        if (axes_extent(axes_inside(p, axis), extents) * p->columns != expected) {
            return false;
        }
        expected *= extents[axis];
        left &= (axis_set)~AXIS_BIT(axis);
    }
    return true;
}

int64_t place_reach(const program_place *p, const int64_t *extents, int64_t iterations, int64_t *out_first) {
    int64_t low = 0, high = 0;
    if (p->slot_axis != NO_AXIS && p->pinned) {
        low = high = p->shift;
    } else if (p->slot_axis != NO_AXIS && p->from_end) {
        low = high = extents[p->slot_axis] + p->shift;
    } else if (p->slot_axis != NO_AXIS) {
        low = p->shift;
        high = iterations - 1 + p->shift;
    }
    if (p->slot_axis != NO_AXIS && p->modulus) {
        low = 0;
        high = p->modulus - 1;
    }
    *out_first = low * place_slot_bytes(p, extents);
    return high * place_slot_bytes(p, extents) + place_elements(p, extents) * dtype_bytes(p->elem);
}
