// A progress line for long work. On a terminal it is redrawn in place, at most ten times a second:
//     epoch 3/13  [#####.....]  1234/2323  loss 4.812  perplexity 123.1  12.3k words/s  1:05 left
// Elsewhere (a file, a pipe, TERM=dumb) it is a plain line at every tenth of the way and one at the end.
#ifndef RNNC_RUNTIME_DATA_PROGRESS_H
#define RNNC_RUNTIME_DATA_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "support/strbuf.h"

typedef enum progress_form {
    PROGRESS_VALUE,   // loss 4.812
    PROGRESS_PERCENT, // accuracy 97.8 %, from 0.978
    PROGRESS_RATE,    // 12.3k words/s, from 12345 and "words/s"
    PROGRESS_BYTES,   // memory 312 MiB
    PROGRESS_COUNT,   // skipped 3
} progress_form;

typedef struct progress_field {
    const char *name;
    double value;
    progress_form form;
} progress_field;

// Fields may be changed between progress_init and the first update. Not for use by two threads at once.
// Output that fails is not noticed: the line is an ornament.
typedef struct progress {
    FILE *stream;
    const char *title; // borrowed; NULL or "": none
    int64_t total;     // steps in all; 0 or less: unknown
    int64_t first;     // steps done before, by an earlier run; they do not count for the time left
    bool terminal;
    int width;                    // columns; 0: ask the terminal at each redraw
    double plain_interval;        // fraction of |total| between plain lines
    double (*now)(void *context); // seconds on a clock that never goes back
    void *context;
    bool started; // by the first update
    double begin, drawn_at;
    double plain_next; // fraction at which the next plain line is due
    bool line_shown;   // an unfinished line stands on the terminal
} progress;

void progress_init(progress *p, FILE *stream, const char *title, int64_t total);
// Tells that |done| of |total| steps are done. Cheap when nothing is due to be shown.
void progress_update(progress *p, int64_t done, const progress_field *fields, size_t count);
// Shows the final state, with the time taken, and ends the line.
void progress_finish(progress *p, int64_t done, const progress_field *fields, size_t count);
// Takes an unfinished line from the terminal, so that something else can be printed. The next update draws it
// again.
void progress_clear(progress *p);

#endif
