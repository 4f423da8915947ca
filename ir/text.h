// The text form of graphs. print(parse(print(g))) == print(g) for every graph, at every stage. See docs/ir.md.
#ifndef RNNC_IR_TEXT_H
#define RNNC_IR_TEXT_H

#include "ir/graph.h"
#include "support/strbuf.h"

void graph_print(const graph *g, strbuf *out);
// Reads a graph; errors go to |d| with their places in file number |file| of |d|. The result owns copies of
// all names. Verified before it is returned.
rnnc_status graph_parse(diag_sink *d, uint32_t file, graph **out_graph);
// Reads the graph that a longer text begins with: up to the first line that begins with one of |sections|, a list that NULL ends. That
// line's first byte is *out_rest, the text's length if there is none. What follows names nodes by their numbers,
// so before a section nodes are numbered from 0 in the order of their lines, as they are printed.
rnnc_status graph_parse_head(diag_sink *d, uint32_t file, const char *const *sections, graph **out_graph,
                             uint32_t *out_rest);

#endif
