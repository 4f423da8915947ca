// Equations by name: what they are worth can be shown as an output of the model on request.
#include <string.h>

#include "frontend/elaborate.h"
#include "frontend/model_data.h"

void equations_note(elaborator *el, const char *name, span where, meaning v) {
    const frame *f = el->frame;
    bool within_use = f->def->is_standard && f->def->kind == DEFINITION_FUNCTION;
    bool shown = v.kind == MEANING_NUMBER || (is_node(v) && v.domain != DOMAIN_MATRIX);
    if (shown && !within_use) {
        const char *local = arena_printf(el->memory, "%s%s", name, f->suffix);
        named_meaning added = {place_join(el, f->state_place, local), where, v};
        vec_push(el->memory, el->equations, added);
    }
}

static const named_meaning *find(const elaborator *el, const char *name) {
    for (uint32_t i = 0; i < el->equations.count; i++) {
        if (strcmp(el->equations.at[i].name, name) == 0) {
            return &el->equations.at[i];
        }
    }
    return NULL;
}

// The final state of a cell has the name of the equation that says each of its steps.
static bool is_output(const elaborator *el, const char *name) {
    for (uint32_t i = 0; i < el->g->outputs.count; i++) {
        const graph_output *o = &el->g->outputs.at[i];
        if (o->role != OUTPUT_STATE && strcmp(o->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void report_unknown(elaborator *el, const char *name) {
    const char **known = arena_new_array(el->memory, const char *, el->equations.count + 1);
    for (uint32_t i = 0; i < el->equations.count; i++) {
        known[i] = el->equations.at[i].name;
    }
    const char *near = nearest_name(name, known, el->equations.count);
    diag_error(el->d, NO_SPAN, "the model '%s' has no equation '%s'%s%s%s", el->g->name, name,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

void equations_show(elaborator *el, const char *const *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const named_meaning *e = find(el, names[i]);
        if (!e) {
            report_unknown(el, names[i]);
        } else if (!is_output(el, names[i])) {
            place_set_origin(el, e->where, e->name);
            model_add_value(el, e->name, e->value);
        }
    }
}
