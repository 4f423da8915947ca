// A handle of each kind, made one from the other, for tests of where their memory comes from.
#ifndef RNNC_TESTS_API_CHAIN_H
#define RNNC_TESTS_API_CHAIN_H

#include <stdbool.h>

#include "tests/api/fixture.h"

enum { CHAIN_ROWS = 3, CHAIN_STEPS = 9, CHAIN_INPUTS = 2 };

// Where the memory of each handle comes from; NULL: from the system.
typedef struct chain_memory {
    const rnnc_allocator *diagnostics, *model, *program, *weights, *context;
} chain_memory;

typedef struct chain_kind {
    const char *path; // of the model's text; NULL: fixture_series
    rnnc_purpose purpose;
    const char *cpu;
    int threads;
} chain_kind;

typedef struct chain {
    chain_kind kind;
    rnnc_diagnostics *d;
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
} chain;

static inline rnnc_status chain_model(chain *c, const rnnc_allocator *memory) {
    static const char *const settings[] = {"hidden=5"};
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.allocator = memory;
    options.recipe = "plain";
    options.settings = settings;
    options.setting_count = 1;
    return c->kind.path ? rnnc_model_from_file(c->kind.path, &options, c->d, &c->model)
                        : rnnc_model_from_text(fixture_series, strlen(fixture_series), "test.rnn", &options,
                                               c->d, &c->model);
}

static inline rnnc_status chain_program(chain *c, const rnnc_allocator *memory) {
    static const char *const gradients[] = {"value"}, *const outputs[] = {"h"};
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.allocator = memory;
    options.purpose = c->kind.purpose;
    options.max_batch = CHAIN_ROWS;
    options.max_length = CHAIN_STEPS;
    options.cpu = c->kind.cpu;
    options.use_cache = 1;
    options.outputs = outputs;
    options.output_count = 1;
    options.gradients = gradients;
    options.gradient_count = c->kind.purpose >= RNNC_GRADIENTS;
    return rnnc_program_compile(c->model, &options, c->d, &c->program);
}

static inline rnnc_status chain_context(chain *c, const rnnc_allocator *memory) {
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.allocator = memory;
    options.threads = c->kind.threads;
    return rnnc_context_create_with(c->program, c->weights, &options, c->d, &c->context);
}

// Makes one handle after the other, until one cannot be made.
static inline rnnc_status chain_make(chain *c, chain_kind kind, const chain_memory *memory) {
    *c = (chain){.kind = kind};
    rnnc_status status = rnnc_diagnostics_create_with(memory->diagnostics, &c->d);
    status = status == RNNC_OK ? chain_model(c, memory->model) : status;
    status = status == RNNC_OK ? chain_program(c, memory->program) : status;
    status =
        status == RNNC_OK ? rnnc_weights_create_with(c->program, memory->weights, c->d, &c->weights) : status;
    return status == RNNC_OK ? chain_context(c, memory->context) : status;
}

static inline rnnc_status chain_write_inputs(const chain *c) {
    float values[CHAIN_STEPS * CHAIN_ROWS * CHAIN_INPUTS];
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < rnnc_program_input_count(c->program) && status == RNNC_OK; i++) {
        size_t count = rnnc_context_input_elements(c->context, i);
        assert_in_range(count, 1, sizeof values / sizeof *values);
        fixture_fill(values, count, i);
        status = rnnc_context_write_input(c->context, i, RNNC_ROWS_FIRST, values, count, c->d);
    }
    return status;
}

// A run or a training step.
static inline rnnc_status chain_run(const chain *c) {
    return c->kind.purpose == RNNC_TRAIN ? rnnc_train_step(c->context, c->d, NULL)
                                         : rnnc_run(c->context, c->d);
}

// Saves and loads at |path|.
static inline rnnc_status chain_use_file(const chain *c, const char *path) {
    rnnc_status status = rnnc_weights_save(c->weights, path, c->d);
    status = status == RNNC_OK ? rnnc_weights_load(c->weights, path, c->d) : status;
    if (status == RNNC_OK && c->kind.purpose == RNNC_TRAIN) {
        status = rnnc_context_save_training(c->context, path, c->d);
        status = status == RNNC_OK ? rnnc_context_load_training(c->context, path, c->d) : status;
    }
    return status;
}

// All that takes memory while it works: first values, inputs, a run, something that is refused, and files, unless |path|
// is NULL. Ends where something fails.
static inline rnnc_status chain_use(const chain *c, const char *path) {
    rnnc_status status = rnnc_weights_initialize(c->weights, 1, c->d);
    status = status == RNNC_OK ? chain_write_inputs(c) : status;
    status = status == RNNC_OK ? chain_run(c) : status;
    if (status == RNNC_OK) {
        assert_int_equal(rnnc_context_set_extents(c->context, CHAIN_ROWS + 1, 1, c->d),
                         RNNC_INVALID_ARGUMENT);
    }
    return status == RNNC_OK && path ? chain_use_file(c, path) : status;
}

static inline void chain_release(chain *c) {
    rnnc_context_destroy(c->context);
    rnnc_weights_release(c->weights);
    rnnc_program_release(c->program);
    rnnc_model_release(c->model);
    rnnc_diagnostics_destroy(c->d);
    *c = (chain){.d = NULL};
}

// A file of this test's own.
static inline void chain_path(char path[4096], const char *name) {
    const char *scratch = getenv("RNNC_SCRATCH");
    assert_in_range(snprintf(path, 4096, "%s/%s", scratch ? scratch : "/tmp", name), 1, 4095);
}

static inline void chain_write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

// A model that uses another file, and has a recipe with a series.
static inline void chain_write_model(char path[4096]) {
    char used[4096];
    chain_path(used, "used.rnn");
    chain_write_file(used, "cell own(n) {\n"
                           "    input x\n"
                           "    state h[n]\n"
                           "    next h = tanh(linear(n, x, h))\n"
                           "    output next h\n"
                           "}\n");
    chain_path(path, "model.rnn");
    chain_write_file(path, "use \"used.rnn\"\n"
                           "model series(hidden = 7, cell = own) {\n"
                           "    input  value: real(2)[T]\n"
                           "    target next: real[T]\n"
                           "    h = backward cell(hidden, value)\n"
                           "    forecast = linear(1, h)\n"
                           "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
                           "    output forecast\n"
                           "}\n"
                           "train plain {\n"
                           "    batch 3  steps T = 9\n"
                           "    optimizer adam(rate = 0.01)\n"
                           "    init *.x normal(0, 0.1)\n"
                           "    max_steps 10\n"
                           "}\n");
}

#endif
