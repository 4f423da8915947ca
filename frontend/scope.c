// What a name means: a local of the current use of a definition, a definition, a builtin, a constant, an axis.
#include <math.h>
#include <string.h>

#include "frontend/builtin.h"
#include "frontend/source.h"

typedef VEC(const char *) name_list;

local_name *scope_find_local(frame *f, const char *name) {
    for (uint32_t i = 0; i < f->names.count; i++) {
        if (strcmp(f->names.at[i].name, name) == 0) {
            return &f->names.at[i];
        }
    }
    return NULL;
}

cell_state *scope_find_state(frame *f, const char *name) {
    for (uint32_t i = 0; i < f->states.count; i++) {
        if (strcmp(f->states.at[i].name, name) == 0) {
            return &f->states.at[i];
        }
    }
    return NULL;
}

// Within repeat an equation or an input may get a newer value, once in each round.
static bool may_redefine(const frame *f, const local_name *old, name_role role) {
    bool variable = old->role == ROLE_EQUATION || old->role == ROLE_INPUT;
    return f->iteration && variable && role == ROLE_EQUATION && old->iteration != f->iteration;
}

void scope_define(elaborator *el, const char *name, span where, meaning v, name_role role) {
    frame *f = el->frame;
    local_name *old = scope_find_local(f, name);
    if (!old && f->names.count >= ELABORATE_NAME_LIMIT) {
        elaborate_error(el, where, "more than %d names in one definition", ELABORATE_NAME_LIMIT);
        el->too_large = true;
    } else if (!old) {
        local_name added = {name, v, where, role, f->iteration, false};
        vec_push(el->memory, f->names, added);
    } else if (may_redefine(f, old, role)) {
        old->value = v;
        old->where = where;
        old->iteration = f->iteration;
    } else {
        elaborate_error(el, where, "'%s' is already defined at %s", name, place_text(el, old->where, where));
    }
}

static callable *callable_of_definition(elaborator *el, const definition *def) {
    callable *c = arena_new(el->memory, callable);
    c->name = def->name;
    c->def = def;
    c->slot_count = def->parameters.count;
    c->slots = arena_new_array(el->memory, meaning, c->slot_count + 1);
    c->bound = arena_new_array(el->memory, bool, c->slot_count + 1);
    return c;
}

static callable *callable_of_builtin(elaborator *el, const builtin *b) {
    callable *c = arena_new(el->memory, callable);
    c->name = b->name;
    c->builtin = b;
    c->slot_count = builtin_slot_count(b);
    c->slots = arena_new_array(el->memory, meaning, c->slot_count + 1);
    c->bound = arena_new_array(el->memory, bool, c->slot_count + 1);
    return c;
}

callable *callable_copy(elaborator *el, const callable *c) {
    callable *copy = arena_copy(el->memory, c, sizeof *c);
    copy->slots = arena_copy(el->memory, c->slots, (c->slot_count + 1) * sizeof *c->slots);
    copy->bound = arena_copy(el->memory, c->bound, (c->slot_count + 1) * sizeof *c->bound);
    return copy;
}

typedef struct constant_row {
    const char *name;
    meaning value;
} constant_row;

static bool find_constant(const char *name, meaning *out) {
    const constant_row rows[] = {
        {"true", meaning_truth(true)},
        {"false", meaning_truth(false)},
        {"pi", meaning_number(3.14159265358979323846)},
        {"inf", meaning_number((double)INFINITY)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = rows[i].value;
            return true;
        }
    }
    return false;
}

static int find_axis(const frame *f, const char *name) {
    for (uint32_t i = f->axes.count; i-- > 0;) {
        if (strcmp(f->axes.at[i].name, name) == 0) {
            return f->axes.at[i].axis;
        }
    }
    return strcmp(name, "batch") == 0 ? AXIS_BATCH : NO_AXIS;
}

static void add_axis_names(elaborator *el, name_list *names) {
    for (uint32_t i = 0; i < el->frame->axes.count; i++) {
        vec_push(el->memory, *names, el->frame->axes.at[i].name);
    }
    vec_push(el->memory, *names, "batch");
}

// Bound to nothing because of an error that was reported at the binding.
static bool is_poisoned_axis(const frame *f, const char *name) {
    for (uint32_t i = 0; i < f->axes.count; i++) {
        if (f->axes.at[i].axis == NO_AXIS && strcmp(f->axes.at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int scope_axis(elaborator *el, axis_name name) {
    int axis = find_axis(el->frame, name.name);
    if (axis != NO_AXIS || is_poisoned_axis(el->frame, name.name)) {
        return axis;
    }
    name_list known = {0};
    add_axis_names(el, &known);
    const char *near = nearest_name(name.name, known.at, known.count);
    if (near) {
        elaborate_error(el, name.where, "unknown axis '%s'; did you mean '%s'?", name.name, near);
    } else {
        elaborate_error(el, name.where, "unknown axis '%s'; no input here is declared with it", name.name);
    }
    return NO_AXIS;
}

static void report_unknown(elaborator *el, const char *name, span where) {
    name_list known = {0};
    const frame *f = el->frame;
    for (uint32_t i = 0; i < f->names.count; i++) {
        vec_push(el->memory, known, f->names.at[i].name);
    }
    for (uint32_t i = 0; i < el->unit->tree.definitions.count; i++) {
        vec_push(el->memory, known, el->unit->tree.definitions.at[i]->name);
    }
    for (uint32_t i = 0; i < el->unit->standard.definitions.count; i++) {
        vec_push(el->memory, known, el->unit->standard.definitions.at[i]->name);
    }
    for (uint32_t i = 0; i < builtin_count(); i++) {
        vec_push(el->memory, known, builtin_at(i)->name);
    }
    add_axis_names(el, &known);
    const char *near = nearest_name(name, known.at, known.count);
    if (near) {
        elaborate_error(el, where, "unknown name '%s'; did you mean '%s'?", name, near);
    } else {
        elaborate_error(el, where, "unknown name '%s'", name);
    }
}

static bool find_global(elaborator *el, const char *name, meaning *out) {
    bool standard = el->frame->def && el->frame->def->is_standard;
    const definition *def = source_find(el->unit, name, standard);
    if (def) {
        *out = (meaning){.kind = MEANING_CALLABLE, .callable = callable_of_definition(el, def)};
        return true;
    }
    const builtin *b = builtin_find(name);
    if (b) {
        *out = (meaning){.kind = MEANING_CALLABLE, .callable = callable_of_builtin(el, b)};
        return true;
    }
    if (find_constant(name, out)) {
        return true;
    }
    int axis = find_axis(el->frame, name);
    if (axis != NO_AXIS) {
        *out = (meaning){.kind = MEANING_AXIS, .axis = axis};
        return true;
    }
    return false;
}

meaning scope_lookup(elaborator *el, const char *name, span where) {
    local_name *local = scope_find_local(el->frame, name);
    if (local) {
        local->used = true;
        return local->value;
    }
    meaning found;
    if (find_global(el, name, &found)) {
        return found;
    }
    if (!is_poisoned_axis(el->frame, name)) {
        report_unknown(el, name, where);
    }
    return meaning_poison();
}

static bool warn_once(elaborator *el, span where) {
    for (uint32_t i = 0; i < el->warned.count; i++) {
        if (memcmp(&el->warned.at[i], &where, sizeof where) == 0) {
            return false;
        }
    }
    vec_push(el->memory, el->warned, where);
    return true;
}

// Said once for each place in the text, however often the definition is used.
void scope_warn_unused(elaborator *el) {
    static const char *const kinds[] = {"parameter",         "input",   "state", "weight",
                                        "shared definition", "equation"};
    const frame *f = el->frame;
    if (f->def->is_standard || el->d->error_count) {
        return; // an error may be why something is not used
    }
    for (uint32_t i = 0; i < f->names.count; i++) {
        const local_name *n = &f->names.at[i];
        bool interface = n->role == ROLE_PARAMETER && f->def->kind != DEFINITION_MODEL;
        if (!n->used && !interface && warn_once(el, n->where)) {
            diag_warning(el->d, n->where, "the %s '%s' is never used", kinds[n->role], n->name);
        }
    }
}
