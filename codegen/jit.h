// Objects in memory as callable code (LLVM's ORC).
#ifndef RNNC_CODEGEN_JIT_H
#define RNNC_CODEGEN_JIT_H

#include <llvm-c/LLJIT.h>

#include "passes/kernel.h"
#include "support/diag.h"

typedef struct jit {
    LLVMOrcLLJITRef engine;
    FILE *perf_map; // NULL: not wanted
} jit;

// Used by one thread at a time.
rnnc_status jit_init(jit *j, diag_sink *d);
// Takes |object| over.
rnnc_status jit_add(jit *j, LLVMMemoryBufferRef object, diag_sink *d);
// Finds a kernel in the objects added.
rnnc_status jit_find(jit *j, const char *symbol, diag_sink *d, kernel_function **out_function);
// The code is gone afterwards.
void jit_deinit(jit *j);

#endif
