// rnnc dump: any stage of compilation as text, from source text or from IR text.
#include "report/dump.h"
#include "cli/command.h"
#include "runtime/data/gzfile.h"

typedef struct dump_command {
    const command_line *line;
    diag_sink *d;
    loaded source;
    file_bytes bytes; // of the file, where it is not a model that is to be compiled
    compiler compiler;
    dump_request request;
} dump_command;

static rnnc_status read_input(dump_command *c) {
    const command_line *line = c->line;
    if (!is_ir_text(line->file) && c->request.stage != DUMP_SOURCE) {
        TRY(load_source(line, c->d, &c->source));
        c->request.source = c->source.unit;
        c->request.options = c->source.options;
        return RNNC_OK;
    }
    TRY(gzfile_read(line->file, 0, c->d, &c->bytes));
    c->request.text = (const char *)c->bytes.data;
    c->request.length = c->bytes.size;
    return RNNC_OK;
}

// What is shown is printed behind what passes have printed.
static rnnc_status dump(dump_command *c) {
    const command_line *line = c->line;
    strbuf text = {0};
    c->compiler.hooks.printed = &text;
    c->request.name = line->file;
    c->request.dashes = "--";
    c->request.wishes = (extent_wishes){.batch = line->batch, .length = line->length};
    c->request.codegen = c->compiler.codegen;
    c->request.cpu = line->cpu;
    c->request.how = (machine_options){.backend = &c->compiler.backend,
                                       .pipeline = c->compiler.pipeline,
                                       .hooks = &c->compiler.hooks,
                                       .unroll = c->compiler.unroll};
    rnnc_status status = dump_report(&c->request, c->d, &text);
    fwrite(strbuf_text(&text), 1, text.length, stdout);
    strbuf_deinit(&text);
    show_compiler_output(&c->compiler);
    return status;
}

static rnnc_status run_dump(dump_command *c) {
    const command_line *line = c->line;
    c->request.stage_given = line->stage != NULL;
    TRY(dump_find_stage(line->stage ? line->stage : "graph", "--stage: ", c->d, &c->request.stage));
    TRY(read_input(c));
    if (c->request.stage != DUMP_SOURCE) {
        TRY(open_compiler(line, c->d, &c->compiler));
    }
    return dump(c);
}

rnnc_status command_dump(const command_line *line, diag_sink *d) {
    dump_command c = {.line = line, .d = d};
    rnnc_status status = run_dump(&c);
    close_compiler(&c.compiler);
    file_bytes_deinit(&c.bytes);
    unload_source(&c.source);
    return status;
}
