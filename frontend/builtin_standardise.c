// standardise(x): by the mean and the deviation of each column, which are measured and not learnt.
#include <string.h>

#include "frontend/builtin.h"

// The input or target that |n| is, also behind the select that hides its padding; NULL if it is something else.
static const data_entry *find_data(const elaborator *el, node_id n) {
    for (uint32_t i = 0; i < el->data.count; i++) {
        const data_entry *at = &el->data.at[i];
        if (is_node(at->value) && at->value.domain == DOMAIN_REAL && at->value.node == n) {
            return at;
        }
    }
    return NULL;
}

static const char *variable_name(const builtin_call *c, node_id n) {
    return graph_node(c->el->g, n)->attr[0].text;
}

// The first use of a shared one is what it is measured by.
static bool make_variables(const builtin_call *c, node_id x, node_id *out_mean, node_id *out_deviation) {
    value_type type = type_vector(c->el->g->real, 0, columns_of(c->el, x));
    const data_entry *data = find_data(c->el, x);
    bool first = !c->shared || c->shared->matrix == NO_NODE;
    if (first && !data) {
        elaborate_error(
            c->el, c->places[0],
            "'standardise' measures an input or a target: give it one of the model's, by its name");
        return false;
    }
    *out_mean = call_weight(c, "mean", type, (initializer){.kind = INIT_CONSTANT}, true);
    if (*out_mean == NO_NODE) {
        return false;
    }
    *out_deviation = call_weight(c, "deviation", type, (initializer){.kind = INIT_CONSTANT, .a = 1}, true);
    if (*out_deviation == NO_NODE) {
        return false;
    }
    if (c->shared) {
        c->shared->matrix = *out_mean;
        c->shared->bias = *out_deviation;
    }
    if (first) {
        measured_data added = {data->name, variable_name(c, *out_mean), variable_name(c, *out_deviation)};
        vec_push(c->el->memory, c->el->measured, added);
    }
    return true;
}

meaning builtin_standardise(const builtin_call *c) {
    node_id x = call_real(c, 0), mean, deviation;
    if (x == NO_NODE || !make_variables(c, x, &mean, &deviation)) {
        return meaning_poison();
    }
    node_id centred = build_binary(c->el->g, OP_SUB, x, mean);
    node_id scaled = build_binary(c->el->g, OP_DIV, centred, deviation);
    return meaning_real(lengths_zero(c->el, scaled)); // what lies behind a row's length stays zero
}
