// rnnc bench
#include "report/bench.h"
#include "cli/command.h"


static rnnc_status make(void *self, graph *g, const char *pipeline, const update_options *update,
                        const int64_t *extents, diag_sink *d, machine *out_machine) {
    compiler *c = self;
    c->pipeline = pipeline;
    return build_machine(c, g, update, extents, d, out_machine);
}

static rnnc_status bench(const command_line *line, const loaded *source, compiler *c, diag_sink *d) {
    strbuf text = {0};
    bench_request request = {.source = source->unit,
                             .options = source->options,
                             .wishes = {.batch = line->batch, .length = line->length},
                             .make = make,
                             .self = c,
                             .interpret = c->interpret,
                             .pipeline = line->passes,
                             .threads = c->threads,
                             .runs = line->runs,
                             .seed = (uint64_t)line->seed,
                             .json = line->json,
                             .dashes = "--"};
    rnnc_status status = bench_report(&request, d, &text);
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
    return status;
}

rnnc_status command_bench(const command_line *line, diag_sink *d) {
    return with_compiler(line, bench, d);
}
