#include "ir/build.h"

#include <assert.h>

static node_id add(graph *g, op_id op, value_type type, const node_id *operands, uint32_t count,
                   const attr_value *attrs) {
    return graph_add_node(g, NULL, op, type, operands, count, attrs);
}

static value_type unused(void) {
    return (value_type){0};
}

node_id build_input(graph *g, const char *name, const char *role, value_type type) {
    attr_value attrs[MAX_ATTRS] = {{.text = name}, {.text = role}};
    return add(g, OP_INPUT, type, NULL, 0, attrs);
}

node_id build_variable(graph *g, const char *name) {
    attr_value attrs[MAX_ATTRS] = {{.text = name}};
    return add(g, OP_VARIABLE, unused(), NULL, 0, attrs);
}

node_id build_const(graph *g, value_type type, double value) {
    attr_value attrs[MAX_ATTRS] = {{.f = value}};
    return add(g, OP_CONST, type, NULL, 0, attrs);
}

node_id build_real(graph *g, double value) {
    return build_const(g, type_vector(g->real, 0, 1), value);
}

node_id build_index(graph *g, int axis) {
    attr_value attrs[MAX_ATTRS] = {{.i = axis}};
    return add(g, OP_INDEX, unused(), NULL, 0, attrs);
}

node_id build_column(graph *g, int32_t n) {
    return add(g, OP_COLUMN, type_vector(DT_I32, 0, n), NULL, 0, NULL);
}

node_id build_extent(graph *g, int axis) {
    attr_value attrs[MAX_ATTRS] = {{.i = axis}};
    return add(g, OP_EXTENT, type_vector(g->real, 0, 1), NULL, 0, attrs);
}

node_id build_unary(graph *g, op_id op, node_id a) {
    return add(g, op, unused(), &a, 1, NULL);
}

node_id build_binary(graph *g, op_id op, node_id a, node_id b) {
    return add(g, op, unused(), (node_id[]){a, b}, 2, NULL);
}

node_id build_select(graph *g, node_id mask, node_id a, node_id b) {
    return add(g, OP_SELECT, unused(), (node_id[]){mask, a, b}, 3, NULL);
}

node_id build_convert(graph *g, node_id a, dtype elem) {
    value_type type = graph_type(g, a);
    if (type.elem == elem) {
        return a;
    }
    type.elem = elem;
    return add(g, OP_CONVERT, type, &a, 1, NULL);
}

node_id build_broadcast(graph *g, node_id a, value_type type) {
    return type_equal(graph_type(g, a), type) ? a : add(g, OP_BROADCAST, type, &a, 1, NULL);
}

node_id build_matmul(graph *g, node_id x, node_id w, bool transposed) {
    attr_value attrs[MAX_ATTRS] = {{.i = transposed}};
    return add(g, OP_MATMUL, unused(), (node_id[]){x, w}, 2, attrs);
}

node_id build_outer(graph *g, node_id x, node_id y) {
    return build_binary(g, OP_OUTER, x, y);
}

node_id build_gather(graph *g, node_id table, node_id tokens) {
    return build_binary(g, OP_GATHER, table, tokens);
}

node_id build_pick(graph *g, node_id x, node_id tokens) {
    return build_binary(g, OP_PICK, x, tokens);
}

node_id build_reduce(graph *g, op_id op, node_id x, axis_set over, bool columns) {
    value_type type = graph_type(g, x);
    bool folds_columns = columns && (type_columns(type) > 1 || type.rank == 2);
    if (!over && !folds_columns) {
        return x;
    }
    attr_value attrs[MAX_ATTRS] = {{.i = over}, {.i = folds_columns}};
    return add(g, op, unused(), &x, 1, attrs);
}

node_id build_concat(graph *g, const node_id *parts, uint32_t count) {
    return count == 1 ? parts[0] : add(g, OP_CONCAT, unused(), parts, count, NULL);
}

node_id build_slice(graph *g, node_id x, int32_t from, int32_t size) {
    if (from == 0 && size == graph_type(g, x).dim[0]) {
        return x;
    }
    attr_value attrs[MAX_ATTRS] = {{.i = from}, {.i = size}};
    return add(g, OP_SLICE, unused(), &x, 1, attrs);
}

node_id build_pad(graph *g, node_id x, int32_t before, int32_t size) {
    if (before == 0 && size == graph_type(g, x).dim[0]) {
        return x;
    }
    attr_value attrs[MAX_ATTRS] = {{.i = before}, {.i = size}};
    return add(g, OP_PAD, unused(), &x, 1, attrs);
}

node_id build_delay(graph *g, op_id op, node_id x, node_id boundary, int axis, value_type type) {
    assert(op_has(op, DELAY));
    attr_value attrs[MAX_ATTRS] = {{.i = axis}};
    return add(g, op, type, (node_id[]){x, boundary}, 2, attrs);
}

node_id build_end(graph *g, op_id op, node_id x, int axis) {
    attr_value attrs[MAX_ATTRS] = {{.i = axis}};
    return add(g, op, unused(), &x, 1, attrs);
}

static node_id build_moved(graph *g, op_id op, node_id x, int axis, int part, int64_t from) {
    attr_value attrs[MAX_ATTRS] = {{.i = axis}, {.i = part}, {.i = from}};
    return add(g, op, unused(), &x, 1, attrs);
}

node_id build_section(graph *g, node_id x, int axis, int part, int64_t from) {
    return build_moved(g, OP_SECTION, x, axis, part, from);
}

node_id build_spread(graph *g, node_id x, int axis, int part, int64_t from) {
    return build_moved(g, OP_SPREAD, x, axis, part, from);
}

node_id build_assign(graph *g, node_id variable, node_id value) {
    return build_binary(g, OP_ASSIGN, variable, value);
}
