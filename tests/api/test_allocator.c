// Memory of the caller's for every kind of handle: all of it comes back, to where it came from, and where there is none
// the answer is a status.
#include "tests/api/chain.h"
#include "tests/api/counter.h"

enum { HANDLES = 5, MOST_CALLS = 1000 };

// An allocator for each handle of a chain.
typedef struct counters {
    counter at[HANDLES];
    rnnc_allocator allocators[HANDLES];
} counters;

static chain_memory counters_begin(counters *c) {
    for (int i = 0; i < HANDLES; i++) {
        c->at[i] = (counter){0};
        c->allocators[i] = counter_allocator(&c->at[i]);
    }
    const rnnc_allocator *a = c->allocators;
    return (chain_memory){a, a + 1, a + 2, a + 3, a + 4};
}

static int total_calls(const counters *c) {
    int calls = 0;
    for (int i = 0; i < HANDLES; i++) {
        calls += c->at[i].calls;
    }
    return calls;
}

static void check_all_out(const counters *c, bool out) {
    for (int i = 0; i < HANDLES; i++) {
        assert_int_equal(c->at[i].out != 0, out);
    }
}

static const char *const cpus[] = {"interpret", NULL};

static const char *cpu_at(int i) {
    return cpus[i] ? cpus[i] : fixture_cpu();
}

static int cpu_count(void) {
    return fixture_is_slow() ? 1 : 2;
}

// ---- All of it is the caller's ----

// What others stand on stays until they go, and its memory with it. Runs ask for none.
static void check_chain(chain_kind kind) {
    char path[4096];
    counters all;
    chain c;
    chain_memory memory = counters_begin(&all);
    chain_path(path, "weights.safetensors");
    fixture_ok(chain_make(&c, kind, &memory), c.d);
    check_all_out(&all, true);
    assert_true(all.at[1].bytes > strlen(fixture_series));
    assert_true(all.at[4].bytes >= (size_t)rnnc_program_arena_bytes(c.program));
    fixture_ok(chain_use(&c, path), c.d);
    rnnc_diagnostics_clear(c.d);
    int calls = total_calls(&all);
    fixture_ok(chain_run(&c), c.d);
    assert_int_equal(total_calls(&all), calls);
    rnnc_model_release(c.model);
    rnnc_program_release(c.program);
    rnnc_weights_release(c.weights);
    check_all_out(&all, true);
    fixture_ok(chain_run(&c), c.d);
    rnnc_context_destroy(c.context);
    for (int i = 1; i < HANDLES; i++) {
        assert_int_equal(all.at[i].out, 0);
    }
    rnnc_diagnostics_destroy(c.d);
    check_all_out(&all, false);
}

static void test_each_its_own(void **state) {
    (void)state;
    char path[4096];
    chain_write_model(path);
    static const rnnc_purpose purposes[] = {RNNC_FORWARD, RNNC_EVALUATE, RNNC_GRADIENTS, RNNC_TRAIN};
    for (int p = 0; p < 4; p++) {
        for (int i = 0; i < cpu_count(); i++) {
            check_chain((chain_kind){NULL, purposes[p], cpu_at(i), 1});
            check_chain((chain_kind){path, purposes[p], cpu_at(i), 2});
        }
    }
}

// Two chains side by side, each in memory of its own; an error in one takes nothing from the other.
static void test_two_models(void **state) {
    (void)state;
    counter a = {0}, b = {0};
    rnnc_allocator in_a = counter_allocator(&a), in_b = counter_allocator(&b);
    chain_memory of_a = {&in_a, &in_a, &in_a, &in_a, &in_a}, of_b = {&in_b, &in_b, &in_b, &in_b, &in_b};
    chain_kind kind = {NULL, RNNC_FORWARD, "interpret", 1};
    chain x, y;
    fixture_ok(chain_make(&x, kind, &of_a), x.d);
    int calls = a.calls;
    fixture_ok(chain_make(&y, kind, &of_b), y.d);
    fixture_ok(rnnc_weights_initialize(y.weights, 1, y.d), y.d);
    assert_int_equal(rnnc_run(y.context, y.d), RNNC_INVALID_ARGUMENT);
    assert_int_equal(a.calls, calls);
    rnnc_program *again = x.program;
    kind.cpu = fixture_cpu();
    y.kind = kind;
    x.program = NULL;
    fixture_ok(chain_program(&x, &in_b), x.d); // of one model, in the memory of the other
    rnnc_program_release(again);
    chain_release(&x);
    assert_int_equal(a.out, 0);
    chain_release(&y);
    assert_int_equal(b.out, 0);
}

// Compiling leaves nothing in the model, however often, and whatever is said.
static void test_model_does_not_grow(void **state) {
    (void)state;
    counters all;
    chain c;
    chain_memory memory = counters_begin(&all);
    fixture_ok(chain_make(&c, (chain_kind){NULL, RNNC_FORWARD, "interpret", 1}, &memory), c.d);
    size_t bytes = all.at[1].bytes;
    rnnc_program *first = c.program;
    for (int i = 0; i < 20; i++) {
        fixture_ok(chain_program(&c, NULL), c.d);
        rnnc_program_release(c.program);
        rnnc_compile_options wrong = RNNC_COMPILE_OPTIONS;
        wrong.max_length = 5;
        wrong.cpu = "pdp11";
        fixture_refused(rnnc_program_compile(c.model, &wrong, c.d, &c.program), RNNC_INVALID_ARGUMENT, c.d,
                        "pdp11");
    }
    assert_int_equal(all.at[1].bytes, bytes);
    c.program = first;
    chain_release(&c);
    check_all_out(&all, false);
}

// ---- None is left ----

// One allocator for all handles gives nothing at call number |at|, and later ones if it |fails_on|. Returns whether that
// call came. Only what machine code is kept by can be done without.
static bool fail_at(chain_kind kind, int at, bool fails_on) {
    counter count = {.fail_at = at, .fails_on = fails_on};
    rnnc_allocator a = counter_allocator(&count);
    chain_memory memory = {NULL, &a, &a, &a, &a};
    chain c;
    rnnc_status status = chain_make(&c, kind, &memory);
    bool came = count.calls >= at, spared = kind.cpu == NULL || strcmp(kind.cpu, "interpret") != 0;
    if (status != RNNC_OUT_OF_MEMORY && !(status == RNNC_OK && (!came || spared))) {
        print_error("call %d: %s: %s\n", at, rnnc_status_text(status), rnnc_diagnostics_text(c.d));
    }
    assert_true(status == RNNC_OUT_OF_MEMORY || (status == RNNC_OK && (!came || spared)));
    assert_true(status == RNNC_OK || !c.context);
    if (status != RNNC_OK) {
        assert_true(rnnc_diagnostics_count(c.d) > 0);
        assert_true(count.out == 0 || c.model);
    }
    chain_release(&c);
    assert_int_equal(count.out, 0);
    return came;
}

static void test_no_memory(void **state) {
    (void)state;
    char path[4096];
    chain_write_model(path);
    for (int p = 0; p < (fixture_is_slow() ? 2 : 4); p++) {
        chain_kind kind = {p % 2 ? path : NULL, p % 2 ? RNNC_TRAIN : RNNC_FORWARD, cpu_at(p / 2), 1 + p % 2};
        for (int fails_on = 0; fails_on < 2; fails_on++) {
            int at = 1;
            while (fail_at(kind, at, fails_on)) {
                at++;
                assert_in_range(at, 1, MOST_CALLS);
            }
            assert_true(at > 20);
        }
    }
}

// What cannot be written down is left out; the status stays.
static void test_speechless(void **state) {
    (void)state;
    static const char wrong[] = "model m() { input x: real[T]\n output y = z }\n";
    bool silent = false, broken = false;
    for (int at = 2, calls = at; calls >= at; at++) {
        counter count = {.fail_at = at, .fails_on = 1};
        rnnc_allocator memory = counter_allocator(&count);
        rnnc_diagnostics *d = NULL;
        rnnc_model *m = NULL;
        assert_int_equal(rnnc_diagnostics_create_with(&memory, &d), RNNC_OK);
        for (int i = 0; i < 400; i++) {
            assert_int_equal(rnnc_model_from_text(wrong, strlen(wrong), "wrong.rnn", NULL, d, &m), RNNC_TYPE);
            assert_null(m);
        }
        size_t found = rnnc_diagnostics_count(d);
        silent |= found == 0 && !*rnnc_diagnostics_text(d);
        broken |= found > 0 && found < 400;
        assert_true(strlen(rnnc_diagnostics_text(d)) < 400 * 400);
        for (size_t i = 0; i < found; i++) {
            rnnc_diagnostic e;
            assert_int_equal(rnnc_diagnostics_get(d, i, &e), RNNC_OK);
            assert_non_null(strstr(e.message, "'z'"));
        }
        calls = count.calls;
        rnnc_diagnostics_clear(d);
        assert_string_equal(rnnc_diagnostics_text(d), "");
        rnnc_diagnostics_destroy(d);
        assert_int_equal(count.out, 0);
    }
    assert_true(silent && broken);
    counter none = {.fail_at = 1};
    rnnc_allocator memory = counter_allocator(&none);
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create_with(&memory, &d), RNNC_OUT_OF_MEMORY);
    assert_null(d);
}

// ---- No allocator ----

static void test_half(void **state) {
    (void)state;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    counter count = {0};
    rnnc_allocator half = counter_allocator(&count);
    half.allocate = NULL;
    rnnc_diagnostics *d = NULL;
    chain c = {.kind = {NULL, RNNC_FORWARD, "interpret", 1}, .d = f.d};
    assert_int_equal(rnnc_diagnostics_create_with(&half, &d), RNNC_INVALID_ARGUMENT);
    assert_int_equal(rnnc_diagnostics_create_with(&half, NULL), RNNC_INVALID_ARGUMENT);
    fixture_refused(chain_model(&c, &half), RNNC_INVALID_ARGUMENT, f.d, "two functions");
    c.model = f.model;
    fixture_refused(chain_program(&c, &half), RNNC_INVALID_ARGUMENT, f.d, "two functions");
    assert_null(c.program);
    assert_null(d);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_its_own),        cmocka_unit_test(test_two_models),
        cmocka_unit_test(test_model_does_not_grow), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_speechless),          cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
