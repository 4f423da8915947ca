// Models: sources, and what was chosen from them.
#include <string.h>

#include "api/parts.h"

static void destroy(rnnc_model *m) {
    model_destroy(m->typed);
    if (m->unit) {
        source_destroy(m->unit);
    }
    allocator from = m->memory.from;
    arena_deinit(&m->memory);
    diag_deinit(&m->sink);
    allocator_free(&from, m);
}

void rnnc_model_retain(rnnc_model *m) {
    if (m) {
        atomic_fetch_add(&m->references, 1);
    }
}

void rnnc_model_release(rnnc_model *m) {
    if (m && atomic_fetch_sub(&m->references, 1) == 1) {
        destroy(m);
    }
}

const char *rnnc_model_name(const rnnc_model *m) {
    return m ? m->typed->graph->name : NULL;
}

rnnc_status rnnc_model_recipe(const rnnc_model *m, rnnc_recipe *out_recipe) {
    const recipe *r = m ? m->typed->recipe : NULL;
    if (!r || !out_recipe) {
        return RNNC_INVALID_ARGUMENT;
    }
    *out_recipe = (rnnc_recipe){.name = r->name,
                                .batch = r->batch,
                                .epochs = r->epochs,
                                .max_steps = r->max_steps,
                                .rate = r->rate,
                                .carries_state = r->carry_state};
    return RNNC_OK;
}

uint32_t rnnc_model_equation_count(const rnnc_model *m) {
    return m ? m->typed->equations.count : 0;
}

const char *rnnc_model_equation(const rnnc_model *m, uint32_t index) {
    return m && index < m->typed->equations.count ? m->typed->equations.at[index] : NULL;
}

static const char *copy_text(rnnc_model *m, const char *text) {
    return text ? arena_strdup(&m->memory, text) : NULL;
}

static rnnc_status split_pair(const char *text, const char *what, arena *memory, diag_sink *d,
                              text_pair *out_pair) {
    const char *equals = text ? strchr(text, '=') : NULL;
    if (!equals || equals == text || !equals[1]) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s, found \"%s\"", what, text ? text : "");
    }
    out_pair->key = arena_strndup(memory, text, (size_t)(equals - text));
    out_pair->value = arena_strdup(memory, equals + 1);
    return RNNC_OK;
}

rnnc_status api_split_pairs(const char *const *texts, size_t count, const char *what, arena *memory,
                            diag_sink *d, text_pair **out_pairs) {
    text_pair *pairs = arena_new_array(memory, text_pair, count + 1);
    for (size_t i = 0; i < count; i++) {
        TRY(split_pair(texts[i], what, memory, d, &pairs[i]));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(pairs[k].key, pairs[i].key) == 0) {
                return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%.*s: %s stands twice",
                                 (int)strcspn(what, " "), what, pairs[i].key);
            }
        }
    }
    *out_pairs = pairs;
    return RNNC_OK;
}

static rnnc_status take_options(rnnc_model *m, const rnnc_model_options *options) {
    if (!options) {
        return RNNC_OK;
    }
    m->options.model = copy_text(m, options->model);
    m->options.recipe = copy_text(m, options->recipe);
    text_pair *pairs;
    model_setting *settings = arena_new_array(&m->memory, model_setting, options->setting_count + 1);
    TRY(api_split_pairs(options->settings, options->setting_count, "settings are \"name=value\"", &m->memory,
                        &m->sink, &pairs));
    for (size_t i = 0; i < options->setting_count; i++) {
        settings[i] = (model_setting){pairs[i].key, pairs[i].value};
    }
    m->options.settings = settings;
    m->options.setting_count = (uint32_t)options->setting_count;
    return RNNC_OK;
}

// Options and their arena come back here without memory.
static rnnc_status take_options_guarded(rnnc_model *m, const rnnc_model_options *options) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(&m->sink, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a model's options");
    }
    m->memory.exhausted = &exhausted;
    rnnc_status status = take_options(m, options);
    m->memory.exhausted = NULL;
    return status;
}

model_options api_model_options(const rnnc_model *m) {
    model_options options = m->options;
    options.memory = (allocator){NULL, NULL, NULL};
    return options;
}

rnnc_status api_model_build(const rnnc_model *m, const rnnc_compile_options *o, const allocator *from,
                            diag_sink *d, model **out_model) {
    model_options options = m->options;
    options.training = o->purpose >= RNNC_GRADIENTS;
    options.shown = o->outputs;
    options.shown_count = (uint32_t)o->output_count;
    options.memory = *from;
    return model_build(d, m->unit, &options, out_model);
}

typedef struct model_source {
    const char *path; // NULL: a text
    const char *name, *text;
    size_t length;
} model_source;

static rnnc_status fill(rnnc_model *m, const model_source *source, const rnnc_model_options *options) {
    TRY(take_options_guarded(m, options));
    TRY(source->path ? source_load(&m->sink, source->path, &m->unit)
                     : source_parse(&m->sink, source->name, source->text, source->length, &m->unit));
    m->options.memory = m->memory.from;
    m->options.by_library = true;
    return model_build(&m->sink, m->unit, &m->options, &m->typed);
}

// Before there is a model: where it is to be made.
static rnnc_status check_options(const rnnc_model_options *options, rnnc_diagnostics *d,
                                 allocator *out_memory) {
    if (options &&
        (options->struct_size != sizeof *options || (options->setting_count && !options->settings))) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "the options of a model begin with RNNC_MODEL_OPTIONS, and settings are not NULL");
    }
    return api_take_allocator(options ? options->allocator : NULL, d, out_memory);
}

static rnnc_status create(const model_source *source, const rnnc_model_options *options,
                          rnnc_diagnostics *diagnostics, rnnc_model **out_model) {
    allocator memory;
    TRY(check_options(options, diagnostics, &memory));
    rnnc_model *m = allocator_array(&memory, 1, sizeof *m);
    if (!m) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a model");
    }
    atomic_init(&m->references, 1);
    diag_init_in(&m->sink, &memory);
    arena_init_in(&m->memory, &memory);
    rnnc_status status = api_report(diagnostics, &m->sink, fill(m, source, options));
    if (status != RNNC_OK) {
        destroy(m);
        return status;
    }
    *out_model = m;
    return RNNC_OK;
}

rnnc_status rnnc_model_from_text(const char *text, size_t length, const char *name,
                                 const rnnc_model_options *options, rnnc_diagnostics *diagnostics,
                                 rnnc_model **out_model) {
    if (!text || !name || !out_model || length > INT32_MAX) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a model needs a text below 2 GiB, a name and a place to be put");
    }
    *out_model = NULL;
    model_source source = {.name = name, .text = text, .length = length};
    return create(&source, options, diagnostics, out_model);
}

rnnc_status rnnc_model_from_file(const char *path, const rnnc_model_options *options,
                                 rnnc_diagnostics *diagnostics, rnnc_model **out_model) {
    if (!path || !out_model) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "a model needs a path and a place to be put");
    }
    *out_model = NULL;
    model_source source = {.path = path};
    return create(&source, options, diagnostics, out_model);
}
