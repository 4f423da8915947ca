#include "ir/stream.h"

#include <stdlib.h>
#include <string.h>

// By node.
typedef struct marks {
    bool needed; // an output is computed from it
    bool late;   // it is computed from the last step's values
} marks;

static bool is_state(const node *n) {
    return n->op == OP_INPUT && strcmp(n->attr[1].text, "state") == 0;
}

static bool has_sequence(const graph *g, axis_set axes) {
    for (uint32_t a = AXIS_BATCH + 1; a < g->axes.count; a++) {
        if ((axes & AXIS_BIT(a)) && g->axes.at[a].kind != AXIS_IS_FIXED) {
            return true;
        }
    }
    return false;
}

// The axes that |n| works along, as its attributes say.
static axis_set worked_axes(const node *n) {
    const op_info *info = op_get(n->op);
    axis_set axes = 0;
    for (int i = 0; i < MAX_ATTRS; i++) {
        if (info->attr[i].kind == ATTR_AXIS && n->attr[i].i != NO_AXIS) {
            axes |= AXIS_BIT(n->attr[i].i);
        } else if (info->attr[i].kind == ATTR_AXES) {
            axes |= (axis_set)n->attr[i].i;
        }
    }
    return axes;
}

static bool node_streams(const graph *g, const node *n) {
    if (n->op == OP_OUTER || n->op == OP_RANDOM) {
        return false;
    }
    bool steps = has_sequence(g, worked_axes(n));
    bool remembers = n->op == OP_PREVIOUS && is_state(graph_node(g, n->operands[1]));
    return !steps || n->op == OP_LAST || remembers;
}

// Marks |at| and puts its operands on the stack; its new depth.
static uint32_t mark_one(const graph *g, marks *m, node_id at, node_id *stack, uint32_t depth) {
    const node *n = graph_node(g, at);
    for (uint32_t k = 0; !m[at].needed && k < n->operand_count; k++) {
        if (!m[n->operands[k]].needed) {
            stack[depth++] = n->operands[k];
        }
    }
    m[at].needed = true;
    return depth;
}

static void mark_needed(const graph *g, marks *m, node_id *stack) {
    uint32_t depth = 0;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        stack[depth++] = g->outputs.at[i].node;
        while (depth) {
            depth--;
            depth = mark_one(g, m, stack[depth], stack, depth);
        }
    }
}

// Operands may come after their readers, so this goes on until nothing changes.
static void mark_late(const graph *g, marks *m) {
    for (bool changed = true; changed;) {
        changed = false;
        for (node_id at = 0; at < g->nodes.count; at++) {
            const node *n = graph_node(g, at);
            bool late = n->op == OP_LAST && has_sequence(g, worked_axes(n));
            for (uint32_t k = 0; k < n->operand_count; k++) {
                late |= m[n->operands[k]].late;
            }
            changed |= late && !m[at].late;
            m[at].late |= late;
        }
    }
}

static bool all_stream(const graph *g, const marks *m) {
    int sequences = 0;
    for (uint32_t a = AXIS_BATCH + 1; a < g->axes.count; a++) {
        sequences += g->axes.at[a].kind == AXIS_IS_SEQUENCE;
    }
    bool all = sequences == 1;
    for (node_id n = 0; n < g->nodes.count && all; n++) {
        bool ahead = m[n].late && has_sequence(g, graph_type(g, n).axes);
        all = !m[n].needed || (node_streams(g, graph_node(g, n)) && !ahead);
    }
    return all;
}

bool graph_streams(const graph *g) {
    size_t edges = 1;
    for (node_id n = 0; n < g->nodes.count; n++) {
        edges += graph_node(g, n)->operand_count + 1u;
    }
    marks *m = calloc(g->nodes.count + 1u, sizeof *m);
    node_id *stack = calloc(edges, sizeof *stack);
    bool streams = false;
    if (m && stack) {
        mark_needed(g, m, stack);
        mark_late(g, m);
        streams = all_stream(g, m);
    }
    free(m);
    free(stack);
    return streams;
}
