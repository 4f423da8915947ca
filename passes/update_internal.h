// What the files of the update pass share.
#ifndef RNNC_PASSES_UPDATE_INTERNAL_H
#define RNNC_PASSES_UPDATE_INTERNAL_H

#include "ir/build.h"
#include "passes/pass.h"

typedef struct trained {
    const char *variable;
    node_id gradient;
} trained;

typedef struct updater {
    graph *g;
    pass_context *cx;
    const update_options *options;
    VEC(trained) trained;
    node_id rate;                      // f64
    node_id sound;                     // i32: the update is made; NO_NODE: it always is
    node_id first_scale, second_scale; // Adam: rate / (1 - beta1^t) and 1 / (1 - beta2^t) in the model's type
} updater;

// A single number in double precision: what rates, powers, norms and counts are computed in, whatever the
// model's type.
node_id update_exact(updater *u, double value);
// A single number, in the model's type.
node_id update_real(updater *u, node_id exact);
// |made| in an update that is made, else |old|, not even touched by what |made| is.
node_id update_where_sound(updater *u, node_id made, node_id old);

// update_rate.c: the schedule of the rate, in f64.
node_id update_rate(updater *u);

// update_limit.c: norms, clipping, and whether the update is made. Replaces gradients, sets |sound|, adds
// outputs.
void update_limit(updater *u);

// update_rules.c: adds a slot, and gives its name.
const char *update_slot(updater *u, const char *name, value_type type, double start);
// The optimiser's equations for one variable.
void update_variable(updater *u, const trained *t);

#endif
