// Truncated backpropagation whose windows overlap: what a training graph needs so that only the steps that a window
// sees first count, and the state handed on is that after some of its steps.
#ifndef RNNC_RUNTIME_TRAIN_OVERLAP_H
#define RNNC_RUNTIME_TRAIN_OVERLAP_H

#include "ir/graph.h"
#include "runtime/engine.h"
#include "runtime/train/feed.h"

// Rewrites a model's graph, before any pass. Of the loss and the metrics, sums along |axis| begin at the first step that
// counts, and means divide by the steps that count; the output of each state carried along the axis is the state
// where the next window begins. Errors: the loss or a metric takes a maximum or a log_sum_exp along the axis, of
// which it cannot be said what a part of the steps makes.
rnnc_status graph_overlap(graph *g, int axis, diag_sink *d);

// The same for a model whose recipe says `steps T = … every …`; else nothing is done.
rnnc_status model_overlap(model *m, diag_sink *d);

// Tells the engine of such a graph where in the batch is what. No effect on others.
void overlap_put(engine *e, const feed_batch *batch);

#endif
