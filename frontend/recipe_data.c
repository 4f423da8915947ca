// The `data` block of a recipe: where each input's values come from and how batches are cut from them.
#include <math.h>
#include <string.h>

#include "frontend/recipe.h"

enum { LONGEST_SERIES = 1000000 };

// ---- Series ----

static bool series_bounds(elaborator *el, const recipe_item *item, double *out_low, double *out_step,
                          int64_t *out_count) {
    double high;
    if (!recipe_real(el, item->low, "the begin of a series", -1e300, out_low) ||
        !recipe_real(el, item->high, "the end of a series", -1e300, &high) ||
        !recipe_real(el, item->step, "the step of a series", 0, out_step)) {
        return false;
    }
    // The end is one of the values if it is within half a step of one.
    double count = ceil((high - *out_low) / *out_step + 0.5);
    if (!(count >= 1 && count <= LONGEST_SERIES)) {
        elaborate_error(el, item->where, "a series has 1 to %d values; from %g to %g by %g has not",
                        LONGEST_SERIES, *out_low, high, *out_step);
        return false;
    }
    *out_count = (int64_t)count;
    return true;
}

static bool series_value(elaborator *el, const recipe_item *item, double t, double *out) {
    scope_find_local(el->frame, item->variable)->value = meaning_number(t);
    if (!number_of_meaning(el, evaluate(el, item->value), item->value->where, "a series", out)) {
        return false;
    }
    if (!isfinite(*out)) {
        elaborate_error(el, item->value->where, "the series is %g at %s = %g", *out, item->variable, t);
        return false;
    }
    return true;
}

// The value with all that is allocated for it in |memory|; false if there is none left, there or for the nodes and texts
// that the expression makes: nobody jumps over |memory|.
static bool series_value_in(elaborator *el, const recipe_item *item, double t, arena *memory, bool *out_sound,
                            double *out) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return false;
    }
    memory->exhausted = el->g->memory.exhausted = el->d->memory.exhausted = &exhausted;
    el->memory = memory;
    *out_sound = series_value(el, item, t, out);
    return true;
}

// What an evaluation allocates goes with it: a series may have many values. All that the elaborator and its
// frame have grown in the meantime is forgotten, but for how much was done.
static bool series_value_apart(elaborator *el, const recipe_item *item, double t, double *out) {
    elaborator kept = *el;
    frame kept_frame = *el->frame;
    arena memory;
    arena_init(&memory);
    bool sound = false, had_memory = series_value_in(el, item, t, &memory, &sound, out);
    kept.uses = el->uses;
    kept.work = el->work;
    kept.too_large = el->too_large;
    *el = kept;
    *el->frame = kept_frame;
    el->g->memory.exhausted = el->d->memory.exhausted = el->memory->exhausted;
    arena_deinit(&memory);
    if (!had_memory) {
        arena_give_up(el->memory);
    }
    return sound;
}

static bool read_series(elaborator *el, const recipe_item *item, data_binding *b, arena *memory) {
    double low, step;
    b->kind = DATA_SERIES;
    if (!series_bounds(el, item, &low, &step, &b->value_count)) {
        return false;
    }
    double *values = arena_new_array(memory, double, b->value_count);
    // The variable hides a name of the model for as long as the series is computed.
    uint32_t names = el->frame->names.count;
    local_name *hidden = scope_find_local(el->frame, item->variable);
    meaning kept = hidden ? hidden->value : meaning_poison();
    if (!hidden) {
        scope_define(el, item->variable, item->where, meaning_number(0), ROLE_PARAMETER);
    }
    bool sound = true;
    for (int64_t i = 0; i < b->value_count && sound; i++) {
        sound = series_value_apart(el, item, low + (double)i * step, &values[i]);
    }
    scope_find_local(el->frame, item->variable)->value = hidden ? kept : meaning_poison();
    el->frame->names.count = names;
    b->values = values;
    return sound;
}

// ---- Bindings ----

static data_binding *find_binding(recipe *r, const char *input) {
    for (uint32_t i = 0; i < r->data.count; i++) {
        if (strcmp(r->data.at[i].input, input) == 0) {
            return &r->data.at[i];
        }
    }
    return NULL;
}

static bool is_lengths(const elaborator *el, const char *name) {
    for (uint32_t axis = 0; axis < el->g->axes.count; axis++) {
        size_t length = strlen(el->g->axes.at[axis].name);
        if (el->lengths[axis] != NO_NODE && strncmp(name, el->g->axes.at[axis].name, length) == 0 &&
            strcmp(name + length, ".lengths") == 0) {
            return true;
        }
    }
    return false;
}

static bool is_input(elaborator *el, const recipe_item *item) {
    const char **names = arena_new_array(el->memory, const char *, el->data.count + 1);
    for (uint32_t i = 0; i < el->data.count; i++) {
        names[i] = el->data.at[i].name;
        if (strcmp(names[i], item->name) == 0) {
            return true;
        }
    }
    if (is_lengths(el, item->name)) {
        return true;
    }
    const char *near = nearest_name(item->name, names, el->data.count);
    elaborate_error(el, item->name_where, "the model has no input or target '%s'%s%s%s", item->name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

static const data_entry *find_data(const elaborator *el, const char *name) {
    for (uint32_t i = 0; i < el->data.count; i++) {
        if (strcmp(el->data.at[i].name, name) == 0) {
            return &el->data.at[i];
        }
    }
    return NULL;
}

void recipe_bind_data(elaborator *el, const recipe_item *item, recipe *r, arena *memory) {
    if (!is_input(el, item)) {
        return;
    }
    data_binding b = {.input = arena_strdup(memory, item->name), .where = item->where};
    bool sound = item->variable ? read_series(el, item, &b, memory) : recipe_read_form(el, item, &b, memory);
    if (!sound) {
        return;
    }
    const data_entry *data = find_data(el, b.input);
    b.classes = data ? data->value.classes : 0;
    data_binding *old = find_binding(r, b.input);
    if (old) {
        *old = b; // of the recipe's base
    } else {
        vec_push(memory, r->data, b);
    }
}

// They replace what the recipe's base holds out.
void recipe_validation_files(const recipe_item *item, recipe *r, arena *memory) {
    r->validation_last = 0;
    r->validation_of_each = false;
    r->validation_keys.count = 0;
    for (uint32_t i = 0; i < item->value->args.count; i++) {
        const char *key = arena_strdup(memory, item->value->args.at[i].value->text);
        vec_push(memory, r->validation_keys, key);
    }
}

// ---- Checks of the whole ----

static bool is_series_like(data_kind kind) {
    return kind == DATA_SERIES || kind == DATA_CHARACTERS || kind == DATA_WORDS || kind == DATA_AHEAD;
}

// Rows of their own lengths, and what belongs to them.
static bool is_of_rows(data_kind kind) {
    return kind == DATA_LINES || kind == DATA_LABELS || kind == DATA_COLUMN || kind == DATA_FILE_OF;
}

// A fixed axis, or one of which the recipe says how many steps it has.
static bool is_stated(const elaborator *el, const recipe *r, uint32_t axis) {
    bool stated = el->g->axes.at[axis].kind != AXIS_IS_SEQUENCE;
    for (uint32_t i = 0; i < r->step_axis_count; i++) {
        stated = stated || r->steps[i].axis == (int)axis;
    }
    return stated;
}

// A drawn example needs the lengths of its axes, which no file says.
static void check_drawn(elaborator *el, const recipe *r, const data_binding *b) {
    const data_entry *data = find_data(el, b->input);
    if (!data) {
        elaborate_error(el, b->where,
                        "lengths are not drawn at random; give them as a file: %s = npy(\"key\")", b->input);
        return;
    }
    axis_set axes = graph_node(el->g, data->value.node)->type.axes;
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        if ((axes & AXIS_BIT(axis)) && !is_stated(el, r, axis)) {
            elaborate_error(el, b->where, "how long '%s' is drawn along %s is not said: steps %s = 20",
                            b->input, el->g->axes.at[axis].name, el->g->axes.at[axis].name);
        }
    }
    if (r->validation_keys.count) {
        elaborate_error(el, b->where,
                        "with values drawn at random, validation is part of them: validation last 1000");
    }
}

static void check_binding(elaborator *el, const recipe *r, const data_binding *b, bool batching_stated) {
    if (b->kind == DATA_AHEAD && (!find_binding((recipe *)r, b->of) || strcmp(b->of, b->input) == 0)) {
        elaborate_error(el, b->where, "'ahead' needs the data of '%s', which is not bound here", b->of);
    }
    if (is_series_like(b->kind) && (!batching_stated || r->batching == BATCH_EXAMPLES)) {
        elaborate_error(el, b->where,
                        "say how batches are cut from the series: windows, random windows or streams");
    }
    if (is_of_rows(b->kind) && r->batching != BATCH_EXAMPLES) {
        elaborate_error(el, b->where,
                        "each line is an example: write 'examples' in place of windows or streams");
    }
    if (b->kind == DATA_RANDOM) {
        check_drawn(el, r, b);
    }
}

static void check_steps(elaborator *el, const recipe_definition *def, const recipe *r) {
    for (uint32_t axis = 1; axis < el->g->axes.count; axis++) {
        if (!is_stated(el, r, axis)) {
            elaborate_error(el, def->where,
                            "the recipe '%s' does not say how long a window is: steps %s = 20", def->name,
                            el->g->axes.at[axis].name);
        }
    }
}

// States are those of a row's text: the next batch must go on where this one ends.
static void check_carry(elaborator *el, const recipe_definition *def, const recipe *r) {
    if (r->carry_state && r->batching != BATCH_STREAMS) {
        elaborate_error(
            el, def->where,
            "'carry state' needs 'streams' in the data block: the rows of other batches do not go on "
            "where those of the batch before ended");
    }
}

// Only from a stream that is read on can a window's first steps be those that the window before it ended with.
static void check_overlap(elaborator *el, const recipe_definition *def, const recipe *r) {
    for (uint32_t i = 0; i < r->step_axis_count; i++) {
        const char *axis = el->g->axes.at[r->steps[i].axis].name;
        long long extent = r->steps[i].extent, advance = r->steps[i].advance;
        if (advance > extent) {
            elaborate_error(
                el, def->where,
                "steps %s = %lld every %lld leaves out steps between the windows; 'every' takes at most "
                "%lld",
                axis, extent, advance, extent);
        } else if (advance && !(r->batching == BATCH_STREAMS && r->carry_state)) {
            elaborate_error(
                el, def->where,
                "steps %s = %lld every %lld needs 'streams' and 'carry state'; for windows that overlap, "
                "each from zero states: windows stride %lld",
                axis, extent, advance, advance);
        }
    }
}

// A file for each key of the data, in the order in which they are first named.
static void check_validation_keys(elaborator *el, const recipe_definition *def, const recipe *r) {
    const char *const *keys;
    uint32_t count = recipe_data_keys(r, el->memory, &keys);
    if (r->validation_keys.count && r->validation_keys.count != count) {
        elaborate_error(el, def->where,
                        "the recipe '%s' has %u files of data and %u for validation; name one for each, in "
                        "the order in which the data's are first named",
                        def->name, count, r->validation_keys.count);
    }
}

static bool has_text(const char *const *texts, uint32_t count, const char *text) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t recipe_data_keys(const recipe *r, arena *memory, const char *const **out_keys) {
    VEC(const char *) keys = {0};
    for (uint32_t i = 0; i < r->data.count; i++) {
        for (uint32_t j = 0; j < r->data.at[i].key_count; j++) {
            if (!has_text(keys.at, keys.count, r->data.at[i].keys[j])) {
                vec_push(memory, keys, r->data.at[i].keys[j]);
            }
        }
    }
    *out_keys = keys.at;
    return keys.count;
}

void recipe_check_data(elaborator *el, const recipe_definition *def, const recipe *r, bool batching_stated) {
    if (r->data.count == 0) {
        return; // the data may be given otherwise
    }
    check_validation_keys(el, def, r);
    for (uint32_t i = 0; i < r->data.count; i++) {
        check_binding(el, r, &r->data.at[i], batching_stated);
    }
    bool mixed = r->validation_last && r->test_last && r->validation_of_each != r->test_of_each;
    if (mixed) {
        elaborate_error(el, def->where, "say 'of each' of both, validation and test, or of neither");
    }
    for (uint32_t i = 0; i < el->data.count; i++) {
        if (!find_binding((recipe *)r, el->data.at[i].name)) {
            elaborate_error(el, def->where, "the data of recipe '%s' does not say where '%s' comes from",
                            def->name, el->data.at[i].name);
        }
    }
    if (r->batching != BATCH_EXAMPLES) {
        check_steps(el, def, r);
    }
    check_carry(el, def, r);
    check_overlap(el, def, r);
}
