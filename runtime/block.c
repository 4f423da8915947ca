#include "runtime/block.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 * 1024 * 1024 };

void *block_allocate(const allocator *from, size_t bytes) {
    bool huge = !from->allocate && bytes >= 2 * (size_t)HUGE_PAGE;
    size_t alignment = huge ? HUGE_PAGE : BLOCK_LINE;
    if (bytes > SIZE_MAX - alignment) {
        return NULL;
    }
    size_t whole = (bytes + alignment - 1) / alignment * alignment;
    void *block = allocator_get(from, whole, alignment);
    if (block && huge) {
        madvise(block, whole, MADV_HUGEPAGE); // a wish; pages of any size will do
    }
    return block ? memset(block, 0, whole ? whole : alignment) : NULL;
}
