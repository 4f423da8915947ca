// The evaluation rules of the reference interpreter: one function per op, found through the op table, and the
// walk over strided elements that all of them are made of. Inside ir/ only; others use ir/interpret.h.
#ifndef RNNC_IR_EVAL_H
#define RNNC_IR_EVAL_H

#include <stddef.h>

#include "ir/graph.h"

// An input by name: what the caller gave.
typedef struct eval_input {
    const char *name;
    node_id node;
    double *values; // NULL: not given
    int64_t count;
} eval_input;

// The state of a run. All values are doubles, whatever their types.
typedef struct eval_run {
    const graph *g;
    bool f64; // no rounding of f32 values
    int64_t extent[MAX_AXES];
    double **values;    // by node; NULL where not needed
    double **variables; // by variable
    eval_input *inputs;
    uint32_t input_count;
    uint64_t seed, step;
    bool check_only; // effects check what they are about to do and do nothing
    diag_sink *d;
    void *scratch; // see eval_scratch
    size_t scratch_bytes;
} eval_run;

// The dimensions of a value: its axes by their numbers, then the columns (both static dimensions as one).
enum { COLUMNS = MAX_AXES, DIMENSIONS = MAX_AXES + 1, MAX_PLACES = 4, MAX_FORMULA_OPERANDS = 3 };

// A range of indices in each dimension. Dimensions that a value lacks have the range [0, 1).
typedef struct eval_box {
    int64_t from[DIMENSIONS], to[DIMENSIONS];
} eval_box;

// Where the elements of a value lie: the element at index 0 of all dimensions, and how far apart neighbours are.
// A value lies in layout order: axes by number, then the batch, then columns, the last running fastest. The
// stride of a dimension that it lacks, or of a single column, is 0: it is the same all along it.
typedef struct eval_place {
    double *at;
    int64_t stride[DIMENSIONS];
} eval_place;

// One evaluation of a node, for the part |box| of its result.
typedef struct eval_call {
    eval_run *run;
    node_id id;
    const node *n;
    eval_box box;
    eval_place out;
} eval_call;

typedef rnnc_status eval_rule(eval_call *c);

// The rule of a pointwise op is eval_pointwise; of any other op in row ID it is eval_ID. A row without a rule
// does not link.
#define OP(id, ...) eval_rule eval_##id;
#include "ir/ops.def"
#undef OP
eval_rule eval_pointwise;

// Evaluates node |id| at all its indices, or, if |axis| is not NO_AXIS, at index |index| of that axis and all
// indices of the others. Results are rounded to the node's type; i32 results are cut towards zero, saturate, and
// are 0 for NaN. Fails on numbers of rows, elements and indices that are out of range (reported to run->d).
rnnc_status eval_node(eval_run *run, node_id id, int axis, int64_t index);

// The elements of a value of type |t| in this run; -1 if they are more than memory could hold.
int64_t eval_count(const eval_run *run, value_type t);
// All indices of a value of type |t|.
eval_box eval_box_of(const eval_run *run, value_type t);
// Where a value of type |t| lies whose elements begin at |at|.
eval_place eval_place_of(const eval_run *run, value_type t, double *at);
// The same for operand number |i| of a call.
eval_place eval_operand(const eval_call *c, uint32_t i);
static inline value_type eval_operand_type(const eval_call *c, uint32_t i) {
    return graph_type(c->run->g, c->n->operands[i]);
}

// Calls |inner| for runs of |n| elements that together visit each index of |box| once, in layout order. p[i] is
// the first element of place |i| in the run and s[i] the distance to its next.
typedef void eval_inner(void *context, double *const p[], const int64_t s[], int64_t n);
void eval_walk(const eval_box *box, const eval_place *places, int count, eval_inner *inner, void *context);
void eval_fill(const eval_box *box, const eval_place *to, double value);
void eval_copy(const eval_box *box, const eval_place *to, const eval_place *from);

// |box| with the columns left out: one index for each vector.
eval_box eval_rows_of(const eval_box *box);
int64_t eval_box_count(const eval_box *box);
// Writes for each vector of |rows| (see eval_rows_of) in layout order how far from |place| it begins.
void eval_row_offsets(const eval_box *rows, const eval_place *place, int64_t *out_offsets);

// At least |bytes| of working memory, aligned to 16, valid until the next call; NULL if there is none.
void *eval_scratch(eval_run *run, size_t bytes);

// Reports at the place of the call's node.
rnnc_status eval_fail(const eval_call *c, rnnc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
