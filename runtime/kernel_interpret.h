// A backend without machine code: kernels run by interpreting their descriptions, one column at a time.
// Slow; for tests of what stands above, with sanitizers, and on machines that no code can be made for.
#ifndef RNNC_RUNTIME_KERNEL_INTERPRET_H
#define RNNC_RUNTIME_KERNEL_INTERPRET_H

#include "passes/backend.h"

typedef struct interpreter_home {
    target_shape shape; // decides how products are cut and so nothing of their values
    allocator from;     // of what code keeps; zeros: the system's
} interpreter_home;

// A backend for |home|, which must outlive it.
kernel_backend kernel_interpret_backend(interpreter_home *home);

// One call of |k| as its kernel_function would do it. No allocation; safe for use by several threads at once.
void kernel_interpret(const kernel_desc *k, target_shape shape, void *const *args, const int64_t *ints,
                      int64_t begin, int64_t end);

#endif
