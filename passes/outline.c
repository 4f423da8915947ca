#include "passes/outline_internal.h"

#include <stdlib.h>
#include <string.h>

#include "ir/classes.h"

// ---- What the program knows of the graph ----

static bool has_input(const program *p, const char *name) {
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        if (strcmp(p->inputs.at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void copy_inputs(const graph *g, program *p) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op != OP_INPUT || has_input(p, at->attr[0].text)) {
            continue;
        }
        program_value value = {.name = arena_strdup(&p->memory, at->attr[0].text),
                               .role = arena_strdup(&p->memory, at->attr[1].text),
                               .type = at->type};
        value.place = (program_place){.base = PLACE_INPUT,
                                      .index = p->inputs.count,
                                      .elem = at->type.elem,
                                      .columns = at->type.dim[at->type.rank - 1],
                                      .axes = at->type.axes,
                                      .slot_axis = NO_AXIS};
        value.limit = strcmp(value.role, "lengths") == 0 ? 0 : graph_token_classes(g, n);
        vec_push(&p->memory, p->inputs, value);
    }
}

static int64_t append(program *p, int64_t bytes) {
    int64_t offset = p->arena_bytes;
    p->arena_bytes += (bytes + 63) / 64 * 64;
    return offset;
}

// Index tables, extents and settings that kernels read stand behind the planned blocks.
static void place_run_values(const graph *g, program *p) {
    p->settings_offset = -1;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_INDEX && p->axes.at[at->attr[0].i].index_offset < 0) {
            p->axes.at[at->attr[0].i].index_offset = append(p, 4 * p->axes.at[at->attr[0].i].maximum);
        }
        if (at->op == OP_EXTENT && p->axes.at[at->attr[0].i].extent_offset[at->type.elem] < 0) {
            p->axes.at[at->attr[0].i].extent_offset[at->type.elem] = append(p, 8);
        }
        if (at->op == OP_RANDOM && p->settings_offset < 0) {
            p->settings_offset = append(p, 16);
        }
    }
}

// ---- Kinds of groups ----

// Whether the slots that a view picks or goes through stand inside of another axis of the array.
static bool has_inner_slots(const outliner *o, const value_place *at, axis_set axes) {
    uint32_t loop = outlined(o)->loop;
    axis_set outside = at->slot_axis == NO_AXIS ? 0 : (axis_set)(AXIS_BIT(at->slot_axis) - 1);
    outside &= (axis_set)~AXIS_BIT(AXIS_BATCH);
    outside &= loop == NO_LOOP ? outside : (axis_set)~AXIS_BIT(o->p->loops.at[loop].axis);
    return axes & outside;
}

static bool reads_densely(const outliner *o, node_id n) {
    const plan_group *group = outlined(o);
    value_type type = graph_type(o->g, n);
    value_place at = plan_locate(o->g, o->p, n);
    value_type owner = graph_type(o->g, at.owner);
    if (at.part && (type.axes & ~(AXIS_BIT(at.part) | AXIS_BIT(AXIS_BATCH)))) {
        return false; // the axes of the section lie in another order than those of its rows
    }
    if (has_inner_slots(o, &at, owner.axes)) {
        return false;
    }
    if (outline_is_uniform(o, n) && type_columns(type) == 1) {
        return true;
    }
    axis_set axes = type.axes;
    if (group->loop != NO_LOOP) {
        axes &= (axis_set)~AXIS_BIT(o->p->loops.at[group->loop].axis);
    }
    return axes == group->axes && type.rank == group->rank && type.dim[0] == group->dim[0] &&
           type.dim[1] == group->dim[1] && owner.dim[owner.rank - 1] == type.dim[type.rank - 1];
}

// A group that does the same to every element, of arrays of one form, runs over elements without rows.
static bool runs_flat(const outliner *o) {
    const plan_group *group = outlined(o);
    if (group->boundary != NO_NODE) {
        return false;
    }
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        const node *n = graph_node(o->g, group->nodes.at[i]);
        bool plain = op_has(n->op, POINTWISE | EFFECT);
        for (uint32_t k = 0; plain && k < n->operand_count; k++) {
            node_id x = n->operands[k];
            bool inside = o->p->group_of[x] == o->group && !op_has(graph_node(o->g, x)->op, DELAY);
            op_id op = graph_node(o->g, x)->op;
            plain = inside || op == OP_CONST || (op != OP_COLUMN && reads_densely(o, x));
        }
        value_type type = n->type;
        bool whole = type.rank == group->rank && type.dim[0] == group->dim[0] && type.dim[1] == group->dim[1];
        if (!plain || !whole || !reads_densely(o, group->nodes.at[i])) {
            return false;
        }
    }
    // A number without rows has nothing to run over.
    return group->axes || group->dim[0] > 1 || group->dim[1] > 1;
}

static void outline_map(outliner *o) {
    const plan_group *group = outlined(o);
    o->kernel.flat = runs_flat(o);
    o->kernel.columns = o->kernel.flat ? 1 : group->dim[0] * group->dim[1];
    outline_body(o);
    if (o->kernel.flat) {
        o->call.row_axes[0] = group->axes;
        o->call.row_extents[0] = (int64_t)group->dim[0] * group->dim[1];
    } else if (!outline_rows(o, group->axes, 0)) {
        o->failed = RNNC_UNSUPPORTED;
    }
}

static bool delayed_zeros(const outliner *o, node_id n) {
    const node *at = graph_node(o->g, n);
    return op_has(at->op, DELAY) && graph_node(o->g, at->operands[1])->op == OP_CONST &&
           graph_node(o->g, at->operands[1])->attr[0].f == 0;
}

static void outline_product(outliner *o) {
    const plan_group *group = outlined(o);
    const node *root = graph_node(o->g, group->root);
    node_id a = root->operands[0], b = root->operands[1];
    bool outer = root->op == OP_OUTER;
    o->kernel.columns = outer ? group->dim[1] : group->dim[0];
    o->kernel.gates = group->gates;
    o->kernel.packed = !outer;
    o->kernel.transposed = outer;
    // A and B stand first, each an argument of its own even if the epilogue reads them too.
    outline_arg(o, outline_place(o, a), false, false);
    o->kernel.arg_count = 1;
    program_place second = outline_place(o, b);
    if (!outer) {
        value_type w = graph_type(o->g, b);
        int side = (int)root->attr[0].i;
        o->kernel.inner = w.dim[side ? 1 : 0];
        o->call.inner = o->kernel.inner;
        second.columns = group->gates * group->dim[0];
    } else {
        o->call.inner_axes = graph_type(o->g, a).axes;
        o->call.inner = 1;
    }
    o->places[1] = second;
    o->kernel.args[1] = (kernel_arg){(uint8_t)second.elem, false, !outer, second.columns};
    o->kernel.arg_count = 2;
    outline_body(o);
    o->kernel.dims = 1;
    o->call.row_axes[0] = outer ? 0 : group->axes;
    o->call.row_extents[0] = outer ? group->dim[0] : 1;
    o->call.skip_inner_first = group->loop != NO_LOOP && !outer && delayed_zeros(o, a);
}

static void outline_fold(outliner *o) {
    const plan_group *group = outlined(o);
    const node *root = graph_node(o->g, group->root);
    node_id x = root->operands[0];
    axis_set over = (axis_set)root->attr[0].i;
    o->kernel.fold = (uint16_t)root->op;
    o->kernel.columns = group->dim[0];
    outline_value(o, x);
    outline_arg(o, outline_place(o, group->root), true, false);
    if (!outline_rows(o, group->axes, over)) {
        o->failed = RNNC_UNSUPPORTED;
    }
}

static void outline_pack(outliner *o) {
    const node *root = graph_node(o->g, outlined(o)->root);
    value_type type = root->type;
    bool transposed = root->attr[0].i != 0;
    o->kernel.gates = (int32_t)root->attr[1].i;
    o->kernel.transposed = transposed;
    o->kernel.inner = type.dim[transposed ? 1 : 0];
    o->kernel.columns = type.dim[transposed ? 0 : 1] / o->kernel.gates;
    outline_arg(o, outline_place(o, root->operands[0]), false, true);
    outline_arg(o, outline_place(o, outlined(o)->root), true, true);
}

static void outline_by_rows(outliner *o) {
    node_id n = outlined(o)->root;
    const node *root = graph_node(o->g, n);
    bool adds = root->op == OP_ADD_ROWS;
    node_id tokens = root->operands[adds ? 1 : 0], values = root->operands[adds ? 2 : 1];
    o->kernel.columns = graph_type(o->g, values).dim[0];
    outline_arg(o, outline_place(o, tokens), false, false);
    outline_arg(o, outline_place(o, values), false, false);
    program_place destination = outline_place(o, adds ? root->operands[0] : n);
    outline_arg(o, destination, true, root->op != OP_SEGMENT);
    o->kernel.inner = root->op == OP_SCATTER ? root->type.dim[0] : 0;
    o->kernel.dims = 1;
    o->call.row_axes[0] = graph_type(o->g, tokens).axes;
    o->call.row_extents[0] = 1;
    outline_spare(o, 0, o->call.row_axes[0]);
    o->call.alone = true;
}

// Marks of a segment: a number per row of the table, behind the planned blocks.
static void add_marks(outliner *o) {
    int32_t rows = 1;
    node_id n = outlined(o)->root;
    for (node_id u = 0; u < o->g->nodes.count; u++) {
        const node *user = graph_node(o->g, u);
        bool reads_tokens =
            (user->op == OP_GATHER && user->operands[1] == graph_node(o->g, n)->operands[0]) ||
            (user->op == OP_SCATTER && user->operands[0] == graph_node(o->g, n)->operands[0]) ||
            (user->op == OP_ADD_ROWS && user->operands[1] == graph_node(o->g, n)->operands[0]);
        int32_t size = user->op == OP_GATHER ? graph_type(o->g, user->operands[0]).dim[0] : user->type.dim[0];
        rows = reads_tokens && size > rows ? size : rows;
    }
    program_place marks = {.base = PLACE_ARENA,
                           .offset = append(o->program, 4 * (int64_t)rows),
                           .elem = DT_I32,
                           .columns = 1,
                           .slot_axis = NO_AXIS};
    outline_arg(o, marks, true, true);
}

static void outline_segment(outliner *o) {
    outline_by_rows(o);
    add_marks(o);
}

static void outline_random(outliner *o) {
    const plan_group *group = outlined(o);
    node_id n = group->root;
    o->kernel.columns = group->dim[0];
    outline_arg(o, outline_place(o, n), true, false);
    program_place settings = {.base = PLACE_ARENA,
                              .offset = o->program->settings_offset,
                              .elem = DT_I32,
                              .columns = 4,
                              .slot_axis = NO_AXIS};
    outline_arg(o, settings, false, true);
    o->kernel.site = arena_strdup(&o->program->memory, graph_node(o->g, n)->attr[0].text);
    o->kernel.batched = (group->axes & AXIS_BIT(AXIS_BATCH)) != 0;
    // Numbers are addressed by place, so dimensions are never joined: the batch stands alone, and last.
    axis_set left = group->axes;
    for (int k = 1; k <= MAX_AXES; k++) {
        int a = k % MAX_AXES;
        if (left & AXIS_BIT(a) && o->kernel.dims < KERNEL_MAX_DIMS) {
            o->call.row_axes[o->kernel.dims++] = AXIS_BIT(a);
        }
    }
    if (group->loop != NO_LOOP) {
        o->failed = RNNC_UNSUPPORTED;
    }
}

typedef void outline_kind(outliner *o);

static outline_kind *const kinds[] = {
    [KERNEL_MAP] = outline_map,          [KERNEL_PRODUCT] = outline_product,
    [KERNEL_FOLD] = outline_fold,        [KERNEL_PACK] = outline_pack,
    [KERNEL_SEGMENT] = outline_segment,  [KERNEL_SCATTER] = outline_by_rows,
    [KERNEL_ADD_ROWS] = outline_by_rows, [KERNEL_RANDOM] = outline_random,
};

// ---- Kernels, once each ----

static const char *kernel_name(const outliner *o) {
    const plan_group *group = outlined(o);
    // The last node's equation is what the kernel is for.
    node_id n = group->boundary != NO_NODE ? group->boundary : group->nodes.at[group->nodes.count - 1];
    const char *path = graph_origin(o->g, n)->path;
    static const char *const suffix[] = {"", "", ".sum", ".pack", ".rows", ".table", ".add_rows", ".random"};
    const char *way = group->loop == NO_LOOP                      ? ""
                      : o->p->loops.at[group->loop].direction > 0 ? ".step"
                                                                  : ".back";
    return arena_printf(&o->program->memory, "%s%s%s%s",
                        *path ? path : op_get(graph_node(o->g, n)->op)->mnemonic, way, suffix[group->kind],
                        group->boundary == NO_NODE                           ? ""
                        : graph_node(o->g, group->boundary)->op == OP_INSERT ? ".insert"
                                                                             : ".start");
}

static uint32_t add_kernel(outliner *o) {
    program *p = o->program;
    o->kernel.instrs = o->instrs;
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        if (kernel_equal(&p->kernels.at[i], &o->kernel)) {
            return i;
        }
    }
    o->kernel.name = kernel_name(o);
    o->kernel.instrs = arena_copy(&p->memory, o->instrs, o->kernel.instr_count * sizeof o->instrs[0]);
    vec_push(&p->memory, p->kernels, o->kernel);
    return p->kernels.count - 1;
}

// Nothing but data moves: every instruction is a load, a constant or a store.
static bool only_copies(const kernel_desc *k) {
    bool loads = false;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        uint16_t code = k->instrs[i].code;
        if (code != KI_LOAD && code != KI_STORE) {
            return false;
        }
        loads |= code == KI_LOAD;
    }
    return loads && k->kind == KERNEL_MAP;
}

static rnnc_status outline_group(outliner *o, uint32_t group, uint32_t *out_call) {
    o->group = group;
    const plan_group *at = outlined(o);
    memset(&o->kernel, 0, sizeof o->kernel);
    memset(&o->call, 0, sizeof o->call);
    memset(o->instr_of, 0xFF, o->g->nodes.count * sizeof *o->instr_of);
    o->kernel.kind = at->kind;
    o->kernel.gates = 1;
    o->kernel.elem = (uint8_t)(at->root != NO_NODE ? graph_type(o->g, at->root).elem : o->g->real);
    kinds[at->kind](o);
    if (o->failed != RNNC_OK) {
        node_id n = at->nodes.count ? at->nodes.at[0] : at->boundary;
        return diag_fail(
            o->d, o->failed, graph_origin(o->g, n)->where,
            "\"%s\" cannot be compiled: it steps along an inner axis, or needs more than %d arguments, %d "
            "instructions or %d row dimensions",
            graph_origin(o->g, n)->path, KERNEL_MAX_ARGS, KERNEL_MAX_INSTRS, KERNEL_MAX_DIMS);
    }
    o->call.kernel = add_kernel(o);
    o->call.arg_count = o->kernel.arg_count;
    o->call.args = arena_copy(&o->program->memory, o->places, o->kernel.arg_count * sizeof o->places[0]);
    *(at->loop == NO_LOOP ? &o->program->copies : &o->program->loop_copies) += only_copies(&o->kernel);
    vec_push(&o->program->memory, o->program->calls, o->call);
    *out_call = o->program->calls.count - 1;
    return RNNC_OK;
}

static rnnc_status outline_item(outliner *o, const plan_item *from, program_item *out_item) {
    if (plan_is_set(from)) {
        *out_item = (program_item){.kind = ITEM_SET, .length = from->length};
        return RNNC_OK;
    }
    if (from->loop == NO_LOOP) {
        *out_item = (program_item){.kind = ITEM_CALL};
        return outline_group(o, from->group, &out_item->call);
    }
    const plan_loop *loop = &o->p->loops.at[from->loop];
    *out_item = (program_item){ITEM_LOOP, 0, loop->axis, loop->direction, from->length};
    return RNNC_OK;
}

static rnnc_status outline_items(outliner *o, const plan_item *items, uint32_t count, bool prepare) {
    program *p = o->program;
    for (uint32_t i = 0; i < count; i++) {
        program_item item;
        TRY(outline_item(o, &items[i], &item));
        if (prepare) {
            vec_push(&p->memory, p->prepare, item);
        } else {
            vec_push(&p->memory, p->body, item);
        }
    }
    return RNNC_OK;
}

static const char *const output_roles[] = {"value", "loss", "state", "metric"};

static void add_outputs(outliner *o) {
    program *p = o->program;
    o->group = NO_GROUP; // outputs are read from outside of all loops
    for (uint32_t i = 0; i < o->g->outputs.count; i++) {
        const graph_output *from = &o->g->outputs.at[i];
        program_value to = {.name = arena_strdup(&p->memory, from->name),
                            .role = output_roles[from->role],
                            .type = graph_type(o->g, from->node),
                            .place = outline_place(o, from->node)};
        vec_push(&p->memory, p->outputs, to);
    }
}

static void declare(const graph *g, const int64_t *maxima, program *p) {
    p->name = arena_strdup(&p->memory, g->name);
    p->real = g->real;
    program_declare(p, g);
    for (uint32_t a = 0; a < p->axes.count; a++) {
        p->axes.at[a].maximum = maxima[a];
    }
    copy_inputs(g, p);
}

static rnnc_status fill(outliner *o) {
    program *p = o->program;
    const graph *g = o->g;
    const plan *planned = o->p;
    p->shape = planned->shape;
    p->arena_bytes = planned->arena_bytes;
    p->live_bytes = planned->live_bytes;
    declare(g, planned->maxima, p);
    place_run_values(g, p);
    o->instr_of = arena_new_array(&p->memory, int16_t, g->nodes.count);
    TRY(outline_items(o, planned->prepare.at, planned->prepare.count, true));
    TRY(outline_items(o, planned->items.at, planned->items.count, false));
    add_outputs(o);
    return RNNC_OK;
}

static rnnc_status no_memory(diag_sink *d) {
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a program");
}

static rnnc_status fill_guarded(outliner *o) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return no_memory(o->d);
    }
    o->program->memory.exhausted = &exhausted;
    rnnc_status status = fill(o);
    o->program->memory.exhausted = NULL;
    return status;
}

rnnc_status program_create(const graph *g, const plan *planned, diag_sink *d, program **out_program) {
    if (!planned || planned->stage != PLAN_PLACED) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "a program needs a plan: fuse-pointwise, schedule, plan-buffers");
    }
    program *p = program_new(&g->memory.from);
    outliner *o = calloc(1, sizeof *o);
    rnnc_status status = p && o ? RNNC_OK : no_memory(d);
    if (status == RNNC_OK) {
        *o = (outliner){.g = g, .d = d, .p = planned, .program = p, .stored = planned->stored};
        status = fill_guarded(o);
    }
    free(o);
    if (status != RNNC_OK) {
        program_destroy(p);
        return status;
    }
    *out_program = p;
    return RNNC_OK;
}

// ---- Without kernels ----

static void fill_signature(const graph *g, const int64_t *maxima, program *p) {
    declare(g, maxima, p);
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const graph_output *from = &g->outputs.at[i];
        value_type type = graph_type(g, from->node);
        program_value to = {.name = arena_strdup(&p->memory, from->name),
                            .role = output_roles[from->role],
                            .type = type,
                            .place = {.columns = (int32_t)type_columns(type), .slot_axis = NO_AXIS}};
        vec_push(&p->memory, p->outputs, to);
    }
}

rnnc_status program_create_signature(const graph *g, const int64_t *maxima, diag_sink *d,
                                     program **out_program) {
    program *p = program_new(&g->memory.from);
    jmp_buf exhausted;
    if (!p) {
        return no_memory(d);
    }
    if (setjmp(exhausted)) {
        program_destroy(p);
        return no_memory(d);
    }
    p->memory.exhausted = &exhausted;
    fill_signature(g, maxima, p);
    p->memory.exhausted = NULL;
    *out_program = p;
    return RNNC_OK;
}
