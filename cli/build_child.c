#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/build.h"
#include "runtime/data/atomic_file.h"

// What the child writes: its status in one byte, then the object, or the text of the first error.

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

static int run_child(const codegen *c, const target_facts *facts, const ahead_request *r, int to) {
    silence();
    diag_sink d;
    diag_init(&d);
    strbuf object = {0};
    rnnc_status status = codegen_build_ahead(c, facts, r, &d, &object);
    status = status == RNNC_OK && object.failed ? RNNC_OUT_OF_MEMORY : status;
    const char *why = d.entries.count ? d.entries.at[0].message : status_text(status);
    char first = (char)status;
    bool sent = write_fully(to, &first, 1) == 0 &&
                (status == RNNC_OK ? write_fully(to, object.text, object.length) == 0
                                   : write_fully(to, why, strlen(why)) == 0);
    return sent ? 0 : 1;
}

static rnnc_status take_answer(const strbuf *answer, int end, const char *target, diag_sink *d, strbuf *out) {
    if (!WIFEXITED(end) || WEXITSTATUS(end) != 0 || answer->length < 1) {
        return diag_fail(
            d, RNNC_UNSUPPORTED, NO_SPAN, "LLVM cannot compile this model for %s: it gave up (%s %d)", target,
            WIFSIGNALED(end) ? "signal" : "exit code", WIFSIGNALED(end) ? WTERMSIG(end) : WEXITSTATUS(end));
    }
    rnnc_status status = (rnnc_status)answer->text[0];
    if (status != RNNC_OK) {
        return diag_fail(d, status, NO_SPAN, "%s", answer->text + 1);
    }
    strbuf_add_bytes(out, answer->text + 1, answer->length - 1);
    return out->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}

static rnnc_status no_child(diag_sink *d) {
    return diag_fail(d, RNNC_IO, NO_SPAN, "no process to compile in: %s", strerror(errno));
}

rnnc_status build_in_child(const codegen *c, const target_facts *facts, const ahead_request *r, diag_sink *d,
                           strbuf *out) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return no_child(d);
    }
    pid_t child = fork();
    if (child < 0) {
        rnnc_status status = no_child(d);
        close(ends[0]);
        close(ends[1]);
        return status;
    }
    if (child == 0) {
        // Nothing of the parent's is flushed or taken down here.
        _exit(run_child(c, facts, r, ends[1]));
    }
    close(ends[1]);
    strbuf answer = {0};
    bool whole = read_all(ends[0], &answer);
    close(ends[0]);
    int end = 0;
    while (waitpid(child, &end, 0) < 0 && errno == EINTR) {
    }
    rnnc_status status =
        whole ? take_answer(&answer, end, facts->triple ? facts->triple : "this machine", d, out)
              : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the object");
    strbuf_deinit(&answer);
    return status;
}
