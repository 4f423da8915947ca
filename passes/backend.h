// The function table through which kernels become something that can be run. codegen/ provides the one that
// makes machine code, runtime/kernel_interpret.c a slow one that interprets descriptions, so that everything
// above can be tested without LLVM.
#ifndef RNNC_PASSES_BACKEND_H
#define RNNC_PASSES_BACKEND_H

#include "passes/kernel.h"
#include "support/diag.h"

// What kernel_backend.compile gives for an array of kernels: immutable, shared freely between threads.
typedef struct kernel_code_set {
    void *handle;                      // the backend's own
    kernel_function *const *functions; // one per kernel, in order; NULL: |call| is to be used
    // Runs kernel number |kernel| as its kernel_function would; NULL where |functions| is given.
    void (*call)(const void *handle, uint32_t kernel, void *const *args, const int64_t *ints, int64_t begin,
                 int64_t end);
} kernel_code_set;

typedef struct kernel_backend {
    const char *name;   // "interpret", "llvm", …
    void *self;         // first argument of the functions below
    target_shape shape; // what programs for this backend are laid out for
    // Compiles |count| kernels on up to |threads| threads. The descriptions must outlive the code. On failure
    // reports to |d| and leaves nothing to release. Not to be called by two threads at once on one backend.
    rnnc_status (*compile)(void *self, const kernel_desc *const *kernels, uint32_t count, int threads,
                           diag_sink *d, kernel_code_set *out_code);
    // Frees what compile gave. |code| may be all zeros.
    void (*release)(void *self, kernel_code_set *code);
} kernel_backend;

#endif
