// Arguments of calls: where values are, and how a call's rows run over them.
#include <string.h>

#include "passes/outline_internal.h"

static const plan_block *block_of(const outliner *o, node_id owner) {
    uint32_t block = o->p->block_of[owner];
    return block == UINT32_MAX ? NULL : &o->p->blocks.at[block];
}

static uint32_t variable_index(const graph *g, node_id n) {
    return (uint32_t)(graph_variable_of(g, n) - g->variables.at);
}

static uint32_t input_index(const program *p, const char *name) {
    uint32_t i = 0;
    while (strcmp(p->inputs.at[i].name, name) != 0) {
        i++;
    }
    return i;
}

// Base and offset of an owner's first row.
static void find_base(const outliner *o, node_id owner, program_place *place) {
    const node *at = graph_node(o->g, owner);
    const plan_block *block = block_of(o, owner);
    place->base = PLACE_ARENA;
    if (block) {
        place->offset = block->offset;
    } else if (at->op == OP_VARIABLE) {
        place->base = PLACE_VARIABLE;
        place->index = variable_index(o->g, owner);
    } else if (at->op == OP_INPUT) {
        place->base = PLACE_INPUT;
        place->index = input_index(o->program, at->attr[0].text);
    } else if (at->op == OP_INDEX) {
        place->offset = o->program->axes.at[at->attr[0].i].index_offset;
    } else {
        place->offset = o->program->axes.at[at->attr[0].i].extent_offset[at->type.elem];
    }
}

static program_place whole_place(const outliner *o, node_id owner) {
    value_type type = graph_type(o->g, owner);
    const plan_block *block = block_of(o, owner);
    program_place place = {
        .elem = type.elem, .columns = type.dim[type.rank - 1], .axes = type.axes, .slot_axis = NO_AXIS};
    find_base(o, owner, &place);
    if (block && block->loop != NO_LOOP) {
        // One step's block: the loop's axis is not in it.
        place.axes &= (axis_set)~AXIS_BIT(o->p->loops.at[block->loop].axis);
    }
    return place;
}

// Whether no other sequence axis stands outside of the slots: then one slot is contiguous.
static bool has_outermost_slots(const program_place *place) {
    axis_set outside = (axis_set)((AXIS_BIT(place->slot_axis) - 1) & ~AXIS_BIT(AXIS_BATCH));
    return !(place->axes & outside);
}

// A block with more slots than its axis has indices is found by strides only if they are outermost.
static void check_extra_slots(outliner *o, const plan_block *block, const program_place *place) {
    if (block && (block->front || block->back) && !has_outermost_slots(place)) {
        o->failed = RNNC_UNSUPPORTED;
    }
}

program_place outline_place(outliner *o, node_id n) {
    value_place at = plan_locate(o->g, o->p, n);
    program_place place = whole_place(o, at.owner);
    const plan_block *block = block_of(o, at.owner);
    uint32_t loop = o->group == NO_GROUP ? NO_LOOP : outlined(o)->loop;
    place.first_column = at.column;
    int loop_axis = loop == NO_LOOP ? NO_AXIS : o->p->loops.at[loop].axis;
    int along = at.slot_axis != NO_AXIS ? at.slot_axis : block ? block->slot_axis : NO_AXIS;
    if (along == NO_AXIS && loop_axis != NO_AXIS && (place.axes & AXIS_BIT(loop_axis))) {
        along = loop_axis;
    }
    if (along == NO_AXIS || !(place.axes & AXIS_BIT(along))) {
        return place;
    }
    place.slot_axis = along;
    place.shift = at.shift + (block ? block->front : 0);
    place.part = at.part;
    place.from_end = at.from_end;
    place.spans = !at.pinned && (at.part ? at.part : along) != loop_axis;
    place.pinned = at.pinned || place.spans;
    check_extra_slots(o, block, &place);
    return place;
}

// Where a section of insert |n|'s first operand would be read.
static program_place inserted_place(const outliner *o, node_id n) {
    const node *insert = graph_node(o->g, n);
    int loop_axis = outlined(o)->loop == NO_LOOP ? NO_AXIS : o->p->loops.at[outlined(o)->loop].axis;
    value_place at = plan_locate(o->g, o->p, n);
    program_place place = whole_place(o, at.owner);
    const plan_block *block = block_of(o, at.owner);
    place.first_column = at.column;
    place.slot_axis = (int)insert->attr[0].i;
    place.part = (int)insert->attr[1].i;
    place.shift = at.shift + (int32_t)insert->attr[2].i + (block ? block->front : 0);
    place.from_end = insert->attr[2].i < 0;
    place.spans = place.part != loop_axis;
    place.pinned = place.spans;
    return place;
}

program_place outline_boundary_place(outliner *o, node_id n) {
    const node *delay = graph_node(o->g, n);
    if (delay->op == OP_INSERT) {
        return inserted_place(o, n);
    }
    value_place at = plan_locate(o->g, o->p, delay->operands[0]);
    program_place place = whole_place(o, at.owner);
    const plan_block *block = block_of(o, at.owner);
    place.first_column = at.column;
    place.slot_axis = (int)delay->attr[0].i;
    place.pinned = true;
    place.from_end = delay->op == OP_FOLLOWING;
    place.shift = place.from_end ? block->front : block->front - 1;
    check_extra_slots(o, block, &place);
    return place;
}

static bool same_place(const program_place *a, const program_place *b) {
    return a->base == b->base && a->index == b->index && a->offset == b->offset && a->elem == b->elem &&
           a->columns == b->columns && a->first_column == b->first_column && a->axes == b->axes &&
           a->slot_axis == b->slot_axis && a->shift == b->shift && a->from_end == b->from_end &&
           a->pinned == b->pinned && a->spans == b->spans && a->part == b->part;
}

// Whether a step of the loop would have to pick its index beside the slot that the place has.
static bool picks_twice(const outliner *o, const program_place *place) {
    uint32_t loop = o->group == NO_GROUP ? NO_LOOP : outlined(o)->loop;
    int axis = loop == NO_LOOP ? NO_AXIS : o->p->loops.at[loop].axis;
    return axis != NO_AXIS && place->slot_axis != axis && (place->axes & AXIS_BIT(axis));
}

int16_t outline_arg(outliner *o, program_place place, bool written, bool uniform) {
    bool steps_inside = place.slot_axis != NO_AXIS && !place.pinned && !has_outermost_slots(&place);
    if (place.slot_axis != NO_AXIS && (steps_inside || picks_twice(o, &place))) {
        o->failed = RNNC_UNSUPPORTED;
    }
    for (uint32_t i = 0; i < o->kernel.arg_count; i++) {
        if (same_place(&o->places[i], &place) && o->kernel.args[i].uniform == uniform) {
            o->kernel.args[i].written |= written;
            return (int16_t)i;
        }
    }
    if (o->kernel.arg_count == KERNEL_MAX_ARGS) {
        o->failed = RNNC_UNSUPPORTED;
        return 0;
    }
    kernel_arg arg = {(uint8_t)place.elem, written, uniform, place.columns};
    o->places[o->kernel.arg_count] = place;
    o->kernel.args[o->kernel.arg_count] = arg;
    return (int16_t)o->kernel.arg_count++;
}

int16_t outline_instr(outliner *o, kernel_instr instr) {
    if (o->kernel.instr_count == KERNEL_MAX_INSTRS) {
        o->failed = RNNC_UNSUPPORTED;
        return 0;
    }
    o->instrs[o->kernel.instr_count] = instr;
    return (int16_t)o->kernel.instr_count++;
}

bool outline_is_uniform(const outliner *o, node_id n) {
    const plan_group *group = outlined(o);
    axis_set axes = graph_type(o->g, n).axes;
    if (group->loop != NO_LOOP) {
        axes &= (axis_set)~AXIS_BIT(o->p->loops.at[group->loop].axis);
    }
    return !axes;
}

static axis_set rows_of(const program_place *place) {
    if (place->slot_axis == NO_AXIS) {
        return place->axes;
    }
    axis_set others = (axis_set)(place->axes & ~AXIS_BIT(place->slot_axis));
    int slots = place->part ? place->part : place->slot_axis;
    return place->spans ? (axis_set)(others | AXIS_BIT(slots)) : others;
}

// How far inside an axis of the rows lies in the array: the batch is innermost.
static int depth_in(const program_place *place, int axis) {
    if (place->part && axis == place->part) {
        return place->slot_axis;
    }
    return axis == AXIS_BATCH ? MAX_AXES : axis;
}

// Two axes can be one dimension if every argument has both or neither.
static bool side_by_side(const outliner *o, int outer, int inner) {
    for (uint32_t i = 0; i < o->kernel.arg_count; i++) {
        axis_set rows = o->kernel.args[i].uniform ? 0 : rows_of(&o->places[i]);
        bool has_outer = rows & AXIS_BIT(outer), has_inner = rows & AXIS_BIT(inner);
        if (has_outer != has_inner) {
            return false;
        }
    }
    return true;
}

// Whether in an argument's layout the one axis follows the other at once, and has all of its indices there.
static bool is_adjacent_in(const program_place *place, int outer, int inner) {
    if (!(rows_of(place) & AXIS_BIT(outer))) {
        return true; // nor does it have the inner one: see side_by_side
    }
    int begin = depth_in(place, outer), end = depth_in(place, inner);
    for (int a = 1; a < MAX_AXES; a++) {
        if (place->axes & AXIS_BIT(a) && a > begin && a < end) {
            return false;
        }
    }
    return begin < end && !(place->part && inner == place->part);
}

static bool adjacent(const outliner *o, int outer, int inner) {
    for (uint32_t i = 0; i < o->kernel.arg_count; i++) {
        if (!o->kernel.args[i].uniform && !is_adjacent_in(&o->places[i], outer, inner)) {
            return false;
        }
    }
    return true;
}

static bool add_dimensions(outliner *o, axis_set axes) {
    int last = NO_AXIS;
    // Layout order: axes by number, the batch last.
    for (int k = 1; k <= MAX_AXES; k++) {
        int a = k % MAX_AXES;
        if (!(axes & AXIS_BIT(a))) {
            continue;
        }
        if (last != NO_AXIS && side_by_side(o, last, a) && adjacent(o, last, a)) {
            o->call.row_axes[o->kernel.dims - 1] |= AXIS_BIT(a);
        } else if (o->kernel.dims == KERNEL_MAX_DIMS) {
            return false;
        } else {
            o->call.row_axes[o->kernel.dims++] = AXIS_BIT(a);
        }
        last = a;
    }
    return true;
}

void outline_spare(outliner *o, int first, axis_set axes) {
    int used = o->kernel.dims - first, wanted = axis_count(axes), most = KERNEL_MAX_DIMS - first;
    int spare = (wanted < most ? wanted : most) - used;
    for (int d = first + used - 1; d >= first && spare > 0; d--) {
        o->call.row_axes[d + spare] = o->call.row_axes[d];
        o->call.row_axes[d] = 0;
    }
    for (int d = first; d < first + spare; d++) {
        o->call.row_extents[d] = 1;
    }
    o->kernel.dims = (uint8_t)(o->kernel.dims + (spare > 0 ? spare : 0));
}

bool outline_rows(outliner *o, axis_set kept, axis_set folded) {
    if (!add_dimensions(o, kept)) {
        return false;
    }
    o->kernel.kept_dims = folded ? o->kernel.dims : 0;
    bool fits = add_dimensions(o, folded);
    outline_spare(o, o->kernel.kept_dims, folded);
    return fits;
}
