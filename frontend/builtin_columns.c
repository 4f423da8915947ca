// Builtins on columns and on axes.
#include <math.h>

#include "frontend/builtin.h"

// ---- Columns ----

meaning builtin_concat(const builtin_call *c) {
    node_id *parts = arena_new_array(c->el->memory, node_id, c->count);
    axis_set axes = 0;
    int64_t columns = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        parts[i] = call_real(c, i);
        if (parts[i] == NO_NODE) {
            return meaning_poison();
        }
        axes |= axes_of(c->el, parts[i]);
        columns += columns_of(c->el, parts[i]);
    }
    if (columns > INT32_MAX) {
        return elaborate_error(c->el, c->where, "'concat' would have more than %d columns", INT32_MAX);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        parts[i] = spread_axes(c->el, parts[i], axes);
    }
    return meaning_real(build_concat(c->el->g, parts, c->count));
}

meaning builtin_size(const builtin_call *c) {
    if (c->slots[0].kind == MEANING_NUMBER) {
        return meaning_number(1);
    }
    node_id x = call_real(c, 0);
    return x == NO_NODE ? meaning_poison() : meaning_number(columns_of(c->el, x));
}

meaning builtin_classes(const builtin_call *c) {
    node_id tokens = token_operand(c->el, c->slots[0], c->places[0], "'classes'");
    return tokens == NO_NODE ? meaning_poison() : meaning_number(c->slots[0].classes);
}

meaning builtin_one_hot(const builtin_call *c) {
    node_id tokens = token_operand(c->el, c->slots[0], c->places[0], "'one_hot'");
    if (tokens == NO_NODE) {
        return meaning_poison();
    }
    graph *g = c->el->g;
    node_id column = build_column(g, c->slots[0].classes);
    return meaning_real(build_convert(g, build_binary(g, OP_EQUAL, column, tokens), g->real));
}

meaning builtin_pick(const builtin_call *c) {
    node_id x = call_real(c, 0);
    node_id tokens = token_operand(c->el, c->slots[1], c->places[1], "'pick'");
    if (x == NO_NODE || tokens == NO_NODE) {
        return meaning_poison();
    }
    if (columns_of(c->el, x) != c->slots[1].classes) {
        return elaborate_error(c->el, c->where, "'pick' has %d columns to pick from, found %s",
                               columns_of(c->el, x), meaning_text(c->el, c->slots[1]));
    }
    return meaning_real(build_pick(c->el->g, spread_axes(c->el, x, axes_of(c->el, tokens)), tokens));
}

// ---- Axes ----

static bool single_axis(const builtin_call *c, node_id x, int *out_axis) {
    reduction r;
    if (axis_count(c->axes) != 1) {
        elaborate_error(c->el, c->where, "'%s' needs one axis: %s[T](…)", c->b->name, c->b->name);
        return false;
    }
    *out_axis = __builtin_ctz(c->axes);
    if (*out_axis == AXIS_BATCH) {
        elaborate_error(c->el, c->where, "'%s' goes along sequences; the rows of a batch have no order",
                        c->b->name);
        return false;
    }
    return call_reduction(c, x, &r);
}

// Each row's own last step: the sum over the axis of what stands there, and zeros.
static node_id last_of_lengths(elaborator *el, node_id x, int axis) {
    graph *g = el->g;
    node_id one = build_const(g, type_vector(DT_I32, 0, 1), 1);
    node_id last = build_binary(g, OP_SUB, el->lengths[axis], one);
    node_id at_end = build_binary(g, OP_EQUAL, build_index(g, axis), last);
    return build_reduce(g, OP_SUM, build_select(g, at_end, x, build_real(g, 0)), AXIS_BIT(axis), false);
}

static meaning end_of_tokens(const builtin_call *c) {
    meaning v = c->slots[0];
    int axis;
    if (!single_axis(c, v.node, &axis)) {
        return meaning_poison();
    }
    if (c->b->op == OP_LAST && c->el->valid[axis] != NO_NODE) {
        return elaborate_error(c->el, c->where,
                               "'last' of tokens along an axis with lengths is not supported");
    }
    v.node = build_end(c->el->g, c->b->op, v.node, axis);
    return v;
}

meaning builtin_end(const builtin_call *c) {
    if (is_node(c->slots[0]) && c->slots[0].domain == DOMAIN_TOKEN) {
        return end_of_tokens(c);
    }
    node_id x = call_real(c, 0);
    int axis;
    if (x == NO_NODE || !single_axis(c, x, &axis)) {
        return meaning_poison();
    }
    bool lengths = c->el->valid[axis] != NO_NODE && (axes_of(c->el, x) & AXIS_BIT(AXIS_BATCH));
    if (lengths && c->b->op == OP_LAST) {
        return meaning_real(last_of_lengths(c->el, x, axis));
    }
    return meaning_real(build_end(c->el->g, c->b->op, lengths ? lengths_zero(c->el, x) : x, axis));
}

enum { LARGEST_SHIFT = 1000 };

// The value |steps| indices earlier (later, if negative); zeros where there is none.
meaning builtin_shift(const builtin_call *c) {
    double steps;
    int axis;
    node_id x = call_real(c, 0);
    if (x == NO_NODE || !single_axis(c, x, &axis) ||
        !number_of_meaning(c->el, c->slots[1], c->places[1], "the distance of 'shift'", &steps)) {
        return meaning_poison();
    }
    if (!(fabs(steps) <= LARGEST_SHIFT && steps == floor(steps))) {
        return elaborate_error(c->el, c->places[1],
                               "the distance of 'shift' must be a whole number up to %d, found %g",
                               LARGEST_SHIFT, steps);
    }
    x = lengths_zero(c->el, x);
    value_type type = graph_type(c->el->g, x), outside = type;
    outside.axes &= (axis_set)~AXIS_BIT(axis);
    node_id zero = build_const(c->el->g, outside, 0);
    for (int i = 0; i < (int)fabs(steps); i++) {
        x = build_delay(c->el->g, steps > 0 ? OP_PREVIOUS : OP_FOLLOWING, x, zero, axis, type);
    }
    return meaning_real(x);
}

static bool axis_operand(const builtin_call *c, int *out_axis) {
    if (c->slots[0].kind == MEANING_AXIS) {
        *out_axis = c->slots[0].axis;
        return true;
    }
    elaborate_error(c->el, c->places[0], "'%s' needs an axis, found %s", c->b->name,
                    meaning_text(c->el, c->slots[0]));
    return false;
}

meaning builtin_index(const builtin_call *c) {
    int axis;
    if (!axis_operand(c, &axis)) {
        return meaning_poison();
    }
    return (meaning){.kind = MEANING_NODE, .domain = DOMAIN_WHOLE, .node = build_index(c->el->g, axis)};
}

meaning builtin_extent(const builtin_call *c) {
    int axis;
    return axis_operand(c, &axis) ? meaning_real(build_extent(c->el->g, axis)) : meaning_poison();
}
