// The parsed texts of one program: the user's file, the files it uses, the standard library.
#ifndef RNNC_FRONTEND_SOURCE_H
#define RNNC_FRONTEND_SOURCE_H

#include "frontend/ast.h"
#include "frontend/model.h"

struct source_unit {
    arena memory; // from where that of |d| comes from
    diag_sink *d;
    strbuf reading;       // a used file, until it is added to |d|
    const char *name;     // of the user's file
    const char *text;     // all of it
    syntax_tree tree;     // user's definitions, in order; those of used files after their users'
    syntax_tree standard; // the standard library's
    VEC(const char *) model_names;
    VEC(const char *) recipe_names;
};

// The definition that |name| means to a user's text, or within the standard library; NULL if there is none.
const definition *source_find(const source_unit *unit, const char *name, bool from_standard);

// Reports that there is no model, or with |is_recipe| no recipe, called |name|: with the one that may be meant, or all.
void source_report_unknown(const source_unit *unit, bool is_recipe, const char *name, span where,
                           diag_sink *d);

#endif
