// What a program is in numbers, and where the time of its runs goes.
#include "api/parts.h"
#include "report/kernels.h"
#include "support/vec.h"

static int64_t variable_bytes(const program *p, bool slots) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < p->variables.count; i++) {
        const graph_variable *v = &p->variables.at[i];
        bool counts = (v->role == VARIABLE_SLOT) == slots;
        bytes += counts ? type_columns(v->type) * dtype_bytes(v->type.elem) : 0;
    }
    return bytes;
}

static rnnc_status find_maxima(const program *p, int64_t *out_extents) {
    diag_sink unheard;
    diag_init(&unheard);
    for (uint32_t a = 0; a < p->axes.count; a++) {
        out_extents[a] = p->axes.at[a].fixed > 0 ? p->axes.at[a].fixed : p->axes.at[a].maximum;
    }
    rnnc_status status = program_bind_parts(p, out_extents, &unheard);
    diag_deinit(&unheard);
    return status;
}

rnnc_status rnnc_program_facts(const rnnc_program *p, rnnc_facts *out_facts) {
    if (!p || !out_facts) {
        return RNNC_INVALID_ARGUMENT;
    }
    const program *made = p->program;
    int64_t maxima[MAX_AXES] = {0};
    TRY(find_maxima(made, maxima));
    *out_facts = (rnnc_facts){.kernels = made->kernels.count,
                              .calls = made->calls.count,
                              .copies = made->copies,
                              .loop_copies = made->loop_copies,
                              .arena_bytes = made->arena_bytes,
                              .live_bytes = made->live_bytes,
                              .scratch_bytes = p->threads * context_scratch_bytes(made),
                              .weight_bytes = variable_bytes(made, false),
                              .optimizer_bytes = variable_bytes(made, true),
                              .compile_milliseconds = p->compile_milliseconds,
                              .code_milliseconds = p->code_milliseconds};
    program_work(made, maxima, &out_facts->flops, &out_facts->bytes);
    return RNNC_OK;
}

// ---- Profiles ----

rnnc_status rnnc_context_profile(rnnc_context *c, int on, rnnc_diagnostics *diagnostics) {
    if (!c) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "a profile is of a context");
    }
    context *inner = engine_context(c->engine);
    return inner ? api_report(diagnostics, &c->sink, context_time_calls(inner, on, &c->sink))
                 : api_fail(diagnostics, RNNC_UNSUPPORTED,
                            "the reference interpreter has no kernels to be timed");
}

uint32_t rnnc_context_profile_count(const rnnc_context *c) {
    context *inner = c ? engine_context(c->engine) : NULL;
    return inner && context_times(inner) ? c->program->program->kernels.count : 0;
}

rnnc_status rnnc_context_profile_get(const rnnc_context *c, uint32_t index, rnnc_profile *out_profile) {
    if (!out_profile || index >= rnnc_context_profile_count(c)) {
        return RNNC_INVALID_ARGUMENT;
    }
    kernel_total k = kernel_total_of(c->program->program, index, context_times(engine_context(c->engine)),
                                     engine_extents(c->engine));
    *out_profile = (rnnc_profile){.name = k.name,
                                  .calls = k.calls,
                                  .nanoseconds = (int64_t)k.nanoseconds,
                                  .flops = k.product ? k.work : 0,
                                  .bytes = k.product ? 0 : k.work};
    return RNNC_OK;
}
