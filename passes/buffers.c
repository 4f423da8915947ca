// What needs memory, how much of it and how long: everything about blocks that is not a choice.
#include "passes/buffers.h"

static const int64_t LARGEST_BLOCK = (int64_t)1 << 56;

static const plan_group *group_at(const buffering *b, uint32_t x) {
    return &b->p->groups.at[x];
}

static bool is_external(const graph *g, node_id n) {
    return op_has(graph_node(g, n)->op, LEAF) && graph_node(g, n)->op != OP_RANDOM;
}

// ---- What is read through memory, and from where ----

static bool read_in_register(const buffering *b, const plan_group *group, uint32_t x, node_id operand) {
    const node *at = graph_node(b->g, operand);
    if (b->p->group_of[operand] == x && !op_has(at->op, DELAY)) {
        return true;
    }
    return at->op == OP_SLICE && group->kind == KERNEL_PRODUCT && group->gates > 1 &&
           at->operands[0] == group->root;
}

// Any view of time reads another index, if it is the time of the loop.
static bool stays_in_step(const buffering *b, const node *view, uint32_t loop) {
    if (view->op == OP_SLICE || view->op == OP_INSERT) {
        return true;
    }
    return loop != NO_LOOP && !op_has(view->op, DELAY) && view->attr[0].i != b->p->loops.at[loop].axis;
}

// Marks that a reader in |loop| finds |n| in memory. Parts of a whole are marked with it.
static void mark_read(buffering *b, node_id n, uint32_t loop) {
    const node *at = graph_node(b->g, n);
    bool whole = at->op == OP_CONCAT || at->op == OP_STACK;
    if (op_has(at->op, VIEW) && !whole) {
        mark_read(b, at->operands[0], stays_in_step(b, at, loop) ? loop : NO_LOOP);
        return;
    }
    b->stored[n] = true;
    for (uint32_t i = 0; whole && i < at->operand_count; i++) {
        mark_read(b, at->operands[i], loop);
    }
    if (b->p->loop_of[n] != NO_LOOP && b->p->loop_of[n] != loop) {
        b->across[n] = true;
    }
    // The whole that a part lives in outlives the step as well.
    for (node_id w = b->p->whole_of[n]; w != NO_NODE; w = b->p->whole_of[w]) {
        b->stored[w] = true;
        b->across[w] |= b->across[n];
    }
}

// A whole in a loop with a part that is made outside of it: the part is written for all steps before they begin, so there
// must be room for all of them.
static void mark_parts_from_outside(buffering *b) {
    for (node_id n = 0; n < b->g->nodes.count; n++) {
        node_id part = n;
        for (node_id w = b->p->whole_of[n]; w != NO_NODE; w = b->p->whole_of[w]) {
            b->across[w] |= b->across[part] || b->p->loop_of[part] != b->p->loop_of[w];
            part = w;
        }
    }
}

static void mark_operands(buffering *b, uint32_t x, node_id n) {
    const plan_group *group = group_at(b, x);
    const node *at = graph_node(b->g, n);
    for (uint32_t k = 0; k < at->operand_count; k++) {
        if (!read_in_register(b, group, x, at->operands[k])) {
            mark_read(b, at->operands[k], group->loop);
        }
    }
}

static void mark_reads(buffering *b) {
    for (uint32_t x = 0; x < b->p->groups.count; x++) {
        const plan_group *group = group_at(b, x);
        if (group->boundary != NO_NODE && !group->merged) {
            mark_read(b, graph_node(b->g, group->boundary)->operands[1], group->loop);
            mark_read(b, group->boundary, group->loop);
        }
        for (uint32_t i = 0; i < group->nodes.count; i++) {
            mark_operands(b, x, group->nodes.at[i]);
        }
    }
    for (uint32_t i = 0; i < b->g->outputs.count; i++) {
        mark_read(b, b->g->outputs.at[i].node, NO_LOOP);
    }
}

// ---- Blocks ----

// Multiplies |*bytes|; false if no memory could be that large.
static bool grow(int64_t *bytes, int64_t factor) {
    return !__builtin_mul_overflow(*bytes, factor, bytes) && *bytes < LARGEST_BLOCK;
}

static rnnc_status add_block(buffering *b, node_id owner) {
    value_type type = graph_type(b->g, owner);
    plan_block block = {.owner = owner, .loop = b->p->loop_of[owner], .slot_axis = NO_AXIS};
    block.first = UINT32_MAX;
    if (block.loop != NO_LOOP && b->across[owner]) {
        block.slot_axis = b->p->loops.at[block.loop].axis;
        block.loop = NO_LOOP;
    } else if (block.loop != NO_LOOP) {
        type.axes &= (axis_set)~AXIS_BIT(b->p->loops.at[block.loop].axis);
    }
    block.bytes = dtype_bytes(type.elem) * type_columns(type);
    if (graph_node(b->g, owner)->op == OP_PACK) {
        const node *pack = graph_node(b->g, owner);
        int32_t gates = (int32_t)pack->attr[1].i, inner = type.dim[pack->attr[0].i ? 1 : 0];
        int32_t columns = type.dim[pack->attr[0].i ? 0 : 1] / gates;
        product_tiling tiling = product_tile(b->p->shape, type.elem, gates, columns);
        block.bytes = dtype_bytes(type.elem) * product_packed_elements(tiling, gates, inner);
    }
    bool fits = block.bytes < LARGEST_BLOCK;
    for (uint32_t a = 0; a < b->g->axes.count && fits; a++) {
        fits = grow(&block.bytes, type.axes & AXIS_BIT(a) ? b->p->maxima[a] : 1);
    }
    b->p->block_of[owner] = b->p->blocks.count;
    vec_push(b->p->memory, b->p->blocks, block);
    return fits ? RNNC_OK
                : diag_fail(b->d, RNNC_UNSUPPORTED, graph_origin(b->g, owner)->where,
                            "%%%u \"%s\" needs more memory than there is for runs of these extents", owner,
                            graph_origin(b->g, owner)->path);
}

static bool needs_block(const buffering *b, node_id n) {
    op_id op = graph_node(b->g, n)->op;
    return b->stored[n] && b->p->whole_of[n] == NO_NODE && !op_has(op, EFFECT) && !is_external(b->g, n) &&
           (!op_has(op, VIEW) || op == OP_CONCAT || op == OP_STACK);
}

static rnnc_status make_blocks(buffering *b) {
    rnnc_status status = RNNC_OK;
    for (node_id n = 0; n < b->g->nodes.count && status == RNNC_OK; n++) {
        status = needs_block(b, n) ? add_block(b, n) : RNNC_OK;
    }
    return status;
}

// Room for a delay's boundary before or after the slots of the value it delays.
static rnnc_status add_boundary_slots(buffering *b) {
    for (uint32_t x = 0; x < b->p->groups.count; x++) {
        node_id n = group_at(b, x)->boundary;
        if (n == NO_NODE || !op_has(graph_node(b->g, n)->op, DELAY)) {
            continue;
        }
        const node *delay = graph_node(b->g, n);
        value_place place = plan_locate(b->g, b->p, delay->operands[0]);
        plan_block *block = &b->p->blocks.at[b->p->block_of[place.owner]];
        int along = (int)delay->attr[0].i;
        if (block->slot_axis != NO_AXIS && block->slot_axis != along) {
            return diag_fail(b->d, RNNC_UNSUPPORTED, graph_origin(b->g, n)->where,
                             "\"%s\" is read one step away along two axes", graph_origin(b->g, n)->path);
        }
        // Only the outermost axis of a block has room at its ends.
        axis_set outer =
            (axis_set)(graph_type(b->g, place.owner).axes & (AXIS_BIT(along) - 1) & ~AXIS_BIT(AXIS_BATCH));
        if (outer) {
            return diag_fail(b->d, RNNC_UNSUPPORTED, graph_origin(b->g, n)->where,
                             "\"%s\" is stepped along an inner axis of a value with several",
                             graph_origin(b->g, n)->path);
        }
        block->slot_axis = along;
        uint8_t *slots = delay->op == OP_PREVIOUS ? &block->front : &block->back;
        if (!*slots) {
            *slots = 1;
            block->bytes += block->bytes / b->p->maxima[along];
        }
    }
    return RNNC_OK;
}

// ---- Ticks and live ranges ----

static uint32_t number_items(buffering *b, const plan_item *items, uint32_t count, uint32_t tick) {
    uint32_t loop = NO_LOOP, left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (plan_is_set(&items[i])) {
            continue;
        }
        if (items[i].loop != NO_LOOP) {
            loop = items[i].loop;
            left = items[i].length;
            b->loop_begin[loop] = tick;
            continue;
        }
        b->tick[items[i].group] = tick++;
        if (loop != NO_LOOP && --left == 0) {
            b->loop_end[loop] = tick - 1;
            loop = NO_LOOP;
        }
    }
    return tick;
}

static plan_moment moment_of_item(const buffering *b, const plan_item *item) {
    uint32_t first = item->loop == NO_LOOP ? b->tick[item->group] : b->loop_begin[item->loop];
    uint32_t last = item->loop == NO_LOOP ? first : b->loop_end[item->loop];
    return (plan_moment){.member_first = first, .member_last = last};
}

// Notes for every tick of the set that begins at |set| which member and which set it is in.
static void mark_set(buffering *b, const plan_item *set) {
    uint32_t first = moment_of_item(b, set + 1).member_first, last = first;
    for (uint32_t i = 1; i <= set->length; i += 1 + set[i].length) {
        last = moment_of_item(b, &set[i]).member_last;
    }
    for (uint32_t i = 1; i <= set->length; i += 1 + set[i].length) {
        plan_moment m = moment_of_item(b, &set[i]);
        m.set_first = first;
        m.set_last = last;
        for (uint32_t t = m.member_first; t <= m.member_last; t++) {
            b->moments[t] = m;
        }
    }
}

static void mark_moments(buffering *b, arena *scratch) {
    b->moments = arena_new_array(scratch, plan_moment, b->ticks + 1);
    for (uint32_t t = 0; t <= b->ticks; t++) {
        b->moments[t] = (plan_moment){t, t, t, t};
    }
    for (uint32_t i = 0; i < b->p->items.count; i++) {
        const plan_item *item = &b->p->items.at[i];
        if (plan_is_set(item) && item->length) {
            mark_set(b, item);
        }
    }
}

static void extend(plan_block *block, uint32_t first, uint32_t last) {
    block->first = first < block->first ? first : block->first;
    block->last = last > block->last ? last : block->last;
}

static void touch(buffering *b, node_id n, uint32_t x) {
    value_place place = plan_locate(b->g, b->p, n);
    if (b->p->block_of[place.owner] == UINT32_MAX) {
        return;
    }
    plan_block *block = &b->p->blocks.at[b->p->block_of[place.owner]];
    uint32_t loop = group_at(b, x)->loop;
    bool whole_loop = loop != NO_LOOP && block->loop == NO_LOOP;
    extend(block, whole_loop ? b->loop_begin[loop] : b->tick[x], whole_loop ? b->loop_end[loop] : b->tick[x]);
}

// A concat's parts are touched by their own groups: plan_locate leads from each part to the whole.
static void compute_live_ranges(buffering *b) {
    for (uint32_t x = 0; x < b->p->groups.count; x++) {
        const plan_group *group = group_at(b, x);
        if (group->boundary != NO_NODE && !group->merged) {
            touch(b, group->boundary, x);
            touch(b, graph_node(b->g, group->boundary)->operands[1], x);
        }
        for (uint32_t i = 0; i < group->nodes.count; i++) {
            node_id n = group->nodes.at[i];
            if (!op_has(graph_node(b->g, n)->op, EFFECT)) {
                touch(b, n, x);
            }
            for (uint32_t k = 0; k < graph_node(b->g, n)->operand_count; k++) {
                touch(b, graph_node(b->g, n)->operands[k], x);
            }
        }
    }
    for (uint32_t i = 0; i < b->g->outputs.count; i++) {
        value_place place = plan_locate(b->g, b->p, b->g->outputs.at[i].node);
        extend(&b->p->blocks.at[b->p->block_of[place.owner]], UINT32_MAX, b->ticks);
    }
    // What is packed before the run lasts through all runs.
    for (uint32_t i = 0; i < b->p->prepare.count; i++) {
        node_id pack = group_at(b, b->p->prepare.at[i].group)->root;
        extend(&b->p->blocks.at[b->p->block_of[pack]], 0, b->ticks);
    }
}

// ---- In place ----

// Every element of the group's results depends on the operands' elements at the same place alone: no element is read
// again after it may have been overwritten.
static bool works_in_place(const buffering *b, const plan_group *group) {
    if (group->kind != KERNEL_MAP || group->boundary != NO_NODE) {
        return false;
    }
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        if (!op_has(graph_node(b->g, group->nodes.at[i])->op, POINTWISE)) {
            return false;
        }
    }
    return true;
}

static plan_block *own_block(const buffering *b, node_id n) {
    return b->p->block_of[n] == UINT32_MAX ? NULL : &b->p->blocks.at[b->p->block_of[n]];
}

// In a set the last in order need not be the last in time, unless no other member reads it.
bool buffers_can_overwrite(const buffering *b, node_id o, node_id r) {
    uint32_t x = b->p->group_of[r];
    const plan_block *from = own_block(b, o), *to = own_block(b, r);
    if (x == NO_GROUP || !from || !to || from == to || !works_in_place(b, group_at(b, x))) {
        return false;
    }
    const plan_moment *m = &b->moments[b->tick[x]];
    bool in_set = m->set_first < m->set_last;
    return (!in_set || plan_is_of_one_member(b->moments, from)) &&
           type_equal(graph_type(b->g, o), graph_type(b->g, r)) && from->bytes == to->bytes &&
           from->slot_axis == NO_AXIS && to->slot_axis == NO_AXIS && from->loop == to->loop &&
           from->last == b->tick[x] && to->first == b->tick[x];
}

void buffers_overwrite(buffering *b, node_id o, node_id r) {
    plan_block *from = own_block(b, o), *to = own_block(b, r);
    uint32_t left = b->p->block_of[r];
    from->last = to->last;
    to->bytes = 0;
    // What was written over |r| before moves with it.
    for (node_id n = 0; n < b->g->nodes.count; n++) {
        b->p->block_of[n] = b->p->block_of[n] == left ? b->p->block_of[o] : b->p->block_of[n];
    }
}

// ---- All of it ----

void buffers_count_ticks(const graph *g, plan *p, arena *scratch, buffering *out_buffering) {
    buffering *b = out_buffering;
    *b = (buffering){.g = g, .p = p};
    b->tick = arena_new_array(scratch, uint32_t, p->groups.count);
    b->loop_begin = arena_new_array(scratch, uint32_t, p->loops.count + 1);
    b->loop_end = arena_new_array(scratch, uint32_t, p->loops.count + 1);
    b->ticks = number_items(b, p->prepare.at, p->prepare.count, 0);
    b->ticks = number_items(b, p->items.at, p->items.count, b->ticks);
    mark_moments(b, scratch);
}

rnnc_status buffers_find(const graph *g, plan *p, arena *scratch, diag_sink *d, buffering *out_buffering) {
    buffering *b = out_buffering;
    buffers_count_ticks(g, p, scratch, b);
    b->d = d;
    plan_forget_blocks(p, g->nodes.count);
    b->stored = p->stored;
    b->across = arena_new_array(scratch, bool, g->nodes.count);
    mark_reads(b);
    mark_parts_from_outside(b);
    TRY(make_blocks(b));
    TRY(add_boundary_slots(b));
    compute_live_ranges(b);
    return RNNC_OK;
}

void buffers_drop_shared(buffering *b, arena *scratch) {
    plan *p = b->p;
    uint32_t *number = arena_new_array(scratch, uint32_t, p->blocks.count), kept = 0;
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        number[i] = kept;
        if (p->blocks.at[i].bytes) {
            p->blocks.at[kept++] = p->blocks.at[i];
        }
    }
    p->blocks.count = kept;
    for (node_id n = 0; n < b->g->nodes.count; n++) {
        p->block_of[n] = p->block_of[n] == UINT32_MAX ? UINT32_MAX : number[p->block_of[n]];
    }
}
