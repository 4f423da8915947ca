// The verifier: every rule that a graph must keep, checked again from scratch.
#ifndef RNNC_IR_VERIFY_H
#define RNNC_IR_VERIFY_H

#include "ir/graph.h"

// Reports every violation (not only the first), each naming node number and op, at the node's origin.
rnnc_status graph_verify(const graph *g, diag_sink *d);

#endif
