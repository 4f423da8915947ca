// First values of the variables. An element is a function of the seed, its part's name and its place in the
// part alone: neither fusion of parts nor the order of declarations nor other parts change it.
#ifndef RNNC_RUNTIME_INITIALIZE_H
#define RNNC_RUNTIME_INITIALIZE_H

#include "runtime/weights.h"

// A recipe's wish for all parts whose names fit the pattern.
typedef struct weight_rule {
    const char *pattern;
    initializer init;
} weight_rule;

// Fills all weights and frozen variables; slots become zero. A part's initialiser is that of the last rule
// whose pattern fits its name; but what the model itself states for a part is overruled only by a rule that
// is more than a bare "*". Where nothing is stated, or INIT_DEFAULT: matrices xavier uniform, vectors zero.
// The kinds that are scaled by a matrix's sides (xavier, he, orthogonal) make vectors zero. Fails only for
// want of memory (INIT_ORTHOGONAL).
rnnc_status weights_initialize(weights *w, const weight_rule *rules, uint32_t rule_count, uint64_t seed,
                               diag_sink *d);

// The optimisers' memory as before the first step.
rnnc_status weights_reset_slots(weights *w, diag_sink *d);

// Fills one part by |how|.
rnnc_status weight_part_initialize(const weight_part *p, initializer how, uint64_t seed, diag_sink *d);

#endif
