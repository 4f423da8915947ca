#include "ahead/build.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/data/atomic_file.h"

static rnnc_status fill_file(const build_file *from, diag_sink *d, atomic_file *to) {
    TRY(atomic_file_add(to, from->bytes, from->size, d));
    return from->program ? atomic_file_make_program(to, d) : RNNC_OK;
}

static bool stat_folder(const char *path, struct stat *out) {
    char folder[PATH_MAX];
    int length = (int)path_folder_length(path);
    int whole = snprintf(folder, sizeof folder, "%.*s.", length, path);
    return whole > 0 && (size_t)whole < sizeof folder && stat(folder, out) == 0;
}

// Whether two files, which need not be there yet, would have one name in one folder. Devices have no target.
static bool is_same_target(const atomic_file *a, const atomic_file *b) {
    struct stat first, second;
    return a->target && b->target &&
           strcmp(a->target + path_folder_length(a->target), b->target + path_folder_length(b->target)) ==
               0 &&
           stat_folder(a->target, &first) && stat_folder(b->target, &second) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static rnnc_status check_targets(const atomic_file *files, int count, diag_sink *d) {
    for (int i = 0; i < count; i++) {
        for (int k = i + 1; k < count; k++) {
            if (is_same_target(&files[i], &files[k])) {
                return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                 "%s would be written twice: give each file a name of its own",
                                 files[k].path);
            }
        }
    }
    return RNNC_OK;
}

rnnc_status build_write(const build_file *files, diag_sink *d) {
    atomic_file open[BUILD_MOST_FILES];
    int count = 0;
    rnnc_status status = RNNC_OK;
    for (int i = 0; i < BUILD_MOST_FILES && status == RNNC_OK; i++) {
        if (files[i].path) {
            status = atomic_file_open(files[i].path, d, &open[count]);
            status = status == RNNC_OK ? fill_file(&files[i], d, &open[count++]) : status;
        }
    }
    status = status == RNNC_OK ? check_targets(open, count, d) : status;
    for (int i = 0; i < count; i++) {
        if (status == RNNC_OK) {
            status = atomic_file_commit(&open[i], d);
        } else {
            atomic_file_abandon(&open[i]);
        }
    }
    return status;
}
