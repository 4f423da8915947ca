// Which vocabulary, of those that a weights file carries, is that of a model's input.
#include <string.h>

#include "runtime/train/carried.h"

const char *find_data_input(const graph *g) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_INPUT && strcmp(at->attr[1].text, "data") == 0) {
            return at->attr[0].text;
        }
    }
    return "";
}

static const data_binding *find_binding(const model *m, const char *input) {
    for (uint32_t i = 0; m->recipe && i < m->recipe->data.count; i++) {
        if (strcmp(m->recipe->data.at[i].input, input) == 0) {
            return &m->recipe->data.at[i];
        }
    }
    return NULL;
}

// What is so many places ahead of an input is spelt like it.
const data_binding *find_text_binding(const model *m, const char *input) {
    const data_binding *b = find_binding(m, input);
    return b && b->kind == DATA_AHEAD && b->of ? find_binding(m, b->of) : b;
}

// Vocabularies of characters go by the key of their text, those of words by the input.
static const data_vocabulary *find_vocabulary(const carried_data *carried, const char *input,
                                              const data_binding *b) {
    for (uint32_t i = 0; i < carried->vocabularies.count; i++) {
        const data_vocabulary *v = &carried->vocabularies.at[i];
        const char *wanted = v->words ? input : b && b->key ? b->key : input;
        if (strcmp(v->key, wanted) == 0) {
            return v;
        }
    }
    return NULL;
}

bool reads_text(const model *m) {
    const data_binding *b = find_binding(m, find_data_input(m->graph));
    return b && (b->kind == DATA_CHARACTERS || b->kind == DATA_WORDS || b->kind == DATA_LINES ||
                 b->kind == DATA_COLUMN);
}

static const data_vocabulary *find_only(const carried_data *carried) {
    return carried->vocabularies.count == 1 ? &carried->vocabularies.at[0] : NULL;
}

// The first input's vocabulary may have come with a text of another name.
bool find_speller_of(const model *m, const carried_data *carried, const char *input, speller *out_speller) {
    const data_binding *b = find_text_binding(m, input);
    const data_vocabulary *v = find_vocabulary(carried, b ? b->input : input, b);
    if (!v && strcmp(input, find_data_input(m->graph)) == 0) {
        v = find_only(carried);
    }
    if (v) {
        *out_speller = (speller){.characters = v->vocabulary, .words = v->words};
        out_speller->rules = b ? data_word_rules(b) : (word_rules){0};
    }
    return v != NULL;
}

bool find_speller(const model *m, const carried_data *carried, speller *out_speller) {
    return find_speller_of(m, carried, find_data_input(m->graph), out_speller);
}
