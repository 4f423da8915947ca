// The inside of a context, shared by the files that make, bind, run and read it.
#ifndef RNNC_RUNTIME_CONTEXT_PARTS_H
#define RNNC_RUNTIME_CONTEXT_PARTS_H

#include "runtime/context.h"
#include "runtime/team.h"

// A call that takes less than this many nanoseconds is not worth sharing, unless the context is told otherwise: two
// threads would save half of that, and the barrier costs as much.
enum { SPLIT_COST = 1000, BARRIER_COST = SPLIT_COST / 2 };
// The same where the threads are a pool of the caller's, which has to be asked anew for each call.
enum { POOL_SPLIT_COST = 10000 };
// A member of a set that no thread is to run whole.
enum { NO_THREAD = -1 };

// Axes that calls of a kernel can be repeated over.
enum { REPEAT_AXES = 4 };
// Elements of a flat kernel that shares begin at multiples of.
enum { FLAT_GRAIN = 16 };

// Where an argument's first row is in iteration t: base + ((t + shift) & mask) * slot_bytes.
typedef struct bound_arg {
    char *base;
    int64_t shift, mask, slot_bytes;
} bound_arg;

// What a call does in one iteration. Where the rows of an argument do not lie at one distance from each other, the
// kernel is called several times, for all indices of some axes, and each of these calls has |piece| units.
typedef struct bound_form {
    bound_arg *args;
    int64_t *ints;
    int64_t units; // of all repeats
    int64_t grain; // threads' shares begin at multiples of this
    int64_t piece;
    int repeat_count; // axes; 0: the kernel is called once
    int64_t repeat_extent[REPEAT_AXES];
    int64_t (*repeat_bytes)[REPEAT_AXES]; // by argument: from index to index
} bound_form;

// A call, bound to the arena, the inputs, the weights and the run's extents.
typedef struct bound_call {
    uint32_t kernel;
    uint32_t arg_count;
    bound_form usual;
    // In a loop's first iteration: an inner length of 0, or a state that lies apart from those that the loop computes. And in
    // its last, where that is not the first, too: a backward pass ends with the state that a forward pass began with.
    bound_form first, last;
    int64_t cost;  // estimated nanoseconds of one thread
    int64_t share; // of that: what the thread with most of the units has to do if all threads share them
    bool alone;    // the caller's thread does all of it
    bool turns;    // in iterations with an odd number the units are done from the last to the first
} bound_call;

// What one thread needs for itself.
typedef struct context_member {
    void *scratch;
    void *args[KERNEL_MAX_ARGS + 1];
    double load; // while sets are bound: nanoseconds of the members that it has
} context_member;

// A call of the only iteration, with everything found: args end with the scratch.
typedef struct straight_call {
    kernel_function *function;
    void **args;
    const int64_t *ints;
    int64_t units;
} straight_call;

// An array of the caller's.
typedef struct bound_array {
    char *data;                // NULL: none
    bool strided;              // else it is dense
    int64_t strides[MAX_AXES]; // elements from index to index of each axis of its value's type
} bound_array;

// What is copied to a bound output at the end of a run.
typedef struct output_copy {
    uint32_t index;
    const char *from; // NULL: not in one piece, here or there
    size_t bytes;
} output_copy;

// In the body from item |from| on, and after a run, bytes [begin, end) of the arena are the caller's memory at |to|:
// byte by byte, or with strides slot by slot and row by row of the array that the output's place is in.
typedef struct redirect {
    int64_t begin, end;
    char *to;
    uint32_t from;
    const program_place *strided; // the output's; NULL: dense
    int64_t strides[MAX_AXES];    // elements, by axis of that array
} redirect;

// When an argument is looked for: at which item of the body, in which iteration of the loop that this stands in.
typedef struct moment {
    uint32_t item;
    int64_t iteration;
} moment;
// The item of what stands before all of the body.
#define NO_ITEM UINT32_MAX

// The array that a place is in: where the row is whose indices are all 0, and elements from index to index of its axes;
// NULL: dense.
typedef struct array_view {
    char *base;
    const int64_t *strides;
} array_view;

struct context {
    const program *program;
    const kernel_code_set *code;
    weights *weights;
    team *team;
    allocator memory; // of all that follows
    char *arena;      // the program's, followed by the threads' scratch
    int64_t bytes;    // of both
    context_member *members;
    bound_array *inputs;
    bound_array *outputs;
    redirect *redirects; // room for one an output
    uint32_t redirect_count;
    output_copy *copies; // the bound outputs that are not among them; room for one an output
    uint32_t copy_count;
    straight_call *straight; // the body as one list of calls, if it is that; room for all
    void **straight_args;
    uint32_t straight_count;
    bool is_straight;
    int64_t *extents;
    bound_call *calls;
    // Of all calls.
    bound_arg *args;
    int64_t (*repeat_bytes)[REPEAT_AXES];
    // By item of the program's body. A set: NO_THREAD if its calls are split like all others. A member of another set:
    // the thread that runs it.
    int *threads;
    int64_t *ints;
    call_time *times; // NULL: not timed
    bool timing;
    bool bound;          // |calls| fit the inputs and extents
    uint32_t first_half; // items of the body
    bool updates;        // runs change variables
    uint64_t prepared;   // version of the weights that |prepare| was run for
    int64_t split_cost;
    set_choice set_choice;
};

// Computes |calls| and the tables of extents and indices in the arena. Allocates nothing.
void context_bind(context *c);
// Bytes of the arena that |p| reaches in |count| iterations from |first| on, as its extents are.
redirect context_reach(const context *c, const program_place *p, int64_t first, int64_t count);
// Finds out which bound outputs kernels can write themselves, before calls are bound. Allocates nothing.
void context_bind_outputs(context *c);
// Copies those that they cannot: all, or after the first half of a run those that are no gradients.
void context_copy_outputs(const context *c, bool all);
// Where output |index| is after a run; NULL if it is not in one piece.
const char *context_output_begin(const context *c, uint32_t index);
// Copies it, or where it is not in one piece its rows, to |to|, with |strides| by axis of its type.
void context_move_output(const context *c, uint32_t index, const int64_t *strides, char *to);
// Allocates the list that context_bind_straight fills.
rnnc_status context_straight_create(context *c, diag_sink *d);
// Lists the calls of a body whose loops have one iteration and which one thread runs alone: what a step mostly is. Such
// a run need not be walked. After calls and sets are bound. Allocates nothing.
void context_bind_straight(context *c);
void context_run_straight(const context *c);
// Decides how each set runs. Allocates nothing.
void context_bind_sets(context *c);
// Allocates |calls| and |threads|; checks that every place stays within the arena at the maxima.
rnnc_status context_bind_create(context *c, diag_sink *d);

// Where |p| is in memory with the context's inputs and extents; after a run: at the item behind the last.
array_view context_view(const context *c, const program_place *p, moment when);
bound_arg context_bind_place(const context *c, const program_place *p, moment when);
bound_arg context_bind_view(const context *c, const program_place *p, array_view v);

// The numbers of a call's kernel, and how often it is called. |views|: of the call's arguments. |moved|: one slot of the
// first of them is not where it would be there; context_bind_moved then says where.
void context_bind_rows(const context *c, const program_call *call, const array_view *views, bool moved,
                       bound_form *f);
// Whether argument |arg| of |call| can be in an array with these |strides|, by axis of the array.
bool context_takes_strides(const context *c, const program_call *call, uint32_t arg, const int64_t *strides);

// A transposed A of a product all of which is in |redirect|, but for one slot: number |index| of those that the product goes
// over, the first or the last.
typedef struct moved_slot {
    const redirect *redirect;
    int64_t index; // NO_SLOT: there is none
} moved_slot;
enum { NO_SLOT = -1 };

// The number of the slot of argument |arg| that is beside |r|, where all others are in it; else NO_SLOT.
int64_t context_moved_slot(const context *c, const program_call *call, uint32_t arg, const redirect *r);
moved_slot context_find_moved(const context *c, const program_call *call, moment when);
// Has the kernel find that slot in the arena. |f| is bound but for this.
void context_bind_moved(const context *c, const program_call *call, moved_slot m, bound_form *f);

// Runs |items| on all threads. |threads|: by item, as in a context; NULL: there are no sets.
void execute(context *c, const program_item *items, uint32_t count, const int *threads);

#endif
