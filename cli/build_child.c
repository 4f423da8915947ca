#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/build.h"
#include "runtime/data/atomic_file.h"

// What the child writes: its status in one byte, then what it made, or the text of the first error.

static bool read_all(int from, strbuf *out) {
    char bytes[65536];
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got == 0) {
            return !out->failed;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
        strbuf_add_bytes(out, bytes, got > 0 ? (size_t)got : 0);
    }
}

// What LLVM says when it gives up is about itself; the parent says what it means.
static void silence(void) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDERR_FILENO);
    }
}

// Without its parent nobody would read what the child makes: it ends with it, also if that has ended already.
static bool end_with(pid_t parent) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == parent;
}

static int run_child(child_work *work, void *user, int to) {
    silence();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    diag_sink d;
    diag_init(&d);
    strbuf made = {0};
    rnnc_status status = work(user, &d, &made);
    status = status == RNNC_OK && made.failed ? RNNC_OUT_OF_MEMORY : status;
    const char *why = d.entries.count ? d.entries.at[0].message : status_text(status);
    char first = (char)status;
    bool sent = write_fully(to, &first, 1) == 0 &&
                (status == RNNC_OK ? write_fully(to, strbuf_text(&made), made.length) == 0
                                   : write_fully(to, why, strlen(why)) == 0);
    return sent ? 0 : 1;
}

static rnnc_status take_answer(const strbuf *answer, int end, const char *failure, diag_sink *d,
                               strbuf *out) {
    if (!WIFEXITED(end) || WEXITSTATUS(end) != 0 || answer->length < 1) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: it gave up (%s %d)", failure,
                         WIFSIGNALED(end) ? "signal" : "exit code",
                         WIFSIGNALED(end) ? WTERMSIG(end) : WEXITSTATUS(end));
    }
    rnnc_status status = (rnnc_status)answer->text[0];
    if (status != RNNC_OK) {
        return diag_fail(d, status, NO_SPAN, "%s", answer->text + 1);
    }
    strbuf_add_bytes(out, answer->text + 1, answer->length - 1);
    return out->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}

static rnnc_status no_child(diag_sink *d) {
    return diag_fail(d, RNNC_IO, NO_SPAN, "no process for LLVM: %s", strerror(errno));
}

rnnc_status run_in_child(child_work *work, void *user, const char *failure, diag_sink *d, strbuf *out) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return no_child(d);
    }
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        rnnc_status status = no_child(d);
        close(ends[0]);
        close(ends[1]);
        return status;
    }
    if (child == 0) {
        // Nothing of the parent's is flushed or taken down here.
        _exit(end_with(parent) ? run_child(work, user, ends[1]) : 1);
    }
    close(ends[1]);
    strbuf answer = {0};
    bool whole = read_all(ends[0], &answer);
    close(ends[0]);
    int end = 0;
    while (waitpid(child, &end, 0) < 0 && errno == EINTR) {
    }
    rnnc_status status = whole ? take_answer(&answer, end, failure, d, out)
                               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what LLVM makes");
    strbuf_deinit(&answer);
    return status;
}

typedef struct build_work {
    const codegen *c;
    const target_facts *facts;
    const ahead_request *r;
} build_work;

static rnnc_status work_on_build(void *user, diag_sink *d, strbuf *out) {
    const build_work *b = user;
    return codegen_build_ahead(b->c, b->facts, b->r, d, out);
}

rnnc_status build_in_child(const codegen *c, const target_facts *facts, const ahead_request *r, diag_sink *d,
                           strbuf *out) {
    build_work work = {c, facts, r};
    char failure[256];
    snprintf(failure, sizeof failure, "LLVM cannot compile this model for %s",
             facts->triple ? facts->triple : "this machine");
    return run_in_child(work_on_build, &work, failure, d, out);
}
