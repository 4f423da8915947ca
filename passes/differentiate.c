// differentiate: reverse mode over the graph.
//
// The gradient of the loss for every trained variable becomes an output "gradient.NAME". Nodes are visited
// against the order of evaluation; each passes its gradient to its operands by its op's rule (vjp_*.c). In a
// recurrence, a value x that `previous` hands to the next step gets part of its gradient from the step after:
//     %d = following %dp, 0        where %dp, the gradient of the `previous` node, is only known later,
// which is just what a `following` node may be made with and completed afterwards. So backpropagation through
// time is the recurrence of the other direction, built by the same rules, and no step is ever enumerated.
//
// Where the caller gives gradients of outputs (passes/gradients.h), these take the place of the loss; gradients of
// inputs that are asked for become outputs, too.
//
// Precondition: a loss output, or given gradients. Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; Werbos,
// Backpropagation through time (1990).
#include <string.h>

#include "ir/order.h"
#include "passes/pass.h"
#include "passes/vjp.h"

typedef struct pending_delay {
    node_id delay;  // the gradient node that waits for its operand 0
    node_id source; // the forward delay node whose gradient it reads
} pending_delay;

struct vjp {
    graph *g;
    arena *scratch;
    node_id *gradient; // by forward node; NO_NODE: none yet
    bool *wanted;      // by forward node: a trained variable or a wanted input is behind it
    uint32_t forward_count;
    const graph_order *order;
    VEC(pending_delay) pending;
    const gradient_options *options; // never NULL
    diag_sink *d;
    rnnc_status status; // of the first node that could not be differentiated
};

node_id vjp_operand(const vjp_site *s, uint32_t index) {
    return graph_node(s->g, s->n)->operands[index];
}

bool vjp_wanted(const vjp_site *s, uint32_t index) {
    return s->state->wanted[vjp_operand(s, index)];
}

// Sums over what |type| lacks, spreads over what the gradient lacks.
static node_id fit(graph *g, node_id gradient, value_type type) {
    value_type have = graph_type(g, gradient);
    axis_set extra = (axis_set)(have.axes & ~type.axes);
    bool fold_columns = type_columns(type) == 1 && (type_columns(have) > 1 || have.rank != type.rank);
    node_id folded = build_reduce(g, OP_SUM, gradient, extra, fold_columns);
    return build_broadcast(g, folded, type);
}

static bool delayed_inside_component(const vjp *v, node_id delay) {
    node_id source = graph_node(v->g, delay)->operands[0];
    return v->order->step_of[delay] == v->order->step_of[source];
}

void vjp_add(const vjp_site *s, uint32_t index, node_id gradient) {
    vjp *v = s->state;
    node_id operand = vjp_operand(s, index);
    if (!v->wanted[operand]) {
        return;
    }
    node_id fitted = fit(v->g, gradient, graph_type(v->g, operand));
    node_id *sum = &v->gradient[operand];
    *sum = *sum == NO_NODE ? fitted : build_binary(v->g, OP_ADD, *sum, fitted);
}

// Whether the gradient of leaf |n| is asked for.
static bool is_source(const vjp *v, node_id n) {
    const node *at = graph_node(v->g, n);
    if (at->op == OP_VARIABLE) {
        return graph_variable_of(v->g, n)->role == VARIABLE_WEIGHT;
    }
    for (uint32_t i = 0; at->op == OP_INPUT && i < v->options->wanted_count; i++) {
        if (strcmp(at->attr[0].text, v->options->wanted[i]) == 0) {
            return dtype_is_float(at->type.elem);
        }
    }
    return false;
}

// Marks everything that depends on a source, through delays too: users of marked nodes, repeatedly.
static void mark_wanted(vjp *v) {
    graph *g = v->g;
    bool changed = true;
    // Each sweep but the last marks a node behind one more delay that points backwards in node order.
    while (changed) {
        changed = false;
        for (node_id n = 0; n < v->forward_count; n++) {
            const node *at = graph_node(g, n);
            bool marked = is_source(v, n);
            for (uint32_t i = 0; i < at->operand_count && !marked && dtype_is_float(at->type.elem); i++) {
                marked = v->wanted[at->operands[i]];
            }
            if (marked && !v->wanted[n]) {
                v->wanted[n] = changed = true;
            }
        }
    }
}

static vjp_rule *const rules[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, ...) [OP_##id] = vjp_##gradient,
#include "ir/ops.def"
#undef OP
};

// For every delay node that hands |n| to another step of the same recurrence: its share of n's gradient.
static void add_gradient_from_next_step(vjp *v, node_id n, const node_id *delays, uint32_t delay_count) {
    graph *g = v->g;
    for (uint32_t i = 0; i < delay_count; i++) {
        const node *delay = graph_node(g, delays[i]);
        if (delay->operands[0] != n || !v->wanted[n]) {
            continue;
        }
        value_type type = graph_type(g, n), boundary_type = type;
        int along = (int)delay->attr[0].i;
        op_id opposite = delay->op == OP_PREVIOUS ? OP_FOLLOWING : OP_PREVIOUS;
        boundary_type.axes &= (axis_set)~AXIS_BIT(along);
        node_id share = build_delay(g, opposite, NO_NODE, build_const(g, boundary_type, 0), along, type);
        pending_delay waits = {share, delays[i]};
        vec_push(v->scratch, v->pending, waits);
        node_id *sum = &v->gradient[n];
        *sum = *sum == NO_NODE ? share : build_binary(g, OP_ADD, *sum, share);
    }
}

static void visit(vjp *v, node_id n) {
    if (v->gradient[n] == NO_NODE || !v->wanted[n]) {
        return;
    }
    v->g->current_origin = graph_node(v->g, n)->origin;
    vjp_site site = {v, v->g, n, v->gradient[n]};
    op_id op = graph_node(v->g, n)->op;
    if (op_has(op, DELAY) && delayed_inside_component(v, n)) {
        // Operand 0 has had its share already; only the boundary remains.
        int along = (int)graph_node(v->g, n)->attr[0].i;
        if (vjp_wanted(&site, 1)) {
            vjp_add(&site, 1, build_end(v->g, op == OP_PREVIOUS ? OP_FIRST : OP_LAST, site.dy, along));
        }
        return;
    }
    if (rules[op] == vjp_none && !op_has(op, LEAF)) {
        const node_origin *from = graph_origin(v->g, n);
        v->status = diag_fail(v->d, RNNC_UNSUPPORTED, from->where,
                              "%s%s%s has no gradient, and the loss reaches a weight through it", from->path,
                              from->path[0] ? ": " : "", op_get(op)->mnemonic);
        return;
    }
    rules[op](&site);
}

// All gradients from outside of a step are known when it is visited. What has none does not lead to the loss; within
// a recurrence everything leads to everything.
static bool leads_to_loss(const vjp *v, const graph_step *step) {
    for (uint32_t i = 0; i < step->count; i++) {
        if (v->gradient[step->nodes[i]] != NO_NODE) {
            return true;
        }
    }
    return false;
}

static void visit_step(vjp *v, const graph_step *step) {
    if (!leads_to_loss(v, step)) {
        return;
    }
    VEC(node_id) delays = {0};
    for (uint32_t i = 0; i < step->count; i++) {
        node_id n = step->nodes[i];
        if (!op_has(graph_node(v->g, n)->op, DELAY) || !delayed_inside_component(v, n)) {
            continue;
        }
        vec_push(v->scratch, delays, n);
    }
    for (uint32_t i = step->count; i-- > 0;) {
        v->g->current_origin = graph_node(v->g, step->nodes[i])->origin;
        add_gradient_from_next_step(v, step->nodes[i], delays.at, delays.count);
        visit(v, step->nodes[i]);
    }
}

static void complete_delays(vjp *v) {
    for (uint32_t i = 0; i < v->pending.count; i++) {
        pending_delay p = v->pending.at[i];
        node_id gradient = v->gradient[p.source];
        if (gradient == NO_NODE) {
            v->g->current_origin = graph_node(v->g, p.delay)->origin;
            gradient = build_const(v->g, graph_type(v->g, p.delay), 0);
        }
        graph_set_operand(v->g, p.delay, 0, gradient);
    }
}

static void add_gradient_outputs(vjp *v) {
    graph *g = v->g;
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *variable = &g->variables.at[i];
        node_id sum = NO_NODE;
        for (node_id n = 0; n < v->forward_count; n++) {
            if (graph_node(g, n)->op != OP_VARIABLE || graph_variable_of(g, n) != variable ||
                v->gradient[n] == NO_NODE) {
                continue;
            }
            g->current_origin = graph_node(g, n)->origin;
            sum = sum == NO_NODE ? v->gradient[n] : build_binary(g, OP_ADD, sum, v->gradient[n]);
        }
        if (sum != NO_NODE && variable->role == VARIABLE_WEIGHT) {
            graph_add_output(g, arena_printf(v->scratch, "gradient.%s", variable->name), sum, OUTPUT_VALUE);
        }
    }
}

static node_id sum_of_input(vjp *v, const char *name, node_id *out_input) {
    graph *g = v->g;
    node_id sum = NO_NODE;
    *out_input = NO_NODE;
    for (node_id n = 0; n < v->forward_count; n++) {
        const node *at = graph_node(g, n);
        if (at->op != OP_INPUT || strcmp(at->attr[0].text, name) != 0) {
            continue;
        }
        *out_input = n;
        g->current_origin = at->origin;
        node_id share = v->gradient[n];
        bool both = sum != NO_NODE && share != NO_NODE;
        sum = both ? build_binary(g, OP_ADD, sum, share) : sum != NO_NODE ? sum : share;
    }
    return sum;
}

// Of an input that leads nowhere where a gradient comes from, zeros.
static void add_input_gradients(vjp *v) {
    graph *g = v->g;
    for (uint32_t i = 0; i < v->options->wanted_count; i++) {
        node_id input, sum = sum_of_input(v, v->options->wanted[i], &input);
        if (input == NO_NODE || !dtype_is_float(graph_type(g, input).elem)) {
            continue;
        }
        sum = sum == NO_NODE ? build_const(g, graph_type(g, input), 0) : sum;
        graph_add_output(g, arena_printf(v->scratch, GRADIENT_PREFIX "%s", v->options->wanted[i]), sum,
                         OUTPUT_VALUE);
    }
}

static node_id find_loss(const graph *g) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].role == OUTPUT_LOSS) {
            return g->outputs.at[i].node;
        }
    }
    return NO_NODE;
}

static rnnc_status start_from_loss(vjp *v) {
    graph *g = v->g;
    node_id loss = find_loss(g);
    if (loss == NO_NODE) {
        return diag_error(v->d, NO_SPAN, "model \"%s\" has no loss, so there is nothing to train", g->name);
    }
    g->current_origin = graph_node(g, loss)->origin;
    v->gradient[loss] = build_const(g, graph_type(g, loss), 1);
    return RNNC_OK;
}

// Two outputs may be one node: then its gradient is the sum.
static rnnc_status start_from_given(vjp *v) {
    graph *g = v->g;
    for (uint32_t i = 0; i < v->options->given_count; i++) {
        const char *name = v->options->given[i];
        node_id n = graph_find_output(g, name);
        if (n == NO_NODE || !dtype_is_float(graph_type(g, n).elem)) {
            return diag_fail(v->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "the model '%s' has no output '%s' of real numbers", g->name, name);
        }
        g->current_origin = graph_node(g, n)->origin;
        name = arena_printf(v->scratch, GRADIENT_PREFIX "%s", name);
        node_id given = build_input(g, name, GRADIENT_ROLE, graph_type(g, n));
        node_id *sum = &v->gradient[n];
        *sum = *sum == NO_NODE ? given : build_binary(g, OP_ADD, *sum, given);
    }
    return RNNC_OK;
}

rnnc_status pass_differentiate(graph *g, pass_context *cx) {
    static const gradient_options none = {0};
    graph_order order;
    TRY(graph_order_compute(g, cx->scratch, cx->d, &order));
    vjp v = {.g = g, .scratch = cx->scratch, .forward_count = g->nodes.count, .order = &order, .d = cx->d};
    v.options = cx->gradients ? cx->gradients : &none;
    v.gradient = arena_new_array(cx->scratch, node_id, g->nodes.count);
    v.wanted = arena_new_array(cx->scratch, bool, g->nodes.count);
    for (node_id n = 0; n < v.forward_count; n++) {
        v.gradient[n] = NO_NODE;
    }
    mark_wanted(&v);
    TRY(v.options->given_count ? start_from_given(&v) : start_from_loss(&v));
    for (uint32_t i = order.count; i-- > 0;) {
        visit_step(&v, &order.steps[i]);
    }
    TRY(v.status);
    complete_delays(&v);
    add_gradient_outputs(&v);
    add_input_gradients(&v);
    cx->differentiated = true;
    g->current_origin = 0;
    return RNNC_OK;
}
