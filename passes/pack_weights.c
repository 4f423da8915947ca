// pack-weights: the matrix of every product gets the layout of the kernels, as a node of its own.
//
//     %p = matmul %h, $W ; slices of %p, four of one size
//       ->  %w = pack $W {transposed = 0, gates = 4} ; %p = matmul %h, %w
//
// A product whose columns are only read as G equal slices is laid out so that the G columns of one unit stand in
// one panel: all gates of a unit are then in registers together. Matrices read in one way by several products
// are packed once.
#include "passes/pass.h"
#include "passes/rebuild.h"

typedef struct packer {
    int32_t *gates; // by old node (products)
    pass_context *cx;
} packer;

// The number of equal slices that |n| is only read through, or 1.
static int32_t count_gates(const graph *g, node_id n, target_shape shape) {
    int32_t size = 0, columns = graph_type(g, n).dim[0];
    for (node_id u = 0; u < g->nodes.count; u++) {
        const node *user = graph_node(g, u);
        for (uint32_t i = 0; i < user->operand_count; i++) {
            if (user->operands[i] != n) {
                continue;
            }
            bool fits = user->op == OP_SLICE && (size == 0 || user->attr[1].i == size) &&
                        user->attr[0].i % user->attr[1].i == 0;
            if (!fits) {
                return 1;
            }
            size = (int32_t)user->attr[1].i;
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].node == n) {
            return 1;
        }
    }
    bool whole_gates = size && columns % size == 0 && columns / size <= product_max_gates(shape);
    return whole_gates ? columns / size : 1;
}

static node_id find_pack(const graph *g, node_id source, int64_t transposed, int64_t gates) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_PACK && at->operands[0] == source && at->attr[0].i == transposed &&
            at->attr[1].i == gates) {
            return n;
        }
    }
    return NO_NODE;
}

static node_id make(rebuild *r, const node *was, const node_id *operands) {
    packer *p = r->user;
    if (was->op != OP_MATMUL || graph_node(r->g, operands[1])->op == OP_PACK) {
        return rebuild_keep(r, was, operands);
    }
    int64_t gates = p->gates[was - r->old_nodes];
    node_id packed = find_pack(r->g, operands[1], was->attr[0].i, gates);
    if (packed == NO_NODE) {
        attr_value attrs[MAX_ATTRS] = {{.i = was->attr[0].i}, {.i = gates}};
        r->g->current_origin = graph_node(r->g, operands[1])->origin;
        packed = graph_add_node(r->g, NULL, OP_PACK, (value_type){0}, &operands[1], 1, attrs);
    }
    return rebuild_keep(r, was, (node_id[]){operands[0], packed});
}

rnnc_status pass_pack_weights(graph *g, pass_context *cx) {
    packer p = {.cx = cx, .gates = arena_new_array(cx->scratch, int32_t, g->nodes.count)};
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (graph_node(g, n)->op == OP_MATMUL) {
            p.gates[n] = count_gates(g, n, cx->shape);
        }
    }
    return graph_rebuild(g, cx->scratch, cx->d, make, &p);
}
