#include "ir/graph.h"

#include <assert.h>
#include <string.h>

static void fill(graph *g, const char *name, dtype real) {
    g->name = arena_strdup(&g->memory, name);
    g->real = real;
    graph_add_axis(g, "B", AXIS_IS_BATCH, 0);
    graph_add_origin(g, NO_SPAN, "");
    g->current_origin = 0;
}

graph *graph_create_in(const allocator *from, const char *name, dtype real) {
    graph *g = allocator_array(from, 1, sizeof *g);
    if (!g) {
        return NULL;
    }
    arena_init_in(&g->memory, from);
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        graph_destroy(g);
        return NULL;
    }
    g->memory.exhausted = &exhausted;
    fill(g, name, real);
    g->memory.exhausted = NULL;
    return g;
}

graph *graph_create(const char *name, dtype real) {
    return graph_create_in(&(allocator){NULL, NULL, NULL}, name, real);
}

void graph_destroy(graph *g) {
    if (g) {
        allocator from = g->memory.from;
        arena_deinit(&g->memory);
        allocator_free(&from, g);
    }
}

int graph_add_axis(graph *g, const char *name, axis_kind kind, int64_t size) {
    assert(g->axes.count < MAX_AXES && "too many axes: callers check");
    axis_info added = {arena_strdup(&g->memory, name), kind, size, (int)g->axes.count, {0, 0, 0}};
    vec_push(&g->memory, g->axes, added);
    return (int)g->axes.count - 1;
}

int graph_declared_axis(const graph *g, uint32_t place) {
    int axis = 0;
    while (g->axes.at[axis].declared != (int)place) {
        axis++;
    }
    return axis;
}

int64_t graph_declared_position(const graph *g, axis_set axes, const int64_t *extents, int64_t position) {
    int64_t index[MAX_AXES] = {0}, declared = 0;
    axes &= (axis_set)~AXIS_BIT(AXIS_BATCH);
    if (axis_count(axes) < 2) {
        return position;
    }
    for (int axis = (int)g->axes.count - 1; axis > 0; axis--) {
        if (axes & AXIS_BIT(axis)) {
            index[axis] = position % extents[axis];
            position /= extents[axis];
        }
    }
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        declared = axes & AXIS_BIT(axis) ? declared * extents[axis] + index[axis] : declared;
    }
    return declared;
}

const char *graph_extents_text(const graph *g, const int64_t *extents, arena *memory) {
    const char *text = arena_printf(memory, "batch %lld", (long long)extents[AXIS_BATCH]);
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int a = graph_declared_axis(g, place);
        if (g->axes.at[a].kind == AXIS_IS_PART) {
            continue;
        }
        text = arena_printf(memory, "%s, %s = %lld", text, g->axes.at[a].name, (long long)extents[a]);
    }
    return text;
}

int graph_add_part(graph *g, const char *name, axis_part part) {
    int axis = graph_add_axis(g, name, AXIS_IS_PART, 0);
    g->axes.at[axis].part = part;
    return axis;
}

int graph_whole_axis(const graph *g, int axis) {
    const axis_info *info = &g->axes.at[axis];
    return info->kind == AXIS_IS_PART ? info->part.of : axis;
}

int64_t graph_least_extent(const graph *g, int axis) {
    int64_t least = 1;
    for (uint32_t i = 0; i < g->axes.count; i++) {
        bool own = g->axes.at[i].kind == AXIS_IS_PART && g->axes.at[i].part.of == axis;
        int64_t needed = own ? part_least(g->axes.at[i].part) : 1;
        least = needed > least ? needed : least;
    }
    return least;
}

rnnc_status graph_bind_parts(const graph *g, int64_t *extents, diag_sink *d) {
    for (uint32_t i = 0; i < g->axes.count; i++) {
        const axis_info *info = &g->axes.at[i];
        bool part = info->kind == AXIS_IS_PART;
        TRY(part ? part_bind(info->part, (int)i, g->axes.at[info->part.of].name, extents, d) : RNNC_OK);
    }
    return RNNC_OK;
}

static int64_t extent_within(const graph *g, int axis, int64_t whole) {
    return g->axes.at[axis].kind == AXIS_IS_PART ? part_extent(g->axes.at[axis].part, whole) : whole;
}

static bool fits_at(const graph *g, int axis, int part, int64_t from, int64_t whole) {
    int64_t extent = extent_within(g, axis, whole);
    int64_t begin = from < 0 ? extent + from : from;
    return begin >= 0 && begin + extent_within(g, part, whole) <= extent;
}

// All extents are linear in that of the whole axis: what holds for the smallest and for a huge one holds between.
bool graph_section_fits(const graph *g, int axis, int part, int64_t from) {
    int whole = graph_whole_axis(g, axis);
    if (whole != graph_whole_axis(g, part) || whole == AXIS_BATCH) {
        return false;
    }
    const axis_info *info = &g->axes.at[whole];
    int64_t least = info->kind == AXIS_IS_FIXED ? info->size : graph_least_extent(g, whole);
    bool grows = info->kind != AXIS_IS_FIXED;
    return fits_at(g, axis, part, from, least) &&
           (!grows || fits_at(g, axis, part, from, least + 4 * (int64_t)PART_BOUND_LIMIT));
}

int graph_find_axis(const graph *g, const char *name) {
    for (uint32_t i = 0; i < g->axes.count; i++) {
        if (strcmp(g->axes.at[i].name, name) == 0) {
            return (int)i;
        }
    }
    return NO_AXIS;
}

uint32_t graph_add_variable(graph *g, const char *name, value_type type, variable_role role,
                            initializer init) {
    graph_variable added = {.name = arena_strdup(&g->memory, name), .type = type, .role = role};
    int32_t columns = type.dim[type.rank - 1];
    variable_part whole = {added.name, 0, columns, init, type.rank == 2};
    vec_push(&g->memory, added.parts, whole);
    vec_push(&g->memory, g->variables, added);
    return g->variables.count - 1;
}

graph_variable *graph_find_variable(const graph *g, const char *name) {
    for (uint32_t i = 0; i < g->variables.count; i++) {
        if (strcmp(g->variables.at[i].name, name) == 0) {
            return &g->variables.at[i];
        }
    }
    return NULL;
}

graph_variable *graph_variable_of(const graph *g, node_id n) {
    const node *read = graph_node(g, n);
    assert(read->op == OP_VARIABLE);
    return graph_find_variable(g, read->attr[0].text);
}

uint32_t graph_add_origin(graph *g, span where, const char *path) {
    node_origin added = {where, arena_strdup(&g->memory, path)};
    vec_push(&g->memory, g->origins, added);
    return g->origins.count - 1;
}

void graph_add_output(graph *g, const char *name, node_id n, output_role role) {
    graph_output added = {arena_strdup(&g->memory, name), n, role};
    vec_push(&g->memory, g->outputs, added);
}

node_id graph_find_output(const graph *g, const char *name) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (strcmp(g->outputs.at[i].name, name) == 0) {
            return g->outputs.at[i].node;
        }
    }
    return NO_NODE;
}

static void copy_attrs(graph *g, node *n, const attr_value *attrs) {
    const op_info *info = op_get(n->op);
    for (int i = 0; attrs && info->attr[i].name; i++) {
        n->attr[i] = attrs[i];
        if (info->attr[i].kind == ATTR_TEXT) {
            n->attr[i].text = arena_strdup(&g->memory, attrs[i].text ? attrs[i].text : "");
        }
    }
}

node_id graph_add_node(graph *g, diag_sink *d, op_id op, value_type type, const node_id *operands,
                       uint32_t operand_count, const attr_value *attrs) {
    static const attr_value no_attrs[MAX_ATTRS];
    value_type inferred;
    rnnc_status status =
        op_infer(g, d, op, operands, operand_count, attrs ? attrs : no_attrs, type, &inferred);
    if (status != RNNC_OK) {
        assert(d && "operands of a built node do not fit");
        return NO_NODE;
    }
    node added = {.op = op, .type = inferred, .operand_count = operand_count, .origin = g->current_origin};
    added.operands = arena_copy(&g->memory, operands, operand_count * sizeof *operands);
    copy_attrs(g, &added, attrs);
    vec_push(&g->memory, g->nodes, added);
    return g->nodes.count - 1;
}

void graph_set_operand(graph *g, node_id n, uint32_t index, node_id operand) {
    assert(index < graph_node(g, n)->operand_count);
    graph_node(g, n)->operands[index] = operand;
}

void graph_replace_uses(graph *g, node_id from, node_id to) {
    for (uint32_t n = 0; n < g->nodes.count; n++) {
        node *user = graph_node(g, n);
        for (uint32_t i = 0; i < user->operand_count; i++) {
            if (user->operands[i] == from) {
                user->operands[i] = to;
            }
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (g->outputs.at[i].node == from) {
            g->outputs.at[i].node = to;
        }
    }
}

const char *type_text(const graph *g, value_type t, arena *memory) {
    const char *text = dtype_name(t.elem);
    const char *separator = "<";
    // Layout order: sequence axes by number, the batch last.
    for (uint32_t i = 1; i <= g->axes.count; i++) {
        uint32_t axis = i % g->axes.count;
        if (t.axes & AXIS_BIT(axis)) {
            text = arena_printf(memory, "%s%s%s", text, separator, g->axes.at[axis].name);
            separator = ",";
        }
    }
    text = t.axes ? arena_printf(memory, "%s>", text) : text;
    return t.rank == 2 ? arena_printf(memory, "%s[%d,%d]", text, t.dim[0], t.dim[1])
                       : arena_printf(memory, "%s[%d]", text, t.dim[0]);
}
