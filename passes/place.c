#include "passes/place.h"

#include <string.h>

int64_t axes_extent(axis_set axes, const int64_t *extents) {
    int64_t product = 1;
    for (int a = 0; a < MAX_AXES; a++) {
        product *= axes & AXIS_BIT(a) ? extents[a] : 1;
    }
    return product;
}

// |over|, which the call's rows run along, as axes of the array: its slot axis goes by the name of the part.
static axis_set array_axes(const program_place *p, axis_set over) {
    if (!p->part) {
        return over;
    }
    axis_set rest = (axis_set)(over & ~(AXIS_BIT(p->part) | AXIS_BIT(p->slot_axis)));
    return over & AXIS_BIT(p->part) ? (axis_set)(rest | AXIS_BIT(p->slot_axis)) : rest;
}

// How many indices of |axis| of the array the rows run over.
static int64_t rows_along(const program_place *p, int axis, const int64_t *extents) {
    return extents[p->part && axis == p->slot_axis ? p->part : axis];
}

// The axes besides the slot axis.
static axis_set other_axes(const program_place *p) {
    return p->slot_axis == NO_AXIS ? p->axes : (axis_set)(p->axes & ~AXIS_BIT(p->slot_axis));
}

// The axes that rows can run along.
static axis_set seen_axes(const program_place *p) {
    return p->spans ? p->axes : other_axes(p);
}

// The axes that lie inside of |axis|: nothing does in the batch, the batch and all later axes do in the rest.
static axis_set axes_inside(const program_place *p, int axis) {
    if (axis == AXIS_BATCH) {
        return 0;
    }
    axis_set later = (axis_set)(~0u << (axis + 1));
    return (axis_set)(p->axes & (later | AXIS_BIT(AXIS_BATCH)));
}

int64_t place_slot_bytes(const program_place *p, const int64_t *extents) {
    int64_t bytes = (int64_t)p->columns * dtype_bytes(p->elem);
    return p->slot_axis == NO_AXIS ? 0 : axes_extent(axes_inside(p, p->slot_axis), extents) * bytes;
}

static int innermost(axis_set axes) {
    for (int axis = MAX_AXES - 1; axis > AXIS_BATCH; axis--) {
        if (!(axes & AXIS_BIT(AXIS_BATCH)) && (axes & AXIS_BIT(axis))) {
            return axis;
        }
    }
    return AXIS_BATCH;
}

int64_t place_stride(const program_place *p, axis_set over, const int64_t *extents) {
    axis_set shared = (axis_set)(seen_axes(p) & array_axes(p, over));
    if (!shared) {
        return 0;
    }
    return axes_extent(axes_inside(p, innermost(shared)), extents) * p->columns;
}

bool place_walks(const program_place *p, axis_set rows, const int64_t *extents) {
    axis_set over = array_axes(p, rows), shared = (axis_set)(seen_axes(p) & over);
    if (!shared) {
        // One picked member is the same along its axis.
        return p->slot_axis == NO_AXIS || p->pinned || !(over & AXIS_BIT(p->slot_axis));
    }
    if (shared != over || axis_count(over) != axis_count(rows)) {
        return false;
    }
    // From the innermost outwards, each axis must begin where the ones within it end.
    int64_t expected = place_stride(p, rows, extents);
    for (axis_set left = over; left;) {
        int axis = innermost(left);
        if (axes_extent(axes_inside(p, axis), extents) * p->columns != expected) {
            return false;
        }
        expected *= rows_along(p, axis, extents);
        left &= (axis_set)~AXIS_BIT(axis);
    }
    return true;
}

int64_t place_reach(const program_place *p, const int64_t *extents, int64_t iterations, int64_t *out_first) {
    int64_t low = 0, high = 0;
    if (p->slot_axis != NO_AXIS) {
        low = p->shift + (p->from_end ? extents[p->slot_axis] : 0);
        high = low + (p->pinned ? 0 : iterations - 1);
    }
    if (p->slot_axis != NO_AXIS && p->modulus) {
        low = 0;
        high = p->modulus - 1;
    }
    int64_t last = p->columns;
    for (axis_set left = seen_axes(p); left; left &= (axis_set)(left - 1)) {
        int axis = __builtin_ctz(left);
        int64_t stride = axes_extent(axes_inside(p, axis), extents) * p->columns;
        last += (rows_along(p, axis, extents) - 1) * stride;
    }
    *out_first = low * place_slot_bytes(p, extents);
    return high * place_slot_bytes(p, extents) + last * dtype_bytes(p->elem);
}

// ---- Calls ----

int kernel_row_dimensions(const kernel_desc *k) {
    // A flat kernel's elements are counted like the rows of one dimension.
    return k->flat ? 1 : k->dims;
}

// The extent of row dimension |d|: that of its axes, times the fixed one if there is one.
static int64_t row_extent(const program_call *call, int d, const int64_t *extents) {
    int64_t fixed = call->row_extents[d] > 0 ? call->row_extents[d] : 1;
    return axes_extent(call->row_axes[d], extents) * fixed;
}

// Along a dimension of fixed extent an argument goes from row to row of its array, unless it is uniform.
static int64_t row_stride(const program_call *call, const kernel_arg *arg, const program_place *p, int d,
                          const int64_t *extents) {
    if (arg->uniform) {
        return 0;
    }
    if (!call->row_axes[d]) {
        return call->row_extents[d] > 0 ? p->columns : 0;
    }
    return place_stride(p, call->row_axes[d], extents);
}

static void find_product_ints(const kernel_desc *k, const program_call *call, int64_t *ints) {
    int64_t *a = ints + KERNEL_STRIDES, *b = a + 4;
    if (k->transposed) {
        a[0] = 1;
        a[3] = call->args[0].columns;
    } else {
        a[3] = 1;
    }
    b[3] = call->args[1].columns;
}

void call_find_ints(const kernel_desc *k, const program_call *call, const int64_t *extents, int64_t *ints) {
    memset(ints, 0, (KERNEL_STRIDES + 4 * call->arg_count) * sizeof *ints);
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        ints[d] = row_extent(call, d, extents);
        for (uint32_t i = 0; i < call->arg_count; i++) {
            ints[KERNEL_STRIDES + 4 * i + (uint32_t)d] =
                row_stride(call, &k->args[i], &call->args[i], d, extents);
        }
    }
    ints[KERNEL_INNER] = call->inner_axes ? axes_extent(call->inner_axes, extents) : call->inner;
    if (k->kind == KERNEL_PRODUCT) {
        find_product_ints(k, call, ints);
    }
}
