// batch-time: takes products out of the recurrences, so that they run for all steps at once.
//
// What does not depend on the step before is no part of a recurrence (ir/order.h) and is run over the whole axis
// by one kernel call anyway: input projections, output projections, weight gradients. Left inside are the true
// recurrences, in which this pass turns
//
//     %g = matmul %dz, $W {transposed}            %s = following %dz, 0
//     %s = following %g, 0              ->        %s = matmul (following %dz, 0), $W {transposed}
//
// (and the same for `previous`; a product of zeros is zero): the product then stands at the head of the step,
// where the element-wise work of the step is its epilogue, and only %dz is kept across steps. A delayed sum with
// a product in it is split first:  following (add %a, %b), 0  ->  add (following %a, 0), (following %b, 0).
#include "passes/pass.h"
#include "passes/rebuild.h"

static bool is_zero(const graph *g, node_id n) {
    return graph_node(g, n)->op == OP_CONST && graph_node(g, n)->attr[0].f == 0;
}

// A product by a weight, or a sum with one in it.
static bool holds_product(const graph *g, node_id n, int depth) {
    const node *at = graph_node(g, n);
    if (at->op == OP_MATMUL) {
        return op_has(graph_node(g, at->operands[1])->op, LEAF);
    }
    return at->op == OP_ADD && depth < 16 && type_equal(graph_type(g, at->operands[0]), at->type) &&
           type_equal(graph_type(g, at->operands[1]), at->type) &&
           (holds_product(g, at->operands[0], depth + 1) || holds_product(g, at->operands[1], depth + 1));
}

// A delay reads its own recurrence; nodes from |count| on are the products that this pass has made of others.
static bool is_recurrent(const graph_order *order, const node *delay, node_id n, uint32_t count) {
    node_id x = delay->operands[0];
    return x < count && order->step_of[n] != UINT32_MAX && order->step_of[n] == order->step_of[x];
}

static node_id delayed(graph *g, const node *delay, node_id x) {
    value_type boundary = graph_type(g, x);
    boundary.axes &= (axis_set)~AXIS_BIT(delay->attr[0].i);
    g->current_origin = delay->origin;
    return build_delay(g, delay->op, x, build_const(g, boundary, 0), (int)delay->attr[0].i, graph_type(g, x));
}

// What equals a delay by one step of |x| with zeros before, with the delay moved onto the products' operands.
static node_id push_delay(graph *g, const node *delay, node_id x) {
    const node *at = graph_node(g, x);
    node_id first = at->operands ? at->operands[0] : NO_NODE,
            second = at->operand_count > 1 ? at->operands[1] : NO_NODE;
    bool transposed = at->attr[0].i != 0;
    uint32_t origin = at->origin;
    if (at->op == OP_MATMUL && holds_product(g, x, 0)) {
        node_id earlier = delayed(g, delay, first);
        g->current_origin = origin;
        return build_matmul(g, earlier, second, transposed);
    }
    if (holds_product(g, x, 0)) {
        node_id a = push_delay(g, delay, first);
        node_id b = push_delay(g, delay, second);
        g->current_origin = origin;
        return build_binary(g, OP_ADD, a, b);
    }
    return delayed(g, delay, x);
}

rnnc_status pass_batch_time(graph *g, pass_context *cx) {
    graph_order order;
    TRY(graph_order_compute(g, cx->scratch, cx->d, &order));
    uint32_t count = g->nodes.count;
    for (node_id n = 0; n < count; n++) {
        const node *delay = graph_node(g, n);
        if (!op_has(delay->op, DELAY) || !is_recurrent(&order, delay, n, count) ||
            !is_zero(g, delay->operands[1]) || !holds_product(g, delay->operands[0], 0) ||
            !pass_may_rewrite(cx)) {
            continue;
        }
        node copy = *delay;
        graph_replace_uses(g, n, push_delay(g, &copy, copy.operands[0]));
    }
    g->current_origin = 0;
    return graph_rebuild(g, cx->scratch, cx->d, NULL, NULL);
}
