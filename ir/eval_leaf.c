// Values that come from outside or from attributes: inputs, variables, constants, indices, random numbers.
#include <string.h>

#include "ir/eval.h"
#include "support/philox.h"

static const eval_input *find_input(const eval_run *run, const char *name) {
    for (uint32_t i = 0; i < run->input_count; i++) {
        if (strcmp(run->inputs[i].name, name) == 0) {
            return &run->inputs[i];
        }
    }
    return NULL;
}

// The initial states of a run are zero unless they are given; any other input must be.
rnnc_status eval_INPUT(eval_call *c) {
    const char *name = c->n->attr[0].text;
    const eval_input *input = find_input(c->run, name);
    if (!input || !input->values) {
        if (strcmp(c->n->attr[1].text, "state") != 0) {
            return eval_fail(c, RNNC_INVALID_ARGUMENT, "input \"%s\" was not given", name);
        }
        eval_fill(&c->box, &c->out, 0);
        return RNNC_OK;
    }
    if (input->count != eval_count(c->run, c->n->type)) {
        return eval_fail(c, RNNC_INVALID_ARGUMENT,
                         "input \"%s\" has %lld elements in this run, %lld were given", name,
                         (long long)eval_count(c->run, c->n->type), (long long)input->count);
    }
    eval_place from = eval_place_of(c->run, c->n->type, input->values);
    eval_copy(&c->box, &c->out, &from);
    return RNNC_OK;
}

rnnc_status eval_VARIABLE(eval_call *c) {
    size_t index = (size_t)(graph_variable_of(c->run->g, c->id) - c->run->g->variables.at);
    eval_place from = eval_place_of(c->run, c->n->type, c->run->variables[index]);
    eval_copy(&c->box, &c->out, &from);
    return RNNC_OK;
}

rnnc_status eval_CONST(eval_call *c) {
    eval_fill(&c->box, &c->out, c->n->attr[0].f);
    return RNNC_OK;
}

rnnc_status eval_EXTENT(eval_call *c) {
    eval_fill(&c->box, &c->out, (double)c->run->extent[c->n->attr[0].i]);
    return RNNC_OK;
}

// Fills the result with its index in one dimension.
static void fill_with_index(const eval_call *c, int dimension) {
    eval_box one = c->box;
    for (int64_t i = c->box.from[dimension]; i < c->box.to[dimension]; i++) {
        one.from[dimension] = i;
        one.to[dimension] = i + 1;
        eval_fill(&one, &c->out, (double)i);
    }
}

rnnc_status eval_INDEX(eval_call *c) {
    fill_with_index(c, (int)c->n->attr[0].i);
    return RNNC_OK;
}

rnnc_status eval_COLUMN(eval_call *c) {
    fill_with_index(c, COLUMNS);
    return RNNC_OK;
}

// The numbers of one vector. |place| is its offset in the whole value, which gives row and time.
static void draw_vector(const eval_call *c, const uint32_t key[2], int64_t place) {
    int64_t columns = type_columns(c->n->type);
    bool batch = c->n->type.axes & AXIS_BIT(AXIS_BATCH);
    int64_t vector = place / columns, rows = batch ? c->run->extent[AXIS_BATCH] : 1;
    uint32_t counter[4] = {0, (uint32_t)(vector % rows), (uint32_t)(vector / rows), (uint32_t)c->run->step};
    uint32_t word[4];
    for (int64_t e = 0; e < columns; e++) {
        if (e % 4 == 0) {
            counter[0] = (uint32_t)(e / 4);
            philox4x32(key, counter, word);
        }
        c->out.at[place + e] = philox_uniform(word[e % 4]);
    }
}

rnnc_status eval_RANDOM(eval_call *c) {
    uint32_t key[2] = {(uint32_t)c->run->seed ^ philox_site(c->n->attr[0].text),
                       (uint32_t)(c->run->seed >> 32)};
    eval_box rows = eval_rows_of(&c->box);
    int64_t count = eval_box_count(&rows);
    int64_t *places = eval_scratch(c->run, (size_t)count * sizeof *places);
    if (!places) {
        return eval_fail(c, RNNC_OUT_OF_MEMORY, "no memory left");
    }
    eval_row_offsets(&rows, &c->out, places);
    for (int64_t i = 0; i < count; i++) {
        draw_vector(c, key, places[i]);
    }
    return RNNC_OK;
}
