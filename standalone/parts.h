// The parts of the program around an object.
#ifndef RNNC_STANDALONE_PARTS_H
#define RNNC_STANDALONE_PARTS_H

#include <stdbool.h>
#include <stdio.h>

#include "standalone/model.h"

enum { MOST_AXES = 8, MOST_DIMENSIONS = MOST_AXES + 1 };

// ---- Errors (main.c) ----

// Ends the program with one line on standard error.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Memory for |count| things of |size| bytes, zeros; the program ends where there is none.
void *take_memory(int64_t count, int64_t size);
// Brings what was written to standard output there, or ends the program.
void flush_output(void);

// ---- Runs (session.c) ----

// A model at work. Arrays of files have the batch outermost (model.h); |in| and |out| are as the object wants them.
typedef struct session {
    const standalone_model *m;
    void *memory, *arena; // |arena| is in |memory|, aligned
    int32_t extents[MOST_AXES];
    void **in, **out; // each as large as the largest extents need
} session;

void session_open(session *s, const standalone_model *m);
void session_close(session *s);
// The states become zero.
void session_reset(session *s);
// The extents of parts from those of the others.
void derive_extents(const standalone_model *m, int32_t *extents);
// Sets all extents, each of which is in range or the program ends.
void session_set_extents(session *s, const int32_t *extents);
void session_run(session *s);

// Of an axis, for people.
const char *axis_name(const standalone_model *m, int axis);
int64_t kind_bytes(int32_t kind);
// Numbers of a value with |extents|.
int64_t value_count(const standalone_value *v, const int32_t *extents);

// A block of an array that a file has, or will have: the array's extents, and where the block begins in it. Its own
// extents are the session's.
typedef struct window {
    int32_t whole[MOST_AXES], first[MOST_AXES];
} window;

// Copies a block of |file| to input |index|, or of output |index| to |file|.
void session_put(session *s, int32_t index, const void *file, const window *w);
void session_get(const session *s, int32_t index, void *file, const window *w);

// Fills an input with lengths that nobody gave: all steps count.
void session_fill_lengths(session *s, int32_t index);

// Writes numbers to standard output, raw or as text: a line for each place, of which the last is left open.
void write_values(const standalone_value *v, const void *from, int64_t count, bool raw); // stream.c

// ---- .npy files (npy.c) ----

typedef struct npy_array {
    int rank;
    int64_t dim[MOST_DIMENSIONS];
    void *data; // of the wanted kind; to be freed
} npy_array;

// Reads an array of any numbers as |kind|; one that would not be a whole number of 32 bits, where that is wanted, is an
// error, as all others are.
npy_array npy_load(const char *path, int32_t kind);
// The file appears whole or not at all; a device or a pipe is written as it is.
void npy_store(const char *path, const npy_array *a, int32_t kind);

// ---- What the program does ----

typedef struct choice {
    const char *name, *path;
} choice;

typedef struct program_line {
    const choice *in, *out;
    int in_count, out_count;
    bool raw, text; // values on standard input, as bytes or as numbers
    const char *prompt;
    int64_t length; // 0: not said
    int64_t top_k;
    double temperature;
    uint64_t seed;
} program_line;

void run_files(const standalone_model *m, const program_line *line);     // files.c
void run_stream(const standalone_model *m, const program_line *line);    // stream.c
void run_lines(const standalone_model *m, const program_line *line);     // lines.c
void run_generator(const standalone_model *m, const program_line *line); // generate.c
// Whether each line of a text is a sequence of the model: its only input, lengths left aside, reads the vocabulary.
bool reads_lines(const standalone_model *m);

#endif
