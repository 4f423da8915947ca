// Graphs as Graphviz text.
#ifndef RNNC_CLI_DOT_H
#define RNNC_CLI_DOT_H

#include "ir/graph.h"
#include "support/strbuf.h"

// A digraph with a node per node, labelled with op, type and equation; delays are drawn dashed.
void graph_print_dot(const graph *g, strbuf *out);

#endif
