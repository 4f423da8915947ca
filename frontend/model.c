#include "frontend/model.h"

#include <string.h>

#include "frontend/axis_order.h"
#include "frontend/elaborate.h"
#include "frontend/model_data.h"
#include "frontend/parse.h"
#include "frontend/recipe.h"
#include "frontend/source.h"

typedef struct build {
    elaborator el;
    const model_options *options;
    const definition *def;
    const recipe_definition *recipe;
    recipe_items items;
    settings_list settings;
    model *out;
} build;

// ---- Which model ----

static const definition *find_model(const source_unit *unit, const char *name) {
    const definition *last = NULL;
    for (uint32_t i = 0; i < unit->tree.definitions.count; i++) {
        const definition *def = unit->tree.definitions.at[i];
        bool is_model = def->kind == DEFINITION_MODEL;
        bool own = def->where.file == unit->tree.definitions.at[0]->where.file;
        if (is_model && name && strcmp(def->name, name) == 0) {
            return def;
        }
        if (is_model && !name && (own || !last)) {
            last = def;
        }
    }
    return name ? NULL : last;
}

static bool choose_model(build *b) {
    const source_unit *unit = b->el.unit;
    b->def = find_model(unit, b->options->model);
    if (b->def) {
        return true;
    }
    if (!b->options->model) {
        diag_error(b->el.d, NO_SPAN, "%s holds no model: write model NAME(…) { … }", unit->name);
        return false;
    }
    source_report_unknown(unit, false, b->options->model, NO_SPAN, b->el.d);
    return false;
}

// ---- Settings ----

static void gather_recipe_settings(build *b) {
    for (uint32_t i = 0; i < b->items.count; i++) {
        const recipe_item *item = &b->items.at[i];
        if (item->kind == ITEM_SET) {
            setting s = {.name = item->name,
                         .where = item->name_where,
                         .value = item->value,
                         .text = source_text(&b->el, item->value->where)};
            vec_push(b->el.memory, b->settings, s);
        }
    }
}

static bool gather_command_settings(build *b) {
    for (uint32_t i = 0; i < b->options->setting_count; i++) {
        const model_setting *given = &b->options->settings[i];
        const char *title = arena_printf(b->el.memory, "%s%s", b->out->settings, given->name);
        uint32_t file = diag_add_file(b->el.d, title, given->value, strlen(given->value));
        setting s = {.name = given->name,
                     .where = {file, 0, (uint32_t)strlen(given->value)},
                     .text = given->value,
                     .from_command = true};
        s.value = parse_single_expression(b->el.d, file, b->el.memory);
        if (!s.value) {
            return false;
        }
        vec_push(b->el.memory, b->settings, s);
    }
    return true;
}

static bool is_parameter(const definition *def, const char *name) {
    for (uint32_t i = 0; i < def->parameters.count; i++) {
        if (strcmp(def->parameters.at[i].name, name) == 0) {
            return true;
        }
    }
    return strcmp(name, "float") == 0;
}

static bool declares_axis(const definition *def, const char *name) {
    for (uint32_t i = 0; i < def->inputs.count; i++) {
        for (uint32_t j = 0; j < def->inputs.at[i].axes.count; j++) {
            if (strcmp(def->inputs.at[i].axes.at[j].axis.name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void report_setting(build *b, const setting *s) {
    VEC(const char *) known = {0};
    arena *memory = b->el.memory;
    for (uint32_t i = 0; i < b->def->parameters.count; i++) {
        vec_push(memory, known, b->def->parameters.at[i].name);
    }
    const char *const *numbers;
    uint32_t count;
    recipe_number_names(memory, &numbers, &count);
    for (uint32_t i = 0; s->from_command && i < count; i++) {
        vec_push(memory, known, numbers[i]);
    }
    vec_push(memory, known, "float");
    const char *near = nearest_name(s->name, known.at, known.count);
    diag_error(b->el.d, s->where, "the model '%s' has no parameter '%s'%s%s%s", b->def->name, s->name,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void sort_settings(build *b) {
    for (uint32_t i = 0; i < b->settings.count; i++) {
        setting *s = &b->settings.at[i];
        bool number = recipe_has_number(s->name) || declares_axis(b->def, s->name);
        s->is_number_of_recipe = !is_parameter(b->def, s->name) && s->from_command && number;
        if (s->is_number_of_recipe && !b->recipe) {
            diag_error(b->el.d, s->where, "'%s' belongs to a recipe, and the file has none", s->name);
        } else if (!s->is_number_of_recipe && !is_parameter(b->def, s->name)) {
            report_setting(b, s);
        }
    }
}

static const setting *find_setting(const build *b, const char *name) {
    const setting *found = NULL;
    for (uint32_t i = 0; i < b->settings.count; i++) {
        if (strcmp(b->settings.at[i].name, name) == 0) {
            found = &b->settings.at[i];
        }
    }
    return found;
}

// ---- float ----

static void read_float(build *b, const expression *e, dtype *out) {
    const char *name = e->kind == EXPR_NAME ? e->text : "";
    if (strcmp(name, "f32") == 0 || strcmp(name, "f64") == 0) {
        *out = name[1] == '3' ? DT_F32 : DT_F64;
    } else {
        diag_error(b->el.d, e->where, "'float' is f32 or f64");
    }
}

static dtype find_float(build *b) {
    dtype real = DT_F32;
    for (uint32_t i = 0; i < b->def->body.count; i++) {
        const statement *s = b->def->body.at[i];
        if (s->kind == STATEMENT_EQUATION && s->names.count == 1 &&
            strcmp(s->names.at[0].name, "float") == 0) {
            read_float(b, s->value, &real);
        }
    }
    const setting *s = find_setting(b, "float");
    if (s) {
        read_float(b, s->value, &real);
    }
    return real;
}

// ---- Elaboration ----

static void open_graph(build *b) {
    elaborator *el = &b->el;
    el->g = graph_create_in(&b->options->memory, b->def->name, find_float(b));
    if (!el->g) {
        arena_give_up(el->memory);
    }
    b->out->graph = el->g;
    el->g->memory.exhausted = el->memory->exhausted;
    frame *f = arena_new(el->memory, frame);
    *f = (frame){.def = b->def,
                 .call = b->def->where,
                 .weight_place = "",
                 .state_place = "",
                 .suffix = "",
                 .running = NO_AXIS};
    el->frame = f;
    el->loss_node = NO_NODE;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        el->lengths[axis] = el->valid[axis] = NO_NODE;
    }
}

static void bind_parameters(build *b) {
    elaborator *el = &b->el;
    for (uint32_t i = 0; i < b->def->parameters.count; i++) {
        const declaration *parameter = &b->def->parameters.at[i];
        const setting *s = find_setting(b, parameter->name);
        const expression *e = s ? s->value : parameter->value;
        meaning v = e ? evaluate(el, e)
                      : elaborate_error(el, parameter->where,
                                        "the model's parameter '%s' has no value; give it one with "
                                        "%s%s=…",
                                        parameter->name, b->out->settings, parameter->name);
        scope_define(el, parameter->name, parameter->where, v, ROLE_PARAMETER);
    }
}

// Which parameters say how many tokens there are: what data of another number is told by.
static void gather_token_parameters(build *b) {
    arena *memory = &b->out->memory;
    for (uint32_t i = 0; i < b->def->body.count; i++) {
        const statement *s = b->def->body.at[i];
        bool data = s->kind == STATEMENT_INPUT || s->kind == STATEMENT_TARGET;
        for (uint32_t j = 0; data && j < s->declarations.count; j++) {
            const declaration *decl = &s->declarations.at[j];
            bool named = decl->type == TYPE_TOKEN && decl->columns && decl->columns->kind == EXPR_NAME;
            if (named && is_parameter(b->def, decl->columns->text)) {
                token_parameter added = {arena_strdup(memory, decl->name),
                                         arena_strdup(memory, decl->columns->text)};
                vec_push(memory, b->out->token_parameters, added);
            }
        }
    }
}

static void gather_measured(build *b) {
    arena *memory = &b->out->memory;
    for (uint32_t i = 0; i < b->el.measured.count; i++) {
        const measured_data *m = &b->el.measured.at[i];
        measured_data added = {arena_strdup(memory, m->input), arena_strdup(memory, m->mean),
                               arena_strdup(memory, m->deviation)};
        vec_push(memory, b->out->measured, added);
    }
}

static void check_purpose(build *b) {
    elaborator *el = &b->el;
    bool loss = scope_find_local(el->frame, "loss") != NULL;
    if (!loss && el->g->outputs.count == 0 && el->d->error_count == 0) {
        elaborate_error(el, b->def->where, "the model '%s' has neither a loss nor an output", b->def->name);
    }
}

static void elaborate_model(build *b) {
    elaborator *el = &b->el;
    bind_parameters(b);
    elaborate_block(el, &b->def->body);
    if (el->too_large) {
        return;
    }
    check_purpose(b);
    gather_token_parameters(b);
    gather_measured(b);
    scope_warn_unused(el);
    if (el->d->error_count == 0) {
        model_add_class_metrics(el);
        equations_show(el, b->options->shown, b->options->shown_count);
    }
    for (uint32_t i = 0; i < el->equations.count; i++) {
        vec_push(&b->out->memory, b->out->equations, arena_strdup(&b->out->memory, el->equations.at[i].name));
    }
    if (el->loss) {
        b->out->loss_text = arena_strdup(&b->out->memory, source_text(el, el->loss->where));
        b->out->loss_reduction = describe_reduction(el, b->def, el->loss, &b->out->memory);
    }
}

static bool prepare(build *b) {
    if (!choose_model(b)) {
        return false;
    }
    if (!recipe_find(b->el.d, b->el.unit, b->def, b->options->recipe, &b->recipe)) {
        return false;
    }
    if (b->recipe && !recipe_flatten(b->el.d, b->el.unit, b->recipe, b->el.memory, &b->items)) {
        return false;
    }
    gather_recipe_settings(b);
    if (!gather_command_settings(b)) {
        return false;
    }
    sort_settings(b);
    open_graph(b);
    return true;
}

static rnnc_status build_all(build *b) {
    uint32_t errors = b->el.d->error_count;
    if (prepare(b)) {
        elaborate_model(b);
        if (b->recipe && !b->el.too_large) {
            b->out->recipe = recipe_evaluate(&b->el, b->recipe, &b->items, &b->settings, &b->out->memory);
        }
    }
    if (b->el.d->error_count != errors) {
        return RNNC_TYPE;
    }
    axis_order_choose(b->out->graph, b->out->recipe, b->el.memory);
    return RNNC_OK;
}

// Every arena of the frontend comes back here when the system has no memory left.
static rnnc_status build_guarded(build *b) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        b->el.d->memory.exhausted = NULL;
        return diag_fail(b->el.d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the model");
    }
    b->el.memory->exhausted = b->out->memory.exhausted = b->el.d->memory.exhausted = &exhausted;
    rnnc_status status = build_all(b);
    b->el.memory->exhausted = b->out->memory.exhausted = b->el.d->memory.exhausted = NULL;
    if (b->out->graph) {
        b->out->graph->memory.exhausted = NULL;
    }
    return status;
}

rnnc_status model_build(diag_sink *d, const source_unit *unit, const model_options *options,
                        model **out_model) {
    *out_model = NULL;
    model *m = allocator_array(&options->memory, 1, sizeof *m);
    if (!m) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a model");
    }
    arena_init_in(&m->memory, &options->memory);
    m->settings = options->by_library ? "settings " : "--set ";
    arena scratch;
    arena_init(&scratch);
    build b = {.el = {.d = d, .unit = unit, .memory = &scratch, .training = options->training},
               .options = options,
               .out = m};
    rnnc_status status = build_guarded(&b);
    arena_deinit(&scratch);
    if (status != RNNC_OK) {
        model_destroy(m);
        return status;
    }
    *out_model = m;
    return RNNC_OK;
}

void model_destroy(model *m) {
    if (m) {
        allocator from = m->memory.from;
        graph_destroy(m->graph);
        arena_deinit(&m->memory);
        allocator_free(&from, m);
    }
}
