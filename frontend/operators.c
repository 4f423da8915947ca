// Operators and the conversions of their operands: arithmetic, comparisons, logic.
#include <math.h>

#include "frontend/elaborate.h"

int32_t columns_of(const elaborator *el, node_id n) {
    return graph_type(el->g, n).dim[0];
}

axis_set axes_of(const elaborator *el, node_id n) {
    return graph_type(el->g, n).axes;
}

node_id spread_axes(elaborator *el, node_id n, axis_set axes) {
    value_type type = graph_type(el->g, n);
    type.axes |= axes;
    return build_broadcast(el->g, n, type);
}

static void report_not_real(elaborator *el, meaning v, span where, const char *what) {
    const char *found = meaning_text(el, v);
    if (is_node(v) && v.domain == DOMAIN_TOKEN) {
        elaborate_error(el, where, "%s needs real numbers, found %s; use one_hot or embedding", what, found);
    } else if (is_node(v) && v.domain == DOMAIN_MASK) {
        elaborate_error(el, where, "%s needs real numbers, found %s; use select or number", what, found);
    } else if (v.kind == MEANING_CALLABLE) {
        elaborate_error(el, where, "%s needs real numbers, found %s, whose inputs are missing", what, found);
    } else {
        elaborate_error(el, where, "%s needs real numbers, found %s", what, found);
    }
}

static node_id index_as_real(elaborator *el, node_id n) {
    return build_convert(el->g, n, el->g->real);
}

// As real_operand, but a matrix is allowed too.
static node_id arithmetic_operand(elaborator *el, meaning v, span where, const char *what) {
    if (is_node(v) && v.domain == DOMAIN_MATRIX && !v.transposed) {
        return v.node;
    }
    return real_operand(el, v, where, what);
}

node_id real_operand(elaborator *el, meaning v, span where, const char *what) {
    if (is_poison(v)) {
        return NO_NODE;
    }
    if (v.kind == MEANING_NUMBER) {
        return build_real(el->g, v.number);
    }
    if (v.kind == MEANING_AXIS) {
        return index_as_real(el, build_index(el->g, v.axis));
    }
    if (is_node(v) && v.domain == DOMAIN_REAL) {
        return v.node;
    }
    if (is_node(v) && v.domain == DOMAIN_WHOLE) {
        return index_as_real(el, v.node);
    }
    report_not_real(el, v, where, what);
    return NO_NODE;
}

node_id mask_operand(elaborator *el, meaning v, span where, const char *what) {
    if (is_node(v) && v.domain == DOMAIN_MASK) {
        return v.node;
    }
    if (!is_poison(v)) {
        elaborate_error(el, where, "%s needs a mask, as a comparison gives, found %s", what,
                        meaning_text(el, v));
    }
    return NO_NODE;
}

node_id token_operand(elaborator *el, meaning v, span where, const char *what) {
    if (is_node(v) && v.domain == DOMAIN_TOKEN) {
        return v.node;
    }
    if (!is_poison(v)) {
        elaborate_error(el, where, "%s needs tokens, found %s", what, meaning_text(el, v));
    }
    return NO_NODE;
}

bool check_columns(elaborator *el, const char *what, node_id a, node_id b, span where) {
    value_type x = graph_type(el->g, a), y = graph_type(el->g, b);
    bool x_number = x.rank == 1 && x.dim[0] == 1, y_number = y.rank == 1 && y.dim[0] == 1;
    bool same = x.rank == y.rank && x.dim[0] == y.dim[0] && x.dim[1] == y.dim[1];
    if (!same && !x_number && !y_number) {
        meaning vx = {.kind = MEANING_NODE, .domain = x.rank == 2 ? DOMAIN_MATRIX : DOMAIN_REAL, .node = a};
        meaning vy = {.kind = MEANING_NODE, .domain = y.rank == 2 ? DOMAIN_MATRIX : DOMAIN_REAL, .node = b};
        elaborate_error(el, where, "%s needs operands of equal size, or a number; found %s and %s%s", what,
                        meaning_text(el, vx), meaning_text(el, vy), x.rank != y.rank ? "; see matmul" : "");
        return false;
    }
    if ((x.rank == 2 || y.rank == 2) && (x.axes | y.axes)) {
        elaborate_error(el, where,
                        "%s: a matrix is the same for the whole batch, its operand runs along axes", what);
        return false;
    }
    return true;
}

static const char *operator_text(operator_kind op) {
    static const char *const texts[] = {"'+'", "'-'",  "'*'",  "'/'",  "'^'",   "'<'", "'<='",
                                        "'>'", "'>='", "'=='", "'!='", "'and'", "'or'"};
    return texts[op];
}

static bool compares(operator_kind op) {
    return op >= OPERATOR_LESS && op <= OPERATOR_NOT_EQUAL;
}

static meaning fold_numbers(operator_kind op, double a, double b) {
    switch (op) {
    case OPERATOR_ADD: return meaning_number(a + b);
    case OPERATOR_SUBTRACT: return meaning_number(a - b);
    case OPERATOR_MULTIPLY: return meaning_number(a * b);
    case OPERATOR_DIVIDE: return meaning_number(a / b);
    case OPERATOR_POWER: return meaning_number(pow(a, b));
    case OPERATOR_LESS: return meaning_truth(a < b);
    case OPERATOR_LESS_EQUAL: return meaning_truth(a <= b);
    case OPERATOR_GREATER: return meaning_truth(a > b);
    case OPERATOR_GREATER_EQUAL: return meaning_truth(a >= b);
    case OPERATOR_EQUAL: return meaning_truth(a == b);
    case OPERATOR_NOT_EQUAL: return meaning_truth(a != b);
    case OPERATOR_AND:
    case OPERATOR_OR: break;
    }
    return meaning_poison();
}

static node_id whole_power(elaborator *el, node_id x, int exponent) {
    node_id result = NO_NODE;
    for (int k = exponent; k > 0; k >>= 1) {
        if (k & 1) {
            result = result == NO_NODE ? x : build_binary(el->g, OP_MUL, result, x);
        }
        x = k > 1 ? build_binary(el->g, OP_MUL, x, x) : x;
    }
    return result;
}

enum { LARGEST_WHOLE_POWER = 64 };

// x^k is a product for whole k, a root for one half; else exp(k log x), for x > 0.
static meaning build_power(elaborator *el, meaning a, meaning b, const expression *e) {
    node_id x = arithmetic_operand(el, a, e->a->where, "'^'");
    if (x == NO_NODE) {
        return meaning_poison();
    }
    bool number = b.kind == MEANING_NUMBER;
    if (number && b.number >= 1 && b.number <= LARGEST_WHOLE_POWER && b.number == floor(b.number)) {
        return meaning_real(whole_power(el, x, (int)b.number));
    }
    if (number && b.number == 0.5) {
        return meaning_real(build_unary(el->g, OP_SQRT, x));
    }
    node_id y = real_operand(el, b, e->b->where, "'^'");
    if (y == NO_NODE || !check_columns(el, "'^'", x, y, e->where)) {
        return meaning_poison();
    }
    return meaning_real(
        build_unary(el->g, OP_EXP, build_binary(el->g, OP_MUL, build_unary(el->g, OP_LOG, x), y)));
}

static meaning build_arithmetic(elaborator *el, operator_kind op, node_id a, node_id b) {
    static const op_id ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV};
    return meaning_real(build_binary(el->g, ops[op], a, b));
}

static meaning apply_arithmetic(elaborator *el, meaning a, meaning b, const expression *e) {
    const char *what = operator_text(e->op);
    node_id x = arithmetic_operand(el, a, e->a->where, what);
    node_id y = arithmetic_operand(el, b, e->b->where, what);
    if (x == NO_NODE || y == NO_NODE || !check_columns(el, what, x, y, e->where)) {
        return meaning_poison();
    }
    meaning result = build_arithmetic(el, e->op, x, y);
    result.domain = graph_type(el->g, result.node).rank == 2 ? DOMAIN_MATRIX : DOMAIN_REAL;
    return result;
}

static bool is_integral(meaning v) {
    return v.kind == MEANING_AXIS || (is_node(v) && (v.domain == DOMAIN_TOKEN || v.domain == DOMAIN_WHOLE));
}

static bool is_whole_number(meaning v) {
    return v.kind == MEANING_NUMBER && v.number == floor(v.number) && fabs(v.number) < 2147483648.0;
}

static node_id integral_operand(elaborator *el, meaning v) {
    if (v.kind == MEANING_AXIS) {
        return build_index(el->g, v.axis);
    }
    return is_node(v) ? v.node : build_const(el->g, type_vector(DT_I32, 0, 1), v.number);
}

// Tokens and places are compared as whole numbers, everything else as reals.
static bool comparison_operands(elaborator *el, meaning a, meaning b, const expression *e, node_id out[2]) {
    bool whole =
        (is_integral(a) && (is_integral(b) || is_whole_number(b))) || (is_integral(b) && is_whole_number(a));
    if (whole) {
        out[0] = integral_operand(el, a);
        out[1] = integral_operand(el, b);
    } else {
        out[0] = real_operand(el, a, e->a->where, operator_text(e->op));
        out[1] = real_operand(el, b, e->b->where, operator_text(e->op));
    }
    return out[0] != NO_NODE && out[1] != NO_NODE &&
           check_columns(el, operator_text(e->op), out[0], out[1], e->where);
}

static node_id build_not(elaborator *el, node_id mask) {
    return build_binary(el->g, OP_EQUAL, mask, build_const(el->g, type_vector(DT_I32, 0, 1), 0));
}

static meaning apply_comparison(elaborator *el, operator_kind op, meaning a, meaning b, const expression *e) {
    node_id x[2];
    if (!comparison_operands(el, a, b, e, x)) {
        return meaning_poison();
    }
    bool swapped = op == OPERATOR_GREATER || op == OPERATOR_GREATER_EQUAL;
    op_id compare = op == OPERATOR_LESS || op == OPERATOR_GREATER               ? OP_LESS
                    : op == OPERATOR_LESS_EQUAL || op == OPERATOR_GREATER_EQUAL ? OP_LESS_EQUAL
                                                                                : OP_EQUAL;
    node_id mask = build_binary(el->g, compare, x[swapped], x[!swapped]);
    return meaning_mask(op == OPERATOR_NOT_EQUAL ? build_not(el, mask) : mask);
}

static meaning apply_logic(elaborator *el, operator_kind op, meaning a, meaning b, const expression *e) {
    if (a.kind == MEANING_TRUTH && b.kind == MEANING_TRUTH) {
        return meaning_truth(op == OPERATOR_AND ? a.truth && b.truth : a.truth || b.truth);
    }
    node_id x = mask_operand(el, a, e->a->where, operator_text(op));
    node_id y = mask_operand(el, b, e->b->where, operator_text(op));
    if (x == NO_NODE || y == NO_NODE || !check_columns(el, operator_text(op), x, y, e->where)) {
        return meaning_poison();
    }
    return meaning_mask(build_binary(el->g, op == OPERATOR_AND ? OP_MIN : OP_MAX, x, y));
}

meaning apply_operator(elaborator *el, operator_kind op, meaning a, meaning b, const expression *e) {
    if (is_poison(a) || is_poison(b)) {
        return meaning_poison();
    }
    if (op == OPERATOR_AND || op == OPERATOR_OR) {
        return apply_logic(el, op, a, b, e);
    }
    if (a.kind == MEANING_NUMBER && b.kind == MEANING_NUMBER) {
        return fold_numbers(op, a.number, b.number);
    }
    if (a.kind == MEANING_TRUTH && b.kind == MEANING_TRUTH &&
        (op == OPERATOR_EQUAL || op == OPERATOR_NOT_EQUAL)) {
        return meaning_truth((a.truth == b.truth) == (op == OPERATOR_EQUAL));
    }
    if (compares(op)) {
        return apply_comparison(el, op, a, b, e);
    }
    return op == OPERATOR_POWER ? build_power(el, a, b, e) : apply_arithmetic(el, a, b, e);
}

meaning apply_negate(elaborator *el, meaning a, span where) {
    if (a.kind == MEANING_NUMBER) {
        return meaning_number(-a.number);
    }
    node_id x = arithmetic_operand(el, a, where, "'-'");
    if (x == NO_NODE) {
        return meaning_poison();
    }
    meaning result = meaning_real(build_unary(el->g, OP_NEG, x));
    result.domain = graph_type(el->g, x).rank == 2 ? DOMAIN_MATRIX : DOMAIN_REAL;
    return result;
}

meaning apply_not(elaborator *el, meaning a, span where) {
    if (a.kind == MEANING_TRUTH) {
        return meaning_truth(!a.truth);
    }
    node_id x = mask_operand(el, a, where, "'not'");
    return x == NO_NODE ? meaning_poison() : meaning_mask(build_not(el, x));
}
