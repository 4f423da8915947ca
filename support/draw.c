#include "support/draw.h"

#include <math.h>
#include <string.h>

#include "support/philox.h"

// ---- Scores ----

static double value_at(const draw_scores *s, int64_t i) {
    return s->wide ? ((const double *)s->values)[i] : (double)((const float *)s->values)[i];
}

static double score_at(const draw_scores *s, int64_t i) {
    double value = value_at(s, i);
    return s->probabilities ? log(value) : value;
}

// Nobody's scores before softmax are all at least zero and add up to one but by a miracle.
static bool are_probabilities(const draw_scores *s) {
    double sum = 0;
    for (int64_t i = 0; i < s->count; i++) {
        double value = value_at(s, i);
        if (!(value >= 0)) {
            return false;
        }
        sum += value;
    }
    return fabs(sum - 1) < 1e-3;
}

draw_scores draw_scores_of(const void *values, bool wide, int64_t count) {
    draw_scores s = {values, wide, false, count};
    s.probabilities = are_probabilities(&s);
    return s;
}

static bool is_better(double x, double y) {
    return x > y || (isnan(y) && !isnan(x));
}

// Logarithms are in the order of what they are of, so orders are found without them.
static int64_t best_of(const draw_scores *s) {
    int64_t best = 0;
    for (int64_t i = 1; i < s->count; i++) {
        best = is_better(value_at(s, i), value_at(s, best)) ? i : best;
    }
    return best;
}

// ---- The k best, without memory for a sorted copy ----

// Whole numbers in the order of the doubles that they stand for.
static double double_of(int64_t rank) {
    uint64_t bits = rank < 0 ? (uint64_t)INT64_MAX - (uint64_t)rank : (uint64_t)rank;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int64_t count_from(const draw_scores *s, double least) {
    int64_t found = 0;
    for (int64_t i = 0; i < s->count; i++) {
        found += value_at(s, i) >= least;
    }
    return found;
}

// The value of the k-th best, by halving of what all doubles are: 64 counts.
static double least_of_best(const draw_scores *s, int64_t k) {
    static const int64_t infinity = 0x7FF0000000000000;
    int64_t low = -infinity - 1, high = infinity + 1;
    while (high - 1 > low) {
        int64_t middle = (low & high) + ((low ^ high) >> 1);
        if (count_from(s, double_of(middle)) >= k) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return double_of(low);
}

// ---- Drawing ----

// What is drawn from.
typedef struct lottery {
    const draw_scores *scores;
    double temperature, best; // the best score
    double least;             // value of the least that are drawn from
    int64_t equals;           // of those with just this value, so many, the first ones
} lottery;

static lottery open_lottery(const draw_scores *s, const draw_rules *how, int64_t best) {
    lottery l = {s, how->temperature, score_at(s, best), -INFINITY, INT64_MAX};
    if (how->top_k > 0 && how->top_k < s->count) {
        l.least = least_of_best(s, how->top_k);
        l.equals = how->top_k;
        for (int64_t i = 0; i < s->count; i++) {
            l.equals -= value_at(s, i) > l.least;
        }
    }
    return l;
}

// Token |i|'s share, the first one's being asked for first. |*equals| counts how many may still be taken at the limit.
static double share_of(const lottery *l, int64_t i, int64_t *equals) {
    double value = value_at(l->scores, i);
    bool taken = value > l->least || (value == l->least && (*equals)-- > 0);
    return taken ? exp((score_at(l->scores, i) - l->best) / l->temperature) : 0;
}

// A number of [0, 1) with 53 bits.
static double draw_uniform(uint64_t seed, uint64_t number) {
    const uint32_t key[2] = {(uint32_t)seed ^ philox_site("sample"), (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6)) * 0x1p-53;
}

int32_t draw_token(const draw_scores *scores, const draw_rules *how, uint64_t number) {
    int64_t best = best_of(scores), last = best;
    if (how->temperature <= 0) {
        return (int32_t)best;
    }
    lottery l = open_lottery(scores, how, best);
    double sum = 0;
    int64_t equals = l.equals;
    for (int64_t i = 0; i < scores->count; i++) {
        sum += share_of(&l, i, &equals);
    }
    double left = draw_uniform(how->seed, number) * sum;
    equals = l.equals;
    for (int64_t i = 0; i < scores->count; i++) {
        double share = share_of(&l, i, &equals);
        last = share > 0 ? i : last;
        left -= share;
        if (left < 0) {
            return (int32_t)i;
        }
    }
    return (int32_t)last; // rounding
}

// ---- The best ----

// Puts token |i| among the |k| best, of which |found| are there.
static void insert(const draw_scores *s, int64_t i, int64_t k, int64_t found, int32_t *tokens) {
    int64_t place = found;
    for (; place > 0 && is_better(value_at(s, i), value_at(s, tokens[place - 1])); place--) {
        if (place < k) {
            tokens[place] = tokens[place - 1];
        }
    }
    if (place < k) {
        tokens[place] = (int32_t)i;
    }
}

// Infinite scores are as good as each other.
static double softmax_share(double value, double best) {
    double share = value == best ? 1 : exp(value - best);
    return isnan(share) ? 0 : share;
}

int64_t draw_best(const draw_scores *s, int64_t k, int32_t *out_tokens, double *out_probabilities) {
    int64_t found = 0;
    for (int64_t i = 0; i < s->count; i++) {
        insert(s, i, k, found, out_tokens);
        found += found < k;
    }
    double sum = 0, best = value_at(s, best_of(s));
    for (int64_t i = 0; i < s->count && !s->probabilities; i++) {
        sum += softmax_share(value_at(s, i), best);
    }
    for (int64_t i = 0; i < found; i++) {
        double value = value_at(s, out_tokens[i]);
        out_probabilities[i] = s->probabilities ? value : sum > 0 ? softmax_share(value, best) / sum : 0;
    }
    return found;
}
