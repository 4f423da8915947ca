// The driver of an object that is made ahead of time: what contexts, binding and executor do, written as code for one
// program (ahead.h). All of it is used while one module is written.
#ifndef RNNC_CODEGEN_DRIVER_H
#define RNNC_CODEGEN_DRIVER_H

#include "codegen/ahead_train.h"
#include "codegen/loops.h"
#include "passes/place.h"

enum { DRIVER_NAME_SIZE = 256 };

// Several levels of x86-64: a module for the code of each, which all become part of the first one (driver_levels.c).
typedef struct level_modules {
    emitter *base;
    const level_set *set;
    emitter e[HIGHEST_LEVEL];
    target_facts facts[HIGHEST_LEVEL];
} level_modules;

typedef struct driver {
    emitter *e;
    const ahead_request *r;
    const program *p;
    level_modules *levels; // NULL: code for one machine
    ahead_layout layout;
    // Of an object that trains:
    const ahead_request
        *used; // of the program that is used, which has the training; NULL: nothing is trained
    learner_layout learner;
    int64_t base;            // where this program's part begins in the caller's arena
    LLVMValueRef *blocks;    // constants, by block of the request
    LLVMValueRef *variables; // constants, by variable; NULL where there are none
    LLVMValueRef *kernels;   // functions, by kernel; NULL: no run calls it
    int64_t *ints;           // by call: offset of its ints in the caller's arena
    // Of the function that runs:
    LLVMValueRef function, arena;   // the arena's address, moved on by |base|
    LLVMValueRef extents[MAX_AXES]; // i64
    LLVMValueRef *inputs, *outputs; // pointers; outputs that are not given: NULL
    LLVMValueRef *parallel;         // of a run on several threads: their number, parallel_for and its user
    LLVMValueRef share;             // function; NULL before it is needed
} driver;

// Adds kernels, constants, driver and public functions to |e|'s module. On failure reports to |d|.
rnnc_status driver_emit(emitter *e, const ahead_request *r, diag_sink *d);
// Adds the kernels that runs call.
rnnc_status driver_add_kernels(driver *w, diag_sink *d);
// Adds NAME|ending|, which returns an i32, and puts the builder at its begin. |public|: it can be called from outside.
LLVMValueRef driver_add_function(const driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                                 bool public);
void driver_give_back(emitter *e, int status);
// Goes on only if |good|, an i1; else the function returns |status|, or |otherwise|.
void driver_require(const driver *w, LLVMValueRef good, int status);
void driver_require_else(const driver *w, LLVMValueRef good, LLVMValueRef otherwise);
// Goes on only if |pointer| is not null.
void driver_require_pointer(const driver *w, LLVMValueRef pointer, int status);
// Takes the function's first parameter for the arena, and goes on only if it can be one.
void driver_take_arena(driver *w, LLVMValueRef function);
// Makes |bytes| from |offset| in the arena zeros.
void driver_emit_zeros(const driver *w, int64_t offset, int64_t bytes);
// Adds read-only data, aligned as the arena is, called NAME.|what|.|index|.
LLVMValueRef driver_add_constant(const driver *w, const char *what, uint32_t index, const void *data,
                                 int64_t bytes);
// Whether the blocks and variables that runs read are constants of the module.
bool driver_has_constants(const driver *w);
// A constant's name in the module, "NAME.panels.0".
void driver_constant_name(const driver *w, const char *what, uint32_t index, char *out_name, size_t size);

// ---- driver_run.c ----

// Of a run on several threads: their number, parallel_for and its user.
enum { PARALLEL_PARAMETERS = 3 };

// The types of a run's parameters, and how many there are: the arena, the extents (|extents|: all, else the batch's
// alone), pointers to inputs, pointers to outputs, and what several threads need.
unsigned driver_list_parameters(const driver *w, bool extents, LLVMTypeRef *out_types);
// Adds the kernels and the function NAME|ending|, which does a run, to |w|'s module; it is left in |w->function|.
rnnc_status driver_emit_run(driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                            bool internal, diag_sink *d);

// ---- driver_levels.c ----

// Begins the levels' modules. |out_levels| is used where it lies until driver_close_levels.
void driver_open_levels(emitter *e, const level_set *set, level_modules *out_levels);
// Makes the levels' modules part of the first one, unless |status| says that something failed; gives it back, or that
// this did.
rnnc_status driver_close_levels(level_modules *l, rnnc_status status, diag_sink *d);
// As driver_emit_run, for each level; |w->function| is then the one that calls the level's.
rnnc_status driver_emit_levels(driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                               bool internal, diag_sink *d);
// The function NAME|ending|, which a level's module borrows from the first one; NULL if there is none.
LLVMValueRef driver_find_function(const driver *w, const char *ending);
// In init: asks the processor for the number of the best level, or returns AHEAD_BAD_CPU; and keeps it in the
// arena.
LLVMValueRef driver_choose_level(const driver *w);
void driver_keep_level(const driver *w, LLVMValueRef choice);
// NAME_level.
void driver_emit_level_getter(driver *w);

// ---- driver_weights.c ----

// How many parameters a function has that takes the weights: the arena, the file and its number of bytes, whose types
// these are; or the arena alone, where the weights are in the object.
unsigned driver_weights_parameters(const driver *w, LLVMTypeRef out_types[3]);
// In such a function, |w->function|: checks the weights, if it is given them, before anything is written.
void driver_check_weights(const driver *w);
// Keeps the pointer in the arena, if runs read what it points to.
void driver_keep_weights(const driver *w);
// In a run: finds |w->blocks| and |w->variables| in the caller's memory, if they are there. Without weights from a file
// that there is one goes no further.
void driver_find_weights(driver *w);

// ---- driver_facts.c ----

// Adds the section that says what the object is.
rnnc_status driver_emit_facts(const driver *w, diag_sink *d);

// ---- driver_call.c ----

// |t| times extents, and i8 pointers to |offset| in the caller's arena.
LLVMValueRef driver_term(const driver *w, extent_term t);
LLVMValueRef driver_arena(const driver *w, int64_t offset);
// The address of a place in iteration |t| of its loop; NULL: outside of loops.
LLVMValueRef driver_address(const driver *w, const program_place *p, LLVMValueRef t);
// Fills what depends on the extents alone: the calls' ints, and the axes' values that kernels read.
void driver_emit_binding(const driver *w);
// Runs the items one after the other.
void driver_emit_items(const driver *w, const program_item *items, uint32_t count);

// ---- driver_mode.c ----

// Makes denormal numbers count as zero, where the processor can; gives what driver_emit_restore puts back, or NULL.
LLVMValueRef driver_emit_flush(const driver *w);
void driver_emit_restore(const driver *w, LLVMValueRef saved);

// ---- driver_program.c ----

// Adds standalone_model_of. |room|: for as many values as the functions have parameters, states and all.
void driver_emit_program(const driver *w, LLVMValueRef *room);

// ---- driver_parallel.c ----

// Adds the function that does a thread's share, before the functions that use it.
void driver_emit_share(driver *w);
// Calls a call's kernel with |values| as its arguments for all units, on several threads where that is worth it.
void driver_emit_shared(const driver *w, const program_call *call, LLVMValueRef *values);

// ---- driver_train.c ----

// The storage of a variable in the arena.
LLVMValueRef driver_learned(const driver *w, uint32_t variable);
// The storage of a setting that a training program reads.
LLVMValueRef driver_setting(const driver *w, const char *name);
// What begins a run, after binding: what is derived from the weights is made again where these have changed.
void driver_emit_refresh(const driver *w);
// What ends a training step; its status.
LLVMValueRef driver_emit_counting(const driver *w);
// In init, after driver_check_weights: the first values of all that is learned.
void driver_begin_learning(const driver *w);
// Whether that has been done to the arena, an i1.
LLVMValueRef driver_has_begun(const driver *w);
// NAME_train_init, _train_reset, the settings and the access to weights.
rnnc_status driver_emit_learner(driver *w, diag_sink *d);

#endif
