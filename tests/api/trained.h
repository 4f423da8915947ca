// A model with a recipe and its data, in files that are made here, for tests of trainings by data.
#ifndef RNNC_TESTS_API_TRAINED_H
#define RNNC_TESTS_API_TRAINED_H

#include <math.h>

#include "tests/api/fixture.h"

// Dropout and a moving average of gradients; windows in a new order each epoch; the best weights are kept.
static const char trained_series[] =
    "model series(hidden = 5) {\n"
    "    input  value: real(2)[T]\n"
    "    target next: real[T]\n"
    "    h = lstm(hidden, standardise(value))\n"
    "    forecast = linear(1, dropout(0.8, h))\n"
    "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
    "    output forecast\n"
    "}\n"
    "train best {\n"
    "    batch 4  steps T = 6\n"
    "    optimizer adam(rate = 0.01)\n"
    "    epochs 3\n"
    "    data { value = csv(\"table\", \"a\", \"b\")  next = csv(\"table\", \"a\")  windows stride 2\n"
    "           validation last 5  keep best }\n"
    "}\n"
    "train plain {\n"
    "    batch 4  steps T = 6\n"
    "    optimizer sgd(rate = 0.1)\n"
    "    epochs 2\n"
    "    data { value = csv(\"table\", \"a\", \"b\")  next = csv(\"table\", \"a\")  windows stride 2  test "
    "last 3 }\n"
    "}\n"
    "train faster {\n"
    "    batch 4  steps T = 6\n"
    "    optimizer sgd(rate = 0.3)\n"
    "    epochs 2\n"
    "    data { value = csv(\"table\", \"a\", \"b\")  next = csv(\"table\", \"a\")  windows stride 2  test "
    "last 3 }\n"
    "}\n"
    "train endless {\n"
    "    batch 4  steps T = 6\n"
    "    optimizer sgd(rate = 0.1)\n"
    "    data { value = csv(\"table\", \"a\", \"b\")  next = csv(\"table\", \"a\")  windows stride 2 }\n"
    "}\n"
    "train wild {\n"
    "    batch 4  steps T = 6\n"
    "    optimizer sgd(rate = 1e30)\n"
    "    skip_limit 2\n"
    "    epochs 2\n"
    "    data { value = csv(\"table\", \"a\", \"b\")  next = csv(\"table\", \"a\")  windows stride 2 }\n"
    "}\n";

enum { TRAINED_PLACES = 60, TRAINED_STEPS = 6, TRAINED_BATCH = 4 };

static inline void trained_path(char path[4096], const char *name) {
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, 4096, "%s/%s", scratch ? scratch : "/tmp", name);
}

// "KEY=PATH" of a new file with |text|.
static inline void trained_file(char pair[4096], const char *key, const char *text) {
    char path[2048];
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, sizeof path, "%s/trained.%s", scratch ? scratch : "/tmp", key);
    snprintf(pair, 4096, "%s=%s", key, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void trained_table(char pair[4096]) {
    char text[8192] = "a,b\n";
    size_t at = strlen(text);
    for (int t = 0; t < TRAINED_PLACES; t++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%.7f,%.7f\n", sin(t / 3.0), 5 + cos(t / 4.0));
    }
    trained_file(pair, "table", text);
}

typedef struct trained {
    rnnc_diagnostics *d;
    rnnc_model *model;
    rnnc_data *data;
    rnnc_weights *weights;
    rnnc_context *context, *validation;
} trained;

static inline rnnc_data *trained_open(rnnc_model *m, const char *pair, rnnc_diagnostics *d) {
    rnnc_data *data = NULL;
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    options.paths = &pair;
    options.path_count = pair != NULL;
    fixture_ok(rnnc_data_open(m, &options, d, &data), d);
    return data;
}

// |*weights| NULL: new ones.
static inline rnnc_context *trained_context(const trained *t, rnnc_purpose purpose, int threads,
                                            rnnc_weights **weights) {
    rnnc_compile_options options = fixture_options(purpose, 0, 0);
    rnnc_program *p = NULL;
    rnnc_context *c = NULL;
    options.data = t->data;
    options.threads = threads;
    fixture_ok(rnnc_program_compile(t->model, &options, t->d, &p), t->d);
    if (!*weights) {
        fixture_ok(rnnc_weights_create(p, t->d, weights), t->d);
    }
    fixture_ok(rnnc_context_create(p, *weights, t->d, &c), t->d);
    rnnc_program_release(p);
    return c;
}

// By recipe |recipe| of |trained_series|, the weights as they are before training.
static inline trained trained_make(const char *recipe, int threads) {
    trained t = {0};
    char pair[4096];
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    options.recipe = recipe;
    trained_table(pair);
    assert_int_equal(rnnc_diagnostics_create(&t.d), RNNC_OK);
    fixture_ok(
        rnnc_model_from_text(trained_series, strlen(trained_series), "series.rnn", &options, t.d, &t.model),
        t.d);
    t.data = trained_open(t.model, pair, t.d);
    t.context = trained_context(&t, RNNC_TRAIN, threads, &t.weights);
    t.validation = trained_context(&t, RNNC_EVALUATE, threads, &t.weights);
    fixture_ok(rnnc_weights_initialize(t.weights, 1, t.d), t.d);
    fixture_ok(rnnc_data_measure(t.data, t.weights, t.d), t.d);
    return t;
}

static inline void trained_release(trained *t) {
    rnnc_context_destroy(t->validation);
    rnnc_context_destroy(t->context);
    rnnc_weights_release(t->weights);
    rnnc_data_release(t->data);
    rnnc_model_release(t->model);
    rnnc_diagnostics_destroy(t->d);
}

#endif
