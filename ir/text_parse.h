// The parser's state, shared by its files: parse.c (declarations) and parse_node.c (nodes and outputs).
#ifndef RNNC_IR_TEXT_PARSE_H
#define RNNC_IR_TEXT_PARSE_H

#include <setjmp.h>

#include "ir/graph.h"
#include "ir/text_lex.h"

typedef struct operand_ref {
    uint32_t id; // as written
    span where;
} operand_ref;

// A node's line, as written. Nodes are made when all lines are known, because a delay may point forward.
typedef struct node_line {
    uint32_t id;
    span where, type_where;
    bool broken; // has been reported; only its id counts
    op_id op;
    VEC(operand_ref) operands;
    attr_value attrs[MAX_ATTRS];
    value_type type;
    const char *path;
    node_id made; // NO_NODE until then, or if it could not be
} node_line;

typedef struct output_line {
    const char *name;
    output_role role;
    operand_ref node;
} output_line;

typedef struct ir_parser {
    ir_lexer lex;
    diag_sink *d;
    arena scratch;
    const char *const *sections; // of the text that follows a graph, ended by NULL
    graph *g;                    // made by the header line
    VEC(node_line) nodes;
    VEC(output_line) outputs;
    rnnc_status status; // of the first error
    jmp_buf exhausted;
} ir_parser;

// f32<T,B>[200]
rnnc_status irparse_type(ir_parser *p, value_type *out_type);
// <T,B>, or <> for none.
rnnc_status irparse_axes(ir_parser *p, axis_set *out_axes);
rnnc_status irparse_axis(ir_parser *p, int *out_axis);

// A line that begins with %n. Keeps it in p->nodes.
rnnc_status irparse_node_line(ir_parser *p);
// The rest of a line after `output`. Keeps it in p->outputs.
rnnc_status irparse_output_line(ir_parser *p);
// Makes the nodes and outputs of all lines. Reports all that do not fit.
rnnc_status irparse_finish(ir_parser *p);

#endif
