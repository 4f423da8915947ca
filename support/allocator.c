#include "support/allocator.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

void *allocator_get(const allocator *a, size_t bytes, size_t alignment) {
    if (bytes > SIZE_MAX - alignment) {
        return NULL;
    }
    // The system wants whole multiples of the alignment.
    size_t whole = bytes ? (bytes + alignment - 1) / alignment * alignment : alignment;
    return a->allocate ? a->allocate(a->user, whole, alignment) : aligned_alloc(alignment, whole);
}

void *allocator_array(const allocator *a, size_t count, size_t item_bytes) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, item_bytes, &bytes)) {
        return NULL;
    }
    void *block = allocator_get(a, bytes, CACHE_LINE);
    return block ? memset(block, 0, bytes) : NULL;
}

void allocator_free(const allocator *a, void *block) {
    if (!block) {
        return;
    }
    if (a->allocate) {
        a->release(a->user, block);
    } else {
        free(block);
    }
}
