#include "passes/program.h"

#include <stdlib.h>

void program_destroy(program *p) {
    if (p) {
        arena_deinit(&p->memory);
        free(p);
    }
}

rnnc_status program_bind_parts(const program *p, int64_t *extents, diag_sink *d) {
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        bool part = a->kind == AXIS_IS_PART;
        TRY(part ? part_bind(a->part, (int)i, p->axes.at[a->part.of].name, extents, d) : RNNC_OK);
    }
    return RNNC_OK;
}

int64_t program_least_extent(const program *p, int axis) {
    int64_t least = 1;
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        int64_t needed = a->kind == AXIS_IS_PART && a->part.of == axis ? part_least(a->part) : 1;
        least = needed > least ? needed : least;
    }
    return least;
}
