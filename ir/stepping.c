// A model can be run one step at a time if every step is a function of the inputs of that step and of the states, and
// nothing is carried from step to step but states.
#include "ir/stepping.h"

#include <string.h>

typedef struct inspection {
    const graph *g;
    int axis;     // of the steps
    bool *needed; // by node: a value output or a final state depends on it
    bool *ended;  // by node: it depends on the last step of something
    arena *memory;
} inspection;

static bool has_axis(const inspection *in, node_id n) {
    return graph_type(in->g, n).axes & AXIS_BIT(in->axis);
}

// Marks what |n| depends on, without recursion: graphs may be deep.
static void mark(inspection *in, node_id n) {
    VEC(node_id) waiting = {0};
    vec_push(in->memory, waiting, n);
    while (waiting.count) {
        node_id at = waiting.at[--waiting.count];
        if (in->needed[at]) {
            continue;
        }
        in->needed[at] = true;
        for (uint32_t i = 0; i < graph_node(in->g, at)->operand_count; i++) {
            vec_push(in->memory, waiting, graph_node(in->g, at)->operands[i]);
        }
    }
}

static void mark_ended(inspection *in) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (node_id n = 0; n < in->g->nodes.count; n++) {
            const node *at = graph_node(in->g, n);
            bool ended = at->op == OP_LAST && (int)at->attr[0].i == in->axis;
            for (uint32_t i = 0; i < at->operand_count && !ended; i++) {
                ended = in->ended[at->operands[i]];
            }
            changed |= ended && !in->ended[n];
            in->ended[n] |= ended;
        }
    }
}

// A delay is carried on where it begins with a state input whose final value is an output.
static bool is_carried(const inspection *in, node_id delay) {
    const node *boundary = graph_node(in->g, graph_node(in->g, delay)->operands[1]);
    if (boundary->op != OP_INPUT) {
        return false;
    }
    for (uint32_t i = 0; i < in->g->outputs.count; i++) {
        const graph_output *o = &in->g->outputs.at[i];
        if (o->role == OUTPUT_STATE && strcmp(o->name, boundary->attr[0].text) == 0) {
            return true;
        }
    }
    return false;
}

static const char *obstacle_of(const inspection *in, node_id n) {
    const node *at = graph_node(in->g, n);
    bool along = (op_has(at->op, DELAY) || at->op == OP_INDEX || at->op == OP_EXTENT) &&
                 (int)at->attr[0].i == in->axis;
    if (along && at->op == OP_FOLLOWING) {
        return "it reads what comes after a step";
    }
    if (along && at->op == OP_PREVIOUS && !is_carried(in, n)) {
        return "it begins with something other than a state, which no run carries on";
    }
    if (along && !op_has(at->op, DELAY)) {
        return "it depends on where in the sequence a step is";
    }
    if (at->op == OP_RANDOM) {
        return "it draws random numbers by step";
    }
    if (in->ended[n] && has_axis(in, n)) {
        return "a step of it depends on the last step";
    }
    for (uint32_t i = 0; i < at->operand_count && at->op != OP_LAST && !has_axis(in, n); i++) {
        if (has_axis(in, at->operands[i])) {
            return "it needs all steps at once";
        }
    }
    return NULL;
}

static const char *describe(const inspection *in, const diag_sink *sources, node_id n, const char *what) {
    const node_origin *from = graph_origin(in->g, n);
    const char *name = *from->path ? from->path : "a value";
    if (!from->where.file) {
        return arena_printf(in->memory, "%s: %s", name, what);
    }
    uint32_t line, column;
    diag_position(sources, from->where, &line, &column);
    return arena_printf(in->memory, "%s:%u:%u: %s: %s", sources->files.at[from->where.file].name, line,
                        column, name, what);
}

static const char *find_obstacle(inspection *in, const diag_sink *sources) {
    for (uint32_t i = 0; i < in->g->outputs.count; i++) {
        const graph_output *o = &in->g->outputs.at[i];
        if (o->role == OUTPUT_VALUE || o->role == OUTPUT_STATE) {
            mark(in, o->node);
        }
    }
    mark_ended(in);
    for (node_id n = 0; n < in->g->nodes.count; n++) {
        const char *what = in->needed[n] ? obstacle_of(in, n) : NULL;
        if (what) {
            return describe(in, sources, n, what);
        }
    }
    return NULL;
}

const char *graph_step_obstacle(const graph *g, const diag_sink *sources, arena *memory) {
    inspection in = {.g = g, .axis = NO_AXIS, .memory = memory};
    for (uint32_t a = 1; a < g->axes.count; a++) {
        if (g->axes.at[a].kind == AXIS_IS_PART) {
            return arena_printf(memory, "the model reads parts of sequences, along %s", g->axes.at[a].name);
        }
        if (g->axes.at[a].kind == AXIS_IS_SEQUENCE && in.axis != NO_AXIS) {
            return arena_printf(memory, "the model has more than one sequence axis: %s and %s",
                                g->axes.at[in.axis].name, g->axes.at[a].name);
        }
        in.axis = g->axes.at[a].kind == AXIS_IS_SEQUENCE ? (int)a : in.axis;
    }
    if (in.axis == NO_AXIS) {
        return NULL;
    }
    in.needed = arena_new_array(memory, bool, g->nodes.count);
    in.ended = arena_new_array(memory, bool, g->nodes.count);
    return find_obstacle(&in, sources);
}
