// Cells: the axis they run along, their states before and after each step.
//
// A state is a `previous` node (`following` in a backward cell) made before the body, whose first operand is set
// to the new state after the body: the recurrence is that one edge.
#include <string.h>

#include "frontend/elaborate.h"

static axis_set sequences(axis_set axes) {
    return axes & (axis_set)~AXIS_BIT(AXIS_BATCH);
}

// The axes of the inputs that are given step by step: all but those declared with axes of their own.
static axis_set stepped_axes(elaborator *el, const application *a) {
    axis_set axes = 0;
    for (uint32_t i = 0; i < a->inputs.count; i++) {
        meaning v = a->inputs.at[i].value;
        bool whole = a->callee->def->inputs.at[i].axes.count > 0;
        axes |= is_node(v) && !whole ? axes_of(el, v.node) : 0;
    }
    return axes;
}

static int report_no_sequence(elaborator *el, const application *a) {
    elaborate_error(el, a->where,
                    "'%s' needs a sequence to run along, but its inputs have none; .step makes one step",
                    a->callee->name);
    return NO_AXIS;
}

static int choose_axis(elaborator *el, const application *a, axis_set axes) {
    axis_set candidates = sequences(axes);
    int running = el->frame->running;
    if (a->how->along) {
        if (a->how->along->axes.count > 1) {
            elaborate_error(el, a->how->along->where, "'along … as' is not supported yet");
            return NO_AXIS;
        }
        int axis = scope_axis(el, a->how->along->axes.at[0]);
        return axis == NO_AXIS ? NO_AXIS : parts_resolve(el, axis, axes);
    }
    if (running != NO_AXIS && (!candidates || (candidates & AXIS_BIT(running)))) {
        return running;
    }
    if (!candidates) {
        return report_no_sequence(el, a);
    }
    if (axis_count(candidates) > 1) {
        elaborate_error(el, a->where, "the inputs of '%s' run along several axes: say which with 'along'",
                        a->callee->name);
        return NO_AXIS;
    }
    return __builtin_ctz(candidates);
}

static bool give(elaborator *el, const application *a, frame *f, named_meaning given) {
    const definition *def = a->callee->def;
    const char **known = arena_new_array(el->memory, const char *, def->states.count + 1);
    for (uint32_t i = 0; i < def->states.count; i++) {
        known[i] = def->states.at[i].name;
        if (strcmp(def->states.at[i].name, given.name) == 0) {
            vec_push(el->memory, f->given, given);
            return true;
        }
    }
    const char *near = nearest_name(given.name, known, def->states.count);
    elaborate_error(el, given.where, "'%s' has no state '%s'%s%s%s", def->name, given.name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

// from (h = …, c = …)
static bool give_listed(elaborator *el, const application *a, frame *f) {
    const expression *from = a->how->from;
    for (uint32_t i = 0; i < from->args.count; i++) {
        const argument *arg = &from->args.at[i];
        if (!arg->name) {
            elaborate_error(el, arg->where, "name the state: from (h = …)");
            return false;
        }
        if (!give(el, a, f, (named_meaning){arg->name, arg->where, evaluate(el, arg->value)})) {
            return false;
        }
    }
    return true;
}

// from end: all states of another application.
static bool give_all(elaborator *el, const application *a, frame *f) {
    const expression *record = a->how->from->b;
    meaning v = evaluate(el, record);
    if (is_poison(v)) {
        return false;
    }
    if (v.kind != MEANING_STATES) {
        elaborate_error(el, record->where, "'from' needs final states or a list (h = …), found %s",
                        meaning_text(el, v));
        return false;
    }
    for (uint32_t i = 0; i < a->callee->def->states.count; i++) {
        const char *name = a->callee->def->states.at[i].name;
        named_meaning given = {name, record->where, states_member(el, v.states, name, record->where)};
        if (is_poison(given.value) || !give(el, a, f, given)) {
            return false;
        }
    }
    return true;
}

static bool take_given(elaborator *el, const application *a, frame *f) {
    for (uint32_t i = 0; i < a->states.count; i++) {
        vec_push(el->memory, f->given, a->states.at[i]);
    }
    if (!a->how->from) {
        return true;
    }
    return a->how->from->b ? give_all(el, a, f) : give_listed(el, a, f);
}

static bool check_direction(elaborator *el, const application *a, const frame *f) {
    if (a->how->backward && f->running == el->frame->running) {
        elaborate_error(el, a->how->backward_where,
                        "inside a step of '%s' a cell makes a step too: it cannot run backward",
                        el->frame->def->name);
        return false;
    }
    return true;
}

bool cell_open(elaborator *el, const application *a, frame *f) {
    axis_set axes = stepped_axes(el, a);
    f->stepping = a->how->step;
    if (!parts_check(el, axes, a->where) || !take_given(el, a, f)) {
        return false;
    }
    f->state_axes = axes | AXIS_BIT(AXIS_BATCH);
    if (f->stepping) {
        return true;
    }
    f->running = choose_axis(el, a, axes);
    if (f->running == NO_AXIS || !check_direction(el, a, f)) {
        return false;
    }
    // A cell that runs along an axis of its own starts in its own direction.
    f->backward = a->how->backward || (f->running == el->frame->running && el->frame->backward);
    f->state_axes |= AXIS_BIT(f->running);
    return true;
}

static const named_meaning *find_given(const frame *f, const char *name) {
    for (uint32_t i = 0; i < f->given.count; i++) {
        if (strcmp(f->given.at[i].name, name) == 0) {
            return &f->given.at[i];
        }
    }
    return NULL;
}

// A value for a state of |n| columns over |axes|; NO_NODE after an error.
static node_id fit_state(elaborator *el, const cell_state *s, meaning v, span where, axis_set axes,
                         const char *what) {
    node_id x = real_operand(el, v, where, what);
    if (x == NO_NODE) {
        return NO_NODE;
    }
    value_type want = type_vector(el->g->real, axes, s->size), have = graph_type(el->g, x);
    if (have.dim[0] != s->size && !(v.kind == MEANING_NUMBER)) {
        elaborate_error(el, where, "%s has %d columns, the state '%s' has %d (declared at %s)", what,
                        have.dim[0], s->name, s->size, place_text(el, s->where, where));
        return NO_NODE;
    }
    if (have.axes & ~axes) {
        elaborate_error(el, where, "%s is %s: it runs along more axes than the state '%s'", what,
                        meaning_text(el, meaning_real(x)), s->name);
        return NO_NODE;
    }
    return build_broadcast(el->g, x, want);
}

static void declare_running_state(elaborator *el, cell_state *s) {
    frame *f = el->frame;
    const named_meaning *given = find_given(f, s->name);
    axis_set start_axes = f->state_axes & (axis_set)~AXIS_BIT(f->running);
    value_type type = type_vector(el->g->real, f->state_axes, s->size);
    node_id start =
        given ? fit_state(el, s, given->value, given->where, start_axes, "the initial state")
              : build_input(el->g, s->full_name, "state", type_vector(el->g->real, start_axes, s->size));
    if (start == NO_NODE) {
        return;
    }
    s->is_given = given != NULL;
    op_id op = f->backward ? OP_FOLLOWING : OP_PREVIOUS;
    s->delay = build_delay(el->g, op, NO_NODE, start, f->running, type);
    s->old = meaning_real(s->delay);
}

static void declare_stepped_state(elaborator *el, cell_state *s) {
    frame *f = el->frame;
    const named_meaning *given = find_given(f, s->name);
    if (!given) {
        return; // a state within repeat or if, which was reported
    }
    node_id x = real_operand(el, given->value, given->where, "a state");
    axis_set axes = x == NO_NODE ? 0 : axes_of(el, x);
    f->state_axes |= axes;
    s->old = meaning_real(fit_state(el, s, given->value, given->where, axes, "the given state"));
}

void cell_declare_state(elaborator *el, const declaration *decl) {
    frame *f = el->frame;
    if (f->def->kind != DEFINITION_CELL) {
        elaborate_error(el, decl->where, "only cells have states");
        return;
    }
    if (decl->sizes.count != 1) {
        elaborate_error(el, decl->where, "a state is a vector: %s[n]", decl->name);
        return;
    }
    if (scope_find_local(f, decl->name)) {
        scope_define(el, decl->name, decl->where, meaning_poison(), ROLE_STATE);
        return;
    }
    cell_state s = {.name = decl->name,
                    .where = decl->where,
                    .delay = NO_NODE,
                    .old = meaning_poison(),
                    .full_name = place_join(el, f->state_place, decl->name)};
    place_set_origin(el, decl->where, s.full_name);
    s.size = evaluate_size(el, decl->sizes.at[0], "the size of a state");
    if (s.size && f->stepping) {
        declare_stepped_state(el, &s);
    } else if (s.size) {
        declare_running_state(el, &s);
    }
    scope_define(el, decl->name, decl->where, s.old, ROLE_STATE);
    vec_push(el->memory, f->states, s);
}

static void close_state(elaborator *el, cell_state *s) {
    frame *f = el->frame;
    if (!s->has_next) {
        elaborate_error(el, s->where, "the state '%s' gets no new value: 'next %s = …' is missing", s->name,
                        s->name);
        return;
    }
    if (s->delay == NO_NODE || is_poison(s->next)) {
        equations_note(el, s->name, s->where, s->next);
        return;
    }
    place_set_origin(el, s->where, s->full_name);
    node_id next = fit_state(el, s, s->next, s->next_where, f->state_axes,
                             arena_printf(el->memory, "'next %s'", s->name));
    if (next == NO_NODE) {
        return;
    }
    next = lengths_select(el, f->running, next, s->delay);
    s->next = meaning_real(next);
    equations_note(el, s->name, s->where, s->next);
    graph_set_operand(el->g, s->delay, 0, next);
    if (!s->is_given) {
        graph_add_output(el->g, s->full_name,
                         build_end(el->g, f->backward ? OP_FIRST : OP_LAST, next, f->running), OUTPUT_STATE);
    }
}

void cell_close(elaborator *el) {
    frame *f = el->frame;
    for (uint32_t i = 0; i < f->states.count; i++) {
        close_state(el, &f->states.at[i]);
    }
}

static void push_end(elaborator *el, const frame *f, meanings *out) {
    final_states *end = arena_new(el->memory, final_states);
    end->of = f->def->name;
    for (uint32_t i = 0; i < f->states.count; i++) {
        const cell_state *s = &f->states.at[i];
        final_state added = {s->name, is_node(s->next) ? s->next.node : NO_NODE, NO_NODE, f->running,
                             f->backward ? OP_FIRST : OP_LAST};
        vec_push(el->memory, end->states, added);
    }
    meaning v = {.kind = MEANING_STATES, .states = end};
    vec_push(el->memory, *out, v);
}

// An application's values are its outputs and its final states; those of .step are the next states.
void cell_results(elaborator *el, meanings *out) {
    const frame *f = el->frame;
    if (f->stepping) {
        for (uint32_t i = 0; i < f->states.count; i++) {
            vec_push(el->memory, *out, f->states.at[i].has_next ? f->states.at[i].next : meaning_poison());
        }
        return;
    }
    place_set_origin(el, f->call, f->state_place);
    for (uint32_t i = 0; i < f->outputs.count; i++) {
        meaning v = f->outputs.at[i].value;
        if (is_node(v) && v.domain == DOMAIN_REAL && f->caller->running != f->running) {
            v.node = lengths_zero(el, v.node);
        }
        vec_push(el->memory, *out, v);
    }
    if (f->outputs.count == 0) {
        elaborate_error(el, f->def->where, "the cell '%s' has no output", f->def->name);
        return;
    }
    push_end(el, f, out);
}

meaning states_member(elaborator *el, final_states *states, const char *name, span where) {
    const char **known = arena_new_array(el->memory, const char *, states->states.count + 1);
    for (uint32_t i = 0; i < states->states.count; i++) {
        final_state *s = &states->states.at[i];
        known[i] = s->name;
        if (strcmp(s->name, name) != 0) {
            continue;
        }
        if (s->value == NO_NODE && s->next != NO_NODE) {
            s->value = build_end(el->g, s->end, s->next, s->axis);
        }
        return meaning_real(s->value);
    }
    const char *near = nearest_name(name, known, states->states.count);
    return elaborate_error(el, where, "the final states of '%s' have no '%s'%s%s%s", states->of, name,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
