#include "frontend/recipe.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "frontend/initializers.h"
#include "frontend/source.h"

// ---- Finding a recipe and its bases ----

static const recipe_definition *find(const source_unit *unit, const char *name) {
    for (uint32_t i = 0; i < unit->tree.recipes.count; i++) {
        if (strcmp(unit->tree.recipes.at[i]->name, name) == 0) {
            return unit->tree.recipes.at[i];
        }
    }
    return NULL;
}

static bool names_any(const declaration *at, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_data(const definition *def, const char *name) {
    for (uint32_t i = 0; i < def->body.count; i++) {
        const statement *s = def->body.at[i];
        bool data = s->kind == STATEMENT_INPUT || s->kind == STATEMENT_TARGET;
        if (data && names_any(s->declarations.at, s->declarations.count, name)) {
            return true;
        }
    }
    return strstr(name, ".lengths") != NULL;
}

static bool fits(const recipe_definition *r, const definition *def) {
    for (uint32_t i = 0; i < r->items.count; i++) {
        const recipe_item *item = &r->items.at[i];
        bool set = item->kind == ITEM_SET && strcmp(item->name, "float") != 0;
        if (set && !names_any(def->parameters.at, def->parameters.count, item->name)) {
            return false;
        }
        if (item->kind == ITEM_BIND && !has_data(def, item->name)) {
            return false;
        }
    }
    return true;
}

static const recipe_definition *first_recipe(const source_unit *unit, const definition *def) {
    for (uint32_t i = 0; i < unit->recipe_names.count; i++) {
        if (unit->model_names.count < 2 || fits(unit->tree.recipes.at[i], def)) {
            return unit->tree.recipes.at[i];
        }
    }
    return NULL;
}

bool recipe_find(diag_sink *d, const source_unit *unit, const definition *def, const char *name,
                 const recipe_definition **out) {
    if (!name) {
        *out = first_recipe(unit, def);
        return true;
    }
    *out = find(unit, name);
    if (!*out) {
        source_report_unknown(unit, true, name, NO_SPAN, d);
    }
    return *out;
}

bool recipe_flatten(diag_sink *d, const source_unit *unit, const recipe_definition *r, arena *memory,
                    recipe_items *out) {
    VEC(const recipe_definition *) chain = {0};
    for (const recipe_definition *at = r; at;) {
        vec_push(memory, chain, at);
        const recipe_definition *base = at->base ? find(unit, at->base) : NULL;
        if (at->base && !base) {
            source_report_unknown(unit, true, at->base, at->base_where, d);
            return false;
        }
        if (chain.count > unit->tree.recipes.count) {
            diag_error(d, r->where, "the recipe '%s' is built on itself", r->name);
            return false;
        }
        at = base;
    }
    for (uint32_t i = chain.count; i-- > 0;) {
        for (uint32_t j = 0; j < chain.at[i]->items.count; j++) {
            vec_push(memory, *out, chain.at[i]->items.at[j]);
        }
    }
    return true;
}

// ---- Numbers ----

bool recipe_whole(elaborator *el, const expression *e, const char *what, int64_t low, int64_t high,
                  int64_t *out) {
    double n;
    if (!number_of_meaning(el, evaluate(el, e), e->where, what, &n)) {
        return false;
    }
    if (!(n >= (double)low && n <= (double)high && n == floor(n))) {
        elaborate_error(el, e->where, "%s must be a whole number from %lld to %lld, found %.10g", what,
                        (long long)low, (long long)high, n);
        return false;
    }
    *out = (int64_t)n;
    return true;
}

bool recipe_real(elaborator *el, const expression *e, const char *what, double low, double *out) {
    double x;
    if (!number_of_meaning(el, evaluate(el, e), e->where, what, &x)) {
        return false;
    }
    if (!(x >= low && isfinite(x))) {
        elaborate_error(el, e->where, "%s must be at least %g, found %g", what, low, x);
        return false;
    }
    *out = x;
    return true;
}

// The plain numbers of a recipe: their place in the struct and their bounds.
typedef struct number_row {
    const char *name;
    recipe_item_kind
        kind; // ITEM_OPTIMIZER and ITEM_WINDOWS: set by the command line or within the item alone
    bool whole;
    size_t offset;
    double low;
    double below;    // 0: any size
    bool above_zero; // 0 itself is out, too
} number_row;

static const number_row numbers[] = {
    {"batch", ITEM_BATCH, true, offsetof(recipe, batch), 1, 0, false},
    {"epochs", ITEM_EPOCHS, true, offsetof(recipe, epochs), 0, 0, false},
    {"max_steps", ITEM_MAX_STEPS, true, offsetof(recipe, max_steps), 0, 0, false},
    {"validation_last", ITEM_VALIDATION, true, offsetof(recipe, validation_last), 0, 0, false},
    {"test_last", ITEM_TEST, true, offsetof(recipe, test_last), 0, 0, false},
    {"stride", ITEM_WINDOWS, true, offsetof(recipe, stride), 1, 0, false},
    {"skip_limit", ITEM_SKIP_LIMIT, true, offsetof(recipe, skip_limit), 0, 0, false},
    {"patience", ITEM_STOP, true, offsetof(recipe, patience), 0, 0, false},
    {"clip_norm", ITEM_CLIP_NORM, false, offsetof(recipe, clip_norm), 0, 0, false},
    {"clip_value", ITEM_CLIP_VALUE, false, offsetof(recipe, clip_value), 0, 0, false},
    {"weight_decay", ITEM_WEIGHT_DECAY, false, offsetof(recipe, weight_decay), 0, 0, false},
    {"rate", ITEM_OPTIMIZER, false, offsetof(recipe, rate), 0, 0, false},
    {"beta1", ITEM_OPTIMIZER, false, offsetof(recipe, beta1), 0, 1, false},
    {"beta2", ITEM_OPTIMIZER, false, offsetof(recipe, beta2), 0, 1, false},
    {"epsilon", ITEM_OPTIMIZER, false, offsetof(recipe, epsilon), 0, 0, true},
    {"momentum", ITEM_OPTIMIZER, false, offsetof(recipe, momentum), 0, 1, false},
    {"decay", ITEM_OPTIMIZER, false, offsetof(recipe, decay), 0, 1, false},
    {"start", ITEM_OPTIMIZER, false, offsetof(recipe, start), 0, 0, false},
};

enum { NUMBER_COUNT = sizeof numbers / sizeof *numbers, DEFAULT_SKIP_LIMIT = 10 };
#define LARGEST_NUMBER ((int64_t)1 << 48)

static const number_row *find_number(const char *name) {
    for (int i = 0; i < NUMBER_COUNT; i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            return &numbers[i];
        }
    }
    return NULL;
}

bool recipe_has_number(const char *name) {
    return find_number(name) != NULL;
}

void recipe_number_names(arena *memory, const char *const **out_names, uint32_t *out_count) {
    const char **names = arena_new_array(memory, const char *, NUMBER_COUNT);
    for (int i = 0; i < NUMBER_COUNT; i++) {
        names[i] = numbers[i].name;
    }
    *out_names = names;
    *out_count = NUMBER_COUNT;
}

static void set_number(elaborator *el, const number_row *row, const expression *e, recipe *r) {
    const char *what = arena_printf(el->memory, "'%s'", row->name);
    char *at = (char *)r + row->offset;
    if (row->whole) {
        int64_t n = 0;
        if (recipe_whole(el, e, what, (int64_t)row->low, LARGEST_NUMBER, &n)) {
            memcpy(at, &n, sizeof n);
        }
        return;
    }
    double x = 0;
    if (!recipe_real(el, e, what, row->low, &x)) {
        return;
    }
    if (row->below > 0 && x >= row->below) {
        elaborate_error(el, e->where, "%s must be below %g, found %.10g", what, row->below, x);
    } else if (row->above_zero && x <= 0) {
        elaborate_error(el, e->where, "%s must be above 0, found %g", what, x);
    } else {
        memcpy(at, &x, sizeof x);
    }
}

void recipe_set_number(elaborator *el, const char *name, const expression *e, recipe *r) {
    set_number(el, find_number(name), e, r);
}

// ---- Items ----

static void set_steps_of(elaborator *el, recipe *r, const char *name, span where, const expression *value,
                         const expression *every) {
    int axis = graph_find_axis(el->g, name);
    int64_t extent;
    if (axis == NO_AXIS || el->g->axes.at[axis].kind != AXIS_IS_SEQUENCE) {
        elaborate_error(el, where, "the model has no sequence axis '%s'", name);
        return;
    }
    if (!recipe_whole(el, value, "the number of steps", 1, LARGEST_NUMBER, &extent)) {
        return;
    }
    uint32_t i = 0;
    while (i < r->step_axis_count && r->steps[i].axis != axis) {
        i++;
    }
    r->step_axis_count += i == r->step_axis_count;
    r->steps[i].axis = axis;
    r->steps[i].extent = extent;
    if (every) {
        recipe_whole(el, every, "the steps from window to window", 1, LARGEST_NUMBER, &r->steps[i].advance);
    }
}

static void add_init(elaborator *el, const recipe_item *item, recipe *r, arena *memory) {
    init_rule rule = {arena_strdup(memory, item->name ? item->name : "*"),
                      initializer_evaluate(el, item->value)};
    vec_push(memory, r->init, rule);
}

static void set_windows(elaborator *el, const recipe_item *item, recipe *r) {
    r->batching = BATCH_WINDOWS;
    if (item->every) {
        set_number(el, find_number("stride"), item->every, r);
    }
}

typedef struct recipe_facts {
    const recipe_definition *def;
    bool batch, optimizer, batching;
    span schedule_file; // of the recipe whose schedule is the present one
} recipe_facts;

static bool is_within(const recipe_definition *def, const recipe_item *item) {
    for (uint32_t i = 0; i < def->items.count; i++) {
        if (def->items.at[i].where.begin == item->where.begin &&
            def->items.at[i].where.file == item->where.file) {
            return true;
        }
    }
    return false;
}

// A recipe's own schedule replaces that of its base as a whole.
static void set_schedule(elaborator *el, const recipe_item *item, recipe *r, recipe_facts *facts,
                         arena *memory) {
    bool own = is_within(facts->def, item);
    if (own && !facts->schedule_file.file) {
        r->schedule.count = 0;
    }
    facts->schedule_file = own ? item->where : facts->schedule_file;
    recipe_add_schedule(el, item, r, memory);
}

static void set_numbers_of(elaborator *el, const recipe_item *item, recipe *r) {
    for (int i = 0; i < NUMBER_COUNT; i++) {
        if (numbers[i].kind == item->kind) {
            set_number(el, &numbers[i], item->value, r);
        }
    }
}

static void set_held_out(elaborator *el, const recipe_item *item, recipe *r) {
    set_numbers_of(el, item, r);
    if (item->kind == ITEM_TEST) {
        r->test_of_each = item->of_each;
    } else {
        r->validation_of_each = item->of_each;
        r->validation_keys.count = 0; // of the recipe's base
    }
}

static void apply_item(elaborator *el, const recipe_item *item, recipe *r, recipe_facts *facts,
                       arena *memory) {
    switch (item->kind) {
    case ITEM_VALIDATION:
    case ITEM_TEST: set_held_out(el, item, r); return;
    case ITEM_BATCH:
    case ITEM_CLIP_NORM:
    case ITEM_CLIP_VALUE:
    case ITEM_EPOCHS:
    case ITEM_MAX_STEPS:
    case ITEM_SKIP_LIMIT:
    case ITEM_STOP:
        set_numbers_of(el, item, r);
        facts->batch = facts->batch || item->kind == ITEM_BATCH;
        return;
    case ITEM_STEPS: set_steps_of(el, r, item->name, item->name_where, item->value, item->every); return;
    case ITEM_CARRY: r->carry_state = true; return;
    case ITEM_INIT: add_init(el, item, r, memory); return;
    case ITEM_OPTIMIZER:
        facts->optimizer = true;
        recipe_set_optimizer(el, item, r);
        return;
    case ITEM_SCHEDULE: set_schedule(el, item, r, facts, memory); return;
    case ITEM_VALIDATION_FILES: recipe_validation_files(item, r, memory); return;
    case ITEM_WEIGHT_DECAY: recipe_add_weight_decay(el, item, r, memory); return;
    case ITEM_FREEZE: recipe_freeze(el, item); return;
    case ITEM_BIND: recipe_bind_data(el, item, r, memory); return;
    case ITEM_WINDOWS:
        facts->batching = true;
        set_windows(el, item, r);
        return;
    case ITEM_EXAMPLES:
    case ITEM_RANDOM_WINDOWS:
    case ITEM_STREAMS:
        facts->batching = true;
        r->batching = item->kind == ITEM_EXAMPLES         ? BATCH_EXAMPLES
                      : item->kind == ITEM_RANDOM_WINDOWS ? BATCH_RANDOM_WINDOWS
                                                          : BATCH_STREAMS;
        return;
    case ITEM_KEEP_BEST: r->keep = item->name ? KEEP_BEST_ACCURACY : KEEP_BEST_LOSS; return;
    case ITEM_SET: return; // taken with the model's parameters
    }
}

static void apply_number(elaborator *el, const setting *s, const number_row *row, recipe *r) {
    if (row->kind == ITEM_OPTIMIZER && !recipe_optimizer_takes(r, row->name)) {
        elaborate_error(el, s->where, "the recipe's optimizer, %s, has no '%s'",
                        recipe_optimizer_name(r->optimizer), row->name);
        return;
    }
    set_number(el, row, s->value, r);
}

static void apply_settings(elaborator *el, const settings_list *settings, recipe *r, arena *memory) {
    for (uint32_t i = 0; i < settings->count; i++) {
        const setting *s = &settings->at[i];
        const number_row *row = s->is_number_of_recipe ? find_number(s->name) : NULL;
        if (row) {
            apply_number(el, s, row, r);
        } else if (s->is_number_of_recipe) {
            set_steps_of(el, r, s->name, s->where, s->value, NULL);
        } else if (!s->from_command) {
            model_setting kept = {arena_strdup(memory, s->name), arena_strdup(memory, s->text)};
            vec_push(memory, r->settings, kept);
        }
    }
}

static void check_plateaus(elaborator *el, const recipe_definition *def, const recipe *r) {
    uint32_t plateaus = 0;
    for (uint32_t i = 0; i < r->schedule.count; i++) {
        plateaus += r->schedule.at[i].kind == SCHEDULE_PLATEAU;
    }
    if (plateaus && !r->validation_last && !r->validation_keys.count) {
        elaborate_error(
            el, def->where,
            "a schedule 'on plateau' needs examples to judge by: validation last 1000 in the data block");
    }
    if (plateaus > 1) {
        elaborate_error(el, def->where, "the recipe has %u schedules 'on plateau'; there can be one",
                        plateaus);
    }
}

static void check_facts(elaborator *el, const recipe_definition *def, const recipe *r,
                        const recipe_facts *facts) {
    if (!facts->batch) {
        elaborate_error(el, def->where, "the recipe '%s' does not say its batch: batch 32", def->name);
    }
    if (!facts->optimizer) {
        elaborate_error(el, def->where,
                        "the recipe '%s' does not say its optimizer: optimizer adam(rate = 0.001)",
                        def->name);
    }
    if (r->keep != KEEP_LAST && !r->validation_last && !r->validation_keys.count) {
        elaborate_error(el, def->where, "'keep best' needs examples to judge by: validation last 1000");
    }
    if (r->patience && !r->validation_last && !r->validation_keys.count) {
        elaborate_error(el, def->where,
                        "'stop' needs examples to judge by: validation last 1000 in the data block");
    }
    check_plateaus(el, def, r);
    recipe_check_data(el, def, r, facts->batching);
}

recipe *recipe_evaluate(elaborator *el, const recipe_definition *def, const recipe_items *items,
                        const settings_list *settings, arena *memory) {
    recipe *r = arena_new(memory, recipe);
    r->name = arena_strdup(memory, def->name);
    r->stride = 1;
    r->skip_limit = DEFAULT_SKIP_LIMIT;
    r->weight_decay = -1;
    recipe_facts facts = {.def = def};
    for (uint32_t i = 0; i < items->count; i++) {
        apply_item(el, &items->at[i], r, &facts, memory);
    }
    apply_settings(el, settings, r, memory);
    r->weight_decay = r->weight_decay < 0 ? r->adamw_decay : r->weight_decay;
    check_facts(el, def, r, &facts);
    return r;
}
