// A text model's vocabulary, for its object.
#include <string.h>

#include "cli/build.h"
#include "ir/classes.h"
#include "runtime/train/sampler.h"

// Whether the input that the vocabulary numbers is one of tokens, and all of them are the model's.
static bool is_read(const graph *g, int32_t count) {
    node_id n = graph_find_input(g, find_data_input(g));
    if (n == NO_NODE || graph_type(g, n).elem != DT_I32) {
        return false;
    }
    int64_t classes = graph_token_classes(g, n);
    return classes == 0 || count <= classes;
}

rnnc_status build_text_load(const command_line *line, const model *m, diag_sink *d, build_text *out_text) {
    speller s;
    TRY(load_vocabularies(line->weights, d, &out_text->carried));
    if (!find_speller(m, &out_text->carried, &s)) {
        if (reads_text(m)) {
            diag_note(d, NO_SPAN, "%s holds no vocabulary for '%s': what is built takes tokens, not texts",
                      line->weights, find_data_input(m->graph));
        }
        return RNNC_OK;
    }
    TRY(speller_tables_create(&s, d, &out_text->tables));
    out_text->is_text = is_read(m->graph, out_text->tables.count);
    out_text->input = find_data_input(m->graph);
    node_id n = graph_find_input(m->graph, out_text->input);
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

void build_text_attach(build_text *t, const engine *e, ahead_request *r) {
    if (!t->is_text || engine_find_input(e, t->input) < 0) {
        return;
    }
    diag_sink nobody;
    uint32_t input = 0, output = 0;
    diag_init(&nobody);
    t->tables.input = input_place(e, (uint32_t)engine_find_input(e, t->input));
    if (r->streams && sampler_find(e, t->classes, &nobody, &input, &output) == RNNC_OK) {
        t->tables.scores = output_place(e, output);
    }
    diag_deinit(&nobody);
    r->text = &t->tables;
}

void build_text_deinit(build_text *t) {
    speller_tables_deinit(&t->tables);
    carried_deinit(&t->carried);
}
