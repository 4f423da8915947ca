// Batches: which rows of the data come together in which order, copied into an engine's inputs.
#ifndef RNNC_RUNTIME_TRAIN_FEED_H
#define RNNC_RUNTIME_TRAIN_FEED_H

#include "runtime/engine.h"
#include "runtime/train/dataset.h"

typedef struct feed feed;

typedef enum feed_order {
    FEED_IN_ORDER, // examples and windows as they lie
    FEED_SHUFFLED, // in a new order each epoch, a function of seed and epoch alone; random windows are drawn
} feed_order;

// |s| must outlive the feed. Streams are always read in order.
rnnc_status feed_create(const dataset *s, data_part part, feed_order order, uint64_t seed, diag_sink *d,
                        feed **out_feed);
void feed_destroy(feed *f);

// Of streams, a batch is the next window of each. Where windows overlap (dataset.advance = k1 below the window's steps
// k2), training follows Williams and Peng (1990), BPTT(k2; k1): batch number j = 1, 2, … has the steps from (j k1 - k2)
// to j k1 of the stream, as far as there are such, and only the last k1 of them, those not seen before, count for the
// loss. Evaluation reads windows that do not overlap.
//
// Batches of an epoch; the last may be smaller (fewer rows, or of streams: fewer steps). An epoch of random windows
// draws as many as there are.
int64_t feed_steps(const feed *f);
// Numbered from 1.
void feed_start_epoch(feed *f, int64_t epoch);
// Passes over the first |batches| of the epoch just started.
void feed_skip(feed *f, int64_t batches);

typedef struct feed_batch {
    int64_t rows;    // 0: the epoch is over, and nothing was done
    int64_t places;  // of streams: rows times steps that count; else rows
    int64_t steps;   // of each row along the step axis; 1 if there is none
    int64_t context; // of these, the first so many were in earlier batches
    int64_t carried; // the next batch begins after so many of them
} feed_batch;

// Sets the engine's extents and fills its inputs with the next batch. Inputs that the engine lacks are left out; those
// of other roles than "data", "target" and "lengths" are the caller's, and are zeros if an extent has changed.
rnnc_status feed_next(feed *f, engine *e, diag_sink *d, feed_batch *out_batch);

// The same in two halves: which rows come next, with the extents that the engine needs for them; then, with these set,
// its inputs.
feed_batch feed_advance(feed *f, const engine *e, int64_t *out_extents);
void feed_fill(const feed *f, const feed_batch *batch, engine *e);

// The numbers 0 … count-1 in an order that is a function of seed and epoch.
void shuffled_order(int64_t *order, int64_t count, uint64_t seed, int64_t epoch);

#endif
