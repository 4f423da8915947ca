#include "passes/compile.h"

#include <string.h>

// The text of the pipeline to run, in |out|: what the caller asks for, or the default one.
static void choose_pipeline(const compile_options *options, bool unrolled, strbuf *out) {
    if (options->pipeline) {
        strbuf_add(out, options->pipeline);
        return;
    }
    bool training = options->update && options->update->rule;
    const char *text = training ? pass_pipeline_training : pass_pipeline_inference;
    const char *lower = unrolled ? strstr(text, "lower") : NULL;
    size_t before = lower ? (size_t)(lower - text) : 0;
    strbuf_add_bytes(out, text, before);
    strbuf_add(out, lower ? "unroll, " : "");
    strbuf_add(out, text + before);
}

static rnnc_status run_passes(graph *g, pass_context *cx, const compile_options *options) {
    bool unrolled = false;
    for (int a = 0; a < MAX_AXES; a++) {
        bool fixed = (uint32_t)a < g->axes.count && g->axes.at[a].kind == AXIS_IS_FIXED;
        cx->maxima[a] = fixed                    ? g->axes.at[a].size
                        : options->unroll[a] > 0 ? options->unroll[a]
                        : options->maxima[a] > 0 ? options->maxima[a]
                                                 : graph_least_extent(g, a);
        cx->unroll[a] = options->unroll[a];
        unrolled |= options->unroll[a] > 0;
    }
    TRY(graph_bind_parts(g, cx->maxima, cx->d));
    strbuf pipeline = {0};
    choose_pipeline(options, unrolled, &pipeline);
    rnnc_status status =
        pipeline.failed ? diag_fail(cx->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a pipeline's text")
                        : pass_run_pipeline(g, cx, strbuf_text(&pipeline), options->hooks);
    strbuf_deinit(&pipeline);
    return status;
}

rnnc_status compile_graph(graph *g, const compile_options *options, diag_sink *d, program **out_program) {
    pass_context cx = {.d = d, .update = options->update, .shape = options->shape};
    TRY(run_passes(g, &cx, options));
    if (!out_program) {
        return RNNC_OK;
    }
    arena scratch;
    arena_init(&scratch);
    cx.scratch = &scratch;
    rnnc_status status = program_create(g, &cx, out_program);
    arena_deinit(&scratch);
    return status;
}
