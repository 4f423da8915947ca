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

// Adds to |about| rnnc's version, a model's text, the settings among |options|, and the name of its recipe, which may be NULL.
void describe_model(const char *version, const source_unit *source, const model_options *options,
                    const recipe *trained_by, record *about);
// The same of what is trained, and the vocabularies.
rnnc_status describe_weights(const training_subject *subject, diag_sink *d, record *about);

// How the weights of |file| were trained, as a note for somebody who gave them to a model that they do not fit. Nothing if
// the file does not say.
void tell_trained(const safetensors *file, bool by_library, diag_sink *d);

// ---- identity.c ----

// Adds pairs "identity.WHAT" that are equal for two runs if they are the same training. The model has a recipe.
rnnc_status describe_training(const training_subject *subject, diag_sink *d, record *about);
// One error for all pairs of |about| that |file| has otherwise. |anew|: what takes weights to begin with, "--weights".
rnnc_status check_identity(const record *about, const safetensors *file, const char *anew, diag_sink *d);

#endif
