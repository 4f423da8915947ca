#include "passes/place.h"

#include <string.h>

int64_t axes_extent(axis_set axes, const int64_t *extents) {
    int64_t product = 1;
    for (int a = 0; a < MAX_AXES; a++) {
        product *= axes & AXIS_BIT(a) ? extents[a] : 1;
    }
    return product;
}

static int64_t term_value(extent_term t, const int64_t *extents) {
    return t.factor ? t.factor * axes_extent(t.axes, extents) : 0;
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

extent_term place_slot_term(const program_place *p) {
    if (p->slot_axis == NO_AXIS) {
        return (extent_term){0, 0};
    }
    return (extent_term){axes_inside(p, p->slot_axis), (int64_t)p->columns * dtype_bytes(p->elem)};
}

int64_t place_slot_bytes(const program_place *p, const int64_t *extents) {
    return term_value(place_slot_term(p), extents);
}

static int innermost(axis_set axes) {
    for (int axis = MAX_AXES - 1; axis > AXIS_BATCH; axis--) {
        if (!(axes & AXIS_BIT(AXIS_BATCH)) && (axes & AXIS_BIT(axis))) {
            return axis;
        }
    }
    return AXIS_BATCH;
}

// Elements from index to index of |over|, several axes counted as one: the distance of the innermost of them.
// 0 if the array has none of them.
static extent_term place_stride_term(const program_place *p, axis_set over) {
    axis_set shared = (axis_set)(seen_axes(p) & array_axes(p, over));
    if (!shared) {
        return (extent_term){0, 0};
    }
    return (extent_term){axes_inside(p, innermost(shared)), p->columns};
}

static int64_t place_stride(const program_place *p, axis_set over, const int64_t *extents) {
    return term_value(place_stride_term(p, over), extents);
}

int place_axis(const program_place *p, int axis) {
    axis_set shared = (axis_set)(seen_axes(p) & array_axes(p, AXIS_BIT(axis)));
    return shared ? __builtin_ctz(shared) : NO_AXIS;
}

int64_t place_axis_stride(const program_place *p, int axis, const int64_t *extents) {
    return axes_extent(axes_inside(p, axis), extents) * p->columns;
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
        if (place_axis_stride(p, axis, extents) != expected) {
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
        last += (rows_along(p, axis, extents) - 1) * place_axis_stride(p, axis, extents);
    }
    *out_first = low * place_slot_bytes(p, extents);
    return high * place_slot_bytes(p, extents) + last * dtype_bytes(p->elem);
}

int64_t kernel_panel_bytes(const kernel_desc *k, target_shape shape) {
    product_tiling t = product_tile(shape, (dtype)k->elem, k->gates, k->columns);
    return product_packed_elements(t, k->gates, k->inner) * dtype_bytes((dtype)k->elem);
}

// ---- What a call hands to its kernel ----

int kernel_row_dimensions(const kernel_desc *k) {
    // A flat kernel's elements are counted like the rows of one dimension.
    return k->flat ? 1 : k->dims;
}

// Along a dimension of fixed extent an argument goes from row to row of its array, unless it is uniform.
static extent_term row_stride(const program_call *call, const kernel_arg *arg, const program_place *p,
                              int d) {
    if (arg->uniform) {
        return (extent_term){0, 0};
    }
    if (!call->row_axes[d]) {
        return (extent_term){0, call->row_extents[d] > 0 ? p->columns : 0};
    }
    return place_stride_term(p, call->row_axes[d]);
}

static void product_terms(const kernel_desc *k, const program_call *call, extent_term *ints) {
    extent_term *a = ints + KERNEL_STRIDES, *b = a + 4;
    if (k->transposed) {
        a[0] = b[0] = (extent_term){0, 0};
        a[3] = (extent_term){0, call->args[0].columns};
    } else {
        a[3] = (extent_term){0, 1};
    }
    b[3] = (extent_term){0, call->args[1].columns};
}

void call_int_terms(const kernel_desc *k, const program_call *call, extent_term *out_ints) {
    memset(out_ints, 0, (KERNEL_STRIDES + 4 * call->arg_count) * sizeof *out_ints);
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        // The extents of the dimension's axes, times the fixed one if there is one.
        out_ints[d] = (extent_term){call->row_axes[d], call->row_extents[d] > 0 ? call->row_extents[d] : 1};
        for (uint32_t i = 0; i < call->arg_count; i++) {
            out_ints[KERNEL_STRIDES + 4 * i + (uint32_t)d] = row_stride(call, &k->args[i], &call->args[i], d);
        }
    }
    out_ints[KERNEL_INNER] =
        call->inner_axes ? (extent_term){call->inner_axes, 1} : (extent_term){0, call->inner};
    if (k->kind == KERNEL_PRODUCT) {
        product_terms(k, call, out_ints);
    }
}

void call_find_ints(const kernel_desc *k, const program_call *call, const int64_t *extents, int64_t *ints) {
    extent_term terms[KERNEL_MAX_INTS];
    call_int_terms(k, call, terms);
    for (uint32_t i = 0; i < KERNEL_STRIDES + 4 * call->arg_count; i++) {
        ints[i] = term_value(terms[i], extents);
    }
}
