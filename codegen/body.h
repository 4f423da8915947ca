// A kernel's body for one row: ONE values once, FULL values chunk by chunk. MAP, FOLD and PRODUCT use it
// alike; they write the loops around it.
#ifndef RNNC_CODEGEN_BODY_H
#define RNNC_CODEGEN_BODY_H

#include "codegen/chunk.h"
#include "passes/phases.h"

typedef struct body {
    emitter *e;
    const kernel_desc *k;
    const kernel_phases *phases;
    // Filled by the writer of the loops, for the row being computed:
    LLVMValueRef row[KERNEL_MAX_ARGS]; // pointers to the arguments' first elements in this row
    LLVMValueRef scratch;              // for values kept between passes; NULL: there are none
    LLVMValueRef product;              // PRODUCT: the panel's sums of this row, gate after gate
    LLVMValueRef product_column;       // i64: the panel's first column
    int32_t product_columns;           // sums of one gate in the panel
    // The values so far: ONE values of the row, FULL values of the last chunk.
    LLVMValueRef value[KERNEL_MAX_INSTRS];
} body;

// Emits the ONE values known after |pass| passes, in order. Reductions are not among them: their writer sets
// body.value (codegen/reduce.h).
void body_ones(body *b, int pass);
// Emits the FULL values marked in |needed| (kernel_pass_needs) at chunk |c|, and keeps those that have a
// slot.
void body_chunk(body *b, const chunk *c, int pass, const bool *needed);
// The value of |instr| at the chunk last emitted: a number, spread over the lanes if it is ONE.
LLVMValueRef body_value(body *b, const chunk *c, int16_t instr);
// Performs the FULL stores at |c|, or the ONE stores.
void body_store_chunk(body *b, const chunk *c);
void body_store_ones(body *b);
bool body_has_one_stores(const body *b);

// Lanes of chunks: 16 for bodies that reduce columns; else what a vector of the target holds of the body's
// widest element type.
unsigned body_lanes(const emitter *e, const kernel_desc *k);

#endif
