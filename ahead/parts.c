#include "ahead/parts.h"

#include <stdlib.h>

#include "passes/place.h"

// Bytes of the arena, whole lines.
typedef struct range {
    int64_t begin, end;
} range;

static range range_of(const program_place *place, const int64_t *extents, int axis) {
    int64_t first = 0, reach = place_reach(place, extents, axis == NO_AXIS ? 1 : extents[axis], &first);
    int64_t begin = (place->offset + first) / AHEAD_ALIGN * AHEAD_ALIGN;
    int64_t end = ahead_round_up(place->offset + reach);
    return (range){begin, end};
}

static bool overlap(range a, range b) {
    return a.begin < b.end && b.begin < a.end;
}

// Whether a run reads, or writes, any of |r|.
typedef struct range_use {
    bool read, written;
} range_use;

static void look_at_call(const program *p, const program_item *item, int axis, const int64_t *extents,
                         range r, range_use *use) {
    const program_call *call = &p->calls.at[item->call];
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const program_place *place = &call->args[i];
        if (place->base == PLACE_ARENA && overlap(range_of(place, extents, axis), r)) {
            bool written = p->kernels.at[call->kernel].args[i].written;
            use->written |= written;
            use->read |= !written && place->offset >= r.begin && place->offset < r.end;
        }
    }
}

static range_use look_at_run(const program *p, const int64_t *extents, range r) {
    range_use use = {false, false};
    uint32_t loop_end = 0;
    int axis = NO_AXIS;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        if (item->kind == ITEM_LOOP) {
            loop_end = i + 1 + item->length;
            axis = item->axis;
        } else if (item->kind == ITEM_CALL) {
            look_at_call(p, item, i < loop_end ? axis : NO_AXIS, extents, r, &use);
        }
    }
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const program_place *place = &p->outputs.at[i].place;
        use.read |= place->base == PLACE_ARENA && place->offset >= r.begin && place->offset < r.end;
    }
    return use;
}

static int by_offset(const void *a, const void *b) {
    const ahead_block *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

// Sorts, and joins what lies side by side or overlaps.
static void join_blocks(ahead_parts *parts) {
    uint32_t count = 0;
    ahead_block *blocks = parts->blocks;
    qsort(blocks, parts->request.block_count, sizeof *blocks, by_offset);
    for (uint32_t i = 0; i < parts->request.block_count; i++) {
        int64_t end = blocks[i].offset + blocks[i].bytes;
        if (count && blocks[i].offset <= blocks[count - 1].offset + blocks[count - 1].bytes) {
            ahead_block *last = &blocks[count - 1];
            last->bytes = end > last->offset + last->bytes ? end - last->offset : last->bytes;
        } else {
            blocks[count++] = blocks[i];
        }
    }
    parts->request.block_count = count;
}

// The rows of panels are not those of a place.
static range written_range(const program *p, const program_call *call, const program_place *place,
                           const int64_t *extents) {
    const kernel_desc *k = &p->kernels.at[call->kernel];
    range r = range_of(place, extents, NO_AXIS);
    if (k->kind == KERNEL_PACK) {
        r.end = ahead_round_up(place->offset + kernel_panel_bytes(k, p->shape));
    }
    return r;
}

// Adds what |call| of `prepare` writes, if a run reads it.
static rnnc_status add_prepared(engine *e, const program_call *call, ahead_parts *parts, diag_sink *d) {
    const program *p = parts->request.program;
    int64_t most[MAX_AXES] = {0};
    for (uint32_t i = 0; i < p->axes.count; i++) {
        most[i] = p->axes.at[i].fixed > 0 ? p->axes.at[i].fixed : p->axes.at[i].maximum;
    }
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const program_place *place = &call->args[i];
        if (place->base != PLACE_ARENA || !p->kernels.at[call->kernel].args[i].written) {
            continue;
        }
        range r = written_range(p, call, place, most);
        range_use use = look_at_run(p, most, r);
        if (use.read && use.written) {
            return diag_fail(d, RNNC_INTERNAL, NO_SPAN,
                             "the program is not sound: a run writes what it prepares");
        }
        if (use.read) {
            const char *bytes = context_arena(engine_context(e));
            parts->blocks[parts->request.block_count++] =
                (ahead_block){r.begin, r.end - r.begin, bytes + r.begin};
        }
    }
    return RNNC_OK;
}

static rnnc_status add_blocks(engine *e, ahead_parts *parts, diag_sink *d) {
    const program *p = parts->request.program;
    rnnc_status status = context_prepare(engine_context(e), d);
    for (uint32_t i = 0; i < p->prepare.count && status == RNNC_OK; i++) {
        bool call = p->prepare.at[i].kind == ITEM_CALL;
        status = call ? add_prepared(e, &p->calls.at[p->prepare.at[i].call], parts, d) : RNNC_OK;
    }
    join_blocks(parts);
    parts->request.blocks = parts->blocks;
    return status;
}

static void use_variable(engine *e, const program_place *place, ahead_parts *parts) {
    if (place->base == PLACE_VARIABLE) {
        parts->variables[place->index] = engine_weights(e)->arrays[place->index].data;
    }
}

static rnnc_status add_variables(engine *e, ahead_parts *parts, diag_sink *d) {
    const program *p = parts->request.program;
    for (uint32_t i = 0; i < p->body.count; i++) {
        if (p->body.at[i].kind != ITEM_CALL) {
            continue;
        }
        const program_call *call = &p->calls.at[p->body.at[i].call];
        for (uint32_t j = 0; j < call->arg_count; j++) {
            if (call->args[j].base == PLACE_VARIABLE && p->kernels.at[call->kernel].args[j].written) {
                return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                                 "the program changes its weights: only inference is built ahead of time");
            }
            use_variable(e, &call->args[j], parts);
        }
    }
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        use_variable(e, &p->outputs.at[i].place, parts);
    }
    return RNNC_OK;
}

static rnnc_status allocate(const program *p, diag_sink *d, ahead_parts *parts) {
    size_t written = 1;
    for (uint32_t i = 0; i < p->prepare.count; i++) {
        written += p->prepare.at[i].kind == ITEM_CALL ? p->calls.at[p->prepare.at[i].call].arg_count : 0;
    }
    parts->blocks = calloc(written, sizeof *parts->blocks);
    parts->variables = (const void **)calloc(p->variables.count + 1u, sizeof *parts->variables);
    parts->limits = calloc(p->inputs.count + 1u, sizeof *parts->limits);
    return parts->blocks && parts->variables && parts->limits
               ? RNNC_OK
               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the tables of %u calls",
                           p->calls.count);
}

// What goes from run to run comes from the output of the same name, which must not be another state as it came in.
rnnc_status ahead_check_states(const engine *e, const program *p, diag_sink *d) {
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        if (!ahead_is_state(&p->inputs.at[i])) {
            continue;
        }
        int output = engine_find_output(e, p->inputs.at[i].name);
        if (output < 0 || p->outputs.at[output].place.base == PLACE_INPUT) {
            return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "the state '%s' is not computed by a step",
                             p->inputs.at[i].name);
        }
    }
    return RNNC_OK;
}

static rnnc_status fill(engine *e, ahead_parts *parts, diag_sink *d) {
    const program *p = parts->request.program;
    TRY(parts->request.streams ? ahead_check_states(e, p, d) : RNNC_OK);
    TRY(allocate(p, d, parts));
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        parts->limits[i] = engine_input_limit(e, i);
    }
    TRY(add_blocks(e, parts, d));
    TRY(add_variables(e, parts, d));
    parts->request.variables = parts->variables;
    parts->request.limits = parts->limits;
    return RNNC_OK;
}

rnnc_status ahead_parts_create(engine *e, const char *name, bool streams, uint64_t seed, diag_sink *d,
                               ahead_parts *out_parts) {
    *out_parts = (ahead_parts){
        .request = {.program = engine_program(e), .name = name, .streams = streams, .seed = seed}};
    rnnc_status status = fill(e, out_parts, d);
    if (status != RNNC_OK) {
        ahead_parts_deinit(out_parts);
    }
    return status;
}

void ahead_parts_deinit(ahead_parts *parts) {
    free(parts->blocks);
    free((void *)parts->variables);
    free(parts->limits);
    *parts = (ahead_parts){.blocks = NULL};
}
