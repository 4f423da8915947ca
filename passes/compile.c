#include "passes/compile.h"

#include <string.h>

#include "passes/program_text.h"

// The passes that complete a plan.
static void add_remaining(plan_stage stage, strbuf *out) {
    for (const pass_info *p = pass_registry(); p->name; p++) {
        if (p->leaves > stage) {
            strbuf_addf(out, "%s%s", out->length ? ", " : "", p->name);
        }
    }
}

// The text of the pipeline to run, in |out|: what the caller asks for, or the default one.
static void choose_pipeline(const compile_options *options, bool unrolled, strbuf *out) {
    if (options->pipeline) {
        strbuf_add(out, options->pipeline);
        return;
    }
    if (options->plan) {
        add_remaining(options->plan->stage, out);
        return;
    }
    bool training = options->gradients || (options->update && options->update->rule);
    const char *text = training ? pass_pipeline_training : pass_pipeline_inference;
    const char *lower = unrolled ? strstr(text, "lower") : NULL;
    size_t before = lower ? (size_t)(lower - text) : 0;
    strbuf_add_bytes(out, text, before);
    strbuf_add(out, lower ? "unroll, " : "");
    strbuf_add(out, text + before);
}

rnnc_status compile_passes(graph *g, const compile_options *options, diag_sink *d, plan **out_plan) {
    pass_context cx = {.d = d,
                       .update = options->update,
                       .gradients = options->gradients,
                       .shape = options->shape,
                       .plan = options->plan};
    bool unrolled = false;
    for (int a = 0; a < MAX_AXES; a++) {
        bool fixed = (uint32_t)a < g->axes.count && g->axes.at[a].kind == AXIS_IS_FIXED;
        cx.maxima[a] = options->plan            ? options->plan->maxima[a]
                       : fixed                  ? g->axes.at[a].size
                       : options->unroll[a] > 0 ? options->unroll[a]
                       : options->maxima[a] > 0 ? options->maxima[a]
                                                : graph_least_extent(g, a);
        cx.unroll[a] = options->unroll[a];
        unrolled |= options->unroll[a] > 0;
    }
    TRY(graph_bind_parts(g, cx.maxima, d));
    strbuf pipeline = {0};
    choose_pipeline(options, unrolled, &pipeline);
    rnnc_status status = pipeline.failed
                             ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a pipeline's text")
                             : pass_run_pipeline(g, &cx, strbuf_text(&pipeline), options->hooks);
    strbuf_deinit(&pipeline);
    *out_plan = cx.plan;
    return status;
}

rnnc_status compile_graph(graph *g, const compile_options *options, diag_sink *d, program **out_program) {
    plan *planned;
    TRY(compile_passes(g, options, d, &planned));
    TRY(program_create(g, planned, d, out_program));
    bool verifies = options->hooks && options->hooks->verify_each;
    if (verifies && program_verify(*out_program, NULL, d) != RNNC_OK) {
        program_destroy(*out_program);
        *out_program = NULL;
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the program that was made is not valid");
    }
    return RNNC_OK;
}
