// lower: brings a graph into the form that kernels can be planned for. Values do not change.
//
//   - a pad is a concatenation with zeros:          pad %x {before = 2, size = 9} -> concat 0[2], %x, 0[3]
//   - a reduction folds columns or axes, not both:  sum %x {over = B, columns = 1} -> sum (sum %x {columns}) {over}
//   - what must have memory of its own and has none, or would have to be in two places, is copied: parts of a
//     concat or stack, values read by a delay, outputs, constants that a product reads.
//   - a part of a constant is a constant.
//   - a spread is zeros with its operand written over them:  spread %x {…} -> insert (copy 0), %x {…}
//   - a view along one axis of what was picked along another is taken of a copy: a place has one index that moves.
#include "passes/pass.h"
#include "passes/rebuild.h"
#include "passes/views.h"

typedef struct lowering {
    pass_context *cx;
    bool *claimed; // by new node: it is computed into a concat or stack already
    uint32_t capacity;
} lowering;

// Computed into memory that can be chosen: not a leaf, nor a window into something else.
static bool is_storable(const graph *g, node_id n) {
    op_id op = graph_node(g, n)->op;
    return op == OP_CONCAT || op == OP_STACK || op == OP_PAD || !op_has(op, LEAF | VIEW | EFFECT);
}

static node_id copy_of(graph *g, node_id n) {
    g->current_origin = graph_node(g, n)->origin;
    return build_unary(g, OP_COPY, n);
}

static bool is_whole(op_id op) {
    return op == OP_CONCAT || op == OP_STACK;
}

static bool holds_delayed_part(const graph *g, const bool *delayed, node_id whole) {
    const node *at = graph_node(g, whole);
    for (uint32_t i = 0; is_whole(at->op) && i < at->operand_count; i++) {
        if (delayed[at->operands[i]] || holds_delayed_part(g, delayed, at->operands[i])) {
            return true;
        }
    }
    return false;
}

// What lies inside of a delayed value cannot be delayed as well: both boundaries would be in one place.
static void mark_delayed(const graph *g, bool *delayed, node_id x) {
    const node *at = graph_node(g, x);
    delayed[x] = true;
    for (uint32_t i = 0; is_whole(at->op) && i < at->operand_count; i++) {
        mark_delayed(g, delayed, at->operands[i]);
    }
}

// Every delay reads a value of its own, so that the value's block can hold the delay's boundary beside it.
static void separate_delays(graph *g, pass_context *cx, op_id kind) {
    uint32_t count = g->nodes.count;
    bool *delayed = arena_new_array(cx->scratch, bool, count);
    for (node_id n = 0; n < count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == kind) {
            node_id x = at->operands[0];
            if (is_storable(g, x) && !delayed[x] && !holds_delayed_part(g, delayed, x)) {
                mark_delayed(g, delayed, x);
            } else {
                graph_set_operand(g, n, 0, copy_of(g, x));
            }
        }
    }
}

static void claim(rebuild *r, lowering *l, node_id n) {
    if (n >= l->capacity) {
        uint32_t capacity = (n + 64) * 2;
        bool *grown = arena_new_array(r->scratch, bool, capacity);
        for (uint32_t i = 0; i < l->capacity; i++) {
            grown[i] = l->claimed[i];
        }
        l->claimed = grown;
        l->capacity = capacity;
    }
    l->claimed[n] = true;
}

static node_id own_part(rebuild *r, node_id n) {
    lowering *l = r->user;
    bool taken = n < l->capacity && l->claimed[n];
    node_id part = is_storable(r->g, n) && !taken ? n : copy_of(r->g, n);
    claim(r, l, part);
    return part;
}

static bool holds_stack(const graph *g, node_id whole) {
    const node *at = graph_node(g, whole);
    bool found = at->op == OP_STACK;
    for (uint32_t i = 0; at->op == OP_CONCAT && !found && i < at->operand_count; i++) {
        found = holds_stack(g, at->operands[i]);
    }
    return found;
}

// A stack cannot be computed into another: a place has one index that is picked. Nor can what may be read along a
// sequence of its own.
static node_id lower_whole(rebuild *r, const node *was, const node_id *operands) {
    node_id *parts = arena_new_array(r->scratch, node_id, was->operand_count);
    for (uint32_t i = 0; i < was->operand_count; i++) {
        bool sequence = graph_type(r->g, operands[i]).axes & ~AXIS_BIT(AXIS_BATCH);
        bool nested = was->op == OP_STACK && (sequence || holds_stack(r->g, operands[i]));
        parts[i] = own_part(r, nested ? copy_of(r->g, operands[i]) : operands[i]);
    }
    return rebuild_keep(r, was, parts);
}

static node_id zeros(rebuild *r, const node *like, int32_t columns) {
    value_type type = like->type;
    type.dim[0] = columns;
    r->g->current_origin = like->origin;
    return build_const(r->g, type, 0);
}

static node_id lower_pad(rebuild *r, const node *was, const node_id *operands) {
    int32_t before = (int32_t)was->attr[0].i, size = graph_type(r->g, operands[0]).dim[0];
    int32_t after = was->type.dim[0] - before - size;
    node_id parts[3];
    uint32_t count = 0;
    if (before) {
        parts[count++] = own_part(r, zeros(r, was, before));
    }
    parts[count++] = own_part(r, operands[0]);
    if (after) {
        parts[count++] = own_part(r, zeros(r, was, after));
    }
    r->g->current_origin = was->origin;
    return build_concat(r->g, parts, count);
}

// Whether operand |i| is found through memory, whatever computes it.
static bool reads_memory(const node *n, uint32_t i) {
    bool by_rows = n->op == OP_SEGMENT || n->op == OP_SCATTER || n->op == OP_ADD_ROWS;
    bool folds_rows = op_has(n->op, REDUCE) && !n->attr[1].i;
    return op_has(n->op, PRODUCT) || by_rows || folds_rows ||
           ((n->op == OP_GATHER || n->op == OP_PICK) && i == 0);
}

static node_id lower_operands(rebuild *r, const node *was, const node_id *operands) {
    node_id *read = arena_new_array(r->scratch, node_id, was->operand_count + 1);
    for (uint32_t i = 0; i < was->operand_count; i++) {
        op_id op = operands[i] == NO_NODE ? was->op : graph_node(r->g, operands[i])->op;
        bool nowhere = op == OP_CONST || op == OP_COLUMN;
        read[i] = nowhere && reads_memory(was, i) ? copy_of(r->g, operands[i]) : operands[i];
    }
    return rebuild_keep(r, was, read);
}

static node_id lower_reduce(rebuild *r, const node *was, const node_id *operands) {
    axis_set over = (axis_set)was->attr[0].i;
    if (!over || !was->attr[1].i) {
        return lower_operands(r, was, operands);
    }
    r->g->current_origin = was->origin;
    return build_reduce(r->g, was->op, build_reduce(r->g, was->op, operands[0], 0, true), over, false);
}

static bool needs_copy(const graph *g, const node *view, node_id x) {
    return graph_node(g, x)->op == OP_COLUMN || view_moves_twice(g, view, x);
}

// The rows of what is taken along an inner axis do not lie side by side, and those of a section with further axes in
// another order than those of other values. Both are read once, into memory of their own.
static bool is_out_of_order(const node *view) {
    axis_set sequences = view->type.axes & (axis_set)~AXIS_BIT(AXIS_BATCH);
    if (view->op == OP_SLICE) {
        return false; // of columns
    }
    axis_set outside = (axis_set)(AXIS_BIT(view->attr[0].i) - 1);
    return view->op == OP_SECTION ? axis_count(sequences) > 1 : (sequences & outside) != 0;
}

// A part of a constant is a constant.
static node_id lower_view(rebuild *r, const node *was, const node_id *operands) {
    const node *x = graph_node(r->g, operands[0]);
    if (x->op == OP_CONST) {
        r->g->current_origin = was->origin;
        return build_const(r->g, was->type, x->attr[0].f);
    }
    node_id read = needs_copy(r->g, was, operands[0]) ? copy_of(r->g, operands[0]) : operands[0];
    node_id view = rebuild_keep(r, was, &read);
    return is_out_of_order(was) ? copy_of(r->g, view) : view;
}

// The zeros are written over: they are this node's own.
static node_id lower_insert(rebuild *r, const node *was, const node_id *operands) {
    bool spreads = was->op == OP_SPREAD;
    r->g->current_origin = was->origin;
    node_id below = spreads ? build_const(r->g, was->type, 0) : operands[0];
    node_id read[2] = {copy_of(r->g, below), operands[spreads ? 0 : 1]};
    return graph_add_node(r->g, NULL, OP_INSERT, was->type, read, 2, was->attr);
}

static node_id make(rebuild *r, const node *was, const node_id *operands) {
    if (is_whole(was->op)) {
        return lower_whole(r, was, operands);
    }
    if (was->op == OP_SLICE || was->op == OP_FIRST || was->op == OP_LAST || was->op == OP_AT ||
        was->op == OP_SECTION) {
        return lower_view(r, was, operands);
    }
    if (was->op == OP_SPREAD || was->op == OP_INSERT) {
        return lower_insert(r, was, operands);
    }
    if (was->op == OP_PAD) {
        return lower_pad(r, was, operands);
    }
    return op_has(was->op, REDUCE) ? lower_reduce(r, was, operands) : lower_operands(r, was, operands);
}

// An output is a computed value, whole or at one end or a part of an axis.
static bool is_output_form(const graph *g, node_id n) {
    const node *at = graph_node(g, n);
    return is_storable(g, n) || ((at->op == OP_FIRST || at->op == OP_LAST || at->op == OP_SECTION) &&
                                 is_storable(g, at->operands[0]));
}

static void own_outputs(graph *g) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (!is_output_form(g, g->outputs.at[i].node)) {
            g->outputs.at[i].node = copy_of(g, g->outputs.at[i].node);
        }
    }
}

rnnc_status pass_lower(graph *g, pass_context *cx) {
    separate_delays(g, cx, OP_PREVIOUS);
    separate_delays(g, cx, OP_FOLLOWING);
    lowering l = {.cx = cx};
    TRY(graph_rebuild(g, cx->scratch, cx->d, make, &l));
    own_outputs(g);
    g->current_origin = 0;
    return RNNC_OK;
}
