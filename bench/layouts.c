// What the order of the caller's arrays costs: an LSTM over 16 rows of 50 steps whose input and output are bound with
// the steps first, with the rows first, and with the rows first but copied by the caller on both sides.
//     cmake -B build -DRNNC_BENCH=ON && ninja -C build bench_layouts && build/bench/layouts
#include <string.h>

#include "bench/measure.h"

enum { UNITS = 128, ROWS = 16, LENGTH = 50, ELEMENTS = UNITS * ROWS * LENGTH, ROUNDS = 300, WAYS = 3 };

static const char text[] = "model layers(n = 128) {\n    input x: real(n)[T]\n    output h = lstm(n, x)\n}\n";
static const char *const names[WAYS] = {"steps first", "rows first", "rows first, copied by the caller"};

static int by_size(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static rnnc_context *make_context(rnnc_program *p, rnnc_weights *w) {
    rnnc_context *c = NULL;
    check(rnnc_context_create(p, w, said, &c));
    check(rnnc_context_set_extents(c, ROWS, LENGTH, said));
    return c;
}

static float x[ELEMENTS], out[WAYS][ELEMENTS];

static void bind(rnnc_context *c, rnnc_layout layout, float *to) {
    rnnc_strides strides;
    check(rnnc_context_input_strides(c, 0, layout, &strides));
    check(rnnc_context_bind_input_strided(c, 0, x, ELEMENTS, &strides, said));
    check(rnnc_context_output_strides(c, 0, layout, &strides));
    check(rnnc_context_bind_output(c, 0, to, ELEMENTS, &strides, said));
}

static void run(rnnc_context *c, int way) {
    check(rnnc_context_reset(c));
    if (way == 2) {
        check(rnnc_context_write_input(c, 0, RNNC_ROWS_FIRST, x, ELEMENTS, said));
    }
    check(rnnc_run(c, said));
    if (way == 2) {
        check(rnnc_context_read_output(c, 0, RNNC_ROWS_FIRST, out[way], ELEMENTS, said));
    }
}

// The ways take turns, so that a change of the processor's pace meets them all.
static void measure(rnnc_context *const *contexts) {
    static int64_t times[WAYS][ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        for (int way = 0; way < WAYS; way++) {
            int64_t began = now();
            run(contexts[way], way);
            times[way][i] = now() - began;
        }
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], ROUNDS, sizeof **times, by_size);
        printf("%-34s %8.1f us, %zu arrays copied by the library\n", names[way],
               (double)times[way][ROUNDS / 2] / 1000, rnnc_context_copied_arrays(contexts[way]));
    }
}

int main(void) {
    rnnc_model *model = NULL;
    rnnc_program *program = NULL;
    rnnc_weights *weights = NULL;
    rnnc_context *contexts[WAYS];
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_batch = ROWS;
    options.max_length = LENGTH;
    options.threads = 1;
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "layouts.rnn", NULL, said, &model));
    check(rnnc_program_compile(model, &options, said, &program));
    check(rnnc_weights_create(program, said, &weights));
    check(rnnc_weights_initialize(weights, 1, said));
    for (int i = 0; i < ELEMENTS; i++) {
        x[i] = (float)(i % 97) / 97 - 0.5f;
    }
    for (int way = 0; way < WAYS; way++) {
        contexts[way] = make_context(program, weights);
        if (way < 2) {
            bind(contexts[way], way ? RNNC_ROWS_FIRST : RNNC_STEPS_FIRST, out[way]);
        }
    }
    measure(contexts);
    int differ = memcmp(out[1], out[2], sizeof out[1]) != 0;
    if (differ) {
        fprintf(stderr, "the values differ\n");
    }
    for (int way = 0; way < WAYS; way++) {
        rnnc_context_destroy(contexts[way]);
    }
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return differ;
}
