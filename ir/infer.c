// Shape rules: one function per name in the op table's shape column.
#include <string.h>

#include "ir/graph.h"

typedef struct infer_args {
    const graph *g;
    diag_sink *d;
    op_id op;
    const node_id *operands;
    uint32_t count;
    const attr_value *attrs;
    value_type given;
} infer_args;

static rnnc_status reject(const infer_args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static rnnc_status reject(const infer_args *a, const char *format, ...) {
    if (!a->d) {
        return RNNC_TYPE;
    }
    strbuf message = {0};
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&message, format, args);
    va_end(args);
    const node_origin *at = &a->g->origins.at[a->g->current_origin];
    rnnc_status status =
        diag_error(a->d, at->where, "%s: %s", op_get(a->op)->mnemonic, strbuf_text(&message));
    strbuf_deinit(&message);
    return status;
}

static value_type operand_type(const infer_args *a, uint32_t i) {
    return graph_type(a->g, a->operands[i]);
}

static const char *text_of(const infer_args *a, value_type t) {
    return a->d ? type_text(a->g, t, &a->d->memory) : "";
}

static bool is_tokens(value_type t) {
    return t.elem == DT_I32 && t.rank == 1 && t.dim[0] == 1;
}

static bool valid_axis(const infer_args *a, int64_t axis) {
    return axis >= 0 && axis < a->g->axes.count;
}

static rnnc_status infer_given(const infer_args *a, value_type *out) {
    *out = a->given;
    return RNNC_OK;
}

static rnnc_status infer_variable(const infer_args *a, value_type *out) {
    const graph_variable *v = graph_find_variable(a->g, a->attrs[0].text ? a->attrs[0].text : "");
    if (!v) {
        return reject(a, "no variable is named \"%s\"", a->attrs[0].text ? a->attrs[0].text : "");
    }
    *out = v->type;
    return RNNC_OK;
}

static rnnc_status infer_index(const infer_args *a, value_type *out) {
    if (!valid_axis(a, a->attrs[0].i)) {
        return reject(a, "there is no axis number %lld", (long long)a->attrs[0].i);
    }
    *out = type_vector(DT_I32, AXIS_BIT(a->attrs[0].i), 1);
    return RNNC_OK;
}

static rnnc_status infer_unary(const infer_args *a, value_type *out) {
    *out = operand_type(a, 0);
    if (!dtype_is_float(out->elem) && a->op != OP_NEG && a->op != OP_ABS) {
        return reject(a, "needs real numbers, found %s", text_of(a, *out));
    }
    return RNNC_OK;
}

static rnnc_status infer_same(const infer_args *a, value_type *out) {
    *out = operand_type(a, 0);
    return RNNC_OK;
}

static rnnc_status infer_convert(const infer_args *a, value_type *out) {
    *out = operand_type(a, 0);
    out->elem = a->given.elem;
    return RNNC_OK;
}

// Element-wise operands meet: the axes are joined; shapes must be equal, or one of them a single number.
static rnnc_status meet(const infer_args *a, value_type x, value_type y, value_type *out) {
    bool x_number = x.rank == 1 && x.dim[0] == 1, y_number = y.rank == 1 && y.dim[0] == 1;
    bool same_shape = x.rank == y.rank && x.dim[0] == y.dim[0] && x.dim[1] == y.dim[1];
    if (!same_shape && !x_number && !y_number) {
        return reject(a, "operands have shapes %s and %s", text_of(a, x), text_of(a, y));
    }
    *out = x_number ? y : x;
    out->axes = x.axes | y.axes;
    if (out->rank == 2 && out->axes) {
        return reject(a, "a matrix has no axes; operands are %s and %s", text_of(a, x), text_of(a, y));
    }
    return RNNC_OK;
}

static rnnc_status infer_broadcast(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    *out = a->given;
    out->elem = x.elem;
    value_type met;
    TRY(meet(a, x, *out, &met));
    if (!type_equal(met, *out)) {
        return reject(a, "%s does not spread to %s", text_of(a, x), text_of(a, *out));
    }
    return RNNC_OK;
}

static rnnc_status infer_binary(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0), y = operand_type(a, 1);
    if (x.elem != y.elem) {
        return reject(a, "operands have element types %s and %s", dtype_name(x.elem), dtype_name(y.elem));
    }
    return meet(a, x, y, out);
}

static rnnc_status infer_compare(const infer_args *a, value_type *out) {
    TRY(infer_binary(a, out));
    out->elem = DT_I32;
    return RNNC_OK;
}

static rnnc_status infer_select(const infer_args *a, value_type *out) {
    value_type mask = operand_type(a, 0), x = operand_type(a, 1), y = operand_type(a, 2), values;
    if (mask.elem != DT_I32 || x.elem != y.elem) {
        return reject(a, "needs a mask and two values of one type, found %s, %s, %s", text_of(a, mask),
                      text_of(a, x), text_of(a, y));
    }
    TRY(meet(a, x, y, &values));
    TRY(meet(a, mask, values, out));
    out->elem = x.elem;
    return RNNC_OK;
}

static rnnc_status infer_matmul(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0), w = operand_type(a, 1);
    int inner = a->attrs[0].i ? 1 : 0;
    if (x.rank != 1 || w.rank != 2 || x.elem != w.elem || !dtype_is_float(x.elem)) {
        return reject(a, "needs vectors and a matrix of one real type, found %s and %s", text_of(a, x),
                      text_of(a, w));
    }
    if (x.dim[0] != w.dim[inner]) {
        return reject(a, "vectors have %d columns, the matrix %s wants %d", x.dim[0], text_of(a, w),
                      w.dim[inner]);
    }
    *out = type_vector(x.elem, x.axes, w.dim[1 - inner]);
    return RNNC_OK;
}

static rnnc_status infer_outer(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0), y = operand_type(a, 1);
    if (x.rank != 1 || y.rank != 1 || x.elem != y.elem || x.axes != y.axes || !dtype_is_float(x.elem)) {
        return reject(a, "needs two vectors over the same axes, found %s and %s", text_of(a, x),
                      text_of(a, y));
    }
    *out = type_matrix(x.elem, x.dim[0], y.dim[0]);
    return RNNC_OK;
}

static rnnc_status infer_gather(const infer_args *a, value_type *out) {
    value_type table = operand_type(a, 0), tokens = operand_type(a, 1);
    if (table.rank != 2 || !is_tokens(tokens)) {
        return reject(a, "needs a table and tokens, found %s and %s", text_of(a, table), text_of(a, tokens));
    }
    *out = type_vector(table.elem, tokens.axes, table.dim[1]);
    return RNNC_OK;
}

static rnnc_status infer_segment(const infer_args *a, value_type *out) {
    value_type tokens = operand_type(a, 0), values = operand_type(a, 1);
    if (!is_tokens(tokens) || values.rank != 1 || values.axes != tokens.axes) {
        return reject(a, "needs tokens and values over the same axes, found %s and %s", text_of(a, tokens),
                      text_of(a, values));
    }
    *out = values;
    return RNNC_OK;
}

static rnnc_status infer_scatter(const infer_args *a, value_type *out) {
    TRY(infer_segment(a, out));
    if (a->attrs[0].i < 1 || a->attrs[0].i > INT32_MAX) {
        return reject(a, "a table needs at least one row");
    }
    *out = type_matrix(out->elem, (int32_t)a->attrs[0].i, out->dim[0]);
    return RNNC_OK;
}

static rnnc_status infer_pick(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0), tokens = operand_type(a, 1);
    if (x.rank != 1 || !is_tokens(tokens) || (tokens.axes & ~x.axes)) {
        return reject(a, "needs vectors and a token for each, found %s and %s", text_of(a, x),
                      text_of(a, tokens));
    }
    *out = type_vector(x.elem, x.axes, 1);
    return RNNC_OK;
}

static rnnc_status infer_reduce(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    axis_set over = (axis_set)a->attrs[0].i;
    if (!dtype_is_float(x.elem)) {
        return reject(a, "needs real numbers, found %s", text_of(a, x));
    }
    if (a->attrs[0].i & ~(int64_t)x.axes) {
        return reject(a, "%s lacks an axis to reduce over", text_of(a, x));
    }
    if (x.rank == 2 && !a->attrs[1].i) {
        return reject(a, "a matrix is reduced over its columns or not at all");
    }
    *out = a->attrs[1].i ? type_vector(x.elem, x.axes & (axis_set)~over, 1)
                         : type_vector(x.elem, x.axes & (axis_set)~over, x.dim[0]);
    return RNNC_OK;
}

static rnnc_status infer_argmax(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    if (x.rank != 1 || !dtype_is_float(x.elem)) {
        return reject(a, "needs real vectors, found %s", text_of(a, x));
    }
    *out = type_vector(DT_I32, x.axes, 1);
    return RNNC_OK;
}

static rnnc_status infer_concat(const infer_args *a, value_type *out) {
    *out = operand_type(a, 0);
    int64_t columns = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        value_type x = operand_type(a, i);
        if (x.rank != 1 || x.elem != out->elem || x.axes != out->axes) {
            return reject(a, "parts must be vectors of one type over the same axes, found %s and %s",
                          text_of(a, *out), text_of(a, x));
        }
        columns += x.dim[0];
    }
    if (columns > INT32_MAX) {
        return reject(a, "too many columns");
    }
    out->dim[0] = (int32_t)columns;
    return RNNC_OK;
}

static rnnc_status infer_slice(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    int64_t from = a->attrs[0].i, size = a->attrs[1].i;
    if (x.rank != 1 || from < 0 || size < 1 || from > x.dim[0] || size > x.dim[0] - from) {
        return reject(a, "columns %lld to %lld of %s", (long long)from, (long long)(from + size),
                      text_of(a, x));
    }
    *out = x;
    out->dim[0] = (int32_t)size;
    return RNNC_OK;
}

static rnnc_status infer_pad(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    int64_t before = a->attrs[0].i, size = a->attrs[1].i;
    if (x.rank != 1 || before < 0 || size > INT32_MAX || before > size || x.dim[0] > size - before) {
        return reject(a, "%s does not fit at column %lld of %lld", text_of(a, x), (long long)before,
                      (long long)size);
    }
    *out = x;
    out->dim[0] = (int32_t)size;
    return RNNC_OK;
}

static rnnc_status infer_delay(const infer_args *a, value_type *out) {
    if (!valid_axis(a, a->attrs[0].i)) {
        return reject(a, "there is no axis number %lld", (long long)a->attrs[0].i);
    }
    axis_set bit = AXIS_BIT(a->attrs[0].i);
    *out = a->operands[0] == NO_NODE ? a->given : operand_type(a, 0);
    value_type boundary = operand_type(a, 1), expected = *out;
    expected.axes &= (axis_set)~bit;
    if (!(out->axes & bit) || !type_equal(boundary, expected)) {
        return reject(a, "a sequence %s needs a boundary %s, found %s", text_of(a, *out),
                      text_of(a, expected), text_of(a, boundary));
    }
    return RNNC_OK;
}

static rnnc_status infer_end(const infer_args *a, value_type *out) {
    value_type x = operand_type(a, 0);
    if (!valid_axis(a, a->attrs[0].i) || !(x.axes & AXIS_BIT(a->attrs[0].i))) {
        return reject(a, "%s does not run along the axis", text_of(a, x));
    }
    *out = x;
    out->axes &= (axis_set)~AXIS_BIT(a->attrs[0].i);
    return RNNC_OK;
}

static rnnc_status infer_at(const infer_args *a, value_type *out) {
    TRY(infer_end(a, out));
    if (a->attrs[1].i < 0) {
        return reject(a, "index %lld", (long long)a->attrs[1].i);
    }
    return RNNC_OK;
}

static rnnc_status check_section(const infer_args *a) {
    int64_t axis = a->attrs[0].i, part = a->attrs[1].i;
    if (!valid_axis(a, axis) || !valid_axis(a, part) || axis == part) {
        return reject(a, "needs an axis and another that is a part of it");
    }
    if (!graph_section_fits(a->g, (int)axis, (int)part, a->attrs[2].i)) {
        return reject(a, "axis %s from index %lld on does not hold %s in every run", a->g->axes.at[axis].name,
                      (long long)a->attrs[2].i, a->g->axes.at[part].name);
    }
    return RNNC_OK;
}

// |x| with the axis number |to| in place of |from|.
static rnnc_status exchange_axis(const infer_args *a, value_type x, int64_t from, int64_t to,
                                 value_type *out) {
    if (!(x.axes & AXIS_BIT(from)) || (x.axes & AXIS_BIT(to))) {
        return reject(a, "needs a value along %s and not along %s, found %s", a->g->axes.at[from].name,
                      a->g->axes.at[to].name, text_of(a, x));
    }
    *out = x;
    out->axes = (axis_set)((x.axes & ~AXIS_BIT(from)) | AXIS_BIT(to));
    return RNNC_OK;
}

static rnnc_status infer_section(const infer_args *a, value_type *out) {
    TRY(check_section(a));
    return exchange_axis(a, operand_type(a, 0), a->attrs[0].i, a->attrs[1].i, out);
}

static rnnc_status infer_spread(const infer_args *a, value_type *out) {
    TRY(check_section(a));
    return exchange_axis(a, operand_type(a, 0), a->attrs[1].i, a->attrs[0].i, out);
}

static rnnc_status infer_insert(const infer_args *a, value_type *out) {
    value_type inserted;
    TRY(check_section(a));
    *out = operand_type(a, 0);
    TRY(exchange_axis(a, *out, a->attrs[0].i, a->attrs[1].i, &inserted));
    if (!type_equal(inserted, operand_type(a, 1))) {
        return reject(a, "%s takes %s, found %s", text_of(a, *out), text_of(a, inserted),
                      text_of(a, operand_type(a, 1)));
    }
    return RNNC_OK;
}

static rnnc_status infer_stack(const infer_args *a, value_type *out) {
    if (!valid_axis(a, a->attrs[0].i)) {
        return reject(a, "there is no axis number %lld", (long long)a->attrs[0].i);
    }
    *out = operand_type(a, 0);
    for (uint32_t i = 0; i < a->count; i++) {
        if (!type_equal(operand_type(a, i), *out) || (out->axes & AXIS_BIT(a->attrs[0].i))) {
            return reject(a, "parts must have one type without the axis, found %s and %s", text_of(a, *out),
                          text_of(a, operand_type(a, i)));
        }
    }
    out->axes |= AXIS_BIT(a->attrs[0].i);
    return RNNC_OK;
}

static rnnc_status check_changes_variable(const infer_args *a) {
    if (graph_node(a->g, a->operands[0])->op != OP_VARIABLE) {
        return reject(a, "operand 0 must be a variable");
    }
    return RNNC_OK;
}

static rnnc_status infer_assign(const infer_args *a, value_type *out) {
    TRY(check_changes_variable(a));
    *out = operand_type(a, 0);
    if (!type_equal(*out, operand_type(a, 1))) {
        return reject(a, "the variable is %s, the value %s", text_of(a, *out),
                      text_of(a, operand_type(a, 1)));
    }
    return RNNC_OK;
}

static rnnc_status infer_add_rows(const infer_args *a, value_type *out) {
    TRY(check_changes_variable(a));
    *out = operand_type(a, 0);
    value_type tokens = operand_type(a, 1), values = operand_type(a, 2);
    if (out->rank != 2 || !is_tokens(tokens) || values.axes != tokens.axes || values.rank != 1 ||
        values.dim[0] != out->dim[1] || values.elem != out->elem) {
        return reject(a, "needs a table, tokens and their rows, found %s, %s, %s", text_of(a, *out),
                      text_of(a, tokens), text_of(a, values));
    }
    return RNNC_OK;
}

static rnnc_status infer_pack(const infer_args *a, value_type *out) {
    *out = operand_type(a, 0);
    if (out->rank != 2) {
        return reject(a, "needs a matrix, found %s", text_of(a, *out));
    }
    return RNNC_OK;
}

typedef rnnc_status infer_rule(const infer_args *a, value_type *out);

static infer_rule *const rules[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, shape, ...) [OP_##id] = infer_##shape,
#include "ir/ops.def"
#undef OP
};

static rnnc_status check_operands(const infer_args *a) {
    const op_info *info = op_get(a->op);
    if (info->operands >= 0 ? a->count != (uint32_t)info->operands : a->count < 1) {
        return reject(a, "takes %d operands, found %u", info->operands < 0 ? 1 : info->operands, a->count);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        bool later = a->operands[i] == NO_NODE && i == 0 && (info->traits & DELAY);
        if (!later && a->operands[i] >= a->g->nodes.count) {
            return reject(a, "operand %u does not exist", i);
        }
        if (!later && op_has(graph_node(a->g, a->operands[i])->op, EFFECT)) {
            return reject(a, "operand %u is an effect, which has no value", i);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_type(const infer_args *a, value_type t) {
    bool valid = t.elem < DTYPE_COUNT && (t.rank == 1 || t.rank == 2) && t.dim[0] >= 1 && t.dim[1] >= 1 &&
                 (t.rank == 2 || t.dim[1] == 1) && (t.rank == 1 || !t.axes) && !(t.axes >> a->g->axes.count);
    return valid ? RNNC_OK : reject(a, "the type is not valid");
}

rnnc_status op_infer(const graph *g, diag_sink *d, op_id op, const node_id *operands, uint32_t operand_count,
                     const attr_value *attrs, value_type given, value_type *out_type) {
    infer_args args = {g, d, op, operands, operand_count, attrs, given};
    TRY(check_operands(&args));
    TRY(rules[op](&args, out_type));
    return check_type(&args, *out_type);
}
