#include "runtime/train/extents.h"

#include <string.h>

static int64_t recipe_steps(const recipe *r, int axis) {
    for (uint32_t i = 0; r && i < r->step_axis_count; i++) {
        if (r->steps[i].axis == axis) {
            return r->steps[i].extent;
        }
    }
    return 0;
}

// 0: nobody says.
static int64_t sequence_extent(const model *m, const extent_wishes *w, int axis) {
    int64_t steps = recipe_steps(m->recipe, axis), own = w->lengths ? w->lengths[axis] : 0;
    return own ? own : w->length ? w->length : steps ? steps : (w->fallback ? w->fallback[axis] : 0);
}

bool model_extents(const model *m, const extent_wishes *w, int64_t *out_extents, int *out_axis) {
    const graph *g = m->graph;
    memset(out_extents, 0, MAX_AXES * sizeof *out_extents);
    out_extents[AXIS_BATCH] = w->batch      ? w->batch
                              : m->recipe   ? m->recipe->batch
                              : w->fallback ? w->fallback[AXIS_BATCH]
                                            : 1;
    for (uint32_t a = 1; a < g->axes.count; a++) {
        const axis_info *axis = &g->axes.at[a];
        if (axis->kind == AXIS_IS_PART) {
            out_extents[a] = part_extent(axis->part, out_extents[axis->part.of]);
            continue;
        }
        out_extents[a] = axis->kind == AXIS_IS_FIXED ? axis->size : sequence_extent(m, w, (int)a);
        if (out_extents[a] == 0) {
            *out_axis = (int)a;
            return false;
        }
    }
    return true;
}
