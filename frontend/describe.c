// How a loss is reduced, in words: the reductions around each loss in the text, the outermost first.
#include <string.h>

#include "frontend/model_data.h"

typedef struct describer {
    elaborator *el;
    const definition *def;
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

static const char *verb_of(const char *name) {
    static const char *const verbs[][2] = {
        {"sum", "summed"},      {"mean", "averaged"},    {"weighted_mean", "averaged with weights"},
        {"max", "the largest"}, {"min", "the smallest"},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i][0], name) == 0) {
            return verbs[i][1];
        }
    }
    return NULL;
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

static void describe_arguments(describer *w, const expression *e, const char *reductions) {
    for (uint32_t i = 0; i < e->args.count; i++) {
        describe(w, e->args.at[i].value, reductions);
    }
}

static void describe_call(describer *w, const expression *e, const char *reductions) {
    const expression *name = e->a->kind == EXPR_AXES ? e->a->a : e->a;
    const char *callee = name->kind == EXPR_NAME ? name->text : "";
    bool two_values = e->a->kind != EXPR_AXES && e->args.count > 1;
    const char *verb = two_values && strcmp(callee, "weighted_mean") != 0 ? NULL : verb_of(callee);
    if (is_loss(callee)) {
        add_term(w, callee, reductions);
        return;
    }
    if (!verb) {
        describe_arguments(w, e, reductions);
        return;
    }
    const char *all = arena_printf(w->memory, "%s%s%s over %s", reductions, *reductions ? ", " : "", verb,
                                   axes_words(w, e->a));
    uint32_t terms = w->terms;
    describe_arguments(w, e, all);
    if (w->terms == terms) {
        add_term(w, source_text(w->el, e->args.count ? e->args.at[0].where : e->where), all);
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

static void describe(describer *w, const expression *e, const char *reductions) {
    if (!e || w->depth >= DESCRIBE_DEPTH) {
        return;
    }
    w->depth++;
    if (e->kind == EXPR_CALL) {
        describe_call(w, e, reductions);
    } else if (e->kind == EXPR_NAME) {
        describe(w, equation_of(&w->def->body, e->text), reductions);
    } else if (e->kind == EXPR_BINARY || e->kind == EXPR_NEGATE) {
        describe(w, e->a, reductions);
        describe(w, e->b, reductions);
    }
    w->depth--;
}

const char *describe_reduction(elaborator *el, const definition *def, const expression *e, arena *memory) {
    describer w = {.el = el, .def = def, .memory = memory, .text = "", .first = ""};
    describe(&w, e, "");
    if (w.terms == 0) {
        return "as written";
    }
    return w.terms == 1 ? w.first : w.text;
}
