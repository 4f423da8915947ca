// What makes two runs the same training: the graph of its step, how the data are read, the data, the seed.
#include <string.h>

#include "ir/text.h"
#include "passes/compile.h"
#include "runtime/train/about.h"
#include "runtime/train/machine.h"
#include "runtime/train/overlap.h"

static const char prefix[] = "identity.";

static void add(record *about, const char *what, const char *value) {
    record_text(about, record_key(about, prefix, what), value);
}

// ---- The model and its update ----

static void add_graph(record *about, const char *what, const graph *g) {
    graph_print(g, record_scratch(about));
    const char *text = record_scratch_text(about);
    uint32_t crc = safetensors_crc(0, text, about->scratch.length);
    add(about, what, arena_printf(&about->memory, "%08x", crc));
}

// The graph with its gradient and update says all that the recipe says of optimiser, rates, schedule and clipping.
static rnnc_status add_graphs(model *m, diag_sink *d, record *about) {
    graph_keep_measured(m->graph);
    add(about, "model", m->graph->name);
    add_graph(about, "the model's graph", m->graph);
    update_options update = recipe_update(m->recipe, &about->memory);
    compile_options c = {
        .pipeline = "simplify, differentiate, update",
        .update = &update,
        .shape = {.vector_bytes = 16, .vector_registers = 16},
    };
    plan *unused;
    TRY(model_overlap(m, d));
    TRY(compile_passes(m->graph, &c, d, &unused));
    add_graph(about, "optimizer, rates, schedule or clipping", m->graph);
    return RNNC_OK;
}

// The model is given back before the record's arena, which is without memory, jumps on.
static rnnc_status add_graphs_of(model *m, diag_sink *d, record *about) {
    jmp_buf exhausted, *outer = about->memory.exhausted;
    if (setjmp(exhausted)) {
        about->memory.exhausted = outer;
        model_destroy(m);
        arena_give_up(&about->memory);
    }
    about->memory.exhausted = &exhausted;
    rnnc_status status = add_graphs(m, d, about);
    about->memory.exhausted = outer;
    model_destroy(m);
    return status;
}

static rnnc_status add_model(const training_subject *subject, diag_sink *d, record *about) {
    model *m;
    model_options options = *subject->options;
    options.training = true;
    TRY(model_build(d, subject->source, &options, &m));
    return add_graphs_of(m, d, about);
}

// ---- The recipe's reading of the data ----

static const char *batching_words(batching_kind kind) {
    return kind == BATCH_STREAMS          ? "streams"
           : kind == BATCH_WINDOWS        ? "windows"
           : kind == BATCH_RANDOM_WINDOWS ? "random windows"
                                          : "examples";
}

static const char *keep_words(keep_rule keep) {
    return keep == KEEP_BEST_LOSS ? "best" : keep == KEEP_BEST_ACCURACY ? "best accuracy" : "last";
}

static void add_reading(const dataset *data, record *about) {
    arena *memory = &about->memory;
    const recipe *r = data->recipe;
    add(about, "extents", graph_extents_text(data->model->graph, data->extents, memory));
    add(about, "batches of", batching_words(data->batching));
    add(about, "every", arena_printf(memory, "%lld", (long long)data->advance));
    add(about, "stride", arena_printf(memory, "%lld", (long long)data->stride));
    add(about, "validation last", arena_printf(memory, "%lld", (long long)data->validation_last));
    if (data->test_last) {
        add(about, "test last", arena_printf(memory, "%lld", (long long)data->test_last));
    }
    if (r) {
        add(about, "recipe", r->name);
        add(about, "carry state", r->carry_state ? "yes" : "no");
        add(about, "keep", keep_words(r->keep));
    }
}

static void add_vocabulary(const data_source *s, const char *what, record *about) {
    if (s->characters) {
        vocabulary_render(s->characters, record_scratch(about));
    } else {
        word_list_render(s->words, record_scratch(about));
    }
    const char *text = record_scratch_text(about);
    uint32_t count = s->characters ? s->characters->count : s->words->count;
    add(about, arena_printf(&about->memory, "vocabulary of %s", what),
        arena_printf(&about->memory, "%u entries %08x", count,
                     safetensors_crc(0, text, about->scratch.length)));
}

// |part|: "" or "validation ".
static void add_source(const data_source *s, const char *part, record *about) {
    arena *memory = &about->memory;
    size_t bytes = s->values.data ? array_bytes(&s->values) : 0;
    uint32_t crc = safetensors_crc(0, s->values.data, bytes);
    if (s->starts) {
        crc = safetensors_crc(crc, s->starts, (size_t)(s->rows + 1) * sizeof *s->starts);
    }
    array_describe(&s->values, record_scratch(about));
    const char *what = s->key ? arena_printf(memory, "%sdata '%s' of '%s'", part, s->key, s->input)
                              : arena_printf(memory, "%s '%s'", s->is_drawn ? "random" : "series", s->input);
    add(about, what, arena_printf(memory, "%s %08x", record_scratch_text(about), crc));
    if (s->characters || s->words) {
        add_vocabulary(s, what, about);
    }
}

static void add_sources(const dataset *data, const char *part, record *about) {
    for (uint32_t i = 0; i < data->sources.count; i++) {
        add_source(&data->sources.at[i], part, about);
    }
}

rnnc_status describe_training(const training_subject *subject, diag_sink *d, record *about) {
    const dataset *data = subject->data;
    TRY(add_model(subject, d, about));
    add_reading(data, about);
    add_sources(data, "", about);
    if (data->validation) {
        add_sources(data->validation, "validation ", about);
    }
    add(about, "seed", arena_printf(&about->memory, "%lld", (long long)subject->seed));
    return RNNC_OK;
}

// ---- Comparing ----

rnnc_status check_identity(const record *about, const safetensors *file, const char *anew, diag_sink *d) {
    strbuf differences = {0};
    for (uint32_t i = 0; i < about->pairs.count; i++) {
        const text_pair *now = &about->pairs.at[i];
        const char *then = safetensors_metadata(file, now->key);
        bool compared = strncmp(now->key, prefix, strlen(prefix)) == 0;
        if (compared && (!then || strcmp(then, now->value) != 0)) {
            strbuf_addf(&differences, "; %s: %s, now %s", now->key + strlen(prefix), then ? then : "none",
                        now->value);
        }
    }
    rnnc_status status = RNNC_OK;
    if (differences.length) {
        status = diag_fail(d, RNNC_TYPE, NO_SPAN,
                           "%s is of another training%s; to begin a new one with its weights: %s %s",
                           file->name, strbuf_text(&differences), anew, file->name);
    }
    strbuf_deinit(&differences);
    return status;
}
