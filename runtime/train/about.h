// What files of weights and checkpoints say of themselves besides tensors and position: the model, the recipe, the data.
#ifndef RNNC_RUNTIME_TRAIN_ABOUT_H
#define RNNC_RUNTIME_TRAIN_ABOUT_H

#include "runtime/train/dataset.h"
#include "runtime/train/record.h"

// What a training is of.
typedef struct training_subject {
    const char *version; // rnnc's
    const source_unit *source;
    const model_options *options; // by which its models are chosen
    const dataset *data;
    int64_t seed;
} training_subject;

// ---- about.c ----

// Adds to |about| rnnc's version, the model's text and settings, the recipe's name, and the vocabularies.
rnnc_status describe_weights(const training_subject *subject, diag_sink *d, record *about);

// ---- identity.c ----

// Adds pairs "identity.WHAT" that are equal for two runs if they are the same training. The model has a recipe.
rnnc_status describe_training(const training_subject *subject, diag_sink *d, record *about);
// One error for all pairs of |about| that |file| has otherwise. |anew|: what takes weights to begin with, "--weights".
rnnc_status check_identity(const record *about, const safetensors *file, const char *anew, diag_sink *d);

#endif
