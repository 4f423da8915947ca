// Many kernels at once, side by side.
#ifndef RNNC_CODEGEN_COMPILE_H
#define RNNC_CODEGEN_COMPILE_H

#include "codegen/target.h"
#include "passes/kernel.h"

// Compiles |count| kernels to objects on up to |threads| threads. |out_objects[i]| is NULL where kernel i is equal to an
// earlier one, whose number is |out_same[i]|; else out_same[i] is i. On failure reports the first kernel that failed
// and leaves nothing to dispose.
rnnc_status compile_objects(const target *t, const kernel_desc *const *kernels, uint32_t count, int threads,
                            diag_sink *d, LLVMMemoryBufferRef *out_objects, uint32_t *out_same);

#endif
