// A token drawn from a language model's scores.
#ifndef RNNC_SUPPORT_DRAW_H
#define RNNC_SUPPORT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

typedef struct draw_rules {
    double temperature; // scores are divided by it; 0: always the best one, of equals the first
    int64_t top_k;      // only the k best are drawn from; 0: all
    uint64_t seed;
} draw_rules;

// Scores before softmax, or probabilities.
typedef struct draw_scores {
    const void *values; // borrowed
    bool wide;          // double, else float
    bool probabilities; // stand for their logarithms
    int64_t count;      // of tokens that may be drawn, from 0; at least 1
} draw_scores;

// What |count| numbers are is found out from them. |draw_scores.count| may be made less afterwards.
draw_scores draw_scores_of(const void *values, bool wide, int64_t count);

// Draws a token. Draw |number| depends on the seed, the number and the scores alone.
int32_t draw_token(const draw_scores *scores, const draw_rules *how, uint64_t number);

// The |k| likeliest tokens, or all if there are fewer, the best first, of equals the first one; and their probabilities.
// Returns how many. Scores that are no numbers count as the least ones.
int64_t draw_best(const draw_scores *scores, int64_t k, int32_t *out_tokens, double *out_probabilities);

#endif
