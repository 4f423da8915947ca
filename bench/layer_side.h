// What the programs share that measure one recurrent layer: the case that layer_case.py wrote, timing, and the answer in
// JSON. Errors are printed and end the program.
#ifndef RNNC_BENCH_LAYER_SIDE_H
#define RNNC_BENCH_LAYER_SIDE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct layer_side {
    const char *folder;
    bool gru;    // reset after the product; else an LSTM
    bool stream; // single steps are timed, which carry the states
    int hidden, batch, length, threads;
    double seconds;
    float *inputs, *expected, *outputs; // [length][batch][hidden]
} layer_side;

// Reads the arguments FOLDER lstm|gru HIDDEN BATCH LENGTH run|stream THREADS SECONDS and the case's inputs.
layer_side side_open(int argc, char **argv);
void side_close(layer_side *side);

// The folder's file |name|.f32, |count| floats, from malloc at a multiple of 64 bytes.
float *side_read(const layer_side *side, const char *name, size_t count);
// The path of the folder's file |name|, from malloc.
char *side_path(const layer_side *side, const char *name);

// Floats of one step's inputs or outputs, and of those that a call reads: a step's, or all.
size_t side_step_count(const layer_side *side);
size_t side_call_count(const layer_side *side);

_Noreturn void side_fail(const char *what, const char *why);

// |call| reads a step or all from the beginning of |inputs|, goes on from the states, and writes to the beginning of
// |outputs|. Compares the outputs of the whole case, the states being zeros, then times calls and prints the result.
typedef void side_call(void *user);
void side_measure(layer_side *side, side_call *call, void *user);

#endif
