// Graphs as Graphviz text.
#ifndef RNNC_REPORT_DOT_H
#define RNNC_REPORT_DOT_H

#include "ir/graph.h"
#include "support/strbuf.h"

// A digraph with a node per node, labelled with op, type and equation; delays are drawn dashed. |memory| is work space.
void graph_print_dot(const graph *g, arena *memory, strbuf *out);

#endif
