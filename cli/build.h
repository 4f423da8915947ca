// What only `build` needs.
#ifndef RNNC_CLI_BUILD_H
#define RNNC_CLI_BUILD_H

#include "cli/command.h"
#include "codegen/ahead.h"
#include "runtime/ahead_train.h"
#include "runtime/train/speller_tables.h"

// Work with LLVM in a process of its own: LLVM ends the process that asks for what it cannot do, and that
// end, however it comes, is here an error that begins with |failure|. What the work writes is appended to
// |out|.
typedef rnnc_status child_work(void *user, diag_sink *d, strbuf *out);
rnnc_status run_in_child(child_work *work, void *user, const char *failure, diag_sink *d, strbuf *out);
// codegen_build_ahead there.
rnnc_status build_in_child(const codegen *c, const target_facts *facts, const ahead_request *r, diag_sink *d,
                           strbuf *out);

// ---- The vocabulary of a text model (build_text.c) ----

// Starts as all zeros.
typedef struct build_text {
    carried_data carried;
    bool is_text; // the model reads tokens of a vocabulary: |tables| is filled
    ahead_text tables;
    const char *input; // that reads them
    int64_t classes;   // of that input
} build_text;

// Looks for the vocabulary of |m|'s input in the file of weights; finding none is no error.
rnnc_status build_text_load(const command_line *line, const model *m, diag_sink *d, build_text *out_text);
// Adds the vocabulary, if there is one, to |r|, which then borrows from |t|; |e| runs the program.
void build_text_attach(build_text *t, const engine *e, ahead_request *r);
void build_text_deinit(build_text *t);

// ---- What the object becomes (build_kind.c) ----

typedef enum build_kind {
    BUILD_OBJECT,  // NAME.o
    BUILD_ARCHIVE, // NAME.a
    BUILD_SHARED,  // NAME.so
    BUILD_MODULE,  // NAME.wasm
    BUILD_PROGRAM, // NAME
} build_kind;

// The kind that the ending of --output says. Errors: another ending; a kind that the target cannot have; no linker,
// with the name of the package that has one.
rnnc_status choose_kind(const command_line *line, diag_sink *d, build_kind *out_kind);
// Makes of |object| what |kind| says. |header| is the text of the object's header.
rnnc_status finish_object(const command_line *line, build_kind kind, const strbuf *header, diag_sink *d,
                          strbuf *object);

// ---- Programs of others (build_tool.c) ----

// The linker of WebAssembly on this machine, or NULL.
const char *find_wasm_linker(void);
// Whether |name| is a program that can be run, looked for as a shell does.
bool find_tool(const char *name);

// A folder for files that are gone when it is closed.
typedef struct workplace {
    char path[64]; // "" where there is none
} workplace;

rnnc_status workplace_open(diag_sink *d, workplace *out_place);
void workplace_close(workplace *w);
// Runs argv[0] with |argv|, which NULL ends, and waits for its end. Another end than exit code 0 is an error that shows
// what it wrote, which is kept in |w| so long.
rnnc_status run_tool(const workplace *w, const char *const *argv, diag_sink *d);
// ---- inspect.c ----

// Appends what the object |bytes| holds: sizes of its code by kernel, and of its data.
rnnc_status report_sizes(const codegen *c, const strbuf *object, diag_sink *d, strbuf *out);
// Largest extents of a run; an error if that of a sequence is not known.
rnnc_status choose_maxima(const command_line *line, const model *m, diag_sink *d, int64_t *out_extents);

// ---- An object that learns (build_train.c) ----

enum { BUILD_MOST_THREADS = 256 };

// The model as it is trained, and what the object is made of. Starts as all zeros.
typedef struct learner_job {
    model *model;
    arena memory;
    machine machine;
    learner_parts parts;
} learner_job;

// Makes what |used|, the model as it is used, lacks for learning. The weights are those of --weights, or first ones.
rnnc_status learner_create(const command_line *line, const loaded *source, compiler *c, engine *used,
                           const learner_options *o, diag_sink *d, learner_job *out_job);
void learner_destroy(learner_job *job);

#endif
