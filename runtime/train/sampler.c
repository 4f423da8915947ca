#include "runtime/train/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/train/state.h"
#include "support/philox.h"

struct sampler {
    engine *engine;
    state_carrier *states;
    uint32_t input, output;
    int64_t classes;
    int64_t named;  // of them, those that are drawn
    double *scores; // [classes]: after the last step, logarithms of probabilities or up to a constant
    double *weight; // [classes]: room for a draw
    uint64_t draws;
};

// ---- The model's signature ----

static rnnc_status refuse(diag_sink *d, const char *why) {
    return diag_fail(
        d, RNNC_UNSUPPORTED, NO_SPAN,
        "to sample, a model needs one input of tokens along one sequence and an output along it with a "
        "column for each token, as `output logits`; %s",
        why);
}

static rnnc_status find_input(sampler *s, diag_sink *d) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < engine_input_count(s->engine); i++) {
        if (strcmp(engine_input_info(s->engine, i).role, "data") == 0) {
            s->input = i;
            found++;
        }
    }
    if (found != 1) {
        return refuse(d, found ? "this one has several inputs" : "this one has no input");
    }
    value_type t = engine_input_info(s->engine, s->input).type;
    axis_set axes = (axis_set)(t.axes & ~AXIS_BIT(AXIS_BATCH));
    bool fits = t.elem == DT_I32 && axis_count(axes) == 1 && (t.axes & AXIS_BIT(AXIS_BATCH));
    return fits ? RNNC_OK : refuse(d, "the input of this one is something else");
}

static bool is_preferred(const char *name) {
    return strcmp(name, "logits") == 0 || strcmp(name, "probabilities") == 0;
}

static rnnc_status find_output(sampler *s, diag_sink *d) {
    axis_set axes = engine_input_info(s->engine, s->input).type.axes;
    uint32_t found = 0;
    bool preferred = false;
    for (uint32_t i = 0; i < engine_output_count(s->engine); i++) {
        engine_value info = engine_output_info(s->engine, i);
        bool fits = strcmp(info.role, "value") == 0 && dtype_is_float(info.type.elem) &&
                    info.type.axes == axes && type_columns(info.type) == s->classes;
        if (fits && !preferred) {
            s->output = i;
            found++;
            preferred = is_preferred(info.name);
        }
    }
    bool sure = preferred || found == 1;
    return sure ? RNNC_OK
                : refuse(d, found ? "this one has several such outputs" : "this one has no such output");
}

static rnnc_status set_extents(const sampler *s, diag_sink *d) {
    int64_t extents[MAX_AXES];
    axis_set axes = engine_input_info(s->engine, s->input).type.axes;
    for (uint32_t a = 0; a < engine_axis_count(s->engine); a++) {
        extents[a] = axes & AXIS_BIT(a) ? 1 : engine_extents(s->engine)[a];
    }
    return engine_set_extents(s->engine, extents, d);
}

static rnnc_status fill_sampler(sampler *s, diag_sink *d) {
    TRY(find_input(s, d));
    TRY(find_output(s, d));
    s->scores = calloc((size_t)s->classes, sizeof *s->scores);
    s->weight = calloc((size_t)s->classes, sizeof *s->weight);
    if (!s->scores || !s->weight) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the scores of %lld tokens",
                         (long long)s->classes);
    }
    TRY(set_extents(s, d));
    return state_carrier_create(s->engine, 1, d, &s->states);
}

rnnc_status sampler_create(engine *e, int64_t classes, diag_sink *d, sampler **out_sampler) {
    sampler *s = calloc(1, sizeof *s);
    if (!s) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a sampler");
    }
    *s = (sampler){.engine = e, .classes = classes, .named = classes};
    rnnc_status status = fill_sampler(s, d);
    if (status != RNNC_OK) {
        sampler_destroy(s);
        return status;
    }
    *out_sampler = s;
    return RNNC_OK;
}

void sampler_destroy(sampler *s) {
    if (s) {
        state_carrier_destroy(s->states);
        free(s->scores);
        free(s->weight);
        free(s);
    }
}

void sampler_limit(sampler *s, int64_t named) {
    s->named = named > 0 && named < s->classes ? named : s->classes;
}

// ---- Steps ----

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

rnnc_status sampler_feed(sampler *s, int32_t token, diag_sink *d) {
    int64_t count = 0;
    int32_t *to = engine_input(s->engine, s->input, &count);
    *to = token;
    state_put(s->states);
    TRY(engine_run(s->engine, 0, 0, d));
    state_take(s->states);
    engine_output_doubles(s->engine, s->output, s->scores);
    if (are_probabilities(s->scores, s->classes)) {
        for (int64_t i = 0; i < s->classes; i++) {
            s->scores[i] = log(s->scores[i]);
        }
    }
    return RNNC_OK;
}

// ---- Draws ----

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
static double least_of_best(sampler *s, int64_t count, int64_t k) {
    memcpy(s->weight, s->scores, (size_t)count * sizeof *s->weight);
    qsort(s->weight, (size_t)count, sizeof *s->weight, descending);
    return s->weight[k - 1];
}

// A number of [0, 1) with 53 bits.
static double draw_uniform(uint64_t seed, uint64_t number) {
    const uint32_t key[2] = {(uint32_t)seed ^ philox_site("sample"), (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    uint32_t word[4];
    philox4x32(key, counter, word);
    return ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6)) * 0x1p-53;
}

int32_t sampler_draw(sampler *s, const sampling *how) {
    double uniform = draw_uniform(how->seed, s->draws++);
    int64_t count = s->named;
    int64_t best = best_of(s->scores, count), last = best;
    if (how->temperature <= 0) {
        return (int32_t)best;
    }
    bool limited = how->top_k > 0 && how->top_k < count;
    double least = limited ? least_of_best(s, count, how->top_k) : -INFINITY, sum = 0;
    int64_t room = limited ? how->top_k : count;
    for (int64_t i = 0; i < count; i++) {
        // Of equal scores at the limit the first are taken.
        bool taken = s->scores[i] > least;
        s->weight[i] = taken ? exp((s->scores[i] - s->scores[best]) / how->temperature) : 0;
        room -= taken;
    }
    for (int64_t i = 0; i < count && room > 0; i++) {
        if (s->scores[i] == least) {
            s->weight[i] = exp((least - s->scores[best]) / how->temperature);
            room--;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        sum += s->weight[i];
    }
    double left = uniform * sum;
    for (int64_t i = 0; i < count; i++) {
        last = s->weight[i] > 0 ? i : last;
        left -= s->weight[i];
        if (left < 0) {
            return (int32_t)i;
        }
    }
    return (int32_t)last; // rounding
}
