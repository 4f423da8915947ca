// One use of a definition: a frame is opened, the parameters are bound, the body is elaborated.
#include <string.h>

#include "frontend/builtin.h"

// The axis that [S] of an input means: the sequence of the value that is not the running one; of several, the
// one with the same name.
static int find_declared_axis(elaborator *el, const declaration *decl, const axis_declaration *declared,
                              meaning v, axis_set taken) {
    axis_set have = is_node(v) ? axes_of(el, v.node) & (axis_set) ~(AXIS_BIT(AXIS_BATCH) | taken) : 0;
    axis_set apart = el->frame->running == NO_AXIS ? have : have & (axis_set)~AXIS_BIT(el->frame->running);
    axis_set candidates = apart ? apart : have;
    if (axis_count(candidates) == 1) {
        return __builtin_ctz(candidates);
    }
    int named = graph_find_axis(el->g, declared->axis.name);
    if (named != NO_AXIS && (candidates & AXIS_BIT(named))) {
        return named;
    }
    elaborate_error(el, declared->axis.where, "'%s' must run along one sequence for [%s], found %s",
                    decl->name, declared->axis.name, meaning_text(el, v));
    return NO_AXIS;
}

static void bind_axes(elaborator *el, const declaration *decl, meaning v) {
    axis_set taken = 0;
    bool sound = !is_poison(v);
    for (uint32_t i = 0; i < decl->axes.count; i++) {
        int axis = sound ? find_declared_axis(el, decl, &decl->axes.at[i], v, taken) : NO_AXIS;
        sound = axis != NO_AXIS;
        taken |= sound ? AXIS_BIT(axis) : 0;
        axis_binding added = {decl->axes.at[i].axis.name, axis};
        vec_push(el->memory, el->frame->axes, added);
    }
}

static void bind_parameters(elaborator *el, const application *a) {
    const definition *def = a->callee->def;
    for (uint32_t i = 0; i < def->parameters.count; i++) {
        const declaration *parameter = &def->parameters.at[i];
        meaning v = a->bound[i] ? a->slots[i] : evaluate(el, parameter->value);
        if (def->kind == DEFINITION_CELL && is_node(v)) {
            v = elaborate_error(el, a->where,
                                "'%s' is a parameter of '%s', known when the model is compiled; found %s",
                                parameter->name, def->name, meaning_text(el, v));
        }
        scope_define(el, parameter->name, parameter->where, v, ROLE_PARAMETER);
        bind_axes(el, parameter, v);
    }
}

static void bind_inputs(elaborator *el, const application *a) {
    const definition *def = a->callee->def;
    for (uint32_t i = 0; i < a->inputs.count; i++) {
        meaning v = a->inputs.at[i].value;
        if (v.kind == MEANING_NUMBER) {
            v = meaning_real(build_real(el->g, v.number));
        }
        scope_define(el, def->inputs.at[i].name, def->inputs.at[i].where, v, ROLE_INPUT);
        bind_axes(el, &def->inputs.at[i], v);
    }
}

static void set_places(elaborator *el, const application *a, frame *f) {
    frame *caller = el->frame;
    const sharing *shared = a->callee->shared;
    const char *name = shared ? shared->name : a->callee->def->name;
    const char *own = arena_printf(el->memory, "%s.%u", name, place_count(el, name));
    f->state_place = place_join(el, caller->state_place, own);
    f->weight_place = shared ? shared->place : place_join(el, caller->weight_place, own);
    f->shared = caller->shared || shared;
    f->frozen = caller->frozen || (shared && shared->frozen);
}

static void gather_outputs(elaborator *el, frame *f, meanings *out) {
    for (uint32_t i = 0; i < f->outputs.count; i++) {
        vec_push(el->memory, *out, f->outputs.at[i].value);
    }
    if (f->outputs.count == 0) {
        elaborate_error(el, f->def->where, "'%s' has no output", f->def->name);
    }
}

static void run_body(elaborator *el, const application *a, meanings *out) {
    frame *f = el->frame;
    bind_parameters(el, a);
    bind_inputs(el, a);
    elaborate_block(el, &f->def->body);
    if (f->def->kind == DEFINITION_CELL) {
        cell_close(el);
        cell_results(el, out);
    } else {
        gather_outputs(el, f, out);
    }
    scope_warn_unused(el);
}

void apply_definition(elaborator *el, const application *a, meanings *out) {
    if (el->depth >= ELABORATE_DEPTH_LIMIT) {
        elaborate_error(el, a->where, "'%s' is used too deeply; does a definition use itself?",
                        a->callee->name);
        el->too_large = true;
        return;
    }
    if (el->uses++ >= ELABORATE_USE_LIMIT) {
        elaborate_error(el, a->where, "the model is too large: more than %d uses of definitions",
                        ELABORATE_USE_LIMIT);
        el->too_large = true;
        return;
    }
    frame *caller = el->frame;
    frame *f = arena_new(el->memory, frame);
    *f = (frame){.caller = caller,
                 .def = a->callee->def,
                 .call = a->where,
                 .suffix = "",
                 .running = caller->running,
                 .backward = caller->backward,
                 .state_axes = caller->state_axes};
    set_places(el, a, f);
    if (f->def->kind == DEFINITION_CELL && !cell_open(el, a, f)) {
        return;
    }
    uint32_t origin = el->g->current_origin;
    el->depth++;
    el->frame = f;
    run_body(el, a, out);
    el->frame = caller;
    el->depth--;
    el->g->current_origin = origin;
}
