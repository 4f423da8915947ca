// Kernels from descriptions to the bytes of an object file.
#ifndef RNNC_CODEGEN_OBJECT_H
#define RNNC_CODEGEN_OBJECT_H

#include "codegen/ahead.h"
#include "codegen/target.h"
#include "passes/kernel.h"

// Which text or bytes are wanted.
typedef enum object_form {
    OBJECT_BYTES,
    OBJECT_ASSEMBLY,
    OBJECT_LLVM,           // as written, before LLVM's passes
    OBJECT_LLVM_OPTIMIZED, // after them
} object_form;

// Compiles |count| different kernels without defects into one module with |machine|, which belongs to the
// calling thread. Returns what |form| says, to be disposed by the caller; NULL on failure, with |*out_error|
// then a text to be freed by free().
LLVMMemoryBufferRef object_compile(const kernel_desc *const *kernels, uint32_t count, const target *t,
                                   LLVMTargetMachineRef machine, object_form form, char **out_error);

// Compiles a whole program ahead of time, to a buffer that the caller disposes. On failure reports to |d|, and there is
// none.
rnnc_status object_compile_ahead(const ahead_request *r, const target *t, LLVMTargetMachineRef machine,
                                 diag_sink *d, LLVMMemoryBufferRef *out_buffer);
// The pass pipeline: our IR is vector code with its values in registers already; what pays is the removal of
// what was written twice.
#define OBJECT_PASSES "function(early-cse)"
// The variables of what is not a kernel (variables.h) become values, since a stack is something that some systems want a
// library for. Helpers that no kernel came to call stay out of what is shipped.
#define OBJECT_AHEAD_PASSES "function(mem2reg)," OBJECT_PASSES ",globaldce"

#endif
