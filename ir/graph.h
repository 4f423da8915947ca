// The graph: nodes over named axes, the variables they read and update, and the outputs.
//
// A node stands for an equation at all indices of its axes at once ("family"): %7 : f32<T,B>[200] is one node,
// whatever T and B are in a run. The recurrence is in `previous` and `following`, which read their first
// operand one index away; only that operand may be defined after its reader. A graph whose sequence axes are
// unrolled has a node per step instead, joined by `stack` and taken apart by `at` (passes/unroll.c).
#ifndef RNNC_IR_GRAPH_H
#define RNNC_IR_GRAPH_H

#include "ir/part.h"
#include "ir/type.h"
#include "support/arena.h"
#include "support/diag.h"
#include "support/vec.h"

typedef enum op_id {
#define OP(id, ...) OP_##id,
#include "ir/ops.def"
#undef OP
    OP_COUNT
} op_id;

enum op_traits {
    LEAF = 1,
    POINTWISE = 2,
    DELAY = 4,
    PRODUCT = 8,
    REDUCE = 16,
    VIEW = 32,
    EFFECT = 64,
    INTERNAL = 128,
};

typedef enum attr_kind { ATTR_NONE, ATTR_AXIS, ATTR_AXES, ATTR_INT, ATTR_FLOAT, ATTR_TEXT } attr_kind;
enum { MAX_ATTRS = 3 };

typedef struct op_info {
    const char *mnemonic;
    int operands; // -1: one or more
    unsigned traits;
    struct {
        const char *name;
        attr_kind kind;
    } attr[MAX_ATTRS + 1]; // ended by a name that is NULL
} op_info;

// The table's row of |op|. Thread-safe: the table is constant.
const op_info *op_get(op_id op);
int op_attr_count(op_id op);
// The op with this mnemonic, or OP_COUNT.
op_id op_by_mnemonic(const char *mnemonic);
static inline bool op_has(op_id op, unsigned traits) {
    return (op_get(op)->traits & traits) != 0;
}

typedef uint32_t node_id;
#define NO_NODE UINT32_MAX

typedef union attr_value {
    int64_t i;        // ATTR_INT, ATTR_AXIS (number or NO_AXIS), ATTR_AXES (axis_set)
    double f;         // ATTR_FLOAT
    const char *text; // ATTR_TEXT, in the graph's arena
} attr_value;

// Where a node came from: kept through all passes, so that a late error or a kernel's name can still say it.
typedef struct node_origin {
    span where;       // in the user's text; NO_SPAN if the text is gone
    const char *path; // the equation, as "lstm.0.i"; "" if none
} node_origin;

typedef struct node {
    op_id op;
    value_type type;
    uint32_t operand_count;
    node_id *operands;
    attr_value attr[MAX_ATTRS];
    uint32_t origin; // index in graph.origins
} node;

typedef enum axis_kind { AXIS_IS_BATCH, AXIS_IS_SEQUENCE, AXIS_IS_FIXED, AXIS_IS_PART } axis_kind;

typedef struct axis_info {
    const char *name; // "B" for the batch
    axis_kind kind;
    int64_t size; // AXIS_IS_FIXED: its extent; else 0: a number of the run
    int declared; // its place among the axes as the user wrote them, which is the order of an array's dimensions
    axis_part part; // AXIS_IS_PART: of which axis
} axis_info;

// How a variable's elements are first filled. Fans for the scaled kinds: dim[0] in, dim[1] out of a matrix.
typedef enum init_kind {
    INIT_DEFAULT,    // not stated: matrices xavier uniform, vectors zero; a recipe may say otherwise
    INIT_CONSTANT,   // a
    INIT_UNIFORM,    // [a, b)
    INIT_NORMAL,     // mean a, deviation b
    INIT_TRUNCATED,  // mean a, deviation b, redrawn outside two deviations
    INIT_XAVIER,     // uniform, +-sqrt(6 / (in + out))         (Glorot and Bengio 2010)
    INIT_HE,         // normal, deviation sqrt(2 / in)          (He et al. 2015)
    INIT_ORTHOGONAL, // orthonormal rows or columns, times a    (Saxe et al. 2014)
} init_kind;

typedef struct initializer {
    init_kind kind;
    double a, b;
} initializer;

typedef enum variable_role {
    VARIABLE_WEIGHT, // trained, saved under its parts' names
    VARIABLE_FROZEN, // saved, never trained
    VARIABLE_SLOT,   // an optimiser's memory: saved in checkpoints only
} variable_role;

// A named range of a variable's last dimension: what a file or a user knows. fuse-gates joins several weights
// into one variable; the parts keep their names, places and initialisers.
typedef struct variable_part {
    const char *name;
    int32_t from, size; // in columns of the last dimension
    initializer init;
    bool regular; // false for biases and the like: recipes' `init * …` for matrices skips it
} variable_part;

typedef struct graph_variable {
    const char *name; // unique; of a fused variable, made from its parts
    value_type type;  // no axes
    variable_role role;
    VEC(variable_part) parts; // ascending, disjoint, covering the last dimension
} graph_variable;

typedef enum output_role {
    OUTPUT_VALUE,  // for the user, by name
    OUTPUT_LOSS,   // a single number; at most one
    OUTPUT_STATE,  // the final value of the state input of the same name
    OUTPUT_METRIC, // single numbers, sums over counted elements (see runtime)
} output_role;

typedef struct graph_output {
    const char *name;
    node_id node;
    output_role role;
} graph_output;

typedef struct graph {
    arena memory;
    const char *name;
    dtype real; // the model's float type
    VEC(axis_info) axes;
    VEC(graph_variable) variables;
    VEC(node) nodes;
    VEC(node_origin) origins; // origins.at[0] is "nowhere"
    VEC(graph_output) outputs;
    uint32_t current_origin; // given to nodes as they are added
} graph;

// A graph with the batch axis and no nodes; NULL without memory.
graph *graph_create(const char *name, dtype real);
graph *graph_create_in(const allocator *from, const char *name, dtype real);
void graph_destroy(graph *g);

int graph_add_axis(graph *g, const char *name, axis_kind kind, int64_t size);
// The number of the axis that was declared at |place| (axis_info.declared).
int graph_declared_axis(const graph *g, uint32_t place);
// Where the member of a value that lies at |position| in memory, the batch left aside, stands in an array whose
// dimensions are in the declared order. |extents|: by axis.
int64_t graph_declared_position(const graph *g, axis_set axes, const int64_t *extents, int64_t position);
// "batch 50, T = 20": the axes in the order in which they were declared.
const char *graph_extents_text(const graph *g, const int64_t *extents, arena *memory);
int graph_add_part(graph *g, const char *name, axis_part part);
int graph_find_axis(const graph *g, const char *name); // NO_AXIS if there is none
// What |axis| is a part of; |axis| itself if it is none.
int graph_whole_axis(const graph *g, int axis);
// The smallest extent of |axis| in a run: 1, or what the bounds of its parts need.
int64_t graph_least_extent(const graph *g, int axis);
// Computes the extents of all parts from those of the other axes. Fails, with a report, if one of these is too short.
rnnc_status graph_bind_parts(const graph *g, int64_t *extents, diag_sink *d);
// Whether a section from index |from| of |axis| (from its end if negative) that runs along |part| lies within |axis| in
// every run that the graph's parts allow.
bool graph_section_fits(const graph *g, int axis, int part, int64_t from);
// Returns the new variable's index. It starts with one part of its own name.
uint32_t graph_add_variable(graph *g, const char *name, value_type type, variable_role role,
                            initializer init);
graph_variable *graph_find_variable(const graph *g, const char *name); // NULL if there is none
// The variable that node |n| (OP_VARIABLE) reads.
graph_variable *graph_variable_of(const graph *g, node_id n);
uint32_t graph_add_origin(graph *g, span where, const char *path);
void graph_add_output(graph *g, const char *name, node_id node, output_role role);
node_id graph_find_output(const graph *g, const char *name); // NO_NODE if there is none

// Appends a node. |attrs| has as many entries as the op; NULL means all zero. |type| is used by ops whose shape
// rule is `given`, `convert` or `broadcast` and checked by none; for all others it is inferred. Text attributes
// are copied. On operands that do not fit, reports to |d| at the current origin's place and returns NO_NODE;
// with |d| NULL such operands are a defect of the caller (assert). An operand that is NO_NODE is allowed for a
// DELAY op's operand 0 alone, to be set later by graph_set_operand; |type| must then be given.
node_id graph_add_node(graph *g, diag_sink *d, op_id op, value_type type, const node_id *operands,
                       uint32_t operand_count, const attr_value *attrs);
void graph_set_operand(graph *g, node_id n, uint32_t index, node_id operand);

static inline node *graph_node(const graph *g, node_id n) {
    return &g->nodes.at[n];
}
static inline value_type graph_type(const graph *g, node_id n) {
    return g->nodes.at[n].type;
}
static inline const node_origin *graph_origin(const graph *g, node_id n) {
    return &g->origins.at[g->nodes.at[n].origin];
}

// Replaces every use of |from| (operands and outputs) by |to|. O(nodes).
void graph_replace_uses(graph *g, node_id from, node_id to);

// The shape rule: checks operands and attributes and gives the type. Reports to |d| (may be NULL: silent).
rnnc_status op_infer(const graph *g, diag_sink *d, op_id op, const node_id *operands, uint32_t operand_count,
                     const attr_value *attrs, value_type given, value_type *out_type);

// "f32<T,B>[200]", in |memory|.
const char *type_text(const graph *g, value_type t, arena *memory);

#endif
