// Statements, in the order in which they are written.
#include <math.h>
#include <string.h>

#include "frontend/builtin.h"
#include "frontend/initializers.h"
#include "frontend/model_data.h"

// Errors and kernels name the user's equation. A standard function has no equations of its own to show: what
// it builds belongs to the equation that uses it.
static void begin_equation(elaborator *el, const char *name, span where) {
    frame *f = el->frame;
    f->equation = name;
    bool within_use = f->def->is_standard && f->def->kind == DEFINITION_FUNCTION;
    if (!within_use) {
        place_set_origin(el, where, place_join(el, f->state_place, place_equation(el)));
    }
}

static void define_next(elaborator *el, const target_name *target, meaning v) {
    cell_state *state = scope_find_state(el->frame, target->name);
    if (!state) {
        elaborate_error(el, target->where, "'%s' is not a state of '%s': 'next' goes with states",
                        target->name, el->frame->def->name);
    } else if (state->has_next) {
        elaborate_error(el, target->where, "'next %s' is already defined", target->name);
    } else {
        state->has_next = true;
        state->next_where = target->where;
        state->next = v.kind == MEANING_NUMBER ? meaning_real(build_real(el->g, v.number)) : v;
    }
}

static void define_target(elaborator *el, const target_name *target, meaning v, bool alone) {
    if (target->is_next) {
        define_next(el, target, v);
        return;
    }
    scope_define(el, target->name, target->where, v, ROLE_EQUATION);
    equations_note(el, target->name, target->where, v);
    local_name *name = scope_find_local(el->frame, target->name);
    if (!alone && name) {
        name->used = true; // one of several values may be left aside
    }
}

static void define_several(elaborator *el, const statement *s) {
    meanings values = {0};
    evaluate_all(el, s->value, &values);
    bool poisoned = values.count == 0 || (values.count == 1 && is_poison(values.at[0]));
    if (values.count < s->names.count && !poisoned) {
        elaborate_error(el, s->names.at[values.count].where, "there are %u values for %u names", values.count,
                        s->names.count);
        poisoned = true;
    }
    for (uint32_t i = 0; i < s->names.count; i++) {
        define_target(el, &s->names.at[i], poisoned ? meaning_poison() : values.at[i], s->names.count == 1);
    }
}

static bool is_model_level(const elaborator *el) {
    return el->frame->def->kind == DEFINITION_MODEL;
}

static void elaborate_equation(elaborator *el, const statement *s) {
    const target_name *first = &s->names.at[0];
    bool own = is_model_level(el) && s->names.count == 1 && !first->is_next;
    if (own && strcmp(first->name, "float") == 0) {
        return; // read before everything else
    }
    begin_equation(el, first->name, s->where);
    define_several(el, s);
    if (own && strcmp(first->name, "loss") == 0) {
        model_set_loss(el, s);
    }
}

static void declare_weight(elaborator *el, const declaration *decl) {
    frame *f = el->frame;
    if (decl->file_tensor) {
        elaborate_error(el, decl->where, "weights from files are not supported yet");
        return;
    }
    if (decl->sizes.count > 2) {
        elaborate_error(el, decl->where, "a weight is a vector [n] or a matrix [n, m]");
        return;
    }
    int32_t dim[2] = {1, 1};
    for (uint32_t i = 0; i < decl->sizes.count; i++) {
        dim[i] = evaluate_size(el, decl->sizes.at[i], "the size of a weight");
        if (!dim[i]) {
            scope_define(el, decl->name, decl->where, meaning_poison(), ROLE_WEIGHT);
            return;
        }
    }
    bool matrix = decl->sizes.count == 2;
    const char *local = place_unique(el, arena_printf(el->memory, "%s%s", decl->name, f->suffix));
    weight_request request = {
        .name = place_join(el, f->weight_place, local),
        .type = matrix ? type_matrix(el->g->real, dim[0], dim[1]) : type_vector(el->g->real, 0, dim[0]),
        .init = decl->init ? initializer_evaluate(el, decl->init) : (initializer){.kind = INIT_DEFAULT},
        .frozen = decl->frozen || f->frozen,
        .in_shared_frame = f->shared,
        .where = decl->where,
        .what = "'weight'"};
    meaning v = meaning_real(place_weight(el, &request));
    v.domain = matrix ? DOMAIN_MATRIX : DOMAIN_REAL;
    scope_define(el, decl->name, decl->where, v, ROLE_WEIGHT);
}

static bool can_be_shared(meaning v) {
    return v.kind == MEANING_CALLABLE && !v.callable->shared &&
           (v.callable->def || (v.callable->builtin->flags & BUILTIN_WEIGHTS));
}

static void elaborate_share(elaborator *el, const statement *s) {
    const target_name *target = &s->names.at[0];
    meaning v = evaluate(el, s->value);
    if (!is_poison(v) && !can_be_shared(v)) {
        v = elaborate_error(el, s->value->where,
                            "'share' needs a cell or function whose inputs are still missing, "
                            "found %s",
                            meaning_text(el, v));
    }
    if (!is_poison(v)) {
        callable *c = callable_copy(el, v.callable);
        c->shared = arena_new(el->memory, sharing);
        const char *local =
            place_unique(el, arena_printf(el->memory, "%s%s", target->name, el->frame->suffix));
        *c->shared = (sharing){target->name, place_join(el, el->frame->weight_place, local), s->frozen,
                               NO_NODE, NO_NODE};
        v.callable = c;
    }
    scope_define(el, target->name, target->where, v, ROLE_SHARE);
}

static const char *output_name(const argument *output) {
    bool named = output->value->kind == EXPR_NAME || output->value->kind == EXPR_NEXT;
    return output->name ? output->name : named ? output->value->text : NULL;
}

static void elaborate_output(elaborator *el, const argument *output) {
    const char *name = output_name(output);
    begin_equation(el, name ? name : "output", output->where);
    meaning v = evaluate(el, output->value);
    if (output->name) {
        scope_define(el, output->name, output->where, v, ROLE_EQUATION);
        equations_note(el, output->name, output->where, v);
        local_name *local = scope_find_local(el->frame, output->name);
        local->used = true;
    }
    if (is_model_level(el)) {
        model_add_output(el, name, output->value->where, v);
        return;
    }
    named_meaning added = {name, output->where, v};
    vec_push(el->memory, el->frame->outputs, added);
}

static void elaborate_metric(elaborator *el, const statement *s) {
    const target_name *name = &s->names.at[0];
    if (!is_model_level(el)) {
        elaborate_error(el, s->where, "only models have metrics");
        return;
    }
    begin_equation(el, name->name, s->where);
    model_add_metric(el, name->name, s->value->where, evaluate(el, s->value));
}

static bool repeat_count(elaborator *el, const statement *s, uint32_t *out_count) {
    double n;
    if (!number_of_meaning(el, evaluate(el, s->value), s->value->where, "the count of 'repeat'", &n)) {
        return false;
    }
    if (!(n >= 0 && n <= ELABORATE_REPEAT_LIMIT && n == floor(n))) {
        elaborate_error(el, s->value->where,
                        "the count of 'repeat' must be a whole number from 0 to %d, found %.10g",
                        ELABORATE_REPEAT_LIMIT, n);
        return false;
    }
    *out_count = (uint32_t)n;
    return true;
}

static void repeat_once(elaborator *el, const statement *s, uint32_t round) {
    frame *f = el->frame;
    const char *suffix = f->suffix;
    uint32_t iteration = f->iteration;
    f->suffix = arena_printf(el->memory, "%s.%u", suffix, round);
    f->iteration = ++el->iterations;
    if (s->names.count) {
        scope_define(el, s->names.at[0].name, s->names.at[0].where, meaning_number(round), ROLE_EQUATION);
    }
    elaborate_block(el, &s->body);
    f->suffix = suffix;
    f->iteration = iteration;
}

static void elaborate_repeat(elaborator *el, const statement *s) {
    uint32_t count;
    if (!repeat_count(el, s, &count)) {
        return;
    }
    uint32_t errors = el->d->error_count;
    // What is wrong in one round is wrong in the next: once is enough.
    for (uint32_t i = 0; i < count && !el->too_large && el->d->error_count == errors; i++) {
        if (el->iterations >= ELABORATE_REPEAT_LIMIT) {
            elaborate_error(el, s->where, "more than %d rounds of 'repeat'", ELABORATE_REPEAT_LIMIT);
            el->too_large = true;
            return;
        }
        repeat_once(el, s, i);
    }
}

static void elaborate_if(elaborator *el, const statement *s) {
    meaning condition = evaluate(el, s->value);
    if (condition.kind == MEANING_TRUTH) {
        elaborate_block(el, condition.truth ? &s->body : &s->otherwise);
    } else if (!is_poison(condition)) {
        elaborate_error(el, s->value->where,
                        "the condition of 'if' must be true or false when the model is compiled, "
                        "found %s; select chooses at run time",
                        meaning_text(el, condition));
    }
}

static void elaborate_input(elaborator *el, const statement *s) {
    frame *f = el->frame;
    if (is_model_level(el)) {
        for (uint32_t i = 0; i < s->declarations.count; i++) {
            model_declare_data(el, &s->declarations.at[i], s->kind == STATEMENT_TARGET);
        }
    } else if (s->kind == STATEMENT_TARGET) {
        elaborate_error(el, s->where, "only models have targets");
    } else if (f->def->kind == DEFINITION_FUNCTION) {
        elaborate_error(el, s->where, "a function's inputs are its parameters: function %s(…)", f->def->name);
    }
}

// Inputs and states of a cell are part of what a call of it means, so they stand outside of repeat and if.
static bool check_outermost(elaborator *el, const statement *s) {
    bool fixed = s->kind == STATEMENT_INPUT || s->kind == STATEMENT_TARGET || s->kind == STATEMENT_STATE;
    for (uint32_t i = 0; fixed && i < el->frame->def->body.count; i++) {
        if (el->frame->def->body.at[i] == s) {
            return true;
        }
    }
    if (fixed) {
        elaborate_error(el, s->where, "inputs, targets and states are declared outside of repeat and if");
    }
    return !fixed;
}

static void elaborate_statement(elaborator *el, const statement *s) {
    if (!check_outermost(el, s)) {
        return;
    }
    switch (s->kind) {
    case STATEMENT_INPUT:
    case STATEMENT_TARGET: elaborate_input(el, s); return;
    case STATEMENT_STATE:
        for (uint32_t i = 0; i < s->declarations.count; i++) {
            cell_declare_state(el, &s->declarations.at[i]);
        }
        return;
    case STATEMENT_WEIGHT:
        for (uint32_t i = 0; i < s->declarations.count; i++) {
            declare_weight(el, &s->declarations.at[i]);
        }
        return;
    case STATEMENT_SHARE: elaborate_share(el, s); return;
    case STATEMENT_EQUATION: elaborate_equation(el, s); return;
    case STATEMENT_OUTPUT:
        for (uint32_t i = 0; i < s->outputs.count; i++) {
            elaborate_output(el, &s->outputs.at[i]);
        }
        return;
    case STATEMENT_METRIC: elaborate_metric(el, s); return;
    case STATEMENT_REPEAT: elaborate_repeat(el, s); return;
    case STATEMENT_IF: elaborate_if(el, s); return;
    }
}

void elaborate_block(elaborator *el, const block *b) {
    for (uint32_t i = 0; i < b->count && !el->too_large; i++) {
        elaborate_statement(el, b->at[i]);
    }
}
