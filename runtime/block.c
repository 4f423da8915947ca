#include "runtime/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 * 1024 * 1024 };

void *block_allocate(size_t bytes) {
    size_t alignment = bytes >= 2 * (size_t)HUGE_PAGE ? HUGE_PAGE : BLOCK_LINE;
    if (bytes > SIZE_MAX - alignment) {
        return NULL;
    }
    size_t whole = (bytes + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, whole ? whole : alignment);
    if (!block) {
        return NULL;
    }
    if (alignment == HUGE_PAGE) {
        madvise(block, whole, MADV_HUGEPAGE); // a wish; pages of any size will do
    }
    return memset(block, 0, whole);
}
