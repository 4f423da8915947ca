// What stands at a model's level alone: inputs and targets, outputs, the loss, metrics.
#ifndef RNNC_FRONTEND_MODEL_DATA_H
#define RNNC_FRONTEND_MODEL_DATA_H

#include "frontend/elaborate.h"

void model_declare_data(elaborator *el, const declaration *decl, bool is_target);
void model_add_output(elaborator *el, const char *name, span where, meaning v);
// The same for a value that is one of a run, under a name that no output of its role has.
void model_add_value(elaborator *el, const char *name, meaning v);
void model_add_metric(elaborator *el, const char *name, span where, meaning v);
// After the equation of the loss was elaborated.
void model_set_loss(elaborator *el, const statement *s);
// "correct", "count" and "nats" of a cross entropy against a target's classes.
void model_add_class_metrics(elaborator *el);
// In words, how the loss |e| is reduced: "summed over T, averaged over the batch".
const char *describe_reduction(elaborator *el, const definition *def, const expression *e, arena *memory);

#endif
