// Runs without loops. Where every loop has one iteration and one thread does all, a run is a list of calls whose
// arguments lie at the same places each time: what is decided call by call elsewhere is decided here when the calls are
// bound. It makes a step of a small model worth calling.
#include "runtime/context_parts.h"

rnnc_status context_straight_create(context *c, diag_sink *d) {
    const program *p = c->program;
    size_t args = 1;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        args += item->kind == ITEM_CALL ? p->calls.at[item->call].arg_count + (size_t)1 : 0;
    }
    c->straight = allocator_array(&c->memory, p->body.count + (size_t)1, sizeof *c->straight);
    c->straight_args = (void **)allocator_array(&c->memory, args, sizeof *c->straight_args);
    return c->straight && c->straight_args ? RNNC_OK
                                           : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN,
                                                       "no memory for a list of %u calls", p->calls.count);
}

// Whether the kernel is called once.
static bool is_single(const bound_call *call) {
    return !call->usual.repeat_count && !call->first.repeat_count;
}

static bool is_alone(const context *c, const bound_call *call) {
    return call->alone || team_members(c->team) == 1;
}

// Whether the caller's thread runs item |at|, and in it nothing more often than once.
static bool is_straight_item(const context *c, uint32_t at) {
    const program_item *item = &c->program->body.at[at];
    switch (item->kind) {
    case ITEM_CALL: return is_single(&c->calls[item->call]) && is_alone(c, &c->calls[item->call]);
    case ITEM_LOOP: return c->extents[item->axis] == 1;
    default: return c->threads[at] == NO_THREAD;
    }
}

static bool is_straight(const context *c) {
    bool straight = c->code->functions != NULL;
    for (uint32_t i = 0; straight && i < c->program->body.count; i++) {
        straight = is_straight_item(c, i);
    }
    return straight;
}

// Appends |call|, its arguments at |args|; returns where those of the next one begin.
static void **add_call(context *c, uint32_t index, bool in_loop, void **args) {
    const bound_call *call = &c->calls[index];
    const bound_form *f = in_loop ? &call->first : &call->usual;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const bound_arg *a = &f->args[i];
        args[i] = a->base + (a->shift & a->mask) * a->slot_bytes;
    }
    args[call->arg_count] = c->members[0].scratch;
    c->straight[c->straight_count++] =
        (straight_call){c->code->functions[call->kernel], args, f->ints, f->units};
    return args + call->arg_count + 1;
}

void context_bind_straight(context *c) {
    const program *p = c->program;
    uint32_t loop_end = 0;
    void **args = c->straight_args;
    c->straight_count = 0;
    c->is_straight = is_straight(c);
    for (uint32_t i = 0; c->is_straight && i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        if (item->kind == ITEM_LOOP) {
            loop_end = i + 1 + item->length;
        } else if (item->kind == ITEM_CALL && c->calls[item->call].usual.units > 0) {
            args = add_call(c, item->call, i < loop_end, args);
        }
    }
}

void context_run_straight(const context *c) {
    for (const straight_call *call = c->straight, *end = call + c->straight_count; call < end; call++) {
        call->function(call->args, call->ints, 0, call->units);
    }
}
