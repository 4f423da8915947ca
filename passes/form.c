// The form that kernels are planned for: what `lower` and `pack-weights` leave, checked from scratch.
#include "passes/grouping.h"
#include "passes/views.h"

typedef struct form_check {
    const graph *g;
    target_shape shape;
    diag_sink *d;
    bool *claimed;      // by node: it is part of a whole
    bool *delayed[2];   // by node: a previous, a following reads it, or it is part of what one reads
    rnnc_status status; // of the first node that is not in the form
} form_check;

static void fail(form_check *f, node_id n, const char *pass, const char *what) {
    if (f->status == RNNC_OK) {
        f->status = diag_fail(f->d, RNNC_INVALID_ARGUMENT, graph_origin(f->g, n)->where,
                              "fuse-pointwise needs %s before it: %%%u %s %s", pass, n,
                              op_get(graph_node(f->g, n)->op)->mnemonic, what);
    }
}

static bool is_whole(op_id op) {
    return op == OP_CONCAT || op == OP_STACK;
}

// Computed into memory that can be chosen: not a leaf, nor a window into something else.
static bool is_storable(const graph *g, node_id n) {
    op_id op = graph_node(g, n)->op;
    return is_whole(op) || !op_has(op, LEAF | VIEW | EFFECT);
}

static bool is_nowhere(const graph *g, node_id n) {
    return graph_node(g, n)->op == OP_CONST || graph_node(g, n)->op == OP_COLUMN;
}

static bool reads_memory(const node *n, uint32_t i) {
    bool by_rows = n->op == OP_SEGMENT || n->op == OP_SCATTER || n->op == OP_ADD_ROWS || n->op == OP_PACK;
    bool folds_rows = op_has(n->op, REDUCE) && !n->attr[1].i;
    return by_rows || folds_rows || group_reads_memory(n, i);
}

// The rows of what is taken along an inner axis do not lie side by side, nor those of a section with further axes.
static bool is_out_of_order(const node *n) {
    if (n->op != OP_FIRST && n->op != OP_LAST && n->op != OP_AT && n->op != OP_SECTION) {
        return false;
    }
    axis_set sequences = (axis_set)(n->type.axes & ~AXIS_BIT(AXIS_BATCH));
    axis_set outside = (axis_set)(AXIS_BIT(n->attr[0].i) - 1);
    return n->op == OP_SECTION ? axis_count(sequences) > 1 : (sequences & outside) != 0;
}

static void check_operands(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    bool window = op_has(at->op, VIEW) && !is_whole(at->op);
    for (uint32_t i = 0; i < at->operand_count; i++) {
        bool copied = i == 1 && (op_has(at->op, DELAY) || at->op == OP_INSERT);
        bool memory = reads_memory(at, i) || (window && !copied);
        if (memory && is_nowhere(f->g, at->operands[i])) {
            fail(f, n, "lower", "reads a constant through memory");
        }
        if (at->op != OP_COPY && is_out_of_order(graph_node(f->g, at->operands[i]))) {
            fail(f, n, "lower", "reads rows that do not lie in the order of its own");
        }
        if (graph_node(f->g, at->operands[i])->op == OP_PACK && !(at->op == OP_MATMUL && i == 1)) {
            fail(f, n, "pack-weights", "reads a packed matrix, which only a matmul can");
        }
    }
}

// A stack cannot be computed into another: a place has one index that is picked.
static bool holds_stack(const graph *g, node_id n) {
    const node *at = graph_node(g, n);
    bool found = at->op == OP_STACK;
    for (uint32_t i = 0; at->op == OP_CONCAT && !found && i < at->operand_count; i++) {
        found = holds_stack(g, at->operands[i]);
    }
    return found;
}

static void check_whole(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    for (uint32_t i = 0; i < at->operand_count; i++) {
        node_id part = at->operands[i];
        axis_set sequences = (axis_set)(graph_type(f->g, part).axes & ~AXIS_BIT(AXIS_BATCH));
        bool nested = sequences ? graph_node(f->g, part)->op != OP_COPY : holds_stack(f->g, part);
        if (!is_storable(f->g, part) || f->claimed[part] || (at->op == OP_STACK && nested)) {
            fail(f, n, "lower", "has a part that is not its own");
        }
        f->claimed[part] = true;
    }
}

// A place has one index that moves.
static void check_view(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    if (view_moves_twice(f->g, at, at->operands[0])) {
        fail(f, n, "lower", "moves along another axis than what it reads");
    }
}

// What is written over is this node's own.
static void check_insert(form_check *f, node_id n) {
    node_id below = graph_node(f->g, n)->operands[0];
    if (graph_node(f->g, below)->op != OP_COPY || f->claimed[below]) {
        fail(f, n, "lower", "writes over a value that is not its own");
    }
    f->claimed[below] = true;
}

static void mark_delayed(form_check *f, bool *delayed, node_id delay, node_id x) {
    const node *at = graph_node(f->g, x);
    if (delayed[x]) {
        fail(f, delay, "lower", "reads what another delay reads");
        return;
    }
    delayed[x] = true;
    for (uint32_t i = 0; is_whole(at->op) && i < at->operand_count; i++) {
        mark_delayed(f, delayed, delay, at->operands[i]);
    }
}

static void check_delay(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    if (!is_storable(f->g, at->operands[0])) {
        fail(f, n, "lower", "reads a value without memory of its own");
        return;
    }
    mark_delayed(f, f->delayed[at->op == OP_FOLLOWING], n, at->operands[0]);
}

static bool fits_gates(const node *pack, const node *product, target_shape shape) {
    int64_t gates = pack->attr[1].i, columns = product->type.dim[0];
    return gates >= 1 && gates <= product_max_gates(shape) && columns % gates == 0 &&
           pack->attr[0].i == product->attr[0].i;
}

static void check_product(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n), *pack = graph_node(f->g, at->operands[1]);
    if (pack->op != OP_PACK) {
        fail(f, n, "pack-weights", "reads a matrix that is not packed");
    } else if (!fits_gates(pack, at, f->shape)) {
        fail(f, n, "pack-weights", "does not suit the gates that its matrix is packed for on this target");
    }
}

// A product in gates is read gate by gate.
static void check_gates(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    for (uint32_t i = 0; i < at->operand_count; i++) {
        const node *product = graph_node(f->g, at->operands[i]);
        int64_t gates =
            product->op == OP_MATMUL ? graph_node(f->g, product->operands[1])->attr[1].i : (int64_t)1;
        int64_t size = gates > 1 ? product->type.dim[0] / gates : 0;
        if (size && (at->op != OP_SLICE || at->attr[1].i != size || at->attr[0].i % size)) {
            fail(f, n, "pack-weights", "reads a product in gates otherwise than gate by gate");
        }
    }
}

static void check_pack(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    int64_t transposed = at->attr[0].i, gates = at->attr[1].i;
    bool sound = (transposed == 0 || transposed == 1) && gates >= 1 &&
                 at->type.dim[transposed == 1 ? 0 : 1] % gates == 0;
    if (!sound) {
        fail(f, n, "pack-weights", "has attributes that do not suit its matrix");
    }
}

static void check_node(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    if (at->op == OP_PAD || at->op == OP_SPREAD) {
        fail(f, n, "lower", "has no kernel");
    }
    if (op_has(at->op, REDUCE) && at->attr[0].i && at->attr[1].i) {
        fail(f, n, "lower", "folds rows and columns at once");
    }
    if (is_whole(at->op)) {
        check_whole(f, n);
    } else if (op_has(at->op, DELAY)) {
        check_delay(f, n);
    } else if (at->op == OP_INSERT) {
        check_insert(f, n);
    } else if (op_has(at->op, VIEW)) {
        check_view(f, n);
    } else if (at->op == OP_MATMUL) {
        check_product(f, n);
    } else if (at->op == OP_PACK) {
        check_pack(f, n);
    }
    check_operands(f, n);
}

static void check_output(form_check *f, node_id n) {
    const node *at = graph_node(f->g, n);
    bool end = at->op == OP_FIRST || at->op == OP_LAST || at->op == OP_SECTION;
    node_id value = end ? at->operands[0] : n;
    const node *computed = graph_node(f->g, value);
    if (!is_storable(f->g, value)) {
        fail(f, n, "lower", "is an output without memory of its own");
    }
    if (computed->op == OP_PACK ||
        (computed->op == OP_MATMUL && graph_node(f->g, computed->operands[1])->attr[1].i > 1)) {
        fail(f, n, "pack-weights", "is an output in the layout of a kernel");
    }
}

rnnc_status group_check_form(const graph *g, target_shape shape, arena *scratch, diag_sink *d) {
    form_check f = {.g = g, .shape = shape, .d = d};
    f.claimed = arena_new_array(scratch, bool, g->nodes.count);
    f.delayed[0] = arena_new_array(scratch, bool, g->nodes.count);
    f.delayed[1] = arena_new_array(scratch, bool, g->nodes.count);
    for (node_id n = 0; n < g->nodes.count; n++) {
        check_node(&f, n);
    }
    // What follows looks through products at their packs.
    for (node_id n = 0; n < g->nodes.count && f.status == RNNC_OK; n++) {
        check_gates(&f, n);
    }
    for (uint32_t i = 0; i < g->outputs.count && f.status == RNNC_OK; i++) {
        check_output(&f, g->outputs.at[i].node);
    }
    return f.status;
}
