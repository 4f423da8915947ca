#include "runtime/data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_TRIED = 100, LARGEST_WRITE = 1 << 30 };

rnnc_status file_error(diag_sink *d, const char *path, const char *action, int error) {
    char buffer[256];
    const char *reason = strerror_r(error, buffer, sizeof buffer);
    return diag_fail(d, RNNC_IO, NO_SPAN, "%s: cannot %s: %s", path, action, reason);
}

int write_fully(int descriptor, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size) {
        ssize_t written = write(descriptor, at, size < LARGEST_WRITE ? size : LARGEST_WRITE);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return written < 0 ? errno : EIO;
        }
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

void atomic_file_abandon(atomic_file *f) {
    if (f->descriptor >= 0) {
        close(f->descriptor);
    }
    if (f->temporary) {
        unlink(f->temporary);
    }
    free(f->temporary);
    free(f->target);
    *f = (atomic_file){.path = f->path, .descriptor = -1};
}

static rnnc_status give_up(atomic_file *f, const char *action, int error, diag_sink *d) {
    atomic_file_abandon(f);
    return file_error(d, f->path, action, error);
}

size_t path_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

// Creates a new file with a name of its own in the target's folder. The name does not contain the target's,
// which may already be as long as the system allows. Returns 0 or an errno value.
static int open_temporary(atomic_file *f) {
    size_t folder = path_folder_length(f->target), capacity = folder + 64;
    f->temporary = malloc(capacity);
    if (!f->temporary) {
        return ENOMEM;
    }
    for (int i = 0; i < NAMES_TRIED; i++) {
        memcpy(f->temporary, f->target, folder);
        snprintf(f->temporary + folder, 64, ".rnnc-%ld-%d.tmp", (long)getpid(), i);
        f->descriptor = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->descriptor >= 0 || errno != EEXIST) {
            break;
        }
    }
    int error = f->descriptor < 0 ? errno : 0;
    if (error) { // The name may be somebody else's file, so it must not be removed.
        free(f->temporary);
        f->temporary = NULL;
    }
    return error;
}

// realpath fails for a path that does not exist yet, and then there is no link to follow.
static char *follow_links(const char *path) {
    char *resolved = realpath(path, NULL);
    return resolved || errno != ENOENT ? resolved : strdup(path);
}

rnnc_status atomic_file_open(const char *path, diag_sink *d, atomic_file *out_file) {
    *out_file = (atomic_file){.path = path, .descriptor = -1};
    struct stat existing;
    bool exists = stat(path, &existing) == 0;
    if (exists && !S_ISREG(existing.st_mode)) {
        out_file->descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out_file->descriptor < 0 ? give_up(out_file, "write", errno, d) : RNNC_OK;
    }
    out_file->target = follow_links(path);
    if (!out_file->target) {
        return give_up(out_file, "write", errno, d);
    }
    int error = open_temporary(out_file);
    if (error) {
        return give_up(out_file, "write", error, d);
    }
    if (exists && fchmod(out_file->descriptor, existing.st_mode & 07777)) {
        return give_up(out_file, "keep the permissions", errno, d);
    }
    return RNNC_OK;
}

rnnc_status atomic_file_add(atomic_file *f, const void *bytes, size_t size, diag_sink *d) {
    int error = write_fully(f->descriptor, bytes, size);
    return error ? give_up(f, "write", error, d) : RNNC_OK;
}

rnnc_status atomic_file_make_program(atomic_file *f, diag_sink *d) {
    struct stat now;
    if (!f->temporary) {
        return RNNC_OK; // a device keeps its permissions
    }
    bool failed = fstat(f->descriptor, &now) != 0 ||
                  fchmod(f->descriptor, (now.st_mode & 07777) | (now.st_mode & 0444) >> 2) != 0;
    return failed ? give_up(f, "make a program of it", errno, d) : RNNC_OK;
}

// Some file systems cannot sync a folder; the file is then as safe as they make it.
static int sync_folder(const char *target) {
    size_t length = path_folder_length(target);
    char *folder = length ? strndup(target, length) : strdup(".");
    if (!folder) {
        return ENOMEM;
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (descriptor < 0) {
        return errno == EACCES ? 0 : errno;
    }
    int error = fsync(descriptor) ? errno : 0;
    close(descriptor);
    return error == EINVAL || error == EROFS ? 0 : error;
}

static rnnc_status commit_direct(atomic_file *f, diag_sink *d) {
    int error = close(f->descriptor) ? errno : 0;
    f->descriptor = -1;
    if (error) {
        return give_up(f, "write", error, d);
    }
    return RNNC_OK;
}

rnnc_status atomic_file_commit(atomic_file *f, diag_sink *d) {
    if (!f->temporary) {
        return commit_direct(f, d);
    }
    if (fsync(f->descriptor)) {
        return give_up(f, "write", errno, d);
    }
    int error = close(f->descriptor) ? errno : 0;
    f->descriptor = -1;
    if (error) {
        return give_up(f, "write", error, d);
    }
    if (rename(f->temporary, f->target)) {
        return give_up(f, "write", errno, d);
    }
    free(f->temporary);
    f->temporary = NULL;
    error = sync_folder(f->target);
    if (error) {
        return give_up(f, "sync the folder of the new file", error, d);
    }
    atomic_file_abandon(f);
    return RNNC_OK;
}

rnnc_status atomic_file_write(const char *path, const void *bytes, size_t size, diag_sink *d) {
    atomic_file file;
    TRY(atomic_file_open(path, d, &file));
    TRY(atomic_file_add(&file, bytes, size, d));
    return atomic_file_commit(&file, d);
}
