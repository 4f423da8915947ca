// Building as a guest in somebody's process: children that end well, badly, or unseen; signals, threads, bad use, memory.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/api/builds.h"
#include "tests/api/counter.h"

// For a machine for which nothing is compiled in this process.
static rnnc_build_options foreign(void) {
    rnnc_build_options o = builds_options();
    o.target = "aarch64-linux-gnu";
    return o;
}

static void check_object(const rnnc_artifact *a) {
    const rnnc_bytes *binary = rnnc_artifact_file(a, RNNC_FILE_BINARY);
    assert_true(rnnc_bytes_size(binary) > 1000);
    assert_memory_equal(rnnc_bytes_data(binary), "\177ELF", 4);
}

// ---- Children ----

// Does |check| in a process of its own.
static void apart(void (*check)(void)) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    int end = 0;
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_true(WIFEXITED(end));
    assert_int_equal(WEXITSTATUS(end), 0);
}

static void must(bool holds, const char *what) {
    if (!holds) {
        print_error("not so: %s\n", what);
        _exit(1);
    }
}

static rnnc_status build_once(const rnnc_build_options *o, fixture *f, rnnc_artifact **out) {
    *f = fixture_make(fixture_series, RNNC_FORWARD);
    *out = NULL;
    return rnnc_build(f->model, f->weights, o, f->d, out);
}

// Whatever ends is taken by the system: nobody can be told how the child ended.
static void build_unseen(void) {
    fixture f;
    rnnc_artifact *a;
    signal(SIGCHLD, SIG_IGN);
    rnnc_build_options o = foreign();
    must(build_once(&o, &f, &a) == RNNC_OK, "a build whose child is not waited for");
    rnnc_artifact_destroy(a);
    o = builds_options();
    o.kind = RNNC_BUILD_SHARED;
    o.cpu = fixture_cpu();
    must(rnnc_build(f.model, f.weights, &o, f.d, &a) == RNNC_OK, "a linker that is not waited for");
    rnnc_artifact_destroy(a);
    o.cc = "false";
    must(rnnc_build(f.model, f.weights, &o, f.d, &a) == RNNC_IO, "a linker that fails unseen");
    must(!a, "nothing after an error");
    fixture_free(&f);
}

static void test_unseen(void **state) {
    (void)state;
    if (fixture_is_slow()) {
        skip();
    }
    apart(build_unseen);
}

// LLVM ends the child, as it does where it cannot select something: here as soon as it is loaded.
static void build_without_end(void) {
    fixture f;
    rnnc_artifact *a;
    char path[4096];
    builds_path(path, "broken.so");
    setenv("RNNC_LLVM_MODULE", path, 1);
    rnnc_build_options o = foreign();
    f = fixture_make(fixture_series, RNNC_FORWARD);
    must(rnnc_build(f.model, f.weights, &o, f.d, &a) == RNNC_UNSUPPORTED, "an abort in the child");
    must(strstr(rnnc_diagnostics_text(f.d), "LLVM cannot compile this model for aarch64") != NULL,
         "what failed");
    must(strstr(rnnc_diagnostics_text(f.d), "it gave up (signal 6)") != NULL, "how the child ended");
    must(!a, "nothing after an error");
    signal(SIGCHLD, SIG_IGN);
    rnnc_diagnostics_clear(f.d);
    must(rnnc_build(f.model, f.weights, &o, f.d, &a) == RNNC_UNSUPPORTED, "an abort that nobody saw");
    must(strstr(rnnc_diagnostics_text(f.d), "it gave up\n") != NULL, "nobody knows how");
    fixture_free(&f);
}

static void without_end_interpreted(void) {
    // What the fixture compiles must not need the module that is broken.
    setenv("RNNC_TEST_CPU", "interpret", 1);
    build_without_end();
}

static void test_abort(void **state) {
    (void)state;
    static const char broken[] = "#include <stdlib.h>\n"
                                 "__attribute__((constructor)) static void end(void) {\n    abort();\n}\n";
    builds_write("broken.c", broken, strlen(broken));
    builds_must("cc -shared -fPIC -o broken.so broken.c");
    apart(without_end_interpreted);
}

static int told[2]; // a pipe that the handler writes to, as those of event loops do

static void tell(int signal) {
    char byte = (char)signal;
    (void)!write(told[1], &byte, 1);
}

// Handlers of the host do not run in the child, and are as they were.
static void build_with_handlers(void) {
    fixture f;
    rnnc_artifact *a;
    sigset_t blocked, after;
    char byte;
    must(pipe(told) == 0, "a pipe");
    signal(SIGABRT, tell);
    signal(SIGUSR1, tell);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    setenv("RNNC_TEST_CPU", "interpret", 1);
    char path[4096];
    builds_path(path, "broken.so");
    setenv("RNNC_LLVM_MODULE", path, 1);
    rnnc_build_options o = foreign();
    must(build_once(&o, &f, &a) == RNNC_UNSUPPORTED, "an abort in the child");
    sigprocmask(SIG_SETMASK, NULL, &after);
    must(sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGUSR1) == 0, "the mask as it was");
    raise(SIGUSR1);
    must(read(told[0], &byte, 1) == 1 && byte == SIGUSR1, "the handler runs here, and only here");
    fixture_free(&f);
}

static void test_handlers(void **state) {
    (void)state;
    apart(build_with_handlers);
}

// ---- Threads ----

typedef struct worker {
    rnnc_build_options options;
    rnnc_status status;
    fixture f;
    rnnc_artifact *artifact;
} worker;

static void *work(void *argument) {
    worker *w = argument;
    w->status = rnnc_build(w->f.model, w->f.weights, &w->options, w->f.d, &w->artifact);
    return NULL;
}

enum { MOST_WORKERS = 6 };

// Builds for all |targets| at once, and compares with what is built one by one in the other way.
static void build_at_once(const char *const *targets, int count, int in_this_process) {
    worker workers[MOST_WORKERS];
    pthread_t threads[MOST_WORKERS];
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){.status = RNNC_INTERNAL, .options = builds_options()};
        workers[i].f = fixture_make(fixture_series, RNNC_FORWARD);
        workers[i].options.target = targets[i];
        workers[i].options.in_this_process = in_this_process;
        workers[i].options.use_cache = 0;
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < count; i++) {
        fixture_ok(workers[i].status, workers[i].f.d);
        // The other way makes the same.
        workers[i].options.in_this_process = !in_this_process;
        rnnc_artifact *again = builds_make(&workers[i].f, &workers[i].options);
        builds_save(again, "again", ".o");
        builds_same("again.o", rnnc_artifact_file(workers[i].artifact, RNNC_FILE_BINARY));
        builds_same("again.h", rnnc_artifact_file(workers[i].artifact, RNNC_FILE_HEADER));
        rnnc_artifact_destroy(again);
        rnnc_artifact_destroy(workers[i].artifact);
        fixture_free(&workers[i].f);
    }
}

// For other machines LLVM is not used in this process, so that children can be forked at any time.
static void test_two_at_once(void **state) {
    (void)state;
    static const char *const targets[] = {"aarch64-linux-gnu", "wasm32"};
    build_at_once(targets, 2, 1);
    build_at_once(targets, 2, 0);
}

// On all threads LLVM is used in this process, for this machine and others.
static void test_many_at_once(void **state) {
    (void)state;
    static const char *const targets[MOST_WORKERS] = {
        "native", "native", "x86-64-v2,x86-64-v3", "riscv64-linux-gnu", "native", "wasm32-simd128"};
    if (fixture_is_slow()) {
        skip();
    }
    build_at_once(targets, MOST_WORKERS, 1);
}

// ---- Bad use ----

static void refuse(const fixture *f, const rnnc_build_options *o, rnnc_status wanted, const char *text) {
    rnnc_artifact *a = NULL;
    fixture_refused(rnnc_build(f->model, f->weights, o, f->d, &a), wanted, f->d, text);
    assert_null(a);
}

static void test_null(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    rnnc_artifact *a = NULL;
    rnnc_bytes *text = NULL;
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_build_options o = foreign();
    assert_int_equal(rnnc_build(NULL, f.weights, &o, NULL, &a), bad);
    assert_int_equal(rnnc_build(f.model, f.weights, NULL, NULL, &a), bad);
    assert_int_equal(rnnc_build(f.model, f.weights, &o, NULL, NULL), bad);
    assert_int_equal(rnnc_build(f.model, NULL, &o, NULL, &a), bad);
    assert_null(rnnc_artifact_file(NULL, RNNC_FILE_BINARY));
    assert_int_equal(rnnc_artifact_save(NULL, "x", NULL, NULL, NULL), bad);
    rnnc_artifact_destroy(NULL);
    assert_int_equal(rnnc_inspect(NULL, 1, NULL, NULL, &text), bad);
    assert_int_equal(rnnc_inspect("x", 1, NULL, NULL, NULL), bad);
    rnnc_inspect_options how = {0};
    assert_int_equal(rnnc_inspect("x", 1, &how, NULL, &text), bad);
    assert_int_equal(rnnc_targets(NULL, NULL), bad);
    fixture_free(&f);
}

static void test_bad_options(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    static const rnnc_length lengths[] = {{"U", 3}};
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    const struct {
        rnnc_build_options change; // what is not 0 is asked for
        rnnc_status status;
        const char *text;
    } cases[] = {
        {{.target = "wasm64"}, bad, "unknown target \"wasm64\"; did you mean \"wasm32\"?"},
        {{.target = "riscv64-linux-gnu", .cpu = "x86-64-v3"}, bad, "cpu goes with x86-64, not with target"},
        {{.target = "x86-64-v2,x86-64-v3", .cpu = "x86-64-v3"}, bad, "leave cpu out"},
        {{.target = "native", .cpu = "x86-64-v9"}, bad, "x86-64-v9"},
        {{.name = "9 lives"}, bad, "name takes a name for C, found '9 lives'"},
        {{.name = ""}, bad, "name takes a name for C"},
        {{.kind = RNNC_BUILD_WASM}, bad, "series.wasm: a module of WebAssembly goes with target wasm32"},
        {{.kind = RNNC_BUILD_PROGRAM}, bad, "say which C compiler links"},
        {{.kind = RNNC_BUILD_PROGRAM, .train = 1}, bad, "train is for objects and libraries"},
        {{.kind = RNNC_BUILD_SHARED, .target = "native", .cc = "no-such-cc"},
         RNNC_IO,
         "there is no no-such-cc"},
        {{.cc = "cc"}, bad, "series.o is not linked: leave cc out"},
        {{.kind = (rnnc_build_kind)7}, bad, "there is no kind 7"},
        {{.parallel = 1000}, bad, "parallel takes up to 256 threads"},
        {{.parallel = -1}, bad, "parallel is 0 or more"},
        {{.max_batch = -1}, bad, "max_batch is 0 to"},
        {{.max_batch = INT64_MAX}, bad, "max_batch is 0 to"},
        {{.max_length_count = 1}, bad, "max_lengths are not NULL"},
        {{.max_lengths = lengths, .max_length_count = 1}, bad, "no sequence axis 'U'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rnnc_build_options *change = &cases[i].change;
        rnnc_build_options o = foreign();
        o.kind = change->kind;
        o.name = change->name;
        o.target = change->target ? change->target : o.target;
        o.cpu = change->cpu;
        o.cc = change->cc;
        o.train = change->train;
        o.parallel = change->parallel;
        o.max_batch = change->max_batch ? change->max_batch : o.max_batch;
        o.max_lengths = change->max_lengths;
        o.max_length_count = change->max_length_count;
        refuse(&f, &o, cases[i].status, cases[i].text);
    }
    rnnc_build_options o = foreign();
    o.struct_size--;
    refuse(&f, &o, bad, "begin with RNNC_BUILD_OPTIONS");
    o = foreign();
    rnnc_pass_options passes = RNNC_PASS_OPTIONS;
    o.passes = &passes;
    passes.unroll = 1;
    refuse(&f, &o, bad, "unroll is for programs");
    passes.unroll = 0;
    passes.passes = "no-such-pass";
    refuse(&f, &o, bad, "no-such-pass");
    passes.struct_size--;
    refuse(&f, &o, bad, "begin with RNNC_PASS_OPTIONS");
    o = foreign();
    o.max_batch = o.max_length = INT32_MAX;
    rnnc_artifact *a = NULL;
    assert_int_not_equal(rnnc_build(f.model, f.weights, &o, f.d, &a), RNNC_OK);
    assert_null(a);
    fixture_free(&f);
}

static void test_bad_weights(void **state) {
    (void)state;
    static const char other[] = "model other() {\n input x: real(4)[T]\n y = linear(3, x)\n output y\n}\n";
    fixture f = fixture_make(fixture_series, RNNC_FORWARD), g = fixture_make(other, RNNC_FORWARD);
    rnnc_build_options o = foreign();
    rnnc_artifact *a = NULL;
    fixture_refused(rnnc_build(f.model, g.weights, &o, f.d, &a), RNNC_TYPE, f.d, "to copy to the weight");
    rnnc_weights *unset = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &unset), f.d);
    fixture_refused(rnnc_build(f.model, unset, &o, f.d, &a), RNNC_INVALID_ARGUMENT, f.d, "has no values");
    o.train = 1;
    fixture_refused(rnnc_build(g.model, NULL, &o, g.d, &a), RNNC_INVALID_ARGUMENT, g.d, "no recipe");
    o.train = 0;
    o.max_length = 0;
    fixture_refused(rnnc_build(g.model, g.weights, &o, g.d, &a), RNNC_INVALID_ARGUMENT, g.d,
                    "may be: max_length or max_lengths");
    assert_null(a);
    rnnc_weights_release(unset);
    fixture_free(&g);
    fixture_free(&f);
}

static void test_saving(void **state) {
    (void)state;
    char object[4096], header[4096], nowhere[4096], other[4096];
    builds_path(object, "saved.o");
    builds_path(header, "saved.h");
    builds_path(nowhere, "nowhere/saved.h");
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_build_options o = foreign();
    rnnc_artifact *a = builds_make(&f, &o);
    check_object(a);
    remove(object);
    remove(header);
    fixture_refused(rnnc_artifact_save(a, object, nowhere, NULL, f.d), RNNC_IO, f.d, "nowhere/saved.h");
    fixture_refused(rnnc_artifact_save(a, nowhere, header, NULL, f.d), RNNC_IO, f.d, "nowhere/saved.h");
    fixture_refused(rnnc_artifact_save(a, object, object, NULL, f.d), RNNC_INVALID_ARGUMENT, f.d, "twice");
    builds_path(other, "./saved.o");
    fixture_refused(rnnc_artifact_save(a, object, other, NULL, f.d), RNNC_INVALID_ARGUMENT, f.d, "twice");
    fixture_refused(rnnc_artifact_save(a, object, header, nowhere, f.d), RNNC_INVALID_ARGUMENT, f.d,
                    "weights_apart was not asked for");
    assert_false(builds_exists("saved.o") || builds_exists("saved.h"));
    fixture_ok(rnnc_artifact_save(a, object, NULL, NULL, f.d), f.d);
    assert_true(builds_exists("saved.o"));
    assert_false(builds_exists("saved.h"));
    fixture_ok(rnnc_artifact_save(a, NULL, NULL, NULL, f.d), f.d);
    rnnc_artifact_destroy(a);
    fixture_free(&f);
}

// ---- Linkers ----

static void test_linkers(void **state) {
    (void)state;
    if (fixture_is_slow()) {
        skip();
    }
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_build_options o = builds_options();
    o.cpu = fixture_cpu();
    o.kind = RNNC_BUILD_SHARED;
    o.cc = "true";
    refuse(&f, &o, RNNC_IO, "true cannot link the model's object");
    o.cc = "/tmp";
    refuse(&f, &o, RNNC_IO, "there is no /tmp to link it");
    o.cc = NULL;
    o.file_name = "some,-z,lib.so"; // no words for the linker
    rnnc_artifact *a = builds_make(&f, &o);
    const rnnc_bytes *binary = rnnc_artifact_file(a, RNNC_FILE_BINARY);
    assert_non_null(
        memmem(rnnc_bytes_data(binary), rnnc_bytes_size(binary), o.file_name, strlen(o.file_name) + 1));
    rnnc_artifact_destroy(a);
    fixture_free(&f);
}

// ---- The caller's memory ----

static void test_memory(void **state) {
    (void)state;
    counter c = {0};
    rnnc_allocator memory = counter_allocator(&c);
    fixture f = fixture_make(fixture_series, RNNC_FORWARD);
    rnnc_build_options o = foreign();
    o.allocator = &memory;
    o.weights_apart = o.size_report = 1;
    rnnc_artifact *a = NULL;
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    for (int at = 1; status == RNNC_OUT_OF_MEMORY; at++) {
        c = (counter){.fail_at = at};
        status = rnnc_build(f.model, f.weights, &o, f.d, &a);
        assert_int_equal(a != NULL, status == RNNC_OK);
        assert_int_equal(c.out, status == RNNC_OK ? 5 : 0);
        rnnc_diagnostics_clear(f.d);
    }
    fixture_ok(status, f.d);
    fixture_free(&f);
    check_object(a);
    rnnc_inspect_options how = RNNC_INSPECT_OPTIONS;
    how.allocator = &memory;
    rnnc_bytes *text = NULL;
    c.fail_at = c.calls + 1;
    const rnnc_bytes *binary = rnnc_artifact_file(a, RNNC_FILE_BINARY);
    assert_int_equal(rnnc_inspect(rnnc_bytes_data(binary), rnnc_bytes_size(binary), &how, NULL, &text),
                     RNNC_OUT_OF_MEMORY);
    c.fail_at = 0;
    assert_int_equal(rnnc_inspect(rnnc_bytes_data(binary), rnnc_bytes_size(binary), &how, NULL, &text),
                     RNNC_OK);
    assert_int_equal(c.out, 6);
    rnnc_bytes_destroy(text);
    rnnc_artifact_destroy(a);
    assert_int_equal(c.out, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unseen),       cmocka_unit_test(test_abort),
        cmocka_unit_test(test_handlers),     cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_null),
        cmocka_unit_test(test_bad_options),  cmocka_unit_test(test_bad_weights),
        cmocka_unit_test(test_saving),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_linkers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
