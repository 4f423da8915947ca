// What a recipe says of updates: the optimiser, the schedule of its rate, weight decay, frozen weights.
#include <math.h>
#include <string.h>

#include "frontend/recipe.h"
#include "support/pattern.h"

// ---- Optimisers ----

enum { MOST_ARGUMENTS = 6 };

typedef struct optimizer_row {
    const char *name;
    const char *arguments[MOST_ARGUMENTS]; // beside `rows`, which all take
} optimizer_row;

static const optimizer_row optimizers[] = {
    [OPTIMIZER_SGD] = {"sgd", {"rate"}},
    [OPTIMIZER_MOMENTUM] = {"momentum", {"rate", "momentum"}},
    [OPTIMIZER_NESTEROV] = {"nesterov", {"rate", "momentum"}},
    [OPTIMIZER_RMSPROP] = {"rmsprop", {"rate", "decay", "epsilon", "momentum"}},
    [OPTIMIZER_ADAGRAD] = {"adagrad", {"rate", "start", "epsilon"}},
    [OPTIMIZER_ADAM] = {"adam", {"rate", "beta1", "beta2", "epsilon"}},
    [OPTIMIZER_ADAMW] = {"adamw", {"rate", "beta1", "beta2", "epsilon", "weight_decay"}},
};

enum { OPTIMIZER_COUNT = sizeof optimizers / sizeof *optimizers };

const char *recipe_optimizer_name(optimizer_kind kind) {
    return optimizers[kind].name;
}

bool recipe_optimizer_takes(const recipe *r, const char *name) {
    const optimizer_row *row = &optimizers[r->optimizer];
    for (int i = 0; i < MOST_ARGUMENTS && row->arguments[i]; i++) {
        if (strcmp(row->arguments[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void report_argument(elaborator *el, const recipe *r, const argument *arg) {
    const optimizer_row *row = &optimizers[r->optimizer];
    const char *known[MOST_ARGUMENTS + 1] = {"rows"};
    size_t count = 1;
    for (int i = 0; i < MOST_ARGUMENTS && row->arguments[i]; i++) {
        known[count++] = row->arguments[i];
    }
    const char *near = nearest_name(arg->name, known, count);
    elaborate_error(el, arg->where, "the optimizer takes no '%s'%s%s%s", arg->name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void set_rows(elaborator *el, recipe *r, const argument *arg) {
    const char *word = arg->value->kind == EXPR_NAME ? arg->value->text : "";
    bool lazy = strcmp(word, "lazy") == 0;
    if (!lazy && strcmp(word, "dense") != 0) {
        elaborate_error(el, arg->value->where,
                        "'rows' is dense or lazy: how the rows of an embedding that a "
                        "batch does not touch are updated");
    }
    r->lazy_rows = lazy;
}

// adamw's decay is kept apart: an item `weight_decay` overrules it, wherever it stands.
static void set_argument(elaborator *el, recipe *r, const argument *arg, bool is_first) {
    if (!arg->name && !is_first) {
        elaborate_error(el, arg->where, "all values of an optimizer but the rate are given by name");
        return;
    }
    const char *name = arg->name ? arg->name : "rate";
    if (strcmp(name, "rows") == 0) {
        set_rows(el, r, arg);
    } else if (!recipe_optimizer_takes(r, name)) {
        report_argument(el, r, arg);
    } else if (strcmp(name, "weight_decay") == 0) {
        recipe_real(el, arg->value, "'weight_decay'", 0, &r->adamw_decay);
    } else {
        recipe_set_number(el, name, arg->value, r);
    }
}

// Kingma & Ba's values for adam; those of PyTorch where the papers leave them open.
static void set_defaults(recipe *r) {
    r->rate = -1;
    r->beta1 = 0.9;
    r->beta2 = 0.999;
    r->epsilon = r->optimizer == OPTIMIZER_ADAGRAD ? 1e-10 : 1e-8;
    r->momentum = r->optimizer == OPTIMIZER_RMSPROP ? 0 : 0.9;
    r->decay = 0.9;
    r->start = 0;
    r->lazy_rows = false;
    r->adamw_decay = r->optimizer == OPTIMIZER_ADAMW ? 0.01 : 0;
}

static void report_optimizer(elaborator *el, span where, const char *text) {
    const char *names[OPTIMIZER_COUNT];
    for (int i = 0; i < OPTIMIZER_COUNT; i++) {
        names[i] = optimizers[i].name;
    }
    const char *near = nearest_name(text, names, OPTIMIZER_COUNT);
    elaborate_error(el, where, "unknown optimizer '%s'; %s%s%s", text,
                    near ? "did you mean '" : "there are sgd, momentum, nesterov, rmsprop, adagrad, ",
                    near ? near : "adam and adamw", near ? "'?" : "");
}

void recipe_set_optimizer(elaborator *el, const recipe_item *item, recipe *r) {
    const expression *e = item->value;
    const expression *name = e->kind == EXPR_CALL ? e->a : e;
    const char *text = name->kind == EXPR_NAME ? name->text : "";
    int kind = 0;
    while (kind < OPTIMIZER_COUNT && strcmp(optimizers[kind].name, text) != 0) {
        kind++;
    }
    if (kind == OPTIMIZER_COUNT) {
        report_optimizer(el, e->where, text);
        return;
    }
    r->optimizer = (optimizer_kind)kind;
    set_defaults(r);
    uint32_t errors = el->d->error_count;
    for (uint32_t i = 0; e->kind == EXPR_CALL && i < e->args.count; i++) {
        set_argument(el, r, &e->args.at[i], i == 0);
    }
    if (r->rate < 0 && el->d->error_count == errors) {
        elaborate_error(el, e->where, "the optimizer needs a rate: %s(rate = …)", text);
        r->rate = 0;
    }
}

// ---- The schedule ----

// A floor is a share of the rate; other factors are powers' bases.
static bool take_factor(elaborator *el, const recipe_item *item, schedule_rule *rule) {
    bool cosine = item->schedule == SCHEDULE_COSINE;
    const char *what = cosine ? "the share of the rate that a cosine ends with" : "the factor of a schedule";
    if (!recipe_real(el, item->value, what, 0, &rule->factor)) {
        return false;
    }
    if (cosine && rule->factor > 1) {
        elaborate_error(el, item->value->where, "%s must be from 0 to 1, found %g", what, rule->factor);
        return false;
    }
    if (!cosine && rule->factor <= 0) {
        elaborate_error(el, item->value->where, "%s must be above 0, found %g", what, rule->factor);
        return false;
    }
    return true;
}

void recipe_add_schedule(elaborator *el, const recipe_item *item, recipe *r, arena *memory) {
    schedule_rule rule = {.kind = item->schedule, .steps = item->counts_steps, .length = 1};
    int64_t first = item->schedule == SCHEDULE_INVERSE_SQRT ? 1 : 0, most = (int64_t)1 << 48;
    bool sound = !item->value || take_factor(el, item, &rule);
    if (item->every) {
        const char *what = item->counts_steps ? "the steps of a schedule" : "the epochs of a schedule";
        sound = recipe_whole(el, item->every, what, 1, most, &rule.length) && sound;
    }
    if (item->after) {
        sound = recipe_whole(el, item->after, "the start of a schedule", first, most, &rule.after) && sound;
    }
    if (sound) {
        vec_push(memory, r->schedule, rule);
    }
}

// ---- Weights by pattern ----

static bool fits_any(const graph *g, const char *pattern) {
    for (uint32_t i = 0; i < g->variables.count; i++) {
        if (pattern_fits(pattern, g->variables.at[i].name)) {
            return true;
        }
    }
    return false;
}

static bool check_pattern(elaborator *el, const recipe_item *item) {
    const graph *g = el->g;
    if (fits_any(g, item->name) || el->d->error_count) {
        return true;
    }
    const char **names = arena_new_array(el->memory, const char *, g->variables.count + 1);
    for (uint32_t i = 0; i < g->variables.count; i++) {
        names[i] = g->variables.at[i].name;
    }
    const char *near = nearest_name(item->name, names, g->variables.count);
    elaborate_error(el, item->name_where, "the model has no weight '%s'%s%s%s", item->name,
                    near ? "; did you mean '" : "; `rnnc check` lists them", near ? near : "",
                    near ? "'?" : "");
    return false;
}

void recipe_add_weight_decay(elaborator *el, const recipe_item *item, recipe *r, arena *memory) {
    if (!item->name) {
        recipe_set_number(el, "weight_decay", item->value, r);
        return;
    }
    weight_decay_rule rule = {arena_strdup(memory, item->name), 0};
    if (check_pattern(el, item) && recipe_real(el, item->value, "'weight_decay'", 0, &rule.decay)) {
        vec_push(memory, r->weight_decays, rule);
    }
}

void recipe_freeze(elaborator *el, const recipe_item *item) {
    check_pattern(el, item);
    for (uint32_t i = 0; i < el->g->variables.count; i++) {
        graph_variable *v = &el->g->variables.at[i];
        if (pattern_fits(item->name, v->name) && v->role == VARIABLE_WEIGHT) {
            v->role = VARIABLE_FROZEN;
        }
    }
}
