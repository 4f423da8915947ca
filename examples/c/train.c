// Trains on data that it makes itself: the sum of the last steps of a random sequence.
//
//     cc train.c $(pkg-config --cflags --libs rnnc) -o train
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "model adder() {\n"
                           "    input  value: real[T]\n"
                           "    target sum:   real\n"
                           "    guess = linear(1, last[T](lstm(12, value)))\n"
                           "    loss = mean[batch] mean squared_error(guess, sum)\n"
                           "    output guess\n"
                           "}\n"
                           "train quick {\n"
                           "    batch 32  steps T = 6\n"
                           "    optimizer adam(rate = 0.01)  clip_norm 5\n"
                           "    max_steps 400\n"
                           "}\n";

enum { ROWS = 32, STEPS = 6 };

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

// Between 0 and 1, the same in every run.
static float draw(void) {
    static unsigned x = 1;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f;
}

static void make_batch(float value[STEPS][ROWS], float sum[ROWS]) {
    memset(sum, 0, ROWS * sizeof *sum);
    for (int t = 0; t < STEPS; t++) {
        for (int row = 0; row < ROWS; row++) {
            value[t][row] = draw();
            sum[row] += value[t][row] / STEPS;
        }
    }
}

int main(void) {
    float value[STEPS][ROWS], sum[ROWS];
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = RNNC_TRAIN; // the recipe says how large batches are, and how long
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "adder.rnn", NULL, said, &model));
    check(rnnc_program_compile(model, &options, said, &program));
    check(rnnc_weights_create(program, said, &weights));
    check(rnnc_weights_initialize(weights, 1, said));
    check(rnnc_context_create(program, weights, said, &context));
    uint32_t value_input = (uint32_t)rnnc_program_find_input(program, "value");
    uint32_t sum_input = (uint32_t)rnnc_program_find_input(program, "sum");
    check(rnnc_context_bind_input(context, value_input, value, STEPS * ROWS, said));
    check(rnnc_context_bind_input(context, sum_input, sum, ROWS, said));
    rnnc_training step = {0};
    for (int i = 0; i < 400; i++) {
        make_batch(value, sum);
        check(rnnc_train_step(context, said, &step));
        if (i % 100 == 0 || i == 399) {
            printf("step %lld: loss %.5f\n", (long long)step.step, step.loss);
        }
    }
    check(rnnc_weights_save(weights, "adder.safetensors", said));
    rnnc_context_destroy(context);
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return step.loss < 0.005 ? 0 : 1;
}
