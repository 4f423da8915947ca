// Outputs in memory of the caller's. The bytes of the arena that an output has may be put elsewhere, from some item of
// the program on, if every access from there on is either to them alone or to none of them (runtime/access.c): then the
// kernels that compute it are given the other address. That depends on the extents, as the sizes of all arrays do. What
// cannot be put elsewhere is copied.
#include <string.h>

#include "passes/place.h"
#include "runtime/access.h"
#include "runtime/context_parts.h"

static int64_t output_bytes(const context *c, const program_value *v) {
    return axes_extent(v->type.axes, c->extents) * type_columns(v->type) * dtype_bytes(v->type.elem);
}

static bool fits_outputs(const context *c, const redirect *r) {
    const program *p = c->program;
    bool fits = true;
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const program_place *place = &p->outputs.at[i].place;
        redirect reach = context_reach(c, place, 0, 1);
        fits &= place->base != PLACE_ARENA || access_is_apart(&reach, r) ||
                (access_is_within(&reach, r) && (!r->strided || access_is_same_array(place, r->strided)));
    }
    return fits;
}

// ---- Binding ----

// Where output |index| lies in the arena; empty if it is not there in one piece.
static redirect range_of_output(const context *c, uint32_t index) {
    const program_value *v = &c->program->outputs.at[index];
    if (v->place.base != PLACE_ARENA || v->place.columns != type_columns(v->type)) {
        return (redirect){.begin = 0};
    }
    redirect r = context_reach(c, &v->place, 0, 1);
    r.end = r.begin + output_bytes(c, v);
    return r;
}

// The strides of the array that the output is in: the caller's, for the axes that the output has.
static void take_strides(const context *c, const program_value *v, const int64_t *strides, redirect *r) {
    const program_place *p = &v->place;
    r->strided = p;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        r->strides[axis] = p->axes & AXIS_BIT(axis) ? place_axis_stride(p, axis, c->extents) : 0;
    }
    for (int axis = 0; axis < MAX_AXES; axis++) {
        int own = v->type.axes & AXIS_BIT(axis) ? place_axis(p, axis) : NO_AXIS;
        if (own != NO_AXIS) {
            r->strides[own] = strides[axis];
        }
    }
}

static bool is_apart_from_all(const context *c, const redirect *r) {
    bool apart = true;
    for (uint32_t i = 0; i < c->redirect_count; i++) {
        apart &= access_is_apart(&c->redirects[i], r);
    }
    return apart;
}

// Puts output |i| into one of the two lists.
static void bind_output(context *c, uint32_t i) {
    const bound_array *to = &c->outputs[i];
    redirect r = range_of_output(c, i);
    if (to->strided) {
        take_strides(c, &c->program->outputs.at[i], to->strides, &r);
    }
    r.to = to->data;
    r.from = r.end > r.begin ? access_find_beginning(c, &r) : NO_ITEM;
    if (r.from != NO_ITEM && is_apart_from_all(c, &r) && fits_outputs(c, &r)) {
        c->redirects[c->redirect_count++] = r;
    } else {
        c->copies[c->copy_count++].index = i;
    }
}

void context_bind_outputs(context *c) {
    c->redirect_count = c->copy_count = 0;
    for (uint32_t i = 0; i < c->program->outputs.count; i++) {
        if (c->outputs[i].data) {
            bind_output(c, i);
        }
    }
    for (uint32_t i = 0; i < c->copy_count; i++) {
        output_copy *copy = &c->copies[i];
        copy->from = c->outputs[copy->index].strided ? NULL : context_output_begin(c, copy->index);
        copy->bytes = (size_t)output_bytes(c, &c->program->outputs.at[copy->index]);
    }
}

uint32_t context_count_copies(context *c) {
    if (!c->bound) {
        context_bind_outputs(c);
    }
    return c->copy_count;
}

void context_copy_outputs(const context *c, bool all) {
    for (uint32_t i = 0; i < c->copy_count; i++) {
        const output_copy *copy = &c->copies[i];
        const bound_array *to = &c->outputs[copy->index];
        if (!all && program_is_gradient(&c->program->outputs.at[copy->index])) {
            continue;
        }
        if (copy->from) {
            memcpy(to->data, copy->from, copy->bytes);
        } else {
            context_move_output(c, copy->index, to->strided ? to->strides : NULL, to->data);
        }
    }
}
