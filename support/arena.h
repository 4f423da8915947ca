// A bump allocator over growing blocks: the only memory of the compiler's rooms.
// Nothing in an arena is freed singly; everything goes with the arena.
#ifndef RNNC_SUPPORT_ARENA_H
#define RNNC_SUPPORT_ARENA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "support/allocator.h"

typedef struct arena_block arena_block;

// Not safe for use by two threads at once.
typedef struct arena {
    arena_block *head;  // the block being filled, linked to the older ones
    size_t used;        // bytes taken from |head|
    size_t total;       // bytes held
    jmp_buf *exhausted; // where to go when there is no memory left; NULL: abort the process
    allocator from;     // where blocks come from
} arena;

// An arena of all zeros has the system's memory, as that of arena_init has.
void arena_init(arena *a);
void arena_init_in(arena *a, const allocator *from);
// Gives all blocks back. |a| may be used again afterwards.
void arena_deinit(arena *a);
// Goes where |a| goes when there is no memory left: for what goes with it and could not be had elsewhere.
_Noreturn void arena_give_up(const arena *a);

// Returns zeroed memory aligned to 16 bytes; never NULL (see arena.exhausted).
void *arena_alloc(arena *a, size_t bytes);
// Like arena_alloc for |count| items, with the product checked for overflow.
void *arena_alloc_array(arena *a, size_t count, size_t item_bytes);
// Copies |bytes| of |data|, or a string, into the arena.
void *arena_copy(arena *a, const void *data, size_t bytes);
char *arena_strdup(arena *a, const char *text);
char *arena_strndup(arena *a, const char *text, size_t length);
// Numbers as in the C locale, whatever the caller's is.
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

// arena_new(a, T) is one zeroed T; arena_new_array(a, T, n) is n of them.
#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define arena_new_array(a, T, n) ((T *)arena_alloc_array((a), (size_t)(n), sizeof(T)))

#endif
