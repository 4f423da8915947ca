// How variables are updated: what a recipe says of optimiser, rate and limits, as the `update` pass builds
// it. docs/language.md section 10 has each equation and its source.
#ifndef RNNC_PASSES_UPDATE_H
#define RNNC_PASSES_UPDATE_H

#include "ir/graph.h"

typedef enum update_rule {
    UPDATE_NONE,
    UPDATE_SGD,
    UPDATE_MOMENTUM,
    UPDATE_RMSPROP,
    UPDATE_ADAGRAD,
    UPDATE_ADAM,
} update_rule;

// A factor of the rate. |now| is the epoch or the step that is being done, counted from 1.
typedef enum rate_kind {
    RATE_DECAY,        // factor ^ n, n the epochs (or whole periods of |length| steps) beyond |after|
    RATE_DECAY_SMOOTH, // factor ^ (steps beyond |after| / |length|)
    RATE_ONCE,         // factor, once |after| of them are over
    RATE_PLATEAU, // factor ^ n, n the plateaus of the validation that there were (counted by the trainer)
    RATE_WARM_UP, // min(1, now / length)
    RATE_COSINE,  // factor + (1 - factor) (1 + cos(pi min(1, (now - 1) / length))) / 2
    RATE_INVERSE_ROOT, // sqrt(after / max(now, after))
} rate_kind;

typedef struct rate_rule {
    rate_kind kind;
    bool steps;    // counts steps, else epochs
    double factor; // > 0; RATE_COSINE: the share that is left at the end, >= 0
    int64_t after;
    int64_t length; // > 0 where it is used
} rate_rule;

// Decoupled weight decay of all parts whose names fit the pattern; the last rule that fits decides.
typedef struct decay_rule {
    const char *pattern;
    double decay;
} decay_rule;

typedef struct update_options {
    update_rule rule;
    double rate;
    double momentum; // UPDATE_MOMENTUM, and UPDATE_RMSPROP where it is not 0
    bool nesterov;   // UPDATE_MOMENTUM
    double beta1, beta2;
    double decay;   // UPDATE_RMSPROP: what is kept of the mean square in a step
    double start;   // UPDATE_ADAGRAD: the first sum of squares
    double epsilon; // all but SGD and momentum
    bool lazy_rows; // tables that are only gathered from: rows that a batch does not touch stay as they are
    double weight_decay; // of matrices for which no rule decides; vectors have none then
    const decay_rule *decays;
    uint32_t decay_count;
    double clip_norm;  // 0: none. The global norm over all trained weights
    double clip_value; // 0: none
    bool guarded;      // where the loss or the norm of the gradients is not finite, nothing is updated
    const rate_rule *schedule;
    uint32_t schedule_count;
    bool rate_is_input;   // UPDATE_BASE_RATE says the rate that the schedule multiplies, and not |rate|
    bool keeps_gradients; // the gradients remain outputs, as they came
} update_options;

// The names of what the pass adds to a graph. Dots keep them apart from what a model can define.
//
// Inputs of role "setting", all f64[1]: the epoch from 1, the step from 0, plateaus so far from 0; the rate
// before the schedule, where it is an input.
#define UPDATE_EPOCH "training.epoch"
#define UPDATE_STEP "training.step"
#define UPDATE_PLATEAUS "training.plateaus"
#define UPDATE_BASE_RATE "training.base_rate"
// Outputs, all f64[1]. The rate of this step is always there; the norm of all gradients before any clipping,
// and the sum of squares of each variable's gradient under the prefix and its name, where the norm is needed;
// the updates left out so far, and how many of them were the last ones without a break, in guarded updates.
// The last two are slots of the same names, too.
#define UPDATE_RATE "training.rate"
#define UPDATE_NORM "training.gradient_norm"
#define UPDATE_SQUARES "training.squares."
#define UPDATE_SKIPPED "training.skipped"
#define UPDATE_SKIPPED_LAST "training.skipped_last"

// The decay of a part, per unit of rate.
double update_weight_decay(const update_options *o, const variable_part *part);

#endif
