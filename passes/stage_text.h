// The text of any stage of compilation: a graph, a graph with its plan, or a program.
#ifndef RNNC_PASSES_STAGE_TEXT_H
#define RNNC_PASSES_STAGE_TEXT_H

#include "passes/plan_text.h"
#include "passes/program.h"

// What a text holds: a graph and perhaps its plan, or a program alone.
typedef struct stage_text {
    graph *g; // NULL: a program
    plan *p;  // in the graph's memory; NULL: none
    program *program;
} stage_text;

// The graph, and behind it the plan, which may be NULL.
void stage_print(const graph *g, const plan *p, strbuf *out);
// Reads and verifies file number |file| of |d|. On failure |*out_text| is empty.
rnnc_status stage_parse(diag_sink *d, uint32_t file, stage_text *out_text);
void stage_text_deinit(stage_text *t);

#endif
