// Large blocks of memory: a context's arena, a model's weights.
#ifndef RNNC_RUNTIME_BLOCK_H
#define RNNC_RUNTIME_BLOCK_H

#include <stddef.h>

enum { BLOCK_LINE = 64 };

// |bytes| of zeros from a cache line's begin on, in huge pages where the system has them and the block is worth it;
// to be freed by free(). NULL without memory.
void *block_allocate(size_t bytes);

#endif
