#include "runtime/train/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/train/state.h"

struct sampler {
    engine *engine;
    state_carrier *states;
    uint32_t input, output;
    int64_t classes;
    int64_t named;      // of them, those that are drawn
    double *values;     // [classes]
    draw_scores scores; // of them, after the last step
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

static rnnc_status find_input(const engine *e, diag_sink *d, uint32_t *out_input) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        if (strcmp(engine_input_info(e, i).role, "data") == 0) {
            *out_input = i;
            found++;
        }
    }
    if (found != 1) {
        return refuse(d, found ? "this one has several inputs" : "this one has no input");
    }
    value_type t = engine_input_info(e, *out_input).type;
    axis_set axes = (axis_set)(t.axes & ~AXIS_BIT(AXIS_BATCH));
    bool fits = t.elem == DT_I32 && axis_count(axes) == 1 && (t.axes & AXIS_BIT(AXIS_BATCH));
    return fits ? RNNC_OK : refuse(d, "the input of this one is something else");
}

static bool is_preferred(const char *name) {
    return strcmp(name, "logits") == 0 || strcmp(name, "probabilities") == 0;
}

static rnnc_status find_output(const engine *e, int64_t classes, axis_set axes, diag_sink *d,
                               uint32_t *out_output) {
    uint32_t found = 0;
    bool preferred = false;
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        engine_value info = engine_output_info(e, i);
        bool fits = strcmp(info.role, "value") == 0 && dtype_is_float(info.type.elem) &&
                    info.type.axes == axes && type_columns(info.type) == classes;
        if (fits && !preferred) {
            *out_output = i;
            found++;
            preferred = is_preferred(info.name);
        }
    }
    bool sure = preferred || found == 1;
    return sure ? RNNC_OK
                : refuse(d, found ? "this one has several such outputs" : "this one has no such output");
}

rnnc_status sampler_find(const engine *e, int64_t classes, diag_sink *d, uint32_t *out_input,
                         uint32_t *out_output) {
    TRY(find_input(e, d, out_input));
    return find_output(e, classes, engine_input_info(e, *out_input).type.axes, d, out_output);
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
    TRY(sampler_find(s->engine, s->classes, d, &s->input, &s->output));
    s->values = calloc((size_t)s->classes, sizeof *s->values);
    if (!s->values) {
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
        free(s->values);
        free(s);
    }
}

void sampler_limit(sampler *s, int64_t named) {
    s->named = named > 0 && named < s->classes ? named : s->classes;
}

// ---- Steps ----

rnnc_status sampler_feed(sampler *s, int32_t token, diag_sink *d) {
    int64_t count = 0;
    int32_t *to = engine_input(s->engine, s->input, &count);
    *to = token;
    state_put(s->states);
    TRY(engine_run(s->engine, 0, 0, d));
    state_take(s->states);
    engine_output_doubles(s->engine, s->output, s->values);
    s->scores = draw_scores_of(s->values, true, s->classes);
    return RNNC_OK;
}

int32_t sampler_draw(sampler *s, const draw_rules *how) {
    s->scores.count = s->named;
    return draw_token(&s->scores, how, s->draws++);
}
