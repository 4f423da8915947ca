// What the tests of building ahead of time share: a model, its weights, files, and commands.
#ifndef RNNC_TESTS_API_BUILDS_H
#define RNNC_TESTS_API_BUILDS_H

#include <stdbool.h>
#include <sys/wait.h>

#include "tests/api/fixture.h"

enum { BUILDS_ROWS = 3, BUILDS_STEPS = 9, BUILDS_INPUTS = 2, BUILDS_VALUES = BUILDS_ROWS * BUILDS_STEPS };

static inline const char *builds_folder(void) {
    const char *scratch = getenv("RNNC_SCRATCH");
    return scratch ? scratch : "/tmp";
}

static inline void builds_path(char path[4096], const char *name) {
    snprintf(path, 4096, "%.3900s/%.128s", builds_folder(), name);
}

static inline void builds_write(const char *name, const void *bytes, size_t size) {
    char path[4096];
    builds_path(path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline bool builds_exists(const char *name) {
    char path[4096];
    builds_path(path, name);
    FILE *file = fopen(path, "rb");
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

// Runs |command| in the tests' folder; what it says is in the file "said". Returns its exit code.
static inline int builds_shell(const char *command) {
    char line[8192];
    int length = snprintf(line, sizeof line, "cd '%s' && { %s ; } >said 2>&1", builds_folder(), command);
    assert_in_range(length, 1, (int)sizeof line - 1);
    int end = system(line);
    return WIFEXITED(end) ? WEXITSTATUS(end) : -1;
}

static inline void builds_must(const char *command) {
    int code = builds_shell(command);
    if (code) {
        print_error("exit code %d: %s\n", code, command);
    }
    assert_int_equal(code, 0);
}

// The file |name| has just these bytes.
static inline void builds_same(const char *name, const rnnc_bytes *bytes) {
    char path[4096];
    builds_path(path, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = rnnc_bytes_size(bytes), at = 0;
    const char *data = rnnc_bytes_data(bytes);
    int byte = 0;
    while ((byte = fgetc(file)) != EOF && at < size && (char)byte == data[at]) {
        at++;
    }
    fclose(file);
    if (byte != EOF || at != size) {
        print_error("%s differs at byte %zu of %zu\n", name, at, size);
    }
    assert_true(byte == EOF && at == size);
}

static inline rnnc_build_options builds_options(void) {
    rnnc_build_options o = RNNC_BUILD_OPTIONS;
    o.max_batch = BUILDS_ROWS;
    o.max_length = BUILDS_STEPS;
    o.use_cache = 1;
    return o;
}

// The fixture's model, with weights after three steps of training.
static inline fixture builds_trained(void) {
    fixture f = fixture_make(fixture_series, RNNC_TRAIN);
    float values[BUILDS_VALUES * BUILDS_INPUTS], next[BUILDS_VALUES];
    fixture_fill(values, BUILDS_VALUES * BUILDS_INPUTS, 1);
    fixture_fill(next, BUILDS_VALUES, 2);
    for (int i = 0; i < 3; i++) {
        fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_STEPS_FIRST, values,
                                            BUILDS_VALUES * BUILDS_INPUTS, f.d),
                   f.d);
        fixture_ok(rnnc_context_write_input(f.context, 1, RNNC_STEPS_FIRST, next, BUILDS_VALUES, f.d), f.d);
        fixture_ok(rnnc_train_step(f.context, f.d, NULL), f.d);
    }
    return f;
}

static inline rnnc_artifact *builds_make(const fixture *f, const rnnc_build_options *o) {
    rnnc_artifact *a = NULL;
    fixture_ok(rnnc_build(f->model, f->weights, o, f->d, &a), f->d);
    assert_non_null(a);
    return a;
}

// Writes the files that |a| has as NAME.h, NAME.weights and NAME with |ending|.
static inline void builds_save(const rnnc_artifact *a, const char *name, const char *ending) {
    char file[128], binary[4096], header[4096], weights[4096];
    snprintf(file, sizeof file, "%s%s", name, ending);
    builds_path(binary, file);
    snprintf(file, sizeof file, "%s.h", name);
    builds_path(header, file);
    snprintf(file, sizeof file, "%s.weights", name);
    builds_path(weights, file);
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    bool apart = rnnc_artifact_file(a, RNNC_FILE_WEIGHTS) != NULL;
    fixture_ok(rnnc_artifact_save(a, binary, header, apart ? weights : NULL, d), d);
    rnnc_diagnostics_destroy(d);
}

#endif
