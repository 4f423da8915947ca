// What a step costs: rnnc_step beside a call of the same step in an object made ahead of time, in one process; and an
// LSTM fed silence, whose state must not become slow numbers.
//     cmake -B build -DRNNC_BENCH=ON && ninja -C build bench_steps_run
#include <string.h>

#include "bench/measure.h"
#include "bench_ahead.h"

// The two sides take turns of TURN calls, so that a change of the processor's pace meets both.
enum { UNITS = 8, CALLS = 1000000, TURN = 1000, BLOCKS = CALLS / TURN };

static int by_size(const void *a, const void *b) {
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// The time that |part| of all are below, from 0 to 1. Sorts them.
static int32_t quantile(int32_t *times, size_t count, double part) {
    qsort(times, count, sizeof *times, by_size);
    return times[(size_t)(part * (double)count)];
}

static int32_t median(int32_t *times, size_t count) {
    return quantile(times, count, 0.5);
}

typedef struct side {
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
} side;

static side open_side(const char *model, const char *weights) {
    side s = {NULL, NULL, NULL, NULL};
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_length = 16;
    check(rnnc_model_from_file(model, NULL, said, &s.model));
    check(rnnc_program_compile(s.model, &options, said, &s.program));
    check(rnnc_weights_create(s.program, said, &s.weights));
    check(rnnc_weights_load(s.weights, weights, said));
    check(rnnc_context_create(s.program, s.weights, said, &s.context));
    check(rnnc_start_steps(s.context, said));
    return s;
}

static void close_side(side *s) {
    rnnc_context_destroy(s->context);
    rnnc_weights_release(s->weights);
    rnnc_program_release(s->program);
    rnnc_model_release(s->model);
}

static _Alignas(AHEAD_ARENA_ALIGN) char arena[AHEAD_ARENA_BYTES];
static int32_t ours[CALLS], theirs[CALLS], nothing[CALLS];

static void turn(side *s, int at, float *value, float *mine, float *other) {
    for (int i = at; i < at + TURN; i++) {
        int64_t began = now();
        nothing[i] = (int32_t)(now() - began);
    }
    for (int i = at; i < at + TURN; i++) {
        *value = (float)(i % 7);
        int64_t began = now();
        ahead_step(arena, 1, value, other);
        theirs[i] = (int32_t)(now() - began);
    }
    for (int i = at; i < at + TURN; i++) {
        *value = (float)(i % 7);
        int64_t began = now();
        rnnc_step(s->context, NULL);
        ours[i] = (int32_t)(now() - began);
    }
    if (memcmp(mine, other, UNITS * sizeof *mine) != 0) {
        fprintf(stderr, "the two differ at step %d\n", at);
        exit(1);
    }
}

static void compare(side *s) {
    float value = 0, mine[UNITS], other[UNITS];
    ahead_init(arena);
    check(rnnc_context_bind_input(s->context, 0, &value, 1, said));
    check(rnnc_context_bind_output(s->context, 0, mine, UNITS, NULL, said));
    for (int at = 0; at < CALLS; at += TURN) {
        turn(s, at, &value, mine, other);
    }
    check(rnnc_context_bind_output(s->context, 0, NULL, 0, NULL, said));
    int32_t clock = median(nothing, CALLS), a = median(theirs, CALLS), b = median(ours, CALLS);
    printf("a step of %d units, median of %d calls: ahead of time %d ns, rnnc_step %d ns (the clock's %d ns "
           "left "
           "out): %d ns more\n",
           UNITS, CALLS, a - clock, b - clock, clock, b - a);
}

// With weights as they are before any training, whose biases are zeros: then nothing holds the state up, and it fades
// away. Blocks of steps, those of the first tenth beside those of the last; of each the lower part, since whatever else the
// machine does comes and goes in longer times than a tenth of this.
static void silence(side *s) {
    float value = 1;
    int32_t *blocks = ours;
    check(rnnc_weights_initialize(s->weights, 1, said));
    check(rnnc_context_reset(s->context));
    check(rnnc_context_bind_input(s->context, 0, &value, 1, said));
    for (int b = 0; b < BLOCKS; b++) {
        int64_t began = now();
        for (int i = 0; i < TURN; i++) {
            check(rnnc_step(s->context, NULL));
            value = 0;
        }
        blocks[b] = (int32_t)(now() - began);
    }
    double first = quantile(blocks, BLOCKS / 10, 0.1);
    double last = quantile(blocks + BLOCKS - BLOCKS / 10, BLOCKS / 10, 0.1);
    printf("silence for %d steps: %.1f ns a step at first, %.1f ns at last: %+.1f %%\n", CALLS, first / TURN,
           last / TURN, 100 * (last / first - 1));
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: steps MODEL.rnn WEIGHTS.safetensors\n");
        return 2;
    }
    check(rnnc_diagnostics_create(&said));
    side s = open_side(argv[1], argv[2]);
    compare(&s);
    silence(&s);
    close_side(&s);
    rnnc_diagnostics_destroy(said);
    return 0;
}
