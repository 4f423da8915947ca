// How many classes a model's token inputs have: what the graph's own tables and vectors say.
#ifndef RNNC_IR_CLASSES_H
#define RNNC_IR_CLASSES_H

#include "ir/graph.h"

// The input node called |name|, or NO_NODE.
node_id graph_find_input(const graph *g, const char *name);

// The smallest number of rows or columns that the tokens of input |n| choose from; 0 where nothing in the graph
// limits them.
int64_t graph_token_classes(const graph *g, node_id n);

#endif
