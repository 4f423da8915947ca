#include "passes/program.h"

#include <string.h>

#include "passes/gradients.h"

program *program_new(const allocator *from) {
    program *p = allocator_array(from, 1, sizeof *p);
    if (p) {
        arena_init_in(&p->memory, from);
        p->settings_offset = -1;
    }
    return p;
}

void program_destroy(program *p) {
    if (p) {
        allocator from = p->memory.from;
        arena_deinit(&p->memory);
        allocator_free(&from, p);
    }
}

static void declare_axis(program *p, const axis_info *from) {
    program_axis to = {.name = arena_strdup(&p->memory, from->name),
                       .kind = from->kind,
                       .maximum = 1,
                       .fixed = from->kind == AXIS_IS_FIXED ? from->size : 0,
                       .part = from->part,
                       .index_offset = -1};
    for (int t = 0; t < DTYPE_COUNT; t++) {
        to.extent_offset[t] = -1;
    }
    vec_push(&p->memory, p->axes, to);
}

static void declare_variable(program *p, graph_variable v) {
    v.name = arena_strdup(&p->memory, v.name);
    v.parts.at = arena_copy(&p->memory, v.parts.at, v.parts.count * sizeof *v.parts.at);
    v.parts.capacity = v.parts.count;
    for (uint32_t k = 0; k < v.parts.count; k++) {
        v.parts.at[k].name = arena_strdup(&p->memory, v.parts.at[k].name);
    }
    vec_push(&p->memory, p->variables, v);
}

void program_declare(program *p, const graph *g) {
    for (uint32_t a = 0; a < g->axes.count; a++) {
        declare_axis(p, &g->axes.at[a]);
    }
    for (uint32_t i = 0; i < g->variables.count; i++) {
        declare_variable(p, g->variables.at[i]);
    }
}

rnnc_status program_bind_parts(const program *p, int64_t *extents, diag_sink *d) {
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        bool part = a->kind == AXIS_IS_PART;
        TRY(part ? part_bind(a->part, (int)i, p->axes.at[a->part.of].name, extents, d) : RNNC_OK);
    }
    return RNNC_OK;
}

int64_t program_least_extent(const program *p, int axis) {
    int64_t least = 1;
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        int64_t needed = a->kind == AXIS_IS_PART && a->part.of == axis ? part_least(a->part) : 1;
        least = needed > least ? needed : least;
    }
    return least;
}

static bool reads_given_gradient(const program *p, const program_call *call) {
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const program_place *place = &call->args[i];
        if (place->base == PLACE_INPUT && strcmp(p->inputs.at[place->index].role, GRADIENT_ROLE) == 0) {
            return true;
        }
    }
    return false;
}

int program_lengths_axis(const program *p, const program_value *v) {
    const char *dot = strrchr(v->name, '.');
    for (uint32_t a = 1; dot && strcmp(v->role, "lengths") == 0 && a < p->axes.count; a++) {
        const char *axis = p->axes.at[a].name;
        if (strlen(axis) == (size_t)(dot - v->name) && strncmp(axis, v->name, strlen(axis)) == 0) {
            return (int)a;
        }
    }
    return NO_AXIS;
}

bool program_is_gradient(const program_value *v) {
    return strncmp(v->name, GRADIENT_PREFIX, strlen(GRADIENT_PREFIX)) == 0;
}

uint32_t program_first_half(const program *p) {
    uint32_t top = 0, left = 0;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        top = left ? top : i;
        left = left ? left - 1 : item->kind == ITEM_CALL ? 0 : item->length;
        if (item->kind == ITEM_CALL && reads_given_gradient(p, &p->calls.at[item->call])) {
            return top;
        }
    }
    return p->body.count;
}
