// Loading of a source file and its models, as the command line asks for them.
#include <string.h>

#include "cli/command.h"
#include "runtime/train/extents.h"

bool is_ir_text(const char *path) {
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".ir") == 0;
}

rnnc_status load_source(const command_line *line, diag_sink *d, loaded *out_source) {
    *out_source = (loaded){0};
    arena_init(&out_source->memory);
    if (is_ir_text(line->file)) {
        return diag_fail(
            d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "%s is the text of a graph, which only rnnc dump reads: give the model's source text",
            line->file);
    }
    for (uint32_t i = 0; i < line->settings.count; i++) {
        model_setting s = {line->settings.at[i].key, line->settings.at[i].value};
        vec_push(&out_source->memory, out_source->settings, s);
    }
    out_source->options = (model_options){
        .model = line->model,
        .recipe = line->recipe,
        .settings = out_source->settings.at,
        .setting_count = out_source->settings.count,
    };
    return source_load(d, line->file, &out_source->unit);
}

void unload_source(loaded *s) {
    if (s->unit) {
        source_destroy(s->unit);
    }
    arena_deinit(&s->memory);
}

rnnc_status load_model(const loaded *s, bool training, diag_sink *d, model **out_model) {
    model_options options = s->options;
    options.training = training;
    return model_build(d, s->unit, &options, out_model);
}

rnnc_status load_model_with_recipe(const loaded *s, bool training, diag_sink *d, model **out_model) {
    TRY(load_model(s, training, d, out_model));
    return model_check_trained(*out_model, d);
}

bool choose_extents(const command_line *line, const model *m, const int64_t *fallback, int64_t *out_extents,
                    int *out_axis) {
    extent_wishes wishes = {.batch = line->batch, .length = line->length, .fallback = fallback};
    return model_extents(m, &wishes, out_extents, out_axis);
}
