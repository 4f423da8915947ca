// Kernels as functions of an LLVM module.
#ifndef RNNC_CODEGEN_KERNEL_EMIT_H
#define RNNC_CODEGEN_KERNEL_EMIT_H

#include "codegen/emit.h"
#include "passes/kernel.h"

enum { KERNEL_SYMBOL_SIZE = 160 };

// A kernel's symbol: its name with all but letters, digits, '_' and '.' replaced, and its hash.
void kernel_symbol(const kernel_desc *k, char out_symbol[KERNEL_SYMBOL_SIZE]);

// What stops |k| from being written as code, or NULL: descriptions come from our own passes, so this is a
// defect.
const char *kernel_defect(const kernel_desc *k);

target_shape target_shape_of(const target_facts *t);

// Adds |k|, which has no defect, to e->module.
void kernel_emit(emitter *e, const kernel_desc *k);

#endif
