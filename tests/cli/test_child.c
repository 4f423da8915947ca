// Work in a process of its own: however that ends, it is a result or one error here.
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ahead/child.h"

typedef struct outcome {
    rnnc_status status;
    char said[256]; // the first error
    strbuf out;
} outcome;

static outcome try_work_for(child_work *work, void *user, int idle_seconds) {
    outcome o = {0};
    diag_sink d;
    diag_init(&d);
    o.status = run_in_child(work, user, "LLVM cannot compile this", idle_seconds, &d, &o.out);
    snprintf(o.said, sizeof o.said, "%s", d.entries.count ? d.entries.at[0].message : "");
    diag_deinit(&d);
    return o;
}

static outcome try_work(child_work *work, void *user) {
    return try_work_for(work, user, CHILD_IDLE_SECONDS);
}

static rnnc_status make_much(void *user, diag_sink *d, strbuf *out) {
    (void)d;
    for (int i = 0; i < 300000; i++) {
        strbuf_add(out, user);
    }
    return RNNC_OK;
}

static void what_is_made_comes_back(void **state) {
    (void)state;
    char text[] = "word";
    outcome o = try_work(make_much, text);
    assert_int_equal(o.status, RNNC_OK);
    assert_int_equal(o.out.length, 300000 * strlen(text));
    assert_memory_equal(o.out.text + o.out.length - 8, "wordword", 8);
    strbuf_deinit(&o.out);
}

static rnnc_status fail_politely(void *user, diag_sink *d, strbuf *out) {
    (void)user;
    strbuf_add(out, "half of it");
    return diag_fail(d, RNNC_TYPE, NO_SPAN, "no such thing");
}

static void an_error_is_handed_on(void **state) {
    (void)state;
    outcome o = try_work(fail_politely, NULL);
    assert_int_equal(o.status, RNNC_TYPE);
    assert_string_equal(o.said, "no such thing");
    assert_int_equal(o.out.length, 0);
}

// As LLVM does with what it cannot select.
static rnnc_status give_up(void *user, diag_sink *d, strbuf *out) {
    (void)d;
    strbuf_add(out, "half of it");
    int signal = *(int *)user;
    if (signal) {
        raise(signal);
    }
    _exit(70);
}

static void an_end_is_an_error(void **state) {
    (void)state;
    int none = 0, killed = SIGKILL;
    outcome o = try_work(give_up, &none);
    assert_int_equal(o.status, RNNC_UNSUPPORTED);
    assert_string_equal(o.said, "LLVM cannot compile this: it gave up (exit code 70)");
    assert_int_equal(o.out.length, 0);
    o = try_work(give_up, &killed);
    assert_int_equal(o.status, RNNC_UNSUPPORTED);
    assert_string_equal(o.said, "LLVM cannot compile this: it gave up (signal 9)");
    assert_int_equal(o.out.length, 0);
}

// Says that it is there, and works for ever; |user|: the end of a pipe, which closes when the last that has it ends.
static rnnc_status work_on(void *user, diag_sink *d, strbuf *out) {
    (void)d;
    (void)out;
    if (write(*(int *)user, "!", 1) != 1) {
        _exit(1);
    }
    alarm(30);
    for (;;) {
        pause();
    }
}

// A killed command leaves nobody behind who goes on compiling for it.
static void it_ends_with_its_parent(void **state) {
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        close(ends[0]);
        try_work(work_on, &ends[1]);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    struct pollfd closed = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 10000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

// As a child does before a lock that another thread had.
static rnnc_status stand_still(void *user, diag_sink *d, strbuf *out) {
    (void)d;
    strbuf_add(out, user);
    sleep(60);
    return RNNC_OK;
}

// Computes for longer than it may stand still.
static rnnc_status compute_long(void *user, diag_sink *d, strbuf *out) {
    (void)d;
    strbuf_add(out, user);
    for (time_t begin = time(NULL); time(NULL) - begin < 4;) {
    }
    return RNNC_OK;
}

static void standing_still_is_an_error(void **state) {
    (void)state;
    char text[] = "half of it";
    time_t begin = time(NULL);
    outcome o = try_work_for(stand_still, text, 2);
    assert_in_range(time(NULL) - begin, 1, 30);
    assert_int_equal(o.status, RNNC_UNSUPPORTED);
    assert_string_equal(o.said, "LLVM cannot compile this: it gave up: it stood still for 2 seconds");
    assert_int_equal(o.out.length, 0);
    o = try_work_for(compute_long, text, 3);
    assert_int_equal(o.status, RNNC_OK);
    assert_string_equal(strbuf_text(&o.out), text);
    strbuf_deinit(&o.out);
}

enum { HELD_SECONDS = 30 };

// In memory of parent and child.
typedef struct shared {
    int signal;
    pid_t another;
} shared;

// Leaves somebody behind who has what this process has open, and ends as |user| says.
static rnnc_status leave_another(void *user, diag_sink *d, strbuf *out) {
    shared *s = user;
    pid_t another = fork();
    if (another == 0) {
        alarm(HELD_SECONDS);
        for (;;) {
            pause();
        }
    }
    strbuf_addf(out, "%ld", (long)another);
    s->another = another;
    return s->signal ? give_up(&s->signal, d, out) : RNNC_OK;
}

// The pipe of the answer stays open in whatever has been forked meanwhile; nobody waits for that.
static void the_pipe_may_be_held(void **state) {
    (void)state;
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    static const int signals[] = {0, SIGKILL};
    for (int i = 0; i < 2; i++) {
        *s = (shared){.signal = signals[i]};
        time_t begin = time(NULL);
        outcome o = try_work(leave_another, s);
        assert_in_range(time(NULL) - begin, 0, HELD_SECONDS / 2);
        assert_true(s->another > 0);
        kill(s->another, SIGKILL);
        assert_int_equal(o.status, signals[i] ? RNNC_UNSUPPORTED : RNNC_OK);
        assert_true(signals[i] || strtol(strbuf_text(&o.out), NULL, 10) == s->another);
        strbuf_deinit(&o.out);
    }
    munmap(s, sizeof *s);
}

// |closed|: bits of standard descriptors that the process does not have, as services do not.
static bool works_without(int closed) {
    char text[] = "word";
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        if (closed & 1 << descriptor) {
            close(descriptor);
        }
    }
    outcome o = try_work(make_much, text);
    bool works = o.status == RNNC_OK && o.out.length == 300000 * strlen(text);
    strbuf_deinit(&o.out);
    return works;
}

static void standard_descriptors_may_be_closed(void **state) {
    (void)state;
    for (int closed = 0; closed < 8; closed++) {
        int end = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(works_without(closed) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &end, 0), child);
        assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_comes_back),
        cmocka_unit_test(an_error_is_handed_on),
        cmocka_unit_test(an_end_is_an_error),
        cmocka_unit_test(it_ends_with_its_parent),
        cmocka_unit_test(the_pipe_may_be_held),
        cmocka_unit_test(standing_still_is_an_error),
        cmocka_unit_test(standard_descriptors_may_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
