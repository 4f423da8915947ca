#include "runtime/train/machine.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/initialize.h"

// What the interpreter needs of the pipelines: gradients and updates; all else would only hide what it shows.
const char machine_interpreted_training[] = "simplify, differentiate, update, simplify";
const char machine_interpreted_gradients[] = "simplify, differentiate, simplify";
const char machine_interpreted_inference[] = "simplify";

void unrolled_extents(const graph *g, const int64_t *extents, int64_t *out_unroll) {
    for (uint32_t a = 0; a < MAX_AXES; a++) {
        bool sequence = a < g->axes.count && g->axes.at[a].kind == AXIS_IS_SEQUENCE;
        out_unroll[a] = sequence ? extents[a] : 0;
    }
}

static compile_options compile_options_of(const graph *g, const machine_options *options) {
    compile_options c = {.pipeline = options->pipeline, .hooks = options->hooks, .update = options->update};
    memcpy(c.maxima, options->maxima, sizeof c.maxima);
    if (options->unroll && options->backend) {
        unrolled_extents(g, options->maxima, c.unroll);
    }
    if (options->backend) {
        c.shape = options->backend->shape;
    } else {
        c.shape = (target_shape){.vector_bytes = 16, .vector_registers = 16};
    }
    if (!options->backend && !c.pipeline) {
        c.pipeline = options->update ? machine_interpreted_training : machine_interpreted_inference;
    }
    return c;
}

// A pipeline of the user's own may have left the update out, and all steps would do nothing.
static rnnc_status check_updates(const graph *g, const machine_options *options, diag_sink *d) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (op_has(graph_node(g, n)->op, EFFECT)) {
            return RNNC_OK;
        }
    }
    return options->update
               ? diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                           "the passes leave no weights to be updated: training needs differentiate "
                           "and update among them")
               : RNNC_OK;
}

static rnnc_status create(graph *g, const machine_options *options, diag_sink *d, machine *m) {
    compile_options c = compile_options_of(g, options);
    if (!options->backend) {
        plan *unused;
        TRY(compile_passes(g, &c, d, &unused));
        TRY(check_updates(g, options, d));
        TRY(engine_create_interpreter(g, INTERPRET_AS_TYPED, d, &m->engine));
        m->variables = g->variables.at;
        m->variable_count = g->variables.count;
        return RNNC_OK;
    }
    TRY(compile_graph(g, &c, d, &m->program));
    TRY(check_updates(g, options, d));
    TRY(engine_create_program(m->program, options->backend, NULL, options->threads, d, &m->engine));
    m->variables = m->program->variables.at;
    m->variable_count = m->program->variables.count;
    return RNNC_OK;
}

rnnc_status machine_create(graph *g, const machine_options *options, diag_sink *d, machine *out_machine) {
    *out_machine = (machine){0};
    rnnc_status status = create(g, options, d, out_machine);
    if (status == RNNC_OK) {
        status = machine_reset_slots(out_machine, d);
    }
    if (status != RNNC_OK) {
        machine_destroy(out_machine);
    }
    return status;
}

void machine_destroy(machine *m) {
    engine_destroy(m->engine);
    if (m->program) {
        program_destroy(m->program);
    }
    *m = (machine){0};
}

rnnc_status machine_reset_slots(machine *m, diag_sink *d) {
    return weights_reset_slots(engine_weights(m->engine), d);
}

static const update_rule rule_of[] = {
    [OPTIMIZER_SGD] = UPDATE_SGD,           [OPTIMIZER_MOMENTUM] = UPDATE_MOMENTUM,
    [OPTIMIZER_NESTEROV] = UPDATE_MOMENTUM, [OPTIMIZER_RMSPROP] = UPDATE_RMSPROP,
    [OPTIMIZER_ADAGRAD] = UPDATE_ADAGRAD,   [OPTIMIZER_ADAM] = UPDATE_ADAM,
    [OPTIMIZER_ADAMW] = UPDATE_ADAM,
};

static const rate_kind kind_of[] = {
    [SCHEDULE_DECAY] = RATE_DECAY,
    [SCHEDULE_DECAY_SMOOTH] = RATE_DECAY_SMOOTH,
    [SCHEDULE_ONCE] = RATE_ONCE,
    [SCHEDULE_PLATEAU] = RATE_PLATEAU,
    [SCHEDULE_WARM_UP] = RATE_WARM_UP,
    [SCHEDULE_COSINE] = RATE_COSINE,
    [SCHEDULE_INVERSE_SQRT] = RATE_INVERSE_ROOT,
};

static rate_rule rate_rule_of(const schedule_rule *rule) {
    return (rate_rule){kind_of[rule->kind], rule->steps, rule->factor, rule->after, rule->length};
}

update_options recipe_update(const recipe *r, arena *memory) {
    rate_rule *rates = arena_new_array(memory, rate_rule, r->schedule.count + 1);
    decay_rule *decays = arena_new_array(memory, decay_rule, r->weight_decays.count + 1);
    for (uint32_t i = 0; i < r->schedule.count; i++) {
        rates[i] = rate_rule_of(&r->schedule.at[i]);
    }
    for (uint32_t i = 0; i < r->weight_decays.count; i++) {
        decays[i] = (decay_rule){r->weight_decays.at[i].pattern, r->weight_decays.at[i].decay};
    }
    return (update_options){
        .rule = rule_of[r->optimizer],
        .rate = r->rate,
        .momentum = r->momentum,
        .nesterov = r->optimizer == OPTIMIZER_NESTEROV,
        .beta1 = r->beta1,
        .beta2 = r->beta2,
        .decay = r->decay,
        .start = r->start,
        .epsilon = r->epsilon,
        .lazy_rows = r->lazy_rows,
        .weight_decay = r->weight_decay,
        .decays = decays,
        .decay_count = r->weight_decays.count,
        .clip_norm = r->clip_norm,
        .clip_value = r->clip_value,
        .guarded = r->skip_limit > 0,
        .schedule = rates,
        .schedule_count = r->schedule.count,
    };
}

rnnc_status recipe_begin_weights(const recipe *r, weights *w, uint64_t seed, diag_sink *d) {
    uint32_t count = r ? r->init.count : 0;
    weight_rule *rules = calloc(count + (size_t)1, sizeof *rules);
    if (!rules) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %u rules", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        rules[i] = (weight_rule){r->init.at[i].pattern, r->init.at[i].init};
    }
    rnnc_status status = weights_initialize(w, rules, count, seed, d);
    free(rules);
    return status == RNNC_OK ? weights_reset_slots(w, d) : status;
}

rnnc_status model_check_trained(const model *m, diag_sink *d) {
    if (!m->recipe) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the file has no recipe: train NAME { … }");
    }
    if (graph_find_output(m->graph, "loss") == NO_NODE) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model '%s' has no loss", m->graph->name);
    }
    return RNNC_OK;
}

void graph_keep_outputs(graph *g, output_filter *keep, const void *user) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (keep(&g->outputs.at[i], user)) {
            g->outputs.at[kept++] = g->outputs.at[i];
        }
    }
    g->outputs.count = kept;
}

static bool is_measured(const graph_output *output, const void *user) {
    (void)user;
    return output->role != OUTPUT_VALUE;
}

void graph_keep_measured(graph *g) {
    graph_keep_outputs(g, is_measured, NULL);
}
