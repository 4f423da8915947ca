#include <math.h>
#include <string.h>

#include "frontend/builtin.h"

bool number_of_meaning(elaborator *el, meaning v, span where, const char *what, double *out_number) {
    if (v.kind == MEANING_NUMBER) {
        *out_number = v.number;
        return true;
    }
    if (!is_poison(v)) {
        elaborate_error(el, where, "%s must be a number known when the model is compiled, found %s", what,
                        meaning_text(el, v));
    }
    return false;
}

int32_t size_of_meaning(elaborator *el, meaning v, span where, const char *what) {
    double n;
    if (!number_of_meaning(el, v, where, what, &n)) {
        return 0;
    }
    if (!(n >= 1 && n <= INT32_MAX && n == floor(n))) {
        elaborate_error(el, where, "%s must be a whole number from 1 to %d, found %.10g", what, INT32_MAX, n);
        return 0;
    }
    return (int32_t)n;
}

int32_t evaluate_size(elaborator *el, const expression *e, const char *what) {
    return size_of_meaning(el, evaluate(el, e), e->where, what);
}

static meaning evaluate_name(elaborator *el, const expression *e) {
    cell_state *state = scope_find_state(el->frame, e->text);
    if (state) {
        local_name *local = scope_find_local(el->frame, e->text);
        if (local) {
            local->used = true;
        }
        return state->old;
    }
    return scope_lookup(el, e->text, e->where);
}

static meaning evaluate_next(elaborator *el, const expression *e) {
    cell_state *state = scope_find_state(el->frame, e->text);
    if (!state) {
        return elaborate_error(el, e->where, "'%s' is not a state of '%s': 'next' goes with states", e->text,
                               el->frame->def->name);
    }
    if (!state->has_next) {
        return elaborate_error(el, e->where, "'next %s' is read before it is given a value", e->text);
    }
    return state->next;
}

static meaning evaluate_axes(elaborator *el, const expression *e);

// A bound of a slice or the number of a column: a whole number from 0 to |most|.
static bool slice_bound(elaborator *el, const expression *e, const char *what, int32_t most, int32_t *out) {
    double n;
    if (!number_of_meaning(el, evaluate(el, e), e->where, what, &n)) {
        return false;
    }
    if (!(n >= 0 && n <= most && n == floor(n))) {
        elaborate_error(el, e->where, "%s must be a whole number from 0 to %d, found %.10g", what, most, n);
        return false;
    }
    *out = (int32_t)n;
    return true;
}

static meaning build_columns(elaborator *el, node_id x, int32_t from, int32_t to, span where) {
    int32_t columns = columns_of(el, x);
    if (from >= to || to > columns) {
        return elaborate_error(el, where, "columns %d to %d of a value with %d columns: nothing is left",
                               from, to, columns);
    }
    return meaning_real(build_slice(el->g, x, from, to - from));
}

static meaning evaluate_slice(elaborator *el, const expression *e) {
    meaning v = evaluate(el, e->a);
    node_id x = real_operand(el, v, e->a->where, "a slice");
    if (x == NO_NODE) {
        return meaning_poison();
    }
    int32_t columns = columns_of(el, x), from = 0, to = columns;
    const char *what = e->single ? "the number of a column" : "the bound of a slice";
    if ((e->from && !slice_bound(el, e->from, what, e->single ? columns - 1 : columns, &from)) ||
        (e->to && !slice_bound(el, e->to, what, columns, &to))) {
        return meaning_poison();
    }
    return build_columns(el, x, from, e->single ? from + 1 : to, e->where);
}

// x[k] with a number named k reads like f[T]; what stands before the bracket decides.
static meaning evaluate_axes(elaborator *el, const expression *e) {
    meaning v = evaluate(el, e->a);
    if (is_node(v) && e->axes.count == 1) {
        expression name = {.kind = EXPR_NAME, .where = e->axes.at[0].where, .text = e->axes.at[0].name};
        expression slice = {.kind = EXPR_SLICE, .where = e->where, .a = e->a, .from = &name, .single = true};
        return evaluate_slice(el, &slice);
    }
    if (is_poison(v)) {
        return v;
    }
    if (v.kind != MEANING_CALLABLE || !v.callable->builtin) {
        return elaborate_error(el, e->where, "axes in brackets go with reductions and the like, found %s",
                               meaning_text(el, v));
    }
    callable *c = callable_copy(el, v.callable);
    c->has_axes = true;
    for (uint32_t i = 0; i < e->axes.count; i++) {
        int axis = scope_axis(el, e->axes.at[i]);
        if (axis == NO_AXIS) {
            return meaning_poison();
        }
        c->axes |= AXIS_BIT(axis);
    }
    v.callable = c;
    return v;
}

static meaning shared_member(elaborator *el, const callable *c, const expression *e) {
    bool bias = strcmp(e->text, "bias") == 0 || strcmp(e->text, "deviation") == 0;
    node_id n = bias ? c->shared->bias : c->shared->matrix;
    if (n == NO_NODE && !bias) {
        n = builtin_shared_table(el, c, e->where);
    }
    if (n == NO_NODE) {
        return elaborate_error(el, e->where, "'%s' has no weight '%s' yet: it is made at its first use",
                               c->shared->name, e->text);
    }
    bool matrix = graph_type(el->g, n).rank == 2;
    return (meaning){.kind = MEANING_NODE, .domain = matrix ? DOMAIN_MATRIX : DOMAIN_REAL, .node = n};
}

static bool is_weight_member(const builtin *b, const char *name) {
    bool measured = strcmp(name, "mean") == 0 || strcmp(name, "deviation") == 0;
    bool weight = strcmp(name, "table") == 0 || strcmp(name, "weight") == 0 || strcmp(name, "bias") == 0;
    return strcmp(b->name, "standardise") == 0 ? measured : weight;
}

static meaning evaluate_member(elaborator *el, const expression *e) {
    meaning v = evaluate(el, e->a);
    if (is_poison(v)) {
        return v;
    }
    if (v.kind == MEANING_STATES) {
        return states_member(el, v.states, e->text, e->where);
    }
    if (v.kind == MEANING_CALLABLE && v.callable->shared && v.callable->builtin &&
        is_weight_member(v.callable->builtin, e->text)) {
        return shared_member(el, v.callable, e);
    }
    return elaborate_error(el, e->where, "%s has no member '%s'", meaning_text(el, v), e->text);
}

static meaning evaluate_binary(elaborator *el, const expression *e) {
    meaning a = evaluate(el, e->a);
    meaning b = evaluate(el, e->b);
    return apply_operator(el, e->op, a, b, e);
}

static meaning evaluate_one(elaborator *el, const expression *e) {
    meanings all = {0};
    evaluate_call(el, e, &all);
    return all.count ? all.at[0] : meaning_poison();
}

static meaning evaluate_kind(elaborator *el, const expression *e) {
    switch (e->kind) {
    case EXPR_NUMBER: return meaning_number(e->number);
    case EXPR_TEXT: return (meaning){.kind = MEANING_TEXT, .text = e->text};
    case EXPR_NAME: return evaluate_name(el, e);
    case EXPR_NEXT: return evaluate_next(el, e);
    case EXPR_NEGATE: return apply_negate(el, evaluate(el, e->a), e->where);
    case EXPR_NOT: return apply_not(el, evaluate(el, e->a), e->where);
    case EXPR_BINARY: return evaluate_binary(el, e);
    case EXPR_AXES: return evaluate_axes(el, e);
    case EXPR_SLICE: return evaluate_slice(el, e);
    case EXPR_PART: return evaluate_part(el, e);
    case EXPR_MEMBER: return evaluate_member(el, e);
    case EXPR_CALL:
    case EXPR_BACKWARD:
    case EXPR_FROM:
    case EXPR_ALONG: return evaluate_one(el, e);
    }
    return meaning_poison();
}

static bool within_limits(elaborator *el, span where) {
    if (el->too_large) {
        return false;
    }
    if (el->eval_depth >= ELABORATE_EXPRESSION_LIMIT) {
        elaborate_error(el, where, "the expression is nested too deeply");
        el->too_large = true;
    } else if (el->g->nodes.count > ELABORATE_NODE_LIMIT) {
        elaborate_error(el, where, "the model is too large: it has more than %d nodes", ELABORATE_NODE_LIMIT);
        el->too_large = true;
    } else if (el->work++ > ELABORATE_WORK_LIMIT) {
        elaborate_error(el, where, "the model is too large: more than %d expressions", ELABORATE_WORK_LIMIT);
        el->too_large = true;
    }
    return !el->too_large;
}

meaning evaluate(elaborator *el, const expression *e) {
    if (!within_limits(el, e->where)) {
        return meaning_poison();
    }
    el->eval_depth++;
    meaning v = evaluate_kind(el, e);
    el->eval_depth--;
    return is_node(v) && !parts_check(el, axes_of(el, v.node), e->where) ? meaning_poison() : v;
}

static bool is_application(const expression *e) {
    return e->kind == EXPR_CALL || e->kind == EXPR_BACKWARD || e->kind == EXPR_FROM || e->kind == EXPR_ALONG;
}

void evaluate_all(elaborator *el, const expression *e, meanings *out) {
    if (!is_application(e)) {
        vec_push(el->memory, *out, evaluate(el, e));
        return;
    }
    if (!within_limits(el, e->where)) {
        return;
    }
    el->eval_depth++;
    evaluate_call(el, e, out);
    el->eval_depth--;
}
