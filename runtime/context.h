// All that moves in a run: the arena, the inputs' places, the extents, the threads. Programs, code and
// weights are shared; a context belongs to one caller at a time.
#ifndef RNNC_RUNTIME_CONTEXT_H
#define RNNC_RUNTIME_CONTEXT_H

#include "passes/backend.h"
#include "passes/program.h"
#include "runtime/team.h"
#include "runtime/weights.h"

typedef struct context context;

// |code| has the program's kernels in order, |w| its variables in order; all three must outlive the context.
// Allocates everything that runs will need, with the arena's pages touched. Extents start at the maxima.
// A place outside the arena is a defect of the program: RNNC_INTERNAL.
// All of its memory is |threads|'s, but for the stacks of threads that it starts.
rnnc_status context_create(const program *p, const kernel_code_set *code, weights *w,
                           const team_options *threads, diag_sink *d, context **out_context);
void context_destroy(context *c);

// The extents of the runs that follow, one per axis of the program; those of fixed axes must be the
// program's, those of parts follow from the others and are not looked at. Each is at least 1 and at most the axis's maximum. Allocates nothing. On failure nothing has
// changed.
rnnc_status context_set_extents(context *c, const int64_t *extents, diag_sink *d);
bool context_is_fixed(const context *c, int axis);
const int64_t *context_extents(const context *c);

// The array that input number |index| is read from, 64-byte aligned where speed matters. It must stay where it is until
// another is given. |strides|: elements from index to index of each axis of its type, which context_reads_directly must
// have agreed to for the run's extents; columns lie side by side. NULL: its type's layout.
void context_bind_input(context *c, uint32_t index, void *data, const int64_t *strides);
// Whether runs of the extents of now can read input number |index| with such strides where it lies. They cannot if a sum
// whose order is fixed, or rows that go by number, run over more axes without a common stride than a kernel has dimensions;
// or if it is an output, too.
bool context_reads_directly(const context *c, uint32_t index, const int64_t *strides);

// Has runs leave output number |index| in |data|, with |strides| as above, NULL: |context_output|'s elements in its
// order; |data| NULL: no longer. Kernels write it there where nothing else in the arena shares its bytes with it; else it
// is copied at the end of a run. It must stay there, and be none of the inputs, until the next call, or until the extents
// change.
void context_bind_output(context *c, uint32_t index, void *data, const int64_t *strides);
// How many of the bound outputs are copied.
uint32_t context_count_copies(context *c);

// Runs the program once. First, if the weights have changed since, what is derived from them. |seed| and
// |step| are what `random` draws by. Fails without a run if an input is unbound. With one thread: no
// allocation, lock or system call.
rnnc_status context_run(context *c, uint64_t seed, uint64_t step, diag_sink *d);
// A run in two halves, for programs with given gradients (passes/gradients.h): after the first, outputs that do not
// depend on these are there; then the gradients are given, and the second follows. Nothing else may change between, nor
// what is in bound outputs.
rnnc_status context_run_first(context *c, uint64_t seed, uint64_t step, diag_sink *d);
rnnc_status context_run_second(context *c, diag_sink *d);
// Does the first part of a run: what is derived from the weights alone. All inputs must be bound.
rnnc_status context_prepare(context *c, diag_sink *d);
// The program's arena.
const char *context_arena(const context *c);
// Between these two, runs find the worker threads awake. Need not be called. |silent|: no thread makes a system call,
// not even to give its processor to another while it waits.
void context_begin(context *c, bool silent);
void context_end(context *c);

// The value of output number |index| after a run, |*out_count| elements of its type in layout order; valid
// until the next run. NULL if its rows do not lie side by side in memory. One that is bound with strides is copied for
// this, each time.
const void *context_output(const context *c, uint32_t index, int64_t *out_count);
// Whether it is at the same place after each run, without having been asked for.
bool context_output_stays(const context *c, uint32_t index);
// The same into |out_values|, whether or not they do.
void context_copy_output(const context *c, uint32_t index, void *out_values);

// Bytes of scratch that each thread of a context of |p| has for itself.
int64_t context_scratch_bytes(const program *p);

// A call whose estimated time is below this is not shared out among threads, nor one of which sharing would save less
// than half of this. Values do not depend on it.
void context_set_split_cost(context *c, int64_t nanoseconds);

// How sets of independent loops run with several threads: as it seems to take less time; or always with each member
// on a thread of its own; or always with each call split among all threads. Values do not depend on it.
typedef enum set_choice { SETS_BY_COST, SETS_BESIDE, SETS_SPLIT } set_choice;
void context_choose_sets(context *c, set_choice choice);

typedef struct call_time {
    // Including the wait for the slowest thread; in a set that runs side by side: on the thread that did it.
    int64_t nanoseconds;
    int64_t runs;
} call_time;

// Switches timing of each call on (with all times zero) or off. Fails only for want of memory.
rnnc_status context_time_calls(context *c, bool on, diag_sink *d);
// One per call of the program, while switched on; else NULL.
const call_time *context_times(const context *c);

#endif
