// Ten thousand runs with random lengths and batches within the maxima: after the first, nothing is compiled, and the
// memory that the process holds does not grow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { RUNS = 10000, LONGEST = 50, LARGEST = 20, WARM_RUNS = 200 };

// Memory of the process's own that is resident now; pages of files and libraries come and go as the system likes.
static int64_t resident_bytes(void) {
    long long total = 0, resident = 0, of_files = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    int read = fscanf(f, "%lld %lld %lld", &total, &resident, &of_files);
    fclose(f);
    assert_int_equal(read, 3);
    return (resident - of_files) * sysconf(_SC_PAGESIZE);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545F4914F6CDD1Du) >> 33;
}

static void run_once(subject *s, uint64_t *state, uint64_t step) {
    diag_sink d;
    diag_init(&d);
    int64_t extents[] = {1 + (int64_t)(next_random(state) % LARGEST),
                         1 + (int64_t)(next_random(state) % LONGEST)};
    assert_int_equal(engine_set_extents(s->engine, extents, &d), RNNC_OK);
    assert_int_equal(engine_run(s->engine, 1, step, &d), RNNC_OK);
    int64_t count = 0;
    for (uint32_t i = 0; i < engine_output_count(s->engine); i++) {
        assert_non_null(engine_output(s->engine, i, &count));
        assert_true(count > 0);
    }
    diag_deinit(&d);
}

static void memory_stays(const char *cell, const char *form, const update_options *update) {
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    diff_model m = {diff_find(diff_cells, diff_cell_count, cell),
                    diff_find(diff_forms, diff_form_count, form), 7, DT_F32, false};
    subject_options o = {.backend = &backend, .update = update, .longest = LONGEST, .largest = LARGEST};
    subject s;
    strbuf why = {0};
    if (subject_create(diff_model_graph(&m), &o, &why, &s) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    uint64_t state = 88172645463325252u, compiled = backend.compiled;
    int64_t held = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        run_once(&s, &state, run);
        held = run == WARM_RUNS ? resident_bytes() : held;
    }
    int64_t grown = resident_bytes() - held;
    print_message("%s, %s: grown by %lld bytes\n", cell, form, (long long)grown);
    // The C library may still settle by a page or two.
    assert_true(grown <= 16 * 1024);
    assert_true(backend.compiled == compiled);
    subject_destroy(&s);
    strbuf_deinit(&why);
    diff_backend_close(&backend);
}

static void inference_holds_no_more_memory(void **state) {
    (void)state;
    memory_stays("lstm", "both", NULL);
}

static void training_holds_no_more_memory(void **state) {
    (void)state;
    static const update_options sgd = {.rule = UPDATE_SGD, .rate = 1e-6};
    memory_stays("gru_cho", "lengths", &sgd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inference_holds_no_more_memory),
        cmocka_unit_test(training_holds_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
