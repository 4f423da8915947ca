// Many kernels at once, side by side.
#ifndef RNNC_CODEGEN_COMPILE_H
#define RNNC_CODEGEN_COMPILE_H

#include "codegen/target.h"
#include "passes/kernel.h"

// Objects that together hold some kernels' code.
typedef struct compiled_objects {
    LLVMMemoryBufferRef *at; // owned by whoever takes them out and sets them to NULL
    uint32_t count;
} compiled_objects;

// Compiles |count| kernels, of which several may be equal, on up to |threads| threads. Kernels that share
// helper functions go into an object together, as far as that leaves work for all threads. On failure reports
// what failed first and leaves nothing to dispose.
rnnc_status compile_objects(const target *t, const kernel_desc *const *kernels, uint32_t count, int threads,
                            diag_sink *d, compiled_objects *out_objects);
void compiled_objects_dispose(compiled_objects *objects);

#endif
