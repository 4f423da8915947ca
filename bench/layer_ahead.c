// A recurrent layer as an object made ahead of time, single steps or all: `rnnc build --name layer --header layer.h`.
#include <stdlib.h>

#include "bench/layer_side.h"
#include "layer.h"

typedef struct ahead {
    layer_side side;
    void *arena;
} ahead;

static void step(void *user) {
    ahead *a = user;
    layer_step(a->arena, a->side.batch, a->side.inputs, a->side.outputs);
}

static void run(void *user) {
    ahead *a = user;
    layer_run(a->arena, a->side.batch, a->side.length, a->side.inputs, a->side.outputs);
}

int main(int argc, char **argv) {
    ahead a = {.side = side_open(argc, argv)};
    size_t bytes = (LAYER_ARENA_BYTES + LAYER_ARENA_ALIGN - 1) / LAYER_ARENA_ALIGN * LAYER_ARENA_ALIGN;
    a.arena = aligned_alloc(LAYER_ARENA_ALIGN, bytes);
    if (!a.arena || layer_init(a.arena) != LAYER_OK) {
        side_fail("arena", "cannot be made");
    }
    side_measure(&a.side, a.side.stream ? step : run, &a);
    free(a.arena);
    side_close(&a.side);
    return 0;
}
