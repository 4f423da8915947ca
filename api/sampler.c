// Drawing of tokens, and a model that goes on with a text.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "ir/classes.h"
#include "runtime/train/sampler.h"

// ---- Draws ----

static rnnc_status take_sampling(const rnnc_sampling *given, draw_rules *out_rules) {
    static const rnnc_sampling none = RNNC_SAMPLING;
    const rnnc_sampling *s = given ? given : &none;
    *out_rules = (draw_rules){s->temperature, s->top_k, s->seed};
    bool known = s->struct_size == sizeof *s && s->temperature >= 0 && isfinite(s->temperature);
    return known && s->top_k >= 0 ? RNNC_OK : RNNC_INVALID_ARGUMENT;
}

static bool are_scores(rnnc_type type, const void *scores, size_t count) {
    return scores && count > 0 && count <= INT32_MAX && (type == RNNC_F32 || type == RNNC_F64);
}

rnnc_status rnnc_draw(rnnc_type type, const void *scores, size_t count, const rnnc_sampling *sampling,
                      uint64_t number, int32_t *out_token) {
    draw_rules rules;
    if (!are_scores(type, scores, count) || !out_token) {
        return RNNC_INVALID_ARGUMENT;
    }
    TRY(take_sampling(sampling, &rules));
    draw_scores from = draw_scores_of(scores, type == RNNC_F64, (int64_t)count);
    *out_token = draw_token(&from, &rules, number);
    return RNNC_OK;
}

// Of |most| nothing counts beyond how many there are.
static size_t find_best(const draw_scores *from, size_t most, int32_t *tokens, double *probabilities) {
    int64_t k = most < (size_t)from->count ? (int64_t)most : from->count;
    return (size_t)draw_best(from, k, tokens, probabilities);
}

rnnc_status rnnc_best(rnnc_type type, const void *scores, size_t count, size_t most, int32_t *tokens,
                      double *probabilities) {
    if (!are_scores(type, scores, count) || (most && (!tokens || !probabilities))) {
        return RNNC_INVALID_ARGUMENT;
    }
    draw_scores from = draw_scores_of(scores, type == RNNC_F64, (int64_t)count);
    find_best(&from, most, tokens, probabilities);
    return RNNC_OK;
}

// ---- A sampler ----

struct rnnc_sampler {
    allocator memory;
    rnnc_context *context;
    rnnc_speller *speller; // or NULL
    uint32_t input, output;
    int64_t classes;
    draw_rules rules;
    uint64_t number;  // of the next draw
    int32_t previous; // the last token of the text, or -1
    bool fed;         // there are scores
    bool waiting;     // |previous| is drawn, but not fed
};

static uint32_t place_of(const api_value *values, uint32_t count, uint32_t index) {
    uint32_t i = 0;
    while (i < count && values[i].index != index) {
        i++;
    }
    return i;
}

// What goes in and comes out, by the numbers of the program.
static rnnc_status find_places(rnnc_sampler *s, diag_sink *d) {
    const rnnc_context *c = s->context;
    const rnnc_program *p = c->program;
    const graph *g = p->source->typed->graph;
    uint32_t input = 0, output = 0;
    for (uint32_t i = 0; i < p->input_count && !s->classes; i++) {
        node_id n = graph_find_input(g, p->program->inputs.at[p->inputs[i].index].name);
        bool tokens = n != NO_NODE && graph_type(g, n).elem == DT_I32;
        s->classes = tokens ? graph_token_classes(g, n) : 0;
    }
    TRY(sampler_find(c->engine, s->classes, d, &input, &output));
    s->input = place_of(p->inputs, p->input_count, input);
    s->output = place_of(p->outputs, p->output_count, output);
    return RNNC_OK;
}

static rnnc_status start(rnnc_sampler *s, rnnc_diagnostics *d) {
    bool one = engine_extents(s->context->engine)[AXIS_BATCH] == 1;
    TRY(one ? RNNC_OK : rnnc_context_set_extents(s->context, 1, 1, d));
    return rnnc_start_steps(s->context, d);
}

static rnnc_status make(rnnc_sampler *s, rnnc_diagnostics *diagnostics) {
    const rnnc_program *p = s->context->program;
    if (p->obstacle) {
        return api_fail(diagnostics, RNNC_UNSUPPORTED, "there is nothing to draw the next token from: %s",
                        p->obstacle);
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, find_places(s, &sink));
    diag_deinit(&sink);
    return status == RNNC_OK ? start(s, diagnostics) : status;
}

rnnc_status rnnc_sampler_create(rnnc_context *c, rnnc_speller *spells, const rnnc_sampling *sampling,
                                rnnc_diagnostics *diagnostics, rnnc_sampler **out_sampler) {
    draw_rules rules;
    if (out_sampler) {
        *out_sampler = NULL;
    }
    if (!c || !out_sampler) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a sampler needs a context and a place to be put");
    }
    if (take_sampling(sampling, &rules) != RNNC_OK) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "sampling begins with RNNC_SAMPLING, and has no negative numbers");
    }
    rnnc_sampler *s = allocator_array(&c->memory, 1, sizeof *s);
    if (!s) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a sampler");
    }
    *s = (rnnc_sampler){.memory = c->memory, .context = c, .speller = spells, .rules = rules, .previous = -1};
    rnnc_speller_retain(spells);
    rnnc_status status = make(s, diagnostics);
    if (status != RNNC_OK) {
        rnnc_sampler_destroy(s);
        return status;
    }
    *out_sampler = s;
    return RNNC_OK;
}

void rnnc_sampler_destroy(rnnc_sampler *s) {
    if (s) {
        allocator memory = s->memory;
        rnnc_speller_release(s->speller);
        allocator_free(&memory, s);
    }
}

rnnc_status rnnc_sampler_restart(rnnc_sampler *s, uint64_t seed) {
    if (!s) {
        return RNNC_INVALID_ARGUMENT;
    }
    s->rules.seed = seed;
    s->number = 0;
    s->previous = -1;
    s->fed = s->waiting = false;
    return rnnc_context_reset(s->context);
}

// ---- Feeding ----

// The caller may have set other lengths meanwhile, but not another batch: that is another text.
static rnnc_status step(rnnc_sampler *s, int32_t token, rnnc_diagnostics *d) {
    rnnc_context *c = s->context;
    if (engine_extents(c->engine)[AXIS_BATCH] != 1) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "a sampler goes on with one row, and the context has %lld",
                        (long long)engine_extents(c->engine)[AXIS_BATCH]);
    }
    TRY(c->stepping ? RNNC_OK : rnnc_start_steps(c, d));
    TRY(rnnc_context_write_input(c, s->input, RNNC_STEPS_FIRST, &token, 1, d));
    s->fed = false;
    TRY(rnnc_step(c, d));
    s->fed = true;
    return RNNC_OK;
}

static rnnc_status feed_waiting(rnnc_sampler *s, rnnc_diagnostics *d) {
    if (s->waiting) {
        TRY(step(s, s->previous, d));
        s->waiting = false;
    }
    return RNNC_OK;
}

static rnnc_status feed(rnnc_sampler *s, int32_t token, rnnc_diagnostics *d) {
    TRY(feed_waiting(s, d));
    TRY(step(s, token, d));
    s->previous = token;
    return RNNC_OK;
}

rnnc_status rnnc_sampler_feed(rnnc_sampler *s, int32_t token, rnnc_diagnostics *diagnostics) {
    return s ? feed(s, token, diagnostics)
             : api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "there is no sampler to feed");
}

static rnnc_status feed_all(rnnc_sampler *s, const int32_t *tokens, size_t count, rnnc_diagnostics *d) {
    for (size_t i = 0; i < count; i++) {
        TRY(feed(s, tokens[i], d));
    }
    return count || s->fed ? RNNC_OK : step(s, rnnc_speller_begin(s->speller), d);
}

rnnc_status rnnc_sampler_prompt(rnnc_sampler *s, const char *text, size_t length,
                                rnnc_diagnostics *diagnostics) {
    if (!s || !s->speller || !text) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a prompt needs a sampler that has a speller, and a text");
    }
    diag_sink sink;
    diag_init(&sink);
    int32_t *tokens;
    size_t count;
    file_view view = {"the prompt", (const uint8_t *)text, length};
    rnnc_status status = speller_read(&s->speller->lexicon.speller, view, &sink, &tokens, &count);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    status = status == RNNC_OK ? feed_all(s, tokens, count, diagnostics) : status;
    free(tokens);
    return status;
}

// ---- Drawing ----

// Only tokens that have a text are drawn, where there is a speller.
static rnnc_status get_scores(rnnc_sampler *s, rnnc_diagnostics *d, draw_scores *out_scores) {
    const void *values = NULL;
    const rnnc_context *c = s->context;
    TRY(feed_waiting(s, d));
    if (!s->fed || !c->stepping) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "there is nothing to go on with: feed a token or a prompt");
    }
    TRY(rnnc_context_output(c, s->output, d, &values));
    bool wide = api_output_of(c, s->output)->type.elem == DT_F64;
    *out_scores = draw_scores_of(values, wide, s->classes);
    int64_t named = rnnc_speller_count(s->speller);
    out_scores->count = s->speller && named < s->classes ? named : s->classes;
    return RNNC_OK;
}

rnnc_status rnnc_sampler_next(rnnc_sampler *s, rnnc_diagnostics *diagnostics, int32_t *out_token,
                              const char **out_text) {
    draw_scores scores;
    if (!s || !out_token) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "drawing needs a sampler and a place to put it");
    }
    TRY(get_scores(s, diagnostics, &scores));
    *out_token = draw_token(&scores, &s->rules, s->number++);
    if (out_text) {
        *out_text = rnnc_speller_piece(s->speller, *out_token, s->previous);
    }
    s->previous = *out_token;
    s->waiting = true;
    return RNNC_OK;
}

rnnc_status rnnc_sampler_best(rnnc_sampler *s, size_t most, int32_t *tokens, double *probabilities,
                              rnnc_diagnostics *diagnostics, size_t *out_count) {
    draw_scores scores;
    if (!s || !out_count || (most && (!tokens || !probabilities))) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "the best need a sampler, and room for tokens, probabilities and how many there are");
    }
    TRY(get_scores(s, diagnostics, &scores));
    *out_count = find_best(&scores, most, tokens, probabilities);
    return RNNC_OK;
}
