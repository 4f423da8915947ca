// Object files of x86-64 to one image.
#ifndef RNNC_CODEGEN_LINK_H
#define RNNC_CODEGEN_LINK_H

#include "codegen/image.h"

typedef struct object_bytes {
    const char *bytes;
    size_t size;
} object_bytes;

// Lays the code and constants of |object_count| objects one behind the other and resolves all references between
// them. Kernel i's function is the one named kernel_symbol(kernels[i]). An object that needs anything from
// outside, that has data to be written, or that a relocation of an unknown kind is in, is an internal error:
// kernels have none of these. On failure there is nothing to free.
rnnc_status link_objects(const object_bytes *objects, uint32_t object_count,
                         const kernel_desc *const *kernels, uint32_t kernel_count, diag_sink *d,
                         code_image *out_image);

#endif
