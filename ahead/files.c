#include "ahead/build.h"
#include "runtime/data/atomic_file.h"

static rnnc_status fill_file(const build_file *from, diag_sink *d, atomic_file *to) {
    TRY(atomic_file_add(to, from->bytes, from->size, d));
    return from->program ? atomic_file_make_program(to, d) : RNNC_OK;
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
    for (int i = 0; i < count; i++) {
        if (status == RNNC_OK) {
            status = atomic_file_commit(&open[i], d);
        } else {
            atomic_file_abandon(&open[i]);
        }
    }
    return status;
}
