// Growing arrays whose storage is an arena. A VEC(T) starts as all zeros:
//     VEC(int) v = {0};  vec_push(&arena, v, 7);  v.at[0]; v.count
// Growth leaves the old storage behind in the arena, so a vec wastes at most its own size again.
#ifndef RNNC_SUPPORT_VEC_H
#define RNNC_SUPPORT_VEC_H

#include <stdint.h>
#include <string.h>

#include "support/arena.h"

#define VEC(T)             \
    struct {               \
        T *at;             \
        uint32_t count;    \
        uint32_t capacity; \
    }

// The storage |at| with room for one more item: itself, or a copy of twice the capacity.
static inline void *vec_room(arena *a, void *at, uint32_t count, uint32_t *capacity, size_t item_bytes) {
    if (count < *capacity) {
        return at;
    }
    // The new capacity holds when the room is there: the arena may jump out of here.
    uint32_t more = *capacity ? *capacity * 2 : 8;
    void *grown = arena_alloc_array(a, more, item_bytes);
    if (count) {
        memcpy(grown, at, count * item_bytes);
    }
    *capacity = more;
    return grown;
}

#define vec_push(arena_, v, item)                                                   \
    ((v).at = vec_room((arena_), (v).at, (v).count, &(v).capacity, sizeof *(v).at), \
     (void)((v).at[(v).count++] = (item)))

#endif
