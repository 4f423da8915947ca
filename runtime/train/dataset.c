#include "runtime/train/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "ir/classes.h"

typedef struct loader {
    const dataset_request *request;
    dataset *s;
    diag_sink *d;
    VEC(data_binding) bindings;
    int64_t *source_of; // by binding: its number among the sources; -1: ahead of another
} loader;

// ---- Inputs and bindings ----

static void note_lengths(dataset *s, const data_input *input) {
    const graph *g = s->model->graph;
    for (uint32_t a = 1; input->is_lengths && a < g->axes.count; a++) {
        size_t length = strlen(g->axes.at[a].name);
        bool of_axis = strncmp(input->name, g->axes.at[a].name, length) == 0 && input->name[length] == '.';
        s->has_lengths[a] = s->has_lengths[a] || of_axis;
    }
}

static void list_inputs(loader *l) {
    const graph *g = l->s->model->graph;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        const char *role = at->op == OP_INPUT ? at->attr[1].text : "";
        bool lengths = strcmp(role, "lengths") == 0, target = strcmp(role, "target") == 0;
        bool state = l->request->given_only && strcmp(role, "state") == 0;
        if (!lengths && !target && !state && strcmp(role, "data") != 0) {
            continue;
        }
        data_input added = {.name = at->attr[0].text,
                            .is_lengths = lengths,
                            .is_target = target,
                            .type = at->type,
                            .source = UINT32_MAX};
        added.classes = dtype_is_float(at->type.elem) || lengths ? 0 : graph_token_classes(g, n);
        vec_push(&l->s->memory, l->s->inputs, added);
        note_lengths(l->s, &added);
    }
}

static bool is_given(const loader *l, const char *key) {
    for (uint32_t i = 0; i < l->request->path_count; i++) {
        if (strcmp(l->request->paths[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void add_named_file(loader *l, const data_input *input) {
    bool wanted = l->request->given_only ? is_given(l, input->name) : !input->is_lengths;
    data_binding made = {.input = input->name, .kind = DATA_NPY, .key = input->name, .key_count = 1};
    made.keys = arena_new(&l->s->memory, const char *);
    made.keys[0] = made.key;
    if (wanted) {
        vec_push(&l->s->memory, l->bindings, made);
    }
}

// The recipe's lines; without any, an .npy file of each input's name.
static void list_bindings(loader *l) {
    const recipe *r = l->s->recipe;
    arena *memory = &l->s->memory;
    for (uint32_t i = 0; r && i < r->data.count; i++) {
        vec_push(memory, l->bindings, r->data.at[i]);
    }
    bool named = l->bindings.count == 0;
    for (uint32_t i = 0; named && i < l->s->inputs.count; i++) {
        add_named_file(l, &l->s->inputs.at[i]);
    }
}

static const data_binding *find_binding(const loader *l, const char *input) {
    for (uint32_t i = 0; i < l->bindings.count; i++) {
        if (strcmp(l->bindings.at[i].input, input) == 0) {
            return &l->bindings.at[i];
        }
    }
    return NULL;
}

static bool key_is_used(const loader *l, const char *key) {
    for (uint32_t i = 0; i < l->bindings.count; i++) {
        const data_binding *b = &l->bindings.at[i];
        for (uint32_t j = 0; j < b->key_count; j++) {
            if (strcmp(b->keys[j], key) == 0) {
                return true;
            }
        }
    }
    const recipe *r = l->s->recipe;
    for (uint32_t i = 0; r && i < r->validation_keys.count; i++) {
        if (strcmp(r->validation_keys.at[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static rnnc_status report_key(loader *l, const char *key, const char *const *known, size_t count) {
    const char *near = nearest_name(key, known, count);
    near = near ? near : count == 1 ? known[0] : NULL;
    bool given = l->request->given_only;
    return diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s %s: %s%s%s%s", data_option(l->request), key,
                     given ? "the model has no input of that name" : "the recipe has no data of that key",
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static rnnc_status check_keys(loader *l) {
    const recipe *r = l->s->recipe;
    VEC(const char *) known = {0};
    for (uint32_t i = 0; i < l->bindings.count; i++) {
        for (uint32_t j = 0; j < l->bindings.at[i].key_count; j++) {
            vec_push(&l->s->memory, known, l->bindings.at[i].keys[j]);
        }
    }
    for (uint32_t i = 0; r && i < r->validation_keys.count; i++) {
        vec_push(&l->s->memory, known, r->validation_keys.at[i]);
    }
    for (uint32_t i = 0; l->request->given_only && i < l->s->inputs.count; i++) {
        vec_push(&l->s->memory, known, l->s->inputs.at[i].name);
    }
    for (uint32_t i = 0; i < l->request->path_count; i++) {
        const char *key = l->request->paths[i].key;
        if (!key_is_used(l, key)) {
            return report_key(l, key, known.at, known.count);
        }
    }
    return RNNC_OK;
}

// ---- Reading ----

static rnnc_status read_source(loader *l, const data_binding *b, data_source *out) {
    const dataset *s = l->s;
    for (uint32_t i = 0; b->kind == DATA_RANDOM && i < s->inputs.count; i++) {
        if (strcmp(s->inputs.at[i].name, b->input) == 0) {
            return data_random_read(s, b, &s->inputs.at[i], l->request->seed, l->d, out);
        }
    }
    return data_source_read(l->request, b, l->d, &l->s->memory, out);
}

static rnnc_status read_sources(loader *l) {
    l->source_of = arena_new_array(&l->s->memory, int64_t, l->bindings.count + 1);
    for (uint32_t i = 0; i < l->bindings.count; i++) {
        const data_binding *b = &l->bindings.at[i];
        l->source_of[i] = -1;
        if (b->kind == DATA_AHEAD) {
            continue;
        }
        data_source none = {0};
        l->source_of[i] = l->s->sources.count;
        vec_push(&l->s->memory, l->s->sources, none); // what it gets is the dataset's to give back
        TRY(read_source(l, b, &l->s->sources.at[l->source_of[i]]));
    }
    return RNNC_OK;
}

// Follows `ahead` to the values themselves.
static rnnc_status connect_input(loader *l, data_input *input) {
    const data_binding *b = find_binding(l, input->name);
    if (!b && l->request->given_only) {
        input->is_unfilled = !input->is_lengths;
        return RNNC_OK;
    }
    if (!b) {
        return input->is_lengths ? RNNC_OK
                                 : diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                             "the recipe does not say where '%s' comes from", input->name);
    }
    input->is_lengths = false;
    for (uint32_t jumps = 0; b->kind == DATA_AHEAD; jumps++) {
        input->shift += b->by;
        const data_binding *of = find_binding(l, b->of);
        if (!of || jumps > l->bindings.count) {
            return diag_fail(l->d, RNNC_INVALID_ARGUMENT, b->where, "'ahead' needs the data of '%s'", b->of);
        }
        b = of;
    }
    input->shift += b->by; // of a form of its own
    input->source = (uint32_t)l->source_of[b - l->bindings.at];
    l->s->reach = input->shift > l->s->reach ? input->shift : l->s->reach;
    data_source *source = &l->s->sources.at[input->source];
    // Bytes are a fraction where real numbers are wanted, numbers of classes elsewhere.
    if (!dtype_is_float(input->type.elem)) {
        source->divisor = 1;
    }
    return RNNC_OK;
}

// Once all inputs are connected: what is padding is for the lengths to say.
static rnnc_status check_values(loader *l) {
    for (uint32_t i = 0; i < l->s->inputs.count; i++) {
        const data_input *input = &l->s->inputs.at[i];
        TRY(input->source == UINT32_MAX
                ? RNNC_OK
                : data_source_check(l->s, &l->s->sources.at[input->source], input, l->d));
    }
    return RNNC_OK;
}

// ---- Shapes ----

static rnnc_status refuse_shape(loader *l, const data_input *input, const char *expected) {
    const data_source *source = &l->s->sources.at[input->source];
    strbuf shape = {0};
    array_describe(&source->values, &shape);
    rnnc_status status = diag_fail(l->d, RNNC_TYPE, NO_SPAN, "%s: found %s, '%s' needs %s", source->label,
                                   strbuf_text(&shape), input->name, expected);
    strbuf_deinit(&shape);
    return status;
}

// "[examples, T, 28]"
static const char *expected_shape(loader *l, const data_input *input, bool series) {
    const graph *g = l->s->model->graph;
    arena *memory = &l->s->memory;
    const char *text = series ? "[places" : "[examples";
    for (uint32_t place = 1; !series && place < g->axes.count; place++) {
        int a = graph_declared_axis(g, place);
        const axis_info *axis = &g->axes.at[a];
        if (!(input->type.axes & AXIS_BIT(a))) {
            continue;
        }
        text = axis->kind == AXIS_IS_FIXED ? arena_printf(memory, "%s, %lld", text, (long long)axis->size)
                                           : arena_printf(memory, "%s, %s", text, axis->name);
    }
    int64_t columns = type_columns(input->type);
    return columns > 1 ? arena_printf(memory, "%s, %lld]", text, (long long)columns)
                       : arena_printf(memory, "%s]", text);
}

// Takes a sequence's length from the data, or compares it with what is known.
static rnnc_status agree_on_extent(loader *l, const data_input *input, int axis, int64_t found) {
    const axis_info *info = &l->s->model->graph->axes.at[axis];
    int64_t *extent = &l->s->extents[axis];
    if (*extent == 0) {
        *extent = found;
    }
    if (*extent == found) {
        return RNNC_OK;
    }
    const char *label = l->s->sources.at[input->source].label;
    return diag_fail(l->d, RNNC_TYPE, NO_SPAN,
                     "%s: sequences of '%s' have %lld steps of %s, expected %lld as the %s", label,
                     input->name, (long long)found, info->name, (long long)*extent,
                     info->kind == AXIS_IS_FIXED ? "model says" : "recipe or the other data says");
}

static rnnc_status fit_columns(loader *l, const data_input *input, int at, bool series) {
    const array *a = &l->s->sources.at[input->source].values;
    int64_t columns = 1;
    for (int i = at; i < a->rank; i++) {
        columns *= a->dim[i];
    }
    bool fits = at <= a->rank && columns == type_columns(input->type);
    return fits ? RNNC_OK : refuse_shape(l, input, expected_shape(l, input, series));
}

static rnnc_status fit_examples(loader *l, const data_input *input) {
    const graph *g = l->s->model->graph;
    const array *a = &l->s->sources.at[input->source].values;
    int at = 1;
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (!(input->type.axes & AXIS_BIT(axis))) {
            continue;
        }
        if (at >= a->rank) {
            return refuse_shape(l, input, expected_shape(l, input, false));
        }
        TRY(agree_on_extent(l, input, axis, a->dim[at++]));
    }
    return fit_columns(l, input, at, false);
}

static rnnc_status fit_series(loader *l, const data_input *input) {
    axis_set allowed = (axis_set)(AXIS_BIT(AXIS_BATCH) | AXIS_BIT(l->s->step_axis));
    if (input->type.axes & ~allowed) {
        return diag_fail(l->d, RNNC_UNSUPPORTED, NO_SPAN,
                         "'%s' has more axes than one: windows and streams are cut along one axis alone",
                         input->name);
    }
    return fit_columns(l, input, 1, true);
}

static rnnc_status agree_on_places(loader *l, const data_input *input) {
    const data_source *source = &l->s->sources.at[input->source];
    int64_t found = source->rows;
    if (l->s->places == 0) {
        l->s->places = found;
    }
    if (l->s->places == found) {
        return RNNC_OK;
    }
    return diag_fail(l->d, RNNC_TYPE, NO_SPAN, "%s: it has %lld rows, the other data %lld", source->label,
                     (long long)found, (long long)l->s->places);
}

static rnnc_status choose_step_axis(loader *l) {
    const recipe *r = l->s->recipe;
    l->s->step_axis = NO_AXIS;
    if (l->s->batching == BATCH_EXAMPLES) {
        return l->s->reach
                   ? diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "'ahead' needs windows or streams")
                   : RNNC_OK;
    }
    if (r->step_axis_count != 1) {
        return diag_fail(l->d, RNNC_UNSUPPORTED, NO_SPAN,
                         "windows and streams are cut along one sequence axis, the recipe '%s' states %u",
                         r->name, r->step_axis_count);
    }
    l->s->step_axis = r->steps[0].axis;
    return RNNC_OK;
}

static void set_stated_extents(dataset *s) {
    const graph *g = s->model->graph;
    s->extents[AXIS_BATCH] = s->batch;
    for (uint32_t a = 1; a < g->axes.count; a++) {
        s->extents[a] = g->axes.at[a].kind == AXIS_IS_FIXED ? g->axes.at[a].size : 0;
    }
    for (uint32_t i = 0; s->recipe && i < s->recipe->step_axis_count; i++) {
        s->extents[s->recipe->steps[i].axis] = s->recipe->steps[i].extent;
    }
}

static rnnc_status fit_input(loader *l, const data_input *input) {
    TRY(agree_on_places(l, input));
    if (l->s->sources.at[input->source].starts) {
        return data_rows_fit(l->s, input, l->d);
    }
    return l->s->batching == BATCH_EXAMPLES ? fit_examples(l, input) : fit_series(l, input);
}

static rnnc_status fit_inputs(loader *l) {
    dataset *s = l->s;
    TRY(choose_step_axis(l));
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        const data_input *input = &s->inputs.at[i];
        TRY(input->source != UINT32_MAX ? fit_input(l, input) : RNNC_OK);
    }
    if (s->places == 0 && l->request->given_only) {
        s->places = 1; // a model without inputs, or with states alone
    }
    if (s->places == 0) {
        return diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model has no input that data could fill");
    }
    for (uint32_t a = 1; a < s->model->graph->axes.count; a++) {
        // An axis that no input has is as short as it can be.
        s->extents[a] = s->extents[a] ? s->extents[a] : graph_least_extent(s->model->graph, (int)a);
    }
    TRY(graph_bind_parts(s->model->graph, s->extents, l->d));
    TRY(data_lengths_check(s, l->d));
    if (!s->recipe && s->places < s->batch) {
        s->batch = s->extents[AXIS_BATCH] = s->places;
    }
    return RNNC_OK;
}

// ---- Validation by files of its own ----

// The same keys, with the files of validation.
static rnnc_status validation_paths(loader *l, data_path *paths, uint32_t *out_count) {
    const recipe *r = l->s->recipe;
    const char *const *keys;
    *out_count = recipe_data_keys(r, &l->s->memory, &keys);
    for (uint32_t i = 0; i < *out_count && i < r->validation_keys.count; i++) {
        const char *key = r->validation_keys.at[i];
        paths[i] = (data_path){keys[i], data_find_path(l->request, key)};
        if (!paths[i].path) {
            return diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "the recipe '%s' needs a file for validation: %s %s=FILE", r->name,
                             data_option(l->request), key);
        }
    }
    return RNNC_OK;
}

// What the tokens of the training data stand for, for those of validation.
static data_vocabulary *used_vocabularies(const loader *l, uint32_t *out_count) {
    dataset *s = l->s;
    data_vocabulary *used = arena_new_array(&s->memory, data_vocabulary, s->sources.count + 1);
    *out_count = 0;
    for (uint32_t i = 0; i < s->sources.count; i++) {
        const data_source *at = &s->sources.at[i];
        if (at->characters || at->words) {
            used[(*out_count)++] =
                (data_vocabulary){at->words ? at->input : at->key, at->characters, at->words};
        }
    }
    return used;
}

static rnnc_status load_validation(loader *l) {
    dataset *s = l->s;
    uint32_t most = s->recipe->validation_keys.count;
    data_path *paths = arena_new_array(&s->memory, data_path, most + 1);
    dataset_request request = {.model = l->request->model,
                               .paths = paths,
                               .no_validation = true,
                               .no_test = true,
                               .seed = l->request->seed,
                               .by_library = l->request->by_library,
                               .weights = l->request->weights};
    TRY(validation_paths(l, paths, &request.path_count));
    request.vocabularies = used_vocabularies(l, &request.vocabulary_count);
    TRY(dataset_load(&request, l->d, &s->validation));
    for (uint32_t a = 1; a < s->model->graph->axes.count; a++) {
        int64_t other = s->validation->extents[a];
        s->extents[a] = other > s->extents[a] ? other : s->extents[a];
        if (data_rows_of_axis(s->validation, (int)a)) {
            s->validation->extents[a] = s->extents[a]; // for programs whose runs are all equally long
        }
    }
    return RNNC_OK;
}

// ---- The whole ----

static rnnc_status load(loader *l) {
    dataset *s = l->s;
    const recipe *r = s->recipe;
    s->batching = r ? r->batching : BATCH_EXAMPLES;
    s->batch = r ? r->batch : DATASET_BATCH;
    s->stride = r && r->batching == BATCH_WINDOWS ? r->stride : 1;
    s->advance = r && r->step_axis_count == 1 ? r->steps[0].advance : 0;
    s->validation_last = r && !r->validation_keys.count ? r->validation_last : 0;
    s->test_last = r && !l->request->no_test ? r->test_last : 0;
    if (r && r->carry_state && s->batching != BATCH_STREAMS) {
        return diag_fail(l->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "the recipe '%s' carries the state on, which needs data in streams", r->name);
    }
    set_stated_extents(s);
    list_inputs(l);
    list_bindings(l);
    TRY(check_keys(l));
    TRY(read_sources(l));
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        TRY(connect_input(l, &s->inputs.at[i]));
    }
    TRY(check_values(l));
    TRY(fit_inputs(l));
    bool validates = r && !l->request->no_validation;
    bool each = validates && r->validation_of_each && s->validation_last;
    if (each || (s->test_last && r->test_of_each)) {
        TRY(data_rows_order(s, l->d));
    }
    bool files = validates && r->validation_keys.count;
    return files ? load_validation(l) : RNNC_OK;
}

// The dataset's arena comes back here without memory.
static rnnc_status load_guarded(loader *l) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(l->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the data");
    }
    l->s->memory.exhausted = &exhausted;
    rnnc_status status = load(l);
    l->s->memory.exhausted = NULL;
    return status;
}

rnnc_status dataset_load(const dataset_request *request, diag_sink *d, dataset **out_dataset) {
    dataset *s = calloc(1, sizeof *s);
    if (!s) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the data");
    }
    arena_init(&s->memory);
    s->model = request->model;
    s->recipe = request->given_only ? NULL : request->model->recipe;
    loader l = {.request = request, .s = s, .d = d};
    rnnc_status status = load_guarded(&l);
    if (status != RNNC_OK) {
        dataset_destroy(s);
        return status;
    }
    *out_dataset = s;
    return RNNC_OK;
}

void dataset_destroy(dataset *s) {
    if (!s) {
        return;
    }
    for (uint32_t i = 0; i < s->sources.count; i++) {
        array_deinit(&s->sources.at[i].values);
        data_text_deinit(&s->sources.at[i]);
    }
    dataset_destroy(s->validation);
    free(s->order);
    arena_deinit(&s->memory);
    free(s);
}

static const data_source *dataset_text(const dataset *s) {
    for (uint32_t i = 0; i < s->sources.count; i++) {
        if (s->sources.at[i].characters) {
            return &s->sources.at[i];
        }
    }
    return NULL;
}

const data_input *dataset_find_input(const dataset *s, const char *name) {
    for (uint32_t i = 0; i < s->inputs.count; i++) {
        if (strcmp(s->inputs.at[i].name, name) == 0) {
            return &s->inputs.at[i];
        }
    }
    return NULL;
}

bool dataset_has_validation(const dataset *s) {
    return s->validation || s->validation_last;
}

const char *dataset_unit(const dataset *s) {
    for (uint32_t i = 0; i < s->sources.count; i++) {
        if (s->sources.at[i].words) {
            return "words/s";
        }
    }
    return dataset_text(s) ? "characters/s" : "values/s";
}
