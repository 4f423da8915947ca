// One interface to whatever can run a graph: the reference interpreter or a compiled program. The trainer,
// eval, run and the tests stand on this alone.
#ifndef RNNC_RUNTIME_ENGINE_H
#define RNNC_RUNTIME_ENGINE_H

#include "ir/interpret.h"
#include "passes/backend.h"
#include "passes/program.h"
#include "runtime/context.h"
#include "runtime/walk.h"
#include "runtime/weights.h"

// Used by one thread at a time.
typedef struct engine engine;

// |g| must be verified and outlive the engine.
rnnc_status engine_create_interpreter(const graph *g, interpret_precision precision, diag_sink *d,
                                      engine **out_engine);
// Compiles |p|'s kernels by |backend|; both must outlive the engine. |shared|: the variables of another
// engine of a program with the same variables, which must outlive this one; NULL: variables of its own, all
// zero.
rnnc_status engine_create_program(const program *p, const kernel_backend *backend, weights *shared,
                                  int threads, diag_sink *d, engine **out_engine);
// The same with |code| that was made for the program's kernels before, shared with other engines. It must outlive
// the engine too.
// |threads|: and whose memory the engine's own is.
rnnc_status engine_create_compiled(const program *p, const kernel_code_set *code, weights *shared,
                                   const team_options *threads, diag_sink *d, engine **out_engine);
void engine_destroy(engine *e);

// Axes by number, as in the graph. Extents start at 1, or as small as parts allow, or as far as they are fixed.
uint32_t engine_axis_count(const engine *e);
int engine_find_axis(const engine *e, const char *name); // NO_AXIS if there is none
// The extents of the runs that follow, one per axis; those of parts follow from the others and are not looked at.
// Errors: outside a program's maxima, or other than fixed, or shorter than the bounds of a part.
// Inputs keep their bytes only if nothing changes; else they are zeros.
rnnc_status engine_set_extents(engine *e, const int64_t *extents, diag_sink *d);
// Whether every run has the same extent of |axis|: a program whose steps are unrolled.
bool engine_is_fixed(const engine *e, int axis);
const int64_t *engine_extents(const engine *e);

typedef struct engine_value {
    const char *name;
    const char *role; // as in program_value
    value_type type;
} engine_value;

uint32_t engine_input_count(const engine *e);
engine_value engine_input_info(const engine *e, uint32_t index);
int engine_find_input(const engine *e, const char *name); // -1 if there is none
// An i32 input of a compiled program: what its values must be below, and not negative; 0: that is not known.
int64_t engine_input_limit(const engine *e, uint32_t index);
// The array of input |index| to be filled: |*out_count| elements of the input's own type, in layout order
// (sequence axes by number, then the batch, then columns). Valid until the next engine_set_extents; zeros at
// first.
void *engine_input(engine *e, uint32_t index, int64_t *out_count);

// What a run reads of input |index| as it is bound: the array above, or another one; and the walk through its rows.
const void *engine_input_values(const engine *e, uint32_t index, walk_rows *out_walk);

// Lets the runs read input |index| from |data| until another is given; NULL: from the array above.
// |strides| as in context_bind_input, NULL: laid out like that array.
void engine_bind_input(engine *e, uint32_t index, void *data, const int64_t *strides);
// Whether runs of the extents of now can do so with these strides (context_reads_directly). An interpreter can.
bool engine_reads_directly(const engine *e, uint32_t index, const int64_t *strides);

// Has the runs of a compiled program leave output |index| in |data|, laid out as engine_output gives it or with |strides|,
// until the extents change; NULL: no longer.
void engine_bind_output(engine *e, uint32_t index, void *data, const int64_t *strides);
// Whether that can be done: by a compiled program.
bool engine_binds_outputs(const engine *e);
// How many of the outputs so bound are copied.
uint32_t engine_count_copies(engine *e);
// Whether output |index| is at the same place after each run, without having been asked for.
bool engine_output_stays(const engine *e, uint32_t index);

// Runs the graph once. |seed| and |step| are what `random` draws by. Tokens out of range are an error where
// the engine can tell what they number.
rnnc_status engine_run(engine *e, uint64_t seed, uint64_t step, diag_sink *d);
// A compiled program's run in two halves (runtime/context.h).
rnnc_status engine_run_first(engine *e, uint64_t seed, uint64_t step, diag_sink *d);
rnnc_status engine_run_second(engine *e, diag_sink *d);
// Between these two, runs find the worker threads awake.
void engine_begin(engine *e);
// The same, and no thread makes a system call.
void engine_begin_silent(engine *e);
void engine_end(engine *e);

uint32_t engine_output_count(const engine *e);
engine_value engine_output_info(const engine *e, uint32_t index);
int engine_find_output(const engine *e, const char *name); // -1 if there is none
// After a run: the elements of output |index| in its own type, valid until the next run.
const void *engine_output(engine *e, uint32_t index, int64_t *out_count);
// The first element of an output as a double: losses and metrics.
double engine_output_number(engine *e, uint32_t index);
// The elements as doubles, unrounded in an interpreter of INTERPRET_F64; as many as engine_output says.
void engine_output_doubles(engine *e, uint32_t index, double *out_values);

// The variables. After writing to them: weights_changed.
weights *engine_weights(engine *e);
// The compiled program; NULL in an interpreter.
const program *engine_program(const engine *e);
// The context of a compiled program, for timing; NULL in an interpreter.
context *engine_context(engine *e);

#endif
