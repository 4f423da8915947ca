// Backpropagation through k2 steps every k1 steps (Williams & Peng 1990, "An efficient gradient-based algorithm for
// on-line training of recurrent network trajectories"):
//
//   sum[T] x      ->   sum[T] (T's index >= counted.from ? x : 0)
//   extent of T   ->   extent of T - counted.from
//   last[T] h     ->   sum[T] (T's index == carried.at ? h : 0)      where h is a state handed on
//
// The first two within what the loss and the metrics compute from values without the axis.
#include "runtime/train/overlap.h"

#include <string.h>

#include "ir/build.h"

static const char from_name[] = "counted.from", at_name[] = "carried.at";

typedef struct overlap {
    graph *g;
    int axis;
    node_id counts;  // per step: whether it counts
    node_id from;    // how many do not, as a real number
    node_id carries; // per step: whether its state is handed on
    bool *seen;      // by node: whether loss and metrics compute with it and it lacks the axis
    arena memory;
} overlap;

static bool has_axis(const overlap *o, node_id n) {
    return (graph_type(o->g, n).axes & AXIS_BIT(o->axis)) != 0;
}

static rnnc_status refuse(const overlap *o, node_id n, const char *of, diag_sink *d) {
    return diag_fail(
        d, RNNC_UNSUPPORTED, graph_origin(o->g, n)->where,
        "windows that overlap (steps %s = … every …) need sums or means along %s in the loss and the "
        "metrics; '%s' has a %s",
        o->g->axes.at[o->axis].name, o->g->axes.at[o->axis].name, of, op_get(o->g->nodes.at[n].op)->mnemonic);
}

// Marks node |n| and those before it, up to values along the axis.
static rnnc_status visit(overlap *o, node_id n, const char *of, diag_sink *d) {
    const node *at = graph_node(o->g, n);
    if (o->seen[n] || has_axis(o, n)) {
        return RNNC_OK;
    }
    o->seen[n] = true;
    bool folds = op_has(at->op, REDUCE) && has_axis(o, at->operands[0]);
    if (folds && at->op != OP_SUM) {
        return refuse(o, n, of, d);
    }
    for (uint32_t i = 0; i < at->operand_count; i++) {
        TRY(visit(o, at->operands[i], of, d));
    }
    return RNNC_OK;
}

static node_id zero_like(graph *g, node_id n) {
    return build_const(g, type_vector(graph_type(g, n).elem, 0, 1), 0);
}

static void make_marks(overlap *o) {
    graph *g = o->g;
    value_type number = type_vector(DT_I32, 0, 1);
    node_id from = build_input(g, from_name, "setting", number);
    node_id at = build_input(g, at_name, "setting", number);
    node_id index = build_index(g, o->axis);
    node_id skipped = build_binary(g, OP_LESS, index, from);
    o->counts = build_binary(g, OP_EQUAL, skipped, zero_like(g, skipped));
    o->from = build_convert(g, from, g->real);
    o->carries = build_binary(g, OP_EQUAL, index, at);
}

static bool is_extent(const overlap *o, node_id n) {
    const node *at = graph_node(o->g, n);
    return at->op == OP_EXTENT && at->attr[0].i == o->axis;
}

// Operands of what was visited, and of nothing else: the model may ask for the extent, too.
static void count_some(overlap *o, uint32_t visited) {
    graph *g = o->g;
    node_id counted = build_binary(g, OP_SUB, build_extent(g, o->axis), o->from);
    for (node_id n = 0; n < visited; n++) {
        for (uint32_t i = 0; o->seen[n] && i < graph_node(g, n)->operand_count; i++) {
            node_id x = graph_node(g, n)->operands[i];
            if (is_extent(o, x)) {
                graph_set_operand(g, n, i, counted);
            } else if (has_axis(o, x) && graph_node(g, n)->op == OP_SUM) {
                graph_set_operand(g, n, i, build_select(g, o->counts, x, zero_like(g, x)));
            }
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        bool measured = g->outputs.at[i].role == OUTPUT_METRIC && is_extent(o, g->outputs.at[i].node);
        g->outputs.at[i].node = measured ? counted : g->outputs.at[i].node;
    }
}

static void carry_some(overlap *o) {
    graph *g = o->g;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        node_id n = g->outputs.at[i].node;
        bool end = g->nodes.at[n].op == OP_LAST && g->nodes.at[n].attr[0].i == o->axis;
        if (g->outputs.at[i].role == OUTPUT_STATE && end) {
            node_id h = graph_node(g, n)->operands[0];
            node_id one = build_select(g, o->carries, h, zero_like(g, h));
            g->outputs.at[i].node = build_reduce(g, OP_SUM, one, AXIS_BIT(o->axis), false);
        }
    }
}

static rnnc_status rewrite(overlap *o, diag_sink *d) {
    graph *g = o->g;
    uint32_t count = g->nodes.count;
    o->seen = arena_new_array(&o->memory, bool, count);
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const graph_output *output = &g->outputs.at[i];
        bool measured = output->role == OUTPUT_LOSS || output->role == OUTPUT_METRIC;
        TRY(measured ? visit(o, output->node, output->name, d) : RNNC_OK);
    }
    make_marks(o);
    count_some(o, count);
    carry_some(o);
    return RNNC_OK;
}

// The graph's arena and that of the work come back here without memory.
static rnnc_status rewrite_guarded(overlap *o, diag_sink *d) {
    jmp_buf exhausted, *outer = o->g->memory.exhausted;
    rnnc_status status;
    if (setjmp(exhausted)) {
        status = diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for windows that overlap");
    } else {
        o->g->memory.exhausted = o->memory.exhausted = &exhausted;
        status = rewrite(o, d);
    }
    o->g->memory.exhausted = outer;
    return status;
}

rnnc_status graph_overlap(graph *g, int axis, diag_sink *d) {
    overlap o = {.g = g, .axis = axis};
    rnnc_status status = rewrite_guarded(&o, d);
    arena_deinit(&o.memory);
    return status;
}

rnnc_status model_overlap(model *m, diag_sink *d) {
    const recipe *r = m->recipe;
    bool overlaps = r && r->step_axis_count == 1 && r->steps[0].advance;
    return overlaps ? graph_overlap(m->graph, r->steps[0].axis, d) : RNNC_OK;
}

static void put_number(engine *e, const char *name, int64_t value) {
    int input = engine_find_input(e, name);
    if (input >= 0 && strcmp(engine_input_info(e, (uint32_t)input).role, "setting") == 0) {
        int64_t count = 0;
        *(int32_t *)engine_input(e, (uint32_t)input, &count) = (int32_t)value;
    }
}

void overlap_put(engine *e, const feed_batch *batch) {
    put_number(e, from_name, batch->context);
    put_number(e, at_name, batch->carried - 1);
}
