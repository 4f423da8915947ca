// What all kernels begin with: a function of the type kernel_function, and its arguments in registers; and
// the loops over row dimensions.
#ifndef RNNC_CODEGEN_FRAME_H
#define RNNC_CODEGEN_FRAME_H

#include "codegen/emit.h"
#include "codegen/loops.h"
#include "passes/phases.h"

typedef struct frame {
    emitter *e;
    const kernel_desc *k;
    target_shape shape;
    target_shape layout; // of panels
    const char *symbol;
    kernel_phases phases;
    // Of the function being written:
    LLVMValueRef args, ints, begin, end;   // its parameters; begin and end in the kernel's own alone
    LLVMValueRef arg[KERNEL_MAX_ARGS + 1]; // pointers to the arguments' first rows, then the scratch
    LLVMValueRef extent[KERNEL_MAX_DIMS];  // of the row dimensions in use
    LLVMValueRef stride[KERNEL_MAX_ARGS][KERNEL_MAX_DIMS]; // in elements; NULL: 0
} frame;

// Begins the kernel's own function and loads its arguments.
void frame_begin(frame *f);
// Loads what frame.arg, frame.extent and frame.stride say, in a function that has args and ints.
void frame_load(frame *f);
LLVMValueRef frame_int(frame *f, int index);

// Pointers to one row, one per argument.
typedef struct frame_rows {
    LLVMValueRef at[KERNEL_MAX_ARGS];
} frame_rows;

frame_rows frame_first_rows(const frame *f);
// |rows| moved to |index| along dimension |d|.
frame_rows frame_move(frame *f, const frame_rows *rows, int d, LLVMValueRef index);

// Nested loops over the row dimensions [from, to). The caller fills the first group of fields.
typedef struct frame_loops {
    frame *f;
    int from, to;
    LLVMValueRef first, last; // of dimension |from|; NULL: all of it
    unsigned carried;         // values that each turn replaces, as in l_loop
    LLVMValueRef
        value[LOOP_MAX_CARRIED]; // at first their start, in the body now, after frame_loops_end in the end
    frame_rows rows;             // at first where all indices are 0; in the body those of the row

    l_loop loop[KERNEL_MAX_DIMS]; // by dimension; loop[d].index is the row's index
} frame_loops;

// Puts the builder into the innermost body, or leaves it where it is if there are no dimensions.
void frame_loops_begin(frame_loops *loops);
void frame_loops_end(frame_loops *loops, const LLVMValueRef *next);

#endif
