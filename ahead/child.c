#include "ahead/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/data/atomic_file.h"

// What the child writes: this, then what it made, or the text of the first error.
typedef struct answer_head {
    uint64_t status, length; // of what follows
} answer_head;

// What LLVM says when it gives up is about itself; the parent says what it means.
static void silence(void) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDERR_FILENO);
    }
}

// Handlers are about the process that they were set in, and may write to what it shares with this one. What is ignored
// stays so.
static void forget_handlers(void) {
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        bool handled = sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN;
        if (handled || number == SIGALRM) {
            signal(number, SIG_DFL);
        }
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Without its parent nobody would read what the child makes: it ends with it, also if that has ended already.
static bool end_with(pid_t parent) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == parent;
}

static bool send_answer(int to, rnnc_status status, const char *bytes, size_t length) {
    answer_head head = {(uint64_t)status, length};
    return write_fully(to, &head, sizeof head) == 0 && write_fully(to, bytes, length) == 0;
}

// A process without standard descriptors may have got one of their numbers for the pipe.
static int keep_apart(int descriptor) {
    return fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static int run_child(child_work *work, void *user, int pipe_end) {
    int to = keep_apart(pipe_end);
    forget_handlers();
    silence();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    diag_sink d;
    diag_init(&d);
    strbuf made = {0};
    rnnc_status status = work(user, &d, &made);
    status = status == RNNC_OK && made.failed ? RNNC_OUT_OF_MEMORY : status;
    const char *why = d.entries.count ? d.entries.at[0].message : "";
    why = *why ? why : status_text(status);
    bool sent = status == RNNC_OK ? send_answer(to, status, strbuf_text(&made), made.length)
                                  : send_answer(to, status, why, strlen(why));
    return sent ? 0 : 1;
}

// ---- The parent ----

// Whether |answer| is all that its head announces.
static bool is_whole(const strbuf *answer) {
    answer_head head;
    if (answer->length < sizeof head) {
        return false;
    }
    memcpy(&head, answer->text, sizeof head);
    return answer->length - sizeof head >= head.length;
}

// What is known of the child while its answer comes.
typedef struct watch {
    pid_t child;
    int from;         // where it answers
    int ended;        // can be read when it has ended; -1: that has been already, or the system is too old
    bool gone;        // it had ended at once
    int idle_seconds; // that it may stand still
    bool stood_still; // for so long
} watch;

static watch watch_begin(pid_t child, int from, int idle_seconds) {
    watch w = {.child = child, .from = from, .idle_seconds = idle_seconds};
    w.ended = (int)syscall(SYS_pidfd_open, child, 0);
    w.gone = w.ended < 0 && errno == ESRCH;
    return w;
}

static void watch_end(const watch *w) {
    if (w->ended >= 0) {
        close(w->ended);
    }
}

// Nanoseconds that |child| has computed; -1: nobody knows.
static int64_t time_of(pid_t child) {
    clockid_t clock;
    struct timespec t;
    bool known = clock_getcpuclockid(child, &clock) == 0 && clock_gettime(clock, &t) == 0;
    return known ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : -1;
}

// Waits until there is something to read or the child has ended. A lock that another thread had when the child was made is
// never opened there: a child that does nothing at all for long is ended.
static void wait_for_news(watch *w, struct pollfd *both) {
    int64_t before = time_of(w->child);
    int idle = 0, ready = 0;
    while (idle < w->idle_seconds && (ready = poll(both, 2, 1000)) <= 0) {
        int64_t now = time_of(w->child);
        bool moves = now != before || now < 0;
        idle = moves ? 0 : idle + (ready == 0);
        before = now;
    }
    if (ready <= 0) {
        w->stood_still = true;
        syscall(SYS_pidfd_send_signal, w->ended, SIGKILL, NULL, 0);
    }
}

// Whether there is something to read; if not, nothing more will come. Where nobody can tell that the child has ended, the
// pipe must close.
static bool wait_for_more(watch *w) {
    struct pollfd both[] = {{.fd = w->from, .events = POLLIN}, {.fd = w->ended, .events = POLLIN}};
    if (w->ended >= 0) {
        wait_for_news(w, both);
    }
    bool ended = w->gone || both[1].revents || w->stood_still;
    // Its last words may have come between the looks at the two.
    while (!both[0].revents && poll(both, 1, ended ? 0 : -1) < 0 && errno == EINTR) {
    }
    return both[0].revents != 0;
}

static bool read_some(int from, strbuf *out) {
    char bytes[65536];
    ssize_t got = read(from, bytes, sizeof bytes);
    strbuf_add_bytes(out, bytes, got > 0 ? (size_t)got : 0);
    return got > 0 || (got < 0 && errno == EINTR);
}

// Reads what comes; false: out of memory. The pipe need not close when the child ends: whatever else this process forks
// in the meantime, another build's child or a host's, has it, too.
static bool read_all(watch *w, strbuf *out) {
    bool more = true;
    while (more && !out->failed && !is_whole(out)) {
        more = wait_for_more(w) && read_some(w->from, out);
    }
    return !out->failed;
}

// Waits for the end of |child|. |out_how| says what it was.
static void wait_for(pid_t child, char *out_how, size_t size) {
    int end = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &end, 0)) < 0 && errno == EINTR) {
    }
    if (ended < 0) {
        *out_how = '\0'; // somebody else has been told
    } else if (WIFSIGNALED(end)) {
        snprintf(out_how, size, " (signal %d)", WTERMSIG(end));
    } else {
        snprintf(out_how, size, " (exit code %d)", WEXITSTATUS(end));
    }
}

static rnnc_status take_answer(const strbuf *answer, const char *failure, const char *how, diag_sink *d,
                               strbuf *out) {
    answer_head head = {0, 0};
    if (answer->length >= sizeof head) {
        memcpy(&head, answer->text, sizeof head);
    }
    if (answer->length < sizeof head || head.length != answer->length - sizeof head) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: it gave up%s", failure, how);
    }
    const char *bytes = answer->text + sizeof head;
    if (head.status != RNNC_OK) {
        return diag_fail(d, (rnnc_status)head.status, NO_SPAN, "%s", bytes);
    }
    strbuf_add_bytes(out, bytes, head.length);
    return out->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}

static rnnc_status no_child(diag_sink *d) {
    return diag_fail(d, RNNC_IO, NO_SPAN, "no process for LLVM: %s", strerror(errno));
}

static rnnc_status read_answer(watch *w, const char *failure, diag_sink *d, strbuf *out) {
    strbuf answer = {0};
    char how[64];
    bool whole = read_all(w, &answer);
    close(w->from);
    wait_for(w->child, how, sizeof how);
    if (w->stood_still) {
        snprintf(how, sizeof how, ": it stood still for %d seconds", w->idle_seconds);
    }
    rnnc_status status = whole ? take_answer(&answer, failure, how, d, out)
                               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what LLVM makes");
    strbuf_deinit(&answer);
    return status;
}

rnnc_status run_in_child(child_work *work, void *user, const char *failure, int idle_seconds, diag_sink *d,
                         strbuf *out) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return no_child(d);
    }
    // No handler runs in the child before it has forgotten them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        // Nothing of the parent's is flushed or taken down here.
        _exit(end_with(parent) ? run_child(work, user, ends[1]) : 1);
    }
    rnnc_status status = child < 0 ? no_child(d) : RNNC_OK;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return status;
    }
    watch w = watch_begin(child, ends[0], idle_seconds);
    status = read_answer(&w, failure, d, out);
    watch_end(&w);
    return status;
}
