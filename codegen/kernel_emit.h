// Kernels as functions of an LLVM module.
#ifndef RNNC_CODEGEN_KERNEL_EMIT_H
#define RNNC_CODEGEN_KERNEL_EMIT_H

#include "codegen/emit.h"
#include "codegen/symbol.h"
#include "passes/kernel.h"

// What stops |k| from being written as code, or NULL: descriptions come from our own passes, so this is a
// defect.
const char *kernel_defect(const kernel_desc *k);

// Adds |k|, which has no defect, to e->module.
void kernel_emit(emitter *e, const kernel_desc *k);

#endif
