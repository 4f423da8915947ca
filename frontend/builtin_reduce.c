// Reductions over named axes or over the columns, and what is made of them.
#include <math.h>

#include "frontend/builtin.h"

bool call_reduction(const builtin_call *c, node_id x, reduction *out) {
    *out = (reduction){.over = c->axes, .columns = !c->has_axes};
    axis_set missing = c->axes & (axis_set)~axes_of(c->el, x);
    if (!missing) {
        return true;
    }
    int axis = __builtin_ctz(missing);
    const char *name = axis == AXIS_BATCH ? "batch" : c->el->g->axes.at[axis].name;
    elaborate_error(c->el, c->where, "'%s[%s]' needs a value that runs along %s, found %s", c->b->name, name,
                    name, meaning_text(c->el, meaning_real(x)));
    return false;
}

static bool open_reduction(const builtin_call *c, uint32_t slot, node_id *out_x, reduction *out) {
    meaning v = c->slots[slot];
    bool matrix = is_node(v) && v.domain == DOMAIN_MATRIX && !c->has_axes;
    *out_x = matrix ? v.node : call_real(c, slot);
    return *out_x != NO_NODE && call_reduction(c, *out_x, out);
}

static node_id build_sum(elaborator *el, node_id x, reduction r) {
    return build_reduce(el->g, OP_SUM, r.columns ? x : lengths_zero(el, x), r.over, r.columns);
}

meaning builtin_sum(const builtin_call *c) {
    node_id x;
    reduction r;
    if (!open_reduction(c, 0, &x, &r)) {
        return meaning_poison();
    }
    return meaning_real(build_sum(c->el, x, r));
}

static node_id multiply(elaborator *el, node_id a, node_id b) {
    return a == NO_NODE ? b : build_binary(el->g, OP_MUL, a, b);
}

// How many elements a mean over |over| of a value over |of| divides by; with lengths, a number for each row.
static node_id build_count(elaborator *el, axis_set over, axis_set of, bool *out_may_be_zero) {
    node_id counted = lengths_count(el, over, of);
    axis_set rest = over, in_count = 0;
    node_id count = NO_NODE;
    if (counted != NO_NODE) {
        in_count = axes_of(el, counted) & over;
        count = build_reduce(el->g, OP_SUM, counted, in_count, false);
        rest &= (axis_set)~in_count;
    }
    *out_may_be_zero = counted != NO_NODE;
    for (uint32_t axis = 0; axis < el->g->axes.count; axis++) {
        if (rest & AXIS_BIT(axis)) {
            count = multiply(el, count, build_extent(el->g, (int)axis));
        }
    }
    return count;
}

// sum / count, and 0 where count is 0: the division never sees the zero, nor does its gradient.
static node_id safe_divide(elaborator *el, node_id sum, node_id count) {
    graph *g = el->g;
    node_id none = build_binary(g, OP_EQUAL, count, build_real(g, 0));
    node_id divisor = build_select(g, none, build_real(g, 1), count);
    node_id quotient = build_binary(g, OP_DIV, sum, divisor);
    return build_select(g, none, build_real(g, 0), quotient);
}

static bool check_mean_lengths(const builtin_call *c, node_id x, axis_set over) {
    axis_set axes = axes_of(c->el, x);
    for (uint32_t axis = 1; axis < c->el->g->axes.count; axis++) {
        bool lengths = (over & AXIS_BIT(axis)) && c->el->valid[axis] != NO_NODE;
        if (lengths && !(axes & AXIS_BIT(AXIS_BATCH))) {
            const char *name = c->el->g->axes.at[axis].name;
            elaborate_error(
                c->el, c->where,
                "each row has a length of its own along %s: take the mean over both, mean[%s, batch], "
                "or over %s first",
                name, name, name);
            return false;
        }
    }
    return true;
}

meaning builtin_mean(const builtin_call *c) {
    elaborator *el = c->el;
    node_id x;
    reduction r;
    if (!open_reduction(c, 0, &x, &r) || !check_mean_lengths(c, x, r.over)) {
        return meaning_poison();
    }
    node_id sum = build_sum(el, x, r);
    if (r.columns) {
        double n = (double)type_columns(graph_type(el->g, x));
        return meaning_real(n == 1 ? sum : build_binary(el->g, OP_DIV, sum, build_real(el->g, n)));
    }
    bool may_be_zero;
    node_id count = build_count(el, r.over, axes_of(el, x), &may_be_zero);
    return meaning_real(may_be_zero ? safe_divide(el, sum, count) : build_binary(el->g, OP_DIV, sum, count));
}

static node_id weight_operand(const builtin_call *c) {
    meaning w = c->slots[0];
    if (is_node(w) && w.domain == DOMAIN_MASK) {
        return build_convert(c->el->g, w.node, c->el->g->real);
    }
    return call_real(c, 0);
}

// What a mask takes from the mean of a class loss, the automatic metrics do not count either.
static void note_uncounted(elaborator *el, node_id loss, node_id unweighted) {
    for (uint32_t i = 0; i < el->class_losses.count; i++) {
        class_loss *note = &el->class_losses.at[i];
        if (note->loss == loss && axes_of(el, unweighted) == axes_of(el, loss)) {
            note->uncounted = unweighted;
        }
    }
}

// sum(w x) / sum(w). A weight of 0 selects: what stands there, NaN too, does not count.
meaning builtin_weighted_mean(const builtin_call *c) {
    elaborator *el = c->el;
    node_id w = weight_operand(c), x;
    reduction r;
    if (w == NO_NODE || !open_reduction(c, 1, &x, &r) ||
        !check_columns(el, "'weighted_mean'", w, x, c->where)) {
        return meaning_poison();
    }
    if (columns_of(el, w) > columns_of(el, x)) {
        return elaborate_error(el, c->where,
                               "'weighted_mean' has more weights than values: %d and %d columns",
                               columns_of(el, w), columns_of(el, x));
    }
    value_type full = graph_type(el->g, x);
    full.axes |= axes_of(el, w);
    w = build_broadcast(el->g, w, full);
    node_id zero = build_real(el->g, 0);
    node_id unweighted = build_binary(el->g, OP_EQUAL, w, zero);
    note_uncounted(el, x, unweighted);
    node_id product = build_select(el->g, unweighted, zero, build_binary(el->g, OP_MUL, w, x));
    node_id total = build_sum(el, product, r);
    return meaning_real(safe_divide(el, total, build_sum(el, w, r)));
}

// Behind a row's length stands a number that no real value comes near; -inf would make NaN of an empty row.
static node_id hide_padding(elaborator *el, node_id x, axis_set over) {
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        bool hide = (over & AXIS_BIT(axis)) && (axes_of(el, x) & AXIS_BIT(AXIS_BATCH));
        x = hide ? lengths_select(el, (int)axis, x, build_real(el->g, -1e30)) : x;
    }
    return x;
}

static node_id build_maximum(elaborator *el, node_id x, reduction r) {
    return build_reduce(el->g, OP_MAXIMUM, hide_padding(el, x, r.over), r.over, r.columns);
}

// max(a, b) of two values, max(x) of the columns, max[T](x) along an axis; min is -max of the negatives.
static meaning reduce_extreme(const builtin_call *c) {
    graph *g = c->el->g;
    node_id x;
    reduction r;
    if (!open_reduction(c, 0, &x, &r)) {
        return meaning_poison();
    }
    if (c->b->op == OP_MAX) {
        return meaning_real(build_maximum(c->el, x, r));
    }
    return meaning_real(build_unary(g, OP_NEG, build_maximum(c->el, build_unary(g, OP_NEG, x), r)));
}

meaning builtin_extreme(const builtin_call *c) {
    if (!c->bound[1]) {
        return call_all_numbers(c) ? c->slots[0] : reduce_extreme(c);
    }
    if (c->has_axes) {
        return elaborate_error(c->el, c->where, "'%s' along an axis takes one value", c->b->name);
    }
    if (call_all_numbers(c)) {
        double a = c->slots[0].number, b = c->slots[1].number;
        return meaning_number(c->b->op == OP_MAX ? fmax(a, b) : fmin(a, b));
    }
    node_id a = call_real(c, 0), b = call_real(c, 1);
    const char *what = arena_printf(c->el->memory, "'%s'", c->b->name);
    if (a == NO_NODE || b == NO_NODE || !check_columns(c->el, what, a, b, c->where)) {
        return meaning_poison();
    }
    return meaning_real(build_binary(c->el->g, c->b->op, a, b));
}

meaning builtin_log_sum_exp(const builtin_call *c) {
    node_id x;
    reduction r;
    if (!open_reduction(c, 0, &x, &r)) {
        return meaning_poison();
    }
    return meaning_real(build_reduce(c->el->g, OP_LSE, hide_padding(c->el, x, r.over), r.over, r.columns));
}

static meaning shifted_by_sum(const builtin_call *c) {
    node_id x;
    reduction r;
    if (!open_reduction(c, 0, &x, &r)) {
        return meaning_poison();
    }
    if (r.columns && columns_of(c->el, x) == 1) {
        return elaborate_error(c->el, c->where,
                               "'%s' of a single column is always %s; name the axis it should work along",
                               c->b->name, c->b->handle == builtin_softmax ? "1" : "0");
    }
    x = hide_padding(c->el, x, r.over);
    node_id sum = build_reduce(c->el->g, OP_LSE, x, r.over, r.columns);
    return meaning_real(build_binary(c->el->g, OP_SUB, x, sum));
}

meaning builtin_softmax(const builtin_call *c) {
    meaning shifted = shifted_by_sum(c);
    if (is_poison(shifted)) {
        return shifted;
    }
    node_id y = build_unary(c->el->g, OP_EXP, shifted.node);
    return meaning_real(c->has_axes ? lengths_zero(c->el, y) : y);
}

meaning builtin_log_softmax(const builtin_call *c) {
    return shifted_by_sum(c);
}

meaning builtin_argmax(const builtin_call *c) {
    node_id x = call_real(c, 0);
    if (x == NO_NODE) {
        return meaning_poison();
    }
    node_id n = graph_add_node(c->el->g, NULL, OP_ARGMAX, (value_type){0}, &x, 1, NULL);
    return (meaning){
        .kind = MEANING_NODE, .domain = DOMAIN_TOKEN, .classes = columns_of(c->el, x), .node = n};
}

meaning builtin_dot(const builtin_call *c) {
    node_id a = call_real(c, 0), b = call_real(c, 1);
    if (a == NO_NODE || b == NO_NODE) {
        return meaning_poison();
    }
    if (columns_of(c->el, a) != columns_of(c->el, b)) {
        return elaborate_error(c->el, c->where, "'dot' needs vectors of equal size, found %s and %s",
                               meaning_text(c->el, meaning_real(a)), meaning_text(c->el, meaning_real(b)));
    }
    return meaning_real(build_reduce(c->el->g, OP_SUM, build_binary(c->el->g, OP_MUL, a, b), 0, true));
}
