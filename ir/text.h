// The text form of graphs. print(parse(print(g))) == print(g) for every graph, at every stage. See docs/ir.md.
#ifndef RNNC_IR_TEXT_H
#define RNNC_IR_TEXT_H

#include "ir/graph.h"
#include "support/strbuf.h"

void graph_print(const graph *g, strbuf *out);
// Reads a graph; errors go to |d| with their places in file number |file| of |d|. The result owns copies of
// all names. Verified before it is returned.
rnnc_status graph_parse(diag_sink *d, uint32_t file, graph **out_graph);

#endif
