// What `rnnc train` says of its checkpoints.
#ifndef RNNC_CLI_CHECKPOINTS_H
#define RNNC_CLI_CHECKPOINTS_H

#include "cli/command.h"
#include "runtime/train/kept.h"

// The command that goes on with the training, quoted for a shell.
void print_resuming(const command_line *line, const kept_training *kept, FILE *out);

#endif
