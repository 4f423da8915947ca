// simplify: canonical forms. Constant folding, algebraic identities, common subexpressions, dead nodes.
//
//     %5 = add (pad %a {before = 0, size = 4}), (pad %b {before = 2, size = 4})   ->  concat %a, %b
//     %6 = following %x, 0; %7 = following 0, %b; add %6, %7                      ->  following %x, %b
//     mul %x, 1 -> %x      slice (concat %a, %b) {from = 0, size = |a|} -> %a      neg neg %x -> %x
//
// Only identities that keep every value are used: no reassociation, and x * 0 stays, for x may be NaN. (x + 0 is
// taken for x, which may keep a -0 that the sum would have lost.) Repeats until nothing changes.
#include <math.h>
#include <string.h>

#include "passes/pass.h"
#include "passes/rebuild.h"

typedef struct simplifier {
    pass_context *cx;
    node_id *table; // open addressing over new nodes, for common subexpressions
    uint32_t table_size;
    bool changed;
} simplifier;

// ---- Common subexpressions ----

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value;
    hash *= 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

static uint64_t hash_text(uint64_t hash, const char *text) {
    for (; *text; text++) {
        hash = mix(hash, (unsigned char)*text);
    }
    return hash;
}

static uint64_t hash_node(const node *n) {
    uint64_t hash = mix(n->op, (uint64_t)n->type.elem << 8 | n->type.axes);
    hash = mix(hash, (uint64_t)(uint32_t)n->type.dim[0] << 32 | (uint32_t)n->type.dim[1]);
    for (uint32_t i = 0; i < n->operand_count; i++) {
        hash = mix(hash, n->operands[i]);
    }
    const op_info *info = op_get(n->op);
    for (int i = 0; info->attr[i].name; i++) {
        hash = info->attr[i].kind == ATTR_TEXT ? hash_text(hash, n->attr[i].text)
                                               : mix(hash, (uint64_t)n->attr[i].i);
    }
    return hash;
}

static bool same_attrs(const node *a, const node *b) {
    const op_info *info = op_get(a->op);
    for (int i = 0; info->attr[i].name; i++) {
        bool same = info->attr[i].kind == ATTR_TEXT ? strcmp(a->attr[i].text, b->attr[i].text) == 0
                                                    : a->attr[i].i == b->attr[i].i;
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool same_node(const node *a, const node *b) {
    return a->op == b->op && type_equal(a->type, b->type) && a->operand_count == b->operand_count &&
           memcmp(a->operands, b->operands, a->operand_count * sizeof *a->operands) == 0 && same_attrs(a, b);
}

static void grow_table(rebuild *r, simplifier *s) {
    s->table_size = s->table_size ? s->table_size * 2 : 256;
    s->table = arena_new_array(r->scratch, node_id, s->table_size);
    memset(s->table, 0xFF, s->table_size * sizeof *s->table);
    for (node_id n = 0; n < r->g->nodes.count; n++) {
        uint64_t at = hash_node(graph_node(r->g, n)) & (s->table_size - 1);
        while (s->table[at] != NO_NODE) {
            at = (at + 1) & (s->table_size - 1);
        }
        s->table[at] = n;
    }
}

// A node from nowhere that comes to stand for one of the model is of the model.
static void inherit_origin(graph *g, node_id n, node_id from) {
    if (!graph_origin(g, n)->path[0]) {
        graph_node(g, n)->origin = graph_node(g, from)->origin;
    }
}

// The node just added, or an equal one that was there before.
static node_id unify(rebuild *r, simplifier *s, node_id added) {
    const node *n = graph_node(r->g, added);
    // Copies are made to be apart; a delay that waits for its operand cannot be compared yet.
    if (op_has(n->op, EFFECT | INTERNAL) || (op_has(n->op, DELAY) && n->operands[0] == NO_NODE)) {
        return added;
    }
    if (r->g->nodes.count * 2 >= s->table_size) {
        grow_table(r, s);
        // The table now holds |added| too, behind any equal node.
    }
    uint64_t at = hash_node(n) & (s->table_size - 1);
    while (s->table[at] != NO_NODE && s->table[at] != added) {
        node_id other = s->table[at];
        if (same_node(graph_node(r->g, other), n) && pass_may_rewrite(s->cx)) {
            s->changed = true;
            inherit_origin(r->g, other, added);
            return other;
        }
        at = (at + 1) & (s->table_size - 1);
    }
    s->table[at] = added;
    return added;
}

// ---- Local rules: each looks at a node of the new graph and returns what it equals, or itself. ----

typedef node_id simplify_rule(rebuild *r, node_id n);

static const node *operand(const rebuild *r, node_id n, uint32_t i) {
    return graph_node(r->g, graph_node(r->g, n)->operands[i]);
}

static node_id operand_id(const rebuild *r, node_id n, uint32_t i) {
    return graph_node(r->g, n)->operands[i];
}

static bool is_const(const node *n, double value) {
    return n->op == OP_CONST && n->attr[0].f == value;
}

// Operand |i| stands for the node itself, if it has its type.
static node_id take_operand(const rebuild *r, node_id n, uint32_t i) {
    node_id x = operand_id(r, n, i);
    return type_equal(graph_type(r->g, x), graph_type(r->g, n)) ? x : n;
}

enum { MAX_PIECES = 256, MAX_DEPTH = 256 };

typedef struct piece {
    node_id part;
    int32_t from, size;
} piece;

typedef struct piece_list {
    piece at[MAX_PIECES];
    uint32_t count;
    value_type type;
} piece_list;

// Collects the leaves of a tree of additions of one type; false if one of them is no pad.
static bool collect_pads(const rebuild *r, node_id n, int depth, piece_list *pieces) {
    const node *at = graph_node(r->g, n);
    if (!type_equal(at->type, pieces->type) || depth == MAX_DEPTH || pieces->count == MAX_PIECES) {
        return false;
    }
    if (at->op == OP_ADD) {
        return collect_pads(r, at->operands[0], depth + 1, pieces) &&
               collect_pads(r, at->operands[1], depth + 1, pieces);
    }
    if (at->op != OP_PAD) {
        return false;
    }
    int32_t size = graph_type(r->g, at->operands[0]).dim[0];
    pieces->at[pieces->count++] = (piece){at->operands[0], (int32_t)at->attr[0].i, size};
    return true;
}

// A sum of disjoint zero-padded pieces that cover all columns is their concatenation.
static node_id concat_from_pads(rebuild *r, node_id n) {
    piece_list pieces = {.type = graph_type(r->g, n)};
    if (!collect_pads(r, n, 0, &pieces)) {
        return n;
    }
    node_id parts[MAX_PIECES];
    int32_t column = 0;
    for (uint32_t placed = 0; placed < pieces.count; placed++) {
        uint32_t i = 0;
        while (i < pieces.count && pieces.at[i].from != column) {
            i++;
        }
        if (i == pieces.count) {
            return n;
        }
        parts[placed] = pieces.at[i].part;
        column += pieces.at[i].size;
    }
    return column == pieces.type.dim[0] ? build_concat(r->g, parts, pieces.count) : n;
}

// following(x, 0) + following(0, b) is following(x, b): a gradient that enters at the last step.
static node_id merge_delays(rebuild *r, node_id n, uint32_t i) {
    const node *a = operand(r, n, i), *b = operand(r, n, 1 - i);
    if (!op_has(a->op, DELAY) || a->op != b->op || a->attr[0].i != b->attr[0].i ||
        b->operands[0] == NO_NODE || !is_const(graph_node(r->g, b->operands[0]), 0) ||
        !is_const(graph_node(r->g, a->operands[1]), 0) || !type_equal(a->type, b->type)) {
        return n;
    }
    node_id waiting = operand_id(r, n, i);
    node_id merged = build_delay(r->g, a->op, a->operands[0], b->operands[1], (int)a->attr[0].i, a->type);
    if (a->operands[0] == NO_NODE) {
        rebuild_wait_likewise(r, waiting, merged);
    }
    return merged;
}

static node_id simplify_add(rebuild *r, node_id n) {
    for (uint32_t i = 0; i < 2; i++) {
        if (is_const(operand(r, n, 1 - i), 0) && take_operand(r, n, i) != n) {
            return take_operand(r, n, i);
        }
        node_id merged = merge_delays(r, n, i);
        if (merged != n) {
            return merged;
        }
    }
    return concat_from_pads(r, n);
}

static node_id simplify_sub(rebuild *r, node_id n) {
    return is_const(operand(r, n, 1), 0) ? take_operand(r, n, 0) : n;
}

static node_id simplify_mul(rebuild *r, node_id n) {
    for (uint32_t i = 0; i < 2; i++) {
        if (is_const(operand(r, n, 1 - i), 1) && take_operand(r, n, i) != n) {
            return take_operand(r, n, i);
        }
    }
    return n;
}

static node_id simplify_div(rebuild *r, node_id n) {
    return is_const(operand(r, n, 1), 1) ? take_operand(r, n, 0) : n;
}

static node_id simplify_neg(rebuild *r, node_id n) {
    return operand(r, n, 0)->op == OP_NEG ? operand(r, n, 0)->operands[0] : n;
}

static node_id simplify_select(rebuild *r, node_id n) {
    return operand_id(r, n, 1) == operand_id(r, n, 2) ? take_operand(r, n, 1) : n;
}

static node_id simplify_broadcast(rebuild *r, node_id n) {
    const node *inner = operand(r, n, 0);
    if (inner->op == OP_CONST) {
        return build_const(r->g, graph_type(r->g, n), inner->attr[0].f);
    }
    if (inner->op == OP_BROADCAST) {
        return build_broadcast(r->g, inner->operands[0], graph_type(r->g, n));
    }
    return take_operand(r, n, 0);
}

static node_id simplify_slice(rebuild *r, node_id n) {
    const node *at = graph_node(r->g, n), *x = operand(r, n, 0);
    int32_t from = (int32_t)at->attr[0].i, size = (int32_t)at->attr[1].i, column = 0;
    if (size == x->type.dim[0]) {
        return operand_id(r, n, 0);
    }
    if (x->op == OP_SLICE) {
        return build_slice(r->g, x->operands[0], from + (int32_t)x->attr[0].i, size);
    }
    for (uint32_t i = 0; x->op == OP_CONCAT && i < x->operand_count; i++) {
        int32_t part = graph_type(r->g, x->operands[i]).dim[0];
        if (from >= column && from + size <= column + part) {
            return build_slice(r->g, x->operands[i], from - column, size);
        }
        column += part;
    }
    return n;
}

// Slices that follow each other and cover their source are the source.
static node_id simplify_concat(rebuild *r, node_id n) {
    const node *at = graph_node(r->g, n);
    int32_t column = 0;
    node_id source = NO_NODE;
    for (uint32_t i = 0; i < at->operand_count; i++) {
        const node *part = operand(r, n, i);
        if (part->op != OP_SLICE || part->attr[0].i != column || (i > 0 && part->operands[0] != source)) {
            return n;
        }
        source = part->operands[0];
        column += (int32_t)part->attr[1].i;
    }
    return type_equal(graph_type(r->g, source), at->type) ? source : n;
}

static node_id simplify_delay(rebuild *r, node_id n) {
    node_id x = operand_id(r, n, 0);
    bool zeros = x != NO_NODE && is_const(graph_node(r->g, x), 0) && is_const(operand(r, n, 1), 0);
    return zeros ? x : n;
}

static bool same_attrs_of_part(const node *a, const node *b) {
    return a->attr[0].i == b->attr[0].i && a->attr[1].i == b->attr[1].i && a->attr[2].i == b->attr[2].i;
}

// A part of a constant is a constant; a section of what was spread the same way is what it was.
static node_id simplify_section(rebuild *r, node_id n) {
    const node *at = graph_node(r->g, n), *x = operand(r, n, 0);
    if (x->op == OP_CONST) {
        return build_const(r->g, at->type, x->attr[0].f);
    }
    return x->op == OP_SPREAD && same_attrs_of_part(at, x) ? x->operands[0] : n;
}

static node_id simplify_spread(rebuild *r, node_id n) {
    return is_const(operand(r, n, 0), 0) ? build_const(r->g, graph_type(r->g, n), 0) : n;
}

static simplify_rule *const rules[OP_COUNT] = {
    [OP_ADD] = simplify_add,        [OP_SUB] = simplify_sub,         [OP_MUL] = simplify_mul,
    [OP_DIV] = simplify_div,        [OP_NEG] = simplify_neg,         [OP_SELECT] = simplify_select,
    [OP_SLICE] = simplify_slice,    [OP_CONCAT] = simplify_concat,   [OP_BROADCAST] = simplify_broadcast,
    [OP_PREVIOUS] = simplify_delay, [OP_FOLLOWING] = simplify_delay, [OP_SECTION] = simplify_section,
    [OP_SPREAD] = simplify_spread,
};

// ---- Constants ----

static double evaluate(op_id op, double a, double b, double c) {
    (void)b;
    (void)c;
    double results[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, formula) \
    [OP_##id] = (double)(formula),
#include "ir/ops.def"
#undef OP
    };
    return results[op];
}

// As every engine rounds results: i32 are cut towards zero, saturate, and are 0 for NaN.
static double rounded(double value, dtype elem) {
    if (elem != DT_I32) {
        return elem == DT_F32 ? (double)(float)value : value;
    }
    return isnan(value)         ? 0
           : value <= INT32_MIN ? INT32_MIN
           : value >= INT32_MAX ? INT32_MAX
                                : trunc(value) + 0.0;
}

static node_id fold_constants(rebuild *r, node_id n) {
    const node *at = graph_node(r->g, n);
    double value[3] = {0};
    for (uint32_t i = 0; i < at->operand_count; i++) {
        const node *x = operand(r, n, i);
        if (x->op != OP_CONST) {
            return n;
        }
        value[i] = x->attr[0].f;
    }
    double folded = evaluate(at->op, value[0], value[1], value[2]);
    return build_const(r->g, at->type, rounded(folded, at->type.elem));
}

// Writes |operands| with |from| replaced by |to|, wherever it stands; false if that gives another type.
static bool replace_operand(const rebuild *r, const node *at, node_id *operands, node_id from, node_id to) {
    node_id replaced[3];
    for (uint32_t i = 0; i < at->operand_count; i++) {
        replaced[i] = operands[i] == from ? to : operands[i];
    }
    value_type type;
    if (op_infer(r->g, NULL, at->op, replaced, at->operand_count, at->attr, at->type, &type) != RNNC_OK ||
        !type_equal(type, at->type)) {
        return false;
    }
    memcpy(operands, replaced, at->operand_count * sizeof *operands);
    return true;
}

// An operand that was only spread to the type that the result has anyway need not be.
static node_id drop_broadcasts(rebuild *r, node_id n) {
    const node *at = graph_node(r->g, n);
    node_id bare[3];
    bool found = false;
    memcpy(bare, at->operands, at->operand_count * sizeof *bare);
    for (uint32_t i = 0; i < at->operand_count && at->op != OP_BROADCAST; i++) {
        const node *x = graph_node(r->g, bare[i]);
        found |= x->op == OP_BROADCAST && replace_operand(r, at, bare, bare[i], x->operands[0]);
    }
    return found ? graph_add_node(r->g, NULL, at->op, at->type, bare, at->operand_count, at->attr) : n;
}

static node_id simplify_once(rebuild *r, node_id n) {
    op_id op = graph_node(r->g, n)->op;
    node_id better = n;
    if (op_has(op, POINTWISE) && !op_has(op, INTERNAL)) {
        better = fold_constants(r, n);
        better = better == n ? drop_broadcasts(r, n) : better;
    }
    return better == n && rules[op] ? rules[op](r, n) : better;
}

static node_id make(rebuild *r, const node *was, const node_id *operands) {
    simplifier *s = r->user;
    node_id n = rebuild_keep(r, was, operands);
    bool waits = op_has(was->op, DELAY) && operands[0] == NO_NODE;
    node_id better = waits || s->cx->rewrites_left == 0 ? n : simplify_once(r, n);
    if (better != n && pass_may_rewrite(s->cx)) {
        s->changed = true;
        n = better;
    }
    return unify(r, s, n);
}

rnnc_status pass_simplify(graph *g, pass_context *cx) {
    simplifier s = {.cx = cx, .changed = true};
    while (s.changed) {
        s = (simplifier){.cx = cx};
        TRY(graph_rebuild(g, cx->scratch, cx->d, make, &s));
    }
    return RNNC_OK;
}
