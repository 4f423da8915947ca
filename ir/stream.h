// Which graphs can be computed one step after the other, by somebody who keeps their states.
#ifndef RNNC_IR_STREAM_H
#define RNNC_IR_STREAM_H

#include "ir/graph.h"

// Whether the outputs of a step follow from that step's inputs and the states alone, so that runs of one step each give
// what one run of all steps gives: there is one sequence; nothing looks ahead, at the number of the step or of all
// steps, or sums over the sequence; and what is remembered from the step before is a state. Nodes that no output is
// computed from do not count. False without memory to find out.
bool graph_streams(const graph *g);

#endif
