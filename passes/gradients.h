// What `differentiate` starts from and ends in besides the loss and the weights: gradients that a caller gives of
// outputs, and gradients of inputs that a caller wants. Then a model is one layer of something larger.
//
// A program with given gradients runs in two halves: what the other outputs need first, then, when the caller has
// seen these and knows the gradients, the rest.
#ifndef RNNC_PASSES_GRADIENTS_H
#define RNNC_PASSES_GRADIENTS_H

#include "ir/graph.h"

typedef struct gradient_options {
    // Outputs, also final states, whose gradients are inputs, and all that the pass starts from; none: the loss, whose
    // gradient is 1.
    const char *const *given;
    uint32_t given_count;
    // Inputs, also initial states, whose gradients are outputs. One that nothing depends on has none.
    const char *const *wanted;
    uint32_t wanted_count;
} gradient_options;

// The input with the gradient of output NAME, and the output with that of input NAME, are called "gradient/NAME".
// No name of a model has a slash in it.
#define GRADIENT_PREFIX "gradient/"
// The role of these inputs.
#define GRADIENT_ROLE "gradient"

// By node: whether it belongs to the first half, which is what outputs need that depend on no given gradient. NULL if
// no gradients are given: then there is one run. Memory: |scratch|.
const bool *gradients_first_half(const graph *g, arena *scratch);

#endif
