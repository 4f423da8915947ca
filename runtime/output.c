// Outputs after a run: in the arena, in an input or a variable, or in memory of the caller's.
#include <string.h>

#include "passes/place.h"
#include "runtime/context_parts.h"
#include "runtime/walk.h"

static moment after_run(const context *c) {
    return (moment){c->program->body.count, 0};
}

static char *place_begin(const context *c, const program_place *p) {
    bound_arg a = context_bind_place(c, p, after_run(c));
    return a.base + (a.shift & a.mask) * a.slot_bytes;
}

// Whether its rows lie as those of its type.
static bool is_dense(const context *c, const program_place *p) {
    return !context_view(c, p, after_run(c)).strides;
}

static bool has_all_columns(const program_value *v) {
    return v->place.columns == type_columns(v->type);
}

const char *context_output_begin(const context *c, uint32_t index) {
    const program_value *v = &c->program->outputs.at[index];
    return has_all_columns(v) && is_dense(c, &v->place) ? place_begin(c, &v->place) : NULL;
}

bool context_output_stays(const context *c, uint32_t index) {
    return context_output_begin(c, index) && c->program->outputs.at[index].place.base == PLACE_ARENA;
}

// Elements from index to index of the axes of output |v|, where it lies.
static void find_strides(const context *c, const program_value *v, int64_t *out_strides) {
    const int64_t *strides = context_view(c, &v->place, after_run(c)).strides;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        int own = v->type.axes & AXIS_BIT(axis) ? place_axis(&v->place, axis) : NO_AXIS;
        out_strides[axis] = own == NO_AXIS ? 0
                            : strides      ? strides[own]
                                           : place_axis_stride(&v->place, own, c->extents);
    }
}

void context_move_output(const context *c, uint32_t index, const int64_t *strides, char *to) {
    const program_value *v = &c->program->outputs.at[index];
    size_t bytes = (size_t)dtype_bytes(v->type.elem), row_bytes = (size_t)type_columns(v->type) * bytes;
    int64_t from_strides[MAX_AXES], dense[MAX_AXES];
    find_strides(c, v, from_strides);
    walk_dense(v->type.axes, c->extents, type_columns(v->type), dense);
    walk_rows w = walk_value(v->type.axes, c->extents, from_strides, strides ? strides : dense);
    const char *from = place_begin(c, &v->place);
    do {
        memcpy(to + w.at[1] * (int64_t)bytes, from + w.at[0] * (int64_t)bytes, row_bytes);
    } while (walk_next(&w));
}

// What the arena has in the place of an output that is in the caller's memory is nobody's after the run.
static const char *gather(const context *c, uint32_t index) {
    const program_place *p = &c->program->outputs.at[index].place;
    char *to = c->arena + context_reach(c, p, 0, 1).begin;
    context_move_output(c, index, NULL, to);
    return to;
}

const void *context_output(const context *c, uint32_t index, int64_t *out_count) {
    const program_value *v = &c->program->outputs.at[index];
    const char *begin = context_output_begin(c, index);
    *out_count = axes_extent(v->type.axes, c->extents) * type_columns(v->type);
    return begin || !has_all_columns(v) ? begin : gather(c, index);
}

void context_copy_output(const context *c, uint32_t index, void *out_values) {
    context_move_output(c, index, NULL, out_values);
}
