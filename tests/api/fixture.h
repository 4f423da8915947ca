// What the tests of the library share. They see nothing but the public header.
#ifndef RNNC_TESTS_API_FIXTURE_H
#define RNNC_TESTS_API_FIXTURE_H

// Four standard headers come before cmocka.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/rnnc.h"

// The processor that programs are compiled for; NULL: this one. With sanitizers, which cannot see into it, the tests run
// machine code, too.
static inline const char *fixture_cpu(void) {
    return getenv("RNNC_TEST_CPU");
}

// Whether kernels are interpreted, in a process that is itself interpreted or watched: then tests try fewer cases.
static inline int fixture_is_slow(void) {
    const char *cpu = fixture_cpu();
    return cpu && strcmp(cpu, "interpret") == 0;
}

static const char fixture_series[] = "model series(hidden = 7, cell = lstm) {\n"
                                     "    input  value: real(2)[T]\n"
                                     "    target next: real[T]\n"
                                     "    h = cell(hidden, value)\n"
                                     "    forecast = linear(1, h)\n"
                                     "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
                                     "    output forecast\n"
                                     "}\n"
                                     "train plain {\n"
                                     "    batch 3  steps T = 9\n"
                                     "    optimizer adam(rate = 0.01)\n"
                                     "    max_steps 10\n"
                                     "}\n";

// |status| must be RNNC_OK; else what was reported is shown.
static inline void fixture_ok(rnnc_status status, rnnc_diagnostics *d) {
    if (status != RNNC_OK) {
        print_error("%s: %s\n", rnnc_status_text(status), rnnc_diagnostics_text(d));
    }
    assert_int_equal(status, RNNC_OK);
}

// |status| must be |wanted|, with exactly one error that holds |text|.
static inline void fixture_refused(rnnc_status status, rnnc_status wanted, rnnc_diagnostics *d,
                                   const char *text) {
    if (status != wanted || !strstr(rnnc_diagnostics_text(d), text)) {
        print_error("%s: %s\n", rnnc_status_text(status), rnnc_diagnostics_text(d));
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(rnnc_diagnostics_text(d), text));
    size_t errors = 0;
    for (size_t i = 0; i < rnnc_diagnostics_count(d); i++) {
        rnnc_diagnostic entry;
        assert_int_equal(rnnc_diagnostics_get(d, i, &entry), RNNC_OK);
        errors += entry.severity == RNNC_ERROR;
    }
    assert_int_equal(errors, 1);
    rnnc_diagnostics_clear(d);
}

typedef struct fixture {
    rnnc_diagnostics *d;
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
} fixture;

static inline rnnc_model *fixture_model(const char *text, rnnc_diagnostics *d) {
    rnnc_model *m = NULL;
    fixture_ok(rnnc_model_from_text(text, strlen(text), "test.rnn", NULL, d, &m), d);
    return m;
}

// With the processor of the tests and the cache.
static inline rnnc_compile_options fixture_options(rnnc_purpose purpose, int64_t max_batch,
                                                   int64_t max_length) {
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = purpose;
    options.max_batch = max_batch;
    options.max_length = max_length;
    options.cpu = fixture_cpu();
    options.use_cache = 1;
    return options;
}

static inline rnnc_program *fixture_program(rnnc_model *m, rnnc_purpose purpose, int threads,
                                            rnnc_diagnostics *d) {
    rnnc_compile_options options = fixture_options(purpose, 3, 9);
    options.threads = threads;
    rnnc_program *p = NULL;
    fixture_ok(rnnc_program_compile(m, &options, d, &p), d);
    return p;
}

// A model, its program for 3 rows of 9 steps, weights from seed 1, a context.
static inline fixture fixture_make(const char *text, rnnc_purpose purpose) {
    fixture f = {0};
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(text, f.d);
    f.program = fixture_program(f.model, purpose, 1, f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    return f;
}

static inline void fixture_free(fixture *f) {
    rnnc_context_destroy(f->context);
    rnnc_weights_release(f->weights);
    rnnc_program_release(f->program);
    rnnc_model_release(f->model);
    rnnc_diagnostics_destroy(f->d);
}

// Numbers between -1 and 1, the same at every call.
static inline void fixture_fill(float *values, size_t count, unsigned seed) {
    uint32_t x = 12345u + seed;
    for (size_t i = 0; i < count; i++) {
        x = x * 1664525u + 1013904223u;
        values[i] = (float)(x >> 8) / 8388608.0f - 1;
    }
}

enum { FIXTURE_MOST = 512 }; // elements of a weight

// Whether all weights have equal bits.
static inline int fixture_equal_weights(const rnnc_weights *a, const rnnc_weights *b) {
    int equal = rnnc_weights_count(a) == rnnc_weights_count(b);
    for (uint32_t i = 0; equal && i < rnnc_weights_count(a); i++) {
        rnnc_weight w;
        double x[FIXTURE_MOST], y[FIXTURE_MOST];
        assert_int_equal(rnnc_weights_get(a, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns);
        assert_in_range(count, 1, FIXTURE_MOST);
        assert_int_equal(rnnc_weights_read(a, i, RNNC_F64, x, count, NULL), RNNC_OK);
        assert_int_equal(rnnc_weights_read(b, i, RNNC_F64, y, count, NULL), RNNC_OK);
        equal = memcmp(x, y, count * sizeof *x) == 0;
    }
    return equal;
}

#endif
