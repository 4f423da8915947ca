// Recipes: a `train` definition with its bases, evaluated for a model.
#ifndef RNNC_FRONTEND_RECIPE_H
#define RNNC_FRONTEND_RECIPE_H

#include "frontend/elaborate.h"

typedef VEC(recipe_item) recipe_items;

// The recipe of this name, or the first if |name| is NULL. *|out| is NULL if there is none and none was asked for;
// false after an error.
// In a file of several models a recipe that is not asked for must fit the model |def|: set its parameters, bind
// its inputs.
bool recipe_find(diag_sink *d, const source_unit *unit, const definition *def, const char *name,
                 const recipe_definition **out);
// The items of |r| after those of its bases.
bool recipe_flatten(diag_sink *d, const source_unit *unit, const recipe_definition *r, arena *memory,
                    recipe_items *out);

// One `set name = value`, of a recipe or of the command line.
typedef struct setting {
    const char *name;
    span where;
    const expression *value;
    const char *text; // the value as written
    bool from_command;
    bool is_number_of_recipe; // the command line's `--set batch=50`
} setting;

typedef VEC(setting) settings_list;

// Whether --set may change it in a recipe: batch, rate, epochs …, or a sequence axis: its steps.
bool recipe_has_number(const char *name);
void recipe_number_names(arena *memory, const char *const **out_names, uint32_t *out_count);

// Evaluates the items into |memory|; errors go to the elaborator's sink. |settings| holds all settings; those that are numbers of
// the recipe are applied last.
recipe *recipe_evaluate(elaborator *el, const recipe_definition *def, const recipe_items *items,
                        const settings_list *settings, arena *memory);

// Sets the number |name| of |r|, which is in the table of numbers, to what |e| says.
void recipe_set_number(elaborator *el, const char *name, const expression *e, recipe *r);

// recipe_update.c
void recipe_set_optimizer(elaborator *el, const recipe_item *item, recipe *r);
// Whether the recipe's optimiser has the number |name|; all have "rate".
bool recipe_optimizer_takes(const recipe *r, const char *name);
const char *recipe_optimizer_name(optimizer_kind kind);
void recipe_add_schedule(elaborator *el, const recipe_item *item, recipe *r, arena *memory);
void recipe_add_weight_decay(elaborator *el, const recipe_item *item, recipe *r, arena *memory);
// Makes the weights that a pattern fits frozen in the elaborator's graph.
void recipe_freeze(elaborator *el, const recipe_item *item);

// recipe_data.c
void recipe_bind_data(elaborator *el, const recipe_item *item, recipe *r, arena *memory);
void recipe_validation_files(const recipe_item *item, recipe *r, arena *memory);
void recipe_check_data(elaborator *el, const recipe_definition *def, const recipe *r, bool batching_stated);

// recipe_forms.c: what stands on the right of `x = form(…)` in a data block, into |b|, whose input is known.
// False after an error.
bool recipe_read_form(elaborator *el, const recipe_item *item, data_binding *b, arena *memory);

bool recipe_whole(elaborator *el, const expression *e, const char *what, int64_t low, int64_t high,
                  int64_t *out);
bool recipe_real(elaborator *el, const expression *e, const char *what, double low, double *out);

#endif
