// Linkers, run as processes in a folder of their own.
#include "ahead/tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/gzfile.h"

enum { MOST_SHOWN = 1500 };
static const char log_name[] = "log";

// ---- Finding ----

static bool can_run(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0;
}

bool find_tool(const char *name) {
    if (strchr(name, '/')) {
        return can_run(name);
    }
    const char *folders = getenv("PATH");
    for (const char *at = folders ? folders : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        char path[PATH_MAX];
        int whole = snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name);
        if (length && whole > 0 && (size_t)whole < sizeof path && can_run(path)) {
            return true;
        }
        at += length + (at[length] == ':');
    }
    return false;
}

const char *find_wasm_linker(void) {
    static const char *const names[] = {"wasm-ld-19", "wasm-ld"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (find_tool(names[i])) {
            return names[i];
        }
    }
    return NULL;
}

// ---- The folder ----

rnnc_status workplace_open(diag_sink *d, workplace *out_place) {
    static const char ending[] = "/rnnc-XXXXXX";
    const char *folder = getenv("TMPDIR");
    bool fits = folder && *folder == '/' && strlen(folder) + sizeof ending <= sizeof out_place->path;
    folder = fits ? folder : "/tmp";
    snprintf(out_place->path, sizeof out_place->path, "%s%s", folder, ending);
    if (!mkdtemp(out_place->path)) {
        int error = errno;
        *out_place = (workplace){""};
        return file_error(d, folder, "make a folder for the linker there", error);
    }
    return RNNC_OK;
}

void workplace_close(workplace *w) {
    DIR *folder = *w->path ? opendir(w->path) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder) {
        closedir(folder);
        rmdir(w->path);
    }
    *w = (workplace){""};
}

// ---- Running ----

// A compiler waits for programs of its own, so signals are as they are to begin with.
static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGCHLD);
    sigaddset(&usual, SIGPIPE);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    error = error ? error : posix_spawnattr_setsigdefault(attributes, &usual);
    return error ? error
                 : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int start_with(posix_spawn_file_actions_t *actions, const char *log, const char *const *argv,
                      pid_t *out_child) {
    posix_spawnattr_t attributes;
    int error = posix_spawnattr_init(&attributes);
    if (error) {
        return error;
    }
    error = set_signals(&attributes);
    error = error ? error
                  : posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, log,
                                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    error = error ? error : posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    error =
        error ? error : posix_spawnp(out_child, argv[0], actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int start(const char *log, const char *const *argv, pid_t *out_child) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return error;
    }
    error = start_with(&actions, log, argv, out_child);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static rnnc_status report(const char *tool, const char *log, diag_sink *d) {
    diag_sink nobody;
    diag_init(&nobody);
    file_bytes said = {0};
    gzfile_read(log, 0, &nobody, &said);
    diag_deinit(&nobody);
    int shown = said.size < MOST_SHOWN ? (int)said.size : MOST_SHOWN;
    rnnc_status status = diag_fail(d, RNNC_IO, NO_SPAN, "%s cannot link the model's object%s%.*s", tool,
                                   shown ? ": " : "", shown, said.data ? (const char *)said.data : "");
    file_bytes_deinit(&said);
    return status;
}

// Whether |child| has made |result| and ended well; where somebody else has been told how, |result| alone says so.
static bool ends_well(pid_t child, const char *result) {
    int end = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &end, 0)) < 0 && errno == EINTR) {
    }
    bool well = ended < 0 || (WIFEXITED(end) && WEXITSTATUS(end) == 0);
    return well && access(result, F_OK) == 0;
}

rnnc_status run_tool(const workplace *w, const char *const *argv, const char *result, diag_sink *d) {
    char log[sizeof w->path + sizeof log_name + 1];
    snprintf(log, sizeof log, "%s/%s", w->path, log_name);
    pid_t child;
    int error = start(log, argv, &child);
    if (error) {
        return file_error(d, argv[0], "run", error);
    }
    return ends_well(child, result) ? RNNC_OK : report(argv[0], log, d);
}
