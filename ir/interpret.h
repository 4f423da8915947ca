// The reference interpreter: any graph, slowly and obviously right. The oracle of every other test.
#ifndef RNNC_IR_INTERPRET_H
#define RNNC_IR_INTERPRET_H

#include "ir/graph.h"

typedef struct interpreter interpreter;

// The float arithmetic: every result rounded to the node's own type, or everything in f64 whatever the types say.
// Within an op the interpreter computes in double and rounds once: products and sums of f32 values are nearer to
// the truth than compiled ones, and not equal to them in every bit.
typedef enum interpret_precision { INTERPRET_AS_TYPED, INTERPRET_F64 } interpret_precision;

// |g| must be verified and outlive the interpreter. Variables start as zeros.
rnnc_status interpreter_create(const graph *g, interpret_precision precision, diag_sink *d,
                               interpreter **out_interpreter);
void interpreter_destroy(interpreter *in);

// The extent of a sequence axis, or of the batch, in the runs that follow. Those of parts follow from it.
void interpreter_set_extent(interpreter *in, int axis, int64_t extent);
// What the op `random` draws from (support/philox.h), in the runs that follow. Both are 0 at first.
void interpreter_set_random(interpreter *in, uint64_t seed, uint64_t step);
// The elements of an input (of any role) by name: all indices of its axes in layout order (sequence axes by
// number, then the batch, then columns), |count| of them, copied. False if no such input or count does not fit, or
// without memory.
// Extents are set first. An input of role "state" that is never set is zero; others must be set.
bool interpreter_set_input(interpreter *in, const char *name, const double *values, int64_t count);
// The elements of a variable, row-major: readable and writable between runs.
double *interpreter_variable(interpreter *in, const char *name, int64_t *out_count);
// Evaluates all outputs, then performs the effects. Fails with RNNC_INVALID_ARGUMENT, reported to |d|, on inputs that
// are missing or do not fit the extents, and on tokens out of range; variables are then as they were.
rnnc_status interpreter_run(interpreter *in, diag_sink *d);
// After a run: the elements of a node that outputs or effects need, in layout order; NULL for others.
const double *interpreter_value(const interpreter *in, node_id n, int64_t *out_count);

#endif
