// Sequences with a length per row, declared [T lengths]: steps behind a row's length do not count.
//
// Values there are replaced by select, never multiplied by a mask, so that whatever stands in the padding,
// NaN too, reaches neither results nor gradients.
#include "frontend/elaborate.h"

void lengths_declare(elaborator *el, int axis) {
    graph *g = el->g;
    if (el->lengths[axis] != NO_NODE) {
        return;
    }
    const char *name = arena_printf(el->memory, "%s.lengths", g->axes.at[axis].name);
    el->lengths[axis] = build_input(g, name, "lengths", type_vector(DT_I32, AXIS_BIT(AXIS_BATCH), 1));
    el->valid[axis] = build_binary(g, OP_LESS, build_index(g, axis), el->lengths[axis]);
}

static node_id zero_like(elaborator *el, node_id n) {
    return build_const(el->g, type_vector(graph_type(el->g, n).elem, 0, 1), 0);
}

node_id lengths_select(elaborator *el, int axis, node_id n, node_id otherwise) {
    node_id valid = el->valid[axis];
    return valid == NO_NODE ? n : build_select(el->g, valid, n, otherwise);
}

// A length is a row's own: a value without the batch is not masked.
static axis_set masked_axes(const elaborator *el, axis_set axes) {
    axis_set masked = 0;
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        bool masks = (axes & AXIS_BIT(axis)) && el->valid[axis] != NO_NODE;
        masked |= masks ? AXIS_BIT(axis) : 0;
    }
    return axes & AXIS_BIT(AXIS_BATCH) ? masked : 0;
}

node_id lengths_zero(elaborator *el, node_id n) {
    axis_set masked = masked_axes(el, axes_of(el, n));
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        if (masked & AXIS_BIT(axis)) {
            n = build_select(el->g, el->valid[axis], n, zero_like(el, n));
        }
    }
    return n;
}

node_id lengths_count(elaborator *el, axis_set over, axis_set of) {
    axis_set masked = masked_axes(el, of) & over;
    node_id all = NO_NODE;
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        if (masked & AXIS_BIT(axis)) {
            node_id valid = build_convert(el->g, el->valid[axis], el->g->real);
            all = all == NO_NODE ? valid : build_binary(el->g, OP_MUL, all, valid);
        }
    }
    return all;
}
