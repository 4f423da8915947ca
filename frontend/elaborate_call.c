// Calls: which value goes to which parameter or input, and whether it is an application or a new definition.
#include <string.h>

#include "frontend/builtin.h"

typedef VEC(const char *) name_list;

static bool is_compile_time(meaning v) {
    return v.kind == MEANING_NUMBER || v.kind == MEANING_TRUTH || v.kind == MEANING_TEXT ||
           v.kind == MEANING_CALLABLE;
}

static const char *join_names(elaborator *el, name_list names) {
    const char *text = names.count ? names.at[0] : "nothing";
    for (uint32_t i = 1; i < names.count; i++) {
        text = arena_printf(el->memory, "%s, %s", text, names.at[i]);
    }
    return text;
}

static void report_unknown_argument(elaborator *el, const callable *c, const call_argument *arg,
                                    name_list known) {
    const char *near = nearest_name(arg->name, known.at, known.count);
    if (near) {
        elaborate_error(el, arg->whole, "'%s' takes nothing named '%s'; did you mean '%s'?", c->name,
                        arg->name, near);
    } else {
        elaborate_error(el, arg->whole, "'%s' takes nothing named '%s'; it takes %s", c->name, arg->name,
                        join_names(el, known));
    }
}

static void report_given_twice(elaborator *el, const callable *c, span where, const char *name) {
    elaborate_error(el, where, "'%s' of '%s' is given twice", name, c->name);
}

// ---- Builtins ----

typedef struct builtin_binding {
    VEC(meaning) slots;
    VEC(bool) bound;
    VEC(span) places;
    VEC(const char *) labels;
} builtin_binding;

static void push_slot(elaborator *el, builtin_binding *b, meaning v, bool bound, span where,
                      const char *label) {
    vec_push(el->memory, b->slots, v);
    vec_push(el->memory, b->bound, bound);
    vec_push(el->memory, b->places, where);
    vec_push(el->memory, b->labels, label);
}

static void set_slot(builtin_binding *b, uint32_t slot, const call_argument *arg) {
    b->slots.at[slot] = arg->value;
    b->bound.at[slot] = true;
    b->places.at[slot] = arg->where;
    b->labels.at[slot] = arg->label;
}

static bool bind_builtin_by_name(elaborator *el, const callable *c, const call_argument *arg,
                                 builtin_binding *b) {
    int slot = builtin_find_slot(c->builtin, arg->name);
    if (slot < 0) {
        name_list known = {0};
        for (uint32_t i = 0; i < c->slot_count; i++) {
            vec_push(el->memory, known, builtin_slot_name(c->builtin, i));
        }
        report_unknown_argument(el, c, arg, known);
        return false;
    }
    if (b->bound.at[slot]) {
        report_given_twice(el, c, arg->whole, arg->name);
        return false;
    }
    set_slot(b, (uint32_t)slot, arg);
    return true;
}

static bool bind_builtin_by_place(elaborator *el, const callable *c, const call_argument *arg,
                                  builtin_binding *b) {
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (!b->bound.at[i] && !builtin_slot_by_name(c->builtin, i)) {
            set_slot(b, i, arg);
            return true;
        }
    }
    if (c->builtin->flags & BUILTIN_VARIADIC) {
        push_slot(el, b, arg->value, true, arg->where, arg->label);
        return true;
    }
    name_list known = {0};
    for (uint32_t i = 0; i < c->slot_count; i++) {
        vec_push(el->memory, known, builtin_slot_name(c->builtin, i));
    }
    elaborate_error(el, arg->where, "too many values: '%s' takes %s", c->name, join_names(el, known));
    return false;
}

static bool bind_builtin(elaborator *el, const callable *c, const call_arguments *args, span where,
                         builtin_binding *b) {
    for (uint32_t i = 0; i < c->slot_count; i++) {
        push_slot(el, b, c->slots[i], c->bound[i], where, NULL);
    }
    for (uint32_t i = 0; i < args->count; i++) {
        const call_argument *arg = &args->at[i];
        bool bound = arg->name ? bind_builtin_by_name(el, c, arg, b) : bind_builtin_by_place(el, c, arg, b);
        if (!bound) {
            return false;
        }
    }
    return true;
}

static bool builtin_is_complete(const callable *c, const builtin_binding *b) {
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (!b->bound.at[i] && builtin_slot_required(c->builtin, i)) {
            return false;
        }
    }
    return true;
}

static meaning partial_builtin(elaborator *el, const callable *c, const builtin_binding *b) {
    callable *partial = callable_copy(el, c);
    for (uint32_t i = 0; i < c->slot_count; i++) {
        partial->slots[i] = b->slots.at[i];
        partial->bound[i] = b->bound.at[i];
    }
    return (meaning){.kind = MEANING_CALLABLE, .callable = partial};
}

static axis_set axes_of_slots(const elaborator *el, const builtin_binding *b) {
    axis_set axes = 0;
    for (uint32_t i = 0; i < b->slots.count; i++) {
        bool value = b->bound.at[i] && is_node(b->slots.at[i]);
        axes |= value ? axes_of(el, b->slots.at[i].node) : 0;
    }
    return axes;
}

// The axes that the names in brackets mean for values over |axes|.
static axis_set resolve_axes(const elaborator *el, axis_set named, axis_set axes) {
    axis_set resolved = 0;
    for (uint32_t axis = 0; axis < el->g->axes.count; axis++) {
        resolved |= named & AXIS_BIT(axis) ? AXIS_BIT(parts_resolve(el, (int)axis, axes)) : 0;
    }
    return resolved;
}

static meaning call_builtin(elaborator *el, const callable *c, const call_arguments *args,
                            const expression *e) {
    builtin_binding b = {0};
    if (!bind_builtin(el, c, args, e->where, &b)) {
        return meaning_poison();
    }
    if (!builtin_is_complete(c, &b)) {
        return partial_builtin(el, c, &b);
    }
    builtin_call call = {.el = el,
                         .b = c->builtin,
                         .where = e->where,
                         .slots = b.slots.at,
                         .bound = b.bound.at,
                         .places = b.places.at,
                         .labels = b.labels.at,
                         .count = b.slots.count,
                         .has_axes = c->has_axes,
                         .shared = c->shared};
    if (c->has_axes && !(c->builtin->flags & BUILTIN_AXES)) {
        return elaborate_error(el, e->where, "'%s' takes no axes in brackets", c->name);
    }
    axis_set axes = axes_of_slots(el, &b);
    if (!parts_check(el, axes, e->where)) {
        return meaning_poison();
    }
    call.axes = resolve_axes(el, c->axes, axes);
    return c->builtin->handle(&call);
}

// ---- Cells and functions ----

static int find_declaration(const declaration *at, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(at[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool set_named(elaborator *el, application *a, named_meanings *list, uint32_t i,
                      const call_argument *arg) {
    if (list->at[i].name) {
        report_given_twice(el, a->callee, arg->whole, list->at[i].name);
        return false;
    }
    const definition *def = a->callee->def;
    const char *name = list == &a->inputs ? def->inputs.at[i].name : def->states.at[i].name;
    list->at[i] = (named_meaning){name, arg->where, arg->value};
    return true;
}

static bool set_parameter(elaborator *el, application *a, uint32_t i, const call_argument *arg,
                          bool newly_bound[]) {
    if (newly_bound[i]) {
        report_given_twice(el, a->callee, arg->whole, a->callee->def->parameters.at[i].name);
        return false;
    }
    a->slots[i] = arg->value;
    a->bound[i] = newly_bound[i] = true;
    return true;
}

// All that a call may give, in order.
static name_list signature(elaborator *el, const application *a) {
    const definition *def = a->callee->def;
    name_list names = {0};
    for (uint32_t k = 0; k < def->parameters.count; k++) {
        vec_push(el->memory, names, def->parameters.at[k].name);
    }
    for (uint32_t k = 0; k < a->inputs.count; k++) {
        vec_push(el->memory, names, def->inputs.at[k].name);
    }
    for (uint32_t k = 0; k < a->states.count; k++) {
        vec_push(el->memory, names, def->states.at[k].name);
    }
    return names;
}

static bool bind_by_name(elaborator *el, application *a, const call_argument *arg, bool newly_bound[]) {
    const definition *def = a->callee->def;
    int i = find_declaration(def->parameters.at, def->parameters.count, arg->name);
    if (i >= 0) {
        return set_parameter(el, a, (uint32_t)i, arg, newly_bound);
    }
    i = find_declaration(def->inputs.at, a->inputs.count, arg->name);
    if (i >= 0) {
        return set_named(el, a, &a->inputs, (uint32_t)i, arg);
    }
    i = a->how->step ? find_declaration(def->states.at, def->states.count, arg->name) : -1;
    if (i >= 0) {
        return set_named(el, a, &a->states, (uint32_t)i, arg);
    }
    report_unknown_argument(el, a->callee, arg, signature(el, a));
    return false;
}

static bool fill_next(elaborator *el, application *a, named_meanings *list, const call_argument *arg,
                      bool *out_full) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (!list->at[i].name) {
            *out_full = false;
            return set_named(el, a, list, i, arg);
        }
    }
    *out_full = true;
    return true;
}

// Whether any of the list has been given.
static bool any_named(const named_meanings *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->at[i].name) {
            return true;
        }
    }
    return false;
}

// By place, a function's values go to its parameters in order. A cell's parameters are known when compiling: its
// inputs begin with the first value by place that is not.
static bool bind_by_place(elaborator *el, application *a, const call_argument *arg, bool newly_bound[],
                          bool *inputs_begun) {
    const definition *def = a->callee->def;
    *inputs_begun |= def->kind == DEFINITION_CELL && !is_compile_time(arg->value);
    bool parameter = !*inputs_begun;
    for (uint32_t i = 0; parameter && i < def->parameters.count; i++) {
        if (!a->bound[i]) {
            return set_parameter(el, a, i, arg, newly_bound);
        }
    }
    bool full = true;
    if (def->kind == DEFINITION_CELL && !fill_next(el, a, &a->inputs, arg, &full)) {
        return false;
    }
    if (full && a->how->step && !fill_next(el, a, &a->states, arg, &full)) {
        return false;
    }
    if (full) {
        bool late = *inputs_begun && is_compile_time(arg->value);
        elaborate_error(el, arg->where, "%s: '%s' takes %s",
                        late ? "parameters stand before inputs" : "too many values", def->name,
                        join_names(el, signature(el, a)));
    }
    return !full;
}

static bool bind_definition(elaborator *el, application *a, const call_arguments *args) {
    const definition *def = a->callee->def;
    bool *newly_bound = arena_new_array(el->memory, bool, def->parameters.count + 1);
    // Names first: values by place fill what the names leave.
    for (uint32_t i = 0; i < args->count; i++) {
        if (args->at[i].name && !bind_by_name(el, a, &args->at[i], newly_bound)) {
            return false;
        }
    }
    bool inputs_begun = false;
    for (uint32_t i = 0; i < args->count; i++) {
        if (!args->at[i].name && !bind_by_place(el, a, &args->at[i], newly_bound, &inputs_begun)) {
            return false;
        }
    }
    return true;
}

static const char *missing_parameter(const application *a) {
    const definition *def = a->callee->def;
    for (uint32_t i = 0; i < def->parameters.count; i++) {
        if (!a->bound[i] && !def->parameters.at[i].value) {
            return def->parameters.at[i].name;
        }
    }
    return NULL;
}

static bool is_partial(const application *a) {
    const definition *def = a->callee->def;
    if (def->kind == DEFINITION_FUNCTION) {
        return missing_parameter(a) != NULL;
    }
    return def->inputs.count > 0 && !any_named(&a->inputs) && !a->how->step;
}

static bool report_incomplete(elaborator *el, const application *a, const named_meanings *list,
                              const char *kind) {
    const definition *def = a->callee->def;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!list->at[i].name) {
            const declaration *decl = list == &a->inputs ? &def->inputs.at[i] : &def->states.at[i];
            elaborate_error(el, a->where, "the %s '%s' of '%s' is missing", kind, decl->name, def->name);
            return true;
        }
    }
    return false;
}

static bool check_complete(elaborator *el, const application *a) {
    const char *missing = missing_parameter(a);
    if (missing) {
        elaborate_error(el, a->where, "the parameter '%s' of '%s' is missing", missing, a->callee->name);
        return false;
    }
    return !report_incomplete(el, a, &a->inputs, "input") &&
           !(a->how->step && report_incomplete(el, a, &a->states, "state"));
}

static meaning partial_definition(elaborator *el, const application *a) {
    callable *c = callable_copy(el, a->callee);
    memcpy(c->slots, a->slots, c->slot_count * sizeof *c->slots);
    memcpy(c->bound, a->bound, c->slot_count * sizeof *c->bound);
    return (meaning){.kind = MEANING_CALLABLE, .callable = c};
}

static void open_application(elaborator *el, application *a) {
    const callable *copy = callable_copy(el, a->callee);
    a->slots = copy->slots;
    a->bound = copy->bound;
    named_meaning empty = {0};
    bool cell = a->callee->def->kind == DEFINITION_CELL;
    for (uint32_t i = 0; cell && i < a->callee->def->inputs.count; i++) {
        vec_push(el->memory, a->inputs, empty);
    }
    for (uint32_t i = 0; a->how->step && i < a->callee->def->states.count; i++) {
        vec_push(el->memory, a->states, empty);
    }
}

static void call_definition(elaborator *el, const callable *c, const call_arguments *args,
                            const modifiers *how, span where, meanings *out) {
    application a = {.callee = c, .how = how, .where = where};
    if (c->def->kind == DEFINITION_MODEL) {
        elaborate_error(el, where, "'%s' is a model; only cells and functions can be used", c->name);
        return;
    }
    open_application(el, &a);
    if (!bind_definition(el, &a, args)) {
        return;
    }
    bool modified = how->backward || how->from || how->along;
    if (is_partial(&a) && !modified) {
        vec_push(el->memory, *out, partial_definition(el, &a));
    } else if (modified && c->def->kind != DEFINITION_CELL) {
        elaborate_error(el, where, "'backward', 'from' and 'along' go with cells; '%s' is a function",
                        c->name);
    } else if (check_complete(el, &a)) {
        apply_definition(el, &a, out);
    }
}

// ---- Any call ----

// Peels `backward`, `from` and `along` off; returns the call inside, or NULL after an error.
static const expression *read_modifiers(elaborator *el, const expression *e, modifiers *how) {
    while (e->kind != EXPR_CALL) {
        if (e->kind == EXPR_BACKWARD && !how->backward) {
            how->backward = true;
            how->backward_where = e->where;
        } else if (e->kind == EXPR_FROM && !how->from) {
            how->from = e;
        } else if (e->kind == EXPR_ALONG && !how->along) {
            how->along = e;
        } else {
            elaborate_error(el, e->where, "expected the application of a cell");
            return NULL;
        }
        e = e->a;
    }
    return e;
}

static void add_argument(elaborator *el, const argument *arg, call_arguments *args) {
    bool named = arg->value->kind == EXPR_NAME || arg->value->kind == EXPR_NEXT;
    call_argument added = {arg->name, named ? arg->value->text : NULL, arg->value->where, arg->where,
                           evaluate(el, arg->value)};
    vec_push(el->memory, *args, added);
}

static bool evaluate_arguments(elaborator *el, const expression *call, call_arguments *args) {
    bool sound = true;
    for (uint32_t i = 0; i < call->args.count; i++) {
        add_argument(el, &call->args.at[i], args);
        sound = sound && !is_poison(args->at[i].value);
    }
    return sound;
}

static void call_meaning(elaborator *el, meaning callee, const expression *call, const modifiers *how,
                         meanings *out) {
    call_arguments args = {0};
    bool sound = evaluate_arguments(el, call, &args);
    if (is_poison(callee) || !sound) {
        return;
    }
    if (callee.kind != MEANING_CALLABLE) {
        elaborate_error(el, call->a->where, "only cells and functions can be called, found %s",
                        meaning_text(el, callee));
        return;
    }
    const callable *c = callee.callable;
    if (how->step && (!c->def || c->def->kind != DEFINITION_CELL)) {
        elaborate_error(el, call->where, "'step' goes with cells; '%s' is none", c->name);
        return;
    }
    if (c->def) {
        call_definition(el, c, &args, how, call->where, out);
        return;
    }
    if (how->backward || how->from || how->along) {
        elaborate_error(el, call->where, "'backward', 'from' and 'along' go with cells; '%s' is a function",
                        c->name);
        return;
    }
    vec_push(el->memory, *out, call_builtin(el, c, &args, call));
}

void evaluate_call(elaborator *el, const expression *e, meanings *out) {
    modifiers how = {0};
    const expression *call = read_modifiers(el, e, &how);
    if (call) {
        const expression *callee = call->a;
        how.step = callee->kind == EXPR_MEMBER && strcmp(callee->text, "step") == 0;
        call_meaning(el, evaluate(el, how.step ? callee->a : callee), call, &how, out);
    }
    if (out->count == 0) {
        vec_push(el->memory, *out, meaning_poison());
    }
}
