// Training in an object made ahead of time: the weights lie in the caller's arena, where training steps change them and
// runs read them. Behind the part of the program that is used (ahead.h) the arena then has
//
//     the training program's part | marks | copies | learned: a head, the training program's variables
//
// What is learned is one piece: it is all that NAME_train_save keeps. A variable of the program that is used is one of
// the training program's where both have joined the same parts to it; else it is copied from these, part by part, before
// the first run after a change. Nothing here needs LLVM.
#ifndef RNNC_CODEGEN_AHEAD_TRAIN_H
#define RNNC_CODEGEN_AHEAD_TRAIN_H

#include "codegen/ahead.h"

// A part of a variable |to| of the program that is used, taken from a variable |from| of the training program.
typedef struct ahead_copy {
    uint32_t to, from;
    int32_t rows, columns;
    int32_t to_column, from_column; // the first
} ahead_copy;

// A weight as a file knows it: columns of a training variable.
typedef struct ahead_weight {
    const char *name;
    uint32_t variable;
    int32_t rows, columns, first_column;
} ahead_weight;

enum { AHEAD_COPIED = -1 };

// Everything is borrowed.
typedef struct ahead_training {
    // Of the training program; |streams| if states are carried from step to step. It has no blocks; |variables| are
    // those of |first| that are more than one number over and over, which the optimiser's memory is.
    ahead_request request;
    const void *const *first; // contents by variable before the first step
    const int32_t *source; // by variable of the other program: the training variable it is, or AHEAD_COPIED
    const ahead_copy *copies;
    uint32_t copy_count;
    const ahead_weight *weights;
    uint32_t weight_count;
    double rate; // before any schedule
} ahead_training;

// The head of what is learned.
enum {
    LEARNED_SEED = 0,      // u64
    LEARNED_STEP = 8,      // i64: steps done
    LEARNED_EPOCH = 16,    // f64, from 1
    LEARNED_PLATEAUS = 24, // f64
    LEARNED_RATE = 32,     // f64
    LEARNED_STEP_F64 = 40, // f64: the same as LEARNED_STEP
    LEARNED_IDENTITY = 48, // u64: of the weights' names and shapes
    LEARNED_HEAD = AHEAD_ALIGN,
};

// The marks, two i32s: what has not been derived from the weights since these changed.
enum { MARK_RUN = 0, MARK_TRAIN = 4 };

// Offsets in the caller's arena.
typedef struct learner_layout {
    int64_t program; // the training program's part, laid out by ahead_lay_out of its request
    int64_t marks;
    int64_t copies;
    int64_t learned, learned_bytes;
    int64_t end;
} learner_layout;

// The request whose blocks and variables are in the object of |r| or in its file of weights.
static inline const ahead_request *ahead_stored(const ahead_request *r) {
    return r->training ? &r->training->request : r;
}

// |r| has a training.
void ahead_lay_out_learner(const ahead_request *r, learner_layout *out_layout);
// Where the learner ends that begins at |from|.
int64_t ahead_learner_end(const ahead_request *r, int64_t from);
// Offsets of the variables' storage in the caller's arena.
int64_t ahead_training_variable(const ahead_training *t, const learner_layout *l, uint32_t variable);
int64_t ahead_used_variable(const ahead_request *r, const learner_layout *l, uint32_t variable);
// Where a setting that the training program reads is kept; -1: there is no such setting.
int64_t ahead_setting(const learner_layout *l, const char *name);
// The offset of weight |index|'s first element.
int64_t ahead_weight_offset(const ahead_training *t, const learner_layout *l, uint32_t index);
uint64_t ahead_identity(const ahead_training *t);

// ---- A run on several threads (driver_parallel.c) ----

// What the threads of a run share, and then what each has for itself.
enum {
    SHARE_HEAD = AHEAD_ALIGN,
    SHARE_MODE = 0, // from the begin of a thread's own part: as ahead_layout.mode
    SHARE_ARGS = AHEAD_ALIGN,
};
int64_t ahead_shares_bytes(int32_t threads, int64_t scratch_bytes);
// Bytes of a thread's own part, and where its scratch begins there.
int64_t ahead_share_bytes(int64_t scratch_bytes);
int64_t ahead_share_scratch(void);

#endif
