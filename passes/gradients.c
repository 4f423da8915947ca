#include "passes/gradients.h"

#include <string.h>

static bool is_given(const node *n) {
    return n->op == OP_INPUT && strcmp(n->attr[1].text, GRADIENT_ROLE) == 0;
}

// Marks what depends on a given gradient. False if nothing is given.
static bool mark_late(const graph *g, bool *late) {
    bool any = false, changed = true;
    // Each sweep but the last marks a node behind one more delay that points backwards in node order.
    while (changed) {
        changed = false;
        for (node_id n = 0; n < g->nodes.count; n++) {
            const node *at = graph_node(g, n);
            bool marked = is_given(at);
            any |= marked;
            for (uint32_t i = 0; i < at->operand_count && !marked; i++) {
                marked = late[at->operands[i]];
            }
            changed |= marked && !late[n];
            late[n] |= marked;
        }
    }
    return any;
}

// Marks |n| and what it depends on, without recursion: graphs may be deep.
static void mark_needed(const graph *g, node_id n, arena *scratch, bool *needed) {
    VEC(node_id) waiting = {0};
    vec_push(scratch, waiting, n);
    while (waiting.count) {
        node_id at = waiting.at[--waiting.count];
        const node *x = graph_node(g, at);
        for (uint32_t i = 0; i < x->operand_count && !needed[at]; i++) {
            vec_push(scratch, waiting, x->operands[i]);
        }
        needed[at] = true;
    }
}

const bool *gradients_first_half(const graph *g, arena *scratch) {
    bool *late = arena_new_array(scratch, bool, g->nodes.count + (size_t)1);
    bool *first = arena_new_array(scratch, bool, g->nodes.count + (size_t)1);
    if (!mark_late(g, late)) {
        return NULL;
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        node_id n = g->outputs.at[i].node;
        if (!late[n]) {
            mark_needed(g, n, scratch, first);
        }
    }
    return first;
}
