// Runs, steps, backward passes and training steps allocate nothing, lock nothing and make no system call, for every kind
// of cell: on one thread ever, on several between rnnc_begin and rnnc_end. Allocations and locks are counted, in a
// process whose filter ends it at any system call but the one to leave.
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/fixture.h"
#include "tests/api/malloc.h"

// ---- Calls that are counted ----

static atomic_int counting, calls;

static bool malloc_begins(void) {
    calls += counting;
    return true;
}

static void malloc_ends(int blocks) {
    calls += blocks < 0 ? counting : 0;
}

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t *m);
__attribute__((visibility("default"))) int pthread_mutex_trylock(pthread_mutex_t *m);
__attribute__((visibility("default"))) int pthread_rwlock_rdlock(pthread_rwlock_t *l);
__attribute__((visibility("default"))) int pthread_rwlock_wrlock(pthread_rwlock_t *l);
__attribute__((visibility("default"))) int pthread_spin_lock(pthread_spinlock_t *l);

// The function of the system that the one here stands before.
static void next(const char *name, void *out_function) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(out_function, &found, sizeof found);
}

int pthread_mutex_lock(pthread_mutex_t *m) {
    static int (*real)(pthread_mutex_t *);
    calls += counting;
    if (!real) {
        next("pthread_mutex_lock", &real);
    }
    return real(m);
}

int pthread_mutex_trylock(pthread_mutex_t *m) {
    static int (*real)(pthread_mutex_t *);
    calls += counting;
    if (!real) {
        next("pthread_mutex_trylock", &real);
    }
    return real(m);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l) {
    static int (*real)(pthread_rwlock_t *);
    calls += counting;
    if (!real) {
        next("pthread_rwlock_rdlock", &real);
    }
    return real(l);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l) {
    static int (*real)(pthread_rwlock_t *);
    calls += counting;
    if (!real) {
        next("pthread_rwlock_wrlock", &real);
    }
    return real(l);
}

int pthread_spin_lock(pthread_spinlock_t *l) {
    static int (*real)(pthread_spinlock_t *);
    calls += counting;
    if (!real) {
        next("pthread_spin_lock", &real);
    }
    return real(l);
}

// ---- What is to be quiet ----

enum { STEPS = 9, ROWS = 3, INPUTS = 2, MOST = STEPS * ROWS * 8 };

static float in[MOST];
static double wide_in[MOST];
static const int32_t tokens[MOST] = {1, 0, 2, 3};

// Values for an input of that type.
static const void *values_of(rnnc_type type) {
    return type == RNNC_F32 ? (const void *)in : type == RNNC_F64 ? (const void *)wide_in : tokens;
}

// A piece of work; any status but RNNC_OK shows as many calls.
typedef void work(const fixture *f);

static void expect(rnnc_status status) {
    calls += status == RNNC_OK ? 0 : 1000;
}

static void bind_all(const fixture *f) {
    for (uint32_t i = 0; i < rnnc_program_input_count(f->program); i++) {
        rnnc_value v;
        expect(rnnc_program_input(f->program, i, &v));
        if (v.role != RNNC_ROLE_LENGTHS) {
            size_t count = rnnc_context_input_elements(f->context, i);
            expect(rnnc_context_bind_input(f->context, i, values_of(v.type), count, NULL));
        }
    }
}

// An output in memory of the caller's: as runs have it, with the rows first, with the columns first.
static void bind_output(const fixture *f, int way) {
    static double out[4096];
    rnnc_strides strides;
    size_t room = sizeof out / sizeof *out;
    expect(rnnc_context_output_strides(f->context, 0, RNNC_ROWS_FIRST, &strides));
    strides.columns = way == 2 ? strides.batch * ROWS : 1;
    expect(rnnc_context_bind_output(f->context, 0, out, room, way ? &strides : NULL, NULL));
}

// An input with the batch first.
static void turn_input(const fixture *f) {
    rnnc_strides strides;
    rnnc_value v;
    uint32_t x = (uint32_t)rnnc_program_find_input(f->program, "x");
    size_t count = rnnc_context_input_elements(f->context, x);
    expect(rnnc_program_input(f->program, x, &v));
    expect(rnnc_context_input_strides(f->context, x, RNNC_ROWS_FIRST, &strides));
    expect(rnnc_context_bind_input_strided(f->context, x, values_of(v.type), count, &strides, NULL));
}

static void run_and_step(const fixture *f) {
    expect(rnnc_context_set_extents(f->context, ROWS, 5, NULL));
    bind_all(f);
    for (int way = 0; way < 3; way++) {
        bind_output(f, way);
        expect(rnnc_run(f->context, NULL));
        turn_input(f);
    }
    if (!rnnc_program_step_obstacle(f->program)) {
        expect(rnnc_start_steps(f->context, NULL));
        bind_all(f);
        for (int i = 0; i < 20; i++) {
            if (i % 5 == 0) {
                bind_output(f, i / 5 % 3);
            }
            expect(rnnc_step(f->context, NULL));
        }
    }
    expect(rnnc_context_reset(f->context));
}

// A stream: each sample is written, and its answer read.
static void stream(const fixture *f) {
    float out[ROWS * 8];
    expect(rnnc_context_set_extents(f->context, 1, 5, NULL));
    expect(rnnc_start_steps(f->context, NULL));
    size_t answers = rnnc_context_output_elements(f->context, 0);
    for (int i = 0; i < 50; i++) {
        expect(rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, in + i, INPUTS, NULL));
        expect(rnnc_step(f->context, NULL));
        expect(rnnc_context_read_output(f->context, 0, RNNC_ROWS_FIRST, out, answers, NULL));
    }
}

static void train(const fixture *f) {
    rnnc_training step;
    expect(rnnc_context_set_extents(f->context, ROWS, 5, NULL));
    bind_all(f);
    for (int i = 0; i < 3; i++) {
        expect(rnnc_context_set_rate(f->context, 0.01 / (i + 1)));
        expect(rnnc_train_step(f->context, NULL, &step));
    }
}

// Weights that somebody else changes are brought into the kernels' order by the next run.
static void run_changed(const fixture *f) {
    rnnc_weight w;
    expect(rnnc_context_set_extents(f->context, ROWS, 5, NULL));
    bind_all(f);
    for (uint32_t i = 0; i < 3; i++) {
        expect(rnnc_weights_get(f->weights, i, &w));
        expect(rnnc_weights_write(f->weights, i, RNNC_F32, in, (size_t)(w.rows * w.columns), NULL));
        expect(rnnc_run(f->context, NULL));
    }
}

static void run_both_ways(const fixture *f) {
    expect(rnnc_context_set_extents(f->context, ROWS, 5, NULL));
    for (int i = 0; i < 3; i++) {
        bind_all(f);
        bind_output(f, i);
        expect(rnnc_run(f->context, NULL));
        expect(rnnc_backward(f->context, NULL));
    }
}

// ---- Under the filter ----

// For all threads of the process.
static long filter_calls(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

enum { NO_FILTER = 77 };

// In a process of its own, whose context has threads that a fork would not have taken along.
static void work_quietly(fixture *f, work *does, bool begins) {
    rnnc_context *c = NULL;
    expect(rnnc_context_create(f->program, f->weights, NULL, &c));
    f->context = c;
    // The first round binds the symbols that the library calls.
    does(f);
    if (begins) {
        expect(rnnc_begin(c));
    }
    if (filter_calls()) {
        _exit(NO_FILTER);
    }
    counting = 1;
    does(f);
    syscall(SYS_exit_group, calls ? 1 : 0);
}

typedef struct quiet_case {
    const char *text;
    rnnc_purpose purpose;
    int threads;
    const char *given; // an output whose gradient is
    work *does;
} quiet_case;

static void check_quiet(const quiet_case *q) {
    fixture f = {0};
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.purpose = q->purpose;
    o.max_batch = ROWS;
    o.max_length = STEPS;
    o.threads = q->threads;
    o.use_cache = 1;
    o.given_gradients = o.gradients = &q->given;
    o.given_gradient_count = q->given != NULL;
    fixture_fill(in, MOST, 1);
    for (int i = 0; i < MOST; i++) {
        wide_in[i] = (double)in[i];
    }
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(q->text, f.d);
    fixture_ok(rnnc_program_compile(f.model, &o, f.d, &f.program), f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    calls = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work_quietly(&f, q->does, q->threads > 1);
    }
    int status = 0;
    assert_true(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) {
        print_message("this system has no filters of system calls\n");
    } else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fail_msg("status %x: a system call, an allocation or a lock: %s", (unsigned)status, q->text);
    }
    fixture_free(&f);
}

static const char *const cells[] = {"rnn(4, x)",
                                    "rnn(4, activation = relu, x)",
                                    "lstm(4, x)",
                                    "lstm_peephole(4, x)",
                                    "lstm_coupled(4, x)",
                                    "gru(4, true, false, x)",
                                    "gru_cho(4, x)",
                                    "gru_chung(4, x)",
                                    "gru_cho_after(4, x)",
                                    "gru_chung_after(4, x)",
                                    "stack(4, 2, lstm, keep = 0.9, x)",
                                    "residual(2, gru_cho, x)",
                                    "projected(4, lstm, 6, x)",
                                    "backward lstm(4, x)",
                                    "lstm(4, x) + backward lstm(4, x)",
                                    "softmax(lstm(4, x))",
                                    "x * index(T)"};
enum { CELLS = sizeof cells / sizeof *cells };

static void write_forward(char text[1024], const char *cell) {
    snprintf(text, 1024, "model m() {\n    input x: real(2)[T]\n    output y = %s\n}\n", cell);
}

static void write_training(char text[1024], const char *cell, const char *optimizer) {
    snprintf(text, 1024,
             "model m() {\n    input x: real(2)[T]\n    target t: real[T]\n    y = linear(1, %s)\n"
             "    loss = mean[T, batch] mean squared_error(y, t)\n    output y\n}\n"
             "train r {\n    batch 3  steps T = 9  optimizer %s\n    clip_norm 1  max_steps 1\n}\n",
             cell, optimizer);
}

static void check_all(int threads) {
    for (size_t i = 0; i < CELLS; i++) {
        char text[1024];
        write_forward(text, cells[i]);
        quiet_case q = {.text = text, .purpose = RNNC_FORWARD, .threads = threads, .does = run_and_step};
        check_quiet(&q);
        write_training(text, cells[i], "adam(rate = 0.01)");
        q = (quiet_case){.text = text, .purpose = RNNC_TRAIN, .threads = threads, .does = train};
        check_quiet(&q);
    }
}

static void test_one_thread(void **state) {
    (void)state;
    quiet_case rows = {.text =
                           "model m() {\n input x: real(2)[T lengths]\n output y = stack(4, 2, lstm, x)\n}\n",
                       .purpose = RNNC_FORWARD,
                       .threads = 1,
                       .does = run_and_step};
    check_all(1);
    check_quiet(&rows);
}

// The small ones are done by the caller's thread alone; of the large one threads share calls, or take a direction each.
static void test_two_threads(void **state) {
    (void)state;
    char text[1024];
    check_all(2);
    write_training(text, "lstm(96, x) + backward lstm(96, x)", "adam(rate = 0.01)");
    quiet_case q = {.text = text, .purpose = RNNC_TRAIN, .threads = 2, .does = train};
    check_quiet(&q);
}

static void test_streams(void **state) {
    (void)state;
    static const char *const streamed[] = {"rnn(4, x)", "lstm(4, x)", "gru_cho(4, x)",
                                           "stack(4, 2, lstm, x)"};
    for (size_t i = 0; i < sizeof streamed / sizeof *streamed; i++) {
        char text[1024];
        write_forward(text, streamed[i]);
        for (int threads = 1; threads <= 2; threads++) {
            quiet_case q = {.text = text, .purpose = RNNC_FORWARD, .threads = threads, .does = stream};
            check_quiet(&q);
        }
    }
}

static void test_optimizers(void **state) {
    (void)state;
    static const char *const optimizers[] = {"sgd(rate = 0.1)",
                                             "momentum(rate = 0.1, momentum = 0.9)",
                                             "nesterov(rate = 0.1, momentum = 0.9)",
                                             "rmsprop(rate = 0.01)",
                                             "adagrad(rate = 0.01)",
                                             "adamw(rate = 0.01)"};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        char text[1024];
        write_training(text, "gru_cho(4, x)", optimizers[i]);
        quiet_case q = {.text = text, .purpose = RNNC_TRAIN, .threads = 1, .does = train};
        check_quiet(&q);
    }
}

static void test_backward(void **state) {
    (void)state;
    for (size_t i = 0; i < CELLS - 1; i++) {
        char text[1024];
        write_forward(text, cells[i]);
        quiet_case q = {text, RNNC_GRADIENTS, 1 + (int)(i % 2), "y", run_both_ways};
        q.purpose = RNNC_GRADIENTS;
        check_quiet(&q);
    }
}

// What the standard cells over numbers do not have: a cell of one's own in f64, tokens, a table used twice, layers that
// are fed by both directions, lengths, attention to another sequence, random numbers, metrics, states that are carried.
static const char *const whole[] = {
    "cell minimal(n) {\n input x\n state h[n], age[1]\n f = sigmoid(linear(n, x, h))\n"
    " next h = (1 - f) * h + f * normalize(tanh(linear(n, x, f * h)))\n next age = age + 1\n"
    " output next h, age\n}\n"
    "model m() {\n float = f64\n input x: real(2)[T]\n target t: real[T]\n"
    " h, age = minimal(5, standardise(x))\n y = linear(1, h) + 0.01 * age\n"
    " loss = mean[T, batch] squared_error(y, t)\n metric off = mean[T, batch] abs(y - t)\n output y\n}\n"
    "train r {\n batch 3  steps T = 9  optimizer adam(rate = 0.01)  max_steps 9  carry state\n"
    " schedule rate *= 0.5 after steps 1\n data { streams }\n}\n",
    "model m() {\n input x: token(5)[T]\n target t: token(5)[T]\n share E = embedding(5, 6)\n"
    " y = matmul(E.table, dropout(0.8, lstm(6, E(x))))\n loss = mean[T, batch] cross_entropy(y, t)\n"
    " output p = softmax(y)\n output best = argmax(y)\n}\n"
    "train r {\n batch 3  steps T = 9  optimizer adam(rate = 0.01, rows = lazy)  max_steps 9\n}\n",
    "model m() {\n input x: real(2)[T lengths]\n target t: token(3)\n z = x\n"
    " repeat 2 { z = concat(gru_cho(4, z), backward lstm(3, z)) }\n y = linear(3, max[T](z), last[T](z))\n"
    " loss = mean[batch] cross_entropy(y, t)\n output p = softmax(y)\n}\n"
    "train r {\n batch 3  steps T = 9  optimizer rmsprop(rate = 0.01)  clip_norm 1  max_steps 9\n}\n",
    "cell attend(n) {\n input a, memory[S]\n state h[n]\n"
    " w = softmax[S](sum(linear(n, h) * memory))\n next h = tanh(linear(n, a, sum[S](w * memory), h))\n"
    " output next h\n}\n"
    "model m() {\n input x: token(4)[S lengths]\n input before: token(4)[T]\n target t: token(4)[T]\n"
    " memory = backward gru_cho(4, embedding(4, 3, x))\n"
    " y = linear(4, attend(4, embedding(4, 3, before), memory))\n"
    " loss = mean[T, batch] cross_entropy(y, t)\n output best = argmax(y)\n}\n"
    "train r {\n batch 3  steps S = 9, T = 9  optimizer sgd(rate = 0.01)  max_steps 9\n}\n",
    "model m() {\n input x: real(2)[T]\n target t: real(2)[T]\n"
    " y = rnn(2, x[T: 1..] - x[T: ..-1]) from (h = random_normal(2)) + random_uniform[T](2)[T: 1..]\n"
    " loss = mean[T, batch] mean squared_error(y, t[T: 1..])\n output y\n}\n"
    "train r {\n batch 3  steps T = 9  optimizer adagrad(rate = 0.01)  max_steps 9\n}\n",
};

static void test_whole_models(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            quiet_case cases[] = {{whole[i], RNNC_FORWARD, threads, NULL, run_and_step},
                                  {whole[i], RNNC_EVALUATE, threads, NULL, run_and_step},
                                  {whole[i], RNNC_TRAIN, threads, NULL, train}};
            for (int k = 0; k < 3; k++) {
                check_quiet(&cases[k]);
            }
        }
    }
}

static void test_changed_weights(void **state) {
    (void)state;
    char text[1024];
    write_forward(text, "lstm(4, x)");
    for (int threads = 1; threads <= 2; threads++) {
        quiet_case q = {text, RNNC_FORWARD, threads, NULL, run_changed};
        check_quiet(&q);
    }
}

// Creating a context touches its pages: the first run meets next to none that it has to ask the system for.
static void test_pages(void **state) {
    (void)state;
    enum { LONG = 2000, WIDE = 8 };
    const char *text = "model m() {\n input x: real(8)[T]\n output y = lstm(64, x)\n}\n";
    static float x[LONG * ROWS * WIDE];
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    fixture f = {0};
    o.max_batch = ROWS;
    o.max_length = LONG;
    o.use_cache = 1;
    fixture_fill(x, LONG * ROWS * WIDE, 1);
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    f.model = fixture_model(text, f.d);
    fixture_ok(rnnc_program_compile(f.model, &o, f.d, &f.program), f.d);
    assert_true(rnnc_program_arena_bytes(f.program) > 1024 * 1024);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_STEPS_FIRST, x, LONG * ROWS * WIDE, f.d), f.d);
    struct rusage before, after;
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    // Code of the library and of the kernels, which is read in when it is first run, is a page here and there.
    assert_in_range(after.ru_minflt - before.ru_minflt, 0, 48);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),      cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_streams),         cmocka_unit_test(test_optimizers),
        cmocka_unit_test(test_backward),        cmocka_unit_test(test_whole_models),
        cmocka_unit_test(test_changed_weights), cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
