// Outputs in memory of the caller's. The bytes of the arena that an output has may be put elsewhere, from some item of
// the program on, if every access from there on is either to them alone or to none of them: then the kernels that compute
// it are given the other address. That depends on the extents, as the sizes of all arrays do. What is prepared from the
// weights, and the tables of axes, are alive in all of a run and so never share bytes with an output.
#include <string.h>

#include "passes/place.h"
#include "runtime/context_parts.h"

static int64_t output_bytes(const context *c, const program_value *v) {
    return axes_extent(v->type.axes, c->extents) * type_columns(v->type) * dtype_bytes(v->type.elem);
}

// Bytes of the arena that |p| reaches in a loop of |iterations|.
static redirect reach_of(const context *c, const program_place *p, int64_t iterations) {
    int64_t first = 0, reach = place_reach(p, c->extents, iterations, &first);
    // A slot before the array is never read.
    return (redirect){p->offset + (first > 0 ? first : 0), p->offset + reach, NULL, 0};
}

static bool is_apart(redirect a, redirect b) {
    return a.begin >= b.end || b.begin >= a.end;
}

static bool is_within(redirect inner, redirect outer) {
    return inner.begin >= outer.begin && inner.end <= outer.end;
}

// How the accesses of a call, or of several in turn, lie to the bytes of an output.
typedef struct access {
    bool fits;          // each is to them alone or to none of them
    bool read, written; // the first call that comes to them reads, or writes
} access;

static access look_at_call(const context *c, const program_call *call, int64_t iterations, redirect r) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    access a = {.fits = true};
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (call->args[i].base != PLACE_ARENA) {
            continue;
        }
        redirect reach = reach_of(c, &call->args[i], iterations);
        if (k->kind == KERNEL_PACK && k->args[i].written) {
            reach.end = call->args[i].offset + kernel_panel_bytes(k, c->program->shape);
        }
        if (!is_apart(reach, r)) {
            a.fits &= is_within(reach, r);
            a.read |= !k->args[i].written;
            a.written |= k->args[i].written;
        }
    }
    return a;
}

// The item behind the call, the loop or the set at |at|.
static uint32_t next_item(const program *p, uint32_t at) {
    const program_item *item = &p->body.at[at];
    return at + 1 + (item->kind == ITEM_CALL ? 0 : item->length);
}

static access look_at_item(const context *c, uint32_t at, redirect r) {
    const program *p = c->program;
    access all = {.fits = true};
    uint32_t loop_end = 0;
    int64_t iterations = 1;
    for (uint32_t i = at; i < next_item(p, at); i++) {
        const program_item *item = &p->body.at[i];
        if (item->kind == ITEM_LOOP) {
            loop_end = i + 1 + item->length;
            iterations = c->extents[item->axis];
        } else if (item->kind == ITEM_CALL) {
            access one = look_at_call(c, &p->calls.at[item->call], i < loop_end ? iterations : 1, r);
            all.fits &= one.fits;
            if (!all.read && !all.written) {
                all.read = one.read;
                all.written = one.written;
            }
        }
    }
    return all;
}

// Memory is used for one value after the other; an output is the last. From the item that is returned on, all that is
// done with the bytes |r| is done with the output, or with what it is made of in place: the first to come to them only
// writes. NO_ITEM if there is none.
static uint32_t find_beginning(const context *c, redirect r) {
    const program *p = c->program;
    uint32_t from = 0;
    bool begun = false;
    for (uint32_t i = 0; i < p->body.count; i = next_item(p, i)) {
        access a = look_at_item(c, i, r);
        if (!a.fits || (!begun && a.read)) {
            from = next_item(p, i);
            begun = false;
        } else {
            begun |= a.written;
        }
    }
    return begun ? from : NO_ITEM;
}

static bool fits_outputs(const context *c, redirect r) {
    const program *p = c->program;
    bool fits = true;
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const program_place *place = &p->outputs.at[i].place;
        redirect reach = reach_of(c, place, 1);
        fits &= place->base != PLACE_ARENA || is_apart(reach, r) || is_within(reach, r);
    }
    return fits;
}

// Where output |index| lies in the arena; empty if it is not there in one piece.
static redirect range_of_output(const context *c, uint32_t index) {
    const program_value *v = &c->program->outputs.at[index];
    if (v->place.base != PLACE_ARENA || v->place.columns != type_columns(v->type)) {
        return (redirect){0, 0, NULL, 0};
    }
    redirect r = reach_of(c, &v->place, 1);
    r.end = r.begin + output_bytes(c, v);
    return r;
}

static bool is_apart_from_all(const context *c, redirect r) {
    bool apart = true;
    for (uint32_t i = 0; i < c->redirect_count; i++) {
        apart &= is_apart(c->redirects[i], r);
    }
    return apart;
}

// Puts output |i| into one of the two lists.
static void bind_output(context *c, uint32_t i) {
    redirect r = range_of_output(c, i);
    r.to = c->outputs[i];
    r.from = find_beginning(c, r);
    if (r.end > r.begin && r.from != NO_ITEM && is_apart_from_all(c, r) && fits_outputs(c, r)) {
        c->redirects[c->redirect_count++] = r;
    } else {
        c->copies[c->copy_count++].index = i;
    }
}

void context_bind_outputs(context *c) {
    c->redirect_count = c->copy_count = 0;
    for (uint32_t i = 0; i < c->program->outputs.count; i++) {
        if (c->outputs[i]) {
            bind_output(c, i);
        }
    }
    for (uint32_t i = 0; i < c->copy_count; i++) {
        output_copy *copy = &c->copies[i];
        copy->from = context_output_begin(c, copy->index);
        copy->bytes = (size_t)output_bytes(c, &c->program->outputs.at[copy->index]);
    }
}

void context_copy_outputs(const context *c, bool all) {
    for (uint32_t i = 0; i < c->copy_count; i++) {
        const output_copy *copy = &c->copies[i];
        void *to = c->outputs[copy->index];
        if (!all && program_is_gradient(&c->program->outputs.at[copy->index])) {
            continue;
        }
        if (copy->from) {
            memcpy(to, copy->from, copy->bytes);
        } else {
            context_copy_output(c, copy->index, to);
        }
    }
}
