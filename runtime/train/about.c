#include "runtime/train/about.h"

#include "runtime/train/carried.h"

// "hidden=20", one a line.
static void add_settings(const model_options *options, record *about) {
    const char *text = "";
    for (uint32_t i = 0; i < options->setting_count; i++) {
        const model_setting *s = &options->settings[i];
        text = arena_printf(&about->memory, "%s%s=%s\n", text, s->name, s->value);
    }
    if (*text) {
        record_text(about, "rnnc.settings", text);
    }
}

rnnc_status describe_weights(const training_subject *subject, diag_sink *d, record *about) {
    record_text(about, "rnnc.version", subject->version);
    record_text(about, "rnnc.model", source_whole_text(subject->source));
    add_settings(subject->options, about);
    if (subject->data->recipe) {
        record_text(about, "rnnc.recipe", subject->data->recipe->name);
    }
    return carried_record_all(about, subject->data, d);
}
