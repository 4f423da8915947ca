// Places: the names of weights, states and equations after where they stand, as "lstm.0.f.h".
#include <string.h>

#include "frontend/elaborate.h"

const char *place_join(elaborator *el, const char *place, const char *name) {
    return *place ? arena_printf(el->memory, "%s.%s", place, name) : arena_strdup(el->memory, name);
}

uint32_t place_count(elaborator *el, const char *name) {
    frame *f = el->frame;
    for (uint32_t i = 0; i < f->counters.count; i++) {
        if (strcmp(f->counters.at[i].name, name) == 0) {
            return f->counters.at[i].uses++;
        }
    }
    use_counter added = {name, 1};
    vec_push(el->memory, f->counters, added);
    return 0;
}

const char *place_unique(elaborator *el, const char *name) {
    // The mark keeps names of weights and of definitions apart: both are counted in the same list.
    uint32_t k = place_count(el, arena_printf(el->memory, "=%s", name));
    return k == 0 ? name : arena_printf(el->memory, "%s.%u", name, k);
}

const char *place_equation(elaborator *el) {
    const frame *f = el->frame;
    return arena_printf(el->memory, "%s%s", f->equation ? f->equation : "output", f->suffix);
}

void place_set_origin(elaborator *el, span where, const char *path) {
    const frame *use = find_own_use(el, where);
    el->g->current_origin = graph_add_origin(el->g, use ? use->call : where, path);
}

static weight_entry *find_weight(elaborator *el, const char *name) {
    for (uint32_t i = 0; i < el->weights.count; i++) {
        if (strcmp(el->weights.at[i].name, name) == 0) {
            return &el->weights.at[i];
        }
    }
    return NULL;
}

static node_id reuse_weight(elaborator *el, const weight_request *r, weight_entry *entry) {
    value_type have = graph_type(el->g, entry->node);
    if (type_equal(have, r->type)) {
        return entry->node;
    }
    const char *at = place_text(el, entry->where, r->where);
    if (have.rank == 2 && r->type.rank == 2 && have.dim[0] != r->type.dim[0]) {
        elaborate_error(el, r->where, "%s expects %d columns, '%s' has %d (made at %s)", r->what,
                        r->type.dim[0], r->name, have.dim[0], at);
    } else {
        elaborate_error(el, r->where, "%s needs the weight '%s' with %d columns, it has %d (made at %s)",
                        r->what, r->name, r->type.dim[r->type.rank - 1], have.dim[have.rank - 1], at);
    }
    return NO_NODE;
}

// Two places may come to the same name by bad luck (an equation called like a definition): count on.
static const char *free_name(elaborator *el, const char *name) {
    const char *candidate = name;
    for (uint32_t k = 1; find_weight(el, candidate); k++) {
        candidate = arena_printf(el->memory, "%s.%u", name, k);
    }
    return candidate;
}

// Sizes beyond any memory are a slip of the pen.
static bool check_elements(elaborator *el, const weight_request *r) {
    const int64_t most = (int64_t)1 << 36;
    if (type_columns(r->type) <= most) {
        return true;
    }
    elaborate_error(el, r->where, "the weight '%s' would have %d x %d elements", r->name, r->type.dim[0],
                    r->type.dim[1]);
    return false;
}

node_id place_weight(elaborator *el, const weight_request *r) {
    if (!check_elements(el, r)) {
        return NO_NODE;
    }
    weight_entry *known = find_weight(el, r->name);
    if (known && (r->shared || r->in_shared_frame)) {
        return reuse_weight(el, r, known);
    }
    const char *name = known ? free_name(el, r->name) : r->name;
    graph_add_variable(el->g, name, r->type, r->frozen ? VARIABLE_FROZEN : VARIABLE_WEIGHT, r->init);
    weight_entry added = {name, r->where, build_variable(el->g, name), r->shared};
    vec_push(el->memory, el->weights, added);
    return added.node;
}
