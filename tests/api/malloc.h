// Stands before the system's allocator, in a program that includes this once and says what is to happen.
#ifndef RNNC_TESTS_API_MALLOC_H
#define RNNC_TESTS_API_MALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

// The including file's: called before each allocation, which fails if this is false; and after a block was given (+1)
// or taken back (-1).
static bool malloc_begins(void);
static void malloc_ends(int blocks);

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *old);
void *__libc_memalign(size_t alignment, size_t bytes);
__attribute__((visibility("default"))) void *malloc(size_t bytes);
__attribute__((visibility("default"))) void *calloc(size_t count, size_t bytes);
__attribute__((visibility("default"))) void *realloc(void *old, size_t bytes);
__attribute__((visibility("default"))) void free(void *old);
__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t bytes);
__attribute__((visibility("default"))) int posix_memalign(void **out, size_t alignment, size_t bytes);

static void *malloc_counted(void *block) {
    if (block) {
        malloc_ends(1);
    } else {
        errno = ENOMEM;
    }
    return block;
}

void *malloc(size_t bytes) {
    return malloc_counted(malloc_begins() ? __libc_malloc(bytes) : NULL);
}

void *calloc(size_t count, size_t bytes) {
    return malloc_counted(malloc_begins() ? __libc_calloc(count, bytes) : NULL);
}

void *realloc(void *old, size_t bytes) {
    void *block = malloc_begins() ? __libc_realloc(old, bytes) : NULL;
    if (old && block) {
        malloc_ends(-1);
    }
    return malloc_counted(block);
}

void free(void *old) {
    if (old) {
        malloc_ends(-1);
    }
    __libc_free(old);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return malloc_counted(malloc_begins() ? __libc_memalign(alignment, bytes) : NULL);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    *out = malloc_counted(malloc_begins() ? __libc_memalign(alignment, bytes) : NULL);
    return *out ? 0 : ENOMEM;
}

#endif
