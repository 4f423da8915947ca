// The A of a product over all steps that begins with the state before the first: [h_init; h_0 ... h_T-2], from which the
// gradient of a recurrent weight comes. Where the states that the loop computes are in the caller's memory, that one still
// is in the arena. A transposed product takes A with one slot elsewhere (passes/kernel.h).
#include "passes/place.h"
#include "runtime/context_parts.h"

static bool is_within(int64_t begin, int64_t end, const redirect *r) {
    return begin >= r->begin && end <= r->end;
}

static bool is_apart(int64_t begin, int64_t end, const redirect *r) {
    return begin >= r->end || end <= r->begin;
}

int64_t context_moved_slot(const context *c, const program_call *call, uint32_t arg, const redirect *r) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    const program_place *p = &call->args[arg];
    if (k->kind != KERNEL_PRODUCT || !k->transposed || arg || p->base != PLACE_ARENA || !p->spans) {
        return NO_SLOT;
    }
    int64_t slots = c->extents[p->part ? p->part : p->slot_axis], bytes = place_slot_bytes(p, c->extents);
    if (slots == 1) {
        return NO_SLOT; // then there are no others
    }
    int64_t begin = context_reach(c, p, 0, 1).begin, end = begin + slots * bytes;
    if (is_apart(begin, begin + bytes, r) && is_within(begin + bytes, end, r)) {
        return 0;
    }
    bool last = is_apart(end - bytes, end, r) && is_within(begin, end - bytes, r);
    return last ? slots - 1 : NO_SLOT;
}

moved_slot context_find_moved(const context *c, const program_call *call, moment when) {
    moved_slot none = {.index = NO_SLOT};
    for (uint32_t i = 0; i < c->redirect_count && when.item != NO_ITEM && call->arg_count; i++) {
        const redirect *r = &c->redirects[i];
        moved_slot m = {r, context_moved_slot(c, call, 0, r)};
        if (m.index != NO_SLOT && when.item >= r->from) {
            return m;
        }
    }
    return none;
}

void context_bind_moved(const context *c, const program_call *call, moved_slot m, bound_form *f) {
    const program_place *p = &call->args[0];
    array_view in_place = {c->arena + p->offset, NULL};
    uintptr_t first = (uintptr_t)context_bind_view(c, p, in_place).base;
    uintptr_t slot = first + (uintptr_t)(m.index * place_slot_bytes(p, c->extents));
    f->ints[KERNEL_MOVED] = (int64_t)p->columns << 32 | m.index;
    f->ints[KERNEL_MOVE] = (int64_t)(intptr_t)(slot - (uintptr_t)f->args[0].base) / dtype_bytes(p->elem);
}
