// The text form of plans: a section behind the graph that they are for. See docs/ir.md, section 6.
#ifndef RNNC_PASSES_PLAN_TEXT_H
#define RNNC_PASSES_PLAN_TEXT_H

#include "passes/plan.h"
#include "support/diag.h"
#include "support/strbuf.h"

// The section's lines; nothing for a plan that is NULL.
void plan_print(const graph *g, const plan *p, strbuf *out);
// Single lines of it, without a line's end.
void plan_print_group(const graph *g, const plan *p, uint32_t group, strbuf *out);
void plan_print_block(const graph *g, const plan *p, uint32_t block, strbuf *out);

// Reads the section that begins at byte |at| of file number |file| into a plan for |g|, in the graph's memory.
// Everything that follows from the graph and from the groups is worked out again and held against the text.
rnnc_status plan_parse(diag_sink *d, uint32_t file, uint32_t at, graph *g, plan **out_plan);

// Where a plan's lines stand in its text, by the number of the loop or group.
typedef struct plan_lines {
    VEC(span) loops;
    VEC(span) groups;
    span *blocks; // known to plan_verify_blocks only
} plan_lines;

// Checks a plan's loops, groups and order against its graph from scratch: that the graph has the form that plans are
// made for, that every value is computed once, by a group that can, within the right loop, and after what it waits
// for. Reports the first thing that is wrong, at its line if |lines| is not NULL.
rnnc_status plan_verify(const graph *g, const plan *p, const plan_lines *lines, arena *scratch, diag_sink *d);
// Checks that the blocks of a placed plan lie within its arena, apart from all that is live at the same time.
rnnc_status plan_verify_blocks(const graph *g, plan *p, const plan_lines *lines, arena *scratch,
                               diag_sink *d);

#endif
