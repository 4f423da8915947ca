#include "passes/compile.h"

rnnc_status compile_graph(graph *g, const compile_options *options, diag_sink *d, program **out_program) {
    pass_context cx = {.d = d, .update = options->update, .shape = options->shape};
    for (int a = 0; a < MAX_AXES; a++) {
        cx.maxima[a] = options->maxima[a] > 0 ? options->maxima[a] : 1;
    }
    const char *pipeline = options->pipeline                          ? options->pipeline
                           : options->update && options->update->rule ? pass_pipeline_training
                                                                      : pass_pipeline_inference;
    TRY(pass_run_pipeline(g, &cx, pipeline, options->hooks));
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
