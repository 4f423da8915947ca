// Binding calls to memory and extents: done when these change, so that a run only adds offsets.
#include <string.h>

#include "passes/cost.h"
#include "passes/place.h"
#include "runtime/context_parts.h"

// An array lies in the arena, or as a whole in what is put in place of a part of it.
static char *arena_base(const context *c, const program_place *p, uint32_t item) {
    int64_t first = 0;
    for (uint32_t i = 0; i < c->redirect_count; i++) {
        const redirect *r = &c->redirects[i];
        place_reach(p, c->extents, 1, &first);
        int64_t begin = p->offset + (first > 0 ? first : 0);
        if (item != NO_ITEM && item >= r->from && begin >= r->begin && begin < r->end) {
            return r->to + (p->offset - r->begin);
        }
    }
    return c->arena + p->offset;
}

static char *base_of(const context *c, const program_place *p, uint32_t item) {
    switch (p->base) {
    case PLACE_ARENA: return arena_base(c, p, item);
    case PLACE_INPUT: return (char *)c->inputs[p->index] + p->offset;
    default: return (char *)c->weights->arrays[p->index].data + p->offset;
    }
}

bound_arg context_bind_place(const context *c, const program_place *p, uint32_t item) {
    bound_arg a = {.base = base_of(c, p, item), .mask = -1};
    a.base += (int64_t)p->first_column * dtype_bytes(p->elem);
    if (p->slot_axis == NO_AXIS) {
        return a;
    }
    a.slot_bytes = place_slot_bytes(p, c->extents);
    a.shift = p->shift + (p->from_end ? c->extents[p->slot_axis] : 0);
    a.mask = p->modulus ? p->modulus - 1 : -1;
    if (p->pinned) {
        a.base += (a.shift & a.mask) * a.slot_bytes;
        a.slot_bytes = 0;
    }
    return a;
}

// An estimate in nanoseconds of one core.
static int64_t estimate_cost(const kernel_desc *k, const int64_t *ints) {
    kernel_cost cost = kernel_estimate_cost(k);
    double rows = 1, inner = (double)ints[KERNEL_INNER];
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        rows *= (double)ints[d];
    }
    double sum = cost.fixed + rows * cost.per_row + inner * (cost.per_inner + rows * cost.per_inner_row);
    return (int64_t)(sum < 1e18 ? sum : 1e18);
}

// What the thread with the most units has of |call|'s cost. Few units do not go evenly into threads.
static int64_t largest_share(const bound_call *call, int members) {
    int64_t blocks = (call->units + call->grain - 1) / call->grain;
    int64_t most = (blocks + members - 1) / members;
    return blocks ? (int64_t)((double)call->cost * (double)most / (double)blocks) : 0;
}

static bool is_worth_sharing(const bound_call *call, int64_t split_cost) {
    return call->cost >= split_cost && call->cost - call->share >= split_cost / 2;
}

static void bind_call(context *c, uint32_t index, uint32_t item) {
    const program_call *call = &c->program->calls.at[index];
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    bound_call *b = &c->calls[index];
    for (uint32_t i = 0; i < call->arg_count; i++) {
        b->args[i] = context_bind_place(c, &call->args[i], item);
    }
    call_find_ints(k, call, c->extents, b->ints);
    if (b->first_ints != b->ints) {
        memcpy(b->first_ints, b->ints, (KERNEL_STRIDES + 4 * call->arg_count) * sizeof *b->ints);
        b->first_ints[KERNEL_INNER] = 0;
    }
    b->units = kernel_units(k, c->program->shape, b->ints);
    b->grain = k->flat ? 16 : 1;
    b->cost = estimate_cost(k, b->ints);
    b->share = largest_share(b, team_members(c->team));
    b->alone = call->alone || b->units <= b->grain || !is_worth_sharing(b, c->split_cost);
}

// Fills an axis's values that kernels read from the arena.
static void fill_axis(context *c, int axis) {
    const program_axis *a = &c->program->axes.at[axis];
    if (a->index_offset >= 0) {
        int32_t *numbers = (int32_t *)(c->arena + a->index_offset);
        for (int64_t i = 0; i < a->maximum; i++) {
            numbers[i] = (int32_t)i;
        }
    }
    if (a->extent_offset[DT_F32] >= 0) {
        *(float *)(c->arena + a->extent_offset[DT_F32]) = (float)c->extents[axis];
    }
    if (a->extent_offset[DT_F64] >= 0) {
        *(double *)(c->arena + a->extent_offset[DT_F64]) = (double)c->extents[axis];
    }
    if (a->extent_offset[DT_I32] >= 0) {
        *(int32_t *)(c->arena + a->extent_offset[DT_I32]) = (int32_t)c->extents[axis];
    }
}

static void bind_items(context *c, const program_item *items, uint32_t count, bool before) {
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].kind == ITEM_CALL) {
            bind_call(c, items[i].call, before ? NO_ITEM : i);
        }
    }
}

void context_bind(context *c) {
    for (uint32_t axis = 0; axis < c->program->axes.count; axis++) {
        fill_axis(c, (int)axis);
    }
    context_bind_outputs(c);
    bind_items(c, c->program->prepare.at, c->program->prepare.count, true);
    bind_items(c, c->program->body.at, c->program->body.count, false);
    context_bind_sets(c);
    context_bind_straight(c);
    c->bound = true;
}

static rnnc_status defect(diag_sink *d, const context *c, uint32_t call, const char *what) {
    const char *kernel = c->program->kernels.at[c->program->calls.at[call].kernel].name;
    return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the program is not sound: call %u of kernel %s: %s", call,
                     kernel ? kernel : "(unnamed)", what);
}

static rnnc_status check_arena(const context *c, uint32_t call, uint32_t arg, int64_t iterations,
                               diag_sink *d) {
    const program_call *pc = &c->program->calls.at[call];
    const program_place *p = &pc->args[arg];
    int64_t first = 0, reach = place_reach(p, c->extents, iterations, &first);
    // A product that is skipped in the first iteration does not read its operand there.
    first = pc->skip_inner_first && arg == 0 ? 0 : first;
    if (p->base == PLACE_ARENA && (p->offset < 0 || p->offset + first < 0 || first < 0 ||
                                   p->offset + reach > c->program->arena_bytes)) {
        return defect(d, c, call, "an argument leaves the arena");
    }
    return RNNC_OK;
}

static rnnc_status check_place(const context *c, uint32_t call, uint32_t arg, int64_t iterations,
                               diag_sink *d) {
    const program_call *pc = &c->program->calls.at[call];
    const kernel_desc *k = &c->program->kernels.at[pc->kernel];
    const program_place *p = &pc->args[arg];
    if (p->modulus < 0 || (p->modulus & (p->modulus - 1))) {
        return defect(d, c, call, "a ring's length is not a power of two");
    }
    if (p->elem != k->args[arg].elem) {
        return defect(d, c, call, "an argument's element type is not the kernel's");
    }
    if ((p->base == PLACE_INPUT && p->index >= c->program->inputs.count) ||
        (p->base == PLACE_VARIABLE && p->index >= c->program->variables.count)) {
        return defect(d, c, call, "an argument's input or variable does not exist");
    }
    for (int dim = 0; dim < kernel_row_dimensions(k) && !k->flat && !k->args[arg].uniform; dim++) {
        if (!place_walks(p, pc->row_axes[dim], c->extents)) {
            return defect(d, c, call, "a row dimension's axes do not lie side by side in an argument");
        }
    }
    return check_arena(c, call, arg, iterations, d);
}

static rnnc_status check_call(const context *c, uint32_t call, int64_t iterations, diag_sink *d) {
    const program_call *pc = &c->program->calls.at[call];
    if (pc->kernel >= c->program->kernels.count || pc->arg_count > KERNEL_MAX_ARGS ||
        pc->arg_count != c->program->kernels.at[pc->kernel].arg_count) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN,
                         "the program is not sound: call %u does not fit its kernel", call);
    }
    for (uint32_t i = 0; i < pc->arg_count; i++) {
        TRY(check_place(c, call, i, iterations, d));
    }
    return RNNC_OK;
}

static rnnc_status check_item(const context *c, const program_item *item, int64_t iterations, diag_sink *d) {
    if (item->call >= c->program->calls.count) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the program is not sound: there is no call %u",
                         item->call);
    }
    return check_call(c, item->call, iterations, d);
}

// Where the last loop and the last set end, and the list itself.
typedef struct nesting {
    uint32_t loop_end, set_end, end;
} nesting;

// Whether the loop at item |i| is whole, not in another, all within its set, and over an axis.
static bool is_sound_loop(const context *c, const program_item *loop, uint32_t i, const nesting *n) {
    uint32_t end = i < n->set_end ? n->set_end : n->end;
    return i >= n->loop_end && loop->length <= end - i - 1 && loop->axis >= 0 &&
           (uint32_t)loop->axis < c->program->axes.count;
}

static bool is_sound_set(const program_item *set, uint32_t i, const nesting *n) {
    return i >= n->loop_end && i >= n->set_end && set->length <= n->end - i - 1;
}

// Checks the calls of a list of items, each with the iterations of the loop that it stands in.
static rnnc_status check_items(const context *c, const program_item *items, uint32_t count, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    int64_t iterations = 1;
    nesting n = {.end = count};
    for (uint32_t i = 0; i < count && status == RNNC_OK; i++) {
        const program_item *item = &items[i];
        if (item->kind == ITEM_CALL) {
            status = check_item(c, item, i < n.loop_end ? iterations : 1, d);
        } else if (item->kind == ITEM_LOOP && is_sound_loop(c, item, i, &n)) {
            n.loop_end = i + 1 + item->length;
            iterations = c->extents[item->axis];
        } else if (item->kind == ITEM_SET && is_sound_set(item, i, &n)) {
            n.set_end = i + 1 + item->length;
        } else {
            status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the program is not sound: the %s at item %u",
                               item->kind == ITEM_LOOP ? "loop" : "set", i);
        }
    }
    return status;
}

static size_t int_count(const program_call *call) {
    return KERNEL_STRIDES + 4 * (size_t)call->arg_count;
}

// Hands out |call|'s share of the tables that |next_arg| and |next_int| point into.
static void create_call(context *c, uint32_t index, bound_arg **next_arg, int64_t **next_int) {
    const program_call *call = &c->program->calls.at[index];
    bound_call *b = &c->calls[index];
    *b = (bound_call){
        .kernel = call->kernel, .arg_count = call->arg_count, .args = *next_arg, .ints = *next_int};
    *next_arg += call->arg_count;
    *next_int += int_count(call);
    b->first_ints = b->ints;
    if (call->skip_inner_first) {
        b->first_ints = *next_int;
        *next_int += int_count(call);
    }
}

rnnc_status context_bind_create(context *c, diag_sink *d) {
    const program *p = c->program;
    TRY(check_items(c, p->prepare.at, p->prepare.count, d));
    TRY(check_items(c, p->body.at, p->body.count, d));
    size_t args = 1, ints = 1;
    for (uint32_t i = 0; i < p->calls.count; i++) {
        args += p->calls.at[i].arg_count;
        ints += int_count(&p->calls.at[i]) * (p->calls.at[i].skip_inner_first ? 2 : 1);
    }
    c->calls = allocator_array(&c->memory, p->calls.count + (size_t)1, sizeof *c->calls);
    c->args = allocator_array(&c->memory, args, sizeof *c->args);
    c->ints = allocator_array(&c->memory, ints, sizeof *c->ints);
    c->threads = allocator_array(&c->memory, p->body.count + (size_t)1, sizeof *c->threads);
    if (!c->calls || !c->args || !c->ints || !c->threads) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the tables of %u calls",
                         p->calls.count);
    }
    TRY(context_straight_create(c, d));
    bound_arg *next_arg = c->args;
    int64_t *next_int = c->ints;
    for (uint32_t i = 0; i < p->calls.count; i++) {
        create_call(c, i, &next_arg, &next_int);
    }
    return RNNC_OK;
}
