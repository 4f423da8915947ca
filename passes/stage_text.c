#include "passes/stage_text.h"

#include "ir/text.h"
#include "passes/program_text.h"

void stage_print(const graph *g, const plan *p, strbuf *out) {
    graph_print(g, out);
    plan_print(g, p, out);
}

void stage_text_deinit(stage_text *t) {
    graph_destroy(t->g);
    program_destroy(t->program);
    *t = (stage_text){0};
}

static rnnc_status parse_section(diag_sink *d, uint32_t file, uint32_t at, stage_text *t) {
    const source_file *source = &d->files.at[file];
    if (at >= source->length) {
        return RNNC_OK;
    }
    if (strncmp(source->text + at, "plan", 4) == 0) {
        return plan_parse(d, file, at, t->g, &t->p);
    }
    TRY(program_parse(d, file, at, t->g, &t->program));
    graph_destroy(t->g);
    t->g = NULL;
    return RNNC_OK;
}

rnnc_status stage_parse(diag_sink *d, uint32_t file, stage_text *out_text) {
    static const char *const sections[] = {"plan", "program", NULL};
    uint32_t rest;
    *out_text = (stage_text){0};
    TRY(graph_parse_head(d, file, sections, &out_text->g, &rest));
    rnnc_status status = parse_section(d, file, rest, out_text);
    if (status != RNNC_OK) {
        stage_text_deinit(out_text);
    }
    return status;
}
