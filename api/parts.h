// The inside of the public handles. Every function of include/rnnc.h is in one file of this room; what they share is
// here. docs/design.md section 2 says where the room stands.
#ifndef RNNC_API_PARTS_H
#define RNNC_API_PARTS_H

#include <stdatomic.h>

#include "codegen/backend.h"
#include "frontend/model.h"
#include "include/rnnc.h"
#include "passes/compile.h"
#include "passes/gradients.h"
#include "passes/pass.h"
#include "runtime/data/safetensors.h"
#include "runtime/engine.h"
#include "runtime/kernel_interpret.h"
#include "runtime/train/carried.h"
#include "runtime/train/lexicon.h"
#include "runtime/train/machine.h"
#include "support/strbuf.h"

// ---- diagnostics.c ----

// Reports to |to|, which may be NULL; returns |status|.
rnnc_status api_fail(rnnc_diagnostics *to, rnnc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Moves what |from| has collected to |to|, which may be NULL, and leaves |from| as if nothing had been reported;
// its files stay. What there is no memory for is left out. Returns |status|.
rnnc_status api_report(rnnc_diagnostics *to, diag_sink *from, rnnc_status status);

// ---- bytes.c ----

// A copy of |from| in |memory|, where it may hold zeros, too. An error if |from| is incomplete.
rnnc_status api_bytes_create(const allocator *memory, const strbuf *from, diag_sink *d, rnnc_bytes **out);
// The end of what makes a text for its caller: if |status| is RNNC_OK, |text| becomes |*out|; what |sink| has goes to
// |diagnostics|; text and sink are no more. Returns the status.
rnnc_status api_give_text(const allocator *memory, rnnc_status status, strbuf *text, diag_sink *sink,
                          rnnc_diagnostics *diagnostics, rnnc_bytes **out);

// ---- files.c ----

// A copy of |from| in |memory|. |name| begins the message of an error.
rnnc_status api_array_create(const allocator *memory, const array *from, const char *name, diag_sink *d,
                             rnnc_array **out_array);

// ---- model.c ----

// All of a handle's memory comes from where that of its arena does.
struct rnnc_model {
    atomic_uint references;
    // Where the sources are, which diagnostics point into. Nothing is reported here once the model is made.
    diag_sink sink;
    arena memory;
    source_unit *unit;
    model_options options;
    model *typed; // without dropout; looked at, never compiled
};

// The options that it was made with, in memory of the system's.
model_options api_model_options(const rnnc_model *m);
// Builds the model anew, with dropout if its purpose is training, and with the extra outputs that |o| asks for; for
// passes to rewrite. Reports to |d|, which knows the files of the model's sink.
rnnc_status api_model_build(const rnnc_model *m, const rnnc_compile_options *o, const allocator *from,
                            diag_sink *d, model **out_model);
// Texts "name=value" in two, in |memory|; no name stands twice. Errors begin with |what|, which says
// what they are, as `settings are "name=value"`, or with its first word.
rnnc_status api_split_pairs(const char *const *texts, size_t count, const char *what, arena *memory,
                            diag_sink *d, text_pair **out_pairs);

// ---- listing.c ----

// The passes as the caller wants them, and what they say.
typedef struct api_listing {
    const rnnc_pass_options *asked; // NULL: nothing
    const char *pipeline;           // NULL: the usual one
    bool unroll;
    pass_hooks hooks; // write to the buffers here, so a listing stays where it was opened
    strbuf printed, statistics, timings;
} api_listing;

rnnc_status api_listing_open(const rnnc_pass_options *asked, rnnc_diagnostics *d, api_listing *out_listing);
// Adds what there is to say of a whole program.
void api_listing_add(api_listing *l, const rnnc_program *p);
// Gives the texts to whom asked for them, in |memory|. Returns |status|, if that is an error.
rnnc_status api_listing_close(api_listing *l, const allocator *memory, diag_sink *d, rnnc_status status);

// ---- program.c ----

// More than this many vectors in one value, or of one axis, are refused before anything is computed with them.
#define API_MOST_MEMBERS ((int64_t)1 << 40)
enum { API_LONGEST_AXIS = INT32_MAX };

// What runs kernels for |cpu|: |*out_codegen|, which the caller destroys, or an interpreter in |home|, to which the backend
// then points.
rnnc_status api_choose_backend(const char *cpu, const allocator *from, interpreter_home *home, diag_sink *d,
                               codegen **out_codegen, kernel_backend *out_backend);
// Fails if one of |lengths| is not of a sequence axis of |g|.
rnnc_status api_check_axes(const graph *g, const rnnc_length *lengths, size_t count, diag_sink *d);

typedef struct api_value {
    uint32_t index; // of the program's inputs or outputs
    int final;      // states: the output with the state at the end; -1: it stays zero
} api_value;

struct rnnc_program {
    atomic_uint references;
    rnnc_model *source;
    model *model; // its graph has gone through the passes
    rnnc_purpose purpose;
    int threads;
    codegen *codegen;             // NULL: interpreted kernels
    interpreter_home interpreter; // of the backend then, which points to it
    kernel_backend backend;
    program *program;
    kernel_code_set code;
    arena memory;
    api_value *inputs, *outputs, *states;
    uint32_t input_count, output_count, state_count;
    int epoch, step, plateaus;     // inputs of training; -1: not read
    int base_rate;                 // the same
    int loss, rate, norm, skipped; // outputs; -1: not computed
    bool waits;                    // runs in two halves, as gradients are given
    bool keeps_gradients;          // those of weights, after training steps
    bool overlaps;                 // windows of training overlap: only what a batch has new counts
    const char *obstacle;          // why it cannot run step by step; NULL: it can
    bool reference;                // graphs are interpreted: |program| has no kernels
    axis_set sequences; // the model's sequence axes; in |program| those that are unrolled are fixed
    double compile_milliseconds, code_milliseconds; // for all; for the machine code
};

// ---- reference.c ----

// Programs for the cpu "reference", whose graphs are interpreted as they are. What cannot be asked of one.
rnnc_status api_check_reference(const rnnc_compile_options *o, const api_listing *l, diag_sink *d);
// Fills |p->program| with what goes in and out.
rnnc_status api_compile_reference(rnnc_program *p, const compile_options *options, diag_sink *d);
// A run or a training step of such a context, with everything checked; its weights are copied to and fro.
rnnc_status api_run_reference(rnnc_context *c, rnnc_diagnostics *d);
// Its extents are checked here; those of others by what runs them.
rnnc_status api_check_maxima(const rnnc_context *c, const int64_t *extents, diag_sink *d);

// ---- gradients.c ----

// Whether the gradients that |o| names can be had of the model, and after compiling, whether the program has them.
rnnc_status api_check_gradients(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d);
rnnc_status api_check_compiled(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d);
// The second half of a run, with everything checked.
rnnc_status api_run_back(rnnc_context *c, rnnc_diagnostics *d);

// ---- values.c ----

// Fills the tables of inputs, outputs and states.
void api_list_values(rnnc_program *p);

// ---- weights.c ----

// Metadata of the file that weights were read from (kept.c). One block of memory, the weights'.
typedef struct api_kept {
    text_pair *pairs; // NULL: there are none
    size_t count;
} api_kept;

struct rnnc_weights {
    atomic_uint references;
    rnnc_program *program; // whose variables these are
    weights *values;
    // By part of a weight, slots left out; in the order of the variables and their parts.
    struct api_part {
        weight_part part;
        bool set;
    } *parts;
    uint32_t count;
    uint32_t unset; // parts without values
    api_kept kept;
    allocator memory;
};

// Weight number |index|, if it is not -1, has values now; or all have.
void api_mark_set(rnnc_weights *w, int index);
void api_mark_all_set(rnnc_weights *w);
// The first weight without values, as an error.
rnnc_status api_report_unset(const rnnc_weights *w, rnnc_diagnostics *diagnostics);
// Copies values, all of which |from| has, to every weight of |to|. An error if one of them found no source of its shape.
rnnc_status api_weights_give(const rnnc_weights *from, weights *to, diag_sink *d);

// ---- kept.c ----

// Copies those of |count| pairs that are vocabularies or their hashes into |memory|.
rnnc_status api_kept_copy(const allocator *memory, const text_pair *pairs, size_t count, diag_sink *d,
                          api_kept *out_kept);
// The vocabularies among |kept|, which outlives them. |out_carried| starts as all zeros, and is given back by carried_deinit, also after an error.
rnnc_status api_kept_parse(const api_kept *kept, diag_sink *d, carried_data *out_carried);
// Adds to |about| what a file of these weights says of itself: the model, its recipe, and the vocabularies.
void api_kept_describe(const rnnc_weights *w, record *about);
// Lets |w| have |kept|, which is of its memory, in place of what it had.
void api_kept_replace(rnnc_weights *w, const api_kept *kept);

// ---- speller.c ----

struct rnnc_speller {
    atomic_uint references;
    allocator memory;
    lexicon lexicon;
};

// ---- memory.c ----

// The caller's allocator as the rooms below know it; NULL: the system's. Fails if one of its functions is missing.
rnnc_status api_take_allocator(const rnnc_allocator *given, rnnc_diagnostics *d, allocator *out_memory);
// Where a context's memory and threads come from; |options| may be NULL.
rnnc_status api_take_context_options(const rnnc_program *p, const rnnc_context_options *options,
                                     rnnc_diagnostics *d, team_options *out_threads);

// ---- context.c, arrays.c, bind.c, states.c, train.c ----

typedef struct api_state {
    void *data;       // the state as it is now
    void *begin;      // what runs read: |data|, or in two halves a copy of it
    size_t capacity;  // bytes
    const void *from; // after a run: the new state; NULL: it stays as it is
    size_t bytes;     // of it
} api_state;

// An array of the caller's. Dimensions as in rnnc_strides: the axes, the batch, the columns; distances in elements.
typedef struct api_binding {
    char *begin, *end; // from the first to the last element; NULL: none is bound
    bool whole;        // there are no gaps
    bool copied;       // runs copy it, as the engine cannot use it where it lies
    int count;
    int64_t extent[RNNC_MOST_AXES + 2], mine[RNNC_MOST_AXES + 2], theirs[RNNC_MOST_AXES + 2];
} api_binding;

struct rnnc_context {
    rnnc_program *program;
    rnnc_weights *weights;
    weights view; // the program's variables in its order, their data those of |weights|
    engine *engine;
    allocator memory; // of the context
    diag_sink sink;
    bool *given;                   // by input of the API: it has values
    api_binding *inputs, *outputs; // by input and output of the API
    bool copies;                   // one of them is copied
    api_state *states;
    bool settled; // where new states are found is known: nothing was bound since, nor sized
    bool swaps;   // one of them is read from another's place
    uint64_t seed;
    int64_t epoch, step; // of the next training step, from 1
    int64_t plateaus;
    double rate;        // of learning, before the schedule
    bool has_run;       // outputs are there
    bool waiting;       // the first half of a run is done, the second not
    bool has_gradients; // those of the last run are there
    bool stepping;      // after rnnc_start_steps
    bool lent;          // a training or an evaluation runs it
};

// Fails if whoever calls is called by what runs the context.
rnnc_status api_check_free(const rnnc_context *c, rnnc_diagnostics *d);

// The extents of the runs that follow, by axis. Where they are others, nothing is given or bound any more.
rnnc_status api_change_extents(rnnc_context *c, const int64_t *extents, rnnc_diagnostics *diagnostics);
// The same at once: no input has values but full lengths, and nothing is bound.
void api_forget_inputs(rnnc_context *c);
// Elements of a value in a run as it is set.
int64_t api_elements(const rnnc_context *c, value_type type);
// Runs, with everything checked, and takes the states.
rnnc_status api_run(rnnc_context *c, rnnc_diagnostics *d);
void api_clear_states(rnnc_context *c);
// Before a training step: states and what is counted.
void api_begin_training(rnnc_context *c);

// The value behind an input or output of the API; NULL if there is none.
const program_value *api_input_of(const rnnc_context *c, uint32_t index);
const program_value *api_output_of(const rnnc_context *c, uint32_t index);

// The caller has given input number |index|, which is |v|.
void api_change_input(rnnc_context *c, uint32_t index, const program_value *v);
// Copies an input or output of |type| between the engine's array and one without gaps in |layout|.
void api_copy_values(const rnnc_context *c, value_type type, rnnc_layout layout, void *engine_array,
                     void *caller_array, bool to_engine);
// Copies to the engine, before a run, the inputs that are bound with other strides; and after it the outputs. Where runs
// have two halves, gradients belong to the |second|, all else to the first.
void api_gather_inputs(const rnnc_context *c, bool second);
void api_scatter_outputs(const rnnc_context *c, bool second);
// Nothing is bound any more but inputs that the engine has.
void api_forget_bindings(rnnc_context *c);
// Fails if a bound output lies in the memory of a bound input or of another output.
rnnc_status api_check_apart(const rnnc_context *c, rnnc_diagnostics *d);

#endif
