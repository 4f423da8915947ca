// What the files share that build.
#ifndef RNNC_AHEAD_BUILD_PARTS_H
#define RNNC_AHEAD_BUILD_PARTS_H

#include "ahead/build.h"
#include "ahead/learner_parts.h"
#include "codegen/backend.h"
#include "runtime/kernel_interpret.h"

// ---- What code is made for (target.c) ----

// Stays where it was opened: |backend| points at |interpreter|.
typedef struct build_target {
    codegen *codegen;
    kernel_backend backend; // of what runs here
    interpreter_home interpreter;
    target_facts facts;
    level_set levels; // those of one object; count 0: it is for one machine
} build_target;

// Errors: an unknown name; levels and a target that do not go together.
rnnc_status build_target_open(const build_request *r, diag_sink *d, build_target *out_target);
void build_target_close(build_target *t);
// Whether |r| is for machines like this one.
bool build_is_native(const build_request *r);

// ---- The vocabulary of a text model (text.c) ----

// Starts as all zeros.
typedef struct build_text {
    bool is_text; // the model reads tokens of a vocabulary: |tables| is filled
    ahead_text tables;
    const char *input; // that reads them
    int64_t classes;   // of that input
} build_text;

// The vocabulary of |m|'s input; finding none is no error.
rnnc_status build_text_load(const build_request *r, const model *m, diag_sink *d, build_text *out_text);
// Adds the vocabulary, if there is one, to |request|, which then borrows from |t|; |e| runs the program.
void build_text_attach(build_text *t, const engine *e, ahead_request *request);
void build_text_deinit(build_text *t);

// ---- An object that learns (learner.c) ----

// The model as it is trained, and what the object is made of. Starts as all zeros.
typedef struct learner_job {
    model *model;
    arena memory;
    machine machine;
    learner_parts parts;
} learner_job;

// Makes what |used|, the model as it is used, lacks for learning. The weights are the caller's, or first ones.
rnnc_status learner_create(const build_request *r, const build_target *t, engine *used,
                           const learner_options *o, diag_sink *d, learner_job *out_job);
void learner_destroy(learner_job *job);

// ---- What the object becomes (kind.c, finish.c) ----

// Errors: a kind that the target cannot have; no linker, with the name of the package that has one.
rnnc_status build_check_kind(const build_request *r, diag_sink *d);
static inline const char *build_linker(const build_request *r) {
    return r->cc ? r->cc : "cc";
}
// Makes of |object| what the kind says. |header| is the text of the object's header.
rnnc_status build_finish(const build_request *r, const strbuf *header, diag_sink *d, strbuf *object);

// ---- build.c ----

// Largest extents of a run; an error if that of a sequence is not known.
rnnc_status build_maxima(const build_request *r, const model *m, diag_sink *d, int64_t *out_extents);

#endif
