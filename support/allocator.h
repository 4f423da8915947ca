// Memory from the system or from whoever uses the library: a pair of functions passed on as a value.
#ifndef RNNC_SUPPORT_ALLOCATOR_H
#define RNNC_SUPPORT_ALLOCATOR_H

#include <stddef.h>

// All zero: the system's memory. |allocate| gives |bytes| (never 0) at a multiple of |alignment|, a power of two, or
// NULL; what is in them does not matter. |release| is never given NULL.
typedef struct allocator {
    void *user;
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *block);
} allocator;

// |bytes| (1 if 0) at a multiple of |alignment|, not cleared; NULL without memory.
void *allocator_get(const allocator *a, size_t bytes, size_t alignment);
// |count| items of zeros, aligned to a cache line; NULL without memory, or if the product overflows.
void *allocator_array(const allocator *a, size_t count, size_t item_bytes);
// Gives back what one of these two gave; NULL is fine.
void allocator_free(const allocator *a, void *block);

#endif
