// A token drawn from a language model's scores.
#ifndef RNNC_SUPPORT_DRAW_H
#define RNNC_SUPPORT_DRAW_H

#include <stdint.h>

typedef struct draw_rules {
    double temperature; // scores are divided by it; 0: always the best one, of equals the first
    int64_t top_k;      // only the k best are drawn from; 0: all
    uint64_t seed;
} draw_rules;

// Scores before softmax stay as they are; probabilities, which is found out from the numbers, become their logarithms.
void draw_prepare(double *scores, int64_t count);

// Draws one of |count| tokens by their prepared scores. |weight| is room for as many numbers. Draw |number| depends on
// the seed, the number and the scores alone.
int32_t draw_token(const double *scores, double *weight, int64_t count, const draw_rules *how,
                   uint64_t number);

#endif
