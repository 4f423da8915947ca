// The driver of an object that is made ahead of time: what contexts, binding and executor do, written as code for one
// program (ahead.h). All of it is used while one module is written.
#ifndef RNNC_CODEGEN_DRIVER_H
#define RNNC_CODEGEN_DRIVER_H

#include "codegen/ahead.h"
#include "codegen/loops.h"
#include "passes/place.h"

typedef struct driver {
    emitter *e;
    const ahead_request *r;
    const program *p;
    ahead_layout layout;
    LLVMValueRef *blocks;    // constants, by block of the request
    LLVMValueRef *variables; // constants, by variable; NULL where there are none
    LLVMValueRef *kernels;   // functions, by kernel; NULL: no run calls it
    int64_t *ints;           // by call: offset of its ints in the caller's arena
    // Of the function that runs:
    LLVMValueRef function, arena;
    LLVMValueRef extents[MAX_AXES]; // i64
    LLVMValueRef *inputs, *outputs; // pointers; outputs that are states: NULL
} driver;

// Adds kernels, constants, driver and public functions to |e|'s module. On failure reports to |d|.
rnnc_status driver_emit(emitter *e, const ahead_request *r, diag_sink *d);

// Adds NAME|ending|, which returns an i32, and puts the builder at its begin. |public|: it can be called from outside.
LLVMValueRef driver_add_function(const driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                                 bool public);
// Goes on only if |good|; else the function returns |otherwise|.
void driver_require(const driver *w, LLVMValueRef good, LLVMValueRef otherwise);
// Adds read-only data, aligned as the arena is, called NAME.|what|.|index|.
LLVMValueRef driver_add_constant(const driver *w, const char *what, uint32_t index, const void *data,
                                 int64_t bytes);

// ---- driver_call.c ----

// |t| times extents, and i8 pointers to |offset| in the caller's arena.
LLVMValueRef driver_term(const driver *w, extent_term t);
LLVMValueRef driver_arena(const driver *w, int64_t offset);
// The address of a place in iteration |t| of its loop; NULL: outside of loops.
LLVMValueRef driver_address(const driver *w, const program_place *p, LLVMValueRef t);
// Fills what depends on the extents alone: the calls' ints, and the axes' values that kernels read.
void driver_emit_binding(const driver *w);
// Everything that a run does between inputs and outputs.
void driver_emit_body(const driver *w);

// ---- driver_mode.c ----

// Makes denormal numbers count as zero, where the processor can; gives what driver_emit_restore puts back, or NULL.
LLVMValueRef driver_emit_flush(const driver *w);
void driver_emit_restore(const driver *w, LLVMValueRef saved);

// ---- driver_program.c ----

// Adds standalone_model_of. |room|: for as many values as the functions have parameters, states and all.
void driver_emit_program(const driver *w, LLVMValueRef *room);

#endif
