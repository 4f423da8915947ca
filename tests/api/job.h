// A compiled program and its signature, for tests that run it in many ways.
#ifndef RNNC_TESTS_API_JOB_H
#define RNNC_TESTS_API_JOB_H

#include <stdbool.h>

#include "tests/api/fixture.h"

enum { JOB_MOST_VALUES = 6 };

typedef struct job {
    fixture f; // without weights and a context: each run has its own
    const char *what;
    bool trains;
    uint32_t inputs, outputs;
    rnnc_value in[JOB_MOST_VALUES], out[JOB_MOST_VALUES];
} job;

static inline job make_job(const char *text, const char *what, const rnnc_compile_options *o) {
    job j = {.what = what, .trains = o->purpose == RNNC_TRAIN};
    assert_int_equal(rnnc_diagnostics_create(&j.f.d), RNNC_OK);
    j.f.model = fixture_model(text, j.f.d);
    fixture_ok(rnnc_program_compile(j.f.model, o, j.f.d, &j.f.program), j.f.d);
    j.inputs = rnnc_program_input_count(j.f.program);
    j.outputs = rnnc_program_output_count(j.f.program);
    assert_true(j.inputs <= JOB_MOST_VALUES && j.outputs <= JOB_MOST_VALUES);
    for (uint32_t i = 0; i < j.inputs; i++) {
        assert_int_equal(rnnc_program_input(j.f.program, i, &j.in[i]), RNNC_OK);
    }
    for (uint32_t i = 0; i < j.outputs; i++) {
        assert_int_equal(rnnc_program_output(j.f.program, i, &j.out[i]), RNNC_OK);
    }
    return j;
}

#endif
