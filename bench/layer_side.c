#include "bench/layer_side.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEAST_BLOCKS = 9, MOST_BLOCKS = 1000000, WARM_CALLS = 100 };

static const double tolerance = 1e-4, warm_seconds = 0.1, block_seconds = 1e-5;

void side_fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- The case ----

static void *checked(void *memory) {
    if (!memory) {
        side_fail("memory", "none is left");
    }
    return memory;
}

static float *new_floats(size_t count) {
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    return memset(checked(aligned_alloc(64, bytes)), 0, bytes);
}

char *side_path(const layer_side *side, const char *name) {
    size_t size = strlen(side->folder) + strlen(name) + 2;
    char *path = checked(malloc(size));
    snprintf(path, size, "%s/%s", side->folder, name);
    return path;
}

float *side_read(const layer_side *side, const char *name, size_t count) {
    char file[64];
    snprintf(file, sizeof file, "%s.f32", name);
    char *path = side_path(side, file);
    float *numbers = new_floats(count);
    FILE *in = fopen(path, "rb");
    if (!in || fread(numbers, sizeof *numbers, count, in) != count) {
        side_fail(path, "cannot be read, or is too short");
    }
    fclose(in);
    free(path);
    return numbers;
}

static int number(const char *text) {
    long value = strtol(text, NULL, 10);
    if (value < 1 || value > 1000000) {
        side_fail(text, "is not a number from 1 to 1000000");
    }
    return (int)value;
}

size_t side_step_count(const layer_side *side) {
    return (size_t)side->batch * (size_t)side->hidden;
}

size_t side_call_count(const layer_side *side) {
    return side_step_count(side) * (side->stream ? 1 : (size_t)side->length);
}

layer_side side_open(int argc, char **argv) {
    if (argc != 9) {
        side_fail("usage", "FOLDER lstm|gru HIDDEN BATCH LENGTH run|stream THREADS SECONDS");
    }
    layer_side s = {.folder = argv[1],
                    .gru = strcmp(argv[2], "gru") == 0,
                    .hidden = number(argv[3]),
                    .batch = number(argv[4]),
                    .length = number(argv[5]),
                    .stream = strcmp(argv[6], "stream") == 0,
                    .threads = number(argv[7]),
                    .seconds = strtod(argv[8], NULL)};
    size_t count = side_step_count(&s) * (size_t)s.length;
    s.inputs = side_read(&s, "inputs", count);
    s.expected = side_read(&s, "expected", count);
    s.outputs = new_floats(count);
    return s;
}

void side_close(layer_side *side) {
    free(side->inputs);
    free(side->expected);
    free(side->outputs);
}

// ---- Measuring ----

static void compare(const layer_side *side, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        // Not a number is not within either.
        if (!(fabs((double)side->outputs[i] - (double)expected[i]) <= tolerance)) {
            side_fail(side->folder, "the outputs differ");
        }
    }
}

static void check(layer_side *side, side_call *call, void *user) {
    size_t count = side_call_count(side), all = side_step_count(side) * (size_t)side->length;
    for (size_t at = 0; at < all; at += count) {
        memmove(side->inputs, side->inputs + at, count * sizeof *side->inputs);
        call(user);
        compare(side, side->expected + at, count);
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The time of one call, of so many.
static double block(side_call *call, void *user, int calls) {
    double before = now();
    for (int i = 0; i < calls; i++) {
        call(user);
    }
    return (now() - before) / calls;
}

void side_measure(layer_side *side, side_call *call, void *user) {
    check(side, call, user);
    double once = INFINITY, begin = now();
    for (int i = 0; i < WARM_CALLS && now() - begin < warm_seconds; i++) {
        once = fmin(once, block(call, user, 1));
    }
    // Blocks so long that the clock's own time is nothing.
    int calls = once < block_seconds ? (int)(block_seconds / fmax(once, 1e-9)) + 1 : 1;
    double *times = checked(malloc(MOST_BLOCKS * sizeof *times));
    int blocks = 0;
    for (begin = now(); blocks < LEAST_BLOCKS || (now() - begin < side->seconds && blocks < MOST_BLOCKS);
         blocks++) {
        times[blocks] = block(call, user, calls);
    }
    qsort(times, (size_t)blocks, sizeof *times, by_size);
    printf("{\"threads\":%d,\"ms\":%.6g,\"least_ms\":%.6g,\"runs\":%d}\n", side->threads,
           1e3 * times[blocks / 2], 1e3 * times[0], blocks);
    free(times);
}
