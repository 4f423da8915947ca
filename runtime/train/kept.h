// Where a training is kept while it goes on, which checkpoint it goes on from, and whether that is of this training.
#ifndef RNNC_RUNTIME_TRAIN_KEPT_H
#define RNNC_RUNTIME_TRAIN_KEPT_H

#include "runtime/train/about.h"
#include "runtime/train/checkpoint.h"

// Where the trainer keeps a training while it goes on (runtime/train/checkpoint.h).
typedef struct training_checkpoints {
    const char *folder;  // opened by the caller; NULL: nothing is kept
    int64_t every;       // steps between checkpoints besides those at the ends of epochs; 0: only these
    int64_t keep;        // how many of the newest
    const record *about; // what a checkpoint and the best weights say of model, recipe and data
    const safetensors *resume_from; // a checkpoint to go on from, checked to be of this training; NULL: none
} training_checkpoints;

typedef struct kept_request {
    const char *folder; // NULL: that of |resume|, if there is one
    // NULL: the training begins; "": it goes on from the newest in |folder|; else a folder, or a file.
    const char *resume;
    int64_t every;   // steps between checkpoints, which need a folder; 0: none
    bool by_library; // errors name options as C does
} kept_request;

typedef struct kept_training {
    checkpoint_folder folder; // path NULL: nothing is kept
    record about;             // of files of weights, and the identity
    safetensors from;
    bool resumes; // |from| is open
    bool by_library;
    arena memory;
} kept_training;

// Opens the folder and the checkpoint to go on from. Errors: a folder that holds checkpoints of a training that is not to
// be gone on with; requests that have no folder. |kept| starts as all zeros, and is to be closed also after an error.
rnnc_status kept_open(const kept_request *request, diag_sink *d, kept_training *kept);
// Says what this training is and compares the checkpoint with it. One error names all that differs.
rnnc_status kept_identify(kept_training *kept, const training_subject *subject, diag_sink *d);
// What the trainer is told, which borrows from |kept|.
training_checkpoints kept_checkpoints(const kept_training *kept, int64_t every, int64_t keep);
void kept_close(kept_training *kept);

#endif
