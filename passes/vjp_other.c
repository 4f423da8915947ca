// Gradients of products, rows by number, reductions, and views of columns and time.
#include "passes/vjp.h"

void vjp_matmul(const vjp_site *s) {
    node_id x = vjp_operand(s, 0), w = vjp_operand(s, 1);
    bool transposed = graph_node(s->g, s->n)->attr[0].i != 0;
    if (vjp_wanted(s, 0)) {
        vjp_add(s, 0, build_matmul(s->g, s->dy, w, !transposed));
    }
    if (vjp_wanted(s, 1)) {
        vjp_add(s, 1, transposed ? build_outer(s->g, s->dy, x) : build_outer(s->g, x, s->dy));
    }
}

void vjp_outer(const vjp_site *s) {
    node_id x = vjp_operand(s, 0), y = vjp_operand(s, 1);
    if (vjp_wanted(s, 0)) {
        vjp_add(s, 0, build_matmul(s->g, y, s->dy, true));
    }
    if (vjp_wanted(s, 1)) {
        vjp_add(s, 1, build_matmul(s->g, x, s->dy, false));
    }
}

// The touched rows, each once: rows whose token came before are zero, so that norms are exact.
void vjp_gather(const vjp_site *s) {
    if (!vjp_wanted(s, 0)) {
        return;
    }
    node_id tokens = vjp_operand(s, 1);
    node_id rows = build_binary(s->g, OP_SEGMENT, tokens, s->dy);
    attr_value attrs[MAX_ATTRS] = {{.i = graph_type(s->g, vjp_operand(s, 0)).dim[0]}};
    vjp_add(s, 0,
            graph_add_node(s->g, NULL, OP_SCATTER, (value_type){0}, (node_id[]){tokens, rows}, 2, attrs));
}

void vjp_pick(const vjp_site *s) {
    value_type x = graph_type(s->g, vjp_operand(s, 0));
    node_id here = build_binary(s->g, OP_EQUAL, build_column(s->g, x.dim[0]), vjp_operand(s, 1));
    node_id zero = build_const(s->g, type_vector(x.elem, 0, 1), 0);
    vjp_add(s, 0, build_select(s->g, here, s->dy, zero));
}

void vjp_sum(const vjp_site *s) {
    vjp_add(s, 0, s->dy);
}

// Elements that share the maximum share its gradient.
void vjp_maximum(const vjp_site *s) {
    const node *n = graph_node(s->g, s->n);
    value_type type = graph_type(s->g, s->n);
    node_id x = vjp_operand(s, 0);
    axis_set over = (axis_set)n->attr[0].i;
    bool columns = n->attr[1].i != 0;
    node_id largest = build_convert(s->g, build_binary(s->g, OP_EQUAL, x, s->n), type.elem);
    node_id sharers = build_reduce(s->g, OP_SUM, largest, over, columns);
    vjp_add(s, 0, build_binary(s->g, OP_MUL, largest, build_binary(s->g, OP_DIV, s->dy, sharers)));
}

void vjp_lse(const vjp_site *s) {
    node_id difference = build_binary(s->g, OP_SUB, vjp_operand(s, 0), s->n);
    vjp_add(s, 0, build_binary(s->g, OP_MUL, s->dy, build_unary(s->g, OP_EXP, difference)));
}

void vjp_concat(const vjp_site *s) {
    int32_t from = 0;
    uint32_t count = graph_node(s->g, s->n)->operand_count;
    for (uint32_t i = 0; i < count; i++) {
        int32_t size = graph_type(s->g, vjp_operand(s, i)).dim[0];
        if (vjp_wanted(s, i)) {
            vjp_add(s, i, build_slice(s->g, s->dy, from, size));
        }
        from += size;
    }
}

void vjp_slice(const vjp_site *s) {
    int32_t from = (int32_t)graph_node(s->g, s->n)->attr[0].i;
    vjp_add(s, 0, build_pad(s->g, s->dy, from, graph_type(s->g, vjp_operand(s, 0)).dim[0]));
}

void vjp_pad(const vjp_site *s) {
    int32_t before = (int32_t)graph_node(s->g, s->n)->attr[0].i;
    vjp_add(s, 0, build_slice(s->g, s->dy, before, graph_type(s->g, vjp_operand(s, 0)).dim[0]));
}

static node_id zeros_like(const vjp_site *s, node_id x, axis_set without) {
    value_type type = graph_type(s->g, x);
    type.axes &= (axis_set)~without;
    return build_const(s->g, type, 0);
}

// y[t] = x[t-1] with y[0] = b gives dx[t] = dy[t+1], nothing for the last x, and db = dy[0]; and in reverse.
static void delay(const vjp_site *s, op_id opposite, op_id boundary_end) {
    int along = (int)graph_node(s->g, s->n)->attr[0].i;
    if (vjp_wanted(s, 0)) {
        node_id zero = zeros_like(s, s->dy, AXIS_BIT(along));
        vjp_add(s, 0, build_delay(s->g, opposite, s->dy, zero, along, graph_type(s->g, s->dy)));
    }
    if (vjp_wanted(s, 1)) {
        vjp_add(s, 1, build_end(s->g, boundary_end, s->dy, along));
    }
}

void vjp_previous(const vjp_site *s) {
    delay(s, OP_FOLLOWING, OP_FIRST);
}

void vjp_following(const vjp_site *s) {
    delay(s, OP_PREVIOUS, OP_LAST);
}

// A gradient that arrives at one end of the axis is the boundary of a sequence of zeros.
static void end(const vjp_site *s, op_id delay_op) {
    node_id x = vjp_operand(s, 0);
    int along = (int)graph_node(s->g, s->n)->attr[0].i;
    vjp_add(s, 0, build_delay(s->g, delay_op, zeros_like(s, x, 0), s->dy, along, graph_type(s->g, x)));
}

void vjp_first(const vjp_site *s) {
    end(s, OP_PREVIOUS);
}

void vjp_last(const vjp_site *s) {
    end(s, OP_FOLLOWING);
}

void vjp_stack(const vjp_site *s) {
    attr_value attrs[MAX_ATTRS] = {graph_node(s->g, s->n)->attr[0]};
    uint32_t count = graph_node(s->g, s->n)->operand_count;
    for (uint32_t i = 0; i < count; i++) {
        if (vjp_wanted(s, i)) {
            attrs[1].i = i;
            vjp_add(s, i, graph_add_node(s->g, NULL, OP_AT, (value_type){0}, &s->dy, 1, attrs));
        }
    }
}

// Zeros, but at the one index.
void vjp_at(const vjp_site *s) {
    int along = (int)graph_node(s->g, s->n)->attr[0].i;
    double at = (double)graph_node(s->g, s->n)->attr[1].i;
    node_id index = build_index(s->g, along), number = build_const(s->g, type_vector(DT_I32, 0, 1), at);
    node_id zero = build_const(s->g, type_vector(graph_type(s->g, s->dy).elem, 0, 1), 0);
    vjp_add(s, 0, build_select(s->g, build_binary(s->g, OP_EQUAL, index, number), s->dy, zero));
}

void vjp_section(const vjp_site *s) {
    const node *n = graph_node(s->g, s->n);
    vjp_add(s, 0, build_spread(s->g, s->dy, (int)n->attr[0].i, (int)n->attr[1].i, n->attr[2].i));
}

void vjp_spread(const vjp_site *s) {
    const node *n = graph_node(s->g, s->n);
    vjp_add(s, 0, build_section(s->g, s->dy, (int)n->attr[0].i, (int)n->attr[1].i, n->attr[2].i));
}
