#include "passes/rebuild.h"

#include <assert.h>

node_id rebuild_keep(rebuild *r, const node *was, const node_id *operands) {
    r->g->current_origin = was->origin;
    return graph_add_node(r->g, NULL, was->op, was->type, operands, was->operand_count, was->attr);
}

bool rebuild_wait_likewise(rebuild *r, node_id n, node_id other) {
    for (uint32_t i = 0; i < r->later.count; i++) {
        if (r->later.at[i].delay != n) {
            continue;
        }
        rebuild_later likewise = {other, r->later.at[i].old_source};
        vec_push(r->scratch, r->later, likewise);
        return true;
    }
    return false;
}

static void rebuild_node(rebuild *r, node_id old) {
    const node *was = &r->old_nodes[old];
    node_id *operands = arena_new_array(r->scratch, node_id, was->operand_count + 1);
    for (uint32_t i = 0; i < was->operand_count; i++) {
        operands[i] = r->map[was->operands[i]];
    }
    node_id made = r->make ? r->make(r, was, operands) : rebuild_keep(r, was, operands);
    assert(type_equal(graph_type(r->g, made), was->type) && "a rewrite changed a type");
    r->map[old] = made;
    if (op_has(was->op, DELAY) && operands[0] == NO_NODE) {
        assert(op_has(graph_node(r->g, made)->op, DELAY));
        rebuild_later waits = {made, was->operands[0]};
        vec_push(r->scratch, r->later, waits);
    }
}

static void start(rebuild *r, uint32_t old_count) {
    r->map = arena_new_array(r->scratch, node_id, old_count + 1);
    for (uint32_t i = 0; i <= old_count; i++) {
        r->map[i] = NO_NODE;
    }
}

rnnc_status graph_rebuild(graph *g, arena *scratch, diag_sink *d, rebuild_function *make, void *user) {
    graph_order order;
    TRY(graph_order_compute(g, scratch, d, &order));
    rebuild r = {.g = g, .user = user, .scratch = scratch, .make = make, .old_nodes = g->nodes.at};
    start(&r, g->nodes.count);
    g->nodes.at = NULL;
    g->nodes.count = g->nodes.capacity = 0;
    for (uint32_t i = 0; i < order.count; i++) {
        for (uint32_t k = 0; k < order.steps[i].count; k++) {
            rebuild_node(&r, order.steps[i].nodes[k]);
        }
    }
    for (uint32_t i = 0; i < r.later.count; i++) {
        graph_set_operand(g, r.later.at[i].delay, 0, r.map[r.later.at[i].old_source]);
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        g->outputs.at[i].node = r.map[g->outputs.at[i].node];
    }
    g->current_origin = 0;
    return RNNC_OK;
}
