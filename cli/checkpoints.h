// The checkpoints of `rnnc train`: where they lie, which one to go on from, whether it is of this training.
#ifndef RNNC_CLI_CHECKPOINTS_H
#define RNNC_CLI_CHECKPOINTS_H

#include "cli/command.h"
#include "runtime/train/trainer.h"

typedef struct kept_training {
    checkpoint_folder folder; // path NULL: nothing is kept
    record about;             // of files of weights, and the identity
    safetensors from;
    bool resumes; // |from| is open
    arena memory;
} kept_training;

// Opens the folder and, with --resume, the checkpoint to go on from. Errors: a folder that holds checkpoints of a
// training that is not to be resumed; options that have no folder to work with.
rnnc_status open_kept(const command_line *line, diag_sink *d, kept_training *out_kept);
// Says what this training is and compares the checkpoint with it. One error names all that differs.
rnnc_status identify_kept(const command_line *line, const loaded *source, const dataset *data, diag_sink *d,
                          kept_training *kept);
void close_kept(kept_training *kept);

// The command that goes on with the training, quoted for a shell.
void print_resuming(const command_line *line, const kept_training *kept, FILE *out);

// ---- identity.c ----

// Adds pairs "identity.WHAT" that are equal for two runs if they are the same training.
rnnc_status describe_training(const command_line *line, const loaded *source, const dataset *data,
                              diag_sink *d, record *about);
// One error for all pairs of |about| that |file| has otherwise.
rnnc_status check_identity(const record *about, const safetensors *file, diag_sink *d);

#endif
