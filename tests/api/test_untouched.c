// What the library leaves alone, in calls that work and in calls that fail: signals, open files, threads, environment,
// locale, standard output and error.
#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/fixture.h"

enum { SIGNALS = 65, ROWS = 3, STEPS = 9, INPUTS = 2 };

typedef struct surroundings {
    struct sigaction actions[SIGNALS];
    sigset_t blocked;
    stack_t stack;
    int files, threads, variables;
    mode_t mask;
    char locale[256];
} surroundings;

static int count_entries(const char *path) {
    DIR *folder = opendir(path);
    int count = 0;
    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

static void look_around(surroundings *s) {
    memset(s, 0, sizeof *s);
    for (int i = 1; i < SIGNALS; i++) {
        sigaction(i, NULL, &s->actions[i]);
    }
    sigprocmask(SIG_BLOCK, NULL, &s->blocked);
    sigaltstack(NULL, &s->stack);
    s->files = count_entries("/proc/self/fd");
    s->threads = count_entries("/proc/self/task");
    while (environ[s->variables]) {
        s->variables++;
    }
    s->mask = umask(022);
    umask(s->mask);
    snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
}

static void compare(const surroundings *a, const surroundings *b) {
    for (int i = 1; i < SIGNALS; i++) {
        if (a->actions[i].sa_handler != b->actions[i].sa_handler ||
            a->actions[i].sa_flags != b->actions[i].sa_flags) {
            fail_msg("signal %d has another handler", i);
        }
    }
    assert_memory_equal(&a->blocked, &b->blocked, sizeof a->blocked);
    assert_ptr_equal(a->stack.ss_sp, b->stack.ss_sp);
    assert_int_equal(a->files, b->files);
    assert_int_equal(a->threads, b->threads);
    assert_int_equal(a->variables, b->variables);
    assert_int_equal(a->mask, b->mask);
    assert_string_equal(a->locale, b->locale);
}

// A thread that was joined may be listed for a moment longer.
static void await_threads(int count) {
    for (int i = 0; i < 1000 && count_entries("/proc/self/task") > count; i++) {
        usleep(1000);
    }
}

// Both streams go to a file of their own meanwhile.
typedef struct silence {
    FILE *heard;
    int kept[2];
} silence;

static silence begin_silence(void) {
    silence s = {tmpfile(), {dup(STDOUT_FILENO), dup(STDERR_FILENO)}};
    fflush(NULL);
    assert_non_null(s.heard);
    for (int i = 0; i < 2; i++) {
        assert_true(s.kept[i] >= 0 && dup2(fileno(s.heard), STDOUT_FILENO + i) >= 0);
    }
    return s;
}

static void end_silence(silence *s) {
    struct stat heard;
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(s->kept[i], STDOUT_FILENO + i);
        close(s->kept[i]);
    }
    assert_int_equal(fstat(fileno(s->heard), &heard), 0);
    assert_int_equal(heard.st_size, 0);
    fclose(s->heard);
}

// Everything from the text to a training step, on three threads. Gives the first status that is not RNNC_OK.
static rnnc_status train_once(const char *text, bool uses_cache) {
    rnnc_model *m = NULL;
    rnnc_program *p = NULL;
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    float x[STEPS * ROWS * INPUTS] = {1};
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.purpose = RNNC_TRAIN;
    o.threads = 3;
    o.cpu = fixture_cpu();
    o.use_cache = uses_cache;
    rnnc_status first = rnnc_model_from_text(text, strlen(text), "m", NULL, NULL, &m);
    first = first ? first : rnnc_program_compile(m, &o, NULL, &p);
    first = first ? first : rnnc_weights_create(p, NULL, &w);
    first = first ? first : rnnc_weights_initialize(w, 1, NULL);
    first = first ? first : rnnc_context_create(p, w, NULL, &c);
    first = first ? first : rnnc_context_write_input(c, 0, RNNC_STEPS_FIRST, x, STEPS * ROWS * INPUTS, NULL);
    first = first ? first : rnnc_context_write_input(c, 1, RNNC_STEPS_FIRST, x, STEPS * ROWS, NULL);
    first = first ? first : rnnc_train_step(c, NULL, NULL);
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    rnnc_program_release(p);
    rnnc_model_release(m);
    return first;
}

static void test_untouched(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) {
        surroundings before, after;
        silence s = begin_silence();
        look_around(&before);
        rnnc_status worked = train_once(fixture_series, round),
                    failed = train_once("model m() { x = }", false);
        await_threads(before.threads);
        look_around(&after);
        end_silence(&s);
        assert_int_equal(worked, RNNC_OK);
        assert_int_equal(failed, RNNC_SYNTAX);
        compare(&before, &after);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_untouched)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
