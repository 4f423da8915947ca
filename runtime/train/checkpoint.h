// Checkpoints: a training in a file, so that it can go on with the same bits; and folders of them.
//
// A checkpoint is a safetensors file with a checksum. Its tensors are the weights under their own names, the
// optimiser's memory ("optimizer/NAME"), the states carried from batch to batch ("state/NAME") and, if the recipe
// keeps the best weights, those ("best/NAME"). Its metadata say where the training is ("training.…") and what it is
// of. In a folder it is called step-000000001234.safetensors after the steps done; other names are nobody's business.
#ifndef RNNC_RUNTIME_TRAIN_CHECKPOINT_H
#define RNNC_RUNTIME_TRAIN_CHECKPOINT_H

#include "runtime/train/record.h"
#include "runtime/train/state.h"
#include "runtime/weights_file.h"

// ---- checkpoint.c: one file ----

// What the names of tensors begin with that are no weights.
#define CHECKPOINT_OPTIMIZER "optimizer/"
#define CHECKPOINT_STATE "state/"

// The metadata that says that a file is a checkpoint, and of which form.
#define CHECKPOINT_KEY "rnnc.checkpoint"
#define CHECKPOINT_FORM "1"

typedef struct checkpoint_arrays {
    weights *weights;      // with the optimiser's memory
    weights *best;         // NULL: none are kept
    state_carrier *states; // NULL: none are carried
} checkpoint_arrays;

// Writes the arrays and what |about| says. The file appears complete or not at all.
rnnc_status checkpoint_write(const char *path, const checkpoint_arrays *arrays, const record *about,
                             diag_sink *d);

// Opens a checkpoint and looks at every byte of it. RNNC_CORRUPT: damaged; RNNC_UNSUPPORTED: of another form.
// |path| is borrowed.
rnnc_status checkpoint_read(const char *path, diag_sink *d, safetensors *out_file);

// Fills the arrays from |file|. Every tensor must fit; on failure the arrays are not to be used.
rnnc_status checkpoint_restore(const safetensors *file, const checkpoint_arrays *arrays, diag_sink *d);
bool checkpoint_has_best(const safetensors *file);

// The weights in a file of any kind: of a checkpoint without what goes with them, of another file all tensors. Borrows
// from |file|; safetensors_deinit ends it.
rnnc_status checkpoint_weights(const safetensors *file, diag_sink *d, safetensors *out_weights);

// ---- checkpoint_folder.c ----

// A folder that one training writes its checkpoints to.
typedef struct checkpoint_folder {
    const char *path; // borrowed
    int descriptor;
} checkpoint_folder;

// Makes the folder if there is none, finds out whether it can be written to, and removes what killed trainings left
// half-written. An error if another training has it open.
rnnc_status checkpoint_folder_open(const char *path, diag_sink *d, checkpoint_folder *out_folder);
void checkpoint_folder_close(checkpoint_folder *f);

char *checkpoint_path(arena *memory, const char *folder, int64_t step);
// How many checkpoints lie in the folder |path|, damaged ones too; 0 if there is no such folder.
rnnc_status checkpoint_count(const char *path, diag_sink *d, uint32_t *out_count);
// Opens the newest one that is complete; a note names each newer one and says why it was passed over. Nothing in the
// folder: RNNC_OK, and |*out_found| is false. All damaged: an error. The path lies in |memory|.
rnnc_status checkpoint_newest(const char *path, arena *memory, diag_sink *d, safetensors *out_file,
                              bool *out_found);
// Removes checkpoints of step |step| and before, but for the |keep| last of them.
rnnc_status checkpoint_prune(const char *path, int64_t step, int64_t keep, diag_sink *d);

#endif
