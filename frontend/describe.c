// How a loss is reduced, in words: the reductions around each loss in the text, the outermost first. So are the ends and
// the parts that are taken of it, which leave steps or columns out.
#include <string.h>

#include "frontend/model_data.h"
#include "frontend/source.h"

// The definition whose names are read, and for a function the call that its parameters stand for.
typedef struct place {
    const definition *def;
    const expression *call; // NULL: of the model
    const struct place *outer;
} place;

typedef struct describer {
    elaborator *el;
    const place *at;
    arena *memory;
    uint32_t depth;
    const char *text;  // the terms so far
    const char *first; // the first term's reductions alone
    uint32_t terms;
} describer;

enum { DESCRIBE_DEPTH = 60 };

static void describe(describer *w, const expression *e, const char *reductions);

static void add_term(describer *w, const char *what, const char *reductions) {
    const char *phrase = *reductions ? reductions : "not reduced";
    w->text = w->terms ? arena_printf(w->memory, "%s; %s: %s", w->text, what, phrase)
                       : arena_printf(w->memory, "%s: %s", what, phrase);
    w->first = w->terms ? w->first : phrase;
    w->terms++;
}

// What a call with that name does, before its axes; NULL: no reduction.
static const char *verb_of(const char *name) {
    static const char *const verbs[][2] = {
        {"sum", "summed over"},
        {"mean", "averaged over"},
        {"weighted_mean", "averaged with weights over"},
        {"max", "the largest over"},
        {"min", "the smallest over"},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i][0], name) == 0) {
            return verbs[i][1];
        }
    }
    return NULL;
}

// The same of what takes one index.
static const char *end_of(const char *name) {
    return strcmp(name, "first") == 0  ? "at the first index of"
           : strcmp(name, "last") == 0 ? "at the last index of"
                                       : NULL;
}

static bool is_loss(const char *name) {
    return strcmp(name, "cross_entropy") == 0 || strcmp(name, "binary_cross_entropy") == 0 ||
           strcmp(name, "squared_error") == 0 || strcmp(name, "absolute_error") == 0;
}

static const char *axes_words(describer *w, const expression *callee) {
    if (callee->kind != EXPR_AXES) {
        return "the columns";
    }
    const char *text = "";
    for (uint32_t i = 0; i < callee->axes.count; i++) {
        const char *name = callee->axes.at[i].name;
        const char *word = strcmp(name, "batch") == 0 ? "the batch" : name;
        text = arena_printf(w->memory, "%s%s%s", text, *text ? " and " : "", word);
    }
    return text;
}

static const char *joined(describer *w, const char *outer, const char *phrase) {
    return arena_printf(w->memory, "%s%s%s", outer, *outer ? ", " : "", phrase);
}

// "[T: 5..]", as it is written behind the value.
static const char *brackets(describer *w, const expression *e) {
    span where = e->where;
    where.begin = e->a->where.end;
    const char *text = source_text(w->el, where);
    return strchr(text, '[') ? strchr(text, '[') : text;
}

static const char *callee_name(const expression *call) {
    const expression *callee = call->a->kind == EXPR_AXES ? call->a->a : call->a;
    return callee->kind == EXPR_NAME ? callee->text : "";
}

// What |e| takes of the value that stands in it: "only [T: 5..]", "at the last index of T"; NULL: all.
static const char *selection(describer *w, const expression *e) {
    if (e->kind == EXPR_PART || e->kind == EXPR_SLICE) {
        return arena_printf(w->memory, "only %s", brackets(w, e));
    }
    const char *end = e->kind == EXPR_CALL && e->args.count > 0 ? end_of(callee_name(e)) : NULL;
    return end ? arena_printf(w->memory, "%s %s", end, axes_words(w, e->a)) : NULL;
}

// A loss is of what is taken of its operands, too.
static void add_loss(describer *w, const char *name, const expression *e, const char *reductions) {
    const char *taken = e->args.count > 0 ? selection(w, e->args.at[0].value) : NULL;
    add_term(w, name, taken ? joined(w, reductions, taken) : reductions);
}

// What is reduced. If there is no loss in it, it is itself a term.
static void describe_reduced(describer *w, const expression *e, const char *reductions) {
    uint32_t terms = w->terms;
    describe(w, e, reductions);
    if (w->terms == terms) {
        add_term(w, source_text(w->el, e->where), reductions);
    }
}

static void describe_arguments(describer *w, const expression *e, const char *reductions) {
    for (uint32_t i = 0; i < e->args.count; i++) {
        describe(w, e->args.at[i].value, reductions);
    }
}

static const expression *equation_of(const block *b, const char *name) {
    for (uint32_t i = b->count; i-- > 0;) {
        const statement *s = b->at[i];
        if (s->kind == STATEMENT_EQUATION && s->names.count == 1 && strcmp(s->names.at[0].name, name) == 0) {
            return s->value;
        }
    }
    return NULL;
}

// The one output of a function, else NULL.
static const expression *output_of(const definition *def) {
    const expression *found = NULL;
    for (uint32_t i = 0; i < def->body.count; i++) {
        const statement *s = def->body.at[i];
        if (s->kind == STATEMENT_OUTPUT) {
            if (found || s->outputs.count != 1) {
                return NULL;
            }
            found = s->outputs.at[0].value;
        }
    }
    return found;
}

// A call of a function that the user wrote: what it gives, in its own names.
static void describe_function(describer *w, const expression *e, const char *name, const char *reductions) {
    const definition *def =
        equation_of(&w->at->def->body, name) ? NULL : source_find(w->el->unit, name, false);
    bool followed = def && def->kind == DEFINITION_FUNCTION && !def->is_standard;
    const expression *output = followed ? output_of(def) : NULL;
    if (!output) {
        describe_arguments(w, e, reductions);
        return;
    }
    const place *outer = w->at;
    place inner = {def, e, outer};
    w->at = &inner;
    describe(w, output, reductions);
    w->at = outer;
}

static void describe_call(describer *w, const expression *e, const char *reductions) {
    const char *callee = callee_name(e), *taken = selection(w, e);
    bool weighted = strcmp(callee, "weighted_mean") == 0;
    bool two_values = e->a->kind != EXPR_AXES && e->args.count > 1;
    const char *verb = two_values && !weighted ? NULL : verb_of(callee);
    if (is_loss(callee)) {
        add_loss(w, callee, e, reductions);
    } else if (verb && e->args.count > 0) {
        const expression *value = e->args.at[weighted ? e->args.count - 1 : 0].value;
        const char *phrase = arena_printf(w->memory, "%s %s", verb, axes_words(w, e->a));
        describe_reduced(w, value, joined(w, reductions, phrase));
    } else if (taken) {
        describe(w, e->args.at[0].value, joined(w, reductions, taken));
    } else {
        describe_function(w, e, callee, reductions);
    }
}

// What a parameter stands for at the call, by its name or its place; NULL if its default is taken.
static const expression *argument_of(const place *at, const char *name) {
    const definition *def = at->def;
    for (uint32_t k = 0; at->call && k < def->parameters.count; k++) {
        if (strcmp(def->parameters.at[k].name, name) != 0) {
            continue;
        }
        for (uint32_t i = 0; i < at->call->args.count; i++) {
            const argument *given = &at->call->args.at[i];
            if (given->name ? strcmp(given->name, name) == 0 : i == k) {
                return given->value;
            }
        }
    }
    return NULL;
}

static void describe_name(describer *w, const char *name, const char *reductions) {
    const place *at = w->at;
    const expression *equation = equation_of(&at->def->body, name);
    const expression *given = equation ? NULL : argument_of(at, name);
    w->at = given ? at->outer : at;
    describe(w, given ? given : equation, reductions);
    w->at = at;
}

static void describe(describer *w, const expression *e, const char *reductions) {
    if (!e || w->depth >= DESCRIBE_DEPTH) {
        return;
    }
    w->depth++;
    if (e->kind == EXPR_CALL) {
        describe_call(w, e, reductions);
    } else if (e->kind == EXPR_NAME) {
        describe_name(w, e->text, reductions);
    } else if (e->kind == EXPR_PART || e->kind == EXPR_SLICE) {
        describe(w, e->a, joined(w, reductions, selection(w, e)));
    } else if (e->kind == EXPR_BINARY || e->kind == EXPR_NEGATE) {
        describe(w, e->a, reductions);
        describe(w, e->b, reductions);
    }
    w->depth--;
}

const char *describe_reduction(elaborator *el, const definition *def, const expression *e, arena *memory) {
    place whole = {def, NULL, NULL};
    describer w = {.el = el, .at = &whole, .memory = memory, .text = "", .first = ""};
    describe(&w, e, "");
    if (w.terms == 0) {
        return "as written";
    }
    return w.terms == 1 ? w.first : w.text;
}
