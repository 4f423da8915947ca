#include "runtime/train/machine.h"

#include <string.h>

#include "runtime/initialize.h"

// What the interpreter needs of the pipelines: gradients and updates; all else would only hide what it shows.
static const char interpreted_training[] = "simplify, differentiate, update, simplify";
static const char interpreted_inference[] = "simplify";

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
        c.pipeline = options->update ? interpreted_training : interpreted_inference;
    }
    return c;
}

static rnnc_status create(graph *g, const machine_options *options, diag_sink *d, machine *m) {
    compile_options c = compile_options_of(g, options);
    if (!options->backend) {
        TRY(compile_graph(g, &c, d, NULL));
        TRY(engine_create_interpreter(g, INTERPRET_AS_TYPED, d, &m->engine));
        m->variables = g->variables.at;
        m->variable_count = g->variables.count;
        return RNNC_OK;
    }
    TRY(compile_graph(g, &c, d, &m->program));
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

static rnnc_status reset_slot(const weights *w, uint32_t array, diag_sink *d) {
    const graph_variable *v = w->arrays[array].variable;
    for (uint32_t j = 0; j < v->parts.count; j++) {
        weight_part part = weights_part(w, array, j);
        TRY(weight_part_initialize(&part, v->parts.at[j].init, 0, d));
    }
    return RNNC_OK;
}

rnnc_status machine_reset_slots(machine *m, diag_sink *d) {
    weights *w = engine_weights(m->engine);
    for (uint32_t i = 0; i < w->count; i++) {
        bool slot = w->arrays[i].variable->role == VARIABLE_SLOT;
        TRY(slot ? reset_slot(w, i, d) : RNNC_OK);
    }
    weights_changed(w);
    return RNNC_OK;
}

update_options recipe_update(const recipe *r, rate_rule *out_rules) {
    for (uint32_t i = 0; i < r->schedule.count; i++) {
        const schedule_rule *rule = &r->schedule.at[i];
        out_rules[i] =
            (rate_rule){rule->factor, rule->after, rule->kind == SCHEDULE_DECAY_STEP ? rule->every : 0};
    }
    return (update_options){
        .rule = r->optimizer == OPTIMIZER_ADAM ? UPDATE_ADAM : UPDATE_SGD,
        .rate = r->rate,
        .beta1 = r->beta1,
        .beta2 = r->beta2,
        .epsilon = r->epsilon,
        .clip_norm = r->clip_norm,
        .clip_value = r->clip_value,
        .schedule = out_rules,
        .schedule_count = r->schedule.count,
    };
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
