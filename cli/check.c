// rnnc check
#include "report/check.h"
#include "cli/command.h"

static rnnc_status check(const command_line *line, const loaded *source, compiler *c, diag_sink *d) {
    strbuf text = {0};
    c->hooks.printed = &text;
    check_request request = {.source = source->unit,
                             .options = source->options,
                             .wishes = {.batch = line->batch, .length = line->length},
                             .how = {.backend = &c->backend,
                                     .threads = c->threads,
                                     .pipeline = c->pipeline,
                                     .hooks = &c->hooks,
                                     .unroll = c->unroll},
                             .json = line->json};
    rnnc_status status = check_report(&request, d, &text);
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
    show_compiler_output(c);
    return status;
}

rnnc_status command_check(const command_line *line, diag_sink *d) {
    return with_compiler(line, check, d);
}
