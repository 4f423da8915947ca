#include "runtime/train/about.h"

#include <string.h>

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

void describe_model(const char *version, const source_unit *source, const model_options *options,
                    const recipe *trained_by, record *about) {
    record_text(about, "rnnc.version", version);
    record_text(about, "rnnc.model", source_whole_text(source));
    add_settings(options, about);
    if (trained_by) {
        record_text(about, "rnnc.recipe", trained_by->name);
    }
}

rnnc_status describe_weights(const training_subject *subject, diag_sink *d, record *about) {
    describe_model(subject->version, subject->source, subject->options, subject->data->recipe, about);
    return carried_record_all(about, subject->data, d);
}

void tell_trained(const safetensors *file, bool by_library, diag_sink *d) {
    const char *name = safetensors_metadata(file, "rnnc.recipe");
    const char *settings = safetensors_metadata(file, "rnnc.settings");
    strbuf text = {0};
    if (name) {
        strbuf_addf(&text, by_library ? " recipe \"%s\"" : " --recipe %s", name);
    }
    for (const char *at = settings; at && *at;) {
        size_t length = strcspn(at, "\n");
        strbuf_addf(&text, by_library ? " settings \"%.*s\"" : " --set '%.*s'", (int)length, at);
        at += length + (at[length] != '\0');
    }
    if (text.length) {
        diag_note(d, NO_SPAN, "they were trained with%s", strbuf_text(&text));
    }
    strbuf_deinit(&text);
}
