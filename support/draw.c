#include "support/draw.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/philox.h"

// Nobody's scores before softmax are all at least zero and add up to one but by a miracle.
static bool are_probabilities(const double *x, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!(x[i] >= 0)) {
            return false;
        }
        sum += x[i];
    }
    return fabs(sum - 1) < 1e-3;
}

void draw_prepare(double *scores, int64_t count) {
    if (are_probabilities(scores, count)) {
        for (int64_t i = 0; i < count; i++) {
            scores[i] = log(scores[i]);
        }
    }
}

static int64_t best_of(const double *scores, int64_t count) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// The smallest score that is among the k best.
static double least_of_best(const double *scores, double *weight, int64_t count, int64_t k) {
    memcpy(weight, scores, (size_t)count * sizeof *weight);
    qsort(weight, (size_t)count, sizeof *weight, descending);
    return weight[k - 1];
}

// A number of [0, 1) with 53 bits.
static double draw_uniform(uint64_t seed, uint64_t number) {
    const uint32_t key[2] = {(uint32_t)seed ^ philox_site("sample"), (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6)) * 0x1p-53;
}

int32_t draw_token(const double *scores, double *weight, int64_t count, const draw_rules *how,
                   uint64_t number) {
    double uniform = draw_uniform(how->seed, number);
    int64_t best = best_of(scores, count), last = best;
    if (how->temperature <= 0) {
        return (int32_t)best;
    }
    bool limited = how->top_k > 0 && how->top_k < count;
    double least = limited ? least_of_best(scores, weight, count, how->top_k) : -INFINITY, sum = 0;
    int64_t room = limited ? how->top_k : count;
    for (int64_t i = 0; i < count; i++) {
        // Of equal scores at the limit the first are taken.
        bool taken = scores[i] > least;
        weight[i] = taken ? exp((scores[i] - scores[best]) / how->temperature) : 0;
        room -= taken;
    }
    for (int64_t i = 0; i < count && room > 0; i++) {
        if (scores[i] == least) {
            weight[i] = exp((least - scores[best]) / how->temperature);
            room--;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        sum += weight[i];
    }
    double left = uniform * sum;
    for (int64_t i = 0; i < count; i++) {
        last = weight[i] > 0 ? i : last;
        left -= weight[i];
        if (left < 0) {
            return (int32_t)i;
        }
    }
    return (int32_t)last; // rounding
}
