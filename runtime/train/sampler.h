// A language model at work: tokens go in one by one, and the next one is drawn from what the model makes of them.
#ifndef RNNC_RUNTIME_TRAIN_SAMPLER_H
#define RNNC_RUNTIME_TRAIN_SAMPLER_H

#include "runtime/engine.h"
#include "support/draw.h"

typedef struct sampler sampler;

// |e| runs a model with one input of tokens along one sequence, which has |classes| values, and an output along the
// same sequence with a column for each: scores before softmax, or probabilities, which is found out from the
// numbers. Of several such outputs the one called "logits" or "probabilities" is taken. Its extents become one row of
// one step; states are carried from step to step, zero at first. |e| must outlive the sampler.
// Errors: any other kind of model; one that looks ahead, whose states have no final values, cannot be told from
// one that does not by its signature: the caller has to.
rnnc_status sampler_create(engine *e, int64_t classes, diag_sink *d, sampler **out_sampler);
void sampler_destroy(sampler *s);
// The numbers of that input and output; the errors are those of sampler_create.
rnnc_status sampler_find(const engine *e, int64_t classes, diag_sink *d, uint32_t *out_input,
                         uint32_t *out_output);

// Only the first |named| tokens are drawn from then on: a vocabulary may be smaller than the model has room for.
void sampler_limit(sampler *s, int64_t named);

// Runs one step on |token|.
rnnc_status sampler_feed(sampler *s, int32_t token, diag_sink *d);

// Draws a token by the scores after the last step. Draw number n depends on the seed, n and the scores alone: equal
// scores, seeds and numbers give equal tokens. After at least one sampler_feed.
int32_t sampler_draw(sampler *s, const draw_rules *how);

#endif
