// Kernels of each kind as LLVM functions. Each writes the function that frame.symbol names, and helpers that
// only the module sees, into f->e->module.
#ifndef RNNC_CODEGEN_KERNELS_H
#define RNNC_CODEGEN_KERNELS_H

#include "codegen/frame.h"

void emit_map(frame *f);
void emit_product(frame *f);
void emit_fold(frame *f);
void emit_pack(frame *f);
void emit_segment(frame *f);
void emit_scatter(frame *f);
void emit_add_rows(frame *f);
void emit_random(frame *f);

#endif
