// Large blocks of memory: a context's arena, a model's weights.
#ifndef RNNC_RUNTIME_BLOCK_H
#define RNNC_RUNTIME_BLOCK_H

#include "support/allocator.h"

enum { BLOCK_LINE = 64 };

// |bytes| of zeros from a cache line's begin on; of the system's memory in huge pages where it has them and the block
// is worth it. To be freed by allocator_free. NULL without memory.
void *block_allocate(const allocator *from, size_t bytes);

#endif
