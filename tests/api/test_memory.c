// What the caller gives in place of the system's: memory, and threads. And what is left of his own: the mode of the
// processor's floating-point unit.
#include <fenv.h>
#include <math.h>
#include <stdbool.h>

#include "tests/api/counter.h"
#include "tests/api/pool.h"

enum { ROWS = 24, STEPS = 6, INPUTS = 2 };

// ---- Memory ----

static rnnc_status create_with(const fixture *f, const rnnc_allocator *memory, rnnc_context **out) {
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.allocator = memory;
    options.threads = 2;
    return rnnc_context_create_with(f->program, f->weights, &options, f->d, out);
}

// All of a context's and of the weights' memory is the caller's, and all of it comes back.
static void test_allocator(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    counter count = {0};
    rnnc_allocator memory = counter_allocator(&count);
    rnnc_weights *weights = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create_with(f.program, &memory, f.d, &weights), f.d);
    assert_true(count.out >= 3);
    fixture_ok(rnnc_weights_copy(weights, f.weights, f.d), f.d);
    rnnc_weights_release(f.weights);
    f.weights = weights;
    size_t before = count.bytes;
    fixture_ok(create_with(&f, &memory, &c), f.d);
    assert_true(count.bytes - before >= (size_t)rnnc_program_arena_bytes(f.program));
    float in[3 * 9 * 2], a[3 * 9], b[3 * 9];
    fixture_fill(in, 54, 1);
    rnnc_context_destroy(f.context);
    fixture_ok(rnnc_context_create(f.program, weights, f.d, &f.context), f.d);
    int calls = count.calls;
    rnnc_context *both[] = {f.context, c};
    for (int i = 0; i < 2; i++) {
        fixture_ok(rnnc_context_write_input(both[i], 0, RNNC_ROWS_FIRST, in, 54, f.d), f.d);
        fixture_ok(rnnc_run(both[i], f.d), f.d);
        fixture_ok(rnnc_context_read_output(both[i], 0, RNNC_STEPS_FIRST, i ? a : b, 27, f.d), f.d);
    }
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(count.calls, calls);
    rnnc_context_destroy(c);
    fixture_free(&f);
    assert_int_equal(count.out, 0);
}

// Without memory at any of the calls: a status, and nothing is lost.
static void test_no_memory(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    for (int at = 1; status != RNNC_OK; at++) {
        counter count = {.fail_at = at};
        rnnc_allocator memory = counter_allocator(&count);
        rnnc_context *c = NULL;
        status = create_with(&f, &memory, &c);
        assert_true(status == RNNC_OK || (status == RNNC_OUT_OF_MEMORY && !c));
        assert_int_equal(rnnc_diagnostics_count(f.d), status == RNNC_OK ? 0 : 1);
        rnnc_diagnostics_clear(f.d);
        rnnc_context_destroy(c);
        assert_int_equal(count.out, 0);
        assert_in_range(at, 1, 100);
    }
    status = RNNC_OUT_OF_MEMORY;
    for (int at = 1; status != RNNC_OK; at++) {
        counter count = {.fail_at = at};
        rnnc_allocator memory = counter_allocator(&count);
        rnnc_weights *w = NULL;
        status = rnnc_weights_create_with(f.program, &memory, NULL, &w);
        assert_true(status == RNNC_OK || (status == RNNC_OUT_OF_MEMORY && !w));
        rnnc_weights_release(w);
        assert_int_equal(count.out, 0);
        assert_in_range(at, 1, 100);
    }
    fixture_free(&f);
}

static void test_bad_options(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_context *c = NULL;
    rnnc_weights *w = NULL;
    counter count = {0};
    rnnc_allocator half = counter_allocator(&count);
    half.release = NULL;
    fixture_refused(create_with(&f, &half, &c), RNNC_INVALID_ARGUMENT, f.d, "two functions");
    fixture_refused(rnnc_weights_create_with(f.program, &half, f.d, &w), RNNC_INVALID_ARGUMENT, f.d,
                    "two functions");
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.threads = 257;
    fixture_refused(rnnc_context_create_with(f.program, f.weights, &options, f.d, &c), RNNC_INVALID_ARGUMENT,
                    f.d, "found 257");
    options = (rnnc_context_options)RNNC_CONTEXT_OPTIONS;
    options.struct_size--;
    fixture_refused(rnnc_context_create_with(f.program, f.weights, &options, f.d, &c), RNNC_INVALID_ARGUMENT,
                    f.d, "RNNC_CONTEXT_OPTIONS");
    fixture_free(&f);
}

// ---- Threads ----

// Two directions are a set of loops that may run side by side; the products are large enough to be shared.
static const char wide_text[] = "model wide() {\n"
                                "    input  x: real(2)[T]\n"
                                "    target z: real[T]\n"
                                "    a = lstm(96, x)\n"
                                "    b = backward lstm(96, x)\n"
                                "    y = linear(1, concat(a, b))\n"
                                "    loss = mean[T, batch] mean squared_error(y, z)\n"
                                "    output y\n"
                                "}\n"
                                "train plain {\n"
                                "    batch 24  steps T = 6\n"
                                "    optimizer adam(rate = 0.01)  clip_norm 1\n"
                                "}\n";

typedef struct answer {
    double losses[3];
    float outputs[STEPS * ROWS];
} answer;

// Three training steps and a run of another program over the weights, in contexts of |options|.
static answer ask(const fixture *f, rnnc_program *training, rnnc_program *forward,
                  const rnnc_context_options *options) {
    float in[STEPS * ROWS * INPUTS], z[STEPS * ROWS];
    answer a;
    rnnc_weights *weights = NULL;
    rnnc_context *train = NULL, *run = NULL;
    fixture_fill(in, STEPS * ROWS * INPUTS, 1);
    fixture_fill(z, STEPS * ROWS, 2);
    fixture_ok(rnnc_weights_create(training, f->d, &weights), f->d);
    fixture_ok(rnnc_weights_initialize(weights, 7, f->d), f->d);
    fixture_ok(rnnc_context_create_with(training, weights, options, f->d, &train), f->d);
    fixture_ok(rnnc_context_create_with(forward, weights, options, f->d, &run), f->d);
    fixture_ok(rnnc_context_bind_input(train, 0, in, STEPS * ROWS * INPUTS, f->d), f->d);
    fixture_ok(rnnc_context_bind_input(train, 1, z, STEPS * ROWS, f->d), f->d);
    fixture_ok(rnnc_context_bind_input(run, 0, in, STEPS * ROWS * INPUTS, f->d), f->d);
    fixture_ok(rnnc_context_bind_output(run, 0, a.outputs, STEPS * ROWS, NULL, f->d), f->d);
    for (int i = 0; i < 3; i++) {
        rnnc_training said;
        fixture_ok(rnnc_train_step(train, f->d, &said), f->d);
        a.losses[i] = said.loss;
    }
    fixture_ok(rnnc_begin(run), f->d);
    fixture_ok(rnnc_run(run, f->d), f->d);
    fixture_ok(rnnc_end(run), f->d);
    rnnc_context_destroy(train);
    rnnc_context_destroy(run);
    rnnc_weights_release(weights);
    return a;
}

static rnnc_program *compile_wide(rnnc_model *m, rnnc_purpose purpose, rnnc_diagnostics *d) {
    rnnc_compile_options options = fixture_options(purpose, ROWS, STEPS);
    rnnc_program *p = NULL;
    fixture_ok(rnnc_program_compile(m, &options, d, &p), d);
    return p;
}

static void test_pool(void **state) {
    (void)state;
    fixture f = {0};
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(wide_text, f.d);
    rnnc_program *training = compile_wide(f.model, RNNC_TRAIN, f.d);
    rnnc_program *forward = compile_wide(f.model, RNNC_FORWARD, f.d);
    answer alone = ask(&f, training, forward, NULL);
    assert_true(isfinite(alone.losses[2]) && alone.losses[2] != alone.losses[0]);
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.threads = 2;
    answer ours = ask(&f, training, forward, &options);
    assert_memory_equal(&alone, &ours, sizeof alone);
    static const int shares[] = {3, 1, 2, 256}, widths[] = {2, 1, 5};
    for (int s = 0; s < (fixture_is_slow() ? 1 : 4); s++) {
        for (int w = 0; w < (fixture_is_slow() ? 1 : 3); w++) {
            pool p = {widths[w], 0};
            options.threads = shares[s];
            options.parallel_for = parallel_for;
            options.parallel_user = &p;
            answer theirs = ask(&f, training, forward, &options);
            assert_memory_equal(&alone, &theirs, sizeof alone);
            assert_true((p.calls > 0) == (shares[s] > 1));
        }
    }
    rnnc_program_release(training);
    rnnc_program_release(forward);
    fixture_free(&f);
}

// ---- The mode of floating point ----

#if defined(__x86_64__)
static unsigned get_mode(void) {
    return __builtin_ia32_stmxcsr();
}

// Valgrind's processor computes denormal numbers in any mode.
static bool can_flush(void) {
    unsigned saved = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x9fc0);
    volatile float x = 1e-38f;
    x = x * 0.01f;
    __builtin_ia32_ldmxcsr(saved);
    return x == 0;
}
#else
static unsigned get_mode(void) {
    return (unsigned)fegetround();
}

static bool can_flush(void) {
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
}
#endif

// Runs and steps have the same bits in any mode of the caller's, who finds it as it was: rounding, flags, traps.
static void check_mode(rnnc_purpose purpose, int threads) {
    fixture f = fixture_make(fixture_series, purpose);
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.threads = threads;
    float in[54], next[27] = {0};
    double losses[4];
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_TOWARDZERO, FE_DOWNWARD};
    fixture_fill(in, 54, 1);
    for (int i = 0; i < 4; i++) {
        rnnc_context *c = NULL;
        fixture_ok(rnnc_context_create_with(f.program, f.weights, &options, f.d, &c), f.d);
        fixture_ok(rnnc_context_bind_input(c, 0, in, 54, f.d), f.d);
        fixture_ok(rnnc_context_bind_input(c, 1, next, 27, f.d), f.d);
        assert_int_equal(fesetround(modes[i]), 0);
        feclearexcept(FE_ALL_EXCEPT);
#if defined(__x86_64__)
        feenableexcept(FE_DIVBYZERO | FE_UNDERFLOW | FE_INEXACT);
#endif
        unsigned before = get_mode();
        rnnc_status status = rnnc_run(c, f.d);
        unsigned after = get_mode();
#if defined(__x86_64__)
        fedisableexcept(FE_ALL_EXCEPT);
#endif
        fesetround(FE_TONEAREST);
        fixture_ok(status, f.d);
        assert_int_equal(before, after);
        int loss = rnnc_program_find_output(f.program, "loss");
        float value = 0;
        fixture_ok(rnnc_context_read_output(c, (uint32_t)loss, RNNC_STEPS_FIRST, &value, 1, f.d), f.d);
        losses[i] = (double)value;
        assert_true(losses[i] == losses[0]);
        rnnc_context_destroy(c);
    }
    fixture_free(&f);
}

static void test_mode(void **state) {
    (void)state;
    check_mode(RNNC_EVALUATE, 1);
    check_mode(RNNC_EVALUATE, 2);
    check_mode(RNNC_GRADIENTS, 1);
}

// A state that halves with every step is soon too small for a normal number, and is then 0, never a denormal one.
static void test_silence(void **state) {
    (void)state;
    if (!can_flush()) {
        skip();
    }
    fixture f =
        fixture_make("cell fading(n) {\n input x\n state h[n]\n next h = 0.5 * h + x\n output next h\n}\n"
                     "model m() { input x: real[T]\n output y = fading(1, x) }\n",
                     RNNC_FORWARD);
    float now = 1, h = 0;
    fixture_ok(rnnc_context_set_extents(f.context, 1, 1, f.d), f.d);
    fixture_ok(rnnc_start_steps(f.context, f.d), f.d);
    fixture_ok(rnnc_context_bind_input(f.context, 0, &now, 1, f.d), f.d);
    for (int t = 0; t < 300; t++) {
        fixture_ok(rnnc_step(f.context, f.d), f.d);
        fixture_ok(rnnc_context_read_state(f.context, 0, &h, 1, f.d), f.d);
        int kind = fpclassify(h);
        assert_true(t < 100 ? kind == FP_NORMAL : t < 200 ? kind != FP_SUBNORMAL : kind == FP_ZERO);
        now = 0;
    }
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocator),   cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_pool),
        cmocka_unit_test(test_mode),        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
