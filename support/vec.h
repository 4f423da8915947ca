// Growing arrays whose storage is an arena. A VEC(T) starts as all zeros:
//     VEC(int) v = {0};  vec_push(&arena, v, 7);  v.at[0]; v.count
// Growth leaves the old storage behind in the arena, so a vec wastes at most its own size again.
#ifndef RNNC_SUPPORT_VEC_H
#define RNNC_SUPPORT_VEC_H

#include <string.h>

#include "support/arena.h"

#define VEC(T)            \
    struct {              \
        T *at;            \
        uint32_t count;   \
        uint32_t capacity; \
    }

#define vec_push(arena_, v, item)                                                        \
    do {                                                                                 \
        if ((v).count == (v).capacity) {                                                 \
            uint32_t capacity_ = (v).capacity ? (v).capacity * 2 : 8;                    \
            void *grown_ = arena_alloc_array((arena_), capacity_, sizeof *(v).at);       \
            if ((v).count) {                                                             \
                memcpy(grown_, (v).at, (v).count * sizeof *(v).at);                      \
            }                                                                            \
            (v).at = grown_;                                                             \
            (v).capacity = capacity_;                                                    \
        }                                                                                \
        (v).at[(v).count++] = (item);                                                    \
    } while (0)

#endif
