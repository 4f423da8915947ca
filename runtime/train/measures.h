// What is measured over an epoch: the loss, and what the model's metrics add up to.
#ifndef RNNC_RUNTIME_TRAIN_MEASURES_H
#define RNNC_RUNTIME_TRAIN_MEASURES_H

#include "frontend/model.h"
#include "runtime/data/metrics.h"
#include "runtime/engine.h"
#include "runtime/train/record.h"

enum { MEASURES_MOST = MODEL_MOST_METRICS };

// Sums over the runs so far. Starts as all zeros.
typedef struct measures {
    double rows;
    double loss;                 // times rows
    double correct, count, nats; // of classes
    bool has_loss, has_classes;
    bool along_steps; // the classes are of a sequence's steps: perplexity makes sense
    const char *names[MEASURES_MOST];
    double sums[MEASURES_MOST]; // of other metrics, times rows
    uint32_t other_count;
} measures;

// Adds the outputs of the engine's last run of |rows| rows. Returns that run's loss, 0 if there is none.
double measures_add(measures *m, engine *e, int64_t rows);

// The values: loss (the mean of the runs', weighted by their rows), accuracy (correct / count), perplexity
// (exp(nats / count)), other metrics (as the loss). |out_values| has room for MEASURES_MOST + 3. The names are those of the
// engine, which must live as long.
uint32_t measures_values(const measures *m, metric *out_values);
double measures_loss(const measures *m);

// Into a record, the keys beginning with |prefix|, and back from a file that holds one. Names are looked up among the
// outputs of |e|. |keys|: where there is room for them.
void measures_save(const measures *m, const char *prefix, record *r);
rnnc_status measures_restore(measures *m, const char *prefix, const safetensors *file, engine *e,
                             record *keys, diag_sink *d);

#endif
