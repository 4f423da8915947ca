// A model as an object file, or what is made of one, and a header for C: what `rnnc build` and rnnc_build() share.
#ifndef RNNC_AHEAD_BUILD_H
#define RNNC_AHEAD_BUILD_H

#include "codegen/backend.h"
#include "frontend/model.h"
#include "runtime/train/machine.h"
#include "runtime/train/speller.h"
#include "support/strbuf.h"

typedef enum build_kind {
    BUILD_OBJECT,  // NAME.o
    BUILD_ARCHIVE, // NAME.a
    BUILD_SHARED,  // NAME.so
    BUILD_MODULE,  // NAME.wasm
    BUILD_PROGRAM, // NAME
} build_kind;


// What is asked for, in the words of whoever asks: they stand in errors.
typedef struct build_terms {
    const char *target, *target_list, *cpu, *cc, *name, *train, *parallel, *weights_apart, *length, *object;
} build_terms;

typedef struct build_spelling {
    const char *input; // NULL: no vocabulary
    speller speller;
} build_spelling;

// A machine that is needed.
typedef struct build_wish {
    graph *graph;
    const kernel_backend *backend;
    const codegen *codegen; // behind the backend, or beside it
    const update_options *update;
    const int64_t *extents;
} build_wish;

// What only the caller can do. |user| is handed on to all of them.
typedef struct build_host {
    void *user;
    // Like machine_create.
    rnnc_status (*make_machine)(void *user, const build_wish *wish, diag_sink *d, machine *out_machine);
    // Fills the weights of |m|, or fails. NULL: there are none to begin with.
    rnnc_status (*load_weights)(void *user, machine *m, diag_sink *d);
    // How the tokens of an input of the model are spelt; |out_spelling| is all zeros, and stays so where there is no
    // vocabulary. What it borrows lives as long as the request. NULL: there is none.
    rnnc_status (*find_spelling)(void *user, const model *m, diag_sink *d, build_spelling *out_spelling);
} build_host;

typedef struct build_length {
    const char *axis;
    int64_t length;
} build_length;

// Everything is borrowed.
typedef struct build_request {
    const build_terms *terms;
    build_host host;
    const source_unit *unit;
    const model_options *options; // but for |training|
    build_kind kind;
    const char *file;   // what errors call the result; an archive's member and a library are named by it
    const char *name;   // what the functions' names begin with; NULL: the model's
    const char *target; // NULL or "native": this machine
    const char *cpu;    // NULL: as the target says
    const char *cc;     // that links; NULL: cc
    int64_t batch;      // at most; 0: the recipe's, or 1
    int64_t length;     // at most; 0: the recipe's
    const build_length *lengths; // by axis, where they differ
    size_t length_count;
    int64_t parallel;     // threads that a run may be shared out among; 0: there is no such run
    bool train;           // the object learns
    bool weights_apart;   // they are a file of their own
    bool sizes;           // a report of them is wanted
    bool cached;          // kernels that run here are looked for and kept in the user's cache
    bool in_this_process; // LLVM, which may end it
    uint64_t seed;        // of first weights, and of what is random
} build_request;

// Starts as all zeros.
typedef struct build_result {
    strbuf binary, header;
    strbuf weights; // nothing unless they are apart
    strbuf sizes;   // nothing unless they are wanted
} build_result;

// What can be said of a request before any work: numbers, kinds and targets that go together, the linker.
rnnc_status build_check(const build_request *r, diag_sink *d);
// Builds what a checked request asks for. Errors say what is wrong with the model, the weights or the target.
rnnc_status build_make(const build_request *r, diag_sink *d, build_result *out_result);
void build_result_deinit(build_result *result);

// Appends the targets that there are, one a line, with what they stand for, and whether this LLVM can do them.
rnnc_status build_list_targets(diag_sink *d, strbuf *out);

// ---- Files (files.c) ----

enum { BUILD_MOST_FILES = 3 };

typedef struct build_file {
    const char *path; // NULL: not wanted
    const char *bytes;
    size_t size;
    bool program; // it may be run
} build_file;

// Writes BUILD_MOST_FILES files, of which all appear, or none: what can fail for want of room has been done when the
// first one is named. Two paths that lead to one file are an error.
rnnc_status build_write(const build_file *files, diag_sink *d);

#endif
