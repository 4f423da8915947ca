#include "support/arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support/number.h"

enum { FIRST_BLOCK = 16 * 1024, LARGEST_BLOCK = 4 * 1024 * 1024, ALIGNMENT = 16 };

struct arena_block {
    arena_block *older;
    size_t size; // bytes of payload
    _Alignas(ALIGNMENT) unsigned char payload[];
};

void arena_init(arena *a) {
    *a = (arena){0};
}

void arena_init_in(arena *a, const allocator *from) {
    *a = (arena){.from = *from};
}

void arena_deinit(arena *a) {
    arena_block *block = a->head;
    while (block) {
        arena_block *older = block->older;
        allocator_free(&a->from, block);
        block = older;
    }
    *a = (arena){.exhausted = a->exhausted, .from = a->from};
}

_Noreturn void arena_give_up(const arena *a) {
    if (a->exhausted) {
        longjmp(*a->exhausted, 1);
    }
    abort();
}

static void grow(arena *a, size_t bytes) {
    size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK) {
        size = LARGEST_BLOCK;
    }
    if (size < bytes) {
        size = bytes;
    }
    arena_block *block =
        size > SIZE_MAX - sizeof *block ? NULL : allocator_get(&a->from, sizeof *block + size, ALIGNMENT);
    if (!block) {
        arena_give_up(a);
    }
    block->older = a->head;
    block->size = size;
    a->head = block;
    a->used = 0;
    a->total += size;
}

void *arena_alloc(arena *a, size_t bytes) {
    if (bytes > SIZE_MAX - ALIGNMENT) {
        arena_give_up(a);
    }
    size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!a->head || a->head->size - a->used < rounded) {
        grow(a, rounded);
    }
    void *result = a->head->payload + a->used;
    a->used += rounded;
    return memset(result, 0, rounded);
}

void *arena_alloc_array(arena *a, size_t count, size_t item_bytes) {
    if (item_bytes && count > SIZE_MAX / item_bytes) {
        arena_give_up(a);
    }
    return arena_alloc(a, count * item_bytes);
}

void *arena_copy(arena *a, const void *data, size_t bytes) {
    void *copy = arena_alloc(a, bytes);
    if (bytes) {
        memcpy(copy, data, bytes);
    }
    return copy;
}

char *arena_strndup(arena *a, const char *text, size_t length) {
    char *copy = arena_alloc(a, length + 1);
    if (length) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *arena_strdup(arena *a, const char *text) {
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = number_vprint(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(a, (size_t)length + 1);
    number_vprint(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
