// What the order of the caller's arrays costs: an LSTM over 16 rows of 50 steps whose inputs and output are bound with
// the steps first, with the rows first, and with the rows first but copied by the caller on both sides; in runs and in
// training steps.
//     cmake -B build -DRNNC_BENCH=ON && ninja -C build bench_layouts && build/bench/layouts
#include <stdbool.h>
#include <string.h>

#include "bench/measure.h"

enum { UNITS = 128, ROWS = 16, LENGTH = 50, ELEMENTS = UNITS * ROWS * LENGTH, ROUNDS = 300, WAYS = 3 };

static const char text[] =
    "model layers(n = 128) {\n    input x: real(n)[T]\n    target t: real(n)[T]\n"
    "    output h = lstm(n, x)\n    loss = mean[T, batch] mean squared_error(h, t)\n}\n"
    "train by_adam {\n    batch 16  steps T = 50  optimizer adam(rate = 0.001)\n}\n";
static const char *const names[WAYS] = {"steps first", "rows first", "rows first, copied by the caller"};

static int by_size(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// A program and a context for each way, with weights of its own.
typedef struct bench {
    const char *what;
    bool trains;
    rnnc_program *program;
    rnnc_weights *weights[WAYS];
    rnnc_context *contexts[WAYS];
    uint32_t h;
} bench;

static float x[ELEMENTS], t[ELEMENTS], out[WAYS][ELEMENTS];

static void bind(const bench *b, rnnc_context *c, rnnc_layout layout, float *to) {
    rnnc_strides strides;
    for (uint32_t i = 0; i < rnnc_program_input_count(b->program); i++) {
        check(rnnc_context_input_strides(c, i, layout, &strides));
        check(rnnc_context_bind_input_strided(c, i, i ? t : x, ELEMENTS, &strides, said));
    }
    check(rnnc_context_output_strides(c, b->h, layout, &strides));
    check(rnnc_context_bind_output(c, b->h, to, ELEMENTS, &strides, said));
}

static void run(const bench *b, int way) {
    rnnc_context *c = b->contexts[way];
    check(rnnc_context_reset(c));
    for (uint32_t i = 0; i < rnnc_program_input_count(b->program) && way == 2; i++) {
        check(rnnc_context_write_input(c, i, RNNC_ROWS_FIRST, i ? t : x, ELEMENTS, said));
    }
    check(b->trains ? rnnc_train_step(c, said, NULL) : rnnc_run(c, said));
    if (way == 2) {
        check(rnnc_context_read_output(c, b->h, RNNC_ROWS_FIRST, out[way], ELEMENTS, said));
    }
}

// The ways take turns, so that a change of the processor's pace meets them all.
static void measure(const bench *b) {
    static int64_t times[WAYS][ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        for (int way = 0; way < WAYS; way++) {
            int64_t began = now();
            run(b, way);
            times[way][i] = now() - began;
        }
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], ROUNDS, sizeof **times, by_size);
        printf("%-14s %-34s %8.1f us, %zu arrays copied by the library\n", b->what, names[way],
               (double)times[way][ROUNDS / 2] / 1000, rnnc_context_copied_arrays(b->contexts[way]));
    }
}

static bench make_bench(rnnc_model *model, bool trains) {
    const char *shown = "h";
    bench b = {.what = trains ? "training steps" : "runs", .trains = trains};
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = trains ? RNNC_TRAIN : RNNC_FORWARD;
    options.max_batch = ROWS;
    options.max_length = LENGTH;
    options.threads = 1;
    options.outputs = &shown;
    options.output_count = trains; // which else has the loss alone
    check(rnnc_program_compile(model, &options, said, &b.program));
    b.h = (uint32_t)rnnc_program_find_output(b.program, "h");
    for (int way = 0; way < WAYS; way++) {
        check(rnnc_weights_create(b.program, said, &b.weights[way]));
        check(rnnc_weights_initialize(b.weights[way], 1, said));
        check(rnnc_context_create(b.program, b.weights[way], said, &b.contexts[way]));
        check(rnnc_context_set_extents(b.contexts[way], ROWS, LENGTH, said));
        if (way < 2) {
            bind(&b, b.contexts[way], way ? RNNC_ROWS_FIRST : RNNC_STEPS_FIRST, out[way]);
        }
    }
    return b;
}

static void free_bench(bench *b) {
    for (int way = 0; way < WAYS; way++) {
        rnnc_context_destroy(b->contexts[way]);
        rnnc_weights_release(b->weights[way]);
    }
    rnnc_program_release(b->program);
}

int main(void) {
    rnnc_model *model = NULL;
    bool differ = false;
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "layouts.rnn", NULL, said, &model));
    for (int i = 0; i < ELEMENTS; i++) {
        x[i] = (float)(i % 97) / 97 - 0.5f;
        t[i] = (float)(i % 89) / 89 - 0.5f;
    }
    for (int trains = 0; trains < 2; trains++) {
        bench b = make_bench(model, trains);
        measure(&b);
        differ |= memcmp(out[1], out[2], sizeof out[1]) != 0;
        free_bench(&b);
    }
    if (differ) {
        fprintf(stderr, "the values differ\n");
    }
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return differ;
}
