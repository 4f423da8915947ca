// The A of a product over all steps that begins with the state before the first: [h_init; h_0 ... h_T-2], from which the
// gradient of a recurrent weight comes. Where the states that the loop computes are in the caller's memory, that one still
// is in the arena. A transposed product takes A with one slot elsewhere (passes/kernel.h).
#include "passes/place.h"
#include "runtime/access.h"

// The bytes of slots [first, end) of an array that begins at |begin|.
static redirect slots_of(int64_t begin, int64_t bytes, int64_t first, int64_t end) {
    return (redirect){.begin = begin + first * bytes, .end = begin + end * bytes};
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
    int64_t begin = context_reach(c, p, 0, 1).begin;
    for (int64_t one = 0; one < slots; one += slots - 1) {
        redirect moved = slots_of(begin, bytes, one, one + 1);
        redirect others = slots_of(begin, bytes, one ? 0 : 1, one ? one : slots);
        if (access_is_apart(&moved, r) && access_is_within(&others, r)) {
            return one;
        }
    }
    return NO_SLOT;
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
