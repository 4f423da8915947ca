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

// A copy of the storage |at| with room for twice as many items; |*capacity| is set.
static inline void *vec_grown(arena *a, const void *at, uint32_t count, uint32_t *capacity,
                              size_t item_bytes) {
    uint32_t larger = *capacity ? *capacity * 2 : 8;
    void *grown = arena_alloc_array(a, larger, item_bytes);
    if (count) {
        memcpy(grown, at, count * item_bytes);
    }
    *capacity = larger;
    return grown;
}

#define vec_push(arena_, v, item)                                                           \
    do {                                                                                    \
        if ((v).count == (v).capacity) {                                                    \
            (v).at = vec_grown((arena_), (v).at, (v).count, &(v).capacity, sizeof *(v).at); \
        }                                                                                   \
        (v).at[(v).count++] = (item);                                                       \
    } while (0)

#endif
