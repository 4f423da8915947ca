// Contexts without kernels: the graph itself is interpreted, for comparisons.
#include "api/parts.h"

// The interpreter has weights of its own, and what it says has places in the model's text.
rnnc_status api_run_reference(rnnc_context *c, rnnc_diagnostics *d) {
    diag_sink sink;
    diag_init_beside(&sink, &c->program->source->sink);
    weights_copy(engine_weights(c->engine), &c->view);
    rnnc_status status = engine_run(c->engine, c->seed, (uint64_t)(c->step - 1), &sink);
    api_report(d, &sink, status);
    diag_deinit(&sink);
    if (status == RNNC_OK && c->program->purpose == RNNC_TRAIN) {
        weights_copy(&c->view, engine_weights(c->engine));
    }
    return status;
}

rnnc_status api_check_maxima(const rnnc_context *c, const int64_t *extents, diag_sink *d) {
    const program *p = c->program->program;
    for (uint32_t a = 0; c->program->reference && a < p->axes.count; a++) {
        if (p->axes.at[a].kind != AXIS_IS_PART && extents[a] > p->axes.at[a].maximum) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: this program runs 1 to %lld, found %lld",
                             a == AXIS_BATCH ? "rows of the batch" : p->axes.at[a].name,
                             (long long)p->axes.at[a].maximum, (long long)extents[a]);
        }
    }
    return RNNC_OK;
}

rnnc_status api_compile_reference(rnnc_program *p, const compile_options *options, diag_sink *d) {
    compile_options o = *options;
    plan *unused;
    o.shape = (target_shape){.vector_bytes = 16, .vector_registers = 16}; // nothing depends on it
    if (!o.pipeline) {
        o.pipeline = p->purpose == RNNC_TRAIN       ? machine_interpreted_training
                     : p->purpose == RNNC_GRADIENTS ? machine_interpreted_gradients
                                                    : machine_interpreted_inference;
    }
    TRY(compile_passes(p->model->graph, &o, d, &unused));
    return program_create_signature(p->model->graph, o.maxima, d, &p->program);
}

rnnc_status api_check_reference(const rnnc_compile_options *o, const api_listing *l, diag_sink *d) {
    const char *why = o->given_gradient_count ? "runs in one piece: gradients cannot be given"
                      : l->unroll             ? "has a node for all steps: they are not unrolled"
                                              : NULL;
    return why ? diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "the reference interpreter %s", why) : RNNC_OK;
}
