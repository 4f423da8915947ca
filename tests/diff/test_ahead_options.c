// Objects that learn, built for several threads, for several levels of x86-64 and with their weights in a file, in each
// combination: as test_ahead_train.c compares those without.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <cmocka.h>

#include "tests/diff/learning.h"

static update_options adam(void) {
    return (update_options){.rule = UPDATE_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

// ---- Threads ----

typedef int32_t shared_function(void *arena, int32_t batch, int32_t length, const void *, const void *,
                                const void *, const void *, const void *, const void *, const void *);
typedef void task_function(void *context, int32_t i);

typedef struct share {
    task_function *task;
    void *context;
    int32_t i;
    pthread_t thread;
} share;

static void *do_share(void *argument) {
    const share *s = argument;
    s->task(s->context, s->i);
    return NULL;
}

// A thread for each, the last first.
static void parallel_for(void *user, int32_t count, task_function *task, void *given) {
    share shares[16];
    assert_true(count <= 16);
    for (int32_t i = count - 1; i >= 0; i--) {
        shares[i] = (share){task, given, i, 0};
        assert_int_equal(pthread_create(&shares[i].thread, NULL, do_share, &shares[i]), 0);
    }
    for (int32_t i = 0; i < count; i++) {
        pthread_join(shares[i].thread, NULL);
    }
    ++*(int *)user;
}

// Runs and training steps of two arenas of one object, one with threads: equal bits.
static void compare_threads(learning *l, char *other, int32_t threads) {
    learning_object *o = &l->o;
    shared_function *run_parallel, *train_parallel;
    learning_find(o, "m_run_parallel", &run_parallel);
    learning_find(o, "m_train_step_parallel", &train_parallel);
    const void *v[LEARNING_MOST_VALUES] = {NULL};
    int32_t batch = (int32_t)l->largest, length = (int32_t)l->longest;
    size_t most = (size_t)(batch * length) * 200;
    float loss[2] = {0, 1}, *one = calloc(most, sizeof *one), *two = calloc(most, sizeof *two);
    int loops = 0;
    void *loop = NULL, *user = &loops;
    void (*function)(void *, int32_t, task_function *, void *) = parallel_for;
    memcpy(&loop, &function, sizeof loop);
    const void *several = (const void *)(intptr_t)threads;
    uint64_t numbers = 1;
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(learning_init(l, o->arena), AHEAD_OK);
    assert_int_equal(learning_init(l, other), AHEAD_OK);
    learning_fill(l->expected.engine, &numbers, false, v);
    for (int step = 0; step < 3; step++) {
        assert_int_equal(o->train_step(o->arena, batch, length, v[0], v[1], &loss[0], 0, 0, 0, 0, 0),
                         AHEAD_OK);
        assert_int_equal(train_parallel(other, batch, length, v[0], v[1], &loss[1], several, loop, user, 0),
                         AHEAD_OK);
        assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    }
    assert_memory_equal(o->arena + o->learner.learned, other + o->learner.learned,
                        (size_t)o->learner.learned_bytes);
    assert_true(threads > 1 ? loops > 0 : loops == 0);
    loops = 0;
    assert_int_equal(o->run(o->arena, batch, length, v[0], one, 0, 0, 0, 0, 0, 0), AHEAD_OK);
    assert_int_equal(run_parallel(other, batch, length, v[0], two, several, loop, user, 0, 0), AHEAD_OK);
    assert_memory_equal(one, two, most * sizeof *one);
    assert_true(threads > 1 ? loops > 0 : loops == 0);
    free(one);
    free(two);
}

// Large enough for shares that are worth it.
static const char large[] = "model m() {\n    input x: real(8)[T]\n    target wanted: real(3)[T]\n"
                            "    y = lstm(170, x)\n    p = linear(3, y)\n"
                            "    loss = mean[T, batch] mean squared_error(p, wanted)\n    output p\n}\n";

static learning large_learning(void) {
    return (learning){.text = large, .update = adam(), .threads = 7, .longest = 6, .largest = 33};
}

static char *other_arena(const learning *l) {
    char *other = aligned_alloc(AHEAD_ALIGN, (size_t)l->o.layout.bytes);
    assert_non_null(other);
    return other;
}

static void test_threads(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = large_learning();
    learning_open(&l, &backend, "threads");
    char *other = other_arena(&l);
    const int32_t counts[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        compare_threads(&l, other, counts[i]);
    }
    shared_function *run_parallel;
    learning_find(&l.o, "m_run_parallel", &run_parallel);
    float y[1];
    const void *at = y;
#define SHARED(threads, loop) \
    run_parallel(other, 1, 1, at, at, (const void *)(intptr_t)(threads), loop, 0, 0, 0)
    assert_int_equal(SHARED(0, at), AHEAD_BAD_ARGUMENT);
    assert_int_equal(SHARED(8, at), AHEAD_BAD_ARGUMENT);
    assert_int_equal(SHARED(2, NULL), AHEAD_BAD_ARGUMENT);
#undef SHARED
    free(other);
    learning_close(&l);
    diff_backend_close(&backend);
}

// ---- Levels ----

typedef int32_t level_function(const void *arena);

// Lists of which this machine chooses the last level, if it reaches that.
static const struct {
    const char *list;
    int chosen;
} level_cases[] = {
    {"x86-64", 1}, {"x86-64,x86-64-v2", 2}, {"x86-64-v2,x86-64-v3", 3}, {"x86-64-v2,x86-64-v3,x86-64-v4", 4}};

enum { LEVEL_CASES = sizeof level_cases / sizeof *level_cases };

// The levels of a case, and the executor's code for the one that is chosen; false if this machine does not reach it.
static bool open_level(int index, level_set *out_set, diff_backend *out_backend) {
    diag_sink d;
    diag_init(&d);
    bool reached = diff_backend_open_cpu(level_name(level_cases[index].chosen), out_backend);
    if (reached) {
        assert_int_equal(levels_choose(level_cases[index].list, "x86_64-unknown-linux-gnu", &d, out_set),
                         RNNC_OK);
    }
    diag_deinit(&d);
    return reached;
}

static void check_level(const learning *l, int level) {
    level_function *chosen;
    learning_find(&l->o, "m_level", &chosen);
    assert_int_equal(chosen(l->o.arena), level);
}

// An arena that no init has made ready.
static void check_unready(const learning *l, int32_t wanted) {
    const float values[8] = {0};
    char *other = other_arena(l);
    memset(other, 0, (size_t)l->o.layout.bytes);
    assert_int_equal(l->o.train_step(other, 1, 1, values, values, NULL, 0, 0, 0, 0, 0), wanted);
    assert_int_equal(l->o.run(other, 1, 1, values, NULL, 0, 0, 0, 0, 0, 0), wanted);
    free(other);
}

static void learn_at_levels(const char *name, learning how) {
    for (int i = 0; i < LEVEL_CASES; i++) {
        level_set set;
        diff_backend backend;
        if (open_level(i, &set, &backend)) {
            learning l = how;
            l.levels = &set;
            learning_open(&l, &backend, name);
            check_level(&l, level_cases[i].chosen);
            learning_run(&l, 5);
            learning_close(&l);
            diff_backend_close(&backend);
        }
    }
}

// Heads that only use has are copied there from what is trained; dropout is drawn; an update is left out.
static void test_levels(void **state) {
    (void)state;
    static const char text[] =
        "model m() {\n    input x: real(5)[T]\n    target wanted: real(3)[T]\n"
        "    y = stack(9, x, layers = 2, inner = lstm, keep = 0.6)\n    p = linear(3, y)\n"
        "    loss = mean[T, batch] mean squared_error(p, wanted)\n"
        "    output p\n    output other = linear(2, y)\n}\n";
    learning l = {.text = text, .update = adam()};
    l.update.guarded = true;
    l.update.clip_norm = 1;
    learn_at_levels("levels", l);
}

static void test_levels_tokens(void **state) {
    (void)state;
    static const char text[] =
        "model m() {\n    float = f64\n    input t: token(6)[T]\n    target wanted: token(6)[T]\n"
        "    p = linear(6, gru_cho(11, embedding(6, 7, t)))\n"
        "    loss = mean[T, batch] cross_entropy(p, wanted)\n    output p\n}\n";
    learning l = {.text = text, .update = adam(), .apart = true};
    l.update.lazy_rows = true;
    learn_at_levels("levels-tokens", l);
}

static void test_levels_threads(void **state) {
    (void)state;
    for (int i = 0; i < LEVEL_CASES; i++) {
        level_set set;
        diff_backend backend;
        if (open_level(i, &set, &backend)) {
            learning l = large_learning();
            l.levels = &set;
            l.apart = true;
            learning_open(&l, &backend, "levels-threads");
            check_unready(&l, AHEAD_BAD_CPU);
            char *other = other_arena(&l);
            compare_threads(&l, other, 3);
            check_level(&l, level_cases[i].chosen);
            free(other);
            learning_close(&l);
            diff_backend_close(&backend);
        }
    }
}

// ---- Weights in a file ----

// The weights are taken from the file by init and train_init, and by nobody else; others are refused.
static void test_file(void **state) {
    (void)state;
    static const char text[] = "model m() {\n    input x: real(5)[T]\n    target wanted: real(3)[T]\n"
                               "    p = linear(3, lstm(19, x))\n"
                               "    loss = mean[T, batch] mean squared_error(p, wanted)\n    output p\n}\n";
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = text, .update = adam(), .apart = true};
    learning_open(&l, &backend, "file");
    size_t arena_bytes = (size_t)l.o.layout.bytes, learned = (size_t)l.o.learner.learned_bytes;
    uint64_t bytes = (uint64_t)ahead_weights_bytes(ahead_stored(&l.parts.request));
    char *first = other_arena(&l), *kept = malloc(bytes);
    assert_non_null(kept);
    memcpy(first, l.o.arena, arena_bytes);
    memcpy(kept, l.file, bytes);
    // The optimiser's memory is not in it.
    assert_true(bytes < learned / 2);
    memset(l.file, 0xff, bytes);
    learning_run(&l, 0);
    char *last = other_arena(&l);
    memcpy(last, l.o.arena, arena_bytes);
    assert_int_equal(l.o.train_init(l.o.arena, l.file, bytes), AHEAD_BAD_WEIGHTS);
    memcpy(l.file, kept, bytes);
    assert_int_equal(l.o.train_init(l.o.arena, NULL, bytes), AHEAD_BAD_WEIGHTS);
    assert_int_equal(l.o.train_init(l.o.arena, l.file, bytes - 1), AHEAD_BAD_WEIGHTS);
    assert_int_equal(l.o.train_init(NULL, l.file, bytes), AHEAD_BAD_ARENA);
    l.file[bytes - 1] ^= 1;
    assert_int_equal(l.o.train_init(l.o.arena, l.file, bytes), AHEAD_BAD_WEIGHTS);
    assert_int_equal(learning_init(&l, l.o.arena), AHEAD_BAD_WEIGHTS);
    assert_memory_equal(last, l.o.arena, arena_bytes);
    l.file[bytes - 1] ^= 1;
    assert_int_equal(l.o.train_init(l.o.arena, l.file, bytes), AHEAD_OK);
    assert_memory_equal(l.o.arena + l.o.learner.learned, first + l.o.learner.learned, learned);
    check_unready(&l, AHEAD_BAD_WEIGHTS);
    free(first);
    free(last);
    free(kept);
    learning_close(&l);
    diff_backend_close(&backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_levels),
        cmocka_unit_test(test_levels_tokens), cmocka_unit_test(test_levels_threads),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
