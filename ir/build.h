// Short constructors of nodes. Operands must fit (a defect of the caller otherwise): the frontend checks what
// the user wrote before it calls these, passes build only what they know to be right.
#ifndef RNNC_IR_BUILD_H
#define RNNC_IR_BUILD_H

#include "ir/graph.h"

node_id build_input(graph *g, const char *name, const char *role, value_type type);
node_id build_variable(graph *g, const char *name);
node_id build_const(graph *g, value_type type, double value);
node_id build_real(graph *g, double value); // a single number of the model's float type
node_id build_index(graph *g, int axis);
node_id build_column(graph *g, int32_t n); // i32[n]: 0 … n-1
node_id build_extent(graph *g, int axis);  // the run's extent of |axis|, as a real number
node_id build_unary(graph *g, op_id op, node_id a);
node_id build_binary(graph *g, op_id op, node_id a, node_id b);
node_id build_select(graph *g, node_id mask, node_id a, node_id b);
node_id build_convert(graph *g, node_id a, dtype elem);
node_id build_broadcast(graph *g, node_id a, value_type type); // |a| itself if it has the type
node_id build_matmul(graph *g, node_id x, node_id w, bool transposed);
node_id build_outer(graph *g, node_id x, node_id y);
node_id build_gather(graph *g, node_id table, node_id tokens);
node_id build_pick(graph *g, node_id x, node_id tokens);
node_id build_reduce(graph *g, op_id op, node_id x, axis_set over,
                     bool columns); // |x| itself if nothing is folded
node_id build_concat(graph *g, const node_id *parts, uint32_t count);
node_id build_slice(graph *g, node_id x, int32_t from, int32_t size);
node_id build_pad(graph *g, node_id x, int32_t before, int32_t size);
// |x| may be NO_NODE, to be set later; |type| is then the type of the result.
node_id build_delay(graph *g, op_id op, node_id x, node_id boundary, int axis, value_type type);
node_id build_end(graph *g, op_id op, node_id x, int axis); // OP_FIRST or OP_LAST
// |x| from index |from| of |axis| on, along |part|, which is a part of it.
node_id build_section(graph *g, node_id x, int axis, int part, int64_t from);
// |x|, which runs along |part|, at its place along |axis|, with zeros around.
node_id build_spread(graph *g, node_id x, int axis, int part, int64_t from);
node_id build_assign(graph *g, node_id variable, node_id value);

#endif
