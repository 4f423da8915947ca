#!/bin/sh
# One object with a thousand states at once: streams that go on side by side, each as if it were alone.
. tests/cli/lib.sh
. tests/cli/ahead.sh
begin_m
cat >main.c <<'EOF2'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m.h"

enum { STREAMS = 1000, STEPS = 12, INPUTS = 6, OUTPUTS = 2 };

static float found[STREAMS][STEPS][OUTPUTS];

static void input_of(int stream, int t, float *x) {
    for (int i = 0; i < INPUTS; i++) {
        x[i] = (float)((stream * 31 + t * 7 + i * 13) % 101) / 101;
    }
}

static void *arena_at(char *arenas, int stream) {
    return arenas + (size_t)stream * ((M_ARENA_BYTES + M_ARENA_ALIGN - 1) / M_ARENA_ALIGN * M_ARENA_ALIGN);
}

/* What a stream gives that has the object for itself. */
static int differs(char *arena, int stream) {
    float x[INPUTS], y[OUTPUTS];
    int bad = m_reset(arena);
    for (int t = 0; t < STEPS; t++) {
        input_of(stream, t, x);
        bad |= m_step(arena, 1, x, y);
        bad |= memcmp(y, found[stream][t], sizeof y) != 0;
    }
    return bad;
}

int main(void) {
    char *arenas = aligned_alloc(M_ARENA_ALIGN, (size_t)(STREAMS + 1) * (M_ARENA_BYTES + M_ARENA_ALIGN));
    if (!arenas) {
        return 1;
    }
    int bad = m_init(arena_at(arenas, 0));
    for (int s = 1; s <= STREAMS; s++) {
        /* Every other one is made ready by copying one that is. */
        bad |= s % 2 ? m_init(arena_at(arenas, s)) : !memcpy(arena_at(arenas, s), arena_at(arenas, 0), M_ARENA_BYTES);
    }
    /* In each step another order, and some streams a step behind the others. */
    int at[STREAMS] = {0};
    for (int turn = 0; turn < 2 * STEPS; turn++) {
        for (int i = 0; i < STREAMS; i++) {
            int stream = (int)((i * 617L + turn * 271L) % STREAMS);
            if (at[stream] < STEPS && (turn + stream) % 3) {
                float x[INPUTS];
                input_of(stream, at[stream], x);
                bad |= m_step(arena_at(arenas, stream), 1, x, found[stream][at[stream]++]);
            }
        }
    }
    for (int s = 0; s < STREAMS; s++) {
        bad |= at[s] != STEPS || differs(arena_at(arenas, STREAMS), s);
    }
    bad |= memcmp(found[0], found[1], sizeof found[0]) == 0;
    free(arenas);
    return bad != 0;
}
EOF2
build_m m.o
run 0 "$cc" -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror main.c m.o -o streams
run 0 ./streams
finish
