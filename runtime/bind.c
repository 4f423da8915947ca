// Binding calls to memory and extents: done when these change, so that a run only adds offsets.
#include <string.h>

#include "passes/cost.h"
#include "passes/place.h"
#include "runtime/context_parts.h"

// What |p| reaches in |when| may be in the caller's memory.
static const redirect *find_redirect(const context *c, const program_place *p, moment when) {
    int64_t begin = when.item == NO_ITEM ? -1 : context_reach(c, p, when.iteration, 1).begin;
    for (uint32_t i = 0; i < c->redirect_count && begin >= 0; i++) {
        const redirect *r = &c->redirects[i];
        if (when.item >= r->from && begin >= r->begin && begin < r->end) {
            return r;
        }
    }
    return NULL;
}

// Where the array begins whose part |r| is in the caller's memory.
static char *redirected_base(const context *c, const redirect *r) {
    const program_place *p = r->strided;
    if (p->slot_axis == NO_AXIS) {
        return r->to;
    }
    int64_t slot = p->shift + (p->from_end ? c->extents[p->slot_axis] : 0);
    return r->to - slot * r->strides[p->slot_axis] * dtype_bytes(p->elem);
}

static array_view redirected_view(const context *c, const program_place *p, const redirect *r) {
    return r->strided ? (array_view){redirected_base(c, r), r->strides}
                      : (array_view){r->to + (p->offset - r->begin), NULL};
}

static array_view arena_view(const context *c, const program_place *p, moment when) {
    const redirect *r = find_redirect(c, p, when);
    return r ? redirected_view(c, p, r) : (array_view){c->arena + p->offset, NULL};
}

array_view context_view(const context *c, const program_place *p, moment when) {
    if (p->base == PLACE_ARENA) {
        return arena_view(c, p, when);
    }
    if (p->base == PLACE_VARIABLE) {
        return (array_view){(char *)c->weights->arrays[p->index].data + p->offset, NULL};
    }
    const bound_array *a = &c->inputs[p->index];
    return (array_view){a->data + p->offset, a->strided ? a->strides : NULL};
}

bound_arg context_bind_view(const context *c, const program_place *p, array_view v) {
    bound_arg a = {.base = v.base, .mask = -1};
    a.base += (int64_t)p->first_column * dtype_bytes(p->elem);
    if (p->slot_axis == NO_AXIS) {
        return a;
    }
    a.slot_bytes =
        v.strides ? v.strides[p->slot_axis] * dtype_bytes(p->elem) : place_slot_bytes(p, c->extents);
    a.shift = p->shift + (p->from_end ? c->extents[p->slot_axis] : 0);
    a.mask = p->modulus ? p->modulus - 1 : -1;
    if (p->pinned) {
        a.base += (a.shift & a.mask) * a.slot_bytes;
        a.slot_bytes = 0;
    }
    return a;
}

bound_arg context_bind_place(const context *c, const program_place *p, moment when) {
    return context_bind_view(c, p, context_view(c, p, when));
}

static void bind_form(const context *c, const program_call *call, moment when, bound_form *f) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    array_view views[KERNEL_MAX_ARGS];
    moved_slot moved = context_find_moved(c, call, when);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const program_place *p = &call->args[i];
        bool has_moved = !i && moved.index != NO_SLOT;
        views[i] = has_moved ? redirected_view(c, p, moved.redirect) : context_view(c, p, when);
        f->args[i] = context_bind_view(c, p, views[i]);
    }
    context_bind_rows(c, call, views, moved.index != NO_SLOT, f);
    if (moved.index != NO_SLOT) {
        context_bind_moved(c, call, moved, f);
    }
    f->piece = kernel_units(k, c->program->shape, f->ints);
    f->units = f->piece;
    for (int i = 0; i < f->repeat_count; i++) {
        f->units *= f->repeat_extent[i];
    }
    // A share of a flat kernel's elements begins at a multiple of 16 of those of one call.
    f->grain = !k->flat ? 1 : f->units > f->piece && f->piece % FLAT_GRAIN ? f->piece : FLAT_GRAIN;
}

// An estimate in nanoseconds of one core.
static int64_t estimate_cost(const kernel_desc *k, const bound_form *f) {
    kernel_cost cost = kernel_estimate_cost(k);
    double rows = 1, inner = (double)f->ints[KERNEL_INNER];
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        rows *= (double)f->ints[d];
    }
    double sum = cost.fixed + rows * cost.per_row + inner * (cost.per_inner + rows * cost.per_inner_row);
    sum *= f->piece ? (double)(f->units / f->piece) : 1;
    return (int64_t)(sum < 1e18 ? sum : 1e18);
}

// What the thread with the most units has of |call|'s cost. Few units do not go evenly into threads.
static int64_t largest_share(const bound_call *call, int members) {
    const bound_form *f = &call->usual;
    int64_t blocks = (f->units + f->grain - 1) / f->grain;
    int64_t most = (blocks + members - 1) / members;
    return blocks ? (int64_t)((double)call->cost * (double)most / (double)blocks) : 0;
}

static bool is_worth_sharing(const bound_call *call, int64_t split_cost) {
    return call->cost >= split_cost && call->cost - call->share >= split_cost / 2;
}

static void bind_call(const context *c, uint32_t index, moment when) {
    const program_call *call = &c->program->calls.at[index];
    bound_call *b = &c->calls[index];
    bind_form(c, call, when, &b->usual);
    b->cost = estimate_cost(&c->program->kernels.at[call->kernel], &b->usual);
    b->turns = kernel_turns(&c->program->kernels.at[call->kernel], c->program->shape);
    b->share = largest_share(b, team_members(c->team));
    b->alone = call->alone || b->usual.units <= b->usual.grain || !is_worth_sharing(b, c->split_cost);
}

static void bind_first(const context *c, uint32_t index, moment when) {
    const program_call *call = &c->program->calls.at[index];
    bound_form *f = &c->calls[index].first;
    bind_form(c, call, when, f);
    f->ints[KERNEL_INNER] *= !call->skip_inner_first;
}

// A call at item |at| in a loop. The second iteration is like all but the first and the last.
static void bind_in_loop(const context *c, const program_item *loop, uint32_t index, uint32_t at) {
    int64_t last = c->extents[loop->axis] - 1, second = last < 1 ? last : 1;
    bool up = loop->direction > 0;
    bind_first(c, index, (moment){at, up ? 0 : last});
    bind_call(c, index, (moment){at, up ? second : last - second});
    bind_form(c, &c->program->calls.at[index], (moment){at, up ? last : 0}, &c->calls[index].last);
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

static void bind_items(const context *c, const program_item *items, uint32_t count, bool before) {
    const program_item *loop = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const program_item *item = &items[i];
        uint32_t at = before ? NO_ITEM : i;
        if (item->kind == ITEM_LOOP) {
            loop = item;
        } else if (item->kind == ITEM_CALL && loop && item <= loop + loop->length) {
            bind_in_loop(c, loop, item->call, at);
        } else if (item->kind == ITEM_CALL) {
            bind_call(c, item->call, (moment){at, 0});
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

// How far the tables of all calls have been handed out, or will be.
typedef struct table_use {
    size_t args, ints;
} table_use;

static bound_form create_form(const context *c, const program_call *call, table_use *used) {
    bound_form f = {.args = c->args + used->args,
                    .ints = c->ints + used->ints,
                    .repeat_bytes = c->repeat_bytes + used->args};
    used->args += call->arg_count;
    used->ints += int_count(call);
    return f;
}

// Forms that a call has.
enum { FORMS_ONCE = 1, FORMS_IN_LOOP = 3 };

// Gives each call of a list its share of the tables, or without tables counts what they need.
static void create_calls(context *c, const program_item *items, uint32_t count, table_use *used) {
    uint32_t loop_end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const program_item *item = &items[i];
        loop_end = item->kind == ITEM_LOOP ? i + 1 + item->length : loop_end;
        if (item->kind != ITEM_CALL) {
            continue;
        }
        const program_call *call = &c->program->calls.at[item->call];
        if (!c->calls) {
            size_t forms = i < loop_end ? FORMS_IN_LOOP : FORMS_ONCE;
            used->args += forms * call->arg_count;
            used->ints += forms * int_count(call);
            continue;
        }
        bound_call *b = &c->calls[item->call];
        *b = (bound_call){.kernel = call->kernel, .arg_count = call->arg_count};
        b->usual = create_form(c, call, used);
        if (i < loop_end) {
            b->first = create_form(c, call, used);
            b->last = create_form(c, call, used);
        }
    }
}

static table_use create_all_calls(context *c) {
    const program *p = c->program;
    table_use used = {0, 0};
    create_calls(c, p->prepare.at, p->prepare.count, &used);
    create_calls(c, p->body.at, p->body.count, &used);
    return used;
}

rnnc_status context_bind_create(context *c, diag_sink *d) {
    const program *p = c->program;
    TRY(check_items(c, p->prepare.at, p->prepare.count, d));
    TRY(check_items(c, p->body.at, p->body.count, d));
    table_use needed = create_all_calls(c);
    c->args = allocator_array(&c->memory, needed.args + 1, sizeof *c->args);
    c->ints = allocator_array(&c->memory, needed.ints + 1, sizeof *c->ints);
    c->repeat_bytes = allocator_array(&c->memory, needed.args + 1, sizeof *c->repeat_bytes);
    c->threads = allocator_array(&c->memory, p->body.count + (size_t)1, sizeof *c->threads);
    c->calls = allocator_array(&c->memory, p->calls.count + (size_t)1, sizeof *c->calls);
    if (!c->calls || !c->args || !c->ints || !c->repeat_bytes || !c->threads) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the tables of %u calls",
                         p->calls.count);
    }
    create_all_calls(c);
    return context_straight_create(c, d);
}
