// A recurrent layer through the library: rnnc_run or rnnc_step, the arrays bound.
#include <stdio.h>
#include <stdlib.h>

#include "bench/layer_side.h"
#include "include/rnnc.h"

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        side_fail(rnnc_status_text(status), rnnc_diagnostics_text(said));
    }
}

static rnnc_model *open_model(const layer_side *side, const char *path) {
    char hidden[32];
    snprintf(hidden, sizeof hidden, "hidden=%d", side->hidden);
    const char *settings[] = {hidden, side->gru ? "cell=gru_cho_after" : "cell=lstm(forget_bias = 0)"};
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof *settings;
    rnnc_model *model = NULL;
    check(rnnc_model_from_file(path, &options, said, &model));
    return model;
}

static rnnc_program *compile(const layer_side *side, rnnc_model *model) {
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_batch = side->batch;
    options.max_length = side->length;
    options.threads = side->threads;
    rnnc_program *program = NULL;
    check(rnnc_program_compile(model, &options, said, &program));
    return program;
}

static rnnc_weights *load_weights(const layer_side *side, rnnc_program *program) {
    rnnc_weights *weights = NULL;
    char *path = side_path(side, "weights.safetensors");
    check(rnnc_weights_create(program, said, &weights));
    check(rnnc_weights_load(weights, path, said));
    free(path);
    return weights;
}

static rnnc_context *open_context(const layer_side *side, rnnc_program *program, rnnc_weights *weights) {
    rnnc_context *c = NULL;
    size_t count = side_call_count(side);
    check(rnnc_context_create(program, weights, said, &c));
    if (side->stream) {
        check(rnnc_start_steps(c, said));
    }
    check(rnnc_context_bind_input(c, 0, side->inputs, count, said));
    check(rnnc_context_bind_output(c, 0, side->outputs, count, NULL, said));
    return c;
}

// Without a sink for messages, as where every nanosecond counts.
static void run(void *user) {
    check(rnnc_run(user, NULL));
}

static void step(void *user) {
    check(rnnc_step(user, NULL));
}

int main(int argc, char **argv) {
    if (argc < 2) {
        side_fail("usage", "layer MODEL.rnn FOLDER …");
    }
    check(rnnc_diagnostics_create(&said));
    layer_side side = side_open(argc - 1, argv + 1);
    rnnc_model *model = open_model(&side, argv[1]);
    rnnc_program *program = compile(&side, model);
    rnnc_weights *weights = load_weights(&side, program);
    rnnc_context *context = open_context(&side, program, weights);
    check(rnnc_begin(context));
    side_measure(&side, side.stream ? step : run, context);
    check(rnnc_end(context));
    rnnc_context_destroy(context);
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    side_close(&side);
    return 0;
}
