// Any text as a source file: parsed, and if it parses, every model of it elaborated with every recipe.
#include "frontend/model.h"
#include "ir/verify.h"
#include "tests/fuzz/fuzz.h"

enum { LARGEST_TEXT = 8192, MOST_MODELS = 3, MOST_RECIPES = 2 };

static void build_model(diag_sink *d, const source_unit *unit, const char *name, const char *recipe_name) {
    model *m;
    model_options options = {.model = name, .recipe = recipe_name, .training = true};
    if (model_build(d, unit, &options, &m) == RNNC_OK) {
        // What the frontend accepts is a graph that keeps every rule.
        if (graph_verify(m->graph, d) != RNNC_OK) {
            __builtin_trap();
        }
        model_destroy(m);
    }
}

static void build_all(diag_sink *d, const source_unit *unit) {
    const char *const *models;
    const char *const *recipes;
    uint32_t model_count = source_model_names(unit, &models),
             recipe_count = source_recipe_names(unit, &recipes);
    for (uint32_t i = 0; i < model_count && i < MOST_MODELS; i++) {
        build_model(d, unit, models[i], NULL);
        for (uint32_t j = 1; j < recipe_count && j < MOST_RECIPES; j++) {
            build_model(d, unit, models[i], recipes[j]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > LARGEST_TEXT) {
        return 0;
    }
    diag_sink d;
    diag_init(&d);
    source_unit *unit;
    if (source_parse(&d, "fuzz.rnn", (const char *)data, size, &unit) == RNNC_OK) {
        build_all(&d, unit);
        source_destroy(unit);
    }
    strbuf out = {0};
    diag_render(&d, &out);
    strbuf_deinit(&out);
    diag_deinit(&d);
    return 0;
}
