// A cell of one's own, given as a string, runs over a sequence and then step by step.
//
//     cc custom_cell.c $(pkg-config --cflags --libs rnnc) -o custom_cell
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One gate for everything (Zhou et al. 2016).
static const char text[] = "cell minimal(n) {\n"
                           "    input x\n"
                           "    state h[n]\n"
                           "    f = sigmoid(linear(n, x, h))\n"
                           "    g = tanh(linear(n, x, f * h))\n"
                           "    next h = (1 - f) * h + f * g\n"
                           "    output next h\n"
                           "}\n"
                           "model filter() {\n"
                           "    input value: real[T]\n"
                           "    output result = linear(1, minimal(16, value))\n"
                           "}\n";

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

int main(void) {
    enum { STEPS = 8 };
    float in[STEPS] = {0, 1, 0, -1, 0, 1, 0, -1}, whole[STEPS], now;
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_length = STEPS;
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "filter.rnn", NULL, said, &model));
    check(rnnc_program_compile(model, &options, said, &program));
    check(rnnc_weights_create(program, said, &weights));
    check(rnnc_weights_initialize(weights, 1, said));
    check(rnnc_context_create(program, weights, said, &context));

    check(rnnc_context_write_input(context, 0, RNNC_STEPS_FIRST, in, STEPS, said));
    check(rnnc_run(context, said));
    check(rnnc_context_read_output(context, 0, RNNC_STEPS_FIRST, whole, STEPS, said));

    // From the beginning, one step at a time: the same bits.
    check(rnnc_context_reset(context));
    check(rnnc_start_steps(context, said));
    check(rnnc_context_bind_input(context, 0, &now, 1, said));
    for (int t = 0; t < STEPS; t++) {
        const void *result;
        now = in[t];
        check(rnnc_step(context, said));
        check(rnnc_context_output(context, 0, said, &result));
        printf("%g -> %.6f %s\n", (double)now, (double)*(const float *)result,
               memcmp(result, &whole[t], sizeof whole[t]) == 0 ? "as in the whole run" : "DIFFERENT");
    }
    rnnc_context_destroy(context);
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return 0;
}
