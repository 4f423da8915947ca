// A program as an object file for another program to be linked with: kernels, weights, and a driver that does what the
// executor does, written for this one program. Nothing here needs LLVM.
//
// The object defines NAME_init, NAME_reset, NAME_run and NAME_step (ahead_print_header says how they are called) and
// needs nothing from outside. All that a run writes is in one arena of the caller's, laid out by ahead_lay_out:
//
//     states | extents of the last run | the mode | what kernels are given | the program's arena | scratch |
//     scratch of several threads | training (ahead_train.h)
//
// Blocks of the program's arena that only `prepare` writes are not in it: their contents lie in the object, read-only.
#ifndef RNNC_CODEGEN_AHEAD_H
#define RNNC_CODEGEN_AHEAD_H

#include "codegen/ahead_text.h"
#include "codegen/facts.h"
#include "codegen/levels.h"
#include "passes/program.h"
#include "support/strbuf.h"

enum { AHEAD_ALIGN = 64 };

// By which an object that becomes a program describes itself (standalone/model.h).
#define AHEAD_PROGRAM_SYMBOL "standalone_model_of"

// What a function of the object returns.
enum ahead_status {
    AHEAD_OK,
    AHEAD_BAD_ARENA, // null, or not aligned
    AHEAD_BAD_EXTENT, // a batch or length outside of 1 to its maximum, or a row's length outside of 0 to the length
    AHEAD_NO_INPUT,    // an input is null
    AHEAD_BAD_TOKEN,   // a token that the model has no row for
    AHEAD_BAD_WEIGHTS, // weights in a file: null, not aligned, of another length, or others than the object's
    AHEAD_BAD_CPU,     // several levels: the processor reaches none of them, or NAME_init has not been called
    AHEAD_BAD_ARGUMENT, // anything else that makes no sense: a weight or a thread that there is not, a null pointer
    AHEAD_NOT_UPDATED, // a training step whose loss or gradients are not finite; only it has been written
};

// Bytes of the program's arena [offset, offset + bytes) that no run changes.
typedef struct ahead_block {
    int64_t offset, bytes;
    const void *data;
} ahead_block;

// Everything is borrowed.
typedef struct ahead_request {
    const program *program;
    const char *name;          // a C identifier: what the functions' names begin with
    const ahead_block *blocks; // ascending, apart
    uint32_t block_count;
    const void *const
        *variables;          // contents by variable, as large as its type says; NULL where no run reads it
    const int64_t *limits;   // by input of i32: tokens are below it; 0: they are not looked at
    bool streams;            // states go from run to run, and there is a step
    uint64_t seed;           // of what is random
    const level_set *levels; // several levels of x86-64, of which init chooses; NULL: code for one machine
    bool weights_apart;      // the weights are not in the object but in a file (ahead_print_weights)
    const ahead_text *text;  // the vocabulary; NULL: none
    // Axes in the order of a file's dimensions, for an object that becomes a program: it then describes itself
    // (standalone/model.h). NULL: it does not.
    const int32_t *axis_order;
    int32_t threads; // > 0: a run may be shared out among up to so many threads
    // NULL: the weights are those of |variables| and |blocks| for ever. Else there are none of either: the weights
    // lie in the caller's arena, and this trains them (codegen/ahead_train.h); with |weights_apart| the first ones are
    // taken from the file.
    const struct ahead_training *training;
    bool trains; // this is the request of a training program
} ahead_request;

// Offsets in the caller's arena.
typedef struct ahead_layout {
    int64_t state_bytes; // from 0 on; for all states, whether or not they go from run to run
    int64_t extents;     // i64 by axis; zeros: what is behind them is not filled yet
    int64_t mode;        // two i32s: the processor's mode as it was found, and as it is during a run
    int64_t level;       // i32: the number of the level in use, counted from 1; 0: none was chosen
    int64_t weights;     // a pointer to the weights in the caller's memory
    int64_t ints;        // i64s of all calls of a run, one call after the other
    int64_t args;        // pointers
    int64_t arena;       // the program's, without the blocks
    int64_t scratch;     // a training program's own is that of the program that is used
    int64_t shares;      // of a run on several threads (driver_parallel.c)
    int64_t learner;     // what belongs to training
    int64_t bytes;
} ahead_layout;

// To whole lines.
static inline int64_t ahead_round_up(int64_t bytes) {
    return (bytes + AHEAD_ALIGN - 1) / AHEAD_ALIGN * AHEAD_ALIGN;
}

void ahead_lay_out(const ahead_request *r, ahead_layout *out_layout);
bool ahead_is_state(const program_value *input);
// Whether the caller of a run gives it: states and settings lie in the arena.
bool ahead_is_given(const program_value *input);
// Below what the tokens of input |index| of |p| must be where they count; 0: not known, or no tokens.
int64_t ahead_token_limit(const program *p, const ahead_request *r, uint32_t index);
// Whether the caller of a run takes it: all but states; of a training program the loss.
bool ahead_is_taken(const ahead_request *r, const program_value *output);
// Where the values of state |input| begin in the caller's arena.
int64_t ahead_state_offset(const ahead_request *r, uint32_t input);
// The output of the same name; the program has it.
uint32_t ahead_state_output(const program *p, uint32_t input);
// Where offset |offset| of the program's arena is: in block |*out_block| from its begin on, or (NULL) in the rest of
// the arena.
int64_t ahead_map(const ahead_request *r, int64_t offset, const ahead_block **out_block);
// The extent that every run has of |axis|; 0: it is for the run to say, or follows from another's.
int64_t ahead_fixed_extent(const program *p, int axis);
// Whether the object's functions take the extent of |axis|.
bool ahead_is_parameter(const program *p, int axis);

// ---- Weights in a file of their own (ahead_weights.c) ----

// The file is a head of AHEAD_ALIGN bytes, then the blocks and the variables that runs read, each at a
// multiple of AHEAD_ALIGN, so that it can be mapped into memory as it is. The head: AHEAD_WEIGHTS_MAGIC, then
// two u64s, little-endian: the sum over all bytes behind it and their number.
#define AHEAD_WEIGHTS_MAGIC "RNNCWTS1"

// Offsets in the file; -1: a variable that no run reads.
int64_t ahead_weights_block(const ahead_request *r, uint32_t block);
int64_t ahead_weights_variable(const ahead_request *r, uint32_t variable);
// The file's size.
int64_t ahead_weights_bytes(const ahead_request *r);
// One step of the sum, over eight bytes; it begins with AHEAD_SUM_BEGIN.
#define AHEAD_SUM_BEGIN UINT64_C(0xcbf29ce484222325)
#define AHEAD_SUM_FACTOR UINT64_C(0x9e3779b97f4a7c15)
enum { AHEAD_SUM_SHIFT = 29 };
uint64_t ahead_sum_word(uint64_t sum, uint64_t word);
// The sum in the file's head.
uint64_t ahead_weights_sum(const ahead_request *r);
// Writes the whole file.
void ahead_print_weights(const ahead_request *r, strbuf *out);
// Bytes of the weights that an object has, or that it puts into the arena to begin with.
int64_t ahead_weight_bytes(const ahead_request *r);
// Bytes of a variable's values.
int64_t ahead_variable_bytes(const ahead_request *r, uint32_t variable);

// ---- What an object says of itself (ahead_facts.c) ----

// The section that holds it; in Mach-O of the segment __TEXT, in WebAssembly a custom one.
#define AHEAD_FACTS_SECTION ".rnnc"
#define AHEAD_FACTS_FIRST "rnnc object 1"

// Lines "KEY VALUE", the first of them AHEAD_FACTS_FIRST: model, functions, hash, target, cpu, features,
// level …, sizes, maxima, kernels by symbol.
void ahead_print_facts(const ahead_request *r, const target_facts *facts, strbuf *out);

// ---- The header (ahead_header.c) ----

// Writes the header for C11 and C++ that belongs to the object.
void ahead_print_header(const ahead_request *r, const target_facts *facts, strbuf *out);
// The part of it that is about |r|'s vocabulary, which it has; |upper|: the name that macros begin with.
void ahead_print_text(const ahead_request *r, const char *upper, strbuf *out);

#endif
