// Slices along an axis, x[T: a..b], and the parts of axes that they run along.
//
// Parts of an axis that are equally long whatever the axis' length are one and the same axis, numbered from 0: so
// x[T: 1..] - x[T: ..-1] subtracts neighbours. Where rows have lengths of their own, equal bounds are needed too.
#include <math.h>

#include "frontend/elaborate.h"

typedef struct bounds {
    int64_t from, to; // as axis_part has them, relative to what is sliced
} bounds;

// ---- Families: an axis and its parts ----

static axis_set family_of(const elaborator *el, int axis, axis_set axes) {
    axis_set family = 0;
    int whole = graph_whole_axis(el->g, axis);
    for (uint32_t i = 1; i < el->g->axes.count; i++) {
        bool member = (axes & AXIS_BIT(i)) && graph_whole_axis(el->g, (int)i) == whole;
        family |= member ? AXIS_BIT(i) : 0;
    }
    return family;
}

int parts_resolve(const elaborator *el, int axis, axis_set axes) {
    axis_set family = axis == AXIS_BATCH || (axes & AXIS_BIT(axis)) ? 0 : family_of(el, axis, axes);
    return axis_count(family) == 1 ? __builtin_ctz(family) : axis;
}

bool parts_check(elaborator *el, axis_set axes, span where) {
    for (uint32_t i = 1; i < el->g->axes.count; i++) {
        axis_set family = axes & AXIS_BIT(i) ? family_of(el, (int)i, axes) : 0;
        if (axis_count(family) < 2) {
            continue;
        }
        int other = __builtin_ctz(family & (axis_set)~AXIS_BIT(i));
        const char *whole = el->g->axes.at[graph_whole_axis(el->g, (int)i)].name;
        elaborate_error(
            el, where,
            "this would run along %s and along %s: slices of %s meet only what is as long as they "
            "are, so slice both sides alike",
            el->g->axes.at[i].name, el->g->axes.at[other].name, whole);
        return false;
    }
    return true;
}

// ---- Making a part ----

static bool has_lengths(const elaborator *el, int axis) {
    return el->lengths[axis] != NO_NODE;
}

static bool same_extent(axis_part a, axis_part b) {
    return part_is_counted(a) == part_is_counted(b) && a.to - a.from == b.to - b.from;
}

static int find_part(elaborator *el, axis_part part) {
    bool exact = has_lengths(el, part.of);
    for (uint32_t i = 1; i < el->g->axes.count; i++) {
        axis_info *info = &el->g->axes.at[i];
        bool same = info->kind == AXIS_IS_PART && info->part.of == part.of && same_extent(info->part, part);
        if (!same || (exact && info->part.from != part.from)) {
            continue;
        }
        // The axis states what all slices along it need.
        info->part = part_least(part) > part_least(info->part) ? part : info->part;
        return (int)i;
    }
    return NO_AXIS;
}

static const char *part_name(elaborator *el, axis_part part) {
    const char *of = el->g->axes.at[part.of].name;
    if (!part_is_counted(part)) {
        return arena_printf(el->memory, "%s-%lld", of, (long long)(part.from - part.to));
    }
    if (has_lengths(el, part.of)) {
        return arena_printf(el->memory, "%s %lld..%lld", of, (long long)part.from, (long long)part.to);
    }
    return arena_printf(el->memory, "%lld of %s", (long long)(part.to - part.from), of);
}

static node_id whole_number(elaborator *el, int64_t n) {
    return build_const(el->g, type_vector(DT_I32, 0, 1), (double)n);
}

// A row's length within the part: what is left of it from the part's begin on, and no more than the part has.
static void declare_part_lengths(elaborator *el, int axis, axis_part part) {
    graph *g = el->g;
    node_id left = build_binary(g, OP_SUB, el->lengths[part.of], whole_number(el, part.from));
    left = build_binary(g, OP_MAX, left, whole_number(el, 0));
    if (part.to > 0) {
        left = build_binary(g, OP_MIN, left, whole_number(el, part.to - part.from));
    }
    el->lengths[axis] = left;
    el->valid[axis] = build_binary(g, OP_LESS, build_index(g, axis), left);
}

static int find_or_add_part(elaborator *el, axis_part part, span where) {
    int axis = find_part(el, part);
    if (axis != NO_AXIS) {
        return axis;
    }
    if (el->g->axes.count == MAX_AXES) {
        elaborate_error(el, where,
                        "the model has more than %d axes, the batch and slices of different length included",
                        MAX_AXES);
        return NO_AXIS;
    }
    axis = graph_add_part(el->g, part_name(el, part), part);
    if (has_lengths(el, part.of)) {
        declare_part_lengths(el, axis, part);
    }
    return axis;
}

// ---- Bounds ----

static meaning report_empty(elaborator *el, const expression *e, int axis) {
    return elaborate_error(el, e->where, "nothing of %s lies between these bounds",
                           el->g->axes.at[axis].name);
}

static bool read_bound(elaborator *el, const expression *e, int64_t *out) {
    double n;
    if (!number_of_meaning(el, evaluate(el, e), e->where, "the bound of a slice", &n)) {
        return false;
    }
    if (!(n == floor(n) && fabs(n) < PART_BOUND_LIMIT)) {
        elaborate_error(el, e->where, "the bound of a slice must be a whole number, found %.10g", n);
        return false;
    }
    *out = (int64_t)n;
    return true;
}

// The bounds as written; an end that is left out is 0, a written one of 0 leaves nothing.
static bool read_bounds(elaborator *el, const expression *e, int axis, bounds *out) {
    *out = (bounds){0, 0};
    if ((e->from && !read_bound(el, e->from, &out->from)) || (e->to && !read_bound(el, e->to, &out->to))) {
        return false;
    }
    if (e->to && out->to == 0) {
        report_empty(el, e, axis);
        return false;
    }
    if (has_lengths(el, axis) && (out->from < 0 || out->to < 0)) {
        elaborate_error(
            el, e->where,
            "each row has its own end of %s, so bounds cannot count from it: use select and index(%s)",
            el->g->axes.at[graph_whole_axis(el->g, axis)].name,
            el->g->axes.at[graph_whole_axis(el->g, axis)].name);
        return false;
    }
    return true;
}

// The known extent of an axis, or 0.
static int64_t known_extent(const graph *g, int axis) {
    const axis_info *info = &g->axes.at[axis];
    bool counted = info->kind == AXIS_IS_PART && part_is_counted(info->part);
    return counted ? info->part.to - info->part.from : info->size;
}

// The part of the whole axis that has the extent of |b| along |axis| and needs as long an axis.
static bool part_of_known(elaborator *el, const expression *e, int axis, int64_t extent, bounds *b,
                          axis_part *out) {
    b->from += b->from < 0 ? extent : 0;
    b->to += b->to <= 0 ? extent : 0;
    if (b->from < 0 || b->to > extent || b->from >= b->to) {
        elaborate_error(el, e->where, "%s has %lld indices: indices %lld to %lld of it are none or too many",
                        el->g->axes.at[axis].name, (long long)extent, (long long)b->from, (long long)b->to);
        return false;
    }
    const axis_info *info = &el->g->axes.at[axis];
    int64_t begin = info->kind == AXIS_IS_PART ? info->part.from : 0;
    *out = (axis_part){graph_whole_axis(el->g, axis), begin + b->from, begin + b->to};
    return true;
}

static bool part_of_varying(elaborator *el, const expression *e, int axis, bounds b, axis_part *out) {
    const axis_info *info = &el->g->axes.at[axis];
    axis_part within = info->kind == AXIS_IS_PART ? info->part : (axis_part){axis, 0, 0};
    int64_t shorter = within.from - within.to;
    *out = (axis_part){within.of, within.from + b.from, within.to + b.to};
    if (b.from < 0 && b.to > 0) {
        elaborate_error(el, e->where,
                        "from the end of %s to an index from its beginning is no part of a known length",
                        info->name);
        return false;
    }
    if (b.from < 0) {
        *out = (axis_part){within.of, b.from - shorter, b.to - shorter};
    } else if (b.to > 0) {
        *out = (axis_part){within.of, shorter + b.from, shorter + b.to};
    }
    if (!part_is_sound(*out)) {
        report_empty(el, e, axis);
        return false;
    }
    return true;
}

// ---- The expression ----

static bool is_sliceable(meaning v) {
    return v.kind == MEANING_AXIS || (is_node(v) && v.domain != DOMAIN_MATRIX);
}

static int sliced_axis(elaborator *el, const expression *e, meaning v) {
    int axis = scope_axis(el, e->axes.at[0]);
    if (axis == NO_AXIS) {
        return NO_AXIS;
    }
    if (axis == AXIS_BATCH) {
        elaborate_error(el, e->axes.at[0].where,
                        "the rows of a batch have no order: slices go along sequences");
        return NO_AXIS;
    }
    axis_set axes = v.kind == MEANING_AXIS ? AXIS_BIT(v.axis) : axes_of(el, v.node);
    int found = parts_resolve(el, axis, axes);
    if (!(axes & AXIS_BIT(found))) {
        elaborate_error(el, e->a->where, "a slice along %s needs a value that runs along it, found %s",
                        e->axes.at[0].name, meaning_text(el, v));
        return NO_AXIS;
    }
    return found;
}

static meaning build_part(elaborator *el, const expression *e, meaning v, int axis) {
    bounds b;
    axis_part part;
    if (!read_bounds(el, e, axis, &b)) {
        return meaning_poison();
    }
    int64_t extent = known_extent(el->g, axis);
    bool all = b.from == 0 && (b.to == 0 || b.to == extent);
    if (all ||
        !(extent ? part_of_known(el, e, axis, extent, &b, &part) : part_of_varying(el, e, axis, b, &part))) {
        return all ? v : meaning_poison();
    }
    int along = find_or_add_part(el, part, e->where);
    if (along == NO_AXIS) {
        return meaning_poison();
    }
    v.node = build_section(el->g, v.node, axis, along, b.from);
    return v;
}

meaning evaluate_part(elaborator *el, const expression *e) {
    meaning v = evaluate(el, e->a);
    if (is_poison(v)) {
        return v;
    }
    if (!is_sliceable(v)) {
        return elaborate_error(el, e->a->where, "a slice along an axis needs a value of a run, found %s",
                               meaning_text(el, v));
    }
    int axis = sliced_axis(el, e, v);
    if (axis == NO_AXIS) {
        return meaning_poison();
    }
    if (v.kind == MEANING_AXIS) {
        v = (meaning){.kind = MEANING_NODE, .domain = DOMAIN_WHOLE, .node = build_index(el->g, v.axis)};
    }
    return build_part(el, e, v, axis);
}
