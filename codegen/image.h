// Kernels' machine code as one block of bytes that runs wherever it lies: code and constants, all references
// within it relative. What LLVM made a moment ago and what a file kept from last time are the same block.
#ifndef RNNC_CODEGEN_IMAGE_H
#define RNNC_CODEGEN_IMAGE_H

#include <stdint.h>

#include "passes/kernel.h"
#include "support/diag.h"
#include "support/strbuf.h"

typedef struct image_function {
    uint32_t at, bytes; // in the code
    uint32_t name;      // in image.names
} image_function;

// Starts as all zeros.
typedef struct code_image {
    strbuf code;
    strbuf names;     // each ends with a zero
    uint32_t *starts; // by kernel: where in the code its function begins
    uint32_t start_count;
    image_function *functions; // all, with helpers: for profilers
    uint32_t function_count;
} code_image;

void image_deinit(code_image *image);

// Whether this machine's code can be had as an image (link.h): it is for x86-64. Elsewhere LLVM's own loader places
// it, and none is kept.
bool image_supported(void);

// The image as bytes, appended to |out|, and back. image_read believes nothing: it returns false, with nothing to
// free, for bytes that image_write did not write; whether their code is sound is for the caller to know.
void image_write(const code_image *image, strbuf *out);
bool image_read(const void *bytes, size_t size, code_image *out_image);

// An image where it can be called. Its pages are never writable and executable at once.
typedef struct mapped_image {
    unsigned char *code;
    size_t bytes;
} mapped_image;

rnnc_status image_map(const code_image *image, diag_sink *d, mapped_image *out_mapped);
void image_unmap(mapped_image *m);
kernel_function *image_kernel(const code_image *image, const mapped_image *m, uint32_t kernel);

#endif
