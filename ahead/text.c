// A text model's vocabulary, for its object.
#include <string.h>

#include "ahead/build_parts.h"
#include "ir/classes.h"
#include "runtime/train/sampler.h"
#include "runtime/train/speller_tables.h"

// Whether |input| is one of tokens, and all of the vocabulary are the model's.
static bool is_read(const graph *g, node_id input, int32_t count) {
    if (input == NO_NODE || graph_type(g, input).elem != DT_I32) {
        return false;
    }
    int64_t classes = graph_token_classes(g, input);
    return classes == 0 || count <= classes;
}

rnnc_status build_text_load(const build_request *r, const model *m, diag_sink *d, build_text *out_text) {
    build_spelling found = {.input = NULL};
    if (r->host.find_spelling) {
        TRY(r->host.find_spelling(r->host.user, m, d, &found));
    }
    if (!found.input) {
        return RNNC_OK;
    }
    TRY(speller_tables_create(&found.speller, d, &out_text->tables));
    out_text->input = found.input;
    node_id n = graph_find_input(m->graph, out_text->input);
    out_text->is_text = is_read(m->graph, n, out_text->tables.count);
    out_text->classes = out_text->is_text ? graph_token_classes(m->graph, n) : 0;
    return RNNC_OK;
}

// Numbers of inputs or outputs without states.
static int32_t input_place(const engine *e, uint32_t input) {
    int32_t place = 0;
    for (uint32_t i = 0; i < input; i++) {
        place += strcmp(engine_input_info(e, i).role, "state") != 0;
    }
    return place;
}

static int32_t output_place(const engine *e, uint32_t output) {
    int32_t place = 0;
    for (uint32_t i = 0; i < output; i++) {
        place += strcmp(engine_output_info(e, i).role, "state") != 0;
    }
    return place;
}

void build_text_attach(build_text *t, const engine *e, ahead_request *request) {
    if (!t->is_text || engine_find_input(e, t->input) < 0) {
        return;
    }
    diag_sink nobody;
    uint32_t input = 0, output = 0;
    diag_init(&nobody);
    t->tables.input = input_place(e, (uint32_t)engine_find_input(e, t->input));
    if (request->streams && sampler_find(e, t->classes, &nobody, &input, &output) == RNNC_OK) {
        t->tables.scores = output_place(e, output);
    }
    diag_deinit(&nobody);
    request->text = &t->tables;
}

void build_text_deinit(build_text *t) {
    speller_tables_deinit(&t->tables);
}
