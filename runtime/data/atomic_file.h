// Files that appear complete or not at all: written under a temporary name in the same folder, synced,
// renamed.
#ifndef RNNC_RUNTIME_DATA_ATOMIC_FILE_H
#define RNNC_RUNTIME_DATA_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "support/diag.h"
#include "support/status.h"

// A file being written. Whatever stood at the path stays untouched until atomic_file_commit.
// A path that leads to a device or a pipe (/dev/stdout) is written directly, since it must not be replaced.
typedef struct atomic_file {
    const char *path; // as the caller gave it, borrowed; begins every message
    char *target;     // the same with symbolic links followed
    char *temporary;  // NULL when written directly
    int descriptor;
} atomic_file;

// Each of the first four reports at most one error, with the system's own words, and removes the temporary
// file when it fails; after a failure the atomic_file is closed and needs no further call.
rnnc_status atomic_file_open(const char *path, diag_sink *d, atomic_file *out_file);
rnnc_status atomic_file_add(atomic_file *f, const void *bytes, size_t size, diag_sink *d);
rnnc_status atomic_file_commit(atomic_file *f, diag_sink *d);
// Before the commit: whoever may read the file may run it, too.
rnnc_status atomic_file_make_program(atomic_file *f, diag_sink *d);
// Gives up without an error: for a caller that failed elsewhere. No effect on a closed file.
void atomic_file_abandon(atomic_file *f);

// Open, add, commit.
rnnc_status atomic_file_write(const char *path, const void *bytes, size_t size, diag_sink *d);

// Bytes of the folder of |path| with its final slash; 0 for the current one.
size_t path_folder_length(const char *path);
// Reports "PATH: cannot ACTION: <the text of errno value |error|>" and returns RNNC_IO.
rnnc_status file_error(diag_sink *d, const char *path, const char *action, int error);
// Writes all of |size| bytes to |descriptor|; 0, or the errno value of the failure.
int write_fully(int descriptor, const void *bytes, size_t size);

#endif
