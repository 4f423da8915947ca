// What the tests of runtime/data share: a sink whose messages are compared, and files in a scratch folder.
#ifndef RNNC_TESTS_UNIT_DATA_FILES_H
#define RNNC_TESTS_UNIT_DATA_FILES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "runtime/data/gzfile.h"
#include "support/diag.h"

enum { PATH_SPACE = 4096 };

// Each test works in an empty folder of its own, which is the current one while it runs.
typedef struct fixture {
    diag_sink sink;
    char folder[PATH_SPACE];
    char before[PATH_SPACE];
} fixture;

static inline int enter_folder(void **state) {
    fixture *f = calloc(1, sizeof *f);
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(f->folder, sizeof f->folder, "%s/dataXXXXXX", scratch && *scratch ? scratch : "/tmp");
    if (!getcwd(f->before, sizeof f->before) || !mkdtemp(f->folder) || chdir(f->folder)) {
        free(f);
        return -1;
    }
    diag_init(&f->sink);
    *state = f;
    return 0;
}

static inline int leave_folder(void **state) {
    fixture *f = *state;
    DIR *entries = opendir(".");
    for (struct dirent *e = entries ? readdir(entries) : NULL; e; e = readdir(entries)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlink(e->d_name)) {
            rmdir(e->d_name);
        }
    }
    closedir(entries);
    int failed = chdir(f->before) || rmdir(f->folder);
    diag_deinit(&f->sink);
    free(f);
    return failed;
}

#define data_test(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

// The message of the newest error or note.
static inline const char *last_message(const fixture *f) {
    return f->sink.entries.count ? f->sink.entries.at[f->sink.entries.count - 1].message : "";
}

// The call failed with |status|, reported one error more, and its message contains |part|.
#define assert_fails(f, call, status, part)                                          \
    do {                                                                             \
        uint32_t errors_before_ = (f)->sink.error_count;                             \
        assert_int_equal((call), (status));                                          \
        assert_int_equal((f)->sink.error_count, errors_before_ + 1);                 \
        if (errors_before_ < DIAG_ERROR_LIMIT && !strstr(last_message(f), (part))) { \
            fail_msg("message \"%s\" lacks \"%s\"", last_message(f), (part));        \
        }                                                                            \
    } while (0)

static inline void forget_messages(fixture *f) {
    diag_deinit(&f->sink);
    diag_init(&f->sink);
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void write_gzip(const char *path, const void *bytes, size_t size) {
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

static inline file_bytes read_file(fixture *f, const char *path) {
    file_bytes bytes = {0};
    assert_int_equal(gzfile_read(path, 0, &f->sink, &bytes), RNNC_OK);
    return bytes;
}

static inline file_view text_view(const char *text) {
    return (file_view){"t", (const uint8_t *)text, strlen(text)};
}

// An exactly as long copy on the heap, so that a sanitizer or valgrind sees reads past the end. Free it.
static inline uint8_t *exact_copy(const void *bytes, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static inline size_t count_files(void) {
    size_t count = 0;
    DIR *entries = opendir(".");
    assert_non_null(entries);
    while (readdir(entries)) {
        count++;
    }
    closedir(entries);
    return count - 2;
}

#endif
